"""The skeleton transformer: virtual joints made of the joints (section 3.3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.recurrent.recipe import TransformerConfig

_SUM_TO_ONE = ('affine', 'convex')
_POSITIVE = ('positive', 'convex')
_NOISE = 0.01


class SkeletonTransformer(nn.Module):
    """
    P'_t = W P_t (equation 8), the same at every time, with as many virtual joints as joints.

    W starts as the identity and a little noise. By Xavier's rule, which the thesis has for all its
    weights, the sum of a row may be nearly nothing, and dividing by it would throw that virtual
    joint far away.

    :param joints: N.
    """

    def __init__(self, config: TransformerConfig, joints: int) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.eye(joints) + _NOISE * torch.randn(joints, joints))

    def combined(self) -> Tensor:
        """Return W (N, N): its rows divided by their sums where these are to be 1."""
        if self.config.combination in _SUM_TO_ONE:
            return self.weight / self.weight.sum(dim=1, keepdim=True)
        return self.weight

    def forward(self, poses: Tensor) -> Tensor:
        """Map poses (..., N, 3) to virtual joints (..., N, 3)."""
        return self.combined() @ poses

    def penalty(self) -> Tensor:
        """
        Return what the loss adds: -lambda min(0, min_ij W_ij) + mu sum_i (sum_j |W_ij|)^2.

        The first keeps weights positive where they are to be, the second makes them sparse.
        """
        weight = self.combined()
        penalty = self.config.sparsity * weight.abs().sum(dim=1).square().sum()
        if self.config.combination in _POSITIVE:
            penalty = penalty - self.config.positivity * weight.min().clamp(max=0.0)
        return penalty
