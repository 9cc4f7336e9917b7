"""
Persons as `yolo_msgs/DetectionArray` has them: `KeyPoint3DArray`s of the 17 joints of COCO.

A keypoint's id is its joint plus 1, and weak joints are left out. Who it is, is a text, empty where
the detections are not tracked. Each array names its own frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skeleton_action_ros.core.axes import is_optical, optical_from_body
from skeleton_action_ros.core.body_ids import BodyIds
from skeleton_action_ros.core.errors import BadSkeletonError, SkeletonActionError
from skeleton_action_ros.core.layouts import Coco17
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame, checked_frame

LAYOUT = 'coco_17'
_FIRST_ID = 1


class KeypointReader:
    """
    Reads one stream of detections; persons keep their numbers in it.

    :param axes: of the frames that the arrays name, as `core.axes.is_optical`.
    """

    def __init__(self, axes: str) -> None:
        self._axes = axes
        self._ids = BodyIds()
        self.frame_id = ''
        """The frame of the last scene; empty where its axes are not those that scenes have."""

    def read(self, message: Any, received_ns: int) -> tuple[Scene, list[SkeletonActionError]]:
        """
        Return the persons in a message, and what is wrong with the others.

        Detections without keypoints in 3D are no persons.

        :param received_ns: when it arrived, positive: stands in for a stamp of 0.
        """
        stamp = message.header.stamp
        stamp_ns = int(stamp.sec) * NS_PER_S + int(stamp.nanosec)
        stamp_ns = stamp_ns if stamp_ns > 0 else received_ns
        people = [each for each in message.detections if len(each.keypoints3d.data)]
        frames: dict[int, SkeletonFrame] = {}
        errors: list[SkeletonActionError] = []
        for person in people:
            try:
                frame = self._frame(stamp_ns, person, message.header.frame_id, len(people))
                if frame.body_id in frames:
                    raise BadSkeletonError('duplicate_body', f'id {person.id!r} is in view twice')
            except SkeletonActionError as error:
                errors.append(error)
            else:
                frames[frame.body_id] = frame
        return Scene(stamp_ns, tuple(frames.values())), errors

    def _frame(self, stamp_ns: int, person: Any, message_frame: str, in_view: int) -> SkeletonFrame:
        name = str(person.id)
        if not name and in_view > 1:
            raise BadSkeletonError(
                'untracked',
                f'{in_view} persons are in view and one has no id: who is who is not known '
                'without tracking',
            )
        positions = np.zeros((len(Coco17), 3))
        confidence = np.zeros(len(Coco17))
        for point in person.keypoints3d.data:
            joint = int(point.id) - _FIRST_ID
            if not 0 <= joint < len(Coco17):
                raise BadSkeletonError(
                    'keypoint',
                    f'the id of a keypoint must be from {_FIRST_ID} to {len(Coco17)}, got '
                    f'{point.id} in person {name!r}',
                )
            positions[joint] = (point.point.x, point.point.y, point.point.z)
            confidence[joint] = point.score
        frame_id = str(person.keypoints3d.frame_id) or str(message_frame)
        optical = is_optical(frame_id, self._axes)
        self.frame_id = frame_id if optical else ''
        if not optical:
            positions = optical_from_body(positions)
        with np.errstate(over='ignore'):  # beyond float32 is as good as infinite: masked
            return checked_frame(
                stamp_ns, self._ids.number(name or '0'), LAYOUT, positions, confidence
            )
