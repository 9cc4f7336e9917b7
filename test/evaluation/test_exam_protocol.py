"""Who teaches and who is asked, by hand and as a property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skeleton_action_ros.core.errors import ExamError
from skeleton_action_ros.evaluation.exam import Plan, make_draws, plan_exam

#         place: 0       1       2       3       4       5       6      7
LABELS = ['wave', 'wave', 'clap', 'wave', 'clap', 'wave', 'bow', 'bow']
PEOPLE = ['ann', 'ann', 'ann', 'bob', 'bob', 'cid', 'cid', 'dan']


def drawn(plan: Plan, count: int = 80) -> dict[frozenset[int], list[int]]:
    draws = make_draws(plan, count, np.random.default_rng(0))
    return {frozenset(draw.references.tolist()): draw.queries.tolist() for draw in draws}


def test_references_are_one_persons_and_queries_everybody_elses() -> None:
    plan = plan_exam(LABELS, PEOPLE)

    assert dict(plan.teachers) == {
        'ann': ('clap', 'wave'),
        'bob': ('clap', 'wave'),
        'cid': ('bow', 'wave'),
    }
    assert plan.classes == ('bow', 'clap', 'wave')
    assert plan.notes == ('nobody shows all 3 actions: each draw has the 2 of one teacher',)
    assert drawn(plan) == {
        frozenset({0, 2}): [3, 4, 5],
        frozenset({1, 2}): [3, 4, 5],
        frozenset({3, 4}): [0, 1, 2, 5],
        frozenset({5, 6}): [0, 1, 3, 7],
    }


def test_those_who_show_the_most_teach() -> None:
    plan = plan_exam([*LABELS, 'bow'], [*PEOPLE, 'bob'])

    assert dict(plan.teachers) == {'bob': ('bow', 'clap', 'wave')}
    assert drawn(plan) == {frozenset({3, 4, 8}): [0, 1, 2, 5, 6, 7]}
    assert plan.notes == ()


def test_the_named_person_teaches_what_they_show() -> None:
    plan = plan_exam(LABELS, PEOPLE, reference_subject='cid')

    assert drawn(plan) == {frozenset({5, 6}): [0, 1, 3, 7]}
    assert plan.notes == ('clap: left out, too few clips of cid (1 wanted)',)


def test_shots_are_different_clips_of_each_action() -> None:
    labels = ['wave'] * 3 + ['clap'] * 2 + ['bow'] + ['wave', 'clap', 'bow']
    people = ['ann'] * 6 + ['bob'] * 3

    plan = plan_exam(labels, people, shots=2)

    assert drawn(plan) == {
        frozenset({0, 1, 3, 4}): [6, 7],
        frozenset({0, 2, 3, 4}): [6, 7],
        frozenset({1, 2, 3, 4}): [6, 7],
    }
    assert plan.notes == ('bow: left out, too few clips of ann (2 wanted)',)


def test_what_one_person_alone_shows_is_left_out() -> None:
    plan = plan_exam([*LABELS, 'jump'], [*PEOPLE, 'ann'])

    assert plan.notes[0] == 'jump: left out, one person alone shows it'
    assert 'jump' not in plan.classes
    assert all(8 not in places for draw in drawn(plan).items() for places in draw)


def test_half_of_the_actions_rounded_down_is_taught_with_all_their_shots() -> None:
    labels = [label for label in 'abcde' for _ in range(4)]
    people = ['ann', 'ann', 'bob', 'bob'] * 5
    halves = set()
    for draw in make_draws(plan_exam(labels, people, shots=2), 60, np.random.default_rng(0)):
        taught = [labels[place] for place in draw.references[draw.half]]
        assert sorted(taught) == sorted(2 * list(set(taught)))
        halves.add(frozenset(taught))
    assert {len(half) for half in halves} == {2}
    assert len(halves) == 10


def test_the_seed_decides() -> None:
    plan = plan_exam(LABELS, PEOPLE)

    first, again, other = (
        [draw.references.tolist() for draw in make_draws(plan, 20, np.random.default_rng(seed))]
        for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ('labels', 'people', 'message'),
    [
        (['wave', 'clap'], ['ann', 'ann'], r'got 1 person \(ann\) and 2 actions \(clap, wave\)'),
        (['wave', 'wave'], ['ann', 'bob'], r'got 2 persons \(ann, bob\) and 1 action \(wave\)'),
        (
            ['wave', 'clap', 'clap'],
            ['ann', 'bob', 'ann'],
            'nobody has 1 clip each of two actions that somebody',
        ),
    ],
)
def test_nothing_to_tell_apart_is_refused(
    labels: list[str], people: list[str], message: str
) -> None:
    with pytest.raises(ExamError, match=message):
        plan_exam(labels, people)


def test_a_reference_subject_who_is_not_there_is_refused() -> None:
    with pytest.raises(ExamError, match="no subject 'eve': there are ann, bob, cid, dan"):
        plan_exam(LABELS, PEOPLE, reference_subject='eve')


def test_a_reference_subject_with_one_action_is_refused() -> None:
    with pytest.raises(ExamError, match='dan does not have 1 clip each of two actions'):
        plan_exam(LABELS, PEOPLE, reference_subject='dan')


@given(
    clips=st.lists(
        st.tuples(st.sampled_from('abc'), st.sampled_from('PQR')), min_size=20, max_size=60
    ),
    shots=st.integers(1, 2),
    seed=st.integers(0, 5),
)
def test_no_person_is_on_both_sides_and_no_action_is_missing(
    clips: list[tuple[str, str]], shots: int, seed: int
) -> None:
    labels, people = [label for label, _ in clips], [person for _, person in clips]
    try:
        plan = plan_exam(labels, people, shots=shots)
    except ExamError:
        assume(False)
    for draw in make_draws(plan, 5, np.random.default_rng(seed)):
        teachers = {people[place] for place in draw.references}
        taught = [labels[place] for place in draw.references]
        asked = [labels[place] for place in draw.queries]
        known = {labels[place] for place in draw.references[draw.half]}
        assert len(teachers) == 1
        assert not teachers & {people[place] for place in draw.queries}
        assert all(taught.count(label) == shots for label in taught)
        assert len(set(draw.references.tolist())) == len(draw.references)
        assert set(asked) == set(taught)
        others = [at for at, clip in enumerate(clips) if clip[1] not in teachers]
        assert draw.queries.tolist() == [at for at in others if labels[at] in taught]
        assert len(known) == len(set(taught)) // 2 > 0
