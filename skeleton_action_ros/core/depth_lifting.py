"""
Joints found in a colour image, lifted to the room by a depth image.

An image gives the joints' directions well, their depths badly, and no true size. A depth image
gives the depth of whatever is in front: clothes, not bones; a table, not the knee behind it; and
holes. So the depths of all joints together say how far away and how large the person is; that
predicts each joint's depth, and what is measured there counts where it agrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import FARTHEST_M, NEAREST_M, Intrinsics
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.core.pose_estimation import ImagePose

SMALLEST = 0.5
LARGEST = 1.7
"""A person is this many times as large as the estimator's average one."""

UNMEASURED = 0.6
"""What is left of the confidence of a joint where the depth image has a hole, or ends."""

BEHIND = 0.4
"""The same where depth is seen beyond the joint only: a thin limb, or one in the wrong place."""

OCCLUDED = 0.25
"""The same where something is in front of the joint."""

_WELL_SEEN = 0.5
_LEAST_MEASURED = 4
_LEAST_PIXELS = 3
_LIMB_M = 0.03
_LARGEST_RADIUS_PX = 12
_TOLERANCE_M = 0.35
_THICKNESS_M = 0.08
_ROUNDS = 4
_TRUNK = {'SHOULDER_LEFT', 'SHOULDER_RIGHT', 'HIP_LEFT', 'HIP_RIGHT'}
_SURFACE = {'NOSE', 'MOUTH_LEFT', 'MOUTH_RIGHT'}
_INSET_M = np.array(
    [
        0.08 if name in _TRUNK else 0.0 if name in _SURFACE or 'EYE' in name else 0.03
        for name in Mediapipe33.__members__
    ]
)
"""How deep a joint lies behind the surface that the depth camera sees."""


def lift(
    pose: ImagePose, depth_m: NDArray[np.float32], camera: Intrinsics
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Return a person's joints in the room.

    :param pose: joints of `mediapipe_33`, their places in pixels of the depth image.
    :param depth_m: (H, W), metres along the axis of the camera in which the pose was found, from
        its place; 0 or not finite: not measured.
    :param camera: of the depth image, without distortion.
    :return: joints (33, 3) in metres, optical frame, and confidence (33,), 0 to 1: the estimator's
        visibility, less where depth is missing or disagrees.
    :raises BadSkeletonError: `no_depth` where fewer than four well seen joints are measured,
        `implausible_size` where the depth says that this is a doll, a poster or nobody.
    """
    slopes = (pose.image_px.astype(np.float64) - camera.centre_px) / np.array(camera.focal_px)
    joints = pose.joints_m.astype(np.float64)
    seen = np.where(pose.visibility >= _WELL_SEEN, pose.visibility, 0.0).astype(np.float64)
    windows_m = _windows(pose, seen, depth_m)
    distance_m, size = _place(joints, slopes, seen, windows_m)
    expected_m = np.maximum(distance_m + size * joints[:, 2], 0.1)
    depths_m, shares = _judged(windows_m, expected_m)
    lifted = np.concatenate([slopes * depths_m[:, None], depths_m[:, None]], axis=1)
    confidence = np.clip(pose.visibility * shares, 0.0, 1.0)
    return lifted.astype(np.float32), confidence.astype(np.float32)


def _windows(
    pose: ImagePose, seen: NDArray[np.float64], depth_m: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    """Return the depths measured about each joint, less than a limb's width away from it."""
    height, width = depth_m.shape
    radius = int(np.clip(round(_LIMB_M * _px_per_m(pose, seen)), 1, _LARGEST_RADIUS_PX))
    windows = []
    for column, row in np.rint(np.nan_to_num(pose.image_px, nan=-1e6)).astype(np.int64):
        if not (0 <= column < width and 0 <= row < height):
            windows.append(np.zeros(0))
            continue
        patch = depth_m[
            max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1
        ]
        measured = patch[np.isfinite(patch) & (patch > 0.0)]
        windows.append(np.sort(measured if len(measured) >= _LEAST_PIXELS else measured[:0]) * 1.0)
    return windows


def _px_per_m(pose: ImagePose, seen: NDArray[np.float64]) -> float:
    """Return how large the person is in the image."""
    if not seen.any():
        return 0.0
    places, joints = pose.image_px, pose.joints_m[:, :2]
    in_px = ((places - np.average(places, axis=0, weights=seen)) ** 2).sum(axis=1)
    in_m = ((joints - np.average(joints, axis=0, weights=seen)) ** 2).sum(axis=1)
    return float(np.sqrt((seen @ in_px) / max(seen @ in_m, 1e-9)))


def _place(
    joints: NDArray[np.float64],
    slopes: NDArray[np.float64],
    seen: NDArray[np.float64],
    windows_m: list[NDArray[np.float64]],
) -> tuple[float, float]:
    """
    Return how far away the hips' middle is, and how large the person.

    :raises BadSkeletonError: depth shows no person there.
    """
    measured = np.array([len(window) > 0 for window in windows_m]) & (seen > 0.0)
    if np.count_nonzero(measured) < _LEAST_MEASURED:
        raise BadSkeletonError(
            'no_depth',
            f'depth must be measured at {_LEAST_MEASURED} well seen joints or more, got '
            f'{np.count_nonzero(measured)} of {np.count_nonzero(seen)}',
        )
    # A fifth of the way into a window: what is in front, but no stray pixel.
    surface_m = np.array([window[len(window) // 5] if len(window) else 0.0 for window in windows_m])
    size, distance_m = 1.0, 0.0
    for _ in range(_ROUNDS):
        hips_m = surface_m + _INSET_M - size * joints[:, 2]
        distance_m = _weighted_median(hips_m[measured], seen[measured])
        places_m = slopes * (distance_m + size * joints[:, 2])[:, None]
        from_middle = joints[:, :2] - np.average(joints[:, :2], axis=0, weights=seen)
        size = float(
            (seen[:, None] * from_middle * places_m).sum()
            / max((seen[:, None] * from_middle**2).sum(), 1e-9)
        )
        size = float(np.clip(size, 0.1, 10.0))
    if not (SMALLEST <= size <= LARGEST and NEAREST_M <= distance_m <= FARTHEST_M):
        raise BadSkeletonError(
            'implausible_size',
            f'a person is {SMALLEST:g} to {LARGEST:g} times as large as the average one, '
            f'{NEAREST_M:g} to {FARTHEST_M:g} m away, got {size:.2f} times at {distance_m:.2f} m',
        )
    return distance_m, size


def _judged(
    windows_m: list[NDArray[np.float64]], expected_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each joint's depth, metres, and what is left of its confidence."""
    depths_m, shares = expected_m.copy(), np.full(len(expected_m), UNMEASURED)
    for joint, window in enumerate(windows_m):
        if not len(window):
            continue
        off_m = window + _INSET_M[joint] - expected_m[joint]
        near = off_m[np.abs(off_m) <= _TOLERANCE_M]
        if len(near) >= _LEAST_PIXELS:
            off = float(np.median(near[near <= near[0] + _THICKNESS_M]))
            depths_m[joint] += off
            shares[joint] = 1.0 - 0.5 * abs(off) / _TOLERANCE_M
        else:
            shares[joint] = OCCLUDED if np.median(off_m) < 0.0 else BEHIND
    return depths_m, shares


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order[int(np.searchsorted(share, 0.5))]])
