"""The main job over DDS: a person shows an action once, and it is recognised from another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('rclpy')

from bundles import hands_bundle
from people import FakeModel, circling
from rclpy.parameter import Parameter
from robots import FRAME_ID, Robot, moved
from std_srvs.srv import SetBool
from visualization_msgs.msg import Marker, MarkerArray

from skeleton_action_msgs.msg import ActionEvent
from skeleton_action_msgs.srv import EnrollAction, ListActions
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.configuration import ModelParameters
from skeleton_action_ros.nodes.models import load_model

if TYPE_CHECKING:
    from pathlib import Path

    Make = Callable[..., Robot]

HAND_FROM_2_TO_4 = [(2.0, 4.0)]


def seconds(time: object) -> float:
    return time.sec + time.nanosec * 1e-9  # type: ignore[attr-defined]


def taught(robot: Robot, label: str = 'circle', body_id: int = 1, **how: object) -> None:
    robot.show((body_id, circling(HAND_FROM_2_TO_4, 6.0, start_s=100.0, **how)))
    answer = robot.call(EnrollAction, 'enroll_action', label=label, body_id=-1)
    assert answer.success, answer.message
    recognizer = robot.nodes[1]
    robot.spin_until(lambda: label in recognizer._recognizer.labels, 'the recognizer follows')


def test_action_shown_once_is_recognised_from_another_person(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    robot.show((7, moved(circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0), x_m=1.0)))
    robot.catch_up()
    started, ended = robot.said['action_events']
    assert (started.kind, started.label, started.body_id) == (ActionEvent.STARTED, 'circle', 7)
    assert (ended.kind, ended.label, ended.body_id) == (ActionEvent.ENDED, 'circle', 7)
    assert started.header.frame_id == FRAME_ID
    assert seconds(started.start) == pytest.approx(202.0, abs=0.35)
    assert (started.end.sec, started.end.nanosec) == (0, 0)
    assert seconds(ended.start) == seconds(started.start)
    assert seconds(ended.end) == pytest.approx(204.0, abs=0.35)
    assert 203.0 < seconds(started.header.stamp) <= seconds(ended.header.stamp) < 206.0
    assert 0.5 < started.confidence <= 1.0
    assert started.latency >= 0.0
    assert [message.data for message in robot.said['action_label']] == ['circle']
    labels = [message.actions[0].label for message in robot.said['actions']]
    assert labels[0] == 'idle'
    assert labels[-1] == 'idle'
    assert 'circle' in labels


def test_actions_say_what_was_considered(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    robot.said['actions'].clear()
    robot.show((7, circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0)))
    best = [
        message.actions[0].hypotheses[0]
        for message in robot.said['actions']
        if message.actions[0].label == 'circle'
    ]
    assert best
    assert {item.label for item in best} == {'circle'}
    assert max(item.similarity for item in best) > 0.9
    assert {round(item.threshold, 3) for item in best} == {0.7}


def test_other_movement_is_unknown_and_makes_no_event(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    left = circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0, hand=Common15.HAND_LEFT)
    robot.show((7, left))
    robot.catch_up()
    assert robot.said['action_events'] == []
    assert 'unknown' in {message.actions[0].label for message in robot.said['actions']}


def test_nothing_is_recognised_before_anything_is_taught(pipeline: Make) -> None:
    robot = pipeline()
    robot.show((1, circling(HAND_FROM_2_TO_4, 6.0)))
    robot.catch_up()
    assert robot.said['action_events'] == []
    assert {message.actions[0].label for message in robot.said['actions']} == {'idle', 'unknown'}


def test_classifier_bundle_recognises_its_own_labels_untaught(
    pipeline: Make, tmp_path: Path
) -> None:
    bundle = hands_bundle(tmp_path / 'hands')
    robot = pipeline(load_model(ModelParameters(model=str(bundle))))
    robot.show(
        (1, circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0)),
        (2, moved(circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0, hand=Common15.HAND_LEFT), 1.0)),
    )
    robot.catch_up()
    assert {(event.body_id, event.label) for event in robot.said['action_events']} == {
        (1, 'right hand'),
        (2, 'left hand'),
    }
    assert robot.diagnosis('action_recognizer', 'model_kind') == 'classifier'
    assert robot.diagnosis('action_recognizer', 'actions') == 'left hand, right hand'


def test_persons_of_one_scene_go_through_the_model_together(pipeline: Make) -> None:
    model = FakeModel()
    robot = pipeline(model)
    taught(robot)
    moving = circling(HAND_FROM_2_TO_4, 3.0, start_s=200.0)
    persons = [(body, moved(moving, x_m=body * 0.5)) for body in range(1, 7)]
    robot.show(*[(body, clip.between(int(200e9), int(201.9e9))) for body, clip in persons])
    model.batches.clear()
    windows = robot.nodes[1].health.counts['windows']
    robot.show(*[(body, clip.between(int(202e9), int(203e9))) for body, clip in persons])
    assert robot.nodes[1].health.counts['windows'] - windows >= 54
    with_pieces = [size for size in model.batches if size > 0]
    assert with_pieces
    assert all(size % 6 == 0 for size in with_pieces)


def test_each_person_has_events_of_their_own(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    early = circling([(1.0, 3.0)], 7.0, start_s=200.0)
    late = circling([(3.5, 5.5)], 7.0, start_s=200.0)
    robot.show((1, early), (2, moved(late, x_m=1.0)))
    robot.catch_up()
    spans = {
        event.body_id: (seconds(event.start), seconds(event.end))
        for event in robot.said['action_events']
        if event.kind == ActionEvent.ENDED
    }
    assert spans[1] == (pytest.approx(201.0, abs=0.35), pytest.approx(203.0, abs=0.35))
    assert spans[2] == (pytest.approx(203.5, abs=0.35), pytest.approx(205.5, abs=0.35))


def test_open_action_ends_when_the_skeletons_stop(pipeline: Make) -> None:
    robot = pipeline(action_recognizer={'recognition.forget_s': 1.0})
    taught(robot)
    events = robot.said['action_events']
    robot.show((7, circling([(2.0, 9.0)], 9.0, start_s=200.0)), until=lambda: events)
    assert [event.kind for event in events] == [ActionEvent.STARTED]
    assert robot.diagnosis('action_recognizer', 'stream') == 'running'
    stopped_s = time.monotonic()
    robot.spin_until(lambda: len(events) == 2, 'the watchdog ends it', 4.0)
    # forget_s 1.0 and watchdog_period_s 0.1, and what a busy machine adds.
    assert time.monotonic() - stopped_s < 2.1
    assert robot.diagnosis('action_recognizer', 'stream') == 'stale'
    ended = robot.said['action_events'][1]
    assert ended.kind == ActionEvent.ENDED
    assert seconds(ended.end) <= 205.0


def test_disabled_recognizer_ends_what_is_open_and_is_silent(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    clip = circling([(2.0, 9.0)], 9.0, start_s=200.0)
    events = robot.said['action_events']
    robot.show((7, clip), until=lambda: events)
    assert robot.call(SetBool, 'action_recognizer/set_enabled', data=False).success
    robot.spin_until(lambda: len(events) == 2, 'the open action ends')
    assert events[1].kind == ActionEvent.ENDED
    robot.said['actions'].clear()
    robot.show((7, clip.between(int(206e9), int(207e9))))
    robot.catch_up()
    assert robot.said['actions'] == []
    assert robot.call(SetBool, 'action_recognizer/set_enabled', data=True).message == 'recognising'
    robot.show((7, clip.between(int(207.1e9), int(208e9))))
    robot.spin_until(lambda: robot.said['actions'], 'persons are recognised again')


def test_late_recognizer_receives_the_latched_gallery(pipeline: Make, robot: Make) -> None:
    from skeleton_action_ros.nodes.action_recognizer import ActionRecognizerNode

    taught(pipeline())
    late = robot(ActionRecognizerNode(lambda _: FakeModel(), namespace=''), active=False)
    late.spin_until(
        lambda: (
            late.nodes[0]._recognizer is not None
            and late.nodes[0]._recognizer.labels == ('circle',)
        ),
        'the gallery arrives',
    )


def test_gallery_carries_the_raw_clip_in_its_own_layout(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    gallery = robot.said['action_gallery'][-1]
    (template,) = gallery.templates
    assert gallery.revision == 1
    assert (template.label, template.layout) == ('circle', 'common_15')
    frames = len(template.stamps)
    assert len(template.positions) == frames * 45
    assert 1.9 < (template.stamps[-1] - template.stamps[0]) * 1e-9 < 3.2
    hand = np.array(template.positions).reshape(frames, 15, 3)[:, Common15.HAND_RIGHT]
    assert np.ptp(hand[:, 0]) == pytest.approx(0.6, abs=0.01)
    assert 'body 1' in template.source
    assert FRAME_ID in template.source


def test_markers_are_drawn_only_for_somebody(pipeline: Make) -> None:
    robot = pipeline()
    still = circling([], 1.0, start_s=100.0)
    robot.show((3, still))
    heard = robot.hear(MarkerArray, 'skeleton_markers', qos.MARKERS)
    robot.spin_until(
        lambda: robot.nodes[1]._markers.get_subscription_count() == 1, 'somebody watches'
    )
    robot.show((3, circling([], 1.0, start_s=102.0)))
    robot.catch_up()
    bones, label = heard[-1].markers
    assert (bones.type, bones.ns, bones.id) == (Marker.LINE_LIST, 'bones', 3)
    assert len(bones.points) == 2 * 14
    assert (label.type, label.text.split()[1]) == (Marker.TEXT_VIEW_FACING, 'idle')
    assert label.pose.position.y < -0.75


def test_live_threshold_takes_effect_without_a_restart(pipeline: Make) -> None:
    robot = pipeline()
    taught(robot)
    recognizer = robot.nodes[1]
    (result,) = recognizer.set_parameters([Parameter('recognition.threshold', value=0.95)])
    assert result.successful, result.reason
    robot.said['actions'].clear()
    robot.show((7, circling(HAND_FROM_2_TO_4, 6.0, start_s=200.0)))
    thresholds = {
        round(item.threshold, 3)
        for message in robot.said['actions']
        for item in message.actions[0].hypotheses
    }
    assert thresholds == {0.95}


def test_next_waits_without_holding_up_anybody(pipeline: Make) -> None:
    robot = pipeline()
    clip = circling(HAND_FROM_2_TO_4, 6.0, start_s=100.0)
    robot.show((1, clip.between(int(100e9), int(101.5e9))))
    future = robot.ask(
        EnrollAction, 'enroll_action', label='circle', capture=2, duration=3.5, body_id=-1
    )
    robot.catch_up()
    assert robot.call(ListActions, 'list_actions').actions == []
    robot.show((1, clip.between(int(101.6e9), int(104.5e9))))
    assert not future.done()
    robot.show((1, clip.between(int(104.6e9), int(106e9))))
    robot.spin_until(future.done, 'enroll_action answers')
    answer = future.result()
    assert answer.success, answer.message
    assert answer.duration == pytest.approx(2.5, abs=0.4)
