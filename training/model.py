"""
The network: prepared joints in, a unit-length embedding out.

Its first layer, without weights, turns joints and mask into what a motion is made of, so that a
bundle takes exactly what `core.preprocess.prepare` gives and nothing is left to be done twice.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from training.config import ModelConfig

JOINTS = len(Common15)
BONES = LAYOUTS['common_15'].bones
_HIPS = (int(Common15.HIP_LEFT), int(Common15.HIP_RIGHT))
_VELOCITY_UNIT = 5.0
"""Joints move about 0.2 trunk lengths in two steps of a moving clip: this brings them near 1."""


class MotionFeatures(nn.Module):
    """
    Joints relative to the hips, path of the hips, bones, velocities and the mask itself.

    Whatever hangs on a joint that was not seen is 0; where the hips were not, joints stay relative
    to the origin that `prepare` chose.
    """

    channels = 3 * JOINTS + 3 + 3 * len(BONES) + 3 * JOINTS + JOINTS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('bone_starts', torch.tensor([parent for parent, _ in BONES]))
        self.register_buffer('bone_ends', torch.tensor([child for _, child in BONES]))
        self.register_buffer('hips', torch.tensor(_HIPS))

    bone_starts: Tensor
    bone_ends: Tensor
    hips: Tensor

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Compute the features.

        :param joints: (B, T, 15, 3).
        :param mask: (B, T, 15).
        :return: (B, channels, T).
        """
        seen = mask.unsqueeze(-1)
        hips = joints.index_select(2, self.hips)
        weight = seen.index_select(2, self.hips)
        root = (hips * weight).sum(2) / weight.sum(2).clamp(min=1e-3)
        bones = joints.index_select(2, self.bone_ends) - joints.index_select(2, self.bone_starts)
        bones = (
            bones * seen.index_select(2, self.bone_ends) * seen.index_select(2, self.bone_starts)
        )
        step = joints[:, 2:] - joints[:, :-2]
        step = step * seen[:, 2:] * seen[:, :-2] * _VELOCITY_UNIT
        velocity = torch.cat((step[:, :1], step, step[:, -1:]), 1)
        parts = ((joints - root.unsqueeze(2)) * seen, root, bones, velocity, mask)
        return torch.cat([part.flatten(2) for part in parts], 2).transpose(1, 2)


class Block(nn.Module):
    """Two convolutions in time with a way around them."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.path = nn.Sequential(
            nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, T) to the same shape."""
        return functional.relu(x + self.path(x))


class Embedder(nn.Module):
    """
    Dilated temporal CNN: what happens is pooled over the whole clip and over each of its stretches.

    The stretches keep the order of events: sitting down is not standing up.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.features = MotionFeatures()
        self.normalise = nn.BatchNorm1d(MotionFeatures.channels)
        self.stem = nn.Conv1d(MotionFeatures.channels, config.width, 1)
        self.blocks = nn.Sequential(
            *(
                Block(config.width, config.kernel, dilation, config.dropout)
                for dilation in config.dilations
            )
        )
        self.stretches = config.stretches
        pooled = config.width * (2 + config.stretches)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(pooled, config.embedding))

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Embed prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`; T a multiple of `stretches`.
        :param mask: (B, T, 15).
        :return: (B, embedding), each of length 1.
        """
        x = self.blocks(self.stem(self.normalise(self.features(joints, mask))))
        parts = x.unflatten(2, (self.stretches, -1)).mean(3)
        pooled = torch.cat((x.mean(2), x.amax(2), parts.flatten(1)), 1)
        return functional.normalize(self.head(pooled), dim=1)


def embed_with(
    model: nn.Module, joints: NDArray[np.float32], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    """
    Embed prepared clips in evaluation mode.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15).
    """
    model.eval()
    with torch.inference_mode():
        return np.asarray(model(torch.from_numpy(joints), torch.from_numpy(mask)).numpy())
