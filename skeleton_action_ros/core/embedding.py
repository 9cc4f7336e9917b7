"""What the recogniser asks of a model; behind it is ONNX Runtime on the robot, a fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents, prepare
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

    def infer(self, joints: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Run prepared clips through the model.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :return: unit-length embeddings (B, D), or logits (B, labels).
        """


@dataclass(frozen=True)
class Inferred:
    """
    What a model says about several clips.

    :param rows: (usable clips, D) embeddings or logits, in the order of `usable`.
    :param extents: (usable clips,) how large each motion is, trunk lengths.
    :param usable: (usable clips,) indices of the clips that could be placed.
    :param failures: why each of the others could not, by its index.
    """

    rows: NDArray[np.float32]
    extents: NDArray[np.float32]
    usable: NDArray[np.intp]
    failures: dict[int, str]


def infer_clips(model: Model, clips: Sequence[Clip]) -> Inferred:
    """Prepare clips and run all that can be placed through the model in one batch."""
    prepared = {}
    failures = {}
    for index, clip in enumerate(clips):
        try:
            prepared[index] = prepare(clip, model.preprocess)
        except BadClipError as error:
            failures[index] = str(error)
    frames, joints = model.preprocess.frames, len(Common15)
    batch = np.zeros((len(prepared), frames, joints, 3), np.float32)
    mask = np.zeros((len(prepared), frames, joints), np.float32)
    for row, (clip_joints, clip_mask) in enumerate(prepared.values()):
        batch[row], mask[row] = clip_joints, clip_mask
    usable = np.array(list(prepared), np.intp)
    return Inferred(model.infer(batch, mask), extents(batch, mask), usable, failures)
