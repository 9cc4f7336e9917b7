"""
Batches: step number in, arrays out, so that a resumed run sees what an unbroken one would have.

Making a view of a clip (`augment`, then `prepare`) is slow; turning and shifting one is not. So a
pool of views is made now and then, in another process, and every batch draws from it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from dtaidistance import dtw_ndim
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip
from training.augment import augment, jitter, mirror
from training.config import AugmentConfig, EncoderRecipe
from training.data import ClassTable, Sample
from training.workers import end_with_parent

Floats = NDArray[np.float32]
_TRUNK = [Common15.NECK, Common15.TORSO]


@dataclass(frozen=True)
class Batch:
    """
    One step's clips.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15).
    :param classes: (B,) class numbers, as in `ClassTable`.
    :param comparable: (B, B) bool: whether two clips of different classes are different actions.
    :param warped: (B, B) dynamic time warping distance between the clips as they were before they
        were changed, in units of its median; infinite between clips of different sensors, which
        place hips and scale differently.
    """

    joints: Floats
    mask: Floats
    classes: NDArray[np.int64]
    comparable: NDArray[np.bool_]
    warped: Floats


@dataclass(frozen=True)
class Views:
    """Prepared versions of each clip: joints (N, V, T, 15, 3), mask (N, V, T, 15)."""

    joints: Floats
    mask: Floats


def make_views(
    clips: Sequence[Clip],
    config: AugmentConfig,
    preprocess: PreprocessConfig,
    views: int,
    seed: tuple[int, ...],
) -> Views:
    """Augment and prepare every clip `views` times; the first view is the clip as it is."""
    rng = np.random.default_rng(seed)
    shape = (len(clips), views, preprocess.frames, 15)
    joints, mask = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    for index, clip in enumerate(clips):
        for view in range(views):
            changed = augment(clip, config, rng) if view else clip
            try:
                joints[index, view], mask[index, view] = prepare(changed, preprocess)
            except BadClipError:
                joints[index, view], mask[index, view] = prepare(clip, preprocess)
    return Views(joints, mask)


def warped_distance(joints: Sequence[Floats]) -> Floats:
    """
    Return the dynamic time warping distance between prepared clips, in units of its median.

    Every second frame is enough to say who is near whom. Neck and torso say little, and would set
    apart the sensors that lack them.

    :param joints: B arrays (T, 15, 3).
    """
    series = [
        np.delete(one[::2], _TRUNK, axis=1).reshape(len(one[::2]), -1).astype(np.float64)
        for one in joints
    ]
    band = max(2, len(series[0]) // 3)
    distance = dtw_ndim.distance_matrix_fast(series, window=band, parallel=False)
    return np.asarray(distance / np.median(distance), np.float32)


class Batches:
    """
    All batches of a run, by their step number; close it, or use it with `with`.

    :param samples: in the order of `table.action_of`.
    """

    def __init__(self, samples: Sequence[Sample], table: ClassTable, recipe: EncoderRecipe) -> None:
        self._clips = [sample.clip for sample in samples]
        self._sensors = np.array([sample.sensor for sample in samples])
        self._table = table
        self._recipe = recipe
        self._members = [
            np.flatnonzero(table.action_of == action) for action in range(len(table.actions))
        ]
        self._comparable = table.comparable(across=recipe.batch.across)
        self._pool = ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn'), initializer=end_with_parent
        )
        self._coming: dict[int, Future[Views]] = {}
        self._round = -1
        self._views: Views

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the other process."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def at(self, step: int) -> Batch:
        """Make the batch of a step, counted from 0."""
        self._go_to(step // self._recipe.batch.view_steps)
        rng = np.random.default_rng((self._recipe.seed, 1, step))
        config = self._recipe.batch
        drawn = self._draw_classes(rng)
        members = [
            (rng.choice(self._members[number % len(self._members)]), number >= len(self._members))
            for number in drawn
            for _ in range(config.clips_per_class)
        ]
        views = rng.integers(config.views, size=len(members))
        clips = [self._clip(*member, view) for member, view in zip(members, views, strict=True)]
        mask = np.stack([one[1] for one in clips])
        classes = np.repeat(drawn, config.clips_per_class)
        sensors = self._sensors[[place for place, _ in members]]
        return Batch(
            joints=jitter(np.stack([one[0] for one in clips]), mask, self._recipe.augment, rng),
            mask=mask,
            classes=classes,
            comparable=self._comparable[classes][:, classes],
            warped=np.where(
                sensors[:, None] == sensors,
                warped_distance([self._clip(*member, 0)[0] for member in members]),
                np.float32(np.inf),
            ),
        )

    def _go_to(self, number: int) -> None:
        if number == self._round:
            return
        for due in (number, number + 1):
            if due not in self._coming:
                self._coming[due] = self._pool.submit(
                    make_views,
                    self._clips,
                    self._recipe.augment,
                    self._recipe.preprocess,
                    self._recipe.batch.views,
                    (self._recipe.seed, 0, due),
                )
        self._views = self._coming.pop(number).result()
        self._round = number

    def _draw_classes(self, rng: np.random.Generator) -> list[int]:
        """Draw different classes, the same number from each data set as far as it has them."""
        datasets = np.unique(self._table.dataset_of)
        decks = {dataset: self._deck(dataset, rng) for dataset in datasets}
        drawn: list[int] = []
        while len(drawn) < self._recipe.batch.classes and any(decks.values()):
            for dataset in rng.permutation(datasets):
                if decks[dataset] and len(drawn) < self._recipe.batch.classes:
                    drawn.append(decks[dataset].pop())
        return drawn

    def _deck(self, dataset: int, rng: np.random.Generator) -> list[int]:
        """Shuffle a data set's classes, with one of a two-sided action and its mirror image."""
        count = len(self._table.actions)
        deck: list[int] = []
        for action in np.flatnonzero(self._table.dataset_of == dataset):
            flips = (0, 1) if self._table.sided[action] else (int(rng.integers(2)),)
            deck += [int(action) + count * flip for flip in flips]
        rng.shuffle(deck)
        return deck

    def _clip(self, place: int, mirrored: bool, view: int) -> tuple[Floats, Floats]:
        """Return one view of the clip at `place`, as it is or mirrored."""
        one = self._views.joints[place, view], self._views.mask[place, view]
        return mirror(*one) if mirrored else one
