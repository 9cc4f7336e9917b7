"""Image topics over real DDS: colour, depth, calibration, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from image_people import HEIGHT, VIEW_DEG, WIDTH, FakeEstimator, seen_at
from rclpy.parameter import Parameter
from robots import Robot, is_active
from sensor_msgs.msg import CameraInfo, Image

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.core.camera import guessed_intrinsics
from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.nodes import image_input, qos
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

TOPIC, DEPTH_TOPIC = 'front/image_raw', 'front/depth'


class Camera:
    """A robot that publishes images, and the source that takes them."""

    def __init__(self, robot: Robot, source: SkeletonSourceNode) -> None:
        self.robot = robot
        self.source = source
        self.estimator = FakeEstimator([])
        self._colour = robot.node.create_publisher(Image, TOPIC, 10)
        self._depth = robot.node.create_publisher(Image, DEPTH_TOPIC, 10)
        self._info = robot.node.create_publisher(CameraInfo, 'front/camera_info', 10)

    def connect(self, depth: bool) -> None:
        heard = [self._colour, self._info, *([self._depth] if depth else [])]
        self.robot.spin_until(
            lambda: all(one.get_subscription_count() == 1 for one in heard), 'images are heard'
        )

    def show(self, stamp_ms: int, encoding: str = 'rgb8') -> None:
        self._colour.publish(image(stamp_ms, encoding, 3, bytes(3 * WIDTH * HEIGHT)))

    def measure(self, stamp_ms: int, depth_mm: int = 2000) -> None:
        data = np.full((HEIGHT, WIDTH), depth_mm, '<u2').tobytes()
        self._depth.publish(image(stamp_ms, '16UC1', 2, data))

    def calibrate(self) -> None:
        camera = guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG)
        message = CameraInfo()
        (message.k[0], message.k[4]), (message.k[2], message.k[5]) = (
            camera.focal_px,
            camera.centre_px,
        )
        self._info.publish(message)

    def skeletons(self) -> list[tuple[int, int]]:
        """Stamp in ms and number of persons of what was published."""
        return [
            (round(m.header.stamp.sec * 1e3 + m.header.stamp.nanosec / 1e6), len(m.skeletons))
            for m in self.robot.said['skeletons']
        ]

    def wait(self, until: Callable[[], Any], what: str) -> None:
        self.robot.spin_until(until, what)


def image(stamp_ms: int, encoding: str, pixel_bytes: int, data: bytes) -> Image:
    message = Image(
        height=HEIGHT, width=WIDTH, encoding=encoding, step=WIDTH * pixel_bytes, data=data
    )
    message.header.frame_id = 'front_optical_frame'
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ms * 1_000_000, 10**9)
    return message


@pytest.fixture
def camera(robot: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Camera]:
    """Make a source of image topics whose model always sees the same person."""

    def make(place: tuple[float, float, float] = (0.0, 0.0, 2.4), **parameters: Any) -> Camera:
        estimator = FakeEstimator([seen_at(place)])
        monkeypatch.setattr(image_input, 'pose_estimator_maker', lambda _: lambda: estimator)
        given = {'source': 'rgb', 'input_topic': TOPIC, 'autostart': False, **parameters}
        node = SkeletonSourceNode(
            parameter_overrides=[Parameter(key, value=value) for key, value in given.items()]
        )
        one = robot(node, active=False)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        node.trigger_configure()
        made = Camera(one, node)
        made.wait(lambda: node._skeletons.get_subscription_count() >= 1, 'the source is heard')
        node.trigger_activate()
        assert is_active(node)
        made.estimator = estimator
        made.connect(depth='rgb.depth_topic' in parameters)
        return made

    return make


def test_images_become_skeletons_with_their_stamp_and_frame(
    camera: Callable[..., Camera],
) -> None:
    front = camera()
    front.show(5_000)
    front.wait(front.skeletons, 'skeletons come')
    assert front.skeletons() == [(5_000, 1)]
    (message,) = front.robot.said['skeletons']
    assert message.header.frame_id == 'front_optical_frame'
    assert message.skeletons[0].layout == 'mediapipe_33'


def test_depth_and_calibration_make_joints_metric(camera: Callable[..., Camera]) -> None:
    front = camera(**{'rgb.depth_topic': DEPTH_TOPIC})
    front.calibrate()
    front.robot.catch_up()
    front.measure(5_000)
    front.show(5_000)
    front.wait(front.skeletons, 'skeletons come')
    (message,) = front.robot.said['skeletons']
    joints_m = np.array(message.skeletons[0].positions).reshape(33, 3)
    assert joints_m[Mediapipe33.SHOULDER_LEFT, 2] == pytest.approx(2.0, abs=0.15)


def test_depth_without_calibration_is_told_and_the_stream_goes_on(
    camera: Callable[..., Camera],
) -> None:
    front = camera(**{'rgb.depth_topic': DEPTH_TOPIC})
    front.measure(5_000)
    front.show(5_000)
    front.wait(front.skeletons, 'skeletons come')
    assert front.skeletons() == [(5_000, 1)]
    counted = front.robot.diagnosis('skeleton_source', 'refused.calibration_missing')
    assert counted == '1'


def test_depth_out_of_step_is_told_and_the_stream_goes_on(camera: Callable[..., Camera]) -> None:
    front = camera(**{'rgb.depth_topic': DEPTH_TOPIC})
    front.calibrate()
    front.robot.catch_up()
    front.show(5_000)
    front.measure(5_400)
    front.wait(front.skeletons, 'skeletons come')
    assert front.skeletons() == [(5_000, 1)]
    last = front.robot.diagnosis('skeleton_source', 'refused.out_of_step.last')
    assert 'the nearest is 400 ms off' in last


def test_unknown_encoding_is_quoted_and_counted_and_the_next_image_is_taken(
    camera: Callable[..., Camera],
) -> None:
    front = camera()
    front.show(5_000, encoding='bayer_rggb8')
    front.robot.catch_up()
    front.show(5_033)
    front.wait(front.skeletons, 'skeletons come')
    assert front.skeletons() == [(5_033, 1)]
    last = front.robot.diagnosis('skeleton_source', 'refused.encoding.last')
    assert "got 'bayer_rggb8'" in last
    assert is_active(front.source)


def test_time_that_jumps_back_begins_anew(camera: Callable[..., Camera]) -> None:
    front = camera()
    front.show(50_000)
    front.wait(front.skeletons, 'skeletons come')
    for stamp_ms in (5_000, 5_033, 5_066, 5_100):
        front.show(stamp_ms)
        front.robot.catch_up()
    front.wait(lambda: front.skeletons()[-1][0] == 5_100, 'skeletons come after the jump')


def test_image_without_stamp_is_refused(camera: Callable[..., Camera]) -> None:
    front = camera()
    front.show(0)
    front.robot.catch_up()
    front.show(5_000)
    front.wait(front.skeletons, 'skeletons come')
    assert front.robot.diagnosis('skeleton_source', 'refused.stamp') == '1'


def test_the_model_is_released_with_the_node(camera: Callable[..., Camera]) -> None:
    front = camera()
    front.source.trigger_deactivate()
    assert front.estimator.closed == 0
    front.source.trigger_cleanup()
    assert front.estimator.closed == 1
