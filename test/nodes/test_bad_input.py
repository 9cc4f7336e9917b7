"""Malformed messages: refused with a reason that is counted; nobody else is touched."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from people import FakeModel, circling
from robots import TYPES, Robot, moved, scene_message, state_of

from skeleton_action_msgs.msg import ActionEvent, ActionGallery, Skeleton, SkeletonWindow
from skeleton_action_msgs.srv import EnrollAction
from skeleton_action_ros.adapters.msg_conversions import window_to_msg
from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.core.windows import Window
from skeleton_action_ros.nodes import qos

if TYPE_CHECKING:
    Make = Callable[..., Robot]

GOOD = circling([], 2.0, start_s=100.0)
BAD_BODY = 66


def floats(values: Any) -> array:
    return array('f', np.asarray(values, np.float32).tobytes())


def skeleton(**changes: Any) -> Skeleton:
    fields = {
        'body_id': BAD_BODY,
        'layout': 'common_15',
        'positions': floats(GOOD.joints_m[0].ravel()),
        'confidences': floats(np.ones(15)),
    }
    return Skeleton(**{**fields, **changes})


BAD_SKELETONS = {
    'joint_count': skeleton(positions=floats(np.ones(96))),
    'unknown_layout': skeleton(layout='kinect_v9'),
    'empty_body': skeleton(positions=floats(np.zeros(45))),
    'confidence_count': skeleton(confidences=floats(np.ones(3))),
    'confidence_range': skeleton(confidences=floats(np.full(15, 2.0))),
    'not_metres': skeleton(positions=floats(GOOD.joints_m[0].ravel() * 1000.0)),
    'duplicate_body': skeleton(body_id=1),
}


@pytest.mark.parametrize('reason', BAD_SKELETONS)
def test_bad_body_is_counted_and_the_other_person_goes_on(pipeline: Make, reason: str) -> None:
    robot = pipeline()
    for index, stamp_ns in enumerate(GOOD.stamps_ns):
        message = scene_message(int(stamp_ns), [(1, GOOD, index)])
        message.skeletons.append(BAD_SKELETONS[reason])
        robot.send(message)
    robot.settle()
    robot.catch_up()
    assert {window.body_id for window in robot.said['skeleton_windows']} == {1}
    assert len(robot.said['skeleton_windows'][-1].stamps) == len(GOOD)
    warnings = [line for level, line in robot.reports('window_buffer') if level == b'\x01']
    assert any(reason in line for line in warnings)
    _, _, values = robot.diagnosis('window_buffer')
    assert values[f'refused.{reason}'] == str(len(GOOD))
    assert values[f'refused.{reason}.last']
    assert values['count.skeletons'] == str(len(GOOD))
    assert robot.diagnosis('action_enroller', f'refused.{reason}') == str(len(GOOD))


def test_body_with_some_joints_not_finite_is_used_without_them(pipeline: Make) -> None:
    robot = pipeline()
    for index, stamp_ns in enumerate(GOOD.stamps_ns):
        message = scene_message(int(stamp_ns), [(1, GOOD, index)])
        positions = np.array(message.skeletons[0].positions)
        positions[:3] = np.nan
        positions[3:6] = np.inf
        message.skeletons[0].positions = floats(positions)
        robot.send(message)
    robot.settle()
    robot.catch_up()
    window = robot.said['skeleton_windows'][-1]
    assert np.isfinite(window.positions).all()
    assert list(window.confidences[:3]) == [0.0, 0.0, 1.0]


def test_repeated_and_earlier_stamps_are_refused(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, GOOD))
    last_ns = int(GOOD.stamps_ns[-1])
    for stamp_ns in (last_ns, last_ns - 5):
        robot.send(scene_message(stamp_ns, [(1, GOOD, 0)]))
    assert robot.diagnosis('window_buffer', 'refused.out_of_order') == '2'
    assert robot.diagnosis('window_buffer', 'count.time_jumps') is None


def test_stamp_zero_is_refused(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, GOOD))
    robot.send(scene_message(0, [(1, GOOD, 0)]))
    later = circling([], 0.5, start_s=102.1)
    robot.show((1, later))
    assert robot.diagnosis('window_buffer', 'refused.stamp') == '1'
    robot.catch_up()
    assert len(robot.said['skeleton_windows'][-1].stamps) > len(GOOD)


@pytest.mark.parametrize('content', [b'', b'\xff' * 40, bytes(range(256))])
def test_bytes_that_are_no_message_stop_nobody(pipeline: Make, content: bytes) -> None:
    robot = pipeline()
    garbage = b'\x00\x01\x00\x00' + content
    robot._skeletons.publish(garbage)
    robot.catch_up()
    for index in range(2):  # taken together with the good one before it
        robot._skeletons.publish(scene_message(int(GOOD.stamps_ns[index]), [(1, GOOD, index)]))
        robot._skeletons.publish(garbage)
    robot.catch_up()
    robot.show((1, GOOD.between(int(GOOD.stamps_ns[2]), int(GOOD.stamps_ns[-1]))))
    robot.catch_up()
    assert len(robot.said['skeleton_windows'][-1].stamps) == len(GOOD)


def test_silence_is_a_warning(pipeline: Make) -> None:
    robot = pipeline()
    for name in ('window_buffer', 'action_enroller'):
        robot.spin_until(
            lambda name=name: any('no skeletons for' in line for _, line in robot.reports(name)),
            'silence is reported',
        )


def test_empty_arrays_are_fine(pipeline: Make) -> None:
    robot = pipeline()
    for index, stamp_ns in enumerate(GOOD.stamps_ns):
        robot.send(scene_message(int(stamp_ns), [(1, GOOD, index)] if index % 2 else []))
    level, _, values = robot.diagnosis('window_buffer')
    assert level == b'\x00'
    assert not [key for key in values if key.startswith('refused')]


def test_person_who_comes_back_after_a_gap_starts_anew(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, GOOD))
    robot.catch_up()
    robot.said['skeleton_windows'].clear()
    robot.show((1, circling([], 0.5, start_s=110.0)))
    robot.catch_up()
    starts = [window.start.sec for window in robot.said['skeleton_windows']]
    assert starts
    assert set(starts) == {110}
    assert robot.diagnosis('window_buffer', 'count.gaps') == '1'


def test_hundred_bodies_at_once_are_followed_up_to_the_limit(pipeline: Make) -> None:
    robot = pipeline()
    crowd = circling([], 0.5, start_s=100.0)
    for index, stamp_ns in enumerate(crowd.stamps_ns):
        robot.send(scene_message(int(stamp_ns), [(body, crowd, index) for body in range(100)]))
        robot.settle()
    robot.catch_up()
    assert {window.body_id for window in robot.said['skeleton_windows']} == set(range(32))
    assert robot.diagnosis('window_buffer', 'refused.too_many_people') == str(68 * len(crowd))
    assert robot.diagnosis('window_buffer', 'people') == '32'


def windows_publisher(robot: Robot) -> Any:
    publisher = robot.node.create_publisher(SkeletonWindow, 'skeleton_windows', qos.WINDOWS)
    robot.spin_until(lambda: publisher.get_subscription_count() >= 2, 'windows are connected')
    return publisher


BAD_WINDOWS: dict[str, dict[str, Any]] = {
    'unknown_layout': {'layout': 'nope'},
    'window': {'frames': 7},
    'window stamps': {'stamps': array('q', [3, 2, 1])},
    'window confidences': {'confidences': floats(np.full(len(GOOD) * 15, -1.0))},
    'window positions': {'positions': floats(np.full(len(GOOD) * 45, np.nan))},
    'window of years': {'stamps': array('q', [1, *GOOD.stamps_ns[1:]])},
    'window before 1970': {'stamps': array('q', [-1, *GOOD.stamps_ns[1:]])},
    'window of another time': {'stamps': array('q', GOOD.stamps_ns + NS_PER_S)},
    'window empty': {'stamps': array('q'), 'positions': floats([]), 'confidences': floats([])},
}


@pytest.mark.parametrize('fault', BAD_WINDOWS)
def test_bad_window_is_counted_and_the_recognizer_goes_on(pipeline: Make, fault: str) -> None:
    robot = pipeline()
    publisher = windows_publisher(robot)
    message = window_to_msg(Window(BAD_BODY, GOOD), 'frame', TYPES)
    for key, value in BAD_WINDOWS[fault].items():
        setattr(message, key, value)
    publisher.publish(message)
    reason = fault.split()[0]
    robot.spin_until(
        lambda: robot.diagnosis('action_recognizer', f'refused.{reason}') == '1', 'it is counted'
    )
    robot.show((1, GOOD))
    robot.catch_up()
    assert {item.body_id for message in robot.said['actions'] for item in message.actions} == {1}


def test_bad_template_is_counted_and_the_others_are_used(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, circling([(1.0, 3.0)], 4.5, start_s=100.0)))
    assert robot.call(EnrollAction, 'enroll_action', label='circle', body_id=-1).success
    robot.spin_until(lambda: robot.said['action_gallery'][-1].templates, 'the gallery is said')
    gallery = robot.said['action_gallery'][-1]
    good = gallery.templates[0]
    bad = type(good)(id='x', label='bad', layout='nope', stamps=array('q', [1]))
    publisher = robot.node.create_publisher(ActionGallery, 'action_gallery', qos.LATCHED)
    publisher.publish(ActionGallery(header=gallery.header, revision=9, templates=[bad, good]))
    robot.spin_until(
        lambda: robot.diagnosis('action_recognizer', 'refused.gallery') == '1', 'it is counted'
    )
    assert robot.diagnosis('action_recognizer', 'actions') == 'circle'


def test_recognition_survives_a_callback_that_breaks(pipeline: Make) -> None:
    class Breaking(FakeModel):
        fails = 0

        def infer(self, joints: Any, mask: Any) -> Any:
            if len(joints) and self.fails:
                self.fails -= 1
                raise RuntimeError('the accelerator is gone')
            return super().infer(joints, mask)

    model = Breaking()
    robot = pipeline(model)
    robot.show((1, circling([(1.0, 3.0)], 4.5, start_s=100.0)))
    assert robot.call(EnrollAction, 'enroll_action', label='circle', body_id=-1).success
    robot.spin_until(lambda: 'circle' in robot.nodes[1]._recognizer.labels, 'it follows')
    model.fails = 1
    robot.show((1, circling([(1.0, 3.0)], 4.5, start_s=110.0)))
    robot.catch_up()
    assert [event.kind for event in robot.said['action_events']] == [
        ActionEvent.STARTED,
        ActionEvent.ENDED,
    ]
    assert b'\x02' in {level for level, _ in robot.reports('action_recognizer')}
    _, _, values = robot.diagnosis('action_recognizer')
    assert values['refused.internal_error'] == '1'
    assert 'the accelerator is gone' in values['refused.internal_error.last']
    assert state_of(robot.nodes[1]) == 'active'


def test_looping_stream_is_a_jump_back_and_recognition_starts_anew(pipeline: Make) -> None:
    robot = pipeline()
    once = circling([(1.0, 3.0)], 4.5, start_s=100.0)
    robot.show((1, once))
    assert robot.call(EnrollAction, 'enroll_action', label='circle', body_id=-1).success
    robot.spin_until(lambda: 'circle' in robot.nodes[1]._recognizer.labels, 'it follows')
    for _ in range(2):
        robot.said['action_events'].clear()
        robot.show((1, once))
        robot.catch_up()
        assert [event.kind for event in robot.said['action_events']] == [
            ActionEvent.STARTED,
            ActionEvent.ENDED,
        ]
    for name in ('window_buffer', 'action_enroller', 'action_recognizer'):
        assert robot.diagnosis(name, 'count.time_jumps') == '2'


def test_jump_back_ends_the_action_that_was_open(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, circling([(1.0, 3.0)], 4.5, start_s=100.0)))
    assert robot.call(EnrollAction, 'enroll_action', label='circle', body_id=-1).success
    robot.spin_until(lambda: 'circle' in robot.nodes[1]._recognizer.labels, 'it follows')
    events = robot.said['action_events']
    robot.show((1, circling([(1.0, 9.0)], 9.0, start_s=200.0)), until=lambda: events)
    robot.show((1, circling([], 1.0, start_s=150.0)))
    robot.catch_up()
    assert [event.kind for event in events] == [ActionEvent.STARTED, ActionEvent.ENDED]
    assert events[1].end.sec * NS_PER_S >= 201 * NS_PER_S


def test_one_stray_stamp_of_the_future_does_not_end_the_stream(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, GOOD))
    robot.send(scene_message(9_999 * NS_PER_S, [(2, moved(GOOD, x_m=1.0), 0)]))
    robot.said['skeleton_windows'].clear()
    robot.show((1, circling([], 2.0, start_s=102.1)))
    robot.catch_up()
    assert robot.said['skeleton_windows'][-1].stamps[-1] == pytest.approx(104.1e9, abs=0.2e9)
