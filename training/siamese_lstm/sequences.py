"""Sequences: prepared once; those to learn from drawn evenly over the actions, changed a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip
from training.augment import Motions, augmented
from training.data import Sample
from training.siamese_lstm.recipe import SequenceRecipe
from training.system import Arrays

Floats = NDArray[np.float32]

_FINER = 2
"""What is changed is kept at so many times the network's frames, so that time can be stretched."""


def sequences_of(samples: Sequence[Sample], recipe: SequenceRecipe) -> Arrays:
    """Return joints (N, T, 15, 3) and mask (N, T, 15) of clips, prepared or as recorded."""
    pairs = [
        prepare(sample.clip, recipe.preprocess)
        if recipe.prepared
        else as_recorded(sample.clip, recipe.preprocess)
        for sample in samples
    ]
    joints, mask = zip(*pairs, strict=True)
    return np.stack(joints), np.stack(mask)


def as_recorded(clip: Clip, config: PreprocessConfig) -> tuple[Floats, Floats]:
    """
    Resample a clip of `common_15`, and leave it where it was seen.

    :return: joints (T, 15, 3) in metres, the camera's frame, and mask (T, 15), 1 where a joint was
        seen; between two frames both are on the straight line.
    """
    times = (clip.stamps_ns - clip.stamps_ns[0]).astype(np.float64)
    at = np.linspace(0.0, times[-1], config.frames)
    seen = clip.confidence >= config.min_confidence
    values = np.concatenate((clip.joints_m, seen[..., None]), axis=2).reshape(len(clip), -1)
    columns = [np.interp(at, times, column) for column in values.T]
    out = np.stack(columns, axis=1).reshape(config.frames, -1, 4).astype(np.float32)
    return out[..., :3], out[..., 3]


class Sequences:
    """
    Clips to learn from.

    :param samples: N clips.
    """

    def __init__(self, samples: Sequence[Sample], recipe: SequenceRecipe) -> None:
        self._recipe = recipe
        config = recipe.preprocess
        if recipe.changed:
            config = replace(config, frames=_FINER * config.frames)
        joints, mask = sequences_of(samples, replace(recipe, preprocess=config))
        durations_s = np.array([sample.clip.duration_s for sample in samples])
        self._motions = Motions(joints, mask, durations_s)
        names = sorted({sample.action for sample in samples})
        self.classes = np.array([names.index(sample.action) for sample in samples], np.int64)
        """(N,) number of each one's action, among all that are there, sorted."""

        self.datasets = np.array([sample.dataset for sample in samples])
        """(N,) where each is from."""

    def drawn(
        self, classes: NDArray[np.int64], count: int, rng: np.random.Generator
    ) -> NDArray[np.intp]:
        """Draw `count` places of each of some classes, each once where it has enough of them."""
        places = []
        for number in classes:
            members = np.flatnonzero(self.classes == number)
            places.append(rng.choice(members, count, replace=len(members) < count))
        return np.concatenate(places)

    def changed(self, places: NDArray[np.intp], rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return joints (B, T, 15, 3) and mask of clips, changed if the recipe says so."""
        motions = self._motions.chosen(places, np.zeros(len(places), np.bool_))
        if not self._recipe.changed:
            return motions.joints, motions.mask
        return augmented(motions, self._recipe.preprocess.frames, self._recipe.augment, rng)


@dataclass(frozen=True)
class ClassBatch:
    """
    One step's sequences.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15).
    :param classes: (B,) class numbers.
    """

    joints: Floats
    mask: Floats
    classes: NDArray[np.int64]


class ClassBatches:
    """All batches of a run, by their step number: as many sequences of every class."""

    def __init__(self, sequences: Sequences, clips_per_class: int, seed: int) -> None:
        self._sequences = sequences
        self._clips_per_class = clips_per_class
        self._seed = seed

    def at(self, step: int) -> ClassBatch:
        """Make the batch of a step, counted from 0."""
        rng = np.random.default_rng((self._seed, step))
        every = np.unique(self._sequences.classes)
        places = self._sequences.drawn(every, self._clips_per_class, rng)
        joints, mask = self._sequences.changed(places, rng)
        return ClassBatch(joints, mask, self._sequences.classes[places])

    def close(self) -> None:
        """Nothing is open."""
