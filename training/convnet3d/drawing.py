"""
Skeletons drawn into the frames that the 3D-ConvNet sees: what stands for the video, ours.

The paper's network looks at a box about a person in a video; the robot has joints. Here each bone
is a soft line in such a box, lighter the nearer it is to the camera, as in a picture of depth.
Every operation is torch's, without control flow, so that the drawing is part of an exported model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skeleton_action_ros.core.layouts import LAYOUTS

ROWS, COLUMNS = 54, 34
"""Of the frames: the paper's 34 x 54 pixels are a standing person's box, 34 wide."""

PX_PER_TRUNK = 10.5
HIPS_ROW = 28.0
"""From hands lifted overhead, 2.6 trunks above the hips, to feet that are 2 trunks below."""

_THICKNESS_PX = 0.9
_NEARER = 0.6


class Drawing(nn.Module):
    """Draw prepared joints; has no weights."""

    starts: Tensor
    ends: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self) -> None:
        super().__init__()
        bones = torch.tensor(LAYOUTS['common_15'].bones)
        self.register_buffer('starts', bones[:, 0], persistent=False)
        self.register_buffer('ends', bones[:, 1], persistent=False)
        rows, columns = torch.meshgrid(
            torch.arange(ROWS, dtype=torch.float32),
            torch.arange(COLUMNS, dtype=torch.float32),
            indexing='ij',
        )
        self.register_buffer('rows', rows.flatten(), persistent=False)
        self.register_buffer('columns', columns.flatten(), persistent=False)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Draw seen from the front, without perspective.

        A pixel at distance d from the line between a bone's joints has exp(-d^2 / 2 s^2) times the
        lightness of the nearest point of the line, 1 / (1 + exp(z / 0.6)) at a depth of z trunks
        behind the hips, times the smaller mask of the two joints; of several bones the lightest.

        :param joints: (B, T, 15, 3) in trunk lengths, as from `prepare`.
        :param mask: (B, T, 15).
        :return: (B, T, 54, 34), from 0 to 1.
        """
        start, end = joints[:, :, self.starts, None], joints[:, :, self.ends, None]
        seen = torch.minimum(mask[:, :, self.starts], mask[:, :, self.ends])[..., None]
        column, row = _pixel(start)
        along_x, along_y = (to - at for to, at in zip(_pixel(end), (column, row), strict=True))
        to_x, to_y = self.columns - column, self.rows - row
        length = along_x**2 + along_y**2
        share = ((to_x * along_x + to_y * along_y) / (length + 1e-6)).clamp(0.0, 1.0)
        distance = (to_x - share * along_x) ** 2 + (to_y - share * along_y) ** 2
        depth = start[..., 2] + share * (end[..., 2] - start[..., 2])
        light = torch.exp(distance / (-2.0 * _THICKNESS_PX**2)) * torch.sigmoid(-depth / _NEARER)
        return (light * seen).amax(2).reshape(*joints.shape[:2], ROWS, COLUMNS)


def _pixel(joints: Tensor) -> tuple[Tensor, Tensor]:
    """Return column and row of joints (..., 3)."""
    column = (COLUMNS - 1) / 2 + PX_PER_TRUNK * joints[..., 0]
    return column, HIPS_ROW + PX_PER_TRUNK * joints[..., 1]
