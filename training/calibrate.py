"""
From what similarity on a match counts: the operating curve of an embedder, and one point on it.

Some classes are taught by one clip each from one person. Other persons' clips of these should be
accepted under the right name; clips of the classes never taught, and pieces of recordings in which
no action was labelled, should be accepted under none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from skeleton_action_ros.evaluation.exam import make_draws, plan_exam

Floats = NDArray[np.float32]
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
    embeddings: Floats,
    labels: Sequence[str],
    subjects: Sequence[str],
    background: Floats,
    *,
    taught: int,
    draws: int,
    rng: np.random.Generator,
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[OperatingPoint]:
    """
    Measure thresholds on one set of clips, means over draws of the taught classes and the teacher.

    :param embeddings: (N, D), unit length, one a clip.
    :param background: (M, D).
    :param taught: number of classes taught at a time; the others are never taught.
    """
    label_of = np.array(labels)
    rows = []
    for draw in make_draws(plan_exam(labels, subjects), draws, rng):
        references = rng.permutation(draw.references)[:taught]
        best, name = _nearest(embeddings[draw.queries], embeddings, references, label_of)
        true = label_of[draw.queries]
        known = np.isin(true, label_of[references])
        noise, _ = _nearest(background, embeddings, references, label_of)
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
    queries: Floats, embeddings: Floats, references: NDArray[np.int64], label_of: NDArray[np.str_]
) -> tuple[Floats, NDArray[np.str_]]:
    """Return each query's highest similarity to a reference, and that reference's label."""
    similarity = queries @ embeddings[references].T
    return similarity.max(axis=1), label_of[references[similarity.argmax(axis=1)]]


def mean_curve(curves: Sequence[Sequence[OperatingPoint]]) -> list[OperatingPoint]:
    """Average curves over several sets of clips, each with the same thresholds."""
    return [
        OperatingPoint(*np.mean([astuple(point) for point in points], axis=0).tolist())
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
