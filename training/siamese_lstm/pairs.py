"""
Batches of pairs (section II.C).

Any two sequences of a data set are a pair, in either order: a match if they are of the same action.
Far more are not, so that the ratio of matches to others is kept at 1/U for a data set of U actions.
Sequences of different data sets make no pair: whether two waves match is not known. In the loss all
data sets weigh the same, however many pairs each has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.siamese_lstm.recipe import PairsConfig
from training.siamese_lstm.sequences import Floats, Sequences


@dataclass(frozen=True)
class PairBatch:
    """
    One step's sequences and pairs.

    :param joints: (B, T, 15, 3).
    :param pairs: (P, 2) places in the batch.
    :param match: (P,) bool.
    :param counts: how many pairs are of each data set, one after another.
    """

    joints: Floats
    pairs: NDArray[np.int64]
    match: NDArray[np.bool_]
    counts: tuple[int, ...]


class PairBatches:
    """All batches of a run, by their step number; every data set has its pairs in each."""

    def __init__(self, sequences: Sequences, config: PairsConfig, seed: int) -> None:
        self._sequences = sequences
        self._config = config
        self._seed = seed
        classes, datasets = sequences.classes, sequences.datasets
        self._decks = [np.unique(classes[datasets == name]) for name in np.unique(datasets)]

    def at(self, step: int) -> PairBatch:
        """Make the batch of a step, counted from 0."""
        rng = np.random.default_rng((self._seed, step))
        classes, config = self._sequences.classes, self._config
        places, pairs, match, count = [], [], [], 0
        for deck in self._decks:
            drawn = rng.permutation(deck)[: config.classes]
            own = self._sequences.drawn(drawn, config.clips_per_class, rng)
            found, alike = make_pairs(classes[own], config.ratio or 1.0 / len(deck), rng)
            places.append(own)
            pairs.append(found + count)
            match.append(alike)
            count += len(own)
        joints, _ = self._sequences.changed(np.concatenate(places), rng)
        counts = tuple(len(own) for own in pairs)
        return PairBatch(joints, np.concatenate(pairs), np.concatenate(match), counts)

    def close(self) -> None:
        """Nothing is open."""


def make_pairs(
    classes: NDArray[np.int64], ratio: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """
    Pair sequences: as many pairs as there are, each once, with the wanted ratio of matches.

    :param classes: (B,) of the sequences.
    :param ratio: of matches to others; of whichever there are too many some are left out.
    :return: pairs (P, 2), and whether each is a match (P,).
    """
    first, second = np.nonzero(~np.eye(len(classes), dtype=np.bool_))
    match = classes[first] == classes[second]
    alike, unlike = np.flatnonzero(match), np.flatnonzero(~match)
    alike = rng.permutation(alike)[: max(round(len(unlike) * ratio), 1)]
    unlike = rng.permutation(unlike)[: max(round(len(alike) / ratio), 1)]
    kept = np.concatenate((alike, unlike))
    return np.stack((first[kept], second[kept]), axis=1), match[kept]
