"""Sources of other programs and devices that come and go, over DDS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('tf2_msgs', reason='tf2_msgs is not installed: make setup')
pytest.importorskip('skeleton_action_test_msgs', reason='not built here: make setup-test')

from geometry_msgs.msg import Point, TransformStamped
from people import standing
from rclpy.parameter import Parameter
from robots import Robot, is_active, state_of
from skeleton_action_test_msgs import msg as messages
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.layouts import Coco17, Common15, OpenNI15
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.messages import time_of
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

QUICK = {'acquisition.retry_s': 0.1, 'acquisition.longest_retry_s': 0.1}


@pytest.fixture
def source(robot: Make) -> Callable[..., Robot]:
    """Make a robot of the source alone; its publications are heard."""

    def make(device: Any = None, active: bool = True, **parameters: Any) -> Robot:
        overrides = [Parameter(key, value=value) for key, value in parameters.items()]
        readers = {'readers': {'simulated': lambda _: device()}} if device else {}
        node = SkeletonSourceNode(
            **readers, parameter_overrides=[*overrides, Parameter('autostart', value=False)]
        )
        one = robot(node, active=False)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        if active:
            node.trigger_configure()
            one.spin_until(
                lambda: node._skeletons.get_subscription_count() >= 1, 'the source is heard'
            )
            node.trigger_activate()
            assert is_active(node)
        return one

    return make


def joint_frames(user: int, stamp_s: float, parent: str) -> list[TransformStamped]:
    """Return the frames of the joints that OpenNI gives, of a person 3 m before the camera."""
    frames = []
    for joint in OpenNI15:
        part, _, side = joint.name.lower().partition('_')
        frame = TransformStamped(
            child_frame_id=f'{side}_{part}_{user}' if side else f'{part}_{user}'
        )
        frame.header = Header(stamp=time_of(round(stamp_s * NS_PER_S)), frame_id=parent)
        at = frame.transform.translation
        at.x, at.y, at.z = map(float, standing()[Common15[joint.name]])
        frames.append(frame)
    return frames


def hand_of(message: SkeletonArray, joint: int, joints: int) -> list[float]:
    (skeleton,) = message.skeletons
    return np.array(skeleton.positions).reshape(joints, 3)[joint].tolist()


def test_frames_of_a_tracker_become_skeletons(source: Make) -> None:
    robot = source(source='tf')
    tracker = robot.node.create_publisher(TFMessage, '/tf', qos.FRAMES)
    robot.spin_until(lambda: tracker.get_subscription_count() == 1, 'the tracker is heard')
    for step in range(3):
        for frame in joint_frames(2, 50 + step / 30, 'camera_optical_frame'):
            tracker.publish(TFMessage(transforms=[frame]))
    robot.spin_until(lambda: len(robot.said['skeletons']) >= 3, 'skeletons come')
    message = robot.said['skeletons'][1]
    assert (message.skeletons[0].body_id, message.skeletons[0].layout) == (2, 'openni_15')
    assert message.header.frame_id == 'camera_optical_frame'
    assert hand_of(message, OpenNI15.HAND_LEFT, 15) == pytest.approx([0.25, 0.1, 3.0])


def test_static_frames_connect_the_tracker_with_the_frame_wanted(source: Make) -> None:
    robot = source(**{'source': 'tf', 'tf.frame': 'head_optical_frame'})
    static = robot.node.create_publisher(TFMessage, '/tf_static', qos.STATIC_FRAMES)
    mount = TransformStamped(child_frame_id='tracker')
    mount.header.frame_id = 'head_optical_frame'
    mount.transform.translation.y = -0.5
    static.publish(TFMessage(transforms=[mount]))
    tracker = robot.node.create_publisher(TFMessage, '/tf', qos.FRAMES)
    robot.spin_until(lambda: tracker.get_subscription_count() == 1, 'the tracker is heard')
    robot.spin_until(
        lambda: robot.nodes[0]._input._frames._tree.parent('tracker') == 'head_optical_frame',
        'the static frame is heard',
    )
    tracker.publish(TFMessage(transforms=joint_frames(1, 50, 'tracker')))
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    assert hand_of(robot.said['skeletons'][0], OpenNI15.HAND_LEFT, 15) == pytest.approx(
        [0.25, -0.4, 3.0]
    )


def test_a_tree_without_persons_is_a_warning_that_quotes_it(source: Make) -> None:
    robot = source(**{'source': 'tf', 'acquisition.silent_after_s': 0.2})
    tree = robot.node.create_publisher(TFMessage, '/tf', qos.FRAMES)
    robot.spin_until(lambda: tree.get_subscription_count() == 1, 'the tree is heard')
    wheel = TransformStamped(child_frame_id='l_wheel_link')
    wheel.header.frame_id = 'base_link'
    tree.publish(TFMessage(transforms=[wheel]))
    robot.spin_until(
        lambda: (
            "named like '{joint}_{user}': l_wheel_link" in robot.diagnosis('skeleton_source')[1]
        ),
        'the warning comes',
    )
    assert robot.diagnosis('skeleton_source')[0] == b'\x01'


def test_a_tree_that_stops_is_silent_and_one_that_goes_on_is_well(source: Make) -> None:
    robot = source(
        **{'source': 'tf', 'acquisition.silent_after_s': 0.3, 'acquisition.min_rate_hz': 0.0}
    )
    tracker = robot.node.create_publisher(TFMessage, '/tf', qos.FRAMES)
    robot.spin_until(lambda: tracker.get_subscription_count() == 1, 'the tracker is heard')
    for beginning_s in (50, 60):
        heard = len(robot.said['skeletons'])
        message = TFMessage(transforms=joint_frames(1, beginning_s, 'camera'))
        tracker.publish(message)
        robot.spin_until(lambda heard=heard: len(robot.said['skeletons']) > heard, 'it is seen')
        robot.spin_until(
            lambda: 'nothing has come' in robot.diagnosis('skeleton_source')[1], 'it is silent'
        )
        assert robot.diagnosis('skeleton_source', 'device') in ('silent', 'lost')


def test_keypoints_of_a_detector_become_skeletons(source: Make) -> None:
    robot = source(
        source='yolo',
        yolo_message='skeleton_action_test_msgs/msg/DetectionArray',
        input_topic='yolo',
    )
    detector = robot.node.create_publisher(messages.DetectionArray, 'yolo', 10)
    robot.spin_until(lambda: detector.get_subscription_count() == 1, 'the detector is heard')
    points = [
        messages.KeyPoint3D(id=joint + 1, point=Point(x=2.0, y=0.1 * joint, z=1.0), score=0.8)
        for joint in range(17)
    ]
    person = messages.Detection(id='7', class_name='person')
    person.keypoints3d = messages.KeyPoint3DArray(data=points, frame_id='base_link')
    message = messages.DetectionArray(detections=[person])
    message.header.stamp.sec = 50
    detector.publish(message)
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    heard = robot.said['skeletons'][0]
    assert (heard.header.stamp.sec, heard.header.frame_id) == (50, 'camera_depth_optical_frame')
    assert (heard.skeletons[0].body_id, heard.skeletons[0].layout) == (7, 'coco_17')
    assert hand_of(heard, Coco17.EYE_LEFT, 17) == pytest.approx([-0.1, -1.0, 2.0])


@pytest.mark.parametrize(
    ('name', 'why'),
    [
        ('no_such_msgs/msg/DetectionArray', 'no_such_msgs/msg/DetectionArray is not installed'),
        ('std_msgs/msg/Nonsense', 'std_msgs/msg/Nonsense is not installed'),
        ('nonsense', "must be named like package/msg/Name, got 'nonsense'"),
    ],
)
def test_a_message_that_is_not_installed_is_named(source: Make, name: str, why: str) -> None:
    robot = source(active=False, source='yolo', yolo_message=name)
    robot.nodes[0].trigger_configure()
    assert state_of(robot.nodes[0]) == 'unconfigured'
    assert why in robot.diagnosis('skeleton_source')[1]


def test_markers_of_the_first_sdk_without_a_stamp_become_skeletons(source: Make) -> None:
    robot = source(source='markers')
    driver = robot.node.create_publisher(MarkerArray, 'body_tracking_data', 1)
    robot.spin_until(lambda: driver.get_subscription_count() == 1, 'the driver is heard')
    markers = []
    for joint in range(26):
        marker = Marker(id=300 + joint, type=Marker.SPHERE, action=Marker.ADD)
        # A column: pelvis at 0, neck 3 dm above it, from the head (20) on all 4 dm above it.
        marker.pose.position = Point(x=0.0, y=-0.4 if joint >= 20 else -0.1 * min(joint, 3), z=2.0)
        markers.append(marker)
    driver.publish(MarkerArray(markers=markers))
    robot.spin_until(lambda: robot.said['skeletons'], 'skeletons come')
    message = robot.said['skeletons'][0]
    assert message.header.stamp.sec > 0, 'the time of arrival'
    confidences = message.skeletons[0].confidences
    assert [joint for joint in range(32) if not confidences[joint]] == [8, 9, 10, 15, 16, 17]
    assert hand_of(message, 26, 32) == pytest.approx([0.0, -0.4, 2.0])


class Device:
    """A camera that delivers a person at each stamp and then fails, or delivers nothing more."""

    live = True
    name = 'camera 7'

    def __init__(self, stamps_s: list[float], then: str) -> None:
        self._stamps_s = stamps_s
        self._then = then
        self._closed = threading.Event()

    def scenes(self) -> Iterator[Scene]:
        for stamp_s in self._stamps_s:
            stamp_ns = round(stamp_s * NS_PER_S)
            frame = SkeletonFrame(stamp_ns, 1, 'common_15', standing(), np.ones(15, np.float32))
            yield Scene(stamp_ns, (frame,))
        if self._then == 'fail':
            raise SourceError('camera 7 is gone: found cameras 0 and 1')
        self._closed.wait()

    def close(self) -> None:
        self._closed.set()


def test_a_device_that_is_missing_is_told_and_found_when_it_comes(source: Make) -> None:
    there = threading.Event()

    def device() -> Device:
        return Device([5.0, 5.1], 'silent') if there.is_set() else Device([], 'fail')

    robot = source(device, **QUICK)
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'device') == 'lost', 'the loss is reported'
    )
    level, line, _ = robot.diagnosis('skeleton_source')
    assert level == b'\x02'
    assert 'camera 7 is gone: found cameras 0 and 1; tried' in line
    there.set()
    robot.spin_until(lambda: len(robot.said['skeletons']) == 2, 'skeletons come')
    level, _, values = robot.diagnosis('skeleton_source')
    assert (level, values['device']) in ((b'\x00', 'running'), (b'\x01', 'silent'))
    assert is_active(robot.nodes[0])


def test_a_device_that_is_unplugged_or_silent_is_opened_again(source: Make) -> None:
    devices = iter([Device([5.0], 'fail'), Device([6.0], 'silent'), Device([7.0], 'silent')])
    robot = source(
        lambda: next(devices),
        **{'acquisition.silent_after_s': 0.2, 'acquisition.lost_after_s': 0.5, **QUICK},
    )
    robot.spin_until(lambda: len(robot.said['skeletons']) == 3, 'three devices deliver')
    assert [message.header.stamp.sec for message in robot.said['skeletons']] == [5, 6, 7]
    assert int(robot.diagnosis('skeleton_source', 'count.device.lost')) >= 1


def test_a_node_that_waits_for_its_device_can_be_stopped(source: Make) -> None:
    robot = source(lambda: Device([], 'fail'), **{'acquisition.retry_s': 60.0})
    robot.spin_until(
        lambda: robot.diagnosis('skeleton_source', 'device') == 'lost', 'the loss is reported'
    )
    robot.nodes[0].trigger_deactivate()
    assert state_of(robot.nodes[0]) == 'inactive'


def test_a_low_rate_is_a_warning_with_the_rate(source: Make) -> None:
    class Slow(Device):
        def scenes(self) -> Iterator[Scene]:
            stamp_ns = NS_PER_S
            while not self._closed.wait(0.25):
                stamp_ns += NS_PER_S // 4
                yield Scene(stamp_ns, ())

    robot = source(lambda: Slow([], ''), **{'acquisition.min_rate_hz': 30.0})
    robot.spin_until(
        lambda: 'at least 30 are wanted' in robot.diagnosis('skeleton_source')[1], 'it warns'
    )
    assert robot.diagnosis('skeleton_source')[0] == b'\x01'
    assert 0.3 <= float(robot.diagnosis('skeleton_source', 'device.rate_hz')) <= 4.4
