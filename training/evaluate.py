"""
One-shot accuracy: one clip of each action from one person, everybody else's clips to be named.

Every representation is measured on the same draws: embeddings, and the baselines that need no
training: nearest neighbour on raw joints, on canonical joints, and dynamic time warping on these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from dtaidistance import dtw_ndim
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip

Floats = NDArray[np.float32]
Embed = Callable[[Floats, Floats], Floats]
"""Prepared joints (B, T, 15, 3) and mask (B, T, 15) to unit-length embeddings (B, D)."""

DTW_BAND = 10


@dataclass(frozen=True)
class Draw:
    """
    One way to teach and test.

    :param references: (C,) places of the taught clips, one a class, all of one person.
    :param queries: places of all other persons' clips of these classes.
    """

    references: NDArray[np.int64]
    queries: NDArray[np.int64]


@dataclass(frozen=True)
class Accuracy:
    """Share of queries whose nearest reference has their label, over draws."""

    mean: float
    std: float
    draws: int
    classes: int
    clips: int


def make_draws(
    labels: Sequence[str], subjects: Sequence[str], count: int, rng: np.random.Generator
) -> list[Draw]:
    """
    Draw the reference person, then one clip of theirs for each class.

    Persons who show every class are drawn from; where nobody does, those who show the most, and the
    classes they lack are left out of that draw.

    :raises SkeletonActionError: fewer than two classes or two persons.
    """
    label_of, subject_of = np.array(labels), np.array(subjects)
    persons, classes = np.unique(subject_of), np.unique(label_of)
    if len(persons) < 2 or len(classes) < 2:
        raise SkeletonActionError(
            f'one-shot accuracy needs two persons and two classes at least, got {len(persons)} '
            f'and {len(classes)}'
        )
    shown = {person: set(label_of[subject_of == person]) for person in persons}
    most = max(len(set_) for set_ in shown.values())
    able = [person for person in persons if len(shown[person]) == most]
    draws = []
    for _ in range(count):
        teacher = able[rng.integers(len(able))]
        references = [
            rng.choice(np.flatnonzero((subject_of == teacher) & (label_of == label)))
            for label in sorted(shown[teacher])
        ]
        queries = np.flatnonzero(
            (subject_of != teacher) & np.isin(label_of, sorted(shown[teacher]))
        )
        draws.append(Draw(np.array(references), queries))
    return draws


def accuracy(distance: Floats, labels: Sequence[str], draws: Sequence[Draw]) -> Accuracy:
    """
    Name every query after its nearest reference.

    :param distance: (N, N) between all clips, smaller is nearer.
    """
    label_of = np.array(labels)
    shares = []
    for draw in draws:
        nearest = distance[draw.queries][:, draw.references].argmin(axis=1)
        shares.append(float((label_of[draw.references[nearest]] == label_of[draw.queries]).mean()))
    return Accuracy(
        mean=float(np.mean(shares)),
        std=float(np.std(shares)),
        draws=len(draws),
        classes=len(np.unique(label_of)),
        clips=len(label_of),
    )


def embedding_distance(embed: Embed, clips: Sequence[Clip], config: PreprocessConfig) -> Floats:
    """Return 1 - cosine similarity between the embeddings of all clips, (N, N)."""
    embeddings = embed_clips(embed, clips, config)
    return np.asarray(1.0 - embeddings @ embeddings.T, np.float32)


def embed_clips(embed: Embed, clips: Sequence[Clip], config: PreprocessConfig) -> Floats:
    """Prepare and embed clips, (N, D)."""
    prepared = [prepare(clip, config) for clip in clips]
    parts = []
    for first in range(0, len(prepared), 256):
        some = prepared[first : first + 256]
        parts.append(
            embed(np.stack([joints for joints, _ in some]), np.stack([mask for _, mask in some]))
        )
    return np.concatenate(parts)


def euclidean_distance(vectors: Floats) -> Floats:
    """Return the distances between the rows of (N, K), (N, N)."""
    square = (vectors**2).sum(axis=1)
    squared = square[:, None] + square - 2.0 * vectors @ vectors.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)), np.float32)


def raw_distance(clips: Sequence[Clip], frames: int) -> Floats:
    """Compare joints as the sensor gives them, resampled to `frames`."""
    vectors = []
    for clip in clips:
        at = np.linspace(clip.stamps_ns[0], clip.stamps_ns[-1], frames)
        flat = clip.joints_m.reshape(len(clip), -1)
        vectors.append(np.stack([np.interp(at, clip.stamps_ns, column) for column in flat.T]))
    return euclidean_distance(np.stack(vectors).reshape(len(clips), -1).astype(np.float32))


def canonical_distance(clips: Sequence[Clip], config: PreprocessConfig) -> Floats:
    """Compare prepared joints."""
    return euclidean_distance(np.stack([prepare(clip, config)[0].ravel() for clip in clips]))


def dtw_distance(clips: Sequence[Clip], config: PreprocessConfig, band: int = DTW_BAND) -> Floats:
    """Compare prepared joints by dynamic time warping within a band of frames."""
    series = [
        prepare(clip, config)[0].reshape(config.frames, -1).astype(np.float64) for clip in clips
    ]
    upper = dtw_ndim.distance_matrix_fast(series, window=band, parallel=False)
    return np.asarray(upper, np.float32)


def baselines(clips: Sequence[Clip], config: PreprocessConfig) -> dict[str, Floats]:
    """Return the distances of the three methods that need no training, by name."""
    plain = replace(config, turn=True, scale=True)
    return {
        'raw': raw_distance(clips, config.frames),
        'canonical': canonical_distance(clips, plain),
        'dtw': dtw_distance(clips, plain),
    }
