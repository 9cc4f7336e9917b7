"""Checkpoints read back: what was trained, on what, and the weights that were best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar, get_type_hints

import torch
from torch import Tensor, nn

from skeleton_action_ros.core.errors import SkeletonActionError
from training.config import Recipe, completed
from training.files import written_whole
from training.recipes import SYSTEMS, make_system
from training.system import System, load_weights

T = TypeVar('T')

_PARTS = {
    *('recipe', 'classes', 'data', 'commit', 'tried', 'step', 'best', 'stale', 'seconds'),
    *('history', 'best_weights', 'model', 'average', 'optimizer'),
}
"""What `Trainer.save` writes."""


@dataclass(frozen=True)
class Checkpoint:
    """
    The part of a checkpoint that measuring and exporting need.

    :param classes: the actions learned from, 'data set/label', sorted.
    :param data: fingerprint of the clips.
    :param tried: validation accuracy by learning rate, where the recipe's was chosen among some.
    :param best: accuracy on the validation classes.
    :param minutes: how long training took.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    step: int
    best: float
    tried: dict[str, float]
    minutes: float
    commit: str
    data: str
    weights: dict[str, Tensor]

    def system(self) -> System[Any]:
        """Return what was trained, configured as it was."""
        return make_system(self.recipe)

    def model(self) -> nn.Module:
        """
        Return the network that was best on validation, in evaluation mode.

        :raises SkeletonActionError: the weights are not of this recipe and these classes.
        """
        model = self.system().network(self.classes)
        try:
            load_weights(model, self.weights)
        except RuntimeError as error:
            reason = str(error).split('\n\t')[1:2] or [str(error).partition('\n')[0]]
            raise SkeletonActionError(
                f'the checkpoint of {self.recipe.name} has other weights than its recipe with '
                f'{len(self.classes)} actions: {reason[0].strip()}'
            ) from None
        return model.eval()


def read_state(path: Path) -> dict[str, Any]:
    """
    Read a checkpoint file.

    :raises SkeletonActionError: it is missing or no checkpoint.
    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except OSError as error:
        raise SkeletonActionError(f'{path} cannot be read: {error.strerror}') from None
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise SkeletonActionError(
            f'{path} is no checkpoint: {str(error).partition(chr(10))[0] or "it is empty"}'
        ) from None
    lacking = sorted(_PARTS - state.keys()) if isinstance(state, dict) else ['everything']
    if lacking:
        raise SkeletonActionError(
            f'{path} is no checkpoint of training.train: it lacks {", ".join(lacking)}'
        )
    return dict(state)


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint file; whole or not at all."""
    with written_whole(path) as part:
        torch.save(dict(state), part)


def load_checkpoint(path: Path) -> Checkpoint:
    """
    Load a checkpoint for use.

    :raises SkeletonActionError: it is missing, no checkpoint, or of a system that is not there.
    """
    state = read_state(path)
    name = state['recipe'].get('system')
    if name not in SYSTEMS:
        raise SkeletonActionError(
            f'{path} is a checkpoint of system {name!r}, expected one of {", ".join(SYSTEMS)}'
        )
    try:
        kind = SYSTEMS[name].recipe_type
        recipe = _rebuilt(kind, completed(kind, state['recipe']))
    except KeyError as error:
        raise SkeletonActionError(
            f'{path} is a checkpoint of another version of {name}: its recipe lacks {error}'
        ) from None
    return Checkpoint(
        recipe=recipe,
        classes=tuple(state['classes']),
        step=state['step'],
        best=state['best'],
        tried=state['tried'],
        minutes=state['seconds'] / 60.0,
        commit=state['commit'],
        data=state['data'],
        weights=state['best_weights'],
    )


def _rebuilt(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build nested configuration dataclasses from what `asdict` made of them."""
    arguments = {}
    types = get_type_hints(kind)
    for item in fields(kind):  # type: ignore[arg-type]
        value, expected = values[item.name], types[item.name]
        nested = isinstance(expected, type) and is_dataclass(expected)
        arguments[item.name] = _rebuilt(expected, value) if nested else value
    return kind(**arguments)
