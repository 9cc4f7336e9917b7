"""
The network: prepared joints in, an embedding of the whole and tokens over time out.

Its first layer, without weights, turns joints and mask into what a motion is made of, so that a
bundle takes exactly what `core.preprocess.prepare` gives and nothing is left to be done twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from training.config import ModelConfig

JOINTS = len(Common15)
BONES = LAYOUTS['common_15'].bones
_HIPS = (int(Common15.HIP_LEFT), int(Common15.HIP_RIGHT))
_STANDING = {
    joint: (side * x, y, z)
    for names, x, y, z in (
        (('HEAD',), 0.0, -1.56, -0.27),
        (('SHOULDER_LEFT', 'SHOULDER_RIGHT'), 0.4, -0.95, -0.11),
        (('ELBOW_LEFT', 'ELBOW_RIGHT'), 0.54, -0.45, -0.16),
        (('HAND_LEFT', 'HAND_RIGHT'), 0.47, -0.03, -0.37),
        (('HIP_LEFT', 'HIP_RIGHT'), 0.22, 0.0, 0.0),
        (('KNEE_LEFT', 'KNEE_RIGHT'), 0.24, 1.1, 0.07),
        (('FOOT_LEFT', 'FOOT_RIGHT'), 0.26, 2.11, 0.08),
    )
    for joint, side in zip((Common15[name] for name in names), (1.0, -1.0), strict=False)
}
"""Where joints are on average in the data learned from, from the hips, in trunk lengths."""

_POSE_UNIT = 2.0
"""Deviation from the standing pose, summed over joints, that is half way to being all there is."""

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


class PoseTokens(nn.Module):
    """
    What the canonical joints themselves say: the pose in each of some stretches of time.

    Joints are taken from the hips, less where those of somebody standing are, and the hips from
    where they are on average. A constant beside them keeps small deviations from the usual pose
    small: the cosine of two such tokens falls with the distance of the poses, in its unit.
    """

    size = 3 * len(_STANDING) + 3 + 1

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer('joints', torch.tensor([int(joint) for joint in _STANDING]))
        self.register_buffer('hips', torch.tensor(_HIPS))
        self.register_buffer('standing', torch.tensor(list(_STANDING.values())))

    joints: Tensor
    hips: Tensor
    standing: Tensor

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Compute the tokens; a joint that is not seen counts as that of somebody standing.

        :param joints: (B, T, 15, 3); T a multiple of the tokens.
        :param mask: (B, T, 15).
        :return: (B, count, size), each of unit length.
        """
        root = joints.index_select(2, self.hips).mean(2)
        away = joints.index_select(2, self.joints) - root.unsqueeze(2) - self.standing
        away = away * mask.index_select(2, self.joints).unsqueeze(-1)
        poses = torch.cat((away.flatten(2), root), 2)
        poses = poses.unflatten(1, (self.count, -1)).mean(2)  # type: ignore[no-untyped-call]
        constant = torch.full_like(poses[:, :, :1], _POSE_UNIT)
        return functional.normalize(torch.cat((poses, constant), 2), dim=2)


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
    Dilated temporal CNN with two heads.

    The embedding pools what happens over the whole clip and over each of its stretches, which keeps
    the order of events: sitting down is not standing up. A token says what happens around one
    stretch of two frames, learned numbers and the pose side by side. What stands for a joint that
    is not seen is learned: the mask is among the features.

    :param frames: T, of the clips; even, and half of it a multiple of `config.stretches`.
    """

    def __init__(self, config: ModelConfig, frames: int) -> None:
        super().__init__()
        self.features = MotionFeatures()
        self.normalise = nn.BatchNorm1d(MotionFeatures.channels)
        self.stem = nn.Conv1d(MotionFeatures.channels, config.width, 4, stride=2, padding=1)
        blocks = [
            Block(config.width, config.kernel, dilation, config.dropout)
            for dilation in config.dilations
        ]
        self.local = nn.Sequential(*blocks[: config.local])
        self.wide = nn.Sequential(*blocks[config.local :])
        self.stretches = config.stretches
        pooled = config.width * (2 + config.stretches)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(pooled, config.embedding))
        self.tokens = nn.Sequential(
            nn.Dropout(config.dropout), nn.Conv1d(config.width, config.token, 1)
        )
        self.pose = PoseTokens(frames // 2) if config.pose else None
        self.pose_weight = config.pose

    def forward(self, joints: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """
        Describe prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`.
        :param mask: (B, T, 15); what is near a gap, over 0, was bridged and counts as seen.
        :return: embeddings (B, D) and tokens (B, T / 2, d), each of unit length.
        """
        mask = (mask > 0.0).to(joints.dtype)
        local = self.local(self.stem(self.normalise(self.features(joints, mask))))
        x = self.wide(local)
        parts = x.unflatten(2, (self.stretches, -1)).mean(3)
        pooled = torch.cat((x.mean(2), x.amax(2), parts.flatten(1)), 1)
        embeddings = functional.normalize(self.head(pooled).float(), dim=1)
        tokens = functional.normalize(self.tokens(local).transpose(1, 2).float(), dim=2)
        if self.pose is not None:
            weight = 1.0 if self.training else self.pose_weight
            poses = self.pose(joints, mask).float() * weight**0.5
            tokens = functional.normalize(torch.cat((tokens, poses), 2), dim=2)
        return embeddings, tokens
