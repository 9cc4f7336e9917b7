"""What other programs are told over DDS: frames, ids of REP-155, markers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('tf2_msgs', reason='tf2_msgs is not installed: make setup')
pytest.importorskip('skeleton_action_test_msgs', reason='not built here: make setup-test')

from people import circling
from rclpy.parameter import Parameter
from robots import Robot, is_active, state_of
from skeleton_action_test_msgs.msg import IdsList
from tf2_msgs.msg import TFMessage

from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.recognition import Recognition
from skeleton_action_ros.core.windows import Window
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.markers import markers_of
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

IDS = 'skeleton_action_test_msgs/msg/IdsList'


@pytest.fixture
def source(robot: Make) -> Callable[..., Robot]:
    def make(**parameters: Any) -> Robot:
        given = {'simulation.persons': 2, 'autostart': False, **parameters}
        node = SkeletonSourceNode(
            parameter_overrides=[Parameter(key, value=value) for key, value in given.items()]
        )
        one = robot(node, active=False)
        one.hear(TFMessage, '/tf', qos.FRAMES)
        one.hear(IdsList, '/humans/bodies/tracked', qos.EVENTS)
        one.hear(SkeletonArray, 'skeletons', qos.SENSOR)
        node.trigger_configure()
        if state_of(node) == 'inactive':
            node.trigger_activate()
        return one

    return make


def frames_of(robot: Robot) -> set[str]:
    return {item.child_frame_id for message in robot.said['tf'] for item in message.transforms}


def test_nothing_is_told_unless_wanted(source: Make) -> None:
    robot = source()
    robot.spin_until(lambda: len(robot.said['skeletons']) > 5, 'skeletons come')
    assert robot.node.count_publishers('/tf') == 0
    assert robot.said['tf'] == []


def test_frames_of_a_tracker_are_where_the_joints_are(source: Make) -> None:
    robot = source(**{'outputs.frames': 'tracker', 'frame_id': 'eye_optical_frame'})
    robot.spin_until(lambda: {'left_hand_1', 'left_hand_2'} <= frames_of(robot), 'frames come')
    item = robot.said['tf'][0].transforms[0]
    assert item.header.frame_id == 'eye_optical_frame'
    assert 0.5 < item.transform.translation.z < 6.0
    assert robot.said['humans/bodies/tracked'] == []


def test_rep_155_has_frames_and_the_ids_of_those_in_view(source: Make) -> None:
    robot = source(**{'outputs.frames': 'rep_155', 'outputs.ids_message': IDS})
    robot.spin_until(lambda: {'body_1', 'l_wrist_2'} <= frames_of(robot), 'frames come')
    heard = robot.said['humans/bodies/tracked']
    robot.spin_until(lambda: any(len(message.ids) == 2 for message in heard), 'ids come')
    assert next(list(one.ids) for one in heard if len(one.ids) == 2) == ['1', '2']
    assert is_active(robot.nodes[0])


def test_without_its_messages_rep_155_has_frames_and_a_warning(source: Make) -> None:
    robot = source(**{'outputs.frames': 'rep_155', 'outputs.ids_message': 'no_msgs/msg/IdsList'})
    robot.spin_until(lambda: 'body_1' in frames_of(robot), 'frames come')
    level, line, _ = robot.diagnosis('skeleton_source')
    assert level == b'\x01'
    assert line.startswith('/humans/bodies/tracked is not published: the message no_msgs')


def test_a_source_of_frames_does_not_hear_its_own(source: Make) -> None:
    robot = source(**{'source': 'tf', 'outputs.frames': 'tracker'})
    assert state_of(robot.nodes[0]) == 'unconfigured'
    assert 'would hear its own frames' in robot.diagnosis('skeleton_source')[1]


def test_bones_go_from_red_to_green_with_the_confidence_of_their_joints() -> None:
    clip = circling([], 0.1)
    confidence = np.ones((len(clip), 15), np.float32)
    confidence[-1, Common15.HAND_LEFT] = 0.01
    confidence[-1, Common15.HEAD] = 0.0
    joints_m = clip.joints_m.copy()
    joints_m[-1, Common15.HEAD] = 0.0
    window = Window(3, replace(clip, confidence=confidence, joints_m=joints_m))
    recognition = Recognition(3, int(clip.stamps_ns[-1]), 'wave', 0.9, ())
    bones, label = markers_of([window], [recognition], 'camera').markers
    assert len(bones.points) == len(bones.colors) == 2 * 13, 'a bone without its head is not drawn'
    hand = clip.joints_m[-1, Common15.HAND_LEFT]
    for point, color in zip(bones.points, bones.colors, strict=True):
        weak = [point.x, point.y, point.z] == pytest.approx(hand.tolist())
        assert (color.r, color.g) == pytest.approx((1.0, 0.118) if weak else (0.1, 1.0), abs=0.01)
        assert color.a == 1.0
    assert label.text == '3: wave 0.90'
    highest_m = float(joints_m[-1, 1:, 1].min())
    assert label.pose.position.y == pytest.approx(highest_m - 0.3), 'above what is seen of her'
    assert label.pose.position.z == pytest.approx(float(joints_m[-1, Common15.NECK, 2]), abs=0.5)
