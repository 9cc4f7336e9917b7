"""A closed-set classifier: the package's own encoder, and a head that names the actions learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from training.batches import Batch
from training.config import ClassifierRecipe, Recipe
from training.encoder import EncoderSystem
from training.model import Embedder
from training.system import Arrays, tensors

_FIRST_SCALE = 16.0


class Classifier(nn.Module):
    """An encoder, and one direction a class: the nearer an embedding lies to it, the likelier."""

    def __init__(self, embedder: Embedder, embedding: int, classes: int) -> None:
        super().__init__()
        self.embedder = embedder
        self.directions = nn.Parameter(torch.randn(classes, embedding))
        self.log_scale = nn.Parameter(torch.tensor(float(np.log(_FIRST_SCALE))))

    def named(self, embeddings: Tensor) -> Tensor:
        """Return logits (B, classes) of embeddings of unit length (B, D)."""
        directions = functional.normalize(self.directions, dim=1)
        return functional.linear(embeddings, directions) * self.log_scale.exp()

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Name prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`.
        :param mask: (B, T, 15).
        :return: logits (B, classes).
        """
        return self.named(self.embedder(joints, mask)[0])


class ClassifierSystem(EncoderSystem):
    """
    Cross-entropy beside the encoder's own loss.

    Mirror images of clips are in the batches as classes of their own; they have no name here, and
    only the encoder's loss sees them.
    """

    name: ClassVar[str] = 'classifier'
    about: ClassVar[str] = 'a closed set of actions named by the same encoder, with logits'
    kind: ClassVar[str] = 'classifier'
    recipe_type: ClassVar[type[Recipe]] = ClassifierRecipe
    recipe: ClassifierRecipe

    def network(self, classes: Sequence[str]) -> Classifier:
        embedder = Embedder(self.recipe.model, self.recipe.preprocess.frames)
        return Classifier(embedder, self.recipe.model.embedding, len(classes))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, Classifier)
        embeddings, tokens = self.forward(network.embedder, batch)
        (classes,) = tensors(network, (batch.classes,))
        logits = network.named(embeddings)
        own = classes < logits.shape[1]
        named = functional.cross_entropy(logits[own], classes[own], reduction='sum')
        return named / own.sum().clamp(min=1) + self.recipe.metric * self.loss_of(
            embeddings, tokens, batch
        )

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        assert isinstance(network, Classifier)
        return super().describe(network.embedder, inputs)

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        logits: Tensor = network(*tensors(network, inputs))
        return logits.cpu().numpy()
