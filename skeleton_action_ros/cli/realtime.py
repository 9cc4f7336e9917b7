"""Recordings played to the running nodes, with `/clock`: do they say what the replay says?"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tqdm import tqdm

from skeleton_action_ros.cli.services import require_ros
from skeleton_action_ros.core.config import parameters_of
from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.evaluation.rounds import Round, Setup
from skeleton_action_ros.evaluation.streams import Stream

_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.002
_TICK_NS = NS_PER_S // 50
_MOST_AHEAD = 3
_WATCHDOG_S = 0.01
_LOOK_ALIVE_S = 0.1

Key = tuple[str, str, int, str, int, int, int, float]
"""Recording, kind, body, label, start, end (0 for a start), deciding stamp and confidence."""


class RealtimeError(SkeletonActionError):
    """The nodes could not be run."""


@dataclass(frozen=True)
class Heard:
    """
    What the nodes made of one recording.

    :param taken: scenes that reached them, of those that were published.
    """

    events: tuple[ActionEvent, ...]
    taken: int


def compare_with_nodes(one: Round, setup: Setup, rate: float) -> dict[str, Any]:
    """
    Play every recording of a round to window_buffer and action_recognizer, over DDS.

    ROS traffic stays on this machine and, unless ROS_DOMAIN_ID says otherwise, in a domain of this
    process.

    :param rate: times as fast as recorded.
    :return: how many events each found and share, and those that only one found.
    :raises NoRosError: there is no ROS 2 here.
    :raises RealtimeError: the nodes do not start, or do not take what is published.
    """
    require_ros()
    import rclpy

    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    domain = int(os.environ.get('ROS_DOMAIN_ID') or 1 + os.getpid() % 100)
    rclpy.init(args=['--ros-args', '--log-level', 'warn'], domain_id=domain)
    replayed: Counter[Key] = Counter()
    heard: Counter[Key] = Counter()
    scenes = taken = 0
    total_s = sum(recording.stream.duration_s for recording in one.recordings)
    try:
        with tqdm(desc='realtime', unit=' s', total=round(total_s), disable=None) as bar:
            for recording in one.recordings:
                stream = recording.stream
                found = _play(stream, one.teaching.gallery, setup, rate, bar.update)
                replayed.update(_key(stream.name, event) for event in recording.replay.events)
                heard.update(_key(stream.name, event) for event in found.events)
                scenes += len(stream.scenes)
                taken += found.taken
    finally:
        rclpy.try_shutdown()
    return {
        'events': replayed.total(),
        'heard': heard.total(),
        'agreeing': (replayed & heard).total(),
        'only_in_replay': [_shown(key) for key in sorted((replayed - heard).elements())],
        'only_in_nodes': [_shown(key) for key in sorted((heard - replayed).elements())],
        'scenes': scenes,
        'taken': taken,
    }


def _play(
    stream: Stream, gallery: Gallery, setup: Setup, rate: float, advance: Callable[[int], object]
) -> Heard:
    from rclpy.parameter import Parameter

    from skeleton_action_ros.nodes.action_recognizer import ActionRecognizerNode
    from skeleton_action_ros.nodes.running import spinning
    from skeleton_action_ros.nodes.window_buffer import WindowBufferNode

    def parameters(**values: Any) -> list[Any]:
        given = {'use_sim_time': True, **values}
        return [Parameter(name, value=value) for name, value in given.items()]

    recognition = _flat(setup.recognizer, 'recognition.')
    recognizer = ActionRecognizerNode(
        lambda _: setup.model,
        parameter_overrides=parameters(watchdog_period_s=_WATCHDOG_S, **recognition),
    )
    windows = WindowBufferNode(parameter_overrides=parameters(**_flat(setup.windows, 'windows.')))
    stage = _stage()
    with spinning([stage.node, recognizer, windows]) as spinner:

        def wait(until: Callable[[], bool], what: str) -> None:
            deadline_s = time.monotonic() + _PATIENCE_S
            while not until():
                failed = [one for one in (recognizer, windows) if one.failed_to_start]
                if failed or spinner.ended or time.monotonic() > deadline_s:
                    why = '; '.join(one.health.failure for one in failed)
                    raise RealtimeError(f'{stream.path}: {what}: {why or "waited in vain"}')
                time.sleep(_LOOK_EVERY_S)

        stage.tick(stream.scenes[0].stamp_ns)
        wait(stage.connected, 'the nodes do not find each other')
        stage.teach(gallery)
        if setup.model.kind == 'embedder':
            wait(lambda: stage.revision == gallery.revision, 'the recogniser learns nothing')
        _perform(stage, stream, rate, wait, lambda: windows.health.counts['skeletons'], advance)
        wait(
            lambda: recognizer.health.counts['windows'] >= windows.health.counts['windows'],
            'windows do not arrive',
        )
        end_ns = stream.scenes[-1].stamp_ns + round((setup.recognizer.forget_s + 1.0) * NS_PER_S)
        stage.tick(end_ns)
        wait(stage.all_ended, 'an action that started does not end')
        taken = windows.health.counts['skeletons']
    return Heard(tuple(stage.events), taken)


def _perform(
    stage: Any,
    stream: Stream,
    rate: float,
    wait: Callable[[Callable[[], bool], str], None],
    taken: Callable[[], int],
    advance: Callable[[int], object],
) -> None:
    """Publish scenes when they are due, `/clock` before each and in between."""
    first_ns = at_ns = stream.scenes[0].stamp_ns
    begun_s = time.monotonic()
    for number, scene in enumerate(stream.scenes):
        while at_ns < scene.stamp_ns:
            step_ns = min(at_ns + _TICK_NS, scene.stamp_ns)
            advance((step_ns - first_ns) // NS_PER_S - (at_ns - first_ns) // NS_PER_S)
            at_ns = step_ns
            due_s = begun_s + (at_ns - first_ns) / NS_PER_S / rate
            time.sleep(max(due_s - time.monotonic(), 0.0))
            stage.tick(at_ns)
        wait(partial(_reached, taken, number - _MOST_AHEAD), 'skeletons do not arrive')
        stage.publish(scene)
    wait(partial(_reached, taken, len(stream.scenes)), 'skeletons do not arrive')


def _reached(count: Callable[[], int], least: int) -> bool:
    return count() >= least


def _stage() -> Any:
    """Make the node that shows skeletons and time, teaches, and hears events."""
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.node import Node
    from rosgraph_msgs.msg import Clock

    from skeleton_action_msgs import msg
    from skeleton_action_ros.adapters.msg_conversions import (
        gallery_to_msg,
        scene_to_msg,
        time_from_msg,
    )
    from skeleton_action_ros.nodes import qos
    from skeleton_action_ros.nodes.messages import TYPES, time_of

    class Stage:
        def __init__(self) -> None:
            self.node = Node('skeleton_action_evaluation')
            self.events: list[ActionEvent] = []
            self.revision = -1
            # An executor whose node waits for nothing does not see that it is to end.
            self.node.create_timer(_LOOK_ALIVE_S, lambda: None)
            make = self.node.create_publisher
            self._clock = make(Clock, '/clock', qos.MARKERS)
            self._skeletons = make(msg.SkeletonArray, 'skeletons', qos.SENSOR)
            self._gallery = make(msg.ActionGallery, 'action_gallery', qos.LATCHED)
            self.node.create_subscription(msg.ActionEvent, 'action_events', self._hear, qos.EVENTS)
            self.node.create_subscription(DiagnosticArray, '/diagnostics', self._follow, 10)

        def connected(self) -> bool:
            listeners = [
                (self._clock.get_subscription_count(), 2),
                (self._skeletons.get_subscription_count(), 1),
                (self._gallery.get_subscription_count(), 1),
                (self.node.count_publishers('skeleton_windows'), 1),
                (self.node.count_subscribers('skeleton_windows'), 1),
                (self.node.count_publishers('action_events'), 1),
            ]
            return all(count >= least for count, least in listeners)

        def tick(self, stamp_ns: int) -> None:
            self._clock.publish(Clock(clock=time_of(stamp_ns)))

        def publish(self, scene: Any) -> None:
            self._skeletons.publish(scene_to_msg(scene, 'camera', TYPES))

        def teach(self, gallery: Gallery) -> None:
            self._gallery.publish(gallery_to_msg(gallery, 1, TYPES))

        def all_ended(self) -> bool:
            kinds = Counter(event.kind for event in self.events)
            return kinds[EventKind.STARTED] == kinds[EventKind.ENDED]

        def _hear(self, message: Any) -> None:
            self.events.append(
                ActionEvent(
                    EventKind(message.kind),
                    message.body_id,
                    message.label,
                    time_from_msg(message.start),
                    time_from_msg(message.end),
                    time_from_msg(message.header.stamp),
                    message.confidence,
                )
            )

        def _follow(self, message: Any) -> None:
            for status in message.status:
                for item in status.values:
                    if item.key == 'gallery_revision':
                        self.revision = int(item.value)

    return Stage()


def _flat(config: Any, prefix: str) -> dict[str, Any]:
    """Return a configuration as the nodes' parameters."""
    values = {}
    for parameter in parameters_of(type(config), prefix):
        value = config
        for name in parameter.name.removeprefix(prefix).split('.'):
            value = getattr(value, name)
        values[parameter.name] = value
    return values


def _key(name: str, event: ActionEvent) -> Key:
    ended = event.kind is EventKind.ENDED
    return (
        name,
        event.kind.name.lower(),
        event.body_id,
        event.label,
        event.start_ns,
        event.end_ns if ended else 0,
        event.stamp_ns,
        round(event.confidence, 3),
    )


def _shown(key: Key) -> dict[str, Any]:
    names = ('bag', 'kind', 'body_id', 'label', 'start_ns', 'end_ns', 'stamp_ns', 'confidence')
    return dict(zip(names, key, strict=True))


def parted(found: dict[str, Any]) -> Sequence[str]:
    """Say in words where nodes and replay part; nothing where they agree."""
    return [
        f'only {who}: {item["bag"]} {item["label"]} {item["kind"]} at {item["stamp_ns"]} ns, '
        f'person {item["body_id"]}'
        for who, key in (('in the replay', 'only_in_replay'), ('from the nodes', 'only_in_nodes'))
        for item in found[key]
    ]
