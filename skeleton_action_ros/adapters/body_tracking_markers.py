"""
Bodies as the Azure Kinect ROS driver publishes them: a `visualization_msgs/MarkerArray` of joints.

A marker's id is `body_id * 100 + joint`; its place in the list says nothing. The first body
tracking SDK knew 26 joints, the 32 of today without hands, handtips and thumbs, and numbered them
without gaps; which numbering it is, where no id is above 25, shows where the head would be. There
is no joint confidence: a joint that is given has 1.

The stamp is on each marker and the array has none, so that nobody in view comes without a stamp;
one variant of the driver publishes stamp 0. Then the time of arrival stands in for the stamp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from skeleton_action_ros.core.errors import BadSkeletonError, UnknownLayoutError
from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame, checked_frame

LAYOUT = 'k4abt_32'
IDS_PER_BODY = 100
_FIRST_26 = tuple(
    joint for joint in K4abt32 if not joint.name.startswith(('HAND_', 'HANDTIP_', 'THUMB_'))
)
"""The joints of the first body tracking SDK, in its order."""
_OLD_HEAD = _FIRST_26.index(K4abt32.HEAD)
_FACE_M = 0.35
_SPHERE = 2
_ADD = 0
_DELETE = 2
_DELETE_ALL = 3

_Position = tuple[float, float, float]


class BodyTrackingReader:
    """
    Reads one stream of arrays, and knows how late they come.

    The sensor's stamps are older than their arrival by the latency of tracking (about 0.25 s), so
    an array without a stamp is taken to be as late as the last one that had one: otherwise time
    would seem to jump back whenever somebody comes into view.
    """

    def __init__(self) -> None:
        self._delay_ns = 0
        self._last_ns = 0

    def read(
        self, message: Any, received_ns: int
    ) -> tuple[Scene, list[BadSkeletonError | UnknownLayoutError]]:
        """
        Return the bodies of the next array, as `frames_from_markers` does.

        :param received_ns: when it arrived, positive.
        """
        own_ns = _stamp_ns(message)
        if own_ns > 0:
            self._delay_ns = received_ns - own_ns
            self._last_ns = own_ns
            return frames_from_markers(message, received_ns)
        stamp_ns = received_ns - self._delay_ns
        if 0 < self._last_ns - stamp_ns < NS_PER_S:
            stamp_ns = self._last_ns + 1
        self._last_ns = stamp_ns
        return frames_from_markers(message, stamp_ns)


def frames_from_markers(
    message: Any, received_ns: int
) -> tuple[Scene, list[BadSkeletonError | UnknownLayoutError]]:
    """
    Return the bodies of one MarkerArray, at the latest stamp of its markers.

    Markers that are no joint (another namespace, shape or action, an id out of range) are left out;
    one error for each kind of them says how many. Deletions are nobody's error.

    :param received_ns: the stamp where no marker has one, positive.
    :return: the scene, and what is wrong with the bodies and markers that are not in it.
    """
    bodies: dict[int, dict[int, _Position]] = {}
    left_out: Counter[str] = Counter()
    for marker in message.markers:
        if marker.action in (_DELETE, _DELETE_ALL):
            continue
        body_id, joint = divmod(int(marker.id), IDS_PER_BODY)
        joints = bodies.get(body_id, {})
        fault = _fault(marker, joint, joints)
        if fault:
            left_out[fault] += 1
            continue
        at = marker.pose.position
        joints[joint] = (at.x, at.y, at.z)
        bodies[body_id] = joints
    errors: list[BadSkeletonError | UnknownLayoutError] = [
        BadSkeletonError('marker', f'{count} markers left out: {fault}')
        for fault, count in left_out.items()
    ]
    stamp_ns = _stamp_ns(message) or received_ns
    frames = []
    for body_id, joints in sorted(bodies.items()):
        try:
            frames.append(_frame(stamp_ns, body_id, joints))
        except BadSkeletonError as error:
            errors.append(error)
    return Scene(stamp_ns, tuple(frames)), errors


def _stamp_ns(message: Any) -> int:
    """Return the latest stamp of an array's joints, 0 where there is none."""
    return max(
        (
            int(marker.header.stamp.sec) * NS_PER_S + int(marker.header.stamp.nanosec)
            for marker in message.markers
            if marker.action == _ADD
        ),
        default=0,
    )


def _fault(marker: Any, joint: int, joints: Mapping[int, _Position]) -> str:
    """Say why a marker is no joint of a body, or nothing."""
    if marker.ns:
        return f'the namespace of a joint is empty, got {marker.ns!r}'
    if marker.type != _SPHERE or marker.action != _ADD:
        return f'a joint is a sphere to add, got type {marker.type} action {marker.action}'
    if marker.id < 0 or joint >= len(K4abt32):
        return f'id must be body * {IDS_PER_BODY} + joint 0 to {len(K4abt32) - 1}, got {marker.id}'
    if joint in joints:
        return f'id {marker.id} comes again'
    return ''


def _frame(stamp_ns: int, body_id: int, joints: Mapping[int, _Position]) -> SkeletonFrame:
    positions = np.zeros((len(K4abt32), 3), np.float32)
    confidence = np.zeros(len(K4abt32), np.float32)
    numbers = list(joints)
    given = [_FIRST_26[number] for number in numbers] if _is_first_26(joints) else numbers
    with np.errstate(over='ignore'):  # beyond float32 is as good as infinite: masked
        positions[given] = np.array(list(joints.values()))
    confidence[given] = 1.0
    return checked_frame(stamp_ns, body_id, LAYOUT, positions, confidence)


def _is_first_26(joints: Mapping[int, _Position]) -> bool:
    """
    Tell the numbers of the first SDK by the face.

    There the last six are head, nose, eyes and ears, near each other and nearer to the neck than
    the pelvis is; in today's numbering they are ankle, foot and the other leg.
    """
    face = [joints[number] for number in range(_OLD_HEAD, len(_FIRST_26)) if number in joints]
    known = K4abt32.PELVIS in joints and K4abt32.NECK in joints and _OLD_HEAD in joints
    if not known or len(face) < 2 or max(joints) >= len(_FIRST_26):
        return False
    neck, head = np.array(joints[K4abt32.NECK]), np.array(joints[_OLD_HEAD])
    trunk_m = np.linalg.norm(np.array(joints[K4abt32.PELVIS]) - neck)
    together = np.linalg.norm(np.array(face) - head, axis=1).max() < _FACE_M
    return bool(together and np.linalg.norm(head - neck) < trunk_m)
