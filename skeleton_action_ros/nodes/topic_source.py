"""A topic of another program as a source that can be read, outside of the graph's nodes."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions

from skeleton_action_ros.core.errors import SkeletonActionError, SourceError
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import NodeParameters, SkeletonSourceParameters
from skeleton_action_ros.nodes.running import spinning
from skeleton_action_ros.nodes.topic_inputs import SUBSCRIPTIONS, TopicInput

_POLL_S = 0.1
_MOST_WAITING = 1000


class _Listener(ActionNode):
    def __init__(self, source: TopicInput, topic: str, take: Any, **kwargs: Any) -> None:
        super().__init__('skeleton_recorder', NodeParameters, **kwargs)
        self._source = source
        self._topic = topic
        self._take = take

    def start(self) -> None:
        self._source.listen(self, self._topic, self._take)


class TopicSource:
    """
    Brings ROS up while it is read. What comes faster than it is read is dropped and counted.
    `refused` counts what was left out, by reason; `why_refused` has the last message of each.

    :param parameters: as of the node skeleton_source; its source is one that is subscribed to.
    :param namespace: ROS namespace of a topic that is relative.
    :raises SkeletonActionError: the source's messages are not installed, or a parameter is wrong.
    """

    live = True

    def __init__(self, parameters: SkeletonSourceParameters, namespace: str = '') -> None:
        subscription = SUBSCRIPTIONS[parameters.source]
        self._input = subscription.make(parameters)
        self._topic = parameters.input_topic or subscription.topic
        self._namespace = namespace
        self._waiting: queue.Queue[Scene] = queue.Queue(_MOST_WAITING)
        self._closed = False
        self._refusals = Refusals()
        self.refused, self.why_refused = self._refusals.counts, self._refusals.why

    @property
    def name(self) -> str:
        """The topic."""
        return f'topic {self._topic}'

    def scenes(self) -> Iterator[Scene]:
        """
        Yield what comes until `close`.

        :raises SourceError: the topic cannot be subscribed to.
        """
        # Whoever reads handles signals: ROS would take the context away.
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        try:
            node = _Listener(self._input, self._topic, self._take, namespace=self._namespace)
            with spinning([node]) as spinner:
                while not self._closed:
                    if spinner.ended:
                        raise SourceError(node.health.failure or f'{self.name}: ROS has ended')
                    with suppress(queue.Empty):
                        yield self._waiting.get(timeout=_POLL_S)
            while not self._waiting.empty():  # what came before it was closed
                yield self._waiting.get()
        finally:
            self._input.close()
            rclpy.try_shutdown()

    def close(self) -> None:
        """End `scenes`."""
        self._closed = True

    def _take(self, scene: Scene, errors: Sequence[SkeletonActionError], frame_id: str) -> None:
        for error in errors:
            self._refusals.add(error)
        if scene.stamp_ns <= 0:
            return
        try:
            self._waiting.put_nowait(scene)
        except queue.Full:
            self.refused['too_fast'] += 1
