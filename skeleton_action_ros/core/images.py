"""Colour images, stamped, and the one place where the newest of them waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import ImageError

SMALLEST_PX = 32
LARGEST_PX = 8192
T = TypeVar('T')


@dataclass(frozen=True)
class ColourImage:
    """
    What a camera saw at one instant.

    :param stamp_ns: when, nanoseconds.
    :param pixels: (H, W, 3) uint8, red, green, blue.
    :param camera: its calibration, where it is known.
    :param depth_m: (H, W) float32, metres, of the same camera; 0 or not finite where not measured.
        None: there is no depth.
    """

    stamp_ns: int
    pixels: NDArray[np.uint8]
    camera: Intrinsics | None = None
    depth_m: NDArray[np.float32] | None = None


def checked_image(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Return an image that a model can look at.

    :raises ImageError: it is not (H, W, 3) uint8, or too small or too large.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ImageError(
            'image_shape',
            f'an image must be (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}',
        )
    height, width = pixels.shape[:2]
    if not (min(height, width) >= SMALLEST_PX and max(height, width) <= LARGEST_PX):
        raise ImageError(
            'image_size',
            f'an image must be {SMALLEST_PX} to {LARGEST_PX} pixels wide and high, got '
            f'{width} x {height}',
        )
    return pixels


class Latest(Generic[T]):
    """
    Hands the newest of what one thread makes to another, and drops what was not taken in time.

    `dropped` counts those. Nothing ever waits behind something older.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._ended = False
        self._failure: Exception | None = None
        self.dropped = 0

    def put(self, item: T) -> None:
        """Offer an item in place of the one that still waits."""
        with self._changed:
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._changed.notify()

    def end(self, failure: Exception | None = None) -> None:
        """Say that no item follows; `take` raises `failure` once what waits is taken."""
        with self._changed:
            self._ended = True
            self._failure = self._failure or failure
            self._changed.notify_all()

    def take(self) -> T | None:
        """
        Wait for the next item and return it; None after the end.

        :raises Exception: what `end` was given.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._ended)
            item, self._item = self._item, None
            if item is None and self._failure is not None:
                raise self._failure
            return item
