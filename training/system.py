"""
What the framework asks of a system: a batch for a step, a network, a loss, and how clips compare.

`train.Trainer` has the loop, `evaluate` the questions, `protocols` who may be learned from: a
system has what is its own. It is made anew from a recipe wherever it is needed, keeps no state of a
run, and takes the clips as they were recorded, in `common_15` and the camera's frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import NEVER, SimilarityConfig, Templates, similarities
from training.config import OptimizerConfig, Recipe
from training.data import Sample

Arrays = tuple[NDArray[Any], ...]
R = TypeVar('R', bound=Recipe)

_AT_ONCE = 256


class BatchSource(Protocol):
    """
    All batches of a run, by the number of the step.

    A batch is a function of its number, so that a resumed run is an unbroken one.
    """

    def at(self, step: int) -> Any:
        """Make the batch of a step, counted from 0."""

    def close(self) -> None:
        """Give up processes and files; called once."""


@dataclass(frozen=True)
class Variant:
    """
    A row of a paper's table: settings of a system's recipe, to be run by some protocols.

    :param about: the row's name in the table.
    :param settings: 'name=value' each, as `--set` has them.
    :param table: of the paper, such as 'Table III'.
    :param published: accuracy in percent by protocol.
    :param also: protocols to run it by for which nothing is published.
    """

    about: str
    settings: tuple[str, ...] = ()
    table: str = ''
    published: Mapping[str, float] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    @property
    def protocols(self) -> tuple[str, ...]:
        """All that it is run by."""
        return *self.published, *self.also


class System(ABC, Generic[R]):
    """
    One way to learn and to compare.

    :cvar name: what a recipe's `system` says.
    :cvar about: one sentence for the list of recipes: whose it is, and what it does.
    :cvar recipe_type: the kind of recipe that it takes.
    :cvar kind: 'embedder', or 'classifier' where `logits` is what it is about; also of a bundle.
    :cvar paper: the paper's short name, under which its table stands; '' where there is none.
    :cvar variants: rows of the paper's tables by names for the command line; '' is the recipe as it
        is.
    :cvar largest_bytes: that a bundle of it may have.
    """

    kind: ClassVar[str] = 'embedder'
    name: ClassVar[str]
    about: ClassVar[str]
    recipe_type: ClassVar[type[Recipe]]
    paper: ClassVar[str] = ''
    variants: ClassVar[Mapping[str, Variant]] = {}
    largest_bytes: ClassVar[int] = 5_000_000

    def __init__(self, recipe: R) -> None:
        self.recipe = recipe

    @classmethod
    def settings_for(cls, datasets: Sequence[str]) -> tuple[str, ...]:
        """
        Return what a recipe needs where it learns from these data sets, such as other steps.

        :return: 'name=value' each, before those of a variant. None, unless overridden.
        """
        return ()

    @abstractmethod
    def network(self, classes: Sequence[str]) -> nn.Module:
        """
        Make the network with fresh weights, drawn from torch's generator, which is seeded.

        :param classes: the actions learned from, 'data set/label', sorted.
        """

    def weights_file(self) -> Path | None:
        """
        Return the file of weights that training starts from; None where all are drawn.

        :raises ConfigError: it is not there; told before any data is read.
        """
        return None

    def begin(self, network: nn.Module) -> None:
        """
        Set the weights of a fresh network that come from `weights_file`; none, unless overridden.

        :raises SkeletonActionError: the file is not of such a network.
        """

    @abstractmethod
    def batches(self, samples: Sequence[Sample]) -> BatchSource:
        """Serve batches of the clips that may be learned from; seeded by the recipe alone."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Compute the loss of a batch; the network is training, torch's generator seeded."""

    @abstractmethod
    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        """Prepare clips for the network: arrays (N, ...) each, made once and compared often."""

    def files(self, samples: Sequence[Sample]) -> Sequence[Path]:
        """
        Return the files of clips that are learned from beside the joints, such as videos.

        They are part of the fingerprint of a run. None, unless overridden.
        """
        return ()

    @abstractmethod
    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        """
        Describe some hundred clips at most.

        :param network: in evaluation mode, without gradients.
        :param inputs: from `inputs`.
        :raises ConfigError: the system names clips and does not compare them.
        """

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        """
        Return (N, classes), for a closed set of actions, in the order of `network`'s classes.

        :raises ConfigError: the system knows no closed set.
        """
        raise ConfigError(f'{self.name} compares clips and knows no closed set of actions')

    def finish(self, network: nn.Module, samples: Sequence[Sample]) -> None:
        """
        Add what is not learned by gradient, such as references or a support vector machine.

        It is kept in buffers of the network, which may have any shape: they are saved, and read
        back as they were left. Done to the averaged weights before each measurement on validation
        clips, and after the last step; nothing, unless overridden.

        :param network: changed in place; in evaluation mode, without gradients.
        :param samples: all clips that are learned from.
        """

    @property
    def preprocess(self) -> PreprocessConfig:
        """How clips are prepared for what `exported` returns."""
        return PreprocessConfig()

    def exported(self, network: nn.Module) -> nn.Module:
        """
        Return what a bundle holds.

        :param network: in evaluation mode.
        :return: maps joints (B, T, 15, 3) and mask (B, T, 15), as from `prepare`, to logits
            (B, classes) or an embedding (B, D) of unit length, and tokens (B, K, d) where it has
            them.
        :raises ConfigError: it sees something else than prepared joints; the message says what.
        """
        raise ConfigError(
            f'a bundle takes prepared joints, and system {self.name!r} takes other inputs'
        )

    def similarity(self) -> SimilarityConfig:
        """Say how descriptors compare; by embeddings alone, unless a system says otherwise."""
        return SimilarityConfig()

    def mirrored(self, inputs: Arrays) -> Arrays | None:
        """Return inputs as a mirror would have shown them; None where a system has none such."""
        return None

    def templates(self, network: nn.Module, inputs: Arrays, labels: Sequence[str]) -> Templates:
        """
        Describe clips that teach, and their mirror images where the other side counts too.

        :param labels: one a clip; one that names a side has no mirror image.
        """
        images = self.mirrored(inputs) if self.similarity().other_side < NEVER else None
        return Templates.of(
            described(self, network, inputs),
            labels,
            None if images is None else described(self, network, images),
        )

    def distances(
        self, network: nn.Module, queries: Arrays, taught: Arrays, labels: Sequence[str]
    ) -> NDArray[np.float32]:
        """
        Return (R, Q): from clips that teach to clips that are asked about; smaller is nearer.

        A system that compares pairs of clips directly overrides this, and `describe` may refuse.

        :param queries: inputs of the Q clips.
        :param taught: inputs of the R clips.
        :param labels: (R,) of the clips that teach.
        """
        templates = self.templates(network, taught, labels)
        alike = similarities(described(self, network, queries), templates, self.similarity())
        return np.asarray(1.0 - alike.T, np.float32)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Make the optimizer; its learning rate is set before every step by `learning_rate`."""
        config = self.recipe.optimizer
        # As a group, so that a network without weights, where `finish` does all, is none refused.
        groups = [{'params': list(network.parameters())}]
        return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)

    def may_be_best(self, step: int) -> bool:
        """
        Say whether the weights after a step may be kept, and count for early stopping.

        Where nothing is held out to select on, the last are kept all the same.
        """
        return True

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, before what 'plateau' takes off it."""
        return scheduled(self.recipe.optimizer, step)

    def halves(self, device: torch.device) -> bool:
        """Say whether `loss` is computed in bfloat16 where PyTorch deems it safe: on a GPU."""
        return self.recipe.optimizer.mixed_precision and device.type == 'cuda'


def scheduled(config: OptimizerConfig, step: int) -> float:
    """Rise evenly over the first steps; as 'cosine', fall to nothing at the last."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(config.warm_up_steps, 1))
    if config.schedule == 'cosine':
        rate *= 0.5 * (1 + np.cos(np.pi * step / config.steps))
    return float(rate)


def decayed(config: OptimizerConfig, found: Sequence[float]) -> float:
    """
    Return what share of the learning rate 'plateau' has left.

    :param found: all measurements so far; larger is better.
    """
    share, best, stale = 1.0, -np.inf, 0
    for value in found if config.schedule == 'plateau' else ():
        stale = 0 if value > best else stale + 1
        best = max(best, value)
        if stale == config.decay_patience:
            share, stale = share * config.decay, 0
    return share


def described(system: System[Any], network: nn.Module, inputs: Arrays) -> Descriptors:
    """Describe any number of clips, some hundred at a time."""
    return Descriptors.joined(
        in_parts(inputs, lambda part: system.describe(network, part), network)
    )


def classified(system: System[Any], network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
    """Return the logits of any number of clips, some hundred at a time."""
    return np.concatenate(in_parts(inputs, lambda part: system.logits(network, part), network))


def tensors(network: nn.Module, arrays: Sequence[NDArray[Any]]) -> list[Tensor]:
    """Bring arrays to where the network is."""
    place = next(chain(network.parameters(), network.buffers()), torch.empty(0)).device
    return [torch.from_numpy(array).to(place) for array in arrays]


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load saved weights; a buffer takes the shape that `System.finish` left it with."""
    for name, buffer in list(network.named_buffers()):
        if name in weights and weights[name].shape != buffer.shape:
            owner, _, own_name = name.rpartition('.')
            setattr(network.get_submodule(owner), own_name, torch.empty_like(weights[name]))
    network.load_state_dict(weights)


T = TypeVar('T')


def in_parts(inputs: Arrays, function: Callable[[Arrays], T], network: nn.Module) -> list[T]:
    """Apply a function to some hundred clips at a time, the network evaluating; at least once."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return [
                function(tuple(array[first : first + _AT_ONCE] for array in inputs))
                for first in range(0, max(len(inputs[0]), 1), _AT_ONCE)
            ]
    finally:
        network.train(was_training)
