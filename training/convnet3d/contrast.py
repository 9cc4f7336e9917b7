"""
Local contrast normalisation in three dimensions, on a neighbourhood of 7 x 7 x 7 (section 4.2).

The paper takes it from Jarrett et al., "What is the best multi-stage architecture for object
recognition?" (2009), section 2.1, for one map instead of several and a volume instead of an image:

    v = x - sum_p w_p x_p,    s = sqrt(sum_p w_p v_p^2),    y = v / max(c, s),    c = mean(s)

with Gaussian weights w over the neighbourhood that sum to 1, and c over the whole sequence. Neither
says how wide the Gaussian is, nor what lies beyond the border: its standard deviation is a quarter
of the width here, and the weights of the neighbours that there are sum to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WIDTH = 7
_LEAST = 1e-4
"""A picture of one grey has no contrast: it becomes 0, not 0 / 0."""


def contrast_normalised(frames: Tensor) -> Tensor:
    """
    Normalise sequences, each by itself.

    :param frames: (B, T, H, W).
    :return: of the same shape, about -3 to 3.
    """
    weight = _blurred(torch.ones_like(frames[:1]))
    centred = frames - _blurred(frames) / weight
    spread = torch.sqrt(_blurred(centred**2) / weight + _LEAST**2)
    return centred / torch.maximum(spread, spread.mean((1, 2, 3), keepdim=True))


def gaussian() -> Tensor:
    """Return (7,) weights that sum to 1."""
    at = torch.arange(WIDTH, dtype=torch.float32) - WIDTH // 2
    weights = torch.exp(-0.5 * (at / (WIDTH / 4)) ** 2)
    return weights / weights.sum()


def _blurred(frames: Tensor) -> Tensor:
    """Average with Gaussian weights along each axis in turn; beyond the border there is 0."""
    weights = gaussian().to(frames)
    volume = frames[:, None]
    for axis in range(3):
        shape, padding = [1, 1, 1], [0, 0, 0]
        shape[axis], padding[axis] = WIDTH, WIDTH // 2
        volume = functional.conv3d(volume, weights.reshape(1, 1, *shape), padding=padding)
    return volume[:, 0]
