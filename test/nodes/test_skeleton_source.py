"""Where skeletons come from: what is read is paced and restamped, what is heard is checked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Point
from people import circling, standing
from rclpy.parameter import Parameter
from robots import FRAME_ID, Robot, is_active, scene_message, state_of
from visualization_msgs.msg import Marker, MarkerArray

from skeleton_action_msgs.msg import ActionEvent, SkeletonArray
from skeleton_action_ros.adapters.bags import write_bag
from skeleton_action_ros.adapters.clips import save_clip
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene, SkeletonFrame
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.player import Playback, Played, Player
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

MS = 1_000_000


def scenes_at(*stamps_ms: int) -> list[Scene]:
    joints = standing()
    return [
        Scene(
            stamp * MS,
            (SkeletonFrame(stamp * MS, 1, 'common_15', joints, np.ones(15, np.float32)),),
        )
        for stamp in stamps_ms
    ]


class FakeSource:
    """A source that yields what it is given, and then ends, fails or blocks until closed."""

    name = 'fake'

    def __init__(self, scenes: list[Scene], *, live: bool = False, then: str = 'end') -> None:
        self.live = live
        self.readings = 0
        self._scenes = scenes
        self._then = then
        self._closed = threading.Event()

    def scenes(self) -> Iterator[Scene]:
        self.readings += 1
        yield from self._scenes
        if self._then == 'fail':
            raise SourceError('the cable is out')
        if self._then == 'break':
            raise RuntimeError('a bug')
        if self._then == 'block':
            self._closed.wait()

    def close(self) -> None:
        self._closed.set()


@pytest.fixture
def source(robot: Make) -> Callable[..., Robot]:
    """Make a robot of the source alone, that records what it publishes."""

    def make(read: Any = None, active: bool = True, **parameters: Any) -> Robot:
        # A busy machine may hold the reader up for long: nothing is too late then.
        given = {'max_lag_s': 60.0, **parameters}
        overrides = [Parameter(key, value=value) for key, value in given.items()]
        node = SkeletonSourceNode(
            read, parameter_overrides=[*overrides, Parameter('autostart', value=False)]
        )
        one = robot(node, active=False)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        one.hear(ActionEvent, 'action_annotations', qos.EVENTS)
        if active:
            node.trigger_configure()
            one.spin_until(
                lambda: (
                    node._skeletons.get_subscription_count() >= 1
                    and node._annotations.get_subscription_count() >= 1
                ),
                'the source is heard',
            )
            node.trigger_activate()
            assert is_active(node)
        return one

    return make


def stamps_of(robot: Robot) -> list[int]:
    return [
        message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec
        for message in robot.said['skeletons']
    ]


def test_recorded_scenes_come_at_their_pace_with_present_stamps(source: Make) -> None:
    began_ns, began_s = time.time_ns(), time.monotonic()
    robot = source(FakeSource(scenes_at(1000, 1100, 1300)))
    robot.spin_until(lambda: len(robot.said['skeletons']) == 3, 'three scenes come')
    assert time.monotonic() - began_s >= 0.3
    first, second, third = stamps_of(robot)
    assert 0 <= first - began_ns < 5 * NS_PER_S
    assert (second - first, third - first) == (100 * MS, 300 * MS)
    assert {message.header.frame_id for message in robot.said['skeletons']} == {
        'camera_depth_optical_frame'
    }


def test_stamps_are_right_though_the_thread_was_held_up_between_its_clocks() -> None:
    clocks = {'ns': 0, 'held up': 3}

    def steady_ns() -> int:
        return clocks['ns']

    def now_ns() -> int:
        read = 1_000 * MS + clocks['ns']
        if clocks['held up']:
            clocks['held up'] -= 1
            clocks['ns'] += 50 * MS
        return read

    played: list[Played] = []
    playback = Playback(rate=1.0, max_lag_s=1.0, restamp=True, loop=False)
    player = Player(FakeSource(scenes_at(5)), playback, played.append, steady_ns, now_ns)
    player.start()
    player.join()
    assert [item.stamp_ns for item in played] == [1_150 * MS]


def _played(now_ns: Callable[[], int], *stamps_ms: int) -> list[int]:
    """Play scenes by a steady clock that stands still at 0; return the stamps in ms."""
    played: list[Played] = []
    playback = Playback(rate=1.0, max_lag_s=1.0, restamp=True, loop=False)
    player = Player(FakeSource(scenes_at(*stamps_ms)), playback, played.append, lambda: 0, now_ns)
    player.start()
    player.join()
    return [item.stamp_ns // MS for item in played]


def test_simulated_time_is_waited_for() -> None:
    readings = iter([0, 0, 0])
    assert _played(lambda: next(readings, 700 * MS), 5, 10) == [700, 705]


@pytest.mark.parametrize('later_ms', [90_000, 100])
def test_stamps_start_anew_where_their_clock_jumps(later_ms: int) -> None:
    now_ms = [5_000]
    played: list[Played] = []

    def on_scene(item: Played) -> None:
        played.append(item)
        now_ms[0] = later_ms

    playback = Playback(rate=1.0, max_lag_s=1.0, restamp=True, loop=False)
    source = FakeSource(scenes_at(5, 10, 15))
    player = Player(source, playback, on_scene, lambda: 0, lambda: now_ms[0] * MS)
    player.start()
    player.join()
    assert [item.stamp_ns // MS for item in played] == [5_000, later_ms, later_ms + 5]


def test_stamps_are_kept_when_not_restamped(source: Make) -> None:
    robot = source(FakeSource(scenes_at(1000, 1030)), restamp=False)
    robot.spin_until(lambda: len(robot.said['skeletons']) == 2, 'two scenes come')
    assert stamps_of(robot) == [1000 * MS, 1030 * MS]


def test_rate_plays_faster(source: Make) -> None:
    robot = source(FakeSource(scenes_at(0 + 1, 2001)), rate=10.0)
    robot.spin_until(lambda: len(robot.said['skeletons']) == 2, 'two scenes come')
    first, second = stamps_of(robot)
    assert second - first == 200 * MS


def test_loop_begins_again_with_rising_stamps(source: Make) -> None:
    read = FakeSource(scenes_at(1, 20))
    robot = source(read, loop=True)
    robot.spin_until(lambda: read.readings >= 3, 'the third reading')
    robot.catch_up()
    stamps = stamps_of(robot)
    assert stamps == sorted(set(stamps))


def test_end_of_the_source_is_reported_and_the_node_lives(source: Make) -> None:
    robot = source(FakeSource(scenes_at(1)))
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'reading') == 'ended', 'the end is reported'
    )
    level, message, values = robot.diagnosis('skeleton_source')
    assert (level, message) == (b'\x00', 'working')
    assert (values['source'], values['count.skeletons']) == ('fake', '1')


@pytest.mark.parametrize(('then', 'why'), [('fail', 'the cable is out'), ('break', 'a bug')])
def test_failing_source_is_an_error_on_diagnostics_and_the_node_lives(
    source: Make, then: str, why: str
) -> None:
    robot = source(FakeSource(scenes_at(1), then=then))
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source')[0] == b'\x02', 'the failure is reported'
    )
    _, message, values = robot.diagnosis('skeleton_source')
    assert why in message
    assert values['reading'] == 'failed'
    assert is_active(robot.nodes[0])


def test_deactivated_node_stops_a_blocked_live_source(source: Make) -> None:
    robot = source(FakeSource(scenes_at(1, 60_000), live=True, then='block'))
    robot.spin_until(lambda: len(robot.said['skeletons']) == 2, 'live scenes come at once')
    began_s = time.monotonic()
    robot.nodes[0].trigger_deactivate()
    assert time.monotonic() - began_s < 4.0, 'it waited for the reader in vain'
    assert state_of(robot.nodes[0]) == 'inactive'


def test_scenes_that_come_too_late_are_dropped_and_counted(source: Make) -> None:
    class Slow(FakeSource):
        def scenes(self) -> Iterator[Scene]:
            for index, scene in enumerate(super().scenes()):
                if index == 1:
                    time.sleep(0.8)
                yield scene

    robot = source(Slow(scenes_at(1, 34, 67, 1500)), max_lag_s=0.4)
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'reading') == 'ended', 'the end is reported'
    )
    assert robot.diagnosis('skeleton_source', 'count.dropped_late') == '2'
    assert len(robot.said['skeletons']) == 2


def test_truth_is_published_with_the_stamps_of_the_skeletons(source: Make) -> None:
    scenes = scenes_at(1000, 1100)
    scenes[1] = Scene(
        scenes[1].stamp_ns,
        scenes[1].skeletons,
        (ActionSpan('wave', 1010 * MS, 1090 * MS, body_id=1),),
    )
    robot = source(FakeSource(scenes))
    robot.spin_until(lambda: len(robot.said['action_annotations']) == 2, 'truth comes')
    started, ended = robot.said['action_annotations']
    first = stamps_of(robot)[0]
    assert (started.kind, ended.kind) == (ActionEvent.STARTED, ActionEvent.ENDED)
    assert ended.label == 'wave'
    assert ended.start.sec * NS_PER_S + ended.start.nanosec == first + 10 * MS
    assert ended.end.sec * NS_PER_S + ended.end.nanosec == first + 90 * MS


def test_simulated_persons_come_with_no_file_and_no_camera(source: Make) -> None:
    robot = source(
        **{'simulation.persons': 3, 'simulation.layout': 'kinect_v2_25', 'simulation.seed': 4}
    )
    robot.spin_until(lambda: len(robot.said['skeletons']) >= 5, 'simulated scenes come')
    for message in robot.said['skeletons']:
        assert {skeleton.layout for skeleton in message.skeletons} == {'kinect_v2_25'}
        assert {len(skeleton.positions) for skeleton in message.skeletons} == {75}
    assert max(len(message.skeletons) for message in robot.said['skeletons']) == 3


def test_clips_are_played(source: Make, tmp_path: Path) -> None:
    save_clip(tmp_path / 'one.npz', circling([], 0.3, start_s=5.0))
    robot = source(source='clips', path=str(tmp_path))
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'reading') == 'ended', 'the end is reported'
    )
    persons = [len(message.skeletons) for message in robot.said['skeletons']]
    assert sum(persons) == 10


def test_bag_that_is_cut_off_is_played_to_the_cut_and_reported(
    source: Make, tmp_path: Path
) -> None:
    write_bag(tmp_path / 'bag', scenes_at(*range(10, 4000, 10)))
    (data,) = (tmp_path / 'bag').glob('*.mcap')
    os.truncate(data, data.stat().st_size // 2)
    robot = source(source='bag', path=str(tmp_path / 'bag'), rate=20.0)
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source')[0] == b'\x02', 'the damage is reported'
    )
    assert 'is cut off or damaged' in robot.diagnosis('skeleton_source')[1]
    assert 50 < int(robot.diagnosis('skeleton_source', 'count.skeletons')) < 350
    assert is_active(robot.nodes[0])


def test_malformed_clip_among_others_is_left_out_and_named(source: Make, tmp_path: Path) -> None:
    (tmp_path / 'a.npz').write_bytes(b'PK no archive')
    save_clip(tmp_path / 'b.npz', circling([], 0.3, start_s=5.0))
    robot = source(source='clips', path=str(tmp_path))
    key = 'refused.bad_clip.last'
    robot.spin_until(lambda: robot.diagnosis('skeleton_source', key), 'the clip is reported')
    assert 'a.npz' in robot.diagnosis('skeleton_source', key)
    count = 'count.skeletons'
    robot.spin_until(lambda: robot.diagnosis('skeleton_source', count), 'the other is played')
    assert is_active(robot.nodes[0])


@pytest.mark.parametrize('kind', ['clips', 'bag'])
@pytest.mark.parametrize('path', ['', '/nowhere/at/all'])
def test_source_without_its_file_does_not_configure(source: Make, kind: str, path: str) -> None:
    robot = source(active=False, source=kind, path=path)
    robot.nodes[0].trigger_configure()
    assert state_of(robot.nodes[0]) == 'unconfigured'
    level, message, _ = robot.diagnosis('skeleton_source')
    assert level == b'\x02'
    assert (path or 'path') in message


def body_markers(body_id: int, stamp_s: int, joints: int = 32) -> MarkerArray:
    """Make the driver's array: 32 spheres in a row of 1 cm steps, 2 m before the camera."""
    markers = []
    for joint in range(joints):
        marker = Marker(ns='', id=body_id * 100 + joint, type=Marker.SPHERE, action=Marker.ADD)
        marker.header.frame_id = 'depth_camera_link'
        marker.header.stamp.sec = stamp_s
        marker.pose.position = Point(x=0.01 * joint, y=-0.5, z=2.0)
        markers.append(marker)
    return MarkerArray(markers=markers)


def test_markers_of_the_azure_kinect_driver_become_skeletons(source: Make) -> None:
    robot = source(source='markers')
    driver = robot.node.create_publisher(MarkerArray, 'body_tracking_data', 1)
    robot.spin_until(lambda: driver.get_subscription_count() == 1, 'the driver is heard')
    driver.publish(body_markers(3, stamp_s=50))
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    message = robot.said['skeletons'][0]
    (skeleton,) = message.skeletons
    assert (message.header.stamp.sec, message.header.frame_id) == (50, 'depth_camera_link')
    assert (skeleton.body_id, skeleton.layout) == (3, 'k4abt_32')
    head = np.array(skeleton.positions).reshape(32, 3)[K4abt32.HEAD]
    assert head == pytest.approx([0.26, -0.5, 2.0])


def test_bad_markers_are_counted_and_the_good_body_is_used(source: Make) -> None:
    robot = source(source='markers')
    driver = robot.node.create_publisher(MarkerArray, 'body_tracking_data', 1)
    robot.spin_until(lambda: driver.get_subscription_count() == 1, 'the driver is heard')
    message = body_markers(3, stamp_s=50)
    message.markers.append(Marker(ns='', id=477, type=Marker.SPHERE))
    driver.publish(message)
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    assert [skeleton.body_id for skeleton in robot.said['skeletons'][0].skeletons] == [3]
    assert robot.diagnosis('skeleton_source', 'refused.marker') == '1'


def test_topic_of_another_program_is_checked_and_forwarded(source: Make) -> None:
    robot = source(source='topic', input_topic='theirs')
    other = robot.node.create_publisher(SkeletonArray, 'theirs', qos.SENSOR)
    robot.spin_until(lambda: other.get_subscription_count() == 1, 'the other program is heard')
    clip = circling([], 0.1, start_s=7.0)
    message = scene_message(int(clip.stamps_ns[0]), [(4, clip, 0), (5, clip, 0)])
    message.skeletons[1].layout = 'nonsense'
    other.publish(message)
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    forwarded = robot.said['skeletons'][0]
    assert [skeleton.body_id for skeleton in forwarded.skeletons] == [4]
    assert (forwarded.header.stamp.sec, forwarded.header.frame_id) == (7, FRAME_ID)
    assert robot.diagnosis('skeleton_source', 'refused.unknown_layout') == '1'


def test_topic_that_the_node_publishes_itself_is_refused(source: Make) -> None:
    robot = source(active=False, source='topic', input_topic='skeletons')
    robot.nodes[0].trigger_configure()
    robot.nodes[0].trigger_activate()
    assert state_of(robot.nodes[0]) == 'inactive'
    assert 'publishes itself' in robot.diagnosis('skeleton_source')[1]


def test_source_can_be_deactivated_and_activated_again(source: Make) -> None:
    robot = source(**{'simulation.rate_hz': 60.0})
    node = robot.nodes[0]
    robot.spin_until(lambda: len(robot.said['skeletons']) >= 3, 'skeletons come')
    node.trigger_deactivate()
    robot.catch_up()
    robot.said['skeletons'].clear()
    robot.catch_up()
    assert robot.said['skeletons'] == []
    node.trigger_activate()
    robot.spin_until(lambda: len(robot.said['skeletons']) >= 3, 'skeletons come again')
