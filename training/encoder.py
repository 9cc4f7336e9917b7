"""The package's own model as a system: `batches`, `model` and `losses` under the framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.preprocess import prepare
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip
from training.batches import Batch, Batches
from training.config import EncoderRecipe, Recipe
from training.data import Sample, make_class_table
from training.losses import ComparablePairsLoss, WarpingDistillation
from training.model import Embedder
from training.system import Arrays, System, tensors


class EncoderSystem(System[EncoderRecipe]):
    """Metric learning on classes, with dynamic time warping as a second teacher."""

    name: ClassVar[str] = 'encoder'
    about: ClassVar[str] = 'the model of this package: one encoder, trained to compare motions'
    recipe_type: ClassVar[type[Recipe]] = EncoderRecipe

    def __init__(self, recipe: EncoderRecipe) -> None:
        super().__init__(recipe)
        self._apart = ComparablePairsLoss(recipe.loss)
        self._kept = WarpingDistillation(recipe.loss)

    def network(self, classes: Sequence[str]) -> nn.Module:
        return Embedder(self.recipe.model)

    def batches(self, samples: Sequence[Sample]) -> Batches:
        rng = np.random.default_rng(self.recipe.seed)
        return Batches(samples, make_class_table(samples, self.recipe.preprocess, rng), self.recipe)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        joints, mask = tensors(network, (batch.joints, batch.mask))
        return self.loss_of(network(joints, mask), batch)

    def loss_of(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Compute the loss of what the network gave for a batch."""
        classes, comparable, warped = (
            torch.from_numpy(array).to(embeddings.device)
            for array in (batch.classes, batch.comparable, batch.warped)
        )
        apart: Tensor = self._apart(embeddings, classes, comparable)
        kept: Tensor = self._kept(embeddings, warped)
        return apart + self.recipe.loss.distillation * kept

    def inputs(self, clips: Sequence[Clip]) -> Arrays:
        prepared = [prepare(clip, self.recipe.preprocess) for clip in clips]
        joints, mask = zip(*prepared, strict=True)
        return np.stack(joints), np.stack(mask)

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        embeddings: Tensor = network(*tensors(network, inputs))
        return Descriptors.without_tokens(embeddings.cpu().numpy())

    def similarity(self) -> SimilarityConfig:
        return self.recipe.similarity
