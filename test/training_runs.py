"""What every system's training must stand: to be stopped, and to go on as if it had not been."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from training.config import Recipe
from training.data import Sample
from training.trainer import Trainer


def resumed_as_if_unbroken(recipe: Recipe, samples: Sequence[Sample], path: Path) -> Trainer:
    """
    Train for four steps at once, and for two and two with a checkpoint at `path` between.

    :return: the resumed run, whose weights and history are those of the unbroken one.
    """
    with Trainer(recipe, samples) as unbroken:
        _advance(unbroken, 4)
    with Trainer(recipe, samples) as first:
        _advance(first, 2)
        first.save(path)
    with Trainer(recipe, samples) as second:
        second.restore(path)
        _advance(second, 2)
    assert second.history == unbroken.history
    wanted = unbroken.average.state_dict()
    for name, value in second.average.state_dict().items():
        assert torch.equal(value, wanted[name]), name
    return second


def _advance(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.advance()
