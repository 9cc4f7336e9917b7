"""The metric loss, by pytorch-metric-learning, and the classifier's."""

from __future__ import annotations

from pytorch_metric_learning.losses import MultiSimilarityLoss, TripletMarginLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor, nn
from torch.nn import functional

from training.skeleton_dml.recipe import MetricConfig

_IMPOSSIBLE = -1e4


class JointLoss(nn.Module):
    """
    The loss of the embedding over mined pairs, and cross-entropy of the classifier.

    Mined are positive pairs less similar than the most similar negative plus epsilon, and negative
    pairs more similar than the least similar positive minus epsilon (equations 1 and 2). Over these

        L_MS = 1/K sum_i { 1/alpha log[1 + sum_P exp(-alpha (D_ik - lambda))]
                         + 1/beta  log[1 + sum_N exp( beta  (D_ik - lambda))] }      (equation 3)

    with D the dot product (section III.A) of embeddings brought to unit length, the cosine, by
    which others are in the same order as by Euclidean distance, the abstract's; or the triplet
    margin loss, the mean of max(d_ap - d_an + margin, 0) over the triplets for which it is not 0,
    with d the Euclidean distance of embeddings of unit length.
    """

    def __init__(self, config: MetricConfig) -> None:
        super().__init__()
        losses = {
            'multi-similarity': MultiSimilarityLoss(config.alpha, config.beta, config.base),
            'triplet-margin': TripletMarginLoss(config.margin),
        }
        self.metric = losses[config.loss]
        self.miner = MultiSimilarityMiner(config.miner_epsilon)
        self.share = config.classifier

    def forward(
        self, embeddings: Tensor, logits: Tensor, classes: Tensor, possible: Tensor
    ) -> Tensor:
        """
        Compute the loss of a batch of one data set.

        :param embeddings: (B, E).
        :param logits: (B, C).
        :param classes: (B,) class numbers.
        :param possible: (C,) bool: the classes of the data set, which the classifier is to tell
            apart; an action of another might be the same, and its logit is left out.
        """
        metric: Tensor = self.metric(embeddings, classes, self.miner(embeddings, classes))
        named = functional.cross_entropy(logits.masked_fill(~possible, _IMPOSSIBLE), classes)
        return (1.0 - self.share) * metric + self.share * named
