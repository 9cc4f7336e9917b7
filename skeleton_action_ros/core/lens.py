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
_CLOSE_PX = 0.001


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
        centre, focal = np.array([self.intrinsics.centre_px, self.intrinsics.focal_px])
        wanted: NDArray[np.float64] = (seen - centre) / focal
        if not any(self.distortion):
            return wanted
        flat = wanted.reshape(-1, 2)
        slopes, missed = flat.copy(), self.distorted(flat) - flat
        open_ = np.arange(len(flat))
        with np.errstate(all='ignore'):
            for _ in range(_ROUNDS):  # Newton's method; few rounds do but at the very edge
                open_ = open_[np.abs(missed[open_]).max(axis=1) * focal.max() > _CLOSE_PX / 10]
                if not len(open_):
                    break
                at, off = slopes[open_], missed[open_]
                along_x = (self.distorted(at + _RIGHT) - flat[open_] - off) / _STEP
                along_y = (self.distorted(at + _DOWN) - flat[open_] - off) / _STEP
                area = along_x[:, 0] * along_y[:, 1] - along_x[:, 1] * along_y[:, 0]
                at[:, 0] -= (off[:, 0] * along_y[:, 1] - off[:, 1] * along_y[:, 0]) / area
                at[:, 1] -= (off[:, 1] * along_x[:, 0] - off[:, 0] * along_x[:, 1]) / area
                slopes[open_], missed[open_] = at, self.distorted(at) - flat[open_]
            slopes[~(np.abs(missed * focal).max(axis=1) < _CLOSE_PX)] = np.nan
        return slopes.reshape(wanted.shape)

    def straightened_px(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """Return where the same camera without distortion would show what these pixels show."""
        focal, centre = np.array(self.intrinsics.focal_px), np.array(self.intrinsics.centre_px)
        straight: NDArray[np.float64] = self.slopes(points_px) * focal + centre
        return straight

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
