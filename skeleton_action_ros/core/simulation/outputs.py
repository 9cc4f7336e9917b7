"""From the simulated body's own joints (`k4abt_32`) to what a sensor of any layout would name."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import K4abt32, get_layout

_SAME: dict[str, str] = {
    'SPINE_BASE': 'PELVIS',
    'HIP_CENTER': 'PELVIS',
    'SPINE_MID': 'SPINE_NAVEL',
    'SPINE': 'SPINE_NAVEL',
    'TORSO': 'SPINE_NAVEL',
    'SHOULDER_CENTER': 'NECK',
}
_BLENDS: dict[str, dict[str, float]] = {
    'SPINE_SHOULDER': {'NECK': 0.75, 'SPINE_CHEST': 0.25},
    'EYE_INNER_LEFT': {'EYE_LEFT': 0.7, 'EYE_RIGHT': 0.3},
    'EYE_INNER_RIGHT': {'EYE_RIGHT': 0.7, 'EYE_LEFT': 0.3},
    'EYE_OUTER_LEFT': {'EYE_LEFT': 0.8, 'EAR_LEFT': 0.2},
    'EYE_OUTER_RIGHT': {'EYE_RIGHT': 0.8, 'EAR_RIGHT': 0.2},
    'MOUTH_LEFT': {
        'NOSE': 1.7,
        'EYE_LEFT': -0.05,
        'EYE_RIGHT': -0.85,
        'EAR_LEFT': 0.1,
        'EAR_RIGHT': 0.1,
    },
    'MOUTH_RIGHT': {
        'NOSE': 1.7,
        'EYE_RIGHT': -0.05,
        'EYE_LEFT': -0.85,
        'EAR_LEFT': 0.1,
        'EAR_RIGHT': 0.1,
    },
    'INDEX_{}': {'HAND_{}': 0.3, 'HANDTIP_{}': 0.45, 'THUMB_{}': 0.25},
    'PINKY_{}': {'HAND_{}': 1.0, 'HANDTIP_{}': 0.35, 'THUMB_{}': -0.35},
    'HEEL_{}': {'ANKLE_{}': 1.5, 'FOOT_{}': -0.3, 'KNEE_{}': -0.2},
    'FOOT_INDEX_{}': {'FOOT_{}': 1.0},
}


@cache
def _weights(layout_name: str) -> NDArray[np.float64]:
    """Return (J, 32): each joint of the layout as a sum of the body's joints; rows sum to 1."""
    layout = get_layout(layout_name)
    out = np.zeros((layout.joint_count, len(K4abt32)))
    for joint in layout.joints:
        blend = {_SAME.get(joint.name, joint.name): 1.0}
        for name, sources in _BLENDS.items():
            for side in ('LEFT', 'RIGHT'):
                if name.format(side) == joint.name:
                    blend = {source.format(side): part for source, part in sources.items()}
        for source, part in blend.items():
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
