"""How a person stands at a moment, and how different two postures are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import to_common_15
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

AWAY_M = 0.2
"""Postures farther apart than this are different ones."""
POSTURE_NS = NS_PER_S // 3
"""A posture is the median over this time, nanoseconds."""
_MOST_MOVED = 2


class Postures:
    """Where the joints are around a time, NaN where they are not seen."""

    def __init__(self, clip: Clip) -> None:
        joints, confidence = to_common_15(clip.joints_m, clip.confidence, clip.layout)
        self._stamps_ns = clip.stamps_ns
        self._joints_m = np.where(confidence[..., None] > 0.0, joints, np.float32(np.nan))

    def median(self, start_ns: int, end_ns: int) -> NDArray[np.float32]:
        """Return the median posture (15, 3), metres; all NaN where the clip has no frame."""
        first, last = np.searchsorted(self._stamps_ns, (start_ns, end_ns + 1))
        frames = np.sort(self._joints_m[first:last], axis=0)
        if len(frames) == 0:
            return np.full((15, 3), np.nan, np.float32)
        count = np.isfinite(frames).sum(axis=0)
        middle = np.maximum(count - 1, 0) // 2
        median: NDArray[np.float32] = np.take_along_axis(frames, middle[None], axis=0)[0]
        return median


def distance_m(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return how far the most moved joints went, wherever the body stands; inf: unknown."""
    moved = other - one
    moved = moved[np.isfinite(moved).all(axis=1)]
    if len(moved) < _MOST_MOVED:
        return float('inf')
    apart = np.linalg.norm(moved - np.median(moved, axis=0), axis=1)
    return float(np.sort(apart)[-_MOST_MOVED:].mean())
