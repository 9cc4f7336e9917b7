"""
Where the origin is, which way the body faces and how large it is (sections 3.1.1 and 4.2.2).

Joints are those of `common_15` as from `core.preprocess.prepare`, neither turned nor scaled, so
that all this is part of the network and travels with it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skeleton_action_ros.core.layouts import LAYOUTS, Common15

_LEFT = [Common15.SHOULDER_LEFT, Common15.HIP_LEFT]
_RIGHT = [Common15.SHOULDER_RIGHT, Common15.HIP_RIGHT]
_TINY = 1e-6
BONES = LAYOUTS['common_15'].bones


def torsos(joints: Tensor, mask: Tensor) -> Tensor:
    """
    Return where the torso is at each time, (B, T, 1, 3).

    In a clip that never shows it, it is the middle between the shoulders' and the hips' middles, or
    that one of these of which a clip shows both sides; the origin where it shows neither.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15).
    """
    shown = shown_at_all(mask)
    whole = shown[:, _LEFT] & shown[:, _RIGHT]
    weights = whole.to(joints.dtype)[:, None, :, None]
    middles = 0.5 * (joints[:, :, _LEFT] + joints[:, :, _RIGHT])
    instead = (middles * weights).sum(dim=2, keepdim=True)
    instead = instead / weights.sum(dim=2, keepdim=True).clamp(min=1.0)
    torso = joints[:, :, Common15.TORSO : Common15.TORSO + 1]
    return torch.where(shown[:, Common15.TORSO, None, None, None], torso, instead)


def shown_at_all(mask: Tensor) -> Tensor:
    """Return which joints a clip ever shows, (B, 15), of a mask (B, T, 15)."""
    return mask.amax(dim=1) > 0.0


def only_seen(joints: Tensor, mask: Tensor) -> Tensor:
    """Put joints that a clip never shows to the origin."""
    return joints * shown_at_all(mask)[:, None, :, None]


class Translation(nn.Module):
    """The torso of the first frame becomes the origin: the way of the body is kept."""

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Map (B, T, 15, 3) and its mask (B, T, 15) to (B, T, 15, 3)."""
        return only_seen(joints - torsos(joints, mask)[:, :1], mask)


class Alignment(nn.Module):
    """
    Pose alignment: what two settings do not share is taken away (section 4.2.2).

    Translation: each frame's torso is the origin. Rotation of the whole clip by its first frame:
    x points from the right shoulder to the left, and y lies in the plane of the shoulders and the
    middle of the hips, towards these; a clip that never shows one of these four joints keeps the
    camera's axes. Scaling: each clip by one number, so that its bones are together as long as in
    the training set, whose mean length of each bone is counted over the batches that are trained
    on. The thesis scales the clips from video only; here all are.
    """

    bone_sums_m: Tensor
    bone_counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('bone_sums_m', torch.zeros(len(BONES)))
        self.register_buffer('bone_counts', torch.zeros(len(BONES)))

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Map (B, T, 15, 3) and its mask (B, T, 15) to (B, T, 15, 3)."""
        joints = joints - torsos(joints, mask)
        joints = joints @ rotation(joints[:, 0], shown_at_all(mask)).transpose(1, 2)[:, None]
        return only_seen(joints * self._scale(joints, mask)[:, None, None, None], mask)

    def _scale(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return by how much each clip is enlarged, (B,)."""
        lengths_m = bone_lengths_m(joints)
        shown = shown_at_all(mask)
        starts, ends = ([bone[end] for bone in BONES] for end in (0, 1))
        counted = (shown[:, starts] & shown[:, ends]).to(lengths_m.dtype)
        if self.training:
            self.bone_sums_m += (lengths_m * counted).sum(dim=0).detach()
            self.bone_counts += counted.sum(dim=0)
        usual_m = self.bone_sums_m / self.bone_counts.clamp(min=_TINY)
        own = (lengths_m * counted).sum(dim=1)
        usual = (usual_m * counted).sum(dim=1)
        known = (own > _TINY) & (usual > _TINY)
        return torch.where(known, usual / own.clamp(min=_TINY), torch.ones_like(own))


def bone_lengths_m(joints: Tensor) -> Tensor:
    """Return the mean length of each bone over a clip (B, T, 15, 3): (B, 14)."""
    starts, ends = ([bone[end] for bone in BONES] for end in (0, 1))
    lengths: Tensor = torch.linalg.vector_norm(joints[:, :, ends] - joints[:, :, starts], dim=3)
    return lengths.mean(dim=1)


def rotation(pose: Tensor, shown: Tensor) -> Tensor:
    """
    Return the axes of a body as rows, (B, 3, 3).

    They are those of the camera where a shoulder or a hip is not shown, and where shoulders and
    hips span no plane.

    :param pose: (B, 15, 3).
    :param shown: (B, 15), which joints count.
    """
    right, left = pose[:, Common15.SHOULDER_RIGHT], pose[:, Common15.SHOULDER_LEFT]
    hips = 0.5 * (pose[:, Common15.HIP_LEFT] + pose[:, Common15.HIP_RIGHT])
    across, down = left - right, hips - 0.5 * (left + right)
    x = _unit(across)
    level = down - (down * x).sum(dim=1, keepdim=True) * x
    y = _unit(level)
    axes = torch.stack((x, y, torch.linalg.cross(x, y)), dim=1)
    known = shown[:, [*_LEFT, *_RIGHT]].all(dim=1) & x.any(dim=1) & y.any(dim=1)
    return torch.where(known[:, None, None], axes, torch.eye(3).to(axes))


def _unit(vectors: Tensor) -> Tensor:
    """Make vectors (B, 3) one long; those of hardly any length become 0."""
    lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return torch.where(lengths > _TINY, vectors / lengths.clamp(min=_TINY), 0.0)
