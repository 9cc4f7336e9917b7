"""A tree of coordinate frames, each known by its latest transform from its parent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadSkeletonError

MOST_FRAMES = 2000
"""More frames than this are not remembered: those set longest ago are forgotten."""


@dataclass(frozen=True)
class FrameTransform:
    """
    Where a frame is in its parent.

    :param position_m: (3,), metres.
    :param rotation: (3, 3), from the frame's axes to the parent's.
    """

    parent: str
    child: str
    stamp_ns: int
    position_m: NDArray[np.float64]
    rotation: NDArray[np.float64]


def rotation_of(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the rotation matrix of a quaternion (x, y, z, w) of any length but 0.

    :raises BadSkeletonError: it is 0 or not finite; reason 'rotation'.
    """
    length = float(np.linalg.norm(quaternion))
    if not np.isfinite(length) or length < 1e-9:
        raise BadSkeletonError(
            'rotation', f'a rotation must be a quaternion, got {quaternion.tolist()}'
        )
    x, y, z, w = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


class FrameTree:
    """Composes transforms; it does not interpolate in time, the latest of each frame counts."""

    def __init__(self) -> None:
        self._frames: OrderedDict[str, FrameTransform] = OrderedDict()

    def set(self, transform: FrameTransform) -> None:
        """Remember where a frame is."""
        self._frames[transform.child] = transform
        self._frames.move_to_end(transform.child)
        if len(self._frames) > MOST_FRAMES:
            self._frames.popitem(last=False)

    def parent(self, frame: str) -> str:
        """Return the parent of a frame, empty where it is not known."""
        transform = self._frames.get(frame)
        return transform.parent if transform else ''

    def position_m(self, frame: str, wanted: str) -> NDArray[np.float64]:
        """
        Return where the origin of a frame is in another one, (3,), metres.

        :raises BadSkeletonError: the two are not connected, or a frame is its own ancestor; reason
            'frames'.
        """
        position, _, root = self._in_root(frame)
        origin, rotation, other = self._in_root(wanted)
        if root != other:
            raise BadSkeletonError(
                'frames',
                f'{frame} hangs on {root}, and {wanted} on {other}: they are not connected',
            )
        return rotation.T @ (position - origin)

    def _in_root(self, frame: str) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
        """Return position and axes of a frame in the frame that it hangs on, and that one."""
        position, rotation = np.zeros(3), np.eye(3)
        at, met = frame, {frame}
        while at in self._frames:
            step = self._frames[at]
            position = step.rotation @ position + step.position_m
            rotation = step.rotation @ rotation
            at = step.parent
            if at in met:
                raise BadSkeletonError('frames', f'{frame} hangs on itself, by way of {at}')
            met.add(at)
        return position, rotation, at
