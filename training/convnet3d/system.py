"""The 3D-ConvNet and LSTM under the training framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training import parallel
from training.config import Recipe
from training.convnet3d.boxes import person_frames
from training.convnet3d.contrast import contrast_normalised
from training.convnet3d.drawing import Drawing
from training.convnet3d.network import WINDOW, TwoSteps
from training.convnet3d.recipe import VARIANTS, ConvNet3dRecipe
from training.data import Sample
from training.shots import has_video, shot_of
from training.system import Arrays, System, Variant, scheduled, tensors

Frames = NDArray[np.float16]

_AT_ONCE = 32


@dataclass(frozen=True)
class StretchBatch:
    """
    One step's stretches of clips.

    :param frames: (B, T, 54, 34); a shorter stretch goes on with its last frame.
    :param windows: (B,) how many windows of each are its own.
    :param classes: (B,) class numbers.
    :param labelling: whether the LSTM is learned from it, not the 3D-ConvNet.
    """

    frames: Frames
    windows: NDArray[np.int64]
    classes: NDArray[np.int64]
    labelling: bool


class StretchBatches:
    """
    All batches of a run, by their step number.

    :param clips: (T, 54, 34) each, T at least 9.
    :param actions: 'data set/label' of each.
    """

    def __init__(
        self, clips: Sequence[Frames], actions: Sequence[str], recipe: ConvNet3dRecipe
    ) -> None:
        self._clips = clips
        self._recipe = recipe
        self._classes = np.unique(np.array(actions), return_inverse=True)[1].astype(np.int64)

    def at(self, step: int) -> StretchBatch:
        """
        Make the batch of a step, counted from 0; every clip is as likely as every other.

        Where several processes train together, each has one of as many batches a step.
        """
        rng = np.random.default_rng((self._recipe.seed, step))
        config = self._recipe.stretch
        labelling = step // parallel.size() >= convnet_steps(self._recipe)
        most = max(config.sequence_frames if labelling else config.frames, WINDOW)
        places = rng.choice(len(self._clips), config.clips, replace=len(self._clips) < config.clips)
        stretches = [self._stretch(self._clips[place], most, rng) for place in places]
        longest = max(len(stretch) for stretch in stretches)
        return StretchBatch(
            frames=np.stack([lengthened(stretch, longest) for stretch in stretches]),
            windows=np.array([len(stretch) - WINDOW + 1 for stretch in stretches]),
            classes=self._classes[places],
            labelling=labelling,
        )

    def close(self) -> None:
        """Nothing is open."""

    def _stretch(self, clip: Frames, most: int, rng: np.random.Generator) -> Frames:
        first = int(rng.integers(max(len(clip) - most, 0) + 1))
        stretch = clip[first : first + most]
        upside_down, mirrored = rng.integers(2, size=2)
        if self._recipe.frames.flips and upside_down:
            stretch = stretch[:, ::-1]
        if self._recipe.frames.mirrors and mirrored:
            stretch = stretch[:, :, ::-1]
        return stretch


class DrawnTwoSteps(nn.Module):
    """What a bundle has: joints are drawn, and the drawing is named."""

    def __init__(self, network: TwoSteps, *, contrast: bool) -> None:
        super().__init__()
        self.network = network
        self.drawing = Drawing()
        self._contrast = contrast

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Name prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`.
        :param mask: (B, T, 15).
        :return: logits (B, classes).
        """
        logits: Tensor = self.network(self.frames(joints, mask))
        return logits

    def frames(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Draw prepared clips: (B, T, 54, 34)."""
        return as_input(self.drawing(joints, mask), contrast=self._contrast)


class ConvNet3dSystem(System[ConvNet3dRecipe]):
    """
    A 3D-ConvNet learns to name windows of nine frames; then, with its weights held, an LSTM learns
    to name sequences by its descriptors.

    The loss of a clip is the mean cross-entropy over its windows, or over the LSTM's steps.
    """

    name: ClassVar[str] = 'convnet3d'
    about: ClassVar[str] = '3D-ConvNet and LSTM (2011): nine frames of video, named in sequence'
    paper: ClassVar[str] = (
        'Sequential deep learning for human action recognition (Baccouche et al., 2011)'
    )
    variants: ClassVar[Mapping[str, Variant]] = VARIANTS
    kind: ClassVar[str] = 'classifier'
    recipe_type: ClassVar[type[Recipe]] = ConvNet3dRecipe

    @property
    def preprocess(self) -> PreprocessConfig:
        return self.recipe.preprocess

    def network(self, classes: Sequence[str]) -> TwoSteps:
        return TwoSteps(len(classes), self.recipe.labeller.cells)

    def batches(self, samples: Sequence[Sample]) -> StretchBatches:
        return StretchBatches(
            [lengthened(clip, WINDOW) for clip in self._seen(samples)],
            [sample.action for sample in samples],
            self.recipe,
        )

    def loss(self, network: nn.Module, batch: StretchBatch) -> Tensor:
        """
        Compute the loss of a batch.

        Changes `requires_grad` of all weights: those of the network that learns from this batch
        have it afterwards, all others do not, so that no process of several averages them.
        """
        assert isinstance(network, TwoSteps)
        frames, windows, classes = tensors(network, (batch.frames, batch.windows, batch.classes))
        learned = network.labeller if batch.labelling else network.convnet
        assert learned is not None
        network.requires_grad_(False)
        learned.requires_grad_(True)
        logits = learned(network.convnet.descriptors(frames.float()))
        wanted = classes[:, None].expand(logits.shape[:2])
        losses = functional.cross_entropy(logits.transpose(1, 2), wanted, reduction='none')
        own = torch.arange(losses.shape[1], device=losses.device) < windows[:, None]
        return ((losses * own).sum(1) / windows).mean()

    def files(self, samples: Sequence[Sample]) -> list[Path]:
        """Return the videos of clips, where video is learned from."""
        if self.recipe.frames.source != 'video':
            return []
        return [shot_of(sample).path for sample in samples if has_video(sample)]

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        """Return frames (N, T, 54, 34), and how many (N,) of each are its own."""
        clips = [lengthened(clip, WINDOW) for clip in self._seen(samples)]
        lengths = np.array([len(clip) for clip in clips], np.int64)
        longest = int(lengths.max(initial=WINDOW))
        return np.stack([lengthened(clip, longest) for clip in clips]), lengths

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} names clips and does not compare them')

    def logits(self, network: nn.Module, inputs: Arrays) -> NDArray[np.float32]:
        assert isinstance(network, TwoSteps)
        frames, lengths = inputs
        out = np.zeros((len(frames), network.convnet.n2.out_features), np.float32)
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            for first in range(0, len(places), _AT_ONCE):
                some = places[first : first + _AT_ONCE]
                (part,) = tensors(network, (frames[some, :length],))
                out[some] = network(part.float()).cpu().numpy()
        return out

    def exported(self, network: nn.Module) -> nn.Module:
        if self.recipe.frames.source != 'drawn':
            raise ConfigError(
                'a bundle takes prepared joints, and this network takes video: train one with '
                '--variant drawn'
            )
        assert isinstance(network, TwoSteps)
        return DrawnTwoSteps(network, contrast=self.recipe.frames.contrast)

    def may_be_best(self, step: int) -> bool:
        """Say no while the LSTM, which names the clips, has not begun to learn."""
        return step > convnet_steps(self.recipe) or not self.recipe.labeller.cells

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step; each network has a schedule of its own."""
        config, first = self.recipe.optimizer, convnet_steps(self.recipe)
        if step < first:
            return scheduled(replace(config, steps=first), step)
        rate, steps = self.recipe.labeller.learning_rate, self.recipe.labeller.steps
        return scheduled(replace(config, steps=steps, learning_rate=rate), step - first)

    def _seen(self, samples: Sequence[Sample]) -> list[Frames]:
        """Return what the 3D-ConvNet sees of clips: (T, 54, 34) each."""
        if self.recipe.frames.source == 'video':
            return [person_frames(sample) for sample in samples]
        return [self._drawn(sample) for sample in samples]

    def _drawn(self, sample: Sample) -> Frames:
        joints, mask = prepare(sample.clip, self.preprocess)
        return drawing_of(joints.tobytes(), mask.tobytes(), contrast=self.recipe.frames.contrast)


def convnet_steps(recipe: ConvNet3dRecipe) -> int:
    """Return how many of the first steps the 3D-ConvNet learns."""
    return recipe.optimizer.steps - (recipe.labeller.steps if recipe.labeller.cells else 0)


@lru_cache(maxsize=1024)
def drawing_of(joints: bytes, mask: bytes, *, contrast: bool) -> Frames:
    """
    Draw a clip (T, 54, 34); folds and seeds have the same clips, of which the last are kept.

    :param joints: float32 (T, 15, 3) as from `prepare`; mask: likewise (T, 15).
    """
    masks = torch.from_numpy(np.frombuffer(mask, np.float32).copy()).reshape(1, -1, 15)
    placed = torch.from_numpy(np.frombuffer(joints, np.float32).copy()).reshape(*masks.shape, 3)
    with torch.inference_mode():
        drawn = as_input(Drawing()(placed, masks), contrast=contrast)
    return np.asarray(drawn[0].numpy(), np.float16)


def as_input(drawn: Tensor, *, contrast: bool) -> Tensor:
    """Bring drawings (B, T, 54, 34), from 0 to 1, to where a tanh distinguishes them."""
    return contrast_normalised(drawn) if contrast else 4.0 * drawn


def lengthened(clip: Frames, frames: int) -> Frames:
    """Go on with the last frame where a clip (T, ...) has fewer frames."""
    if len(clip) >= frames:
        return clip
    return np.concatenate((clip, np.repeat(clip[-1:], frames - len(clip), axis=0)))
