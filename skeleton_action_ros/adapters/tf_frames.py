"""Between `tf2_msgs/TFMessage` and the core's transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from skeleton_action_ros.core.errors import BadSkeletonError, SkeletonActionError
from skeleton_action_ros.core.frame_tree import FrameTransform, rotation_of
from skeleton_action_ros.core.skeleton import NS_PER_S


def transforms_from_msg(message: Any) -> tuple[list[FrameTransform], list[SkeletonActionError]]:
    """
    Return the transforms of a message, and what is wrong with each of the others.

    Frames lose the leading slash that ROS 1 gave them.
    """
    transforms = []
    errors: list[SkeletonActionError] = []
    for item in message.transforms:
        parent = str(item.header.frame_id).lstrip('/')
        child = str(item.child_frame_id).lstrip('/')
        at, turn = item.transform.translation, item.transform.rotation
        position_m = np.array([at.x, at.y, at.z])
        try:
            if not parent or not child or parent == child:
                raise BadSkeletonError(
                    'frames', f'a transform has a parent and a child, got {parent!r} and {child!r}'
                )
            if not np.isfinite(position_m).all():
                raise BadSkeletonError(
                    'position', f'{child}: a position is finite, got {position_m.tolist()}'
                )
            rotation = rotation_of(np.array([turn.x, turn.y, turn.z, turn.w]))
        except BadSkeletonError as error:
            errors.append(error)
            continue
        stamp_ns = int(item.header.stamp.sec) * NS_PER_S + int(item.header.stamp.nanosec)
        transforms.append(FrameTransform(parent, child, max(stamp_ns, 0), position_m, rotation))
    return transforms, errors
