"""
Skeleton layouts: which joint is where in an array, its bones, and its way to `common_15`.

A joint of `common_15` that a sensor does not measure is masked (confidence 0), never invented:
where two sensors name the same point of the body differently (wrist for hand, the midpoint of the
ears for the head), the mapping says so; where there is no such point (neck, torso), it maps to
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadSkeletonError, UnknownLayoutError


class Common15(IntEnum):
    """The joints that nearly every sensor gives; the default model works on these."""

    HEAD = 0
    NECK = 1
    TORSO = 2
    SHOULDER_LEFT = 3
    ELBOW_LEFT = 4
    HAND_LEFT = 5
    SHOULDER_RIGHT = 6
    ELBOW_RIGHT = 7
    HAND_RIGHT = 8
    HIP_LEFT = 9
    KNEE_LEFT = 10
    FOOT_LEFT = 11
    HIP_RIGHT = 12
    KNEE_RIGHT = 13
    FOOT_RIGHT = 14


class K4abt32(IntEnum):
    """Azure Kinect body tracking SDK."""

    PELVIS = 0
    SPINE_NAVEL = 1
    SPINE_CHEST = 2
    NECK = 3
    CLAVICLE_LEFT = 4
    SHOULDER_LEFT = 5
    ELBOW_LEFT = 6
    WRIST_LEFT = 7
    HAND_LEFT = 8
    HANDTIP_LEFT = 9
    THUMB_LEFT = 10
    CLAVICLE_RIGHT = 11
    SHOULDER_RIGHT = 12
    ELBOW_RIGHT = 13
    WRIST_RIGHT = 14
    HAND_RIGHT = 15
    HANDTIP_RIGHT = 16
    THUMB_RIGHT = 17
    HIP_LEFT = 18
    KNEE_LEFT = 19
    ANKLE_LEFT = 20
    FOOT_LEFT = 21
    HIP_RIGHT = 22
    KNEE_RIGHT = 23
    ANKLE_RIGHT = 24
    FOOT_RIGHT = 25
    HEAD = 26
    NOSE = 27
    EYE_LEFT = 28
    EAR_LEFT = 29
    EYE_RIGHT = 30
    EAR_RIGHT = 31


class KinectV2(IntEnum):
    """Kinect for Windows v2, also NTU RGB+D."""

    SPINE_BASE = 0
    SPINE_MID = 1
    NECK = 2
    HEAD = 3
    SHOULDER_LEFT = 4
    ELBOW_LEFT = 5
    WRIST_LEFT = 6
    HAND_LEFT = 7
    SHOULDER_RIGHT = 8
    ELBOW_RIGHT = 9
    WRIST_RIGHT = 10
    HAND_RIGHT = 11
    HIP_LEFT = 12
    KNEE_LEFT = 13
    ANKLE_LEFT = 14
    FOOT_LEFT = 15
    HIP_RIGHT = 16
    KNEE_RIGHT = 17
    ANKLE_RIGHT = 18
    FOOT_RIGHT = 19
    SPINE_SHOULDER = 20
    HANDTIP_LEFT = 21
    THUMB_LEFT = 22
    HANDTIP_RIGHT = 23
    THUMB_RIGHT = 24


class KinectV1(IntEnum):
    """Kinect for Windows v1, in the order of its SDK."""

    HIP_CENTER = 0
    SPINE = 1
    SHOULDER_CENTER = 2
    HEAD = 3
    SHOULDER_LEFT = 4
    ELBOW_LEFT = 5
    WRIST_LEFT = 6
    HAND_LEFT = 7
    SHOULDER_RIGHT = 8
    ELBOW_RIGHT = 9
    WRIST_RIGHT = 10
    HAND_RIGHT = 11
    HIP_LEFT = 12
    KNEE_LEFT = 13
    ANKLE_LEFT = 14
    FOOT_LEFT = 15
    HIP_RIGHT = 16
    KNEE_RIGHT = 17
    ANKLE_RIGHT = 18
    FOOT_RIGHT = 19


class OpenNI15(IntEnum):
    """OpenNI 2 / NiTE 2, in the order of its JointType."""

    HEAD = 0
    NECK = 1
    SHOULDER_LEFT = 2
    SHOULDER_RIGHT = 3
    ELBOW_LEFT = 4
    ELBOW_RIGHT = 5
    HAND_LEFT = 6
    HAND_RIGHT = 7
    TORSO = 8
    HIP_LEFT = 9
    HIP_RIGHT = 10
    KNEE_LEFT = 11
    KNEE_RIGHT = 12
    FOOT_LEFT = 13
    FOOT_RIGHT = 14


class Mediapipe33(IntEnum):
    """MediaPipe pose landmarks; left and right are the person's own."""

    NOSE = 0
    EYE_INNER_LEFT = 1
    EYE_LEFT = 2
    EYE_OUTER_LEFT = 3
    EYE_INNER_RIGHT = 4
    EYE_RIGHT = 5
    EYE_OUTER_RIGHT = 6
    EAR_LEFT = 7
    EAR_RIGHT = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    SHOULDER_LEFT = 11
    SHOULDER_RIGHT = 12
    ELBOW_LEFT = 13
    ELBOW_RIGHT = 14
    WRIST_LEFT = 15
    WRIST_RIGHT = 16
    PINKY_LEFT = 17
    PINKY_RIGHT = 18
    INDEX_LEFT = 19
    INDEX_RIGHT = 20
    THUMB_LEFT = 21
    THUMB_RIGHT = 22
    HIP_LEFT = 23
    HIP_RIGHT = 24
    KNEE_LEFT = 25
    KNEE_RIGHT = 26
    ANKLE_LEFT = 27
    ANKLE_RIGHT = 28
    HEEL_LEFT = 29
    HEEL_RIGHT = 30
    FOOT_INDEX_LEFT = 31
    FOOT_INDEX_RIGHT = 32


class Coco17(IntEnum):
    """COCO person keypoints (here in 3D)."""

    NOSE = 0
    EYE_LEFT = 1
    EYE_RIGHT = 2
    EAR_LEFT = 3
    EAR_RIGHT = 4
    SHOULDER_LEFT = 5
    SHOULDER_RIGHT = 6
    ELBOW_LEFT = 7
    ELBOW_RIGHT = 8
    WRIST_LEFT = 9
    WRIST_RIGHT = 10
    HIP_LEFT = 11
    HIP_RIGHT = 12
    KNEE_LEFT = 13
    KNEE_RIGHT = 14
    ANKLE_LEFT = 15
    ANKLE_RIGHT = 16


@dataclass(frozen=True)
class Layout:
    """
    One skeleton layout.

    :param name: its name in messages, clips and parameters.
    :param joints: joint names and their places in an array.
    :param bones: pairs (parent, child), each joint a child at most once.
    :param to_common: for each joint of `common_15` the joints whose mean it is; empty where this
        layout has no such joint.
    """

    name: str
    joints: type[IntEnum]
    bones: tuple[tuple[int, int], ...]
    to_common: tuple[tuple[int, ...], ...]

    @property
    def joint_count(self) -> int:
        return len(self.joints)

    def mirror(self) -> tuple[int, ...]:
        """Return for each joint the joint of the other side (itself in the middle)."""
        names = {joint.name: int(joint) for joint in self.joints}
        swap = {'LEFT': 'RIGHT', 'RIGHT': 'LEFT'}
        return tuple(
            names['_'.join(swap.get(part, part) for part in joint.name.split('_'))]
            for joint in self.joints
        )


def _layout(
    name: str, joints: type[IntEnum], bones: str, aliases: dict[str, tuple[str, ...]]
) -> Layout:
    """Make a layout from bones as 'PARENT>CHILD>GRANDCHILD, ...' and names for common joints."""
    pairs = []
    for chain in bones.split(','):
        links = [joints[link.strip()] for link in chain.split('>')]
        pairs += [(int(a), int(b)) for a, b in pairwise(links)]
    to_common = []
    for common in Common15:
        sources = aliases.get(common.name, (common.name,))
        to_common.append(tuple(int(joints[source]) for source in sources))
    return Layout(name, joints, tuple(pairs), tuple(to_common))


_LIMBS = (
    'SHOULDER_LEFT>ELBOW_LEFT>HAND_LEFT, SHOULDER_RIGHT>ELBOW_RIGHT>HAND_RIGHT, '
    'HIP_LEFT>KNEE_LEFT>FOOT_LEFT, HIP_RIGHT>KNEE_RIGHT>FOOT_RIGHT'
)
_TORSO_ROOTED = (
    'TORSO>NECK>HEAD, NECK>SHOULDER_LEFT, NECK>SHOULDER_RIGHT, TORSO>HIP_LEFT, TORSO>HIP_RIGHT, '
    + _LIMBS
)
_KINECT_LIMBS = (
    'SHOULDER_LEFT>ELBOW_LEFT>WRIST_LEFT>HAND_LEFT, '
    'SHOULDER_RIGHT>ELBOW_RIGHT>WRIST_RIGHT>HAND_RIGHT, '
    'HIP_LEFT>KNEE_LEFT>ANKLE_LEFT>FOOT_LEFT, HIP_RIGHT>KNEE_RIGHT>ANKLE_RIGHT>FOOT_RIGHT'
)

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        _layout('common_15', Common15, _TORSO_ROOTED, {}),
        _layout('openni_15', OpenNI15, _TORSO_ROOTED, {}),
        _layout(
            'k4abt_32',
            K4abt32,
            'PELVIS>SPINE_NAVEL>SPINE_CHEST>NECK>HEAD>NOSE, PELVIS>HIP_LEFT, PELVIS>HIP_RIGHT, '
            'SPINE_CHEST>CLAVICLE_LEFT>SHOULDER_LEFT, SPINE_CHEST>CLAVICLE_RIGHT>SHOULDER_RIGHT, '
            'HAND_LEFT>HANDTIP_LEFT, WRIST_LEFT>THUMB_LEFT, HAND_RIGHT>HANDTIP_RIGHT, '
            'WRIST_RIGHT>THUMB_RIGHT, HEAD>EYE_LEFT, HEAD>EAR_LEFT, HEAD>EYE_RIGHT, '
            'HEAD>EAR_RIGHT, ' + _KINECT_LIMBS,
            {'TORSO': ('SPINE_NAVEL',)},
        ),
        _layout(
            'kinect_v2_25',
            KinectV2,
            'SPINE_BASE>SPINE_MID>SPINE_SHOULDER>NECK>HEAD, SPINE_SHOULDER>SHOULDER_LEFT, '
            'SPINE_SHOULDER>SHOULDER_RIGHT, SPINE_BASE>HIP_LEFT, SPINE_BASE>HIP_RIGHT, '
            'HAND_LEFT>HANDTIP_LEFT, WRIST_LEFT>THUMB_LEFT, HAND_RIGHT>HANDTIP_RIGHT, '
            'WRIST_RIGHT>THUMB_RIGHT, ' + _KINECT_LIMBS,
            {'TORSO': ('SPINE_MID',)},
        ),
        _layout(
            'kinect_v1_20',
            KinectV1,
            'HIP_CENTER>SPINE>SHOULDER_CENTER>HEAD, SHOULDER_CENTER>SHOULDER_LEFT, '
            'SHOULDER_CENTER>SHOULDER_RIGHT, HIP_CENTER>HIP_LEFT, HIP_CENTER>HIP_RIGHT, '
            + _KINECT_LIMBS,
            {'NECK': ('SHOULDER_CENTER',), 'TORSO': ('SPINE',)},
        ),
        _layout(
            'mediapipe_33',
            Mediapipe33,
            'NOSE>EYE_INNER_LEFT>EYE_LEFT>EYE_OUTER_LEFT>EAR_LEFT, '
            'NOSE>EYE_INNER_RIGHT>EYE_RIGHT>EYE_OUTER_RIGHT>EAR_RIGHT, MOUTH_LEFT>MOUTH_RIGHT, '
            'SHOULDER_LEFT>SHOULDER_RIGHT, SHOULDER_LEFT>ELBOW_LEFT>WRIST_LEFT>PINKY_LEFT, '
            'SHOULDER_RIGHT>ELBOW_RIGHT>WRIST_RIGHT>PINKY_RIGHT, WRIST_LEFT>INDEX_LEFT, '
            'WRIST_LEFT>THUMB_LEFT, WRIST_RIGHT>INDEX_RIGHT, WRIST_RIGHT>THUMB_RIGHT, '
            'SHOULDER_LEFT>HIP_LEFT>KNEE_LEFT>ANKLE_LEFT>HEEL_LEFT>FOOT_INDEX_LEFT, '
            'SHOULDER_RIGHT>HIP_RIGHT>KNEE_RIGHT>ANKLE_RIGHT>HEEL_RIGHT>FOOT_INDEX_RIGHT',
            {
                'HEAD': ('EAR_LEFT', 'EAR_RIGHT'),
                'NECK': (),
                'TORSO': (),
                'HAND_LEFT': ('WRIST_LEFT',),
                'HAND_RIGHT': ('WRIST_RIGHT',),
                'FOOT_LEFT': ('ANKLE_LEFT',),
                'FOOT_RIGHT': ('ANKLE_RIGHT',),
            },
        ),
        _layout(
            'coco_17',
            Coco17,
            'NOSE>EYE_LEFT>EAR_LEFT, NOSE>EYE_RIGHT>EAR_RIGHT, SHOULDER_LEFT>SHOULDER_RIGHT, '
            'SHOULDER_LEFT>ELBOW_LEFT>WRIST_LEFT, SHOULDER_RIGHT>ELBOW_RIGHT>WRIST_RIGHT, '
            'SHOULDER_LEFT>HIP_LEFT>KNEE_LEFT>ANKLE_LEFT, '
            'SHOULDER_RIGHT>HIP_RIGHT>KNEE_RIGHT>ANKLE_RIGHT',
            {
                'HEAD': ('EAR_LEFT', 'EAR_RIGHT'),
                'NECK': (),
                'TORSO': (),
                'HAND_LEFT': ('WRIST_LEFT',),
                'HAND_RIGHT': ('WRIST_RIGHT',),
                'FOOT_LEFT': ('ANKLE_LEFT',),
                'FOOT_RIGHT': ('ANKLE_RIGHT',),
            },
        ),
    )
}


def get_layout(name: str) -> Layout:
    """
    Look a layout up by its name.

    :raises UnknownLayoutError: there is none of that name.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownLayoutError(
            f'unknown skeleton layout {name!r}: expected one of {", ".join(LAYOUTS)}'
        ) from None


def to_common_15(
    joints_m: NDArray[np.float32], confidence: NDArray[np.float32], layout_name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Map joints of any layout to `common_15`.

    :param joints_m: (..., J, 3), metres.
    :param confidence: (..., J), 0 to 1.
    :return: joints (..., 15, 3) and confidence (..., 15). A common joint made of several takes
        their mean and the least of their confidences; one the layout lacks is 0 with confidence 0.
        Joints that are `common_15` already come back as they are, not copied.
    :raises UnknownLayoutError: there is no such layout.
    :raises BadSkeletonError: J is not the layout's joint count.
    """
    layout = get_layout(layout_name)
    if joints_m.shape[-2:] != (layout.joint_count, 3):
        raise BadSkeletonError(
            'joint_count',
            f'joints of {layout.name} must be (..., {layout.joint_count}, 3), '
            f'got {joints_m.shape}: is skeleton_layout right?',
        )
    if layout.joints is Common15:
        return joints_m, confidence
    # The first source of each joint at once; the few that are means of several afterwards.
    first = [sources[0] if sources else 0 for sources in layout.to_common]
    out, out_confidence = joints_m[..., first, :], confidence[..., first]
    for common, sources in enumerate(layout.to_common):
        if len(sources) > 1:
            out[..., common, :] = joints_m[..., sources, :].mean(axis=-2)
            out_confidence[..., common] = confidence[..., sources].min(axis=-1)
        elif not sources:
            out[..., common, :] = 0.0
            out_confidence[..., common] = 0.0
    return out, out_confidence
