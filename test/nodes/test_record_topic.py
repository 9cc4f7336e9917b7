"""`skeleton-action record` of what another program publishes, over DDS."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip('rclpy')

from people import circling
from robots import scene_message

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.adapters.bags import read_scenes
from skeleton_action_ros.nodes import qos

if TYPE_CHECKING:
    from robots import Robot

PATIENCE_S = 60.0
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def recording() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, '-m', 'skeleton_action_ros.cli', 'record', *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def publish(
    robot: Robot, process: subprocess.Popen[str], topic: str, until: Callable[[int], bool]
) -> set[int]:
    """
    Publish scenes at 30 Hz by their stamps, faster by the clock, every tenth one a bad one.

    :param until: told how many were published since the recorder listens.
    :return: the stamps.
    """
    publisher = robot.node.create_publisher(SkeletonArray, topic, qos.EVENTS)
    deadline_s = time.monotonic() + PATIENCE_S
    while publisher.get_subscription_count() == 0:
        assert time.monotonic() < deadline_s, 'the recorder does not listen'
        assert process.poll() is None, process.communicate()
        robot.spin_for(0.05)
    clip = circling([], 60.0)
    stamps: set[int] = set()
    while not until(len(stamps)):
        assert time.monotonic() < deadline_s, 'the recorder does not end'
        stamp_ns = int(clip.stamps_ns[len(stamps)])
        message = scene_message(stamp_ns, [(4, clip, 0)])
        if len(stamps) % 10 == 5:
            message.skeletons[0].layout = 'nonsense'
        publisher.publish(message)
        stamps.add(stamp_ns)
        robot.spin_for(0.02)
    return stamps


def test_a_topic_is_recorded_until_the_duration_is_over(
    robot: Callable[..., Robot], recording: Start, tmp_path: Path
) -> None:
    out = tmp_path / 'bag'
    process = recording('--source', 'topic', '--duration', '1', '--out', str(out), '--json')
    stamps = publish(
        robot(active=False), process, 'skeletons_in', lambda _: process.poll() is not None
    )
    said, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log
    written = json.loads(said)
    assert written['ended'] == 'the duration is over'
    scenes = list(read_scenes(out))
    assert {scene.stamp_ns for scene in scenes} <= stamps
    assert 1 <= len(scenes) == written['scenes'] <= 31
    empty = sum(not scene.skeletons for scene in scenes)
    assert empty <= written['refused'].get('unknown_layout', 0)


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_a_recording_that_is_ended_keeps_what_came(
    robot: Callable[..., Robot], recording: Start, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / 'bag'
    process = recording(
        '--source', 'topic', '--set', 'input_topic=theirs', '--namespace', 'eye', '--out', str(out)
    )
    stamps = publish(robot(active=False), process, '/eye/theirs', lambda count: count == 300)
    process.send_signal(how)
    said, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log
    assert f'it was ended ({how.name})' in said
    scenes = list(read_scenes(out))
    assert scenes
    assert {scene.stamp_ns for scene in scenes} <= stamps
