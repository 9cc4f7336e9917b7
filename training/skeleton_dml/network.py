"""ResNet18, the embedder after it and the classifier beside it; images in, embeddings out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip
from training.resnet import FEATURES, ResNet18
from training.skeleton_dml.images import REPRESENTATIONS
from training.skeleton_dml.recipe import EmbedderConfig

Bytes = NDArray[np.uint8]


class ImageEmbedder(nn.Module):
    """
    The feature embedding x = f(I) of section III.A with its classifier, jointly trained.

    "After the last feature layer we use a two-layer perceptron to transform the features to the
    given embedding size" (section III.C); the published code has one layer. The classifier, one
    layer on the embedding, is the code's.

    :param classes: actions that the classifier tells apart.
    """

    def __init__(self, config: EmbedderConfig, classes: int) -> None:
        super().__init__()
        self.trunk = ResNet18()
        self.embedder = nn.Sequential(
            nn.Linear(FEATURES, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.embedding),
        )
        self.classifier = nn.Linear(config.embedding, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """
        Embed images.

        :param images: (B, 3, H, W), from 0 to 1.
        :return: embeddings (B, E), not normalised, and logits (B, classes).
        """
        embeddings = self.embedder(self.trunk(images))
        return embeddings, self.classifier(embeddings)


def draw_images(
    clips: Sequence[Clip], representation: str, size: int, prepared: PreprocessConfig | None = None
) -> Bytes:
    """
    Make the network's images of clips in `common_15`, (N, 3, size, size).

    Images are resized as torchvision's `Resize` does it (bilinear, averaged where made smaller),
    to bytes again.

    :param representation: a key of `REPRESENTATIONS`.
    :param prepared: how clips are prepared before; None draws them as the camera saw them.
    """
    make = REPRESENTATIONS[representation]
    images = np.zeros((len(clips), 3, size, size), np.uint8)
    for image, clip in zip(images, clips, strict=True):
        joints, shown = clip.joints_m, clip.confidence
        if prepared is not None:
            joints, shown = prepare(clip, prepared)
        seen = np.where(shown[..., None] > 0.0, joints, np.float32(0.0))
        image[:] = resized(make(seen), size)
    return images


def resized(image: Bytes, size: int) -> Bytes:
    """Resize an image (rows, columns, 3) to the channels of a square one, (3, size, size)."""
    channels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    square = functional.interpolate(
        channels, (size, size), mode='bilinear', align_corners=False, antialias=True
    )
    return np.asarray(square[0].round().clamp(0.0, 255.0).to(torch.uint8).numpy())


def as_input(images: Tensor) -> Tensor:
    """Bring bytes to 0..1, (B, 3, H, W); there is no other normalisation."""
    return images.float() / 255.0


def rotated(images: Tensor, degrees: NDArray[np.float64]) -> Tensor:
    """
    Turn each image about its centre, the nearest pixel in each place, black from outside.

    :param images: (B, 3, H, W).
    :param degrees: (B,), counter-clockwise.
    """
    turns = [
        [
            [math.cos(math.radians(angle)), -math.sin(math.radians(angle)), 0.0],
            [math.sin(math.radians(angle)), math.cos(math.radians(angle)), 0.0],
        ]
        for angle in degrees
    ]
    grid = functional.affine_grid(
        torch.tensor(turns, device=images.device), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, mode='nearest', align_corners=False)
