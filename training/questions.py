"""What a protocol is, and what it asks: data and pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ExamError
from skeleton_action_ros.evaluation.exam import Draw, Plan
from training.data import Sample

EXAM_DRAWS = 200


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
        In a closed set persons are, and a recipe that holds none back learns from all.
    :param closed: whether the actions asked are those learned, so that a classifier can answer.
    :param baselines: whether the clips have joints, so that what needs no training can answer too.
    :param folds: names of the parts that it is run in, each a protocol of its own, 'name/fold';
        then it asks nothing itself, and who learns by it learns from everybody.
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
    baselines: bool = True
    folds: tuple[str, ...] = ()
    paper: str = ''
    goal: float | None = None


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


def reference_rows(questions: Questions) -> NDArray[np.intp]:
    """Return the places of all clips that teach in some draw, rising."""
    rows: NDArray[np.intp] = np.unique(
        np.concatenate([draw.references for draw in questions.draws])
    )
    return rows
