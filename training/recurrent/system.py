"""The recurrent networks of the thesis under the training framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.config import Recipe
from training.data import Sample
from training.recurrent.fill_in import filled
from training.recurrent.losses import named_at_every_step
from training.recurrent.network import RecurrentNetwork
from training.recurrent.recipe import RecurrentRecipe
from training.recurrent.variants import VARIANTS
from training.system import Arrays, System, Variant, tensors

ADAM_EPSILON = 1e-4


@dataclass(frozen=True)
class SequenceBatch:
    """
    One step's sequences.

    :param joints: (B, T, 15, 3) as from `prepare`.
    :param mask: (B, T, 15).
    :param classes: (B,) class numbers.
    """

    joints: NDArray[np.float32]
    mask: NDArray[np.float32]
    classes: NDArray[np.int64]


class SequenceBatches:
    """All batches of a run, by their step number: any clips, each at most once in a batch."""

    def __init__(self, inputs: Arrays, actions: Sequence[str], recipe: RecurrentRecipe) -> None:
        self._joints, self._mask = inputs
        self._size, self._seed = recipe.batch, recipe.seed
        names = sorted(set(actions))
        self._classes = np.array([names.index(action) for action in actions], np.int64)

    def at(self, step: int) -> SequenceBatch:
        """Make the batch of a step, counted from 0."""
        rng = np.random.default_rng((self._seed, step))
        drawn = rng.permutation(len(self._classes))[: self._size]
        return SequenceBatch(self._joints[drawn], self._mask[drawn], self._classes[drawn])

    def close(self) -> None:
        """Nothing is open."""


class RecurrentSystem(System[RecurrentRecipe]):
    """Recurrent layers over poses, and a softmax."""

    kind: ClassVar[str] = 'classifier'
    name: ClassVar[str] = 'recurrent'
    about: ClassVar[str] = 'Le Roux (2017): three layers of 100 GRU over 3D poses, and a softmax'
    recipe_type: ClassVar[type[Recipe]] = RecurrentRecipe
    paper: ClassVar[str] = 'Learning action recognition from 3D poses (Le Roux, 2017)'
    variants: ClassVar[Mapping[str, Variant]] = VARIANTS

    @property
    def preprocess(self) -> PreprocessConfig:
        """Joints in metres as the camera sees them: the network places and turns them itself."""
        return PreprocessConfig(frames=self.recipe.pose.frames, turn=False, scale=False)

    def network(self, classes: Sequence[str]) -> RecurrentNetwork:
        return RecurrentNetwork(self.recipe, len(classes))

    def batches(self, samples: Sequence[Sample]) -> SequenceBatches:
        actions = [sample.action for sample in samples]
        return SequenceBatches(self.inputs(samples), actions, self.recipe)

    def loss(self, network: nn.Module, batch: SequenceBatch) -> Tensor:
        """Return the cross entropy (equation 5 or 11) and the skeleton transformer's penalty."""
        assert isinstance(network, RecurrentNetwork)
        joints, mask, classes = tensors(network, (batch.joints, batch.mask, batch.classes))
        scores = network.scores(joints, mask)
        if self.recipe.network.every_step:
            loss = named_at_every_step(scores, classes, self.recipe.network.hardest)
        else:
            loss = functional.cross_entropy(scores[:, 0], classes)
        return loss + network.stream.penalty()

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        clips, config = [sample.clip for sample in samples], self.preprocess
        if self.recipe.pose.fill_in == 'spline':
            clips = [filled(clip, config.min_confidence) for clip in clips]
        prepared = [prepare(clip, config) for clip in clips]
        return np.stack([joints for joints, _ in prepared]), np.stack(
            [mask for _, mask in prepared]
        )

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} names the actions it has learned, and compares no clips')

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        logits: Tensor = network(*tensors(network, inputs))
        return logits.float().cpu().numpy()

    def exported(self, network: nn.Module) -> nn.Module:
        """Return the network as it is; gaps are bridged by `prepare` where the robot feeds it."""
        return network

    def halves(self, device: torch.device) -> bool:
        """Compute in float32: the network is small, and bfloat16 knows metres to a centimetre."""
        return False

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """
        Make Adam, with the L2 regularisation in its gradients.

        At step t the moments are divided by 1 - beta^t, as Kingma and Ba do; equation 6 as printed
        divides by 1 - beta. The update is equation 7.
        """
        config = self.recipe.optimizer
        return torch.optim.Adam(
            network.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.999),
            eps=ADAM_EPSILON,
            weight_decay=config.weight_decay,
        )
