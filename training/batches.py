"""Batches: step number in, arrays out, so that a resumed run sees what an unbroken one would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import prepare
from training.augment import Motions, augmented
from training.config import EncoderRecipe
from training.data import ClassTable, Sample

Floats = NDArray[np.float32]

_FINER = 2
"""Clips are kept at this many times the frames of the model, so that time can be stretched."""


@dataclass(frozen=True)
class Batch:
    """
    One step's clips.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15).
    :param classes: (B,) class numbers, as in `ClassTable`.
    :param comparable: (B, B) bool: whether two clips of different classes are different actions.
    """

    joints: Floats
    mask: Floats
    classes: NDArray[np.int64]
    comparable: NDArray[np.bool_]


class Batches:
    """
    All batches of a run, by their step number.

    :param samples: in the order of `table.action_of`.
    """

    def __init__(self, samples: Sequence[Sample], table: ClassTable, recipe: EncoderRecipe) -> None:
        self._table = table
        self._recipe = recipe
        self._motions = prepared_motions(samples, recipe)
        subjects = np.array([sample.clip.subject for sample in samples])
        self._people = [
            [
                np.flatnonzero((table.action_of == action) & (subjects == subject))
                for subject in np.unique(subjects[table.action_of == action])
            ]
            for action in range(len(table.actions))
        ]
        self._comparable = table.comparable(across=recipe.batch.across)

    def close(self) -> None:
        """Nothing is held."""

    def at(self, step: int) -> Batch:
        """Make the batch of a step, counted from 0."""
        rng = np.random.default_rng((self._recipe.seed, step))
        count = len(self._table.actions)
        drawn = self._draw_classes(rng)
        places = [self.draw_clips(number % count, rng) for number in drawn]
        classes = np.repeat(drawn, self._recipe.batch.clips_per_class)
        motions = self._motions.chosen(np.concatenate(places), classes >= count)
        joints, mask = augmented(motions, self._recipe.preprocess.frames, self._recipe.augment, rng)
        return Batch(joints, mask, classes, self._comparable[classes][:, classes])

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

    def draw_clips(self, action: int, rng: np.random.Generator) -> list[int]:
        """Draw clips of an action, of different persons: what they share is the action."""
        people, wanted = self._people[action], self._recipe.batch.clips_per_class
        chosen = rng.permutation(len(people))[:wanted]
        more = rng.integers(len(people), size=wanted - len(chosen))
        return [int(rng.choice(people[person])) for person in (*chosen, *more)]


def prepared_motions(samples: Sequence[Sample], recipe: EncoderRecipe) -> Motions:
    """Prepare clips finer in time than the model wants them."""
    finer = replace(recipe.preprocess, frames=_FINER * recipe.preprocess.frames)
    joints, mask = zip(*(prepare(sample.clip, finer) for sample in samples), strict=True)
    durations_s = [sample.clip.duration_s for sample in samples]
    return Motions(np.stack(joints), np.stack(mask), np.array(durations_s))
