"""What is asked of embedding and tokens: classes apart, by pytorch-metric-learning."""

from __future__ import annotations

import torch
from pytorch_metric_learning.distances import BaseDistance
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor, nn
from torch.nn import functional

from training.config import LossConfig

_NEVER = -1.0
"""Similarity to a token that is not there: as low as that of unit vectors can be."""


def aligned_tokens(tokens: Tensor, band: int) -> Tensor:
    """
    Compare token sequences with one another, as `core.similarity.aligned_tokens` does.

    :param tokens: (B, K, d), each of unit length.
    :return: (B, B).
    """
    count = tokens.shape[1]
    by_time = tokens.transpose(0, 1)
    best: Tensor | None = None
    for shift in range(-min(band, count - 1), min(band, count - 1) + 1):
        first, last = max(0, -shift), count - max(0, shift)
        alike = by_time[first:last] @ by_time[first + shift : last + shift].transpose(1, 2)
        alike = functional.pad(alike, (0, 0, 0, 0, first, count - last), value=_NEVER)
        best = alike if best is None else torch.maximum(best, alike)
    assert best is not None
    forward = best.mean(0)
    return (forward + forward.T) / 2


class ComparablePairsLoss(nn.Module):
    """
    Multi-similarity loss that leaves out pairs that may or may not be the same action.

    Waving in one data set and waving in another, or a clap and its mirror image, carry different
    class numbers and must not be driven apart.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, alike: Tensor, classes: Tensor, comparable: Tensor) -> Tensor:
        """
        Compute the loss of a batch.

        :param alike: (B, B) similarities, from -1 to 1.
        :param classes: (B,) class numbers.
        :param comparable: (B, B) bool, whether clips of different classes are different actions.
        """
        config = self.config
        given = _GivenSimilarity(alike)
        miner = MultiSimilarityMiner(config.miner_epsilon, distance=given)
        compute = MultiSimilarityLoss(config.alpha, config.beta, config.base, distance=given)
        anchor, positive, other, negative = miner(alike, classes)
        kept = comparable[other, negative]
        pairs = (anchor, positive, other[kept], negative[kept])
        loss: Tensor = compute(alike, classes, pairs)
        return loss


class _GivenSimilarity(BaseDistance):  # type: ignore[misc]
    """A similarity that is known already: what the library calls embeddings is its rows."""

    def __init__(self, alike: Tensor) -> None:
        super().__init__(is_inverted=True, normalize_embeddings=False)
        self._alike = alike

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor | None) -> Tensor:
        # The miner writes into what it is given.
        return self._alike.clone()

    def pairwise_distance(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        raise NotImplementedError('all pairs of a batch are compared at once')
