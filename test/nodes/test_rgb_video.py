"""A video and a folder of images, played by the node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('cv2', reason='requirements/rgb.txt is not installed')

import cv2
from image_people import FakeEstimator, seen_at
from numpy.typing import NDArray
from rclpy.parameter import Parameter
from robots import Robot, is_active, state_of

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.core.pose_estimation import ImagePose
from skeleton_action_ros.nodes import qos, readers
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]


class SlowEstimator(FakeEstimator):
    """Takes four images' time for each."""

    def estimate(self, image: NDArray[np.uint8]) -> Sequence[ImagePose]:
        time.sleep(0.2)
        return super().estimate(image)


@pytest.fixture
def play(robot: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Robot]:
    """Make a source that plays a path, with a model that always sees the same person."""

    def make(path: Path, estimator: FakeEstimator | None = None, **parameters: Any) -> Robot:
        model = estimator or FakeEstimator([seen_at((0.0, 0.0, 2.4))])
        monkeypatch.setattr(readers, 'pose_estimator_maker', lambda _: lambda: model)
        given = {'source': 'rgb', 'path': str(path), 'autostart': False, **parameters}
        node = SkeletonSourceNode(
            parameter_overrides=[Parameter(key, value=value) for key, value in given.items()]
        )
        one = robot(node, active=False)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        node.trigger_configure()
        if state_of(node) == 'inactive':
            one.spin_until(
                lambda: node._skeletons.get_subscription_count() >= 1, 'the source is heard'
            )
            node.trigger_activate()
        return one

    return make


def write_video(path: Path, images: int, rate_hz: float = 20.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), rate_hz, (64, 48))
    for number in range(images):
        writer.write(np.full((48, 64, 3), 8 * number % 256, np.uint8))
    writer.release()
    return path


def ended(robot: Robot) -> None:
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'reading') == 'ended', 'the end is reported'
    )


def test_video_is_played_at_its_pace(play: Callable[..., Robot], tmp_path: Path) -> None:
    robot = play(write_video(tmp_path / 'a.avi', 10), max_lag_s=60.0)
    robot.spin_until(lambda: robot.said['skeletons'], 'a scene is heard')
    ended(robot)
    headers = [message.header.stamp for message in robot.said['skeletons']]
    stamps = [stamp.sec * 1_000_000_000 + stamp.nanosec for stamp in headers]
    shown = int(robot.diagnosis('skeleton_source', 'count.skeletons'))
    skipped = int(robot.diagnosis('skeleton_source', 'count.dropped_images') or 0)
    assert shown + skipped == 10
    assert stamps[-1] - stamps[0] <= 9 * 50_000_000
    assert stamps[0] > 1_000_000_000_000_000_000  # moved to now


def test_slow_model_skips_images_and_none_is_stale(
    play: Callable[..., Robot], tmp_path: Path
) -> None:
    model = SlowEstimator([seen_at((0.0, 0.0, 2.4))])
    robot = play(write_video(tmp_path / 'a.avi', 40), model)
    ended(robot)
    shown = int(robot.diagnosis('skeleton_source', 'count.skeletons'))
    skipped = int(robot.diagnosis('skeleton_source', 'count.dropped_images'))
    assert robot.diagnosis('skeleton_source', 'count.dropped_late') is None
    assert shown + skipped == 40
    assert 3 <= shown <= 14  # two seconds of video, 0.2 s or more for each image


def test_truncated_video_is_counted_and_the_node_lives(
    play: Callable[..., Robot], tmp_path: Path
) -> None:
    path = write_video(tmp_path / 'a.avi', 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    robot = play(path, rate=10.0)
    ended(robot)
    assert robot.diagnosis('skeleton_source', 'refused.truncated') == '1'
    last = robot.diagnosis('skeleton_source', 'refused.truncated.last')
    assert '40 images are promised' in last
    assert is_active(robot.nodes[0])


def test_file_that_is_no_video_is_an_error_on_diagnostics(
    play: Callable[..., Robot], tmp_path: Path
) -> None:
    path = tmp_path / 'a.avi'
    path.write_text('no video')
    robot = play(path)
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source')[0] == b'\x02', 'the failure is reported'
    )
    assert 'a.avi: no image can be read' in robot.diagnosis('skeleton_source')[1]
    assert is_active(robot.nodes[0])


def test_path_that_is_not_there_does_not_configure(
    play: Callable[..., Robot], tmp_path: Path
) -> None:
    robot = play(tmp_path / 'missing.avi')
    assert state_of(robot.nodes[0]) == 'unconfigured'
    assert 'missing.avi' in robot.diagnosis('skeleton_source')[1]


def test_camera_that_is_not_there_is_tried_again(play: Callable[..., Robot]) -> None:
    robot = play(Path('97'), **{'acquisition.retry_s': 0.05})
    robot.spin_until(
        lambda: int(robot.diagnosis('skeleton_source', 'device.attempts') or 0) >= 2,
        'the camera is tried again',
    )
    level, message, _ = robot.diagnosis('skeleton_source')
    assert level == b'\x02'
    assert 'camera 97 cannot be opened' in message  # also while it is being opened
    assert is_active(robot.nodes[0])
