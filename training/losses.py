"""What is asked of an embedding: classes apart, by pytorch-metric-learning, and distances kept."""

from __future__ import annotations

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor, nn

from training.config import LossConfig

_NEVER = -1e4
"""A logarithm of nearly nothing that, unlike infinity, survives being subtracted from itself."""


class ComparablePairsLoss(nn.Module):
    """
    Multi-similarity loss that leaves out pairs that may or may not be the same action.

    Waving in one data set and waving in another, or a clap and its mirror image, carry different
    class numbers and must not be driven apart.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.loss = MultiSimilarityLoss(config.alpha, config.beta, config.base)
        self.miner = MultiSimilarityMiner(config.miner_epsilon)

    def forward(self, embeddings: Tensor, classes: Tensor, comparable: Tensor) -> Tensor:
        """
        Compute the loss of a batch.

        :param embeddings: (B, D), unit length.
        :param classes: (B,) class numbers.
        :param comparable: (B, B) bool, whether clips of different classes are different actions.
        """
        anchor, positive, other, negative = self.miner(embeddings, classes)
        kept = comparable[other, negative]
        pairs = (anchor, positive, other[kept], negative[kept])
        loss: Tensor = self.loss(embeddings, classes, pairs)
        return loss


class WarpingDistillation(nn.Module):
    """
    Ask that clips near one another by dynamic time warping be near one another in the embedding.

    Time warping knows nothing of the classes, so what it says also holds for actions never trained
    on. For each clip the nearness of the others, as a distribution, is matched by cross-entropy.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.teacher_temperature = config.teacher_temperature
        self.temperature = config.temperature

    def forward(self, embeddings: Tensor, warped: Tensor) -> Tensor:
        """
        Compute the Kullback-Leibler divergence from the teacher, mean over clips.

        :param embeddings: (B, D), unit length.
        :param warped: (B, B) distances in units of their median; infinite ones are left out.
        """
        left_out = torch.eye(len(warped), dtype=torch.bool) | ~torch.isfinite(warped)
        teacher = (-warped / self.teacher_temperature).masked_fill(left_out, _NEVER)
        student = (embeddings @ embeddings.T / self.temperature).masked_fill(left_out, _NEVER)
        wanted = teacher.softmax(1)
        certain = torch.special.entr(wanted).sum(1)
        apart: Tensor = -(wanted * student.log_softmax(1)).sum(1) - certain
        return apart.mean()
