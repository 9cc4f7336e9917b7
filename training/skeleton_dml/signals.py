"""Gimme Signals: the signals of all joints drawn as lines, the one plot among the images."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import SkeletonActionError

SIDE = 128
"""
Rows and columns, whatever the size of the network's input. The published code saves 5 x 5 inches,
500 pixels, of which a network that sees 64 x 64 has no use.
"""

ALPHA = 0.2
"""How much of a line covers what was drawn before it."""

_MARGIN = 0.05
"""Share of the width, and of the height, that is left free on either side, as matplotlib does."""

_THICKNESS_PX = 1
_SHIFT = 4
"""Binary digits after the point in which OpenCV is told where lines go."""


def gimme_signals(joints_m: NDArray[np.float32]) -> NDArray[np.uint8]:
    """
    Draw each coordinate of each joint over time, as the published code has matplotlib do it.

    White, without axes; every signal is a line of a hue of its own, all around the circle of hues,
    with an opacity of 0.2. All signals share one scale, from the least value to the greatest.

    :param joints_m: (T, J, 3).
    :return: (128, 128, 3).
    :raises SkeletonActionError: OpenCV, which draws the lines, is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise SkeletonActionError(
            "Gimme Signals draws with OpenCV, which is in this package's extra 'rgb'"
        ) from None
    signals = joints_m.reshape(len(joints_m), -1).T.astype(np.float64)
    across = _spread_out(np.arange(len(joints_m), dtype=np.float64))
    picture = np.full((SIDE, SIDE, 3), 255.0, np.float32)
    heights = SIDE - 1 - _spread_out(signals)
    for number, height in enumerate(heights):
        points = np.round(np.stack((across, height), axis=1) * 2**_SHIFT).astype(np.int32)
        line = np.zeros((SIDE, SIDE), np.uint8)
        cv2.polylines(line, [points], False, 255, _THICKNESS_PX, cv2.LINE_AA, _SHIFT)
        covered = (line / np.float32(255.0) * np.float32(ALPHA))[..., None]
        picture += covered * (hue(number, len(heights)) - picture)
    return np.asarray(picture.round(), np.uint8)


def hue(number: int, count: int) -> NDArray[np.float32]:
    """Return red, green and blue, 0 to 255, of one of so many hues around the circle."""
    return np.asarray(colorsys.hsv_to_rgb(number / count, 1.0, 1.0), np.float32) * 255.0


def _spread_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale values to places in the picture, with a margin; equal ones to its middle."""
    least, greatest = values.min(), values.max()
    if greatest == least:
        return np.full(values.shape, (SIDE - 1) / 2)
    share = (values - least) / (greatest - least)
    return np.asarray((_MARGIN + (1 - 2 * _MARGIN) * share) * (SIDE - 1))
