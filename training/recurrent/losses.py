"""How far a network is from naming actions: at the last time, at all times, where it is worst."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def named_at_every_step(scores: Tensor, classes: Tensor, hardest: float) -> Tensor:
    """
    Inattention loss: the mean of -log p_t^y over the times S where it is largest (section A.3).

    With all times it is L = (1 / T) sum_t -log p_t^y (equation 11). The weights w_t are 1 / |S|
    within S and 0 outside (section A.4), so that L_w is never below L.

    :param scores: (B, T, C), before the softmax.
    :param classes: (B,).
    :param hardest: |S| / T, rounded up to whole times.
    :return: the mean over the batch.
    """
    steps = scores.shape[1]
    every = functional.log_softmax(scores, dim=2)
    right = every.gather(2, classes[:, None, None].expand(-1, steps, 1))[..., 0]
    # 0.14 * 100 is a little more than 14 in floating point, and is to be 14.
    size = math.ceil(round(hardest * steps, 6))
    return -right.topk(size, dim=1, largest=False).values.mean()


def averaged(scores: Tensor) -> Tensor:
    """
    Return the logarithm of each class's probability, averaged over the times (section A.1).

    :param scores: (B, T, C), before the softmax.
    :return: (B, C).
    """
    every = functional.log_softmax(scores, dim=2)
    return torch.logsumexp(every, dim=1) - math.log(scores.shape[1])
