"""TARM with CNN under the training framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError, DatasetError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.config import Recipe
from training.data import Sample
from training.depth_videos import depth_video, has_depth
from training.system import Arrays, System, Variant, tensors
from training.tarm.alter import Floats, altered_images, altered_joints, resampled
from training.tarm.depth import SIDE, depth_images
from training.tarm.network import Branch, SkeletonBranch, TarmNetwork, fused
from training.tarm.recipe import FUSIONS, TarmRecipe

PERSONS, DEPTH = 'utd-cross-subject', 'utd-cross-subject-depth'
"""Protocols: asked are all clips of even persons, or those with a depth video."""

_DEPTH = ('net.modality=depth',)
_FEWEST_CLIPS = 2
"""Batch normalisation wants as many where the trunk leaves one row and column of an image."""


@dataclass(frozen=True)
class ClipBatch:
    """
    One step's clips.

    :param joints: (B, T, 15, 3), metres from the hips.
    :param images: (B, size, size), 0 to 1; 0 where there is no depth video.
    :param seen: (B,) bool: whether there is one.
    :param classes: (B,) class numbers.
    """

    joints: Floats
    images: Floats
    seen: NDArray[np.bool_]
    classes: NDArray[np.int64]


class ClipBatches:
    """
    All batches of a run, by their step number: clips as they come, each as likely as any other.

    :param inputs: of all clips, from `TarmSystem.inputs`.
    :param classes: (N,) class number of each.
    """

    def __init__(self, inputs: Arrays, classes: NDArray[np.int64], recipe: TarmRecipe) -> None:
        self._inputs = inputs
        self._classes = classes
        self._recipe = recipe

    def at(self, step: int) -> ClipBatch:
        """Make the batch of a step, counted from 0."""
        rng = np.random.default_rng((self._recipe.seed, step))
        count = min(self._recipe.batch, len(self._classes))
        places = rng.choice(len(self._classes), count, replace=False)
        joints, images, seen = (array[places] for array in self._inputs)
        return ClipBatch(
            joints=altered_joints(joints, self._recipe.alter, rng),
            images=self._altered(images, rng),
            seen=seen,
            classes=self._classes[places],
        )

    def close(self) -> None:
        """Nothing is open."""

    def _altered(self, images: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
        """Change images as the recipe says, where a branch sees them."""
        size = self._recipe.net.size
        if self._recipe.net.modality == 'skeleton':
            return np.zeros((len(images), size, size), np.float32)
        return altered_images(as_grey(images), size, self._recipe.alter, rng)


class TarmSystem(System[TarmRecipe]):
    """Names a closed set of actions by skeletons, by depth motion images, or by both."""

    name: ClassVar[str] = 'tarm'
    about: ClassVar[str] = 'TARM with CNN (2019): attention over time by axis, ResNet18; with depth'
    kind: ClassVar[str] = 'classifier'
    recipe_type: ClassVar[type[Recipe]] = TarmRecipe
    paper: ClassVar[str] = 'Deep learning for human activity recognition (TARM with CNN)'
    largest_bytes: ClassVar[int] = 50_000_000
    variants: ClassVar[Mapping[str, Variant]] = {
        '': Variant('skeleton: three TARM, ResNet18', (), 'Table 1', {PERSONS: 76.25}, (DEPTH,)),
        'no-attention': Variant('skeleton: ResNet18', ('net.attention=False',), also=(PERSONS,)),
        'depth-resnet18': Variant(
            'depth: ResNet18', (*_DEPTH, 'net.attention=False'), 'Table 2', {DEPTH: 33.41}
        ),
        'depth-resnet50': Variant(
            'depth: ResNet50',
            (*_DEPTH, 'net.attention=False', 'net.trunk=resnet50'),
            'Table 2',
            {DEPTH: 36.56},
        ),
        'depth-alexnet': Variant(
            'depth: modified AlexNet',
            (*_DEPTH, 'net.attention=False', 'net.trunk=alexnet'),
            'Table 2',
            {DEPTH: 34.31},
        ),
        'depth': Variant('depth: TARM, ResNet18', _DEPTH, 'Table 2', {DEPTH: 49.20}),
        'stacked': Variant(
            'both, four TARM, one ResNet18', ('net.modality=stacked',), 'Figure 7', {DEPTH: 81.46}
        ),
        **{
            rule: Variant(
                f'both, fused by {rule}',
                ('net.modality=both', f'fusion={rule}'),
                'Section 4.3',
                also=(DEPTH,),
            )
            for rule in FUSIONS
        },
    }

    @property
    def preprocess(self) -> PreprocessConfig:
        return self.recipe.preprocess

    def network(self, classes: Sequence[str]) -> TarmNetwork:
        return TarmNetwork(self.recipe.net, len(Common15), len(classes))

    def batches(self, samples: Sequence[Sample]) -> ClipBatches:
        """
        Draw from all clips, or from those with a depth video where nothing but depth is seen.

        :raises DatasetError: a branch of depth has fewer than two videos to learn from.
        """
        names = sorted({sample.action for sample in samples})
        if self.recipe.net.modality != 'skeleton':
            filmed = [sample for sample in samples if has_depth(sample)]
            if len(filmed) < _FEWEST_CLIPS:
                raise DatasetError(
                    f'depth is learned from {_FEWEST_CLIPS} or more clips with a depth video, got '
                    f'{len(filmed)} among {len(samples)} clips to learn from'
                )
            if self.recipe.net.modality == 'depth':
                samples = filmed
        classes = np.array([names.index(sample.action) for sample in samples], np.int64)
        return ClipBatches(self.inputs(samples), classes, self.recipe)

    def loss(self, network: nn.Module, batch: ClipBatch) -> Tensor:
        """
        Add up the cross-entropies of all branches, each over the clips that it sees.

        What a branch does not see does not pass through it, so that batch normalisation knows
        nothing of it either. A batch with fewer than two depth videos teaches depth nothing. Four
        stacked planes are one branch, whose fourth is blank for a clip without a video.
        """
        assert isinstance(network, TarmNetwork)
        joints, images, seen, classes = tensors(
            network, (batch.joints, batch.images, batch.seen, batch.classes)
        )
        total = torch.zeros((), device=joints.device)
        for name, planes in network.planes(joints, images).items():
            counted = seen if name == 'depth' else torch.ones_like(seen)
            if int(counted.sum()) < _FEWEST_CLIPS:
                continue
            logits = network.branches[name](
                [plane[counted] for plane in planes], half=self.recipe.optimizer.mixed_precision
            )
            total = total + functional.cross_entropy(logits, classes[counted])
        return total

    def files(self, samples: Sequence[Sample]) -> list[Path]:
        """Return the depth videos of clips, where depth is learned from."""
        if self.recipe.net.modality == 'skeleton':
            return []
        return [path for path in map(depth_video, samples) if path is not None]

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        """
        Prepare clips: joints, depth images as bytes, and whether there is one.

        :raises DatasetError: a clip has no depth video, and there is nothing else to name it by.
        """
        modality = self.recipe.net.modality
        if modality == 'skeleton':
            images = np.zeros((len(samples), SIDE, SIDE), np.uint8)
            seen = np.zeros(len(samples), np.bool_)
        else:
            images, seen = depth_images(samples, self.recipe.depth.image)
        if modality == 'depth' and not seen.all():
            one = samples[int(np.flatnonzero(~seen)[0])]
            raise DatasetError(
                f'{int((~seen).sum())} of {len(seen)} clips have no depth video, such as '
                f'a{one.number}_s{one.person}_t{one.trial} of {one.dataset}: '
                'utd-cross-subject-depth asks about those that have'
            )
        clips = [prepare(sample.clip, self.recipe.preprocess)[0] for sample in samples]
        return np.stack(clips), images, seen

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} names a closed set of actions and compares no clips')

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        """
        Name clips by all that is there of them.

        Where branches are fused, a clip without depth video is named by its skeleton alone; where
        planes are stacked, with a blank fourth, as clips without one are learned.
        """
        joints, images, seen = inputs
        placed = tensors(network, (joints, resampled(as_grey(images), self.recipe.net.size), seen))
        named = network(placed[0], placed[1])
        if len(named) == 1:
            (logits,) = named.values()
        else:
            both = fused(list(named.values()), self.recipe.fusion)
            alone = functional.log_softmax(named['skeleton'], dim=1)
            logits = torch.where(placed[2][:, None], both, alone)
        return np.asarray(logits.cpu().numpy())

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Make Adam, as the paper has it."""
        config = self.recipe.optimizer
        return torch.optim.Adam(
            network.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=config.weight_decay,
        )

    def halves(self, device: torch.device) -> bool:
        """Say no: the trunks alone are computed in bfloat16, on any device, by `loss`."""
        return False

    def exported(self, network: nn.Module) -> nn.Module:
        """
        Return the skeleton's branch as a module of joints and mask.

        :raises ConfigError: depth is seen too; what was measured with it would not be the bundle's.
        """
        assert isinstance(network, TarmNetwork)
        if self.recipe.net.modality != 'skeleton':
            raise ConfigError(
                f'{self.name} with net.modality={self.recipe.net.modality!r} needs depth videos, '
                'which a bundle is not given; expected net.modality=skeleton'
            )
        branch = network.branches['skeleton']
        assert isinstance(branch, Branch)
        return SkeletonBranch(branch)


def as_grey(images: NDArray[np.uint8]) -> Floats:
    """Bring bytes to 0..1."""
    return np.asarray(images, np.float32) / np.float32(255.0)
