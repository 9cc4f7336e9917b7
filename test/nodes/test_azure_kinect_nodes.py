"""The sources azure_kinect and k4abt_json over DDS."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from k4abt_stubs import compiled
from rclpy.parameter import Parameter
from robots import Robot, is_active, state_of

from skeleton_action_msgs.msg import ActionEvent, SkeletonArray
from skeleton_action_ros.core.azure_kinect import AzureKinectConfig
from skeleton_action_ros.core.errors import ConfigError, SourceError
from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters
from skeleton_action_ros.nodes.readers import READERS
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

QUICK = {'acquisition.retry_s': 0.1, 'acquisition.longest_retry_s': 0.2}


@pytest.fixture
def source(robot: Make) -> Callable[..., Robot]:
    """Make a robot of the source alone; what it publishes is heard before it begins."""

    def make(**parameters: Any) -> Robot:
        given = {'max_lag_s': 60.0, **parameters}
        overrides = [Parameter(key, value=value) for key, value in given.items()]
        node = SkeletonSourceNode(
            parameter_overrides=[*overrides, Parameter('autostart', value=False)]
        )
        one = robot(node, active=False)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        one.hear(ActionEvent, 'action_annotations', qos.EVENTS)
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


def gesture_file(folder: Path) -> Path:
    frame = {'values': [0.1] * 96, 'weights': [0.75] * 32}
    half = {'values': [0.1] * 48, 'weights': [0.75] * 16}
    sample = {'durationSeconds': 0.4, 'frames': [frame, frame, half, frame, frame]}
    path = folder / 'wave.json'
    path.write_text(json.dumps({'gestureName': 'wave', 'samples': [sample]}))
    return path


def stamps_of(robot: Robot) -> list[int]:
    return [
        message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec
        for message in robot.said['skeletons']
    ]


def test_a_dump_is_played_at_its_pace_with_its_truth_and_half_a_body_is_counted(
    source: Make, tmp_path: Path
) -> None:
    robot = source(source='k4abt_json', path=str(gesture_file(tmp_path)))
    robot.spin_until(lambda: len(robot.said['action_annotations']) == 2, 'the truth comes')
    robot.spin_until(lambda: len(robot.said['skeletons']) == 4, 'all scenes come')
    stamps = stamps_of(robot)
    assert [stamp - stamps[0] for stamp in stamps] == [0, 10**8, 3 * 10**8, 4 * 10**8]
    assert [event.label for event in robot.said['action_annotations']] == ['wave', 'wave']
    assert {message.skeletons[0].layout for message in robot.said['skeletons']} == {'k4abt_32'}
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'refused.joint_count') == '1',
        'half a body is counted',
    )
    last = robot.diagnosis('skeleton_source', 'refused.joint_count.last')
    assert last == 'a frame must have 96 values and 32 weights, got 48 and 16'


def azure_kinect_recording(recordings: Path, tmp_path: Path) -> dict[str, Any]:
    pytest.importorskip('pyk4a', reason='pyk4a-bundle has no wheel for this Python')
    return {
        'source': 'azure_kinect',
        'path': str(recordings / 'azure-kinect' / 'pyk4a-recording-no-person.mkv'),
        'azure_kinect.library': str(compiled(tmp_path)),
    }


def test_a_recording_loops_in_real_time_through_body_tracking(
    source: Make, recordings: Path, tmp_path: Path
) -> None:
    robot = source(**azure_kinect_recording(recordings, tmp_path), loop=True)
    robot.spin_until(lambda: len(robot.said['skeletons']) >= 4, 'it begins again')
    stamps = stamps_of(robot)
    assert stamps == sorted(set(stamps))
    message = robot.said['skeletons'][0]
    assert [body.body_id for body in message.skeletons] == [11, 12]
    joints = np.array(message.skeletons[0].positions).reshape(32, 3)
    np.testing.assert_allclose(joints[7], (0.07, -0.14, 1.0), atol=1e-6)


def test_a_recording_with_nobody_in_view_shows_no_skeleton(
    source: Make, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('K4ABT_STUB', 'no_body')
    robot = source(**azure_kinect_recording(recordings, tmp_path))
    robot.spin_until(lambda: robot.said['skeletons'], 'the scene comes')
    assert list(robot.said['skeletons'][0].skeletons) == []


def test_without_a_device_the_node_lives_tries_again_and_says_why(
    source: Make, tmp_path: Path
) -> None:
    pyk4a = pytest.importorskip('pyk4a', reason='pyk4a-bundle has no wheel for this Python')
    if pyk4a.connected_device_count():
        pytest.skip('an Azure Kinect is connected')
    library = str(compiled(tmp_path))
    robot = source(source='azure_kinect', **{'azure_kinect.library': library, **QUICK})
    node = robot.nodes[0]

    def attempts() -> int:
        node.describe()
        return int(node.health.facts.get('device.attempts', 0))

    began_s = time.monotonic()
    robot.spin_until(lambda: attempts() >= 3, 'three attempts')
    assert time.monotonic() - began_s >= 0.3  # 0.1 and 0.2 s between them
    assert is_active(node)
    robot.spin_until(lambda: 'no Azure Kinect is connected' in said(node), 'it says why')
    node.trigger_deactivate()
    assert state_of(node) == 'inactive'


def said(node: Any) -> str:
    node.describe()
    return str(node.health.failure)


def parameters(**azure_kinect: Any) -> SkeletonSourceParameters:
    return SkeletonSourceParameters(
        source='azure_kinect', azure_kinect=AzureKinectConfig(**azure_kinect)
    )


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pyk4a', None)
    monkeypatch.delitem(sys.modules, 'skeleton_action_ros.adapters.k4a', raising=False)
    with pytest.raises(SourceError, match=r'needs pyk4a .*requirements/azure-kinect.txt'):
        READERS['azure_kinect'](parameters())


def test_who_finds_bodies_is_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip('pyk4a', reason='pyk4a-bundle has no wheel for this Python')
    pytest.importorskip('mediapipe', reason='mediapipe 0.10.21 has no wheel for this Python')
    monkeypatch.delenv('K4ABT_LIBRARY', raising=False)
    monkeypatch.setattr('skeleton_action_ros.adapters.k4abt.LIBRARY_PLACES', ('/nowhere.so',))
    assert READERS['azure_kinect'](parameters()).name == 'azure_kinect 0 (mediapipe)'
    monkeypatch.setenv('K4ABT_LIBRARY', str(compiled(tmp_path)))
    assert READERS['azure_kinect'](parameters()).name == 'azure_kinect 0 (k4abt)'
    assert READERS['azure_kinect'](parameters(tracker='mediapipe')).name.endswith('(mediapipe)')
    with pytest.raises(SourceError, match=r'/missing.so: no such file'):
        READERS['azure_kinect'](parameters(library='/missing.so'))


def test_without_library_and_without_mediapipe_it_says_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip('pyk4a', reason='pyk4a-bundle has no wheel for this Python')
    monkeypatch.delenv('K4ABT_LIBRARY', raising=False)
    monkeypatch.setattr('skeleton_action_ros.adapters.k4abt.LIBRARY_PLACES', ('/nowhere.so',))
    monkeypatch.setitem(sys.modules, 'skeleton_action_ros.adapters.mediapipe_pose', None)
    with pytest.raises(SourceError, match=r'nobody can find bodies: libk4abt.*and .*MediaPipe'):
        READERS['azure_kinect'](parameters())


def test_a_dump_needs_a_path() -> None:
    with pytest.raises(ConfigError, match="source 'k4abt_json' needs the parameter path"):
        READERS['k4abt_json'](SkeletonSourceParameters(source='k4abt_json'))
