"""Named protocols: who may be learned from, and what is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from training.config import Recipe
from training.data import Sample, split_classes


class Split(NamedTuple):
    """Clips to learn from, and clips of other actions to select on; never what is asked about."""

    training: list[Sample]
    validation: list[Sample]


@dataclass(frozen=True)
class Protocol:
    """
    One experiment.

    :param about: one sentence.
    :param learnable: whether a clip may be learned from.
    """

    about: str
    learnable: Callable[[Sample], bool]


PROTOCOLS = {
    'everything': Protocol('Learn from every action; nothing is left to ask.', lambda _: True)
}


def split(recipe: Recipe, samples: Sequence[Sample]) -> Split:
    """Divide what a recipe's protocol lets it learn from into training and validation classes."""
    allowed = [sample for sample in samples if PROTOCOLS[recipe.protocol].learnable(sample)]
    return Split(*split_classes(allowed, recipe.data.validation_stride))
