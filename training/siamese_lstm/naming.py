"""How sequences are named, by Siamese-LSTM and by its baselines alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.data import Sample
from training.siamese_lstm.recipe import SequenceRecipe
from training.siamese_lstm.sequences import sequences_of
from training.system import Arrays, System, tensors

S = TypeVar('S', bound=SequenceRecipe)


class NamingSystem(System[S]):
    """What Siamese-LSTM and its baselines have in common: sequences in, logits out."""

    kind: ClassVar[str] = 'classifier'

    @classmethod
    def settings_for(cls, datasets: Sequence[str]) -> tuple[str, ...]:
        """Return the steps for Florence alone, with nine actions, for which fewer are enough."""
        return ('optimizer.steps=250',) if tuple(datasets) == ('florence3d',) else ()

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        return sequences_of(samples, self.recipe)

    @property
    def preprocess(self) -> PreprocessConfig:
        return self.recipe.preprocess

    def exported(self, network: nn.Module) -> nn.Module:
        if not self.recipe.prepared:
            raise ConfigError('a bundle takes prepared joints, and this recipe has prepared=False')
        return network

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        logits: Tensor = network(*tensors(network, inputs))
        return logits.cpu().numpy()
