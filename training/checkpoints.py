"""Checkpoints read back: what was trained, on what, and the weights that were best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from torch import Tensor

from skeleton_action_ros.core.errors import SkeletonActionError
from training.config import Recipe
from training.model import Embedder

T = TypeVar('T')


@dataclass(frozen=True)
class Checkpoint:
    """
    The part of a checkpoint that measuring and exporting need.

    :param data: fingerprint of the clips.
    :param best: accuracy on the validation classes.
    """

    recipe: Recipe
    step: int
    best: float
    commit: str
    data: str
    weights: dict[str, Tensor]

    def model(self) -> Embedder:
        """Return the model that was best on validation, ready to embed."""
        model = Embedder(self.recipe.model)
        model.load_state_dict(self.weights)
        return model.eval()


def read_state(path: Path) -> dict[str, Any]:
    """
    Read a checkpoint file.

    :raises SkeletonActionError: it is missing or no checkpoint.
    """
    try:
        state = torch.load(path, weights_only=True)
    except OSError as error:
        raise SkeletonActionError(f'{path} cannot be read: {error.strerror}') from None
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise SkeletonActionError(
            f'{path} is no checkpoint: {str(error).partition(chr(10))[0] or "it is empty"}'
        ) from None
    if not isinstance(state, dict) or 'recipe' not in state:
        raise SkeletonActionError(f'{path} is no checkpoint of training.train')
    return state


def load_checkpoint(path: Path) -> Checkpoint:
    """
    Load a checkpoint for use.

    :raises SkeletonActionError: it is missing or no checkpoint.
    """
    state = read_state(path)
    return Checkpoint(
        recipe=_rebuilt(Recipe, state['recipe']),
        step=state['step'],
        best=state['best'],
        commit=state['commit'],
        data=state['data'],
        weights=state['best_weights'],
    )


def _rebuilt(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build nested configuration dataclasses from what `asdict` made of them."""
    arguments = {}
    for item in fields(kind):  # type: ignore[arg-type]
        value = values[item.name]
        nested: Any = item.default_factory
        arguments[item.name] = value if nested is MISSING else _rebuilt(nested, value)
    return kind(**arguments)
