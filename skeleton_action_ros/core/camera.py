"""The pinhole camera: from joints about the hips and their places in the image to the room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.pose_estimation import ImagePose

NEAREST_M = 0.3
"""Nobody is seen whole so near: a smaller distance is an error of the estimate."""
FARTHEST_M = 30.0
"""Nobody is found in an image who is farther away."""
_LEAST_SEEN = 4
_WELL_SEEN = 0.5


@dataclass(frozen=True)
class Intrinsics:
    """
    A camera without distortion.

    :param focal_px: focal lengths along columns and rows, pixels.
    :param centre_px: column and row where the optical axis meets the image.
    :raises ImageError: a focal length is not positive, or a number is not finite.
    """

    focal_px: tuple[float, float]
    centre_px: tuple[float, float]

    def __post_init__(self) -> None:
        if not (
            all(math.isfinite(value) for value in (*self.focal_px, *self.centre_px))
            and min(self.focal_px) > 0.0
        ):
            raise ImageError(
                'calibration',
                'calibration needs positive focal lengths and a finite centre, got '
                f'focal {self.focal_px}, centre {self.centre_px}: is the camera calibrated?',
            )


def guessed_intrinsics(width: int, height: int, view_deg: float) -> Intrinsics:
    """Return the camera of an image whose width spans `view_deg`; the axis meets its middle."""
    focal_px = width / 2.0 / math.tan(math.radians(view_deg) / 2.0)
    return Intrinsics((focal_px, focal_px), (width / 2.0, height / 2.0))


def placed(pose: ImagePose, camera: Intrinsics) -> NDArray[np.float32]:
    """
    Return where the hips' middle must be so that the joints project to their places in the image.

    The place is the least-squares one over the joints that are well seen.

    :return: (3,) metres, optical frame, between `NEAREST_M` and `FARTHEST_M` away.
    :raises ImageError: too few joints are seen to tell.
    """
    weights = np.where(pose.visibility >= _WELL_SEEN, pose.visibility, 0.0).astype(np.float64)
    if np.count_nonzero(weights) < _LEAST_SEEN:
        raise ImageError(
            'hardly_seen',
            f'a person can be placed by {_LEAST_SEEN} joints or more, got '
            f'{np.count_nonzero(weights)} with visibility of at least {_WELL_SEEN}',
        )
    slopes = (pose.image_px - np.array(camera.centre_px)) / np.array(camera.focal_px)
    joints = pose.joints_m.astype(np.float64)
    # A joint at (X + x, Y + y, Z + z) is seen at slope (X + x) / (Z + z): linear in x, y and z.
    rows, wanted = [], []
    for axis in (0, 1):
        row = np.zeros((len(joints), 3))
        row[:, axis], row[:, 2] = 1.0, -slopes[:, axis]
        rows.append(row * weights[:, None])
        wanted.append((slopes[:, axis] * joints[:, 2] - joints[:, axis]) * weights)
    place, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(wanted), rcond=None)
    if not NEAREST_M <= place[2] <= FARTHEST_M:
        return _at_distance(slopes, weights, float(np.clip(place[2], NEAREST_M, FARTHEST_M)))
    return np.asarray(place, np.float32)


def _at_distance(
    slopes: NDArray[np.float64], weights: NDArray[np.float64], distance_m: float
) -> NDArray[np.float32]:
    """Return the place in the direction of the joints' middle."""
    middle = (slopes * weights[:, None]).sum(axis=0) / weights.sum()
    return np.array([*(middle * distance_m), distance_m], np.float32)
