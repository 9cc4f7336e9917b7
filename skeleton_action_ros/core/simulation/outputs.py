"""From the simulated body's own joints (`k4abt_32`) to what a sensor of any layout would name."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import K4abt32, get_layout

_Blend = dict[str, float]
_MID_EARS: _Blend = {'EAR_LEFT': 0.5, 'EAR_RIGHT': 0.5}
_POINTS: dict[str, _Blend] = {
    'SPINE_BASE': {'PELVIS': 1.0},
    'SPINE_MID': {'SPINE_NAVEL': 1.0},
    'SPINE': {'SPINE_NAVEL': 1.0},
    'TORSO': {'SPINE_NAVEL': 1.0},
    'SHOULDER_CENTER': {'NECK': 1.0},
    'SPINE_SHOULDER': {'NECK': 0.75, 'SPINE_CHEST': 0.25},
    'EYE_INNER_{}': {'EYE_{}': 0.7, 'EYE_{other}': 0.3},
    'EYE_OUTER_{}': {'EYE_{}': 0.8, 'EAR_{}': 0.2},
    'MOUTH_{}': {'NOSE': 1.7, 'EYE_{}': -0.05, 'EYE_{other}': -0.85, 'EAR_LEFT': 0.1}
    | {'EAR_RIGHT': 0.1},
    'INDEX_{}': {'HAND_{}': 0.3, 'HANDTIP_{}': 0.45, 'THUMB_{}': 0.25},
    'PINKY_{}': {'HAND_{}': 1.0, 'HANDTIP_{}': 0.35, 'THUMB_{}': -0.35},
    'HEEL_{}': {'ANKLE_{}': 1.45, 'FOOT_{}': -0.3, 'KNEE_{}': -0.15},
    'FOOT_INDEX_{}': {'FOOT_{}': 1.0},
}
"""Joints that `k4abt_32` has under another name or not at all, as sums of its joints."""
_PECULIAR: dict[str, dict[str, _Blend]] = {
    'kinect_v1_20': {
        'HEAD': _MID_EARS,
        'HIP_CENTER': {'PELVIS': 0.4, 'SPINE_NAVEL': 0.6},
        'HIP_{}': {'HIP_{}': 1.0, 'SPINE_NAVEL': 0.5, 'PELVIS': -0.5},
    },
    'kinect_v2_25': {'HEAD': _MID_EARS},
    'openni_15': {'HEAD': _MID_EARS},
}
"""
Joints that a tracker puts elsewhere than the Azure Kinect's: its head is the top of the neck, that
of others the middle of the head, and the first Kinect has its hips high up.
"""


@cache
def _weights(layout_name: str) -> NDArray[np.float64]:
    """Return (J, 32): each joint of the layout as a sum of the body's joints; rows sum to 1."""
    layout = get_layout(layout_name)
    blends: dict[str, _Blend] = {joint.name: {joint.name: 1.0} for joint in K4abt32}
    for name, blend in (_POINTS | _PECULIAR.get(layout_name, {})).items():
        for side, other in (('LEFT', 'RIGHT'), ('RIGHT', 'LEFT')):
            blends[name.format(side)] = {
                source.format(side, other=other): part for source, part in blend.items()
            }
    out = np.zeros((layout.joint_count, len(K4abt32)))
    for joint in layout.joints:
        for source, part in blends[joint.name].items():
            out[joint, K4abt32[source]] = part
    return out


def to_layout(
    joints_m: NDArray[np.float64], confidence: NDArray[np.float64], layout_name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Rename, and blend where a layout has points in between (mouth, heel, knuckles).

    :param joints_m: (T, 32, 3) of `k4abt_32`.
    :param confidence: (T, 32).
    :return: joints (T, J, 3), 0 where not seen, and confidence (T, J), the least of what a joint is
        made of.
    :raises UnknownLayoutError: there is no such layout.
    """
    weights = _weights(layout_name)
    joints = np.einsum('jk,tkc->tjc', weights, joints_m)
    least = np.stack([confidence[:, row != 0.0].min(axis=1) for row in weights], axis=1)
    joints[least <= 0.0] = 0.0
    return joints.astype(np.float32), least.astype(np.float32)
