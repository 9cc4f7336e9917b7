"""Depth and colour of two cameras side by side as one camera would see both, without a GPU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.lens import Lens

_DENSITY = 1.5


class DepthRegistration:
    """
    Moves depth images of one size, and colour images of another, into a straightened colour camera.

    The result is coarser than the colour image where the depth image is: so coarse that its
    neighbouring pixels leave no gaps. What the colour camera sees and the depth camera does not
    (the shadow beside whatever is near) stays 0.

    :param depth: the depth camera.
    :param depth_size: its (rows, columns).
    :param color: the colour camera; its distortion is gone in the results.
    :param color_size: its (rows, columns).
    :param rotation: (3, 3), from the axes of the depth camera to those of the colour camera.
    :param translation_m: (3,), metres: where the depth camera is for the colour camera.
    """

    def __init__(
        self,
        depth: Lens,
        depth_size: tuple[int, int],
        color: Lens,
        color_size: tuple[int, int],
        rotation: NDArray[np.float64],
        translation_m: NDArray[np.float64],
    ) -> None:
        rows, columns = np.mgrid[: depth_size[0], : depth_size[1]]
        slopes = depth.slopes(np.stack([columns, rows], axis=-1))
        rays = np.concatenate([slopes, np.ones((*depth_size, 1))], axis=-1)
        self._size = depth_size
        self._usable = np.isfinite(slopes).all(axis=-1).ravel()
        turned = np.nan_to_num(rays).reshape(-1, 3) @ np.asarray(rotation).T
        self._color_size = color_size
        fine_px = color.intrinsics.focal_px[0]
        scale = min(1.0, depth.intrinsics.focal_px[0] / (_DENSITY * fine_px))
        self.camera = scaled(color.intrinsics, scale)
        self._shape = (round(color_size[0] * scale), round(color_size[1] * scale))
        # A pixel of depth d comes to the columns, rows and depths (ray d + start): the first two
        # times depth.
        (fx, fy), (cx, cy) = self.camera.focal_px, self.camera.centre_px
        matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        self._rays = np.ascontiguousarray((turned @ matrix.T).T, np.float32)
        self._starts = (matrix @ np.asarray(translation_m, np.float64).reshape(3)).astype(
            np.float32
        )
        self._shown, self._from_row, self._from_column = self._places_of(color)

    def register(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Return what the colour camera sees.

        :param depth_m: (rows, columns) metres along the depth camera's axis; 0: not measured.
        :return: (rows, columns) of `camera`, metres along its axis, 0 where nothing is known; the
            nearest surface where several meet.
        :raises ImageError: the image is of another size.
        """
        if depth_m.shape != self._size:
            raise ImageError(
                'depth_size',
                f'a depth image of this calibration is {self._size[0]} x {self._size[1]} '
                f'(rows x columns), got {depth_m.shape}',
            )
        given_m = np.asarray(depth_m, np.float32).ravel()
        rows, columns = self._shape
        depths_m = self._rays[2] * given_m + self._starts[2]
        with np.errstate(all='ignore'):  # what is beside or behind the camera is left out below
            column = (self._rays[0] * given_m + self._starts[0]) / depths_m
            row = (self._rays[1] * given_m + self._starts[1]) / depths_m
        inside = self._usable & (given_m > 0.0) & (depths_m > 0.0)
        inside &= (column > -0.5) & (column < columns - 0.5) & (row > -0.5) & (row < rows - 0.5)
        places = np.rint(row[inside]).astype(np.int64) * columns
        places += np.rint(column[inside]).astype(np.int64)
        seen_m = np.full(rows * columns, np.inf, np.float32)
        np.minimum.at(seen_m, places, depths_m[inside])
        seen_m[np.isinf(seen_m)] = 0.0
        return seen_m.reshape(rows, columns)

    def straighten(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Return what `camera` sees in a colour image; black where the image ends.

        :param pixels: (rows, columns, channels) of the colour camera.
        :raises ImageError: the image is of another size.
        """
        if pixels.shape[:2] != self._color_size:
            raise ImageError(
                'image_size',
                f'a colour image of this calibration is {self._color_size[0]} x '
                f'{self._color_size[1]} (rows x columns), got {pixels.shape}',
            )
        seen = pixels[self._from_row, self._from_column]
        seen[~self._shown] = 0
        return seen

    def _places_of(
        self, color: Lens
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return for each pixel of `camera` whether the colour camera shows it, and where."""
        rows, columns = np.mgrid[: self._shape[0], : self._shape[1]]
        places = np.stack([columns, rows], axis=-1)
        slopes = (places - np.array(self.camera.centre_px)) / np.array(self.camera.focal_px)
        seen = color.distorted(slopes) * np.array(color.intrinsics.focal_px)
        seen = np.rint(seen + np.array(color.intrinsics.centre_px))
        height, width = self._color_size
        column, row = seen[..., 0], seen[..., 1]
        shown = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        clipped = np.clip(seen, 0, (width - 1, height - 1)).astype(np.int64)
        return shown, clipped[..., 1], clipped[..., 0]


def scaled(camera: Intrinsics, scale: float) -> Intrinsics:
    """Return the camera of the same image at another resolution; pixels are at whole numbers."""
    fx, fy = camera.focal_px
    cx, cy = camera.centre_px
    return Intrinsics(
        (fx * scale, fy * scale), ((cx + 0.5) * scale - 0.5, (cy + 0.5) * scale - 0.5)
    )
