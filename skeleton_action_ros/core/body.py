"""The measure of a body: its trunk, in which motion and poses are counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import Common15

USUAL_TRUNK_M = 0.5
"""Of a person whose hips and shoulders are never seen together."""
_SMALLEST_TRUNK_M = 0.1
_LEFT_HIP, _RIGHT_HIP = Common15.HIP_LEFT, Common15.HIP_RIGHT
_LEFT_SHOULDER, _RIGHT_SHOULDER = Common15.SHOULDER_LEFT, Common15.SHOULDER_RIGHT
_CORNERS = (_LEFT_HIP, _RIGHT_HIP, _LEFT_SHOULDER, _RIGHT_SHOULDER)


def hip_centres(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the middle between the hips: (..., 3) of (..., 15, 3)."""
    return np.asarray((joints[..., _LEFT_HIP, :] + joints[..., _RIGHT_HIP, :]) / 2.0, np.float32)


def shoulder_centres(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the middle between the shoulders: (..., 3) of (..., 15, 3)."""
    both = joints[..., _LEFT_SHOULDER, :] + joints[..., _RIGHT_SHOULDER, :]
    return np.asarray(both / 2.0, np.float32)


def trunk_length_m(joints: NDArray[np.float32], seen: NDArray[np.bool_]) -> float:
    """
    Return the median distance from hip centre to shoulder centre, metres.

    :param joints: (T, 15, 3).
    :param seen: (T, 15); frames that do not show all four joints are left out.
    :return: `USUAL_TRUNK_M` where no frame is left; never so little that dividing by it hurts.
    """
    shown = seen[:, _CORNERS].all(axis=1)
    if not shown.any():
        return USUAL_TRUNK_M
    spine = (shoulder_centres(joints) - hip_centres(joints))[shown]
    return max(float(median(np.sqrt((spine * spine).sum(axis=1)))), _SMALLEST_TRUNK_M)


def median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median along the first axis; several times faster than numpy's on small arrays."""
    ordered = np.sort(values, axis=0)
    middle = len(ordered) // 2
    return np.asarray((ordered[middle] + ordered[(len(ordered) - 1) // 2]) / 2.0, np.float32)
