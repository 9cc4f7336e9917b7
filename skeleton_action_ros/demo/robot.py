"""A robot's own program: it has actions enrolled, listens to events, and remembers what it saw."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.task import Future

from skeleton_action_msgs.msg import ActionEvent, SkeletonArray
from skeleton_action_msgs.srv import EnrollAction
from skeleton_action_ros.adapters import msg_conversions
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene
from skeleton_action_ros.demo.scoreboard import Line, Scoreboard
from skeleton_action_ros.demo.stage import TEACHER
from skeleton_action_ros.nodes import qos

_ENROLL_AFTER_S = 1.5
_ASK_AGAIN_S = 0.2
_SETTLE_EVERY_S = 0.25
_GIVE_UP_AFTER_S = 2.3
_LISTENERS = {'skeletons': 3, 'skeleton_windows': 1, 'action_gallery': 1, 'action_events': 1}
"""How many subscribe each topic when everybody is there; `skeletons`: buffer, enroller, robot."""


@dataclass(frozen=True)
class Lesson:
    """
    One action was enrolled.

    :param stamp_ns: when the enroller answered, sensor time.
    :param motion_s: length of the demonstration it took.
    """

    label: str
    stamp_ns: int
    motion_s: float


@dataclass(frozen=True)
class Heard:
    """
    One event from its start to its end.

    :param span: from when to when the action went on.
    :param started_ns: stamp of the frame that decided its start; `ended_ns` its end, so far.
    :param latency_s: as the STARTED event says.
    """

    span: ActionSpan
    started_ns: int
    ended_ns: int
    confidence: float
    latency_s: float
    ended: bool = False


class Robot(Node):  # type: ignore[misc]
    """
    Subscribes skeletons, ground truth and events; calls `enroll_action` after each action of A.

    All of it happens in the thread that spins the node. `failure` says what went wrong.

    :param taught: the labels that A teaches; nothing else counts as right.
    :param on_lesson: called for each enrolled action.
    :param on_line: called for each settled line about B, C and D.
    """

    def __init__(
        self,
        taught: Sequence[str],
        on_lesson: Callable[[Lesson], None],
        on_line: Callable[[Line], None],
    ) -> None:
        super().__init__('demonstration_robot')
        self._on_lesson = on_lesson
        self._on_line = on_line
        self._scoreboard = Scoreboard(taught)
        self._to_enroll: deque[ActionSpan] = deque()
        self._asking = False
        self._ask_from_ns = 0
        self._settle_from_ns = 0
        self._heard: dict[tuple[int, str, int], Heard] = {}
        self.scenes: list[Scene] = []
        self.spans: list[ActionSpan] = []
        self.lessons: list[Lesson] = []
        self.failure = ''
        self.enroller = self.create_client(EnrollAction, 'enroll_action')
        self.create_subscription(SkeletonArray, 'skeletons', self._on_skeletons, qos.SENSOR)
        self.create_subscription(ActionEvent, 'action_annotations', self._on_annotation, qos.EVENTS)
        self.create_subscription(ActionEvent, 'action_events', self._on_event, qos.EVENTS)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    @property
    def heard(self) -> list[Heard]:
        """All events, in order of their starts."""
        return sorted(self._heard.values(), key=lambda heard: heard.span.start_ns)

    @property
    def latencies_ms(self) -> list[float]:
        """Sensor stamp of the deciding frame to publication, of each event of B, C and D."""
        others = (heard for heard in self.heard if heard.span.body_id != TEACHER)
        return [heard.latency_s * 1e3 for heard in others]

    @property
    def first_ns(self) -> int:
        """Stamp of the first skeletons; 0 before."""
        return self.scenes[0].stamp_ns if self.scenes else 0

    def is_ready(self) -> bool:
        """Whether all four nodes are there, and listen to each other."""
        return self.enroller.service_is_ready() and all(
            self.count_subscribers(topic) >= least for topic, least in _LISTENERS.items()
        )

    def has_heard_all(self) -> bool:
        """Whether every event that started has ended."""
        return all(heard.ended for heard in self._heard.values())

    @property
    def latest_ns(self) -> int:
        """Stamp of the newest skeletons; 0 before the first."""
        return self.scenes[-1].stamp_ns if self.scenes else 0

    def _on_skeletons(self, message: SkeletonArray) -> None:
        scene, _ = msg_conversions.scene_from_msg(message)
        self.scenes.append(scene)
        self._enroll_if_due(scene.stamp_ns)
        if scene.stamp_ns >= self._settle_from_ns:
            self._settle_from_ns = scene.stamp_ns + round(_SETTLE_EVERY_S * NS_PER_S)
            for line in self._scoreboard.settled(scene.stamp_ns):
                self._on_line(line)

    def _on_annotation(self, message: ActionEvent) -> None:
        span = msg_conversions.span_from_msg(message)
        if span is None:
            return
        self.spans.append(span)
        if span.body_id == TEACHER:
            self._to_enroll.append(span)
        else:
            self._scoreboard.show(span)

    def _on_event(self, message: ActionEvent) -> None:
        span = _event_span(message)
        key = (span.body_id, span.label, span.start_ns)
        stamp_ns = msg_conversions.time_from_msg(message.header.stamp)
        if message.kind == ActionEvent.STARTED:
            self._heard[key] = Heard(span, stamp_ns, stamp_ns, message.confidence, message.latency)
        elif key in self._heard:
            self._heard[key] = replace(self._heard[key], span=span, ended_ns=stamp_ns, ended=True)
        if span.body_id != TEACHER:
            self._scoreboard.recognise(span)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level == DiagnosticStatus.ERROR:
                self.failure = self.failure or f'{status.name}: {status.message}'

    def _enroll_if_due(self, now_ns: int) -> None:
        """Ask for the last motion once it has been over for long enough to be seen as finished."""
        if not self._to_enroll or self._asking:
            return
        span = self._to_enroll[0]
        due_ns = span.end_ns + round(_ENROLL_AFTER_S * NS_PER_S)
        if now_ns < max(due_ns, self._ask_from_ns):
            return
        self._asking = True
        request = EnrollAction.Request(
            label=span.label, capture=EnrollAction.Request.LAST_MOTION, body_id=-1
        )
        self.enroller.call_async(request).add_done_callback(
            lambda future: self._on_answer(span, future)
        )

    def _on_answer(self, span: ActionSpan, future: Future) -> None:
        """Take the answer; where A has not come to rest yet, ask again in a moment."""
        self._asking = False
        answer: Any = future.result()
        if not answer.success:
            self._ask_from_ns = self.latest_ns + round(_ASK_AGAIN_S * NS_PER_S)
            if self.latest_ns > span.end_ns + _GIVE_UP_AFTER_S * NS_PER_S:
                self.failure = f'/enroll_action refused {span.label!r}: {answer.message}'
            return
        self._to_enroll.popleft()
        lesson = Lesson(span.label, self.latest_ns, answer.duration)
        self.lessons.append(lesson)
        self._on_lesson(lesson)


def _event_span(message: ActionEvent) -> ActionSpan:
    """Return from when to when an event says the action went on, so far."""
    stamps = (message.start, message.end, message.header.stamp)
    start_ns, end_ns, stamp_ns = (msg_conversions.time_from_msg(stamp) for stamp in stamps)
    started = message.kind == ActionEvent.STARTED
    return ActionSpan(
        message.label, start_ns, max(end_ns, stamp_ns) if started else end_ns, message.body_id
    )
