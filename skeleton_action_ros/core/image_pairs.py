"""Which depth image belongs to which colour image, when the two come one by one."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.skeleton import NS_PER_S

_KEPT = 8


class ImagePairs:
    """
    Holds the newest colour image until its depth image has come, or surely will not.

    `dropped` counts the colour images that another one came after before they were used.

    :param sync_s: a pair is no farther apart in time.
    :param with_depth: whether depth images are to come at all.
    """

    def __init__(self, sync_s: float, with_depth: bool) -> None:
        self._sync_ns = round(sync_s * NS_PER_S)
        self._with_depth = with_depth
        self._depths: deque[tuple[int, NDArray[np.float32]]] = deque(maxlen=_KEPT)
        self._colour: ColourImage | None = None
        self._waited = False
        self.counts: Counter[str] = Counter()

    def push_depth(self, stamp_ns: int, depth_m: NDArray[np.float32]) -> None:
        """Add a depth image, (H, W) metres."""
        if self._depths and stamp_ns < self._depths[-1][0]:
            self._depths.clear()  # time has jumped back
        self._depths.append((stamp_ns, depth_m))

    def push_colour(self, image: ColourImage) -> None:
        """Add a colour image in place of one that still waits."""
        if self._colour is not None:
            self.counts['dropped_images'] += 1
        self._waited = self._colour is not None
        self._colour = image

    def take(self) -> tuple[ColourImage | None, ImageError | None]:
        """
        Return the colour image that can be used now, with depth where it has come.

        It waits for its depth image until a later one of either kind has come.

        :return: None: there is none yet; and what is wrong with its depth, if something is.
        """
        image = self._colour
        if image is None:
            return None, None
        if not self._with_depth:
            self._colour = None
            return image, None
        at, depth_m = min(
            self._depths,
            key=lambda entry: abs(entry[0] - image.stamp_ns),
            default=(0, np.zeros((0, 0), np.float32)),
        )
        apart_ns = abs(at - image.stamp_ns)
        if self._depths and apart_ns <= self._sync_ns:
            self._colour = None
            return self._with(image, depth_m)
        if not self._waited and not (self._depths and self._depths[-1][0] > image.stamp_ns):
            return None, None
        self._colour = None
        nearest = f'the nearest is {apart_ns / 1e6:.0f} ms off' if self._depths else 'none has come'
        return image, ImageError(
            'out_of_step',
            f'no depth image within {self._sync_ns / 1e6:.0f} ms of the colour image at '
            f'{image.stamp_ns} ns: {nearest}; its joints are placed by the image alone',
        )

    def _with(
        self, image: ColourImage, depth_m: NDArray[np.float32]
    ) -> tuple[ColourImage, ImageError | None]:
        if image.camera is None:
            return image, ImageError(
                'calibration_missing',
                'depth needs the calibration of the colour image, and no CameraInfo has come: '
                'its joints are placed by the image alone',
            )
        if depth_m.shape != image.pixels.shape[:2]:
            return image, ImageError(
                'depth_size',
                'depth must be registered to the colour image, got '
                f'{depth_m.shape[1]} x {depth_m.shape[0]} for '
                f'{image.pixels.shape[1]} x {image.pixels.shape[0]}',
            )
        return replace(image, depth_m=depth_m), None
