"""Node `skeleton_source`: from a sensor, a file, a bag or another driver to `skeletons`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from skeleton_action_msgs.msg import ActionEvent, SkeletonArray
from skeleton_action_ros.adapters.msg_conversions import scene_to_msg, span_to_msgs
from skeleton_action_ros.core.acquisition import Acquisition, DeviceState
from skeleton_action_ros.core.body_frames import NONE
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.reconnecting import ReconnectingSource
from skeleton_action_ros.core.refusals import refused_by
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.core.source import SkeletonSource
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.body_outputs import BodyOutputs
from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters
from skeleton_action_ros.nodes.messages import TYPES
from skeleton_action_ros.nodes.player import Playback, Played, Player
from skeleton_action_ros.nodes.readers import READERS
from skeleton_action_ros.nodes.running import run
from skeleton_action_ros.nodes.topic_inputs import SUBSCRIPTIONS, TopicInput

_WATCH_PERIOD_S = 0.1


class SkeletonSourceNode(ActionNode):
    """
    Publishes `skeletons` and, where the source knows it, ground truth on `action_annotations`.

    A source that is live outlasts its device: it is opened anew with growing pauses, and how it
    fares is on `/diagnostics`, as is how what is subscribed to comes.

    :param source: what to read instead of what the parameters say.
    :param readers: what makes the sources that are read, by the parameter `source`.
    """

    def __init__(
        self,
        source: SkeletonSource | None = None,
        readers: Mapping[str, Callable[[SkeletonSourceParameters], SkeletonSource]] = READERS,
        **kwargs: Any,
    ) -> None:
        super().__init__('skeleton_source', SkeletonSourceParameters, **kwargs)
        self._given = source
        self._readers = readers
        self._source: SkeletonSource | None = None
        self._player: Player | None = None
        self._input: TopicInput | None = None
        self._heard: Acquisition | None = None
        self._state: DeviceState | None = None
        self._told: Counter[str] = Counter()

    def setup(self) -> None:
        self._now = self.parameters()
        self._skeletons = self.announce(SkeletonArray, 'skeletons', qos.SENSOR)
        self._annotations = self.announce(ActionEvent, 'action_annotations', qos.EVENTS)
        self._outputs = self._make_outputs()
        self._open()
        self.health.facts['source'] = self._source.name if self._source else self._now.source

    def start(self) -> None:
        if self._input is not None:
            self._subscribe(self._input)
            return
        if self._source is None:
            self._open()
        assert self._source is not None
        playback = Playback(self._now.rate, self._now.max_lag_s, self._now.restamp, self._now.loop)
        self._player = Player(self._source, playback, self._publish, self.steady_ns, self.now_ns)
        self._player.start()
        if isinstance(self._source, ReconnectingSource):
            self.every(_WATCH_PERIOD_S, self._watch)

    def stop(self) -> None:
        self._heard = None
        self._state = None
        self.health.shortcoming = ''
        if self._player is not None:
            self._player.stop()
            self._describe_refused()
            self._player = None
            self._source = None
            self._told.clear()

    def teardown(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        if self._input is not None:
            self._input.close()
            self._input = None

    def describe(self) -> None:
        if self._player is not None:
            if self._player.state == 'ended' and self.health.facts.get('reading') != 'ended':
                self.get_logger().info(f'{self._player.name} has ended')
            self.health.facts['reading'] = self._player.state
            if self._player.failure and self.health.failure != self._player.failure:
                self.get_logger().error(self._player.failure)
            self.health.failure = self._player.failure
        if isinstance(self._source, ReconnectingSource):
            failure, self.health.shortcoming, facts = self._source.report()
            self.health.failure = failure or self.health.failure
            self.health.facts.update(facts)
        if self._heard is not None:
            self._describe_heard(self._heard)
        if self._outputs is not None and self._outputs.shortcoming:
            self.health.shortcoming = self.health.shortcoming or self._outputs.shortcoming
        self._describe_refused()

    def _describe_refused(self) -> None:
        """Tell what the source has refused since the last time, and count what it dropped."""
        refused, why = refused_by(self._source)
        for reason, count in (refused - self._told).items():
            if reason in why:
                self.refuse_as(reason, why[reason], count)
            else:
                self.health.counts[reason] += count
        self._told = refused

    def _describe_heard(self, heard: Acquisition) -> None:
        now_ns = self.steady_ns()
        heard.watch(now_ns)
        self.health.facts['device'] = heard.state.value
        self.health.facts['device.rate_hz'] = f'{heard.rate_hz(now_ns):.1f}'
        poor = heard.shortcoming(now_ns)
        silent_s = heard.silent_s(now_ns)
        if silent_s >= self._now.acquisition.silent_after_s:
            poor = f'nothing has come for {silent_s:.0f} s'
            if self._input is not None and self._input.note():
                poor += f'; {self._input.note()}'
        self.health.shortcoming = f'{self._topic}: {poor}' if poor else ''
        self._tell_state(f'topic {self._topic}', heard.state, poor)

    def _watch(self) -> None:
        """Have a live source look after its device, and log what becomes of it."""
        assert isinstance(self._source, ReconnectingSource)
        self._source.watch()
        failure, shortcoming, _ = self._source.report()
        if self._tell_state(self._source.name, self._source.state, failure or shortcoming):
            self.health.counts['device.lost'] += self._state is DeviceState.LOST

    def _tell_state(self, name: str, state: DeviceState, why: str) -> bool:
        """Log what a device or topic does, where that has changed; say whether it has."""
        if state is self._state:
            return False
        self._state = state
        line = f'{name} is {state.value}'
        if why:
            self.get_logger().warning(f'{line}: {why}')
        else:
            self.get_logger().info(line)
        return True

    def _open(self) -> None:
        if self._given is not None:
            self._source = self._given
        elif self._now.source in self._readers and not self._is_heard():
            make = partial(self._readers[self._now.source], self._now)
            self._source = make()
            if self._source.live:
                self._source = ReconnectingSource(
                    self._source, make, self._now.acquisition, self.steady_ns
                )
        else:
            self._input = SUBSCRIPTIONS[self._now.source].make(self._now)

    def _make_outputs(self) -> BodyOutputs | None:
        naming = self._now.outputs.frames
        if naming == NONE:
            return None
        if self._given is None and self._now.source == 'tf':
            raise ConfigError(
                f'source tf would hear its own frames: outputs.frames must be {NONE}, got {naming}'
            )
        return BodyOutputs(self, naming, self._now.outputs.ids_message)

    def _is_heard(self) -> bool:
        """Whether a source that can be read or subscribed to is to be subscribed to."""
        return bool(self._now.input_topic) and self._now.source in SUBSCRIPTIONS

    def _subscribe(self, source: TopicInput) -> None:
        self._heard = Acquisition(self._now.acquisition, self.steady_ns())
        topic = self._now.input_topic or SUBSCRIPTIONS[self._now.source].topic
        self._topic = self.resolve_topic_name(topic)
        source.listen(self, topic, self._forward)

    def _publish(self, played: Played) -> None:
        """Publish a scene; called in the player's thread."""
        if not self.context.ok():
            return
        if played.scene is None:
            self.health.counts['dropped_late'] += 1
        else:
            scene = Scene(played.stamp_ns, played.scene.skeletons)
            self._tell(scene, self._now.frame_id)
        for span in played.finished:
            for message in span_to_msgs(span, self._now.frame_id, TYPES):
                self._annotations.publish(message)

    def _forward(self, scene: Scene, errors: Sequence[Any], frame_id: str) -> None:
        if self._heard is not None:
            self._heard.came(self.steady_ns())
        for error in errors:
            self.refuse(error)
        if scene.stamp_ns <= 0:
            return
        self._tell(scene, frame_id or self._now.frame_id)

    def _tell(self, scene: Scene, frame_id: str) -> None:
        self._skeletons.publish(scene_to_msg(scene, frame_id, TYPES))
        self.health.beat('skeletons')
        if self._outputs is not None:
            self._outputs.publish(scene, frame_id)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; ROS arguments as usual."""
    return run(lambda: [SkeletonSourceNode()], args)


if __name__ == '__main__':
    sys.exit(main())
