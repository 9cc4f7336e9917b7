"""Checkpoints read back: what was trained, on what, and the weights that were best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError
from training.config import Recipe, completed
from training.files import written_whole
from training.ranges import is_config, types_of
from training.recipes import SYSTEMS, make_system
from training.settings import COMPARISON, differences, told
from training.system import System, load_weights

T = TypeVar('T')

_PARTS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(('recipe', 'tried', 'best_weights', 'model', 'average', 'optimizer'), dict),
    **dict.fromkeys(('classes', 'history'), list),
    **dict.fromkeys(('data', 'commit'), str),
    **dict.fromkeys(('step', 'stale'), int),
    **dict.fromkeys(('best', 'seconds'), (float, int)),
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
    :param stale: measurements since then, without a better one.
    :param minutes: how long training took.
    :param processes: that trained it together, by `torchrun`; 1 in checkpoints that do not say.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    step: int
    best: float
    stale: int
    tried: dict[str, float]
    minutes: float
    commit: str
    data: str
    weights: dict[str, Tensor]
    processes: int = 1

    @property
    def finished(self) -> bool:
        """Whether training has come to its end."""
        config = self.recipe.optimizer
        return self.step >= config.steps or self.stale >= config.patience

    @property
    def progress(self) -> str:
        """How far training has come, in words."""
        return f'step {self.step} of {self.recipe.optimizer.steps}'

    def compared_as(self, recipe: Recipe) -> Checkpoint:
        """
        Return the same weights, to be compared as another recipe says.

        :param recipe: its learning rate may be the one that training would choose.
        :raises SkeletonActionError: more differs than the name and `settings.COMPARISON`.
        """
        if recipe.optimizer.rates:
            rate = self.recipe.optimizer.learning_rate
            recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=rate))
        found = differences(asdict(self.recipe), asdict(recipe))
        differing = {
            name: both
            for name, both in found.items()
            if name.partition('.')[0] not in ('name', *COMPARISON)
        }
        if differing:
            raise SkeletonActionError(
                f'the checkpoint of {self.recipe.name} is of another recipe: {told(differing)}; '
                f'after training only {" and ".join(COMPARISON)} can be changed'
            )
        return replace(self, recipe=recipe)

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
            raise SkeletonActionError(
                f'the checkpoint of {self.recipe.name} has other weights than its recipe with '
                f'{len(self.classes)} actions: {_reason(error)}'
            ) from None
        return model.eval()


def read_state(path: Path) -> dict[str, Any]:
    """
    Read a checkpoint file.

    :raises SkeletonActionError: it is missing or no checkpoint.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SkeletonActionError(f'{path} cannot be read: {error.strerror}') from None
    try:
        state = torch.load(BytesIO(content), map_location='cpu', weights_only=True)
    except Exception:  # noqa: BLE001 (of bytes that are anything, torch and pickle raise anything)
        raise SkeletonActionError(
            f'{path} is no checkpoint of training.train, or is cut short: {len(content)} bytes '
            f'that begin with {content[:8]!r}'
        ) from None
    lacking = sorted(_PARTS.keys() - state.keys()) if isinstance(state, dict) else ['everything']
    if lacking:
        raise SkeletonActionError(
            f'{path} is no checkpoint of training.train: it lacks {", ".join(lacking)}'
        )
    for name, kind in _PARTS.items():
        if not isinstance(state[name], kind):
            wanted = kind if isinstance(kind, type) else kind[0]
            raise SkeletonActionError(
                f'{path} is no checkpoint of training.train: expected {name} to be '
                f'{wanted.__name__}, got {type(state[name]).__name__}'
            )
    classes, weights = state['classes'], state['best_weights'].values()
    processes = state.get('processes', 1)
    if type(processes) is not int:
        raise SkeletonActionError(
            f'{path} is no checkpoint of training.train: expected processes to be int, got '
            f'{processes!r}'
        )
    if not all(isinstance(one, str) for one in classes):
        raise SkeletonActionError(f'{path} has classes without names: got {classes!r}')
    if not all(isinstance(one, Tensor) for one in weights):
        raise SkeletonActionError(f'{path} has best_weights that are no tensors')
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
    if not isinstance(name, str) or name not in SYSTEMS:
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
    except ConfigError as error:
        raise SkeletonActionError(f'{path} has a recipe that is none: {error}') from None
    return Checkpoint(
        recipe=recipe,
        classes=tuple(state['classes']),
        step=state['step'],
        best=state['best'],
        stale=state['stale'],
        tried=state['tried'],
        minutes=state['seconds'] / 60.0,
        commit=state['commit'],
        data=state['data'],
        weights=state['best_weights'],
        processes=state.get('processes', 1),
    )


def check_finished(state: Checkpoint, path: Path, by: str = '') -> None:
    """
    Refuse what has not been trained to its end.

    :param path: of the checkpoint.
    :param by: a command by which to go on, where it is known.
    :raises SkeletonActionError: training stopped before; the message says how to go on.
    """
    if not state.finished:
        raise SkeletonActionError(
            f'{path} is at {state.progress}, expected a finished run: go on by the command that '
            f'began it and --resume{by and f", such as {by}"}'
        )


def _rebuilt(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build nested configuration dataclasses from what `asdict` made of them."""
    arguments = {}
    for name, expected in types_of(kind).items():
        value = values[name]
        nested = is_config(expected) and isinstance(value, Mapping)
        arguments[name] = _rebuilt(expected, value) if nested else value
    return kind(**arguments)


def restore_parts(
    path: Path, state: Mapping[str, Any], parts: Mapping[str, nn.Module | torch.optim.Optimizer]
) -> None:
    """
    Load the parts of a run from a checkpoint.

    :param state: what `read_state` returned.
    :param parts: by their names in it.
    :raises SkeletonActionError: one is of another network.
    """
    for name, part in parts.items():
        try:
            part.load_state_dict(state[name])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise SkeletonActionError(
                f'{path} cannot be gone on from: its {name} is not of this recipe: {_reason(error)}'
            ) from None


def _reason(error: Exception) -> str:
    """Return the line that says what is wrong; PyTorch writes a heading above it."""
    text = str(error)
    reason = text.split('\n\t')[1:2] or [text.partition('\n')[0]]
    return f'{type(error).__name__}, {reason[0].strip()}'
