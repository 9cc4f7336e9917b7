"""From what similarity an action counts: measured, not guessed, after a single demonstration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """
    From what similarity one action counts, and what that rests on.

    A count of 0 goes with the similarity 0: there was nothing to measure.

    :param threshold: the least similarity that accepts it.
    :param model: whose similarities these are: name and hash of the bundle.
    :param method: what the threshold was made of, for people to read.
    :param base: the model's own threshold, that of all actions.
    :param altered: how many altered copies of its demonstrations were compared with these: cut at
        the ends, in other time, larger and smaller, turned, with noise.
    :param altered_similarity: nine in ten of them reach it.
    :param spliced: how many halves of its demonstrations, put together otherwise, were compared.
    :param spliced_similarity: the most similar of them.
    :param others: with how many other actions of the gallery it was compared.
    :param others_similarity: the most similar of them.
    :param background: how many pieces of everyday movement it was compared with.
    :param background_similarity: one in ten of them reaches it.
    """

    label: str
    threshold: float
    model: str
    method: str
    base: float
    altered: int = 0
    altered_similarity: float = 0.0
    spliced: int = 0
    spliced_similarity: float = 0.0
    others: int = 0
    others_similarity: float = 0.0
    background: int = 0
    background_similarity: float = 0.0
