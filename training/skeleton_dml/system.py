"""Skeleton-DML under the training framework."""

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
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.config import Recipe
from training.data import Sample
from training.resnet import load_imagenet
from training.skeleton_dml.exported import ExportedEmbedder
from training.skeleton_dml.losses import JointLoss
from training.skeleton_dml.network import Bytes, ImageEmbedder, as_input, draw_images, rotated
from training.skeleton_dml.recipe import SkeletonDmlRecipe
from training.skeleton_dml.variants import PAPER, VARIANTS
from training.system import Arrays, System, Variant, tensors


@dataclass(frozen=True)
class ImageBatch:
    """
    One step's images, all of one data set.

    :param images: (B, 3, H, W).
    :param classes: (B,) class numbers.
    :param degrees: (B,) by how much each is turned.
    :param possible: (C,) bool: which classes are of the data set.
    """

    images: Bytes
    classes: NDArray[np.int64]
    degrees: NDArray[np.float64]
    possible: NDArray[np.bool_]


class ImageBatches:
    """
    All batches of a run, by their step number: some classes of a data set, some images of each.

    :param images: (N, 3, H, W).
    :param actions: (N) 'data set/label' of each.
    """

    def __init__(self, images: Bytes, actions: Sequence[str], recipe: SkeletonDmlRecipe) -> None:
        self._images = images
        self._recipe = recipe
        names = sorted(set(actions))
        number = {name: index for index, name in enumerate(names)}
        class_of = np.array([number[action] for action in actions])
        self._members = [np.flatnonzero(class_of == index) for index in range(len(names))]
        self._dataset_of = np.array([name.partition('/')[0] for name in names])
        self._datasets = np.unique(self._dataset_of)

    def at(self, step: int) -> ImageBatch:
        """
        Make the batch of a step, counted from 0.

        Every data set is as likely as every other, and in it every class, whatever its size, as the
        `m per class` sampler of the published code has it.
        """
        rng = np.random.default_rng((self._recipe.seed, step))
        config = self._recipe.draw
        possible = self._dataset_of == rng.choice(self._datasets)
        drawn = rng.permutation(np.flatnonzero(possible))[: config.classes]
        places = np.concatenate([self._some(number, rng) for number in drawn])
        most = self._recipe.images.rotation_deg
        return ImageBatch(
            images=self._images[places],
            classes=np.repeat(drawn, config.clips_per_class),
            degrees=rng.uniform(-most, most, len(places)),
            possible=possible,
        )

    def close(self) -> None:
        """Nothing is open."""

    def _some(self, number: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw images of a class, each once where it has enough of them."""
        members, wanted = self._members[number], self._recipe.draw.clips_per_class
        return rng.choice(members, wanted, replace=len(members) < wanted)


class SkeletonDmlSystem(System[SkeletonDmlRecipe]):
    """Images of skeletons, ResNet18, and a metric learned on mined pairs."""

    name: ClassVar[str] = 'skeleton-dml'
    about: ClassVar[str] = 'Skeleton-DML (2021): a clip as an image, ResNet18, multi-similarity'
    recipe_type: ClassVar[type[Recipe]] = SkeletonDmlRecipe
    paper: ClassVar[str] = PAPER
    variants: ClassVar[Mapping[str, Variant]] = VARIANTS
    largest_bytes: ClassVar[int] = 60_000_000

    def __init__(self, recipe: SkeletonDmlRecipe) -> None:
        super().__init__(recipe)
        self._loss = JointLoss(recipe.metric)

    def network(self, classes: Sequence[str]) -> nn.Module:
        return ImageEmbedder(self.recipe.embedder, len(classes))

    def weights_file(self) -> Path | None:
        path = Path(self.recipe.embedder.weights)
        if not self.recipe.embedder.weights:
            return None
        if not path.is_file():
            raise ConfigError(
                f'embedder.weights: there is no file {path}; put the weights of a '
                "ResNet18 trained on ImageNet there, torchvision's state dictionary as "
                'torch.save writes it, or name it by --set embedder.weights=FILE'
            )
        return path

    def begin(self, network: nn.Module) -> None:
        assert isinstance(network, ImageEmbedder)
        path = self.weights_file()
        if path is not None:
            load_imagenet(network.trunk, path)

    def batches(self, samples: Sequence[Sample]) -> ImageBatches:
        (images,) = self.inputs(samples)
        return ImageBatches(images, [sample.action for sample in samples], self.recipe)

    def loss(self, network: nn.Module, batch: ImageBatch) -> Tensor:
        images, classes, possible = tensors(network, (batch.images, batch.classes, batch.possible))
        embeddings, logits = network(rotated(as_input(images), batch.degrees))
        loss: Tensor = self._loss(embeddings, logits, classes, possible)
        return loss

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        config = self.recipe.images
        clips = [sample.clip for sample in samples]
        how = self.recipe.preprocess if config.prepared else None
        return (draw_images(clips, config.representation, config.size, how),)

    @property
    def preprocess(self) -> PreprocessConfig:
        return self.recipe.preprocess

    def exported(self, network: nn.Module) -> nn.Module:
        assert isinstance(network, ImageEmbedder)
        if not self.recipe.images.prepared:
            raise ConfigError(
                'a bundle takes prepared joints, and this network sees the joints of the camera: '
                'train it with --variant prepared'
            )
        return ExportedEmbedder(network, self.recipe.images, self.recipe.preprocess.frames)

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        embeddings, _ = self._seen(network, inputs)
        unit = functional.normalize(embeddings, dim=1)
        return Descriptors.without_tokens(unit.cpu().numpy())

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        _, logits = self._seen(network, inputs)
        return np.asarray(logits.cpu().numpy())

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Make RMSprop, as the paper has it."""
        config = self.recipe.optimizer
        return torch.optim.RMSprop(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def _seen(self, network: nn.Module, inputs: Arrays) -> tuple[Tensor, Tensor]:
        (images,) = tensors(network, inputs)
        embeddings, logits = network(as_input(images))
        return embeddings, logits
