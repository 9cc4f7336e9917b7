"""What the Azure Kinect's body tracking says of a person, as a frame of `k4abt_32`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.skeleton import SkeletonFrame, checked_frame

CONFIDENCES = (0.0, 0.5, 1.0, 1.0)
"""Of its levels: out of range, predicted while hidden, seen, and one kept for the future."""

_MM_PER_M = 1000.0


def frame_from_mm(
    stamp_ns: int, body_id: int, positions_mm: ArrayLike, levels: ArrayLike
) -> SkeletonFrame:
    """
    Make a frame of millimetres and confidence levels.

    :param positions_mm: (32, 3), the depth camera's axes, which are those of the optical frame.
    :param levels: (32,) whole numbers from 0 to 3.
    :raises BadSkeletonError: as `checked_frame`, or a level is none.
    """
    given = np.asarray(levels, np.float64).reshape(-1)
    known = np.isin(given, np.arange(len(CONFIDENCES)))
    if not known.all():
        raise BadSkeletonError(
            'confidence_range',
            f'confidence levels are 0 to {len(CONFIDENCES) - 1}, got {given[~known][0]:g} in body '
            f'{body_id}',
        )
    positions_m = np.asarray(positions_mm, np.float64) / _MM_PER_M
    confidence = np.array(CONFIDENCES)[given.astype(np.int64)]
    return checked_frame(stamp_ns, body_id, 'k4abt_32', positions_m, confidence)
