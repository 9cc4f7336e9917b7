"""
What a trained system is worth: `python -m training.evaluate CHECKPOINT`, by its protocol.

The baselines that need no training answer the same questions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import (
    BASELINES,
    CANONICAL,
    RAW,
    Distances,
    Figures,
    Item,
    Material,
    baseline_distances,
    make_draws,
    measure,
    plan_exam,
    prepare_items,
)
from training.alterations import ALTERATIONS
from training.calibrate import background, operating_curve
from training.checkpoints import Checkpoint, load_checkpoint
from training.command import one_line
from training.data import Sample, as_sample, load_samples
from training.protocols import protocol_named
from training.questions import Questions, reference_rows
from training.settings import set_by_user
from training.system import Arrays, System, classified

MAIN = ''
"""The question that a protocol is named after; others to the same model have names."""

DistancesFrom = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""Places of R clips -> distances (R, N) from them to all."""


@dataclass(frozen=True)
class Exercise:
    """
    A protocol's questions, and the clips that they are about.

    :param samples: in the order of the questions' places.
    :param material: of the same clips, for the baselines; None where they have no joints.
    :param questions: by their names.
    :param closed: whether the actions asked are those learned.
    """

    samples: list[Sample]
    material: Material | None
    questions: Mapping[str, Questions]
    closed: bool

    @property
    def query_counts(self) -> dict[str, int]:
        """How many clips of each action are asked about in the first draw."""
        queries = self.questions[MAIN].draws[0].queries
        return dict(sorted(Counter(self.samples[place].clip.label for place in queries).items()))

    @property
    def taught(self) -> set[str]:
        """The actions that are asked about, 'data set/label'."""
        rows = (reference_rows(questions) for questions in self.questions.values())
        return {self.samples[row].action for own in rows for row in own}

    @property
    def unseen(self) -> bool:
        """Whether they are an exam on a data set not learned from."""
        return not self.closed and not self.questions[MAIN].fixed


def exercise(protocol: str) -> Exercise:
    """
    Load what a protocol asks about.

    :raises SkeletonActionError: it asks nothing, the data is missing, or lacks a reference.
    """
    chosen = protocol_named(protocol)
    if chosen.folds:
        names = ', '.join(f'{protocol}/{fold}' for fold in chosen.folds)
        raise SkeletonActionError(
            f'{protocol} asks in parts, each of a model that has not learned what it asks about: '
            f'train by one of {names}'
        )
    if chosen.ask is None:
        raise SkeletonActionError(f'{protocol} asks nothing: {chosen.about}')
    samples = load_samples([chosen.asked_on])
    material = None
    if chosen.baselines:
        items = (Item(str(place), sample.clip) for place, sample in enumerate(samples))
        material = prepare_items(items, [RAW, CANONICAL])
        samples = [samples[int(source)] for source in material.sources]
    asks = {MAIN: chosen.ask, **chosen.also}
    questions = {name: ask(samples, np.random.default_rng(0)) for name, ask in asks.items()}
    return Exercise(samples, material, questions, chosen.closed)


def figures_of(distances: Distances, questions: Questions) -> dict[str, Any]:
    """Answer questions by distances; the keys are those of `skeleton-action exam`."""
    found = measure(distances, questions.plan, questions.draws)
    return {**found.to_json(), 'draws': 1 if questions.fixed else len(questions.draws)}


def baseline_figures(asked: Exercise) -> dict[str, dict[str, Any]]:
    """Return the figures of `BASELINES` by question and name; none where there are no joints."""
    out: dict[str, dict[str, Any]] = {question: {} for question in asked.questions}
    if asked.material is None:
        return out
    for question, questions in asked.questions.items():
        rows = reference_rows(questions)
        found = baseline_distances(asked.material, rows, lambda count: None)
        out[question] = {name: figures_of(found[name], questions) for name in BASELINES}
    return out


class Comparison:
    """
    A system, and the clips that a protocol asks about.

    :param classes: the actions learned, 'data set/label', in the order of its logits.
    :raises SkeletonActionError: it is asked to name what it has not learned.
    """

    def __init__(
        self, system: System[Any], network: nn.Module, classes: Sequence[str], asked: Exercise
    ) -> None:
        self._system = system
        self._network = network
        self._classes = list(classes)
        self._samples = asked.samples
        every = [reference_rows(questions) for questions in asked.questions.values()]
        self._rows = np.asarray(np.unique(np.concatenate(every)), np.intp)
        self._names = asked.closed and system.kind == 'classifier'
        lacking = sorted({asked.samples[row].action for row in self._rows} - set(classes))
        if self._names and lacking:
            raise SkeletonActionError(
                f'{system.recipe.name} is asked to name {lacking[0]}, expected one of the '
                f'{len(classes)} actions that it has learned, such as {classes[0]}'
            )
        # Who names needs to see what is asked about only.
        queries = [draw.queries for one in asked.questions.values() for draw in one.draws]
        every_place = np.arange(len(asked.samples))
        self._places = np.unique(np.concatenate(queries)) if self._names else every_place
        self._inputs = system.inputs([asked.samples[place] for place in self._places])

    def to_all(self) -> Distances:
        """
        Return the distances from all clips that teach in some question to all clips.

        Those to clips that are not asked about are 0 where the system names clips.
        """
        found = self._to(self._inputs)
        if not self._names:
            return found
        values = np.zeros((len(self._rows), len(self._samples)), np.float32)
        values[:, self._places] = found.values
        return Distances(self._rows, values)

    def to_others(self, samples: Sequence[Sample]) -> Distances:
        """Return the distances from all clips that teach in some question to other clips."""
        return self._to(self._system.inputs(samples))

    def _to(self, queries: Arrays) -> Distances:
        if self._names:
            # As near to a clip as its action is likely: the nearest clip is of the likeliest one.
            columns = [self._classes.index(self._samples[row].action) for row in self._rows]
            logits = classified(self._system, self._network, queries)
            return Distances(self._rows, improbabilities(logits)[:, columns].T)
        taught = tuple(array[self._rows] for array in self._inputs)
        labels = [self._samples[row].clip.label for row in self._rows]
        values = self._system.distances(self._network, queries, taught, labels)
        return Distances(self._rows, values)


def improbabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return minus the logarithm of each class's probability, (N, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(total - shifted, np.float32)


def operating_points(
    comparison: Comparison, distances: Distances, questions: Questions
) -> list[dict[str, float]]:
    """Return what thresholds do on actions not learned from, and on stretches of no action."""
    pieces = background(np.random.default_rng(0))
    noise = comparison.to_others([Sample(clip, 'background') for clip in pieces])
    curve = operating_curve(
        Distances(distances.rows, np.concatenate((distances.values, noise.values), axis=1)),
        distances.values.shape[1],
        questions.plan,
        questions.draws,
        np.random.default_rng(0),
    )
    return [asdict(point) for point in curve]


def altered_accuracy(comparison: Comparison, asked: Exercise) -> dict[str, float]:
    """Return the accuracy on queries that are seen worse than the references are, by how."""
    out = {}
    for name, alter in ALTERATIONS.items():
        rng = np.random.default_rng(0)
        changed = [
            replace(one, clip=_or_itself(alter(one.clip, rng), one.clip)) for one in asked.samples
        ]
        found = figures_of(comparison.to_others(changed), asked.questions[MAIN])
        out[name] = found['accuracy_mean']
    return out


def _or_itself(changed: Clip, clip: Clip) -> Clip:
    """Return a changed clip; the clip itself where it can no longer be placed."""
    return clip if as_sample(changed, '') is None else changed


def evaluated(state: Checkpoint, asked: Exercise, *, device: str = 'cpu') -> dict[str, Any]:
    """
    Measure a checkpoint by its protocol.

    :return: the figures of the protocol's question, of the others under 'also', and, of an exam on
        a data set not learned from, the accuracy on 'altered' queries and the 'operating_curve'.
    """
    system = state.system()
    comparison = Comparison(system, state.model().to(device), state.classes, asked)
    distances = comparison.to_all()
    figures = {
        question: figures_of(distances, questions)
        for question, questions in asked.questions.items()
    }
    out: dict[str, Any] = figures.pop(MAIN)
    if figures:
        out['also'] = figures
    if asked.unseen and system.kind == 'embedder':
        out['altered'] = altered_accuracy(comparison, asked)
        out['operating_curve'] = operating_points(comparison, distances, asked.questions[MAIN])
    return out


def check_askable(system: System[Any], asked: Exercise) -> frozenset[str]:
    """
    Find out before training whether a system could answer.

    :return: the actions that it must learn to name; none where it compares clips.
    :raises ConfigError: it compares no clips, and the actions asked are others than those learned.
    """
    if system.kind != 'classifier':
        return frozenset()
    if asked.closed:
        return frozenset(asked.taught)
    one = asked.samples[:1]
    inputs = system.inputs(one)
    network = system.network(sorted(asked.taught)).eval()
    system.distances(network, inputs, inputs, [sample.clip.label for sample in one])
    return frozenset()


def examined(
    distances_from: DistancesFrom,
    labels: Sequence[str],
    subjects: Sequence[str],
    *,
    draws: int,
    seed: int,
) -> Figures:
    """
    Examine a way to compare clips.

    :param labels: (N) of each clip.
    :param subjects: (N) of each clip.
    :raises ExamError: fewer than two persons or actions.
    """
    plan = plan_exam(labels, subjects)
    drawn = make_draws(plan, draws, np.random.default_rng(seed))
    rows = np.unique(np.concatenate([draw.references for draw in drawn]))
    return measure(Distances(rows, distances_from(rows)), plan, drawn)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one checkpoint, and the baselines, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog='python -m training.evaluate', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='compare in another way than was trained for, such as similarity.tokens=0.5',
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with one_line(parser):
        state = load_checkpoint(options.checkpoint)
        state = state.compared_as(set_by_user(state.recipe, options.set))
        asked = exercise(state.recipe.protocol)
        if not state.finished:
            told = f'{options.checkpoint} is at {state.progress}: training has not ended'
            print(f'{parser.prog}: {told}', file=sys.stderr)
        found = evaluated(state, asked)
        found['baselines'] = baseline_figures(asked)[MAIN]
        found |= {'step': state.step, 'finished': state.finished}
        print(json.dumps(found, indent=1))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
