"""How far bodies are from one another, and how differently they are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import LAYOUTS, Common15, to_common_15
from skeleton_action_ros.core.skeleton import SkeletonFrame

_PARENTS, _CHILDREN = (np.array(ends) for ends in zip(*LAYOUTS['common_15'].bones, strict=True))
_TRUNK = [
    Common15.NECK,
    Common15.TORSO,
    Common15.SHOULDER_LEFT,
    Common15.SHOULDER_RIGHT,
    Common15.HIP_LEFT,
    Common15.HIP_RIGHT,
]
_LIMB = 0.05
_WEIGHTS = np.full(len(Common15), _LIMB, np.float32)
_WEIGHTS[_TRUNK] = 1.0
_FEWEST_BONES = 4
_LONGEST_MEMORY = 30.0
_LEAST_M = 1e-3


@dataclass(frozen=True)
class Bodies:
    """
    N bodies in the joints of `common_15`.

    :param joints_m: (N, 15, 3) float32, optical frame.
    :param seen: (N, 15) float32, 1 where the joint is seen, else 0.
    :param bones_m: (N, 14) float32, lengths, averaged where a body was seen more than once.
    :param bone_counts: (N, 14) float32, over how many frames; 0: never seen.
    """

    joints_m: NDArray[np.float32]
    seen: NDArray[np.float32]
    bones_m: NDArray[np.float32]
    bone_counts: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.seen)

    def rows(self, index: Sequence[int]) -> Bodies:
        """Return some of them, in this order."""
        at = np.array(index, np.intp)
        return Bodies(self.joints_m[at], self.seen[at], self.bones_m[at], self.bone_counts[at])

    def joined(self, others: Bodies) -> Bodies:
        """Return them and others after them."""
        return Bodies(
            np.concatenate([self.joints_m, others.joints_m]),
            np.concatenate([self.seen, others.seen]),
            np.concatenate([self.bones_m, others.bones_m]),
            np.concatenate([self.bone_counts, others.bone_counts]),
        )

    def moved(self, by_m: NDArray[np.float32]) -> Bodies:
        """Return them elsewhere: each by its row of (N, 3)."""
        return Bodies(self.joints_m + by_m[:, None], self.seen, self.bones_m, self.bone_counts)

    def bones_with(self, before: Bodies) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return lengths and counts of bones averaged with those of the same bodies `before`."""
        counts = np.minimum(before.bone_counts, _LONGEST_MEMORY)
        both = counts + self.bone_counts
        bones = counts * before.bones_m + self.bone_counts * self.bones_m
        return bones / np.maximum(both, 1.0), both


def bodies_of(frames: Sequence[SkeletonFrame]) -> Bodies:
    """Return the bodies of frames of any layouts; a joint without confidence is not seen."""
    joints = np.zeros((len(frames), len(Common15), 3), np.float32)
    confidence = np.zeros((len(frames), len(Common15)), np.float32)
    for layout in {frame.layout for frame in frames}:
        rows = [row for row, frame in enumerate(frames) if frame.layout == layout]
        joints[rows], confidence[rows] = to_common_15(
            np.stack([frames[row].joints_m for row in rows]),
            np.stack([frames[row].confidence for row in rows]),
            layout,
        )
    seen = (confidence > 0.0).astype(np.float32)
    bones = joints[:, _CHILDREN] - joints[:, _PARENTS]
    shown = seen[:, _CHILDREN] * seen[:, _PARENTS]
    return Bodies(joints, seen, np.sqrt((bones * bones).sum(axis=2)) * shown, shown)


def nobody() -> Bodies:
    """Return no bodies."""
    return bodies_of(())


def distances_m(some: Bodies, others: Bodies) -> NDArray[np.float32]:
    """
    Measure how far each of `some` is from each of `others`, (N, M) metres.

    It is the distance of their trunks, by the joints that both show, so that neither moving limbs
    nor hidden joints count as a way; by all that is seen where no joint is shown by both.
    """
    a, b = some.seen * _WEIGHTS, others.seen
    common = a @ b.T
    here = (a[:, :, None] * some.joints_m).transpose(2, 0, 1) @ b.T
    there = a @ (b[:, :, None] * others.joints_m).transpose(2, 1, 0)
    between = (here - there) / np.maximum(common, _LIMB)
    if not common.all():
        middles = _middles(some)[:, None] - _middles(others)[None]
        between = np.where(common > 0.0, between, middles.transpose(2, 0, 1))
    return np.asarray(np.sqrt((between * between).sum(axis=0)), np.float32)


def ways_m(bodies: Bodies, before: Bodies) -> NDArray[np.float32]:
    """Return how far, and where to, each trunk has moved since `before`, row by row: (N, 3)."""
    both = (bodies.seen * before.seen * _WEIGHTS)[:, :, None]
    way = (both * (bodies.joints_m - before.joints_m)).sum(axis=1)
    return np.asarray(way / np.maximum(both.sum(axis=1), _LIMB), np.float32)


def unlikenesses(some: Bodies, others: Bodies) -> NDArray[np.float32]:
    """
    Measure how differently bodies are built: (N, M), mean difference of bones by their length.

    0 where fewer than four bones of both are known.
    """
    both = (some.bone_counts[:, None] > 0.0) & (others.bone_counts[None] > 0.0)
    difference = np.abs(some.bones_m[:, None] - others.bones_m[None]) * both
    length = (others.bones_m[None] * both).sum(axis=2)
    share = difference.sum(axis=2) / np.maximum(length, _LEAST_M)
    return np.asarray(np.where(both.sum(axis=2) < _FEWEST_BONES, 0.0, share), np.float32)


def _middles(bodies: Bodies) -> NDArray[np.float32]:
    """Return the mean of the joints seen, (N, 3)."""
    total = (bodies.joints_m * bodies.seen[:, :, None]).sum(axis=1)
    return np.asarray(total / np.maximum(bodies.seen.sum(axis=1), 1.0)[:, None], np.float32)
