"""A camera whose lens distorts, as calibrations describe it: from pixels to rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skeleton_action_ros.core.camera import Intrinsics

_ROUNDS = 20
_STEP = 1e-6
_RIGHT = np.array([_STEP, 0.0])
_DOWN = np.array([0.0, _STEP])
_CLOSE_PX = 0.01


@dataclass(frozen=True)
class Lens:
    """
    A camera with the rational distortion of OpenCV and of the Azure Kinect.

    :param distortion: k1, k2, p1, p2, k3, k4, k5, k6; zeros are a lens without distortion.
    """

    intrinsics: Intrinsics
    distortion: tuple[float, ...] = (0.0,) * 8

    def slopes(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """
        Return the rays that pixels see.

        :param points_px: (..., 2) columns and rows.
        :return: (..., 2) x / z and y / z; NaN where the lens shows nothing, beyond its circle.
        """
        seen = np.asarray(points_px, np.float64)
        wanted = (seen - self.intrinsics.centre_px) / np.array(self.intrinsics.focal_px)
        if not any(self.distortion):
            return np.asarray(wanted, np.float64)
        slopes = wanted.copy()
        with np.errstate(all='ignore'):
            for _ in range(_ROUNDS):  # Newton's method; few rounds do but at the very edge
                missed = self.distorted(slopes) - wanted
                along_x = (self.distorted(slopes + _RIGHT) - wanted - missed) / _STEP
                along_y = (self.distorted(slopes + _DOWN) - wanted - missed) / _STEP
                area = along_x[..., 0] * along_y[..., 1] - along_x[..., 1] * along_y[..., 0]
                slopes[..., 0] -= (
                    missed[..., 0] * along_y[..., 1] - missed[..., 1] * along_y[..., 0]
                ) / area
                slopes[..., 1] -= (
                    missed[..., 1] * along_x[..., 0] - missed[..., 0] * along_x[..., 1]
                ) / area
            missed_px = (self.distorted(slopes) - wanted) * np.array(self.intrinsics.focal_px)
            slopes[~(np.abs(missed_px).max(axis=-1) < _CLOSE_PX)] = np.nan
        return slopes

    def straightened_px(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """Return where the same camera without distortion would show what these pixels show."""
        focal, centre = np.array(self.intrinsics.focal_px), np.array(self.intrinsics.centre_px)
        return np.asarray(self.slopes(points_px) * focal + centre)

    def distorted(self, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the slopes (..., 2) under which the lens shows rays of these slopes."""
        k1, k2, p1, p2, k3, k4, k5, k6 = self.distortion
        x, y = slopes[..., 0], slopes[..., 1]
        square = x * x + y * y
        radial = (1 + square * (k1 + square * (k2 + square * k3))) / (
            1 + square * (k4 + square * (k5 + square * k6))
        )
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
                y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
            ],
            axis=-1,
        )
