from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import SECOND, FakeModel, circling

from skeleton_action_ros.core.decision import ActionEvent, DecisionConfig, EventKind
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.matching import MatchingConfig
from skeleton_action_ros.core.recognition import IDLE, UNKNOWN, Recognizer, RecognizerConfig
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.core.windows import Window

CONFIG = RecognizerConfig(threshold=0.9)


def _recognizer(model: FakeModel | None = None, **hands: Joint) -> Recognizer:
    recognizer = Recognizer(model or FakeModel(), CONFIG)
    gallery = Gallery()
    for label, hand in hands.items():
        clip = circling([(0.5, 2.5)], 3.5, hand=hand)
        gallery = gallery.add(Template(label, label, clip, 0.0, 1, 'test'))
    assert recognizer.set_gallery(gallery) == []
    return recognizer


def _windows(clip: Clip, body_id: int = 1, length_s: float = 6.0) -> list[Window]:
    stops = np.arange(clip.stamps_ns[0] + SECOND // 2, clip.stamps_ns[-1] + 1, SECOND // 10)
    return [
        Window(body_id, clip.between(int(stop) - round(length_s * SECOND), int(stop)))
        for stop in stops
    ]


def _events(recognizer: Recognizer, clip: Clip, body_id: int = 1) -> list[ActionEvent]:
    return [
        event for window in _windows(clip, body_id) for event in recognizer.update([window]).events
    ]


def _kinds(events: list[ActionEvent]) -> list[tuple[str, str]]:
    return [(event.kind.name, event.label) for event in events]


def test_taught_motion_starts_and_ends_with_times_from_the_data() -> None:
    recognizer = _recognizer(wave=Joint.HAND_RIGHT)
    events = _events(recognizer, circling([(2.0, 4.0)], 6.0, noise_m=0.004))
    assert _kinds(events) == [('STARTED', 'wave'), ('ENDED', 'wave')]
    assert events[1].start_ns / SECOND == pytest.approx(3.0, abs=0.25)
    assert events[1].end_ns / SECOND == pytest.approx(5.0, abs=0.25)
    assert events[0].stamp_ns <= 6 * SECOND


def test_the_other_hand_is_unknown_and_stillness_is_idle() -> None:
    recognizer = _recognizer(wave=Joint.HAND_RIGHT)
    clip = circling([(2.0, 4.0)], 6.0, hand=Joint.HAND_LEFT)
    labels = {}
    for window in _windows(clip):
        update = recognizer.update([window])
        assert update.events == ()
        labels[int(window.clip.stamps_ns[-1])] = update.recognitions[0].label
    assert {label for stamp_ns, label in labels.items() if stamp_ns < 2.8 * SECOND} == {IDLE}
    assert {label for stamp_ns, label in labels.items() if 3.5e9 < stamp_ns < 5e9} == {UNKNOWN}
    assert {label for stamp_ns, label in labels.items() if stamp_ns > 6e9} == {IDLE}


def test_each_action_gets_its_own_label() -> None:
    recognizer = _recognizer(right=Joint.HAND_RIGHT, left=Joint.HAND_LEFT)
    both = circling([(1.0, 3.0)], 9.0)
    other = circling([(5.0, 7.0)], 9.0, hand=Joint.HAND_LEFT)
    joints = both.joints_m + other.joints_m - circling([], 9.0).joints_m
    events = _events(recognizer, replace(both, joints_m=joints))
    started = [event for event in events if event.kind is EventKind.STARTED]
    assert [event.label for event in started] == ['right', 'left']


def _raising(begin_s: float, hold_s: float, duration_s: float) -> Clip:
    """Make a person who raises a hand in half a second, holds it, and lowers it again."""
    clip = circling([], duration_s)
    times_s = (clip.stamps_ns - clip.stamps_ns[0]) / SECOND - begin_s
    up = np.clip(times_s / 0.5, 0.0, 1.0) - np.clip((times_s - 0.5 - hold_s) / 0.5, 0.0, 1.0)
    joints = clip.joints_m.copy()
    joints[:, Joint.HAND_RIGHT, 1] -= 0.6 * up
    joints[:, Joint.ELBOW_RIGHT, 1] -= 0.3 * up
    return replace(clip, joints_m=joints)


@pytest.mark.parametrize(('hold_s', 'starts'), [(1.5, 1), (0.0, 2)])
def test_pose_that_is_held_is_one_action_with_its_way_there_and_back(
    hold_s: float, starts: int
) -> None:
    config = RecognizerConfig(
        threshold=0.15,
        matching=MatchingConfig(stretch=5.0),
        decision=DecisionConfig(hold_s=hold_s),
    )
    recognizer = Recognizer(FakeModel(), config)
    template = Template('t', 'raise', _raising(0.5, 1.0, 4.0), 0.0, 1, 'test')
    recognizer.set_gallery(Gallery().add(template))
    events = _events(recognizer, _raising(2.0, 1.1, 7.0))
    assert _kinds(events) == [('STARTED', 'raise'), ('ENDED', 'raise')] * starts
    assert events[0].start_ns / SECOND == pytest.approx(3.0, abs=0.25)


def test_slower_and_faster_performances_are_recognised() -> None:
    for duration_s in (1.3, 3.0):
        recognizer = _recognizer(wave=Joint.HAND_RIGHT)
        clip = circling([(2.0, 4.0)], 6.0)
        stretch = duration_s / 2.0
        stamps_ns = SECOND + np.round((clip.stamps_ns - SECOND) * stretch).astype(np.int64)
        events = _events(recognizer, replace(clip, stamps_ns=stamps_ns))
        assert _kinds(events) == [('STARTED', 'wave'), ('ENDED', 'wave')], duration_s


def test_persons_are_followed_apart_and_go_through_the_model_together() -> None:
    model = FakeModel()
    recognizer = _recognizer(model, wave=Joint.HAND_RIGHT)
    model.batches.clear()
    first = _windows(circling([(2.0, 4.0)], 6.0), body_id=1)
    second = _windows(circling([(2.5, 4.5)], 6.0), body_id=2)
    third = _windows(circling([(2.0, 4.0)], 6.0, hand=Joint.HAND_LEFT), body_id=3)
    events = []
    for windows in zip(first, second, third, strict=True):
        update = recognizer.update(windows)
        assert [item.body_id for item in update.recognitions] == [1, 2, 3]
        events += update.events
    started = [event for event in events if event.kind is EventKind.STARTED]
    assert sorted((event.body_id, event.label) for event in started) == [(1, 'wave'), (2, 'wave')]
    assert len(model.batches) <= len(first)
    assert max(model.batches) >= 3


def test_person_who_vanishes_has_the_open_action_ended() -> None:
    recognizer = _recognizer(wave=Joint.HAND_RIGHT)
    clip = circling([(1.0, 3.6)], 3.6)
    events = _events(recognizer, clip)
    assert _kinds(events) == [('STARTED', 'wave')]
    last_ns = int(clip.stamps_ns[-1])
    assert recognizer.expire(last_ns + SECOND // 2).events == ()
    expired = recognizer.expire(last_ns + 2 * SECOND).events
    assert _kinds(list(expired)) == [('ENDED', 'wave')]
    assert expired[0].end_ns <= last_ns
    assert recognizer.expire(last_ns + 9 * SECOND).events == ()


def test_window_that_runs_backwards_is_counted_and_ignored() -> None:
    recognizer = _recognizer(wave=Joint.HAND_RIGHT)
    windows = _windows(circling([], 3.0))
    recognizer.update([windows[5]])
    update = recognizer.update([windows[3], replace(windows[3], body_id=2)])
    assert [item.body_id for item in update.recognitions] == [2]
    assert recognizer.counts['out_of_order'] == 1


def test_after_clear_time_may_start_again() -> None:
    recognizer = _recognizer(wave=Joint.HAND_RIGHT)
    clip = circling([(2.0, 4.0)], 6.0)
    first = _events(recognizer, clip)
    recognizer.clear()
    assert _events(recognizer, clip) == first


def test_empty_gallery_knows_movement_from_stillness_only() -> None:
    recognizer = _recognizer()
    labels = {
        item.label
        for window in _windows(circling([(1.0, 2.0)], 3.0))
        for item in recognizer.update([window]).recognitions
    }
    assert labels == {IDLE, UNKNOWN}


def test_hypotheses_come_best_first_and_are_few() -> None:
    recognizer = Recognizer(FakeModel(), CONFIG)
    gallery = Gallery()
    for index in range(12):
        clip = circling([(0.5, 2.5)], 3.5, hand=Joint.HAND_RIGHT if index else Joint.HAND_LEFT)
        gallery = gallery.add(Template(f't{index}', f'a{index}', clip, 0.0, 1, 'test'))
    recognizer.set_gallery(gallery)
    seen = []
    for window in _windows(circling([(1.0, 3.0)], 4.0, hand=Joint.HAND_LEFT)):
        for item in recognizer.update([window]).recognitions:
            seen.append(item.hypotheses)
            falling = [hypothesis.similarity for hypothesis in item.hypotheses]
            assert falling == sorted(falling, reverse=True)
    assert max(len(hypotheses) for hypotheses in seen) == 5
    ranked = [hypotheses for hypotheses in seen if hypotheses]
    assert max(ranked, key=lambda hypotheses: hypotheses[0].similarity)[0].label == 'a0'


def test_threshold_zero_takes_that_of_the_model() -> None:
    recognizer = Recognizer(FakeModel(threshold=0.42), RecognizerConfig())
    clip = circling([(0.5, 2.5)], 3.5)
    recognizer.set_gallery(Gallery().add(Template('t', 'wave', clip, 0.0, 1, 'test')))
    updates = [recognizer.update([window]) for window in _windows(circling([(1.0, 3.0)], 4.0))]
    thresholds = {
        round(hypothesis.threshold, 5)
        for update in updates
        for item in update.recognitions
        for hypothesis in item.hypotheses
    }
    assert thresholds == {0.42}


def test_classifier_needs_no_gallery() -> None:
    logits = np.array([0.0, 5.0], np.float32)
    model = FakeModel(kind='classifier', labels=('bow', 'wave'), output=logits)
    recognizer = Recognizer(model, CONFIG)
    assert recognizer.set_gallery(Gallery()) == []
    assert recognizer.labels == ('bow', 'wave')
    events = _events(recognizer, circling([(1.0, 3.0)], 5.0))
    assert _kinds(events) == [('STARTED', 'wave'), ('ENDED', 'wave')]
