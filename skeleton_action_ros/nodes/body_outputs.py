"""What other programs want to know of people: coordinate frames, and who is there (REP-155)."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from std_msgs.msg import Header

from skeleton_action_ros.core.body_frames import REP_155, body_frames
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.messages import time_of
from skeleton_action_ros.nodes.topic_inputs import frames_message, message_class

TRACKED_TOPIC = '/humans/bodies/tracked'


class BodyOutputs:
    """
    Publishes frames on `/tf`, and with REP-155 the ids of those in view.

    Where the messages of REP-155 are not installed, `shortcoming` says so, and frames go out.

    :param naming: as `core.body_frames.body_frames`, but not 'none'.
    :param ids_message: the message of lists of ids.
    :raises SourceError: the message of `/tf` is not installed.
    """

    def __init__(self, node: ActionNode, naming: str, ids_message: str) -> None:
        self._naming = naming
        self._type = frames_message()
        self._frames = node.announce(self._type, '/tf', qos.FRAMES)
        self._ids: Any = None
        self.shortcoming = ''
        if naming == REP_155:
            try:
                self._ids_type = message_class(ids_message, 'apt install ros-jazzy-hri-msgs')
                self._ids = node.announce(self._ids_type, TRACKED_TOPIC, qos.EVENTS)
            except SourceError as error:
                self.shortcoming = f'{TRACKED_TOPIC} is not published: {error}'

    def publish(self, scene: Scene, frame_id: str) -> None:
        """Tell of everybody in view; of nobody, that nobody is."""
        header = Header(stamp=time_of(scene.stamp_ns), frame_id=frame_id)
        transforms = []
        for person in scene.skeletons:
            for frame in body_frames(person, self._naming):
                transform = TransformStamped(header=header, child_frame_id=frame.name)
                at, turn = transform.transform.translation, transform.transform.rotation
                at.x, at.y, at.z = frame.position_m.tolist()
                turn.x, turn.y, turn.z, turn.w = frame.quaternion.tolist()
                transforms.append(transform)
        if transforms:
            self._frames.publish(self._type(transforms=transforms))
        if self._ids is not None:
            ids = [str(person.body_id) for person in scene.skeletons]
            self._ids.publish(self._ids_type(header=header, ids=ids))
