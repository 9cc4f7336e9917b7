"""What another program publishes, as scenes: one input for each source that is subscribed to."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from visualization_msgs.msg import MarkerArray

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.adapters.body_tracking_markers import BodyTrackingReader
from skeleton_action_ros.adapters.keypoint_arrays import KeypointReader
from skeleton_action_ros.adapters.msg_conversions import scene_from_msg
from skeleton_action_ros.adapters.tf_frames import transforms_from_msg
from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError, SourceError
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.core.tracked_frames import TrackedFrames
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters

_LATER_S = 0.001
"""So that two clocks agree that the time to wait is over."""

Forward = Callable[[Scene, Sequence[SkeletonActionError], str], None]
"""Takes a scene, what was refused in it, and its frame (empty: not known, or other axes)."""


class TopicInput(ABC):
    """Subscribes while the node is active, and forwards what comes."""

    @abstractmethod
    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        """
        Subscribe.

        :raises SkeletonActionError: that cannot be.
        """

    def note(self) -> str:
        """Say what came of which nothing can be made; empty: nothing did."""
        return ''

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release what it holds; `listen` must not follow."""


class MarkersInput(TopicInput):
    """The Azure Kinect ROS driver's `visualization_msgs/MarkerArray`."""

    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        reader = BodyTrackingReader()

        def take(message: MarkerArray) -> None:
            scene, errors = reader.read(message, node.now_ns())
            frame_id = next((marker.header.frame_id for marker in message.markers), '')
            forward(scene, errors, frame_id)

        node.listen(MarkerArray, topic, take, qos.SENSOR)


class SkeletonsInput(TopicInput):
    """Another program's `SkeletonArray`."""

    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        if node.resolve_topic_name(topic) == node.resolve_topic_name('skeletons'):
            raise ConfigError(f'input_topic {topic!r} is what this node publishes itself')

        def take(message: SkeletonArray) -> None:
            forward(*scene_from_msg(message), message.header.frame_id)

        node.listen(SkeletonArray, topic, take, qos.SENSOR)


class FramesInput(TopicInput):
    """The coordinate frames of a tracker, `tf2_msgs/TFMessage`."""

    def __init__(self, parameters: SkeletonSourceParameters) -> None:
        self._type = frames_message()
        self._frames = TrackedFrames(parameters.tf, parameters.axes)
        self._settle_s = parameters.tf.settle_s

    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        def give(scenes: Sequence[tuple[Scene, Sequence[SkeletonActionError]]]) -> None:
            for scene, errors in scenes:
                forward(scene, errors, self._frames.frame_id)

        def take(message: Any) -> None:
            transforms, errors = transforms_from_msg(message)
            for error in errors:
                node.refuse(error)
            waited = self._frames.waiting
            give(self._frames.push(transforms, node.now_ns()))
            if self._frames.waiting and not waited:
                timer.reset()

        def flush() -> None:
            give(self._frames.flush(node.now_ns()))
            if not self._frames.waiting:
                timer.cancel()

        self._frames.clear()
        timer = node.every(self._settle_s + _LATER_S, flush)
        timer.cancel()
        node.listen(self._type, topic, take, qos.FRAMES)
        node.listen(self._type, f'{topic}_static', take, qos.STATIC_FRAMES)

    def note(self) -> str:
        return self._frames.note()


class KeypointsInput(TopicInput):
    """Persons with 17 joints in 3D, as `yolo_msgs/DetectionArray` has them."""

    def __init__(self, parameters: SkeletonSourceParameters) -> None:
        self._type = message_class(
            parameters.yolo_message, 'build its package in a workspace, and source that'
        )
        self._axes = parameters.axes

    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        reader = KeypointReader(self._axes)

        def take(message: Any) -> None:
            scene, errors = reader.read(message, node.now_ns())
            forward(scene, errors, reader.frame_id)

        node.listen(self._type, topic, take, qos.SENSOR)


@dataclass(frozen=True)
class Subscription:
    """
    One source that is subscribed to.

    :param topic: what is subscribed to where `input_topic` is empty.
    :param make: makes the input; raises for what can never work.
    """

    topic: str
    make: Callable[[SkeletonSourceParameters], TopicInput]


def _images(parameters: SkeletonSourceParameters) -> TopicInput:
    from skeleton_action_ros.nodes.image_input import ImagesInput

    return ImagesInput(parameters)


SUBSCRIPTIONS: dict[str, Subscription] = {
    'markers': Subscription('body_tracking_data', lambda _: MarkersInput()),
    'topic': Subscription('skeletons_in', lambda _: SkeletonsInput()),
    'tf': Subscription('/tf', FramesInput),
    'yolo': Subscription('yolo/detections_3d', KeypointsInput),
    'rgb': Subscription('', _images),
}
"""The sources that are subscribed to; `rgb` is where `input_topic` names an image topic."""


def frames_message() -> type[Any]:
    """
    Return the class of what is on `/tf`.

    :raises SourceError: it is not installed.
    """
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError as error:
        raise SourceError(
            f'coordinate frames need tf2_msgs ({error}): make setup, or apt install '
            'ros-jazzy-tf2-msgs'
        ) from error
    return TFMessage  # type: ignore[no-any-return]


def message_class(name: str, remedy: str) -> type[Any]:
    """
    Return the class of a message that need not be installed.

    :param name: such as `yolo_msgs/msg/DetectionArray`.
    :param remedy: how to install it.
    :raises ConfigError: the name is none.
    :raises SourceError: it is not installed.
    """
    package, *middle = name.split('/')
    kind = middle.pop() if middle else ''
    if not package.isidentifier() or not kind.isidentifier() or middle not in ([], ['msg']):
        raise ConfigError(f'a message must be named like package/msg/Name, got {name!r}')
    try:
        found = getattr(importlib.import_module(f'{package}.msg'), kind)
    except (ImportError, AttributeError) as error:
        raise SourceError(f'the message {name} is not installed ({error}): {remedy}') from error
    return found  # type: ignore[no-any-return]
