"""`skeleton-action evaluate --realtime`: nodes, over real DDS, say what the replay says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import motion_bundle
from domains import free_domain
from people import SECOND, circling

from skeleton_action_ros.adapters.bags import write_bag
from skeleton_action_ros.core.skeleton import ActionSpan, Clip, Scene
from skeleton_action_ros.evaluation.replay import scenes_of_clip

pytest.importorskip('rclpy', reason='ROS 2 is not installed: run make setup')


def two_people() -> list[Scene]:
    """One circles twice; the other once, and is out of view for a while before."""
    one = circling([(1.0, 3.0), (6.0, 8.0)], 11.0)
    other = circling([(7.0, 9.0)], 11.0, noise_m=0.002)
    away = range(90, 150)
    scenes = []
    for index, (left, right) in enumerate(
        zip(scenes_of_clip(one, 1), scenes_of_clip(_moved(other), 2), strict=True)
    ):
        here = () if index in away else right.skeletons
        scenes.append(Scene(left.stamp_ns, left.skeletons + here))
    return scenes


def _moved(clip: Clip) -> Clip:
    return Clip(clip.joints_m + 0.7, clip.confidence, clip.stamps_ns, clip.layout)


def span(start_s: int, end_s: int, body_id: int) -> ActionSpan:
    return ActionSpan('circle', start_s * SECOND, end_s * SECOND, body_id)


def test_nodes_and_replay_agree_event_for_event(tmp_path: Path) -> None:
    bundle = motion_bundle(tmp_path / 'models' / 'motion')
    lesson = list(scenes_of_clip(circling([(1.0, 3.0)], 4.5)))
    lesson[-1] = replace(lesson[-1], finished=(span(2, 4, 1),))
    write_bag(tmp_path / 'lesson', lesson)
    shown = two_people()
    truth = (span(2, 4, 1), span(7, 9, 1), span(8, 10, 2))
    shown[-1] = replace(shown[-1], finished=truth)
    write_bag(tmp_path / 'shown', shown)
    environment = {
        **os.environ,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(free_domain()),
        'ROS_LOG_DIR': str(tmp_path / 'log'),
    }
    words = ['--bag', tmp_path / 'shown', tmp_path / 'lesson', '--enroll-from', tmp_path / 'lesson']
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'skeleton_action_ros.cli', 'evaluate'),
            *map(str, words),
            *('--model', str(bundle), '--no-compare', '--realtime', '--rate', '2', '--json'),
        ],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['recognised'] == 3
    realtime = found['realtime']
    assert realtime['events'] == realtime['heard'] == realtime['agreeing'] == 8
    assert realtime['only_in_replay'] == realtime['only_in_nodes'] == []
    assert realtime['scenes'] == realtime['taken'] == len(shown) + len(lesson)
    assert 'the nodes agree in all 8 events' in done.stderr
