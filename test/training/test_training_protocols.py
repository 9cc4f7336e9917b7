"""Splits by hand: nothing that is asked about is learned from, nor selected on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from training_clips import standing_clip

from skeleton_action_ros.core.errors import ConfigError, ExamError
from training import closed_sets
from training.config import DataConfig, Recipe
from training.data import Sample
from training.protocols import (
    PROTOCOLS,
    ask_across_views,
    is_ntu_reference,
    ntu_auxiliary,
    protocol_named,
    split,
)
from training.questions import EXAM_DRAWS, Questions, first_clips, reference_rows

STANDING = standing_clip(5)


def sample(
    dataset: str, number: int, person: int, trial: str = '1', view: int = 0, label: str = ''
) -> Sample:
    clip = replace(STANDING, label=label or f'action_{number:03}', subject=f's{person}')
    return Sample(clip, dataset, view=view, number=number, person=person, trial=trial)


def grid(dataset: str, actions: int, persons: int, trials: int) -> list[Sample]:
    """Every person does every action some times."""
    return [
        sample(dataset, action, person, str(trial))
        for action in range(1, actions + 1)
        for person in range(1, persons + 1)
        for trial in range(1, trials + 1)
    ]


@pytest.fixture(autouse=True)
def depth_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are depth videos of the first two trials."""
    monkeypatch.setattr(closed_sets, 'has_depth', lambda one: one.trial in {'1', '2'})


UTD = grid('utd-mhad', 27, 8, 4)
MSR = grid('msr-action3d', 20, 10, 3)


def pooled() -> list[Sample]:
    others = [
        sample(dataset, number, person, view=view)
        for dataset in ('utkinect', 'nw-ucla', 'florence3d', 'g3d-clips')
        for number in range(1, 11)
        for person in (1, 2)
        for view in (1, 2, 3)
    ]
    drawn = [sample('simulated', 0, 0, '', label=f'simulated_{k}') for k in range(10)]
    return [*UTD, *MSR, *others, *drawn]


def ask(name: str, samples: list[Sample]) -> Questions:
    asked = PROTOCOLS[name].ask
    assert asked is not None
    return asked(samples, np.random.default_rng(0))


def names(samples: list[Sample]) -> set[tuple[int, int, str]]:
    return {(one.number, one.person, one.trial) for one in samples}


def places(questions: Questions, samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return references and queries of the first draw."""
    first = questions.draws[0]
    return [samples[p] for p in first.references], [samples[p] for p in first.queries]


@pytest.mark.parametrize(('name', 'known'), [('utd-15', 15), ('utd-11', 11), ('utd-sd-15', 15)])
def test_utd_by_hand(name: str, known: int) -> None:
    references, queries = places(ask(name, UTD), UTD)

    assert names(references) == {(number, 1, '1') for number in range(known + 1, 28)}
    persons = (2, 4, 6, 8) if name == 'utd-sd-15' else range(1, 9)
    expected = {
        (number, person, str(trial))
        for number in range(known + 1, 28)
        for person in persons
        for trial in range(1, 5)
    }
    assert names(queries) == expected - names(references)


def test_msr_by_hand_with_the_first_clip_that_there_is() -> None:
    # Person 1 lacks action 13, and trial 1 of action 14: the first that there are teach.
    lost = {(13, 1, '1'), (13, 1, '2'), (13, 1, '3'), (14, 1, '1')}
    samples = [one for one in MSR if (one.number, one.person, one.trial) not in lost]

    references, queries = places(ask('msr-10', samples), samples)

    usual = {(number, 1, '1') for number in (11, 12, *range(15, 21))}
    assert names(references) == usual | {(13, 2, '1'), (14, 1, '2')}
    novel = {one for one in names(samples) if one[0] > 10}
    assert names(queries) == novel - names(references)


def test_trials_are_counted_as_numbers() -> None:
    samples = [sample('msr-action3d', 11, 1, trial) for trial in ('10', '9', '11')]

    assert first_clips(samples, range(3)) == [1]


def recipe(protocol: str, stride: int = 8) -> Recipe:
    return Recipe('any', protocol=protocol, data=DataConfig(validation_stride=stride))


@pytest.mark.parametrize('name', [name for name, one in PROTOCOLS.items() if one.ask])
def test_what_is_asked_is_neither_learned_from_nor_selected_on(name: str) -> None:
    protocol = PROTOCOLS[name]
    samples = ntu_clips() if protocol.asked_on == 'ntu' else pooled()
    own = [one for one in samples if one.dataset == protocol.asked_on]
    questions = ask(name, own)
    asked = {one.action for pair in places(questions, own) for one in pair}

    training, validation = split(recipe(name), samples)

    learned, selected = ({one.action for one in some} for some in (training, validation))
    assert learned
    if protocol.closed:
        queries = {id(one) for one in places(questions, own)[1]}
        assert queries.isdisjoint(map(id, (*training, *validation)))
        assert asked <= learned
    else:
        assert not learned & selected
        assert not learned & asked
        assert not selected & asked
    for draw in questions.draws:
        assert not set(draw.references.tolist()) & set(draw.queries.tolist())


def test_kept_clips_that_cannot_be_asked_are_neither_learned_nor_selected_on() -> None:
    # A2 and A8 are kept to select on: A2 alone asks nothing, of one person neither do both.
    learned = [sample('ntu', 3, person) for person in (1, 2)]
    alone = [sample('ntu', 2, person) for person in (1, 2)]
    one_person = [sample('ntu', number, 1) for number in (2, 8)]
    both = [sample('ntu', number, person) for number in (2, 8) for person in (1, 2)]

    for kept, selected in ((alone, []), (one_person, []), (both, both)):
        found = split(recipe('ntu120-one-shot-20'), [*learned, *kept])
        assert found.training == learned
        assert found.validation == selected


def test_numbers_of_ntu_say_nothing_about_actions_of_others() -> None:
    ntu = [sample('ntu', number, person) for number in (1, 2, 3, 8, 10) for person in (1, 2)]
    others = [sample(name, number, 1) for name in ('simulated', 'utd-mhad') for number in range(9)]

    found = split(recipe('ntu120-one-shot-20'), [*ntu, *others])

    assert found.training == [one for one in ntu if one.number == 3] + others
    assert found.validation == [one for one in ntu if one.number in (2, 8)]


def test_same_person_is_never_on_both_sides_of_the_subject_disjoint_protocols() -> None:
    for name in ('utd-sd-15', 'utd-closed'):
        _, queries = places(ask(name, UTD), UTD)
        training, validation = split(recipe(name), UTD)

        asked = {one.person for one in queries}
        assert asked == {2, 4, 6, 8}
        assert {one.person for one in (*training, *validation)} == {1, 3, 5, 7}


def test_closed_set_learns_every_action_and_keeps_none_out() -> None:
    references, queries = places(ask('utd-closed', UTD), UTD)
    training, validation = split(recipe('utd-closed'), UTD)

    assert names(references) == names(training) == {one for one in names(UTD) if one[1] % 2}
    assert names(queries) == {one for one in names(UTD) if one[1] % 2 == 0}
    assert validation == []


def test_left_out_data_set_is_left_out_whole() -> None:
    training, validation = split(recipe('lodo-msr-action3d'), pooled())

    assert 'msr-action3d' not in {one.dataset for one in (*training, *validation)}
    assert 'simulated' in {one.dataset for one in training}
    assert 'msr-action3d' not in PROTOCOLS['lodo-msr-action3d'].datasets
    assert 'utd-mhad' in PROTOCOLS['lodo-msr-action3d'].datasets


def test_exam_has_one_reference_a_class_of_one_person_in_each_draw() -> None:
    questions = ask('lodo-msr-action3d', MSR)

    assert len(questions.draws) == EXAM_DRAWS
    assert not questions.fixed
    for draw in questions.draws:
        references = [MSR[place] for place in draw.references]
        (teacher,) = {one.person for one in references}
        assert sorted(one.number for one in references) == list(range(1, 21))
        assert {MSR[place].person for place in draw.queries} == set(range(1, 11)) - {teacher}


def test_across_views_neither_person_nor_view_is_on_both_sides() -> None:
    samples = [
        sample('nw-ucla', number, person, view=view)
        for number in (1, 2, 3)
        for person in (1, 2, 3)
        for view in (1, 2, 3)
    ]

    questions = ask_across_views(samples, np.random.default_rng(0))

    pairs = set()
    for draw in questions.draws:
        references = [samples[place] for place in draw.references]
        queries = [samples[place] for place in draw.queries]
        ((person, view),) = {(one.person, one.view) for one in references}
        assert sorted(one.number for one in references) == [1, 2, 3]
        ((asked_view,),) = {tuple({one.view for one in queries})}
        assert asked_view != view
        assert len(queries) == 2 * 3
        assert person not in {one.person for one in queries}
        pairs.add((view, asked_view))
    assert len(pairs) == 6


def test_fixed_references_differ_only_in_the_half_that_is_taught() -> None:
    questions = ask('utd-15', UTD)

    assert questions.fixed
    halves = {tuple(draw.half.tolist()) for draw in questions.draws}
    assert {sum(half) for half in halves} == {6}
    assert len(halves) > 100
    assert len(reference_rows(questions)) == 12


def ntu_clips() -> list[Sample]:
    """Four persons, two cameras and both setups that published references are from."""

    def some() -> Iterator[Sample]:
        for number in range(1, 121):
            for setup in (1, 18):
                for person in (3, 8, 9, 25):
                    for camera in (1, 3):
                        trial = f'S{setup:03}R001'
                        yield sample('ntu', number, person, trial, view=camera)

    return list(some())


def test_ntu_references_are_the_published_ones() -> None:
    samples = ntu_clips()
    references, queries = places(ask('ntu120-one-shot', samples), samples)

    novel = {*range(1, 60, 6), *range(61, 120, 6)}
    assert {(one.trial, one.view, one.person, one.number) for one in references} == {
        ('S001R001' if number <= 55 else 'S018R001', 3, 8, number) for number in novel
    }
    assert {one.number for one in queries} == novel
    assert len(queries) == 20 * 16 - 20
    assert not is_ntu_reference(replace(references[0], trial='S001R002'))


@pytest.mark.parametrize('count', [20, 40, 60, 80, 100])
def test_ntu_auxiliary_classes_grow_and_keep_validation_classes_out(count: int) -> None:
    name = 'ntu120-one-shot' if count == 100 else f'ntu120-one-shot-{count}'
    samples = ntu_clips()

    training, validation = split(recipe(name), samples)

    learned = {one.number for one in training}
    assert learned == ntu_auxiliary(count)
    assert len(learned) == count
    assert not learned & set(range(1, 121, 6))
    selected = {one.number for one in validation}
    assert selected == (set() if count == 100 else set(range(2, 121, 6)))
    if count > 20:
        assert ntu_auxiliary(count - 20) < ntu_auxiliary(count)


def test_action_without_its_reference_is_named() -> None:
    samples = ntu_clips()
    lost = [one for one in samples if not (one.number == 13 and is_ntu_reference(one))]

    with pytest.raises(ExamError, match='no reference clip of action_013: is the data complete'):
        ask('ntu120-one-shot', lost)
    with pytest.raises(ExamError, match='0 actions with a reference clip, and 0 clips'):
        ask('utd-15', [one for one in UTD if one.number < 10])


def test_unknown_protocol_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no protocol 'utd-99': there are default, utd-15"):
        protocol_named('utd-99')


def test_unknown_fold_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no protocol 'kth1/6': kth1 has folds 1, 2, 3, 4, 5"):
        protocol_named('kth1/6')
    with pytest.raises(ConfigError, match='utd-15 has no folds'):
        protocol_named('utd-15/1')


def test_ntu60_is_divided_as_its_authors_and_the_thesis_divide_it() -> None:
    samples = ntu_clips()
    _, queries = places(ask('ntu60-cross-subject', samples), samples)
    training, validation = split(recipe('ntu60-cross-subject'), samples)

    assert {one.person for one in queries} == {3}
    assert {one.person for one in training} == {8, 9}
    assert {one.person for one in validation} == {25}
    assert {one.number for one in (*training, *validation, *queries)} == set(range(1, 61))
    _, queries = places(ask('ntu60-cross-view', samples), samples)
    assert {one.view for one in queries} == {1}
    everybody, nobody = split(recipe('ntu60-cross-view', stride=0), samples)
    assert {one.view for one in everybody} == {3}
    assert {one.person for one in everybody} == {3, 8, 9, 25}
    assert nobody == []


def test_other_data_sets_are_learned_whole_beside_a_closed_one() -> None:
    training, _ = split(recipe('utd-cross-subject', stride=0), pooled())

    assert {one.person for one in training if one.dataset == 'utd-mhad'} == {1, 3, 5, 7}
    assert {one.person for one in training if one.dataset == 'utkinect'} == {1, 2}
