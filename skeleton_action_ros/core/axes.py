"""Axes of frames that are not optical ones, after REP-103."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AUTO = 'auto'
OPTICAL = 'optical'
BODY = 'body'
AXES = (AUTO, OPTICAL, BODY)


def is_optical(frame_id: str, axes: str) -> bool:
    """
    Say whether coordinates are x right, y down, z forward; else they are x forward, y left, z up.

    :param axes: 'optical', 'body', or 'auto': by the frame's name, as REP-103 has it
        (`..._optical_frame`).
    """
    return 'optical' in frame_id if axes == AUTO else axes == OPTICAL


def optical_from_body(positions_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (..., 3) of x forward, y left, z up into x right, y down, z forward."""
    return np.stack([-positions_m[..., 1], -positions_m[..., 2], positions_m[..., 0]], axis=-1)
