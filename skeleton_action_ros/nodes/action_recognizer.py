"""Node `action_recognizer`: windows and the gallery in, labels and events out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from std_msgs.msg import String
from std_srvs.srv import SetBool
from visualization_msgs.msg import MarkerArray

from skeleton_action_msgs.msg import (
    ActionEvent,
    ActionGallery,
    RecognizedActionArray,
    SkeletonWindow,
)
from skeleton_action_ros.adapters.msg_conversions import gallery_from_msg, window_from_msg
from skeleton_action_ros.core.decision import EventKind
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.recognition import Recognizer, Update
from skeleton_action_ros.core.skeleton import END_OF_TIME_NS, NS_PER_S
from skeleton_action_ros.core.streams import SceneBatch, Step, Timeline
from skeleton_action_ros.core.windows import Window
from skeleton_action_ros.nodes import messages, qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import ActionRecognizerParameters, ModelParameters
from skeleton_action_ros.nodes.markers import markers_of
from skeleton_action_ros.nodes.models import describe_model, load_model
from skeleton_action_ros.nodes.running import run


class ActionRecognizerNode(ActionNode):
    """
    Subscribes `skeleton_windows` and `action_gallery`; publishes `actions`, `action_events`,
    `action_label` and `skeleton_markers`; serves `~/set_enabled`.

    The windows of one scene arrive one by one and go through the model together: a batch is taken
    as soon as everybody of the last scene is in it, or `batch_wait_s` after its last window. With
    the same persons in view nothing is waited for.

    :param load: loads the model that the parameters name.
    """

    def __init__(
        self, load: Callable[[ModelParameters], Model] = load_model, **kwargs: Any
    ) -> None:
        super().__init__(
            'action_recognizer', ActionRecognizerParameters, live=('recognition.',), **kwargs
        )
        self._load = load
        self._batch = SceneBatch()
        self._timeline = Timeline()
        self._recognizer: Recognizer | None = None
        self._gallery = Gallery()
        self._enabled = True
        self._frame_id = ''
        self._latest_ns = 0
        self._received_ns = 0

    def setup(self) -> None:
        self._now: ActionRecognizerParameters = self.parameters()
        self._model = self._load(self._now)
        self.get_logger().info(describe_model(self._model, self.health.facts))
        self._recognizer = Recognizer(self._model, self._now.recognition)
        self._actions = self.announce(RecognizedActionArray, 'actions', qos.EVENTS)
        self._events = self.announce(ActionEvent, 'action_events', qos.EVENTS)
        self._labels = self.announce(String, 'action_label', qos.EVENTS)
        self._markers = self.announce(MarkerArray, 'skeleton_markers', qos.MARKERS)

    def start(self) -> None:
        self.serve(SetBool, '~/set_enabled', self._on_set_enabled)
        self.listen(ActionGallery, 'action_gallery', self._on_gallery, qos.LATCHED)
        self.listen(SkeletonWindow, 'skeleton_windows', self._on_window, qos.WINDOWS)
        self.every(self._now.watchdog_period_s, self._expire)
        self._batch_timer = self.every(self._now.batch_wait_s, self._flush)
        self._batch_timer.cancel()

    def stop(self) -> None:
        self.forget()

    def forget(self) -> None:
        """End what is open, so that every STARTED has its ENDED, and forget everybody."""
        if self._recognizer is not None:
            if self.context.ok():
                self._publish(self._recognizer.expire(END_OF_TIME_NS), [])
            self._recognizer.clear()
        self._batch.clear()
        self._timeline.clear()
        self._latest_ns = 0

    def reconfigure(self) -> None:
        self.forget()
        self._now = self.parameters()
        self._recognizer = Recognizer(self._model, self._now.recognition)
        self._follow(self._gallery)

    def describe(self) -> None:
        assert self._recognizer is not None
        silent_s = (self._elapsing_ns() - self._received_ns) / NS_PER_S
        fresh = self._latest_ns > 0 and silent_s <= self._now.recognition.forget_s
        self.health.facts['stream'] = 'running' if fresh else 'stale'
        self.health.facts['enabled'] = str(self._enabled).lower()
        self.health.facts['actions'] = ', '.join(self._recognizer.labels)
        self.health.facts['gallery_revision'] = str(self._gallery.revision)
        for name, count in self._recognizer.counts.items():
            self.health.counts[f'recognizer.{name}'] = count

    def _on_set_enabled(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        if self._enabled and not request.data:
            self.forget()
        self._enabled = request.data
        response.success = True
        response.message = 'recognising' if self._enabled else 'not recognising'
        return response

    def _on_gallery(self, message: ActionGallery) -> None:
        gallery, errors = gallery_from_msg(message)
        for error in errors:
            self.refuse(error)
        self._follow(gallery)

    def _follow(self, gallery: Gallery) -> None:
        assert self._recognizer is not None
        self._gallery = gallery
        problems = self._recognizer.set_gallery(gallery)
        for problem in problems:
            self.get_logger().warning(problem)
        self.health.shortcoming = '; '.join(problems)
        self.get_logger().info(
            f'gallery revision {gallery.revision}: {", ".join(gallery.labels) or "nothing taught"}'
        )

    def _on_window(self, message: SkeletonWindow) -> None:
        window = window_from_msg(message)
        self.health.beat('windows')
        if not self._enabled:
            self.health.counts['dropped_disabled'] += 1
            return
        self._frame_id = message.header.frame_id
        for batch in self._batch.add(window):
            self._decide(batch)
        if self._batch.waiting:
            self._batch_timer.reset()
        else:
            self._batch_timer.cancel()

    def _flush(self) -> None:
        self._batch_timer.cancel()
        batch = self._batch.flush()
        if batch:
            self.health.counts['incomplete_batches'] += 1
            self._decide(batch)

    def _decide(self, batch: Sequence[Window]) -> None:
        assert self._recognizer is not None
        stamp_ns = int(batch[-1].clip.stamps_ns[-1])
        step = self._timeline.take(stamp_ns)
        if self._timeline.strays:
            self.health.counts['stray_stamps'] = self._timeline.strays
        if step is Step.STRAY:
            return
        if step is Step.BACK:
            self.jumped_back(f'the stamps of skeleton_windows jumped back to {stamp_ns} ns')
        self._latest_ns, self._received_ns = stamp_ns, self._elapsing_ns()
        begun_ns = self.steady_ns()
        update = self._recognizer.update(batch)
        self.health.took('decision', (self.steady_ns() - begun_ns) / NS_PER_S)
        self.health.beat('batches')
        self._publish(update, batch)

    def _expire(self) -> None:
        """
        End the actions of persons who have left, or whose stream is stale.

        The sensor's clock, which may be another, goes on from the last stamp as time does here:
        simulated time where that is used, else time that a correction of the clock cannot stop.
        """
        if self._latest_ns and self._recognizer is not None:
            now_ns = self._latest_ns + max(self._elapsing_ns() - self._received_ns, 0)
            self._publish(self._recognizer.expire(now_ns), [])

    def _elapsing_ns(self) -> int:
        return self.now_ns() if self.get_clock().ros_time_is_active else self.steady_ns()

    def _publish(self, update: Update, batch: Sequence[Window]) -> None:
        for event in update.events:
            latency_s = max((self.now_ns() - event.stamp_ns) / NS_PER_S, 0.0)
            self._events.publish(messages.event_to_msg(event, latency_s, self._frame_id))
            if event.kind == EventKind.STARTED:
                self._labels.publish(String(data=event.label))
                self.health.took('event', latency_s)
            self.health.beat(event.kind.name.lower())
        if update.recognitions:
            self._actions.publish(messages.recognitions_to_msg(update.recognitions, self._frame_id))
        if batch and self._markers.get_subscription_count() > 0:
            self._markers.publish(markers_of(batch, update.recognitions, self._frame_id))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; ROS arguments as usual."""
    return run(lambda: [ActionRecognizerNode()], args)


if __name__ == '__main__':
    sys.exit(main())
