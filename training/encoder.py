"""The package's own model as a system: `batches`, `model` and `losses` under the framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents, mirrored, prepare
from skeleton_action_ros.core.similarity import SimilarityConfig
from training.batches import Batch, Batches
from training.config import EncoderRecipe, Recipe
from training.data import Sample, make_class_table
from training.losses import ComparablePairsLoss, aligned_tokens
from training.model import Embedder
from training.system import Arrays, System, tensors


class EncoderSystem(System[EncoderRecipe]):
    """Metric learning on classes, of the embedding and of tokens aligned in time."""

    name: ClassVar[str] = 'encoder'
    about: ClassVar[str] = 'the model of this package: one encoder, trained to compare motions'
    recipe_type: ClassVar[type[Recipe]] = EncoderRecipe

    def __init__(self, recipe: EncoderRecipe) -> None:
        super().__init__(recipe)
        self._apart = ComparablePairsLoss(recipe.loss)

    def network(self, classes: Sequence[str]) -> nn.Module:
        return Embedder(self.recipe.model, self.recipe.preprocess.frames)

    def batches(self, samples: Sequence[Sample]) -> Batches:
        rng = np.random.default_rng(self.recipe.seed)
        return Batches(samples, make_class_table(samples, self.recipe.preprocess, rng), self.recipe)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        return self.loss_of(*self.forward(network, batch), batch)

    def forward(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Run a batch through an `Embedder`, in half precision where the recipe says so."""
        joints, mask = tensors(network, (batch.joints, batch.mask))
        half = self.recipe.optimizer.mixed_precision
        with torch.autocast(joints.device.type, torch.bfloat16, enabled=half):
            embeddings, tokens = network(joints, mask)
        return embeddings, tokens

    def loss_of(self, embeddings: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """Compute the loss of what the network gave for a batch."""
        classes, comparable = (
            torch.from_numpy(array).to(embeddings.device)
            for array in (batch.classes, batch.comparable)
        )
        share = self.recipe.loss.tokens
        aligned = aligned_tokens(tokens, self.recipe.similarity.band)
        whole: Tensor = self._apart(embeddings @ embeddings.T, classes, comparable)
        parts: Tensor = self._apart(aligned, classes, comparable)
        return (1.0 - share) * whole + share * parts

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        prepared = [prepare(sample.clip, self.recipe.preprocess) for sample in samples]
        joints, mask = zip(*prepared, strict=True)
        return np.stack(joints), np.stack(mask)

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        embeddings, tokens = network(*tensors(network, inputs))
        return Descriptors(embeddings.cpu().numpy(), tokens.cpu().numpy(), extents(*inputs))

    def mirrored(self, inputs: Arrays) -> Arrays:
        return mirrored(*inputs)

    def halves(self, device: torch.device) -> bool:
        """No: `forward` does so for the network alone, on processors too."""
        return False

    @property
    def preprocess(self) -> PreprocessConfig:
        return self.recipe.preprocess

    def exported(self, network: nn.Module) -> nn.Module:
        return network

    def similarity(self) -> SimilarityConfig:
        return self.recipe.similarity
