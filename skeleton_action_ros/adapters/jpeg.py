"""Colour images as cameras pack them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ImageError


def decoded(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Return (rows, columns, 3) red, green, blue of a JPEG.

    :raises ImageError: it is none, or damaged.
    """
    image = cv2.imdecode(packed, cv2.IMREAD_COLOR) if packed.size else None
    if image is None:
        raise ImageError('damaged_image', f'expected a JPEG, got {packed.size} bytes that are none')
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
