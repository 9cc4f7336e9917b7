"""
From what similarity on a match counts: the operating curve of an embedder, and one point on it.

Some classes are taught by one clip each from one person. Other persons' clips of these should be
accepted under the right name; clips of the classes never taught, and pieces of recordings in which
no action was labelled, should be accepted under none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from skeleton_action_ros.evaluation.exam import Distances, Draw, Plan
from training.data import as_sample, data_root

Floats = NDArray[np.float32]
TAUGHT = 5
FALSE_ACCEPT = 0.06
THRESHOLDS = tuple(round(0.3 + 0.02 * step, 2) for step in range(35))


@dataclass(frozen=True)
class OperatingPoint:
    """
    What one threshold does.

    :param true_accept: share of taught actions accepted under the right name.
    :param wrong_name: share of taught actions accepted under a wrong one.
    :param false_accept: share of never taught actions accepted.
    :param false_background: share of background pieces accepted.
    """

    threshold: float
    true_accept: float
    wrong_name: float
    false_accept: float
    false_background: float


def operating_curve(
    distances: Distances,
    clips: int,
    plan: Plan,
    draws: Sequence[Draw],
    rng: np.random.Generator,
    *,
    taught: int = TAUGHT,
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[OperatingPoint]:
    """
    Measure thresholds on one set of clips, means over draws of the teacher and the taught classes.

    :param distances: 1 - similarity, from the clips that teach to all clips and then to pieces of
        background, (R, clips + pieces).
    :param clips: how many of the columns are clips.
    :param taught: number of classes taught at a time; the others are never taught.
    """
    pieces = np.arange(clips, distances.values.shape[1])
    rows = []
    for draw in draws:
        references = rng.permutation(draw.references)[:taught]
        best, name = _nearest(distances, references, draw.queries, plan)
        true = plan.label_of[draw.queries]
        known = np.isin(true, plan.label_of[references])
        noise, _ = _nearest(distances, references, pieces, plan)
        rows.append(
            [
                [
                    ((best >= threshold) & (name == true))[known].mean(),
                    ((best >= threshold) & (name != true))[known].mean(),
                    (best >= threshold)[~known].sum() / max((~known).sum(), 1),
                    (noise >= threshold).mean(),
                ]
                for threshold in thresholds
            ]
        )
    return [
        OperatingPoint(threshold, *map(float, row))
        for threshold, row in zip(thresholds, np.mean(rows, axis=0), strict=True)
    ]


def _nearest(
    distances: Distances, references: NDArray[np.intp], queries: NDArray[np.intp], plan: Plan
) -> tuple[Floats, NDArray[np.str_]]:
    """Return each query's highest similarity to a reference, and that reference's label."""
    between = distances.between(references, queries)
    return 1.0 - between.min(axis=0), plan.label_of[references[between.argmin(axis=0)]]


def mean_curve(curves: Sequence[Sequence[OperatingPoint]]) -> list[OperatingPoint]:
    """Average curves over several sets of clips, each with the same thresholds."""
    return [
        replace(
            OperatingPoint(*np.mean([astuple(point) for point in points], axis=0).tolist()),
            threshold=points[0].threshold,
        )
        for points in zip(*curves, strict=True)
    ]


def choose(curve: Sequence[OperatingPoint], allowed: float) -> OperatingPoint:
    """
    Return the lowest threshold at which false accepts, the mean of both kinds, are `allowed`.

    Where none is, the highest threshold of the curve.
    """
    for point in curve:
        if (point.false_accept + point.false_background) / 2 <= allowed:
            return point
    return curve[-1]


def background_pieces(
    recordings: Iterable[Clip], rng: np.random.Generator, *, per_recording: int = 20
) -> list[Clip]:
    """
    Cut pieces of 0.8 to 3 s out of annotated recordings, anywhere but on one action.

    A piece that lies in a labelled action by more than half, or holds more than half of one, is not
    background.
    """
    pieces = []
    for recording in recordings:
        first, last = int(recording.stamps_ns[0]), int(recording.stamps_ns[-1])
        for _ in range(per_recording):
            length = int(rng.uniform(0.8, 3.0) * NS_PER_S)
            start = int(rng.integers(first, max(last - length, first + 1)))
            end = start + length
            overlaps = [
                (min(end, span.end_ns) - max(start, span.start_ns), span.end_ns - span.start_ns)
                for span in recording.annotations
            ]
            if any(shared > 0.5 * min(length, whole) for shared, whole in overlaps):
                continue
            inside = (recording.stamps_ns >= start) & (recording.stamps_ns <= end)
            if inside.sum() >= 5:
                pieces.append(recording.between(start, end))
    return pieces


def background(rng: np.random.Generator) -> list[Clip]:
    """Return pieces of the UTKinect recordings between and across their actions."""
    recordings = [item.clip for item in DATASETS['utkinect'].read(data_root() / 'utkinect')]
    pieces = background_pieces(recordings, rng)
    made = (as_sample(piece, 'background') for piece in pieces)
    return [sample.clip for sample in made if sample is not None]
