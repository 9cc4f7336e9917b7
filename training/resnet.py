"""
ResNet18 and ResNet50 (He et al., "Deep residual learning for image recognition", table 1).

Weights carry the names that torchvision gives them, so that a file of ImageNet weights fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.errors import SkeletonActionError

FEATURES = 512
IMAGENET_CLASSES = 1000


class BasicBlock(nn.Module):
    """
    Two 3 x 3 convolutions and a shortcut: y = F(x, {W}) + x (equation 1).

    Where shapes change the shortcut is a 1 x 1 convolution: y = F(x, {W}) + W_s x (equation 2).
    """

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels_in, H, W) to (B, channels, H / stride, W / stride)."""
        residual = functional.relu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return functional.relu(residual + self.downsample(x))


class Bottleneck(nn.Module):
    """
    A 3 x 3 convolution between two of 1 x 1, of which the last has four times the channels.

    The shortcut is as in `BasicBlock` (figure 5, right). The stride is that of the 3 x 3
    convolution, as torchvision has it; the paper has it in the first 1 x 1.
    """

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = channels * self.expansion
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels_in, H, W) to (B, 4 channels, H / stride, W / stride)."""
        residual = functional.relu(self.bn1(self.conv1(x)))
        residual = functional.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return functional.relu(residual + self.downsample(x))


class ResNet(nn.Module):
    """
    Images (B, channels, H, W) to features (B, 512 expansion), or logits after a last layer.

    :param block: what its four layers are made of.
    :param counts: blocks in each layer.
    :param classes: outputs of the last layer `fc`; 0 leaves it out.
    :param channels: of the images.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        counts: Sequence[int],
        classes: int = 0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _layer(block, 64, 64, counts[0], 1)
        self.layer2 = _layer(block, 64 * block.expansion, 128, counts[1], 2)
        self.layer3 = _layer(block, 128 * block.expansion, 256, counts[2], 2)
        self.layer4 = _layer(block, 256 * block.expansion, FEATURES, counts[3], 2)
        features = FEATURES * block.expansion
        self.fc: nn.Module = nn.Linear(features, classes) if classes else nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, features), or (B, classes)."""
        x = functional.relu(self.bn1(self.conv1(images)))
        x = functional.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def _layer(
    block: type[BasicBlock] | type[Bottleneck],
    channels_in: int,
    channels: int,
    count: int,
    stride: int,
) -> nn.Sequential:
    first = block(channels_in, channels, stride)
    more = (block(channels * block.expansion, channels, 1) for _ in range(count - 1))
    return nn.Sequential(first, *more)


class ResNet18(ResNet):
    """The 18-layer column: features (B, 512)."""

    def __init__(self, classes: int = 0, channels: int = 3) -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), classes, channels)


class ResNet50(ResNet):
    """The 50-layer column: features (B, 2048)."""

    def __init__(self, classes: int = 0, channels: int = 3) -> None:
        super().__init__(Bottleneck, (3, 4, 6, 3), classes, channels)


def load_imagenet(network: ResNet18, path: Path) -> None:
    """
    Start a network without last layer from ImageNet weights.

    :param path: a state dictionary with torchvision's names; its last layer `fc` is not used.
    :raises SkeletonActionError: the file cannot be read or is not that of a ResNet18; the network
        is unchanged.
    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except OSError as error:
        raise SkeletonActionError(f'{path} cannot be read: {error.strerror}') from None
    except Exception:  # noqa: BLE001 (of bytes that are anything, torch and pickle raise anything)
        raise SkeletonActionError(f'{path} is no file of weights written by torch.save') from None
    if not isinstance(state, dict):
        raise SkeletonActionError(
            f'{path} must hold a dictionary of weights by name, got {type(state).__name__}'
        )
    given = {name: value for name, value in state.items() if not str(name).startswith('fc.')}
    own = network.state_dict()
    for name, value in own.items():
        if name.endswith('num_batches_tracked'):
            given.setdefault(name, value)
        elif name not in given:
            raise SkeletonActionError(f'{path} is not of a ResNet18: it has no {name}')
        elif not isinstance(given[name], Tensor) or given[name].shape != value.shape:
            got = tuple(getattr(given[name], 'shape', ()))
            raise SkeletonActionError(
                f'{path} is not of a ResNet18: {name} must be {tuple(value.shape)}, got {got}'
            )
    strange = sorted(set(given) - set(own))
    if strange:
        raise SkeletonActionError(f'{path} is not of a ResNet18: what is {strange[0]}?')
    network.load_state_dict(given)
