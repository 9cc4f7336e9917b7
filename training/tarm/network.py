"""
The temporal attention module, and the convolutional network after it (sections 3.1 and 3.2).

A plane is a matrix (T, N): one coordinate of N joints in T frames, or a depth motion image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.resnet import ResNet18, ResNet50
from training.tarm.alexnet import AlexNet
from training.tarm.recipe import NetworkConfig

TRUNKS: dict[str, Callable[[int, int, int], nn.Module]] = {
    'resnet18': lambda classes, channels, size: ResNet18(classes, channels),
    'resnet50': lambda classes, channels, size: ResNet50(classes, channels),
    'alexnet': AlexNet,
}
"""Makers of networks that name images, by classes, channels, and rows and columns."""

AXES = 3
BRANCHES = {
    'skeleton': ('skeleton',),
    'depth': ('depth',),
    'both': ('skeleton', 'depth'),
    'stacked': ('stacked',),
}
"""By the modality, the branches that there are."""


class TemporalAttention(nn.Module):
    """
    The temporal attention recalibration module: X' = X + F_M(X) * F_A(X) (equations 1 and 2).

    "F_M(X) and F_A(X) are the outputs of BiGRU and Sigmoid function of attentional module", both in
    R^(T x N). The paper leaves open how. Here a bidirectional GRU of N cells a direction reads the
    rows; F_M is the sum of both directions, and F_A a sigmoid of one linear layer on both.

    :param columns: N.
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.memory = nn.GRU(columns, columns, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * columns, columns)

    def forward(self, plane: Tensor) -> Tensor:
        """Map planes (B, T, N) to planes (B, T, N)."""
        states, _ = self.memory(plane)
        forward, backward = states.chunk(2, dim=2)
        memory = forward + backward
        attention = torch.sigmoid(self.attention(states))
        recalibrated: Tensor = plane + memory * attention
        return recalibrated


class Branch(nn.Module):
    """
    A temporal attention module a plane, and a trunk over their outputs as one image.

    The planes become channels of `size` x `size`, resized after the attention, so that this still
    sees frames and joints. The paper resizes, and does not say where.

    :param columns: N of each plane.
    :param classes: actions told apart.
    """

    def __init__(self, columns: Sequence[int], config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.size = config.size
        self.attention = nn.ModuleList(
            TemporalAttention(count) if config.attention else nn.Identity() for count in columns
        )
        self.trunk = TRUNKS[config.trunk](classes, len(columns), config.size)

    def image(self, planes: Sequence[Tensor]) -> Tensor:
        """
        Let the modules attend, and lay their outputs over one another.

        :param planes: (B, T, N) each.
        :return: (B, planes, size, size).
        """
        channels = [
            functional.interpolate(
                module(plane)[:, None], (self.size, self.size), mode='bilinear', align_corners=False
            )
            for module, plane in zip(self.attention, planes, strict=True)
        ]
        return torch.cat(channels, dim=1)

    def forward(self, planes: Sequence[Tensor], *, half: bool = False) -> Tensor:
        """
        Name clips, logits (B, classes).

        :param half: compute the trunk in bfloat16.
        """
        image = self.image(planes)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=half):
            logits: Tensor = self.trunk(image)
        return logits.float()


class TarmNetwork(nn.Module):
    """
    One branch, or one for each modality; see `NetworkConfig.modality`.

    :param joints: columns of each of the three coordinate planes.
    """

    def __init__(self, config: NetworkConfig, joints: int, classes: int) -> None:
        super().__init__()
        skeleton, depth = [joints] * AXES, [config.size]
        planes = {'skeleton': skeleton, 'depth': depth, 'stacked': skeleton + depth}
        self.branches = nn.ModuleDict(
            {name: Branch(planes[name], config, classes) for name in BRANCHES[config.modality]}
        )

    def forward(self, joints: Tensor, images: Tensor, *, half: bool = False) -> dict[str, Tensor]:
        """
        Let every branch name clips.

        :param joints: (B, T, J, 3), metres.
        :param images: (B, size, size), from 0 to 1.
        :return: logits (B, classes) by the name of the branch.
        """
        planes = self.planes(joints, images)
        return {name: branch(planes[name], half=half) for name, branch in self.branches.items()}

    def planes(self, joints: Tensor, images: Tensor) -> dict[str, list[Tensor]]:
        """Return what each branch sees, (B, T, N) each; parameters as those of `forward`."""
        axes = list(joints.unbind(dim=3))
        planes = {'skeleton': axes, 'depth': [images], 'stacked': [*axes, images]}
        return {name: planes[name] for name in self.branches}


class SkeletonBranch(nn.Module):
    """The branch of the skeleton alone, as a model bundle has it."""

    def __init__(self, branch: Branch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Name prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`.
        :param mask: (B, T, 15); a joint that is never seen stays at 0.
        :return: logits (B, classes).
        """
        seen = (mask.amax(dim=1, keepdim=True) > 0.0).to(joints.dtype)
        logits: Tensor = self.branch.trunk(
            self.branch.image((joints * seen[..., None]).unbind(dim=3))
        )
        return logits


def fused(logits: Sequence[Tensor], rule: str) -> Tensor:
    """
    Fuse the probabilities that branches give ("average, multiply or maximum", section 4.3).

    :param logits: (B, classes) of each branch.
    :param rule: one of `recipe.FUSIONS`.
    :return: (B, classes), the logarithm of the fused probabilities, up to an added constant for
        each clip.
    """
    each = torch.stack([functional.log_softmax(one, dim=1) for one in logits])
    if rule == 'product':
        return each.sum(dim=0)
    if rule == 'maximum':
        return each.amax(dim=0)
    return torch.logsumexp(each, dim=0)
