"""`sensor_msgs/Image` and `sensor_msgs/CameraInfo` as arrays; needs no OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import ImageError

_COLOUR: dict[str, tuple[int, list[int]]] = {
    'rgb8': (3, [0, 1, 2]),
    'bgr8': (3, [2, 1, 0]),
    '8UC3': (3, [2, 1, 0]),
    'rgba8': (4, [0, 1, 2]),
    'bgra8': (4, [2, 1, 0]),
    '8UC4': (4, [2, 1, 0]),
    'mono8': (1, [0, 0, 0]),
    '8UC1': (1, [0, 0, 0]),
}
"""Bytes of a pixel, and which of them are red, green and blue."""
_DEPTH: dict[str, tuple[str, float]] = {
    '16UC1': ('u2', 0.001),
    'mono16': ('u2', 0.001),
    '32FC1': ('f4', 1.0),
}
"""Type of a pixel, and metres for each unit (REP 118)."""


def colour_from_msg(message: Any) -> NDArray[np.uint8]:
    """
    Return a colour image: (H, W, 3) red, green, blue.

    :raises ImageError: an encoding that is none of colours, or data that is not of its size.
    """
    if message.encoding not in _COLOUR:
        raise ImageError(
            'encoding',
            f'encoding of a colour image must be one of {", ".join(_COLOUR)}, got '
            f'{message.encoding!r}: convert it, with image_proc or image_transport for example',
        )
    channels, order = _COLOUR[message.encoding]
    pixels = _rows(message, channels).reshape(message.height, message.width, channels)
    return np.ascontiguousarray(pixels[:, :, order])


def depth_from_msg(message: Any) -> NDArray[np.float32]:
    """
    Return a depth image: (H, W) float32, metres; 0 where nothing was measured.

    :raises ImageError: an encoding that is none of depth, or data that is not of its size.
    """
    if message.encoding not in _DEPTH:
        raise ImageError(
            'encoding',
            f'encoding of a depth image must be one of {", ".join(_DEPTH)}, got '
            f'{message.encoding!r}',
        )
    kind, metres = _DEPTH[message.encoding]
    item = np.dtype(f'{">" if message.is_bigendian else "<"}{kind}')
    rows = _rows(message, item.itemsize)
    depth_m = np.ascontiguousarray(rows).view(item).astype(np.float32) * np.float32(metres)
    return np.where(np.isfinite(depth_m) & (depth_m > 0.0), depth_m, np.float32(0.0))


def intrinsics_from_msg(message: Any) -> Intrinsics:
    """
    Return the camera of a rectified image, by its projection matrix, or else its own.

    :raises ImageError: neither matrix is one: the camera is not calibrated.
    """
    projection, own = list(message.p), list(message.k)
    matrix = projection[:3] + projection[4:7] if projection[0] else own[:6]
    return Intrinsics((float(matrix[0]), float(matrix[4])), (float(matrix[2]), float(matrix[5])))


def _rows(message: Any, pixel_bytes: int) -> NDArray[np.uint8]:
    """Return the bytes of each row, without what follows its last pixel: (H, W * bytes)."""
    data = np.frombuffer(message.data, np.uint8)
    wanted = message.width * pixel_bytes
    if message.step < wanted or data.size < message.step * message.height or not data.size:
        raise ImageError(
            'image_data',
            f'an image of {message.width} x {message.height} {message.encoding} needs rows of '
            f'{wanted} bytes or more, got step {message.step} and {data.size} bytes',
        )
    rows = data[: message.step * message.height].reshape(message.height, message.step)
    return rows[:, :wanted]
