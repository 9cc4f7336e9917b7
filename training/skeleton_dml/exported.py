"""What a bundle of Skeleton-DML holds: prepared joints to an image, and that to an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.errors import ConfigError
from training.model import JOINTS
from training.skeleton_dml.images import WALK
from training.skeleton_dml.network import ImageEmbedder
from training.skeleton_dml.recipe import ImageConfig

DRAWN = ('skeleton-dml', 'sl-dml', 'tssi')
"""Representations that are an order of the joints' coordinates, which a graph can bring about."""

_HALF_A_LEVEL = 0.5 / 255.0


class ExportedEmbedder(nn.Module):
    """
    The image of prepared joints inside the graph, and the embedder after it.

    Nothing is rounded to bytes here, on the way to the image or after it is resized: an inference
    engine that adds in another order would else see another image now and then. Bytes are rounded
    down, so that half a level is taken off instead.

    :param frames: T, of the clips.
    :raises ConfigError: the representation is more than an order of coordinates.
    """

    def __init__(self, embedder: ImageEmbedder, config: ImageConfig, frames: int) -> None:
        super().__init__()
        if config.representation not in DRAWN:
            raise ConfigError(
                f'a bundle draws {", ".join(DRAWN)} from prepared joints, and not '
                f'{config.representation!r}'
            )
        self.embedder = embedder
        self.representation = config.representation
        rows = len(WALK) if config.representation == 'tssi' else JOINTS
        self.register_buffer('walk', torch.tensor(WALK))
        self.register_buffer('down', resizing(rows, config.size))
        self.register_buffer('across', resizing(frames, config.size))

    walk: Tensor
    down: Tensor
    across: Tensor

    def image(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Draw prepared clips.

        :param joints: (B, T, 15, 3).
        :param mask: (B, T, 15); a joint that is not seen is drawn as 0.
        :return: (B, 3, size, size), from 0 to 1.
        """
        seen = joints * (mask > 0.0).to(joints.dtype).unsqueeze(-1)
        if self.representation == 'skeleton-dml':
            # (B, J, 3, T) read as (B, J, T, 3): a pixel holds three times of one coordinate.
            pixels = seen.permute(0, 2, 3, 1).reshape(-1, seen.shape[2], seen.shape[1], 3)
        else:
            pixels = seen.permute(0, 2, 1, 3)
        if self.representation == 'tssi':
            pixels = pixels.index_select(1, self.walk)
        least = pixels.amin((1, 2, 3), keepdim=True)
        extent = pixels.amax((1, 2, 3), keepdim=True) - least
        unit = (pixels - least) / extent.clamp(min=1e-6)
        levels = (unit - _HALF_A_LEVEL).clamp(min=0.0).permute(0, 3, 1, 2)
        return self.down @ levels @ self.across.T

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return the embedding (B, E), of unit length, of prepared clips."""
        embeddings, _ = self.embedder(self.image(joints, mask))
        return functional.normalize(embeddings, dim=1)


def resizing(length: int, size: int) -> Tensor:
    """Return the matrix (size, length) by which `network.resized` resizes along one axis."""
    # Every column is the image of one pixel, as wide as nothing changes that way.
    pixels = torch.eye(length)[None, None]
    resized = functional.interpolate(
        pixels, (size, length), mode='bilinear', align_corners=False, antialias=True
    )
    return resized[0, 0]
