"""
From a clip of any layout to what a model sees: the one function that training and the robot share.

What is taken away is who moves and where: position, heading and size. What is kept is the motion,
with left and right, up and down, and how the whole body travels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.body import (
    hip_centres,
    median,
    shoulder_centres,
    trunk_length_m,
)
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.layouts import LAYOUTS, Common15, to_common_15
from skeleton_action_ros.core.skeleton import Clip

_LEFT = (Common15.SHOULDER_LEFT, Common15.HIP_LEFT)
_RIGHT = (Common15.SHOULDER_RIGHT, Common15.HIP_RIGHT)
_SHOULDERS = (Common15.SHOULDER_LEFT, Common15.SHOULDER_RIGHT)
_HIPS = (Common15.HIP_LEFT, Common15.HIP_RIGHT)
_MIRROR = np.array(LAYOUTS['common_15'].mirror())


@dataclass(frozen=True)
class PreprocessConfig:
    """How clips become model input; travels in the card of the bundle that was trained with it."""

    frames: int = setting(
        32, 'frames a clip is resampled to, evenly in time', unit='frames', low=4, high=512
    )
    min_confidence: float = setting(
        0.1, 'joints below this confidence are masked', low=0.0, high=1.0
    )
    turn: bool = setting(True, 'turn the person to face the camera')
    scale: bool = setting(True, 'divide by the length of the trunk')


def prepare(
    clip: Clip, config: PreprocessConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Resample and canonicalise one clip.

    The joints are mapped to `common_15`, those under `min_confidence` masked and bridged in time,
    and all resampled evenly from the first to the last stamp. Then one similarity transform for the
    whole clip: the median hip centre becomes the origin, the mean direction from left to right
    (hips and shoulders, seen from above) becomes -x, so that the person faces the camera, and the
    median trunk, hip centre to shoulder centre, becomes 1 long.

    :return: joints (T, 15, 3) in trunk lengths, axes as in the optical frame, and mask (T, 15), 1
        where the joint was seen, between 0 and 1 near gaps. A joint never seen is 0 with mask 0.
    :raises BadClipError: no frame shows both hips or both shoulders.
    """
    joints, confidence = to_common_15(clip.joints_m, clip.confidence, clip.layout)
    seen = confidence >= max(config.min_confidence, 1e-6)
    joints, mask = _resample(joints, seen, clip.stamps_ns, config.frames)
    return _canonical(joints, mask, config), mask


def mirrored(
    joints: NDArray[np.float32], mask: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Swap left and right: what a mirror shows, which may be another action.

    :param joints: (..., 15, 3), optical axes, as from `prepare` or before.
    :param mask: (..., 15).
    """
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return joints[..., _MIRROR, :] * flip, mask[..., _MIRROR]


def extents(joints: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    Measure how large motions are: the way across that the two farthest-reaching joints cover.

    Walking through the room does not count: joints are taken relative to where the hips stand on
    the floor, while their height counts as it is.

    :param joints: (B, T, 15, 3) as from `prepare`.
    :param mask: (B, T, 15).
    :return: (B,) trunk lengths.
    """
    floor = hip_centres(joints)[:, :, None]
    floor[..., 1] = 0.0
    spans = np.ptp(joints - floor, axis=1)
    spans[(mask == 0.0).all(axis=1)] = 0.0
    reach = np.sort(np.linalg.norm(spans, axis=2), axis=1)
    return np.asarray(reach[:, -2:].mean(axis=1), np.float32)


def _resample(
    joints: NDArray[np.float32],
    seen: NDArray[np.bool_],
    stamps_ns: NDArray[np.int64],
    frames: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Interpolate each joint linearly in time over the frames that show it."""
    times = (stamps_ns - stamps_ns[0]).astype(np.float64)
    at = np.linspace(0.0, times[-1], frames)
    if bool(seen.all()):
        return _interpolate(joints, times, at), np.ones((frames, seen.shape[1]), np.float32)
    out = np.zeros((frames, joints.shape[1], 3), np.float32)
    for joint in range(joints.shape[1]):
        shown = seen[:, joint]
        if shown.any():
            out[:, joint] = _interpolate(joints[shown, joint], times[shown], at)
    return out, _interpolate(seen.astype(np.float32), times, at)


def _interpolate(
    values: NDArray[np.float32], times: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Interpolate `values` (T, ...) linearly; outside the times the nearest value holds."""
    if len(times) == 1:
        return np.repeat(values, len(at), axis=0)
    after = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    before = after - 1
    share = np.clip((at - times[before]) / (times[after] - times[before]), 0.0, 1.0)
    share = share.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    mixed = values[before] * (1.0 - share) + values[after] * share
    return np.asarray(mixed, np.float32)


def _canonical(
    joints: NDArray[np.float32], mask: NDArray[np.float32], config: PreprocessConfig
) -> NDArray[np.float32]:
    seen = mask > 0.0
    hips, shoulders = seen[:, _HIPS].all(axis=1), seen[:, _SHOULDERS].all(axis=1)
    if hips.any():
        origin = median(hip_centres(joints)[hips])
    elif shoulders.any():
        origin = median(shoulder_centres(joints)[shoulders])
    else:
        raise BadClipError(
            'no frame shows both hips or both shoulders: the body cannot be placed or turned'
        )
    joints = joints - origin
    if config.turn:
        joints = joints @ _facing(joints, mask)
    if config.scale:
        joints = joints / trunk_length_m(joints, seen)
    joints[:, ~seen.any(axis=0)] = 0.0
    return np.asarray(joints, np.float32)


def _facing(joints: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rotation (3, 3), applied from the right, that turns left-to-right to -x."""
    weight = np.minimum(mask[:, _LEFT], mask[:, _RIGHT])[..., None]
    across = (weight * (joints[:, _RIGHT] - joints[:, _LEFT])).sum(axis=(0, 1))
    length = float(np.hypot(across[0], across[2]))
    if length < 1e-6:
        return np.eye(3, dtype=np.float32)
    cos, sin = -across[0] / length, -across[2] / length
    return np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)
