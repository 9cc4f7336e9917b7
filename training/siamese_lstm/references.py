"""
What the classification module learns from: which sequences are compared with, and their matches.

It is for training only: who is asked about is compared with the references, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.data import Sample


def reference_places(
    samples: Sequence[Sample], most: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """
    Choose references: in turn from every action, and of an action in turn from every person.

    Which of a person's sequences, and who comes first, is drawn.

    :param samples: N; `clip.subject` says who it is, and where it says nothing all are one person.
    :param most: how many in all.
    :return: at most so many places, rising; all where there are no more.
    """
    actions = [sample.action for sample in samples]
    persons = [(sample.action, sample.clip.subject) for sample in samples]
    drawn = rng.permutation(len(samples)).tolist()
    return np.sort(np.array(_in_turn(_in_turn(drawn, persons), actions)[:most], np.intp))


def without_itself(
    matches: NDArray[np.float32], places: NDArray[np.intp], classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """
    Put something in the place of a sequence's match with itself, which nobody asked about has.

    It is what is expected of one more reference of its class: the mean of its matches with the
    other ones. Where there is no other, the match with itself stays.

    :param matches: (N, K, 2), V of every training sequence with every reference.
    :param places: (K,) which of the N the references are.
    :param classes: (N,).
    """
    out, of = matches.copy(), classes[places]
    for column, row in enumerate(places):
        others = of == classes[row]
        others[column] = False
        if others.any():
            out[row, column] = matches[row, others].mean(axis=0)
    return out


def _in_turn(places: Iterable[int], groups: Sequence[Hashable]) -> list[int]:
    """Reorder places: the first of every group, then the second of every group, and so on."""
    seen: Counter[Hashable] = Counter()
    turn = {}
    for place in places:
        turn[place] = seen[groups[place]]
        seen[groups[place]] += 1
    return sorted(turn, key=turn.__getitem__)
