"""What the recogniser asks of a model; ONNX Runtime stands behind it on the robot, a fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip


class Model(Protocol):
    """A loaded model bundle, embedder or closed-set classifier."""

    @property
    def name(self) -> str:
        """Name of the bundle."""

    @property
    def kind(self) -> str:
        """'embedder' or 'classifier'."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of a classifier, in the order of its logits; empty for an embedder."""

    @property
    def preprocess(self) -> PreprocessConfig:
        """How its inputs are prepared."""

    @property
    def threshold(self) -> float:
        """Similarity (embedder) or probability (classifier) from which a match counts."""

    def infer(
        self, joints: NDArray[np.float32], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """
        Run prepared clips through the model.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :return: unit-length embeddings (B, D), or logits (B, labels).
        """


@dataclass(frozen=True)
class PreparedBatch:
    """Model input for several clips."""

    joints: NDArray[np.float32]
    mask: NDArray[np.float32]


def prepare_batch(clips: Sequence[Clip], config: PreprocessConfig) -> PreparedBatch:
    """
    Prepare several clips for one call of a model.

    :raises BadClipError: a clip cannot be placed, as `prepare` says.
    """
    joints = np.zeros((len(clips), config.frames, 15, 3), np.float32)
    mask = np.zeros((len(clips), config.frames, 15), np.float32)
    for index, clip in enumerate(clips):
        joints[index], mask[index] = prepare(clip, config)
    return PreparedBatch(joints, mask)


def infer_clips(model: Model, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """
    Prepare clips and run them through the model in one batch.

    :return: (clips, D) embeddings or (clips, labels) logits.
    :raises BadClipError: a clip cannot be placed.
    """
    batch = prepare_batch(clips, model.preprocess)
    return model.infer(batch.joints, batch.mask)
