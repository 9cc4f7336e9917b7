"""AlexNet for small images: what Table 2 calls "modified AlexNet", without saying how."""

from __future__ import annotations

from torch import Tensor, nn

_HIDDEN = 1024


class AlexNet(nn.Module):
    """
    The five convolutions of AlexNet's one-column form, and three dense layers.

    Modified for images of 50 x 50: the first convolution is 5 x 5 with a stride of 2 instead of
    11 x 11 with 4, the dense layers are 1024 wide instead of 4096, and each convolution is followed
    by batch normalisation, where the original has local response normalisation after two.

    :param classes: outputs of the last layer.
    :param channels: of the images.
    :param size: rows and columns of the images.
    """

    def __init__(self, classes: int, channels: int = 3, size: int = 50) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(channels, 64, 5, stride=2),
            nn.MaxPool2d(3, 2),
            *_convolution(64, 192, 5),
            nn.MaxPool2d(3, 2),
            *_convolution(192, 384, 3),
            *_convolution(384, 256, 3),
            *_convolution(256, 256, 3),
            nn.MaxPool2d(3, 2),
            nn.Flatten(),
        )
        self.dense = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * _last_side(size) ** 2, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, channels, size, size) to logits (B, classes)."""
        logits: Tensor = self.dense(self.features(images))
        return logits


def _last_side(size: int) -> int:
    """Return how many rows of an image are left after the first convolution and three poolings."""
    side = (size + 1) // 2
    for _ in range(3):
        side = (side - 1) // 2
    return side


def _convolution(channels_in: int, channels: int, size: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
