"""
Named protocols: who may be learned from, and what is asked; data and pure functions.

Whatever a protocol asks about is never learned from nor selected on: validation classes are held
out of the training side. Clips of the simulated person may always be learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ConfigError, ExamError
from skeleton_action_ros.evaluation.exam import Draw, Plan, make_draws, plan_exam
from training.config import Recipe
from training.data import SIMULATED, Sample, split_classes

POOL = (
    'utd-mhad',
    'msr-action3d',
    'utkinect',
    'nw-ucla',
    'florence3d',
    'g3d-clips',
)
"""The data sets of single actions of one person, which are learned from together."""

EXAM_DRAWS = 200
NTU_NOVEL = frozenset(range(1, 121, 6))
"""A1, A7, ..., A115."""

NTU_VALIDATION = frozenset(range(2, 121, 6))
"""A2, A8, ..., A116: the classes that Skeleton-DML was developed on."""


@dataclass(frozen=True)
class Questions:
    """
    What is asked.

    :param plan: labels of all clips; places in `draws` are places in it.
    :param draws: who teaches and who is asked, each time. Where the protocol fixes the references
        they differ only in which half of the actions is taught to measure unknown rejection.
    :param fixed: whether the references are the same in all draws.
    """

    plan: Plan
    draws: tuple[Draw, ...]
    fixed: bool


Ask = Callable[[Sequence[Sample], np.random.Generator], Questions]


@dataclass(frozen=True)
class Protocol:
    """
    One experiment.

    :param about: one sentence.
    :param learnable: whether a clip may be learned from.
    :param datasets: data sets learned from, unless a recipe says otherwise.
    :param asked_on: the data set asked on; '' where nothing is asked.
    :param ask: the question, and further ones to the same model by their names.
    :param validation: which learnable clips are selected on; None: every so many-th class.
    :param closed: whether the actions asked are those learned, so that a classifier can answer.
    :param paper: where its definition is from.
    :param goal: accuracy to reach, percent.
    """

    about: str
    learnable: Callable[[Sample], bool]
    datasets: tuple[str, ...]
    asked_on: str = ''
    ask: Ask | None = None
    also: Mapping[str, Ask] = field(default_factory=dict)
    validation: Callable[[Sample], bool] | None = None
    closed: bool = False
    paper: str = ''
    goal: float | None = None


class Split(NamedTuple):
    """Clips to learn from, and clips of other actions to select on; never what is asked about."""

    training: list[Sample]
    validation: list[Sample]


def split(recipe: Recipe, samples: Sequence[Sample]) -> Split:
    """
    Divide what a recipe's protocol lets it learn from into training and validation classes.

    :raises ConfigError: there is no such protocol.
    """
    protocol = protocol_named(recipe.protocol)
    allowed = [sample for sample in samples if protocol.learnable(sample)]
    held = protocol.validation
    if held is None:
        return Split(*split_classes(allowed, recipe.data.validation_stride))
    training = [sample for sample in allowed if not held(sample)]
    return Split(training, [sample for sample in allowed if held(sample)])


def protocol_named(name: str) -> Protocol:
    """
    Look a protocol up.

    :raises ConfigError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f'no protocol {name!r}: there are {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]


def plan_of(samples: Sequence[Sample], asked: Iterable[int]) -> Plan:
    """Describe all clips, of which those at some places show the actions asked about."""
    labels = np.array([sample.clip.label for sample in samples], np.str_)
    subjects = np.array([sample.clip.subject for sample in samples], np.str_)
    classes = tuple(sorted(set(labels[list(asked)].tolist())))
    return Plan(labels, subjects, {'': classes}, 1, ())


def fixed_questions(
    samples: Sequence[Sample],
    references: Sequence[int],
    queries: Sequence[int],
    rng: np.random.Generator,
) -> Questions:
    """
    Ask once about all queries; halves of the actions are drawn for unknown rejection.

    :raises ExamError: fewer than two actions are taught, or one that is asked is not.
    """
    plan = plan_of(samples, references)
    taught = plan.label_of[list(references)]
    untaught = sorted({str(plan.label_of[place]) for place in queries} - set(plan.classes))
    if untaught:
        raise ExamError(f'no reference clip of {", ".join(untaught)}: is the data complete?')
    if len(plan.classes) < 2 or not queries:
        raise ExamError(
            f'{len(plan.classes)} actions with a reference clip, and {len(queries)} clips to ask '
            'about: is the data complete?'
        )
    draws = []
    for _ in range(EXAM_DRAWS):
        half = rng.permutation(plan.classes)[: len(plan.classes) // 2]
        draws.append(
            Draw(
                np.array(references, np.intp),
                np.array(queries, np.intp),
                np.isin(taught, half),
            )
        )
    return Questions(plan, tuple(draws), fixed=True)


def first_clips(samples: Sequence[Sample], places: Iterable[int]) -> list[int]:
    """
    Return the place of one clip an action: of its lowest-numbered person the first trial.

    That is s1_t1 where the person 1 shows the action; otherwise the first that there is.
    """
    first: dict[int, int] = {}
    for place in sorted(places, key=lambda place: _order(samples[place])):
        first.setdefault(samples[place].number, place)
    return [first[number] for number in sorted(first)]


def _order(sample: Sample) -> tuple[int, int, str]:
    return sample.person, int(sample.trial) if sample.trial.isdigit() else 0, sample.trial


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


def ask_closed(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
    """Ask about all clips of even persons; all clips of odd ones are references."""
    references = [place for place, sample in enumerate(samples) if sample.person % 2]
    queries = [place for place, sample in enumerate(samples) if sample.person % 2 == 0]
    return fixed_questions(samples, references, queries, rng)


def reference_rows(questions: Questions) -> NDArray[np.intp]:
    """Return the places of all clips that teach in some draw, rising."""
    rows: NDArray[np.intp] = np.unique(
        np.concatenate([draw.references for draw in questions.draws])
    )
    return rows


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
    return Protocol(
        f'ntu: {count} auxiliary classes are learned, A1, A7, ..., A115 are novel, with the '
        'published references',
        lambda sample: sample.number in auxiliary | NTU_VALIDATION,
        ('ntu',),
        asked_on='ntu',
        ask=ask_ntu,
        validation=lambda sample: sample.number in NTU_VALIDATION - auxiliary,
        paper='NTU RGB+D 120; Skeleton-DML, Table II',
    )


def _closed_set() -> Protocol:
    return Protocol(
        'utd-mhad: all 27 actions, learned from odd persons and asked of even ones',
        lambda sample: sample.dataset != 'utd-mhad' or sample.person % 2 == 1,
        ('utd-mhad',),
        asked_on='utd-mhad',
        ask=ask_closed,
        validation=lambda sample: False,
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
    **{
        'ntu120-one-shot' + ('' if count == 100 else f'-{count}'): _ntu(count)
        for count in (100, 80, 60, 40, 20)
    },
}
