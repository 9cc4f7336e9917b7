"""The metric loss and the classifier's loss, half and half, by pytorch-metric-learning."""

from __future__ import annotations

from pytorch_metric_learning.losses import MultiSimilarityLoss, TripletMarginLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.errors import ConfigError
from training.skeleton_dml.recipe import MetricConfig

_IMPOSSIBLE = -1e4


class JointLoss(nn.Module):
    """
    The loss of the embedding over mined pairs, and cross-entropy of the classifier.

    Mined are positive pairs less similar than the most similar negative plus epsilon, and negative
    pairs more similar than the least similar positive minus epsilon (equations 1 and 2). Over these

        L_MS = 1/K sum_i { 1/alpha log[1 + sum_P exp(-alpha (D_ik - lambda))]
                         + 1/beta  log[1 + sum_N exp( beta  (D_ik - lambda))] }      (equation 3)

    with D the cosine; or the triplet margin loss, the mean of max(d_ap - d_an + margin, 0) over the
    triplets for which it is not 0, with d the distance of embeddings of unit length.
    """

    def __init__(self, config: MetricConfig) -> None:
        super().__init__()
        losses = {
            'multi-similarity': MultiSimilarityLoss(config.alpha, config.beta, config.base),
            'triplet-margin': TripletMarginLoss(config.margin),
        }
        if config.loss not in losses:
            raise ConfigError(
                f'metric.loss must be one of {", ".join(losses)}, got {config.loss!r}'
            )
        self.metric = losses[config.loss]
        self.miner = MultiSimilarityMiner(config.miner_epsilon)
        self.share = config.classifier

    def forward(
        self, embeddings: Tensor, logits: Tensor, classes: Tensor, comparable: Tensor
    ) -> Tensor:
        """
        Compute the loss of a batch.

        :param embeddings: (B, E).
        :param logits: (B, C).
        :param classes: (B,) class numbers.
        :param comparable: (C, C) bool: whether two classes are certainly different actions. Pairs
            and logits of classes that may be the same action are left out.
        """
        anchor, positive, other, negative = self.miner(embeddings, classes)
        kept = comparable[classes[other], classes[negative]]
        pairs = (anchor, positive, other[kept], negative[kept])
        metric: Tensor = self.metric(embeddings, classes, pairs)
        possible = comparable[classes].scatter(1, classes[:, None], True)
        named = functional.cross_entropy(logits.masked_fill(~possible, _IMPOSSIBLE), classes)
        return (1.0 - self.share) * metric + self.share * named
