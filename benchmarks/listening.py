"""A node `skeleton_source`, and a probe that hears what it publishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.adapters.msg_conversions import time_from_msg
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.running import spinning
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

_CONNECTED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.05


@dataclass
class Heard:
    """
    What came of a source.

    :param node: to publish with what the source subscribes to.
    :param scenes: stamp of each scene with somebody in it, nanoseconds, and when it was heard:
        seconds of `time.monotonic` and nanoseconds of the clock of stamps.
    """

    node: Node
    scenes: dict[int, tuple[float, int]] = field(default_factory=dict)


@contextmanager
def listening(parameters: Mapping[str, Any], **given: Any) -> Iterator[Heard]:
    """
    Run the node with these parameters, and hear `skeletons`.

    :param given: to the node.
    :raises SourceError: it is not heard in time.
    """
    rclpy.init(args=[])
    try:
        overrides = [Parameter(key, value=value) for key, value in parameters.items()]
        # Where it begins by itself, a recording would be over before anybody hears it.
        source = SkeletonSourceNode(
            parameter_overrides=[*overrides, Parameter('autostart', value=False)], **given
        )
        probe = Node('probe')
        probe.create_timer(0.1, lambda: None)  # a node without a timer cannot be told to end
        heard = Heard(probe)

        def hear(message: SkeletonArray) -> None:
            if message.skeletons:
                stamp_ns = time_from_msg(message.header.stamp)
                heard.scenes[stamp_ns] = time.monotonic(), time.time_ns()

        probe.create_subscription(SkeletonArray, 'skeletons', hear, qos.SENSOR)
        source.trigger_configure()
        with spinning([source, probe]):
            name = f'source {parameters["source"]}'
            wait_until(lambda: probe.count_publishers('skeletons') > 0, name)
            source.trigger_activate()
            if source.health.failure:
                raise SourceError(f'{name}: {source.health.failure}')
            yield heard
    finally:
        rclpy.try_shutdown()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """
    Wait for a condition.

    :raises SourceError: it is not there in time.
    """
    deadline_s = time.monotonic() + _CONNECTED_WITHIN_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise SourceError(f'{what} was not connected within {_CONNECTED_WITHIN_S:g} s')
        time.sleep(_LOOK_EVERY_S)
