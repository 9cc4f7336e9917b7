"""Sequences to learn from: prepared once, drawn evenly over the actions, changed a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import prepare
from training.augment import Motions, augmented
from training.data import Sample
from training.siamese_lstm.recipe import SequenceRecipe
from training.system import Arrays

Floats = NDArray[np.float32]

_FINER = 2
"""Sequences are kept at so many times the frames of the network, so that time can be stretched."""


def prepared(samples: Sequence[Sample], recipe: SequenceRecipe) -> Arrays:
    """Return joints (N, T, 15, 3) and mask (N, T, 15) of clips."""
    joints, mask = zip(
        *(prepare(sample.clip, recipe.preprocess) for sample in samples), strict=True
    )
    return np.stack(joints), np.stack(mask)


class Sequences:
    """
    Clips to learn from.

    :param samples: N clips.
    """

    def __init__(self, samples: Sequence[Sample], recipe: SequenceRecipe) -> None:
        self._recipe = recipe
        finer = replace(recipe.preprocess, frames=_FINER * recipe.preprocess.frames)
        joints, mask = zip(*(prepare(sample.clip, finer) for sample in samples), strict=True)
        durations_s = np.array([sample.clip.duration_s for sample in samples])
        self._motions = Motions(np.stack(joints), np.stack(mask), durations_s)
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
        """Return joints (B, T, 15, 3) and mask of the clips at places, changed by chance."""
        motions = self._motions.chosen(places, np.zeros(len(places), np.bool_))
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
