"""A robot for tests: shows skeletons to real nodes over DDS and records what they say."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

from skeleton_action_msgs.msg import (
    ActionEvent,
    ActionGallery,
    RecognizedActionArray,
    SkeletonArray,
    SkeletonWindow,
)
from skeleton_action_ros.adapters.msg_conversions import ros_message_types, scene_to_msg
from skeleton_action_ros.core.skeleton import Clip, Scene, SkeletonFrame
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode

TYPES = ros_message_types()
PATIENCE_S = 15.0
FRAME_ID = 'test_optical_frame'


class Robot:
    """
    Spins the nodes under test and its own in one executor, one callback at a time.

    Frames are shown one by one, each when the nodes have taken the one before.
    """

    def __init__(self, *nodes: ActionNode) -> None:
        self.nodes = nodes
        self.node = Node('robot')
        self.executor = SingleThreadedExecutor()
        for node in (*nodes, self.node):
            self.executor.add_node(node)
        self.said: dict[str, list[Any]] = {}
        self._skeletons = self.node.create_publisher(SkeletonArray, 'skeletons', qos.SENSOR)
        for kind, topic, profile in (
            (ActionEvent, 'action_events', qos.EVENTS),
            (RecognizedActionArray, 'actions', qos.EVENTS),
            (String, 'action_label', qos.EVENTS),
            (ActionGallery, 'action_gallery', qos.LATCHED),
            (SkeletonWindow, 'skeleton_windows', qos.WINDOWS),
            (DiagnosticArray, '/diagnostics', 10),
        ):
            self.hear(kind, topic, profile)

    def close(self) -> None:
        for node in self.nodes:
            node.close()
        self.node.destroy_node()
        self.executor.shutdown()
        self.nodes = ()
        gc.collect()  # a node's name is free only when nothing refers to its handle any more

    def hear(self, kind: type[Any], topic: str, profile: Any) -> list[Any]:
        """Record a topic; the same list is in `said`."""
        heard: list[Any] = []
        self.said[topic.strip('/')] = heard
        self.node.create_subscription(kind, topic, heard.append, profile)
        return heard

    def spin_until(
        self, condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S
    ) -> None:
        """Let everybody work until the condition holds."""
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, f'in vain: {what}'
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds: float) -> None:
        """Let everybody work for a while, to see that something does not happen."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.02)

    def wait_until_active(self) -> None:
        """Wait until all nodes work and hear each other."""
        self.spin_until(lambda: all(is_active(node) for node in self.nodes), 'nodes are active')
        for topic in ('skeletons', 'skeleton_windows', 'action_gallery'):
            self.spin_until(lambda topic=topic: self._matched(topic), f'{topic} is connected')

    def _matched(self, topic: str) -> bool:
        """Whether every publisher of a topic has found every subscription in this process."""
        everybody = [*self.nodes, self.node]
        name = self.node.resolve_topic_name(topic)
        listeners = sum(
            subscription.topic_name == name
            for node in everybody
            for subscription in node.subscriptions
        )
        return all(
            publisher.get_subscription_count() >= listeners
            for node in everybody
            for publisher in node.publishers
            if publisher.topic_name == name
        )

    def send(self, message: SkeletonArray) -> None:
        """Publish skeletons and wait until every node that hears them has taken them."""
        hearers = [
            node for node in self.nodes if node.get_name() in ('window_buffer', 'action_enroller')
        ]
        before = [node.health.counts['skeletons'] for node in hearers]
        self._skeletons.publish(message)
        self.spin_until(
            lambda: all(
                node.health.counts['skeletons'] > count
                for node, count in zip(hearers, before, strict=True)
            ),
            'skeletons are taken',
            2.0,
        )

    def show(self, *clips: tuple[int, Clip], until: Callable[[], Any] = lambda: False) -> None:
        """Show persons (body id, clip) at once, at the first clip's stamps, until it holds."""
        for index, stamp_ns in enumerate(clips[0][1].stamps_ns):
            self.send(scene_message(int(stamp_ns), [(body, clip, index) for body, clip in clips]))
            self.settle()
            if until():
                return

    def settle(self) -> None:
        """Let the windows that are under way be recognised and what is said be heard."""
        counts = {node.get_name(): node.health.counts for node in self.nodes}
        if 'window_buffer' in counts and 'action_recognizer' in counts:
            self.spin_until(
                lambda: (
                    counts['action_recognizer']['windows'] == counts['window_buffer']['windows']
                ),
                'all windows arrive',
                2.0,
            )
        recognizer = next(
            (node for node in self.nodes if node.get_name() == 'action_recognizer'), None
        )
        if recognizer is not None and recognizer._batch.waiting:
            self.spin_until(lambda: not recognizer._batch.waiting, 'the batch is taken', 2.0)

    def catch_up(self) -> None:
        """Hear everything that has been said."""
        self.spin_for(0.1)

    def call(self, kind: type[Any], name: str, **request: Any) -> Any:
        """Call a service and return the response."""
        future = self.ask(kind, name, **request)
        self.spin_until(future.done, f'{name} answers')
        return future.result()

    def ask(self, kind: type[Any], name: str, **request: Any) -> Any:
        """Call a service and return the future of the response."""
        client = self.node.create_client(kind, name)
        self.spin_until(client.service_is_ready, f'{name} is served')
        return client.call_async(kind.Request(**request))

    def diagnosis(self, node_name: str, key: str = '') -> Any:
        """Have a node report on `/diagnostics`; return its status, or one of its values."""
        (node,) = (node for node in self.nodes if node.get_name() == node_name)
        before = len(self._statuses(node_name))
        node._publish_diagnostics()
        self.spin_until(lambda: len(self._statuses(node_name)) > before, f'{node_name} reports')
        status = self._statuses(node_name)[-1]
        values = {item.key: item.value for item in status.values}
        return values.get(key) if key else (status.level, status.message, values)

    def reports(self, node_name: str) -> list[tuple[bytes, str]]:
        """Have a node report once more; return level and message of all it has reported."""
        self.diagnosis(node_name)
        return [(status.level, status.message) for status in self._statuses(node_name)]

    def _statuses(self, node_name: str) -> list[Any]:
        return [
            status
            for message in self.said['diagnostics']
            for status in message.status
            if status.name.endswith(f'/{node_name}')
        ]


def is_active(node: ActionNode) -> bool:
    return state_of(node) == 'active'


def state_of(node: ActionNode) -> str:
    return str(node._state_machine.current_state[1])


def scene_message(stamp_ns: int, persons: Sequence[tuple[int, Clip, int]]) -> SkeletonArray:
    """Make a message of (body id, clip, frame index)."""
    frames = tuple(
        SkeletonFrame(stamp_ns, body, clip.layout, clip.joints_m[index], clip.confidence[index])
        for body, clip, index in persons
    )
    return scene_to_msg(Scene(stamp_ns, frames), FRAME_ID, TYPES)


def moved(clip: Clip, x_m: float = 0.0, z_m: float = 0.0) -> Clip:
    """Return the clip with the person standing elsewhere."""
    joints = clip.joints_m + np.array([x_m, 0.0, z_m], np.float32)
    return Clip(joints, clip.confidence, clip.stamps_ns, clip.layout)
