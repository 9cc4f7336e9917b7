"""What the recogniser asks of a model; behind it is ONNX Runtime on the robot, a fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip

if TYPE_CHECKING:
    from skeleton_action_ros.core.calibration import OpenSet
    from skeleton_action_ros.core.similarity import SimilarityConfig


@dataclass(frozen=True)
class Descriptors:
    """
    What an embedder says about N motions; `similarity.similarities` compares them.

    :param embeddings: (N, D), the whole of each motion, unit length.
    :param tokens: (N, K, d), one for each of K stretches of time in their order, each of unit
        length; K is 0 where the model gives none.
    :param extents: (N,), how large each motion is in trunk lengths, as from `preprocess.extents`.
    """

    embeddings: NDArray[np.float32]
    tokens: NDArray[np.float32]
    extents: NDArray[np.float32]

    @classmethod
    def without_tokens(
        cls, embeddings: NDArray[np.float32], extents: NDArray[np.float32] | None = None
    ) -> Descriptors:
        """Wrap the embeddings (N, D) of a model that has no tokens; all as large as another."""
        if extents is None:
            extents = np.ones(len(embeddings), np.float32)
        return cls(embeddings, np.zeros((len(embeddings), 0, 0), np.float32), extents)

    @classmethod
    def joined(cls, parts: Sequence[Descriptors]) -> Descriptors:
        """
        Put several one after the other.

        :param parts: at least one; all of one model.
        """
        return cls(
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.extents for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> Descriptors:
        """Return those of some motions: a slice, places, or a mask (N,)."""
        return Descriptors(self.embeddings[rows], self.tokens[rows], self.extents[rows])


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

    @property
    def similarity(self) -> SimilarityConfig:
        """How the descriptors of this embedder are compared."""

    @property
    def open_set(self) -> OpenSet:
        """What it brings along to tell what was taught from all else."""

    def infer(self, joints: NDArray[np.float32], mask: NDArray[np.float32]) -> Descriptors:
        """
        Describe prepared clips; for embedders.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :raises BundleError: it is a classifier.
        """

    def classify(
        self, joints: NDArray[np.float32], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """
        Return logits (B, labels) of prepared clips; for classifiers.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :raises BundleError: it is an embedder.
        """


@dataclass(frozen=True)
class Prepared:
    """
    Several clips as the input of a model.

    :param joints: (usable clips, T, 15, 3) as from `prepare`, in the order of `usable`.
    :param mask: (usable clips, T, 15).
    :param usable: (usable clips,) indices of the clips that could be placed.
    :param failures: why each of the others could not, by its index.
    """

    joints: NDArray[np.float32]
    mask: NDArray[np.float32]
    usable: NDArray[np.intp]
    failures: dict[int, str]


def prepare_clips(clips: Sequence[Clip], config: PreprocessConfig) -> Prepared:
    """Prepare all clips that can be placed."""
    prepared = {}
    failures = {}
    for index, clip in enumerate(clips):
        try:
            prepared[index] = prepare(clip, config)
        except BadClipError as error:
            failures[index] = str(error)
    joints = np.zeros((len(prepared), config.frames, len(Common15), 3), np.float32)
    mask = np.zeros((len(prepared), config.frames, len(Common15)), np.float32)
    for row, (clip_joints, clip_mask) in enumerate(prepared.values()):
        joints[row], mask[row] = clip_joints, clip_mask
    return Prepared(joints, mask, np.array(list(prepared), np.intp), failures)
