"""Coordinate frames of a person's joints, for programs that know people by frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import Common15, to_common_15
from skeleton_action_ros.core.skeleton import SkeletonFrame

NONE = 'none'
TRACKER = 'tracker'
REP_155 = 'rep_155'
NAMINGS = (NONE, TRACKER, REP_155)

_TRACKER_NAMES = {joint: '_'.join(reversed(joint.name.lower().split('_'))) for joint in Common15}
_REP_155_NAMES = {
    Common15.HEAD: 'head',
    Common15.TORSO: 'torso',
    **{
        Common15[f'{part}_{side}']: f'{side[0].lower()}_{name}'
        for side in ('LEFT', 'RIGHT')
        for part, name in (
            ('SHOULDER', 'shoulder'),
            ('ELBOW', 'elbow'),
            ('HAND', 'wrist'),
            ('HIP', 'hip'),
            ('KNEE', 'knee'),
            ('FOOT', 'ankle'),
        )
    },
}
_FACING_THE_CAMERA = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
_SHORTEST_M = 0.02


@dataclass(frozen=True)
class BodyFrame:
    """
    One frame in that of the skeleton.

    :param position_m: (3,), metres.
    :param quaternion: (4,), x, y, z, w, unit length: from the frame's axes to the skeleton's.
    """

    name: str
    position_m: NDArray[np.float64]
    quaternion: NDArray[np.float64]


def body_frames(person: SkeletonFrame, naming: str) -> list[BodyFrame]:
    """
    Return a frame for each joint of `common_15` that is seen, and with REP-155 one for the body.

    Joints have no turn of their own: with REP-155 all have the body's (x to where it faces, y to
    its left, z up along the trunk), with a tracker's names none.

    :param naming: 'tracker': `left_hand_3`; 'rep_155': `l_wrist_3` and `body_3`, which is midway
        between the hips; 'none': no frame.
    """
    names = {TRACKER: _TRACKER_NAMES, REP_155: _REP_155_NAMES}.get(naming, {})
    joints, confidence = to_common_15(person.joints_m, person.confidence, person.layout)
    joints_m, seen = joints.astype(np.float64), confidence > 0.0
    turn = quaternion_of(_facing(joints_m, seen)) if naming == REP_155 else _STILL
    frames = [
        BodyFrame(f'{name}_{person.body_id}', joints_m[joint], turn)
        for joint, name in names.items()
        if seen[joint]
    ]
    if naming == REP_155 and seen[_HIPS].all():
        frames.insert(0, BodyFrame(f'body_{person.body_id}', joints_m[_HIPS].mean(axis=0), turn))
    return frames


_STILL = np.array([0.0, 0.0, 0.0, 1.0])
_HIPS = [int(Common15.HIP_LEFT), int(Common15.HIP_RIGHT)]
_SHOULDERS = [int(Common15.SHOULDER_LEFT), int(Common15.SHOULDER_RIGHT)]


def _facing(joints_m: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the body's axes as columns; upright and facing the camera where they are not seen."""
    if not seen[_HIPS].all() or not seen[_SHOULDERS].all():
        return _FACING_THE_CAMERA
    up = joints_m[_SHOULDERS].mean(axis=0) - joints_m[_HIPS].mean(axis=0)
    left = joints_m[_HIPS[0]] - joints_m[_HIPS[1]] + joints_m[_SHOULDERS[0]]
    left = left - joints_m[_SHOULDERS[1]]
    forward = np.cross(left, up)
    if np.linalg.norm(up) < _SHORTEST_M or np.linalg.norm(forward) < _SHORTEST_M**2:
        return _FACING_THE_CAMERA
    up /= np.linalg.norm(up)
    forward /= np.linalg.norm(forward)
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def quaternion_of(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quaternion (x, y, z, w) of a rotation matrix, unit length."""
    # The row of this matrix with the largest diagonal is the quaternion, times four of its parts.
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    products = np.array(
        [
            [1 + xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, 1 - xx + yy - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, 1 - xx - yy + zz, yx - xy],
            [zy - yz, xz - zx, yx - xy, 1 + xx + yy + zz],
        ]
    )
    row: NDArray[np.float64] = products[int(np.argmax(np.diag(products)))]
    return row / np.linalg.norm(row)
