"""
Named protocols: who may be learned from, and what is asked; data and pure functions.

Whatever a protocol asks about is never learned from nor selected on: validation classes are held
out of the training side. Clips of the simulated person may always be learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.evaluation.exam import Draw, make_draws, plan_exam
from training.closed_sets import CLOSED_SETS, IN_FOLDS, ask_of, even, nobody, odd
from training.config import Recipe
from training.data import SIMULATED, Sample, by_dataset, can_be_asked, split_classes
from training.questions import (
    EXAM_DRAWS,
    Ask,
    Protocol,
    Questions,
    first_clips,
    fixed_questions,
    plan_of,
)

POOL = (
    'utd-mhad',
    'msr-action3d',
    'utkinect',
    'nw-ucla',
    'florence3d',
    'g3d-clips',
)
"""The data sets of single actions of one person, which are learned from together."""

NTU_NOVEL = frozenset(range(1, 121, 6))
"""A1, A7, ..., A115."""

NTU_VALIDATION = frozenset(range(2, 121, 6))
"""A2, A8, ..., A116: the classes that Skeleton-DML was developed on."""


class Split(NamedTuple):
    """
    Clips to learn from, and clips to select on; never what is asked about.

    These are of other actions, or of other persons where the set of actions is closed.
    """

    training: list[Sample]
    validation: list[Sample]


def split(recipe: Recipe, samples: Sequence[Sample]) -> Split:
    """
    Divide what a recipe's protocol lets it learn from into what is learned and what is selected on.

    Selected on is only what can be asked: what is kept back of a data set is left out where it is
    of one action alone or, of actions that are not learned, makes no exam.

    :raises ConfigError: there is no such protocol.
    """
    protocol = protocol_named(recipe.protocol)
    allowed = [sample for sample in samples if protocol.learnable(sample)]
    held = protocol.validation
    if held is None:
        return Split(*split_classes(allowed, recipe.data.validation_stride))
    if protocol.closed and not recipe.data.validation_stride:
        held = nobody
    training = [sample for sample in allowed if not held(sample)]
    kept = by_dataset(sample for sample in allowed if held(sample))
    askable = _several_actions if protocol.closed else can_be_asked
    return Split(training, [sample for own in kept.values() if askable(own) for sample in own])


def _several_actions(samples: Sequence[Sample]) -> bool:
    return len({sample.action for sample in samples}) > 1


def protocol_named(name: str) -> Protocol:
    """
    Look a protocol up, or one fold of it: 'florence3d-loao/3'.

    :raises ConfigError: there is no such protocol or fold.
    """
    whole, slash, fold = name.partition('/')
    if whole not in PROTOCOLS:
        raise ConfigError(f'no protocol {name!r}: there are {", ".join(PROTOCOLS)}')
    if not slash:
        return PROTOCOLS[whole]
    folds = IN_FOLDS.get(whole, {})
    if not fold or fold not in folds:
        there = f'folds {", ".join(PROTOCOLS[whole].folds)}' if folds else 'no folds'
        raise ConfigError(f'no protocol {name!r}: {whole} has {there}')
    return folds[fold]


def ask_novel(known: int, last: int, *, even_only: bool = False) -> Ask:
    """
    Ask about actions `known` + 1 to `last`: one reference each, all their other clips are queries.

    :param even_only: only clips of persons with even numbers are asked.
    """

    def ask(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
        novel = [place for place, one in enumerate(samples) if known < one.number <= last]
        references = first_clips(samples, novel)
        queries = [
            place
            for place in novel
            if place not in references and not (even_only and samples[place].person % 2)
        ]
        return fixed_questions(samples, references, queries, rng)

    return ask


def ask_exam(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
    """Ask as `skeleton-action exam` does: references from one person, all others are asked."""
    plan = plan_exam(
        [sample.clip.label for sample in samples], [sample.clip.subject for sample in samples]
    )
    return Questions(plan, tuple(make_draws(plan, EXAM_DRAWS, rng)), fixed=False)


def ask_across_views(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
    """Ask as an exam, with the references from one view and the queries from another."""
    places = np.arange(len(samples))
    views = np.array([sample.view for sample in samples])
    plans = {}
    for view in np.unique(views):
        own = places[views == view]
        plans[int(view)] = (
            own,
            plan_exam(
                [samples[place].clip.label for place in own],
                [samples[place].clip.subject for place in own],
            ),
        )
    plan = plan_of(samples, places)
    numbers = sorted(plans)
    draws = []
    for _ in range(EXAM_DRAWS):
        taught, asked = rng.permutation(numbers)[:2]
        own, of_view = plans[int(taught)]
        (draw,) = make_draws(of_view, 1, rng)
        references = own[draw.references]
        teacher = plan.subject_of[references[0]]
        queries = (
            (views == asked)
            & (plan.subject_of != teacher)
            & np.isin(plan.label_of, plan.label_of[references])
        )
        draws.append(Draw(references, np.flatnonzero(queries), draw.half))
    return Questions(plan, tuple(draws), fixed=False)


def ask_ntu(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
    """Ask about the novel classes of NTU RGB+D 120 by the published references."""
    novel = [place for place, sample in enumerate(samples) if sample.number in NTU_NOVEL]
    references = [place for place in novel if is_ntu_reference(samples[place])]
    chosen = set(references)
    return fixed_questions(samples, references, [p for p in novel if p not in chosen], rng)


def is_ntu_reference(sample: Sample) -> bool:
    """Say whether a clip is S001C003P008R001 (to A60) or S018C003P008R001 (from A61 on)."""
    setup = 'S001R001' if sample.number <= 60 else 'S018R001'
    return (sample.view, sample.person, sample.trial) == (3, 8, setup)


def ntu_auxiliary(count: int) -> frozenset[int]:
    """
    Return the numbers of the classes that may be learned from.

    The data set's authors define the 100, which are all but the novel ones; which of them the sets
    of 80, 60, 40 and 20 are is in no publication that we know of, nor in the code of SL-DML and
    Skeleton-DML, whose configurations name folders of images only. Here they are A3, A9, ...; then
    A4, A10, ...; A5, ...; and A6, ...: 20 classes each, spread evenly. The validation classes A2,
    A8, ... are only among the 100, which therefore leave nothing to select on.

    :param count: 20, 40, 60, 80 or 100.
    """
    remainders = {20: (3,), 40: (3, 4), 60: (3, 4, 5), 80: (3, 4, 5, 0), 100: (2, 3, 4, 5, 0)}
    return frozenset(n for n in range(1, 121) if n % 6 in remainders[count])


def _novel_actions(
    dataset: str, known: int, last: int, goal: float, *, persons: bool = False
) -> Protocol:
    """Learn from the first actions of a data set, and from all others; ask about the rest."""
    who = ', of odd persons only, asked of even ones' if persons else ''

    def learnable(sample: Sample) -> bool:
        if sample.dataset != dataset:
            return True
        return 1 <= sample.number <= known and not (persons and sample.person % 2 == 0)

    return Protocol(
        f'{dataset}: actions 1 to {known} are learned{who}; {known + 1} to {last} are novel, the '
        'first clip of person 1 teaches each',
        learnable,
        (*POOL, SIMULATED),
        asked_on=dataset,
        ask=ask_novel(known, last, even_only=persons),
        paper='SL-DML, Skeleton-DML',
        goal=goal,
    )


def _left_out(dataset: str) -> Protocol:
    """Learn from all data sets but one, and ask about every action of that."""
    return Protocol(
        f'{dataset}: every action, by an exam; learned from the other data sets',
        lambda sample: sample.dataset != dataset,
        (*(name for name in POOL if name != dataset), SIMULATED),
        asked_on=dataset,
        ask=ask_exam,
        also={'across views': ask_across_views} if dataset == 'nw-ucla' else {},
        paper='skeleton-action exam',
    )


def _ntu(count: int) -> Protocol:
    """Learn from some classes of NTU RGB+D 120, and ask about the novel ones."""
    auxiliary = ntu_auxiliary(count)
    held = NTU_VALIDATION - auxiliary
    learned = auxiliary | NTU_VALIDATION
    return Protocol(
        f'ntu: {count} auxiliary classes are learned, A1, A7, ..., A115 are novel, with the '
        'published references',
        lambda sample: sample.dataset != 'ntu' or sample.number in learned,
        ('ntu',),
        asked_on='ntu',
        ask=ask_ntu,
        validation=lambda sample: sample.dataset == 'ntu' and sample.number in held,
        paper='NTU RGB+D 120; Skeleton-DML, Table II',
    )


def _closed_set() -> Protocol:
    return Protocol(
        'utd-mhad: all 27 actions, learned from odd persons and asked of even ones',
        lambda sample: sample.dataset != 'utd-mhad' or odd(sample),
        ('utd-mhad',),
        asked_on='utd-mhad',
        ask=ask_of(even, odd),
        validation=nobody,
        closed=True,
        paper='UTD-MHAD, cross-subject',
        goal=98.0,
    )


PROTOCOLS: dict[str, Protocol] = {
    'default': Protocol(
        'every action of all data sets is learned; nothing is left to ask',
        lambda sample: True,
        (*POOL, SIMULATED),
    ),
    'utd-15': _novel_actions('utd-mhad', 15, 27, 98.0),
    'utd-11': _novel_actions('utd-mhad', 11, 27, 98.0),
    'utd-sd-15': _novel_actions('utd-mhad', 15, 27, 98.0, persons=True),
    'msr-10': _novel_actions('msr-action3d', 10, 20, 85.0),
    **{f'lodo-{dataset}': _left_out(dataset) for dataset in POOL},
    'utd-closed': _closed_set(),
    **CLOSED_SETS,
    **{
        'ntu120-one-shot' + ('' if count == 100 else f'-{count}'): _ntu(count)
        for count in (100, 80, 60, 40, 20)
    },
}
