from __future__ import annotations

import pytest
from people import SECOND

from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.metrics import (
    Detection,
    Outcome,
    answered,
    event_f1,
    iou,
    match_events,
    onset_latencies_s,
    wrong_labels,
)
from skeleton_action_ros.evaluation.replay import detections_of, spans_of_events

TAUGHT = {'wave', 'kick'}


def _span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


def test_iou_by_hand() -> None:
    assert iou(_span('a', 0, 4), _span('b', 2, 6)) == pytest.approx(2 / 6)
    assert iou(_span('a', 0, 4), _span('b', 4, 6)) == 0.0
    assert iou(_span('a', 0, 4), _span('b', 0, 4)) == 1.0
    assert iou(_span('a', 0, 4), _span('a', 0, 4, body_id=2)) == 0.0
    assert iou(_span('a', 3, 3), _span('b', 3, 3)) == 0.0


def test_recognised_missed_wrong_and_false_by_hand() -> None:
    truth = [
        _span('wave', 1, 3),
        _span('kick', 5, 7),
        _span('wave', 9, 11),
        _span('bow', 13, 15),
    ]
    events = [
        _span('wave', 1.2, 3.2),
        _span('wave', 5.5, 7.0),
        _span('kick', 13.2, 14.8),
        _span('kick', 20, 21),
    ]
    matching = match_events(truth, events, TAUGHT)
    assert [verdict.outcome for verdict in matching.verdicts] == [
        Outcome.RECOGNISED,
        Outcome.WRONG,
        Outcome.MISSED,
    ]
    assert list(matching.false_events) == events[2:]
    assert matching.count(Outcome.MISSED) == 1


def test_second_event_for_one_action_is_false() -> None:
    events = [_span('wave', 1, 2), _span('wave', 2.2, 3)]
    matching = match_events([_span('wave', 1, 3)], events, TAUGHT)
    assert matching.verdicts[0].event == events[0]
    assert list(matching.false_events) == events[1:]


def test_right_event_counts_beside_a_wrong_one() -> None:
    events = [_span('kick', 1, 1.6), _span('wave', 1.6, 3)]
    matching = match_events([_span('wave', 1, 3)], events, TAUGHT)
    assert matching.verdicts[0].outcome is Outcome.RECOGNISED
    assert list(matching.false_events) == events[:1]


def test_event_of_another_person_answers_nothing() -> None:
    matching = match_events([_span('wave', 1, 3)], [_span('wave', 1, 3, body_id=2)], TAUGHT)
    assert matching.verdicts[0].outcome is Outcome.MISSED
    assert len(matching.false_events) == 1


def test_touching_event_is_no_answer() -> None:
    matching = match_events([_span('wave', 1, 3)], [_span('wave', 2.95, 5)], TAUGHT)
    assert matching.verdicts[0].outcome is Outcome.MISSED


def test_nothing_gives_nothing() -> None:
    matching = match_events([], [], TAUGHT)
    assert matching.verdicts == matching.false_events == ()
    assert event_f1([], [], TAUGHT, 0.5).value == 0.0


def test_f1_by_hand_at_several_overlaps() -> None:
    truth = [_span('wave', 0, 4), _span('kick', 5, 9), _span('bow', 10, 12)]
    events = [_span('wave', 0, 2), _span('kick', 5, 9), _span('kick', 10, 12)]
    loose = event_f1(truth, events, TAUGHT, 0.5)
    assert (loose.true_positives, loose.false_positives, loose.false_negatives) == (2, 1, 0)
    assert loose.value == pytest.approx(4 / 5)
    assert (loose.precision, loose.recall) == (pytest.approx(2 / 3), 1.0)
    strict = event_f1(truth, events, TAUGHT, 0.75)
    assert (strict.true_positives, strict.false_positives, strict.false_negatives) == (1, 2, 1)
    assert strict.value == pytest.approx(2 / 5)


def test_each_event_and_each_action_is_used_once() -> None:
    truth = [_span('wave', 0, 4)]
    events = [_span('wave', 0, 3), _span('wave', 0, 4)]
    found = event_f1(truth, events, TAUGHT, 0.5)
    assert (found.true_positives, found.false_positives) == (1, 1)


def _event(kind: EventKind, start_s: float, end_s: float, stamp_s: float) -> ActionEvent:
    times = (round(value * SECOND) for value in (start_s, end_s, stamp_s))
    return ActionEvent(kind, 1, 'wave', *times, confidence=0.8)


def test_spans_join_starts_with_their_ends() -> None:
    events = [
        _event(EventKind.STARTED, 1, 2, 2.3),
        _event(EventKind.ENDED, 1, 3, 3.5),
        _event(EventKind.STARTED, 6, 7, 7.2),
    ]
    assert spans_of_events(events) == [_span('wave', 1, 3), _span('wave', 6, 7)]


def test_detection_is_decided_when_it_starts_and_lasts_until_it_ends() -> None:
    events = [_event(EventKind.STARTED, 1, 2, 2.3), _event(EventKind.ENDED, 1, 3, 3.5)]
    assert detections_of(events) == [Detection(_span('wave', 1, 3), round(2.3 * SECOND), 0.8)]


def test_onset_latency_is_from_the_true_onset_to_the_deciding_frame() -> None:
    events = [_event(EventKind.STARTED, 1.2, 2, 2.3), _event(EventKind.ENDED, 1.2, 3, 3.5)]
    truth = [_span('wave', 1, 3), _span('kick', 5, 6)]
    detections = detections_of(events)
    verdicts = match_events(truth, spans_of_events(events), TAUGHT).verdicts
    ((seconds, share),) = onset_latencies_s(verdicts, detections)
    assert seconds == pytest.approx(1.3)
    assert share == pytest.approx(1.3 / 2.0)


def test_wrong_label_is_one_that_answers_another_taught_action() -> None:
    truth = [_span('wave', 0, 2), _span('kick', 3, 5), _span('bow', 6, 8)]
    events = [
        _span('wave', 0, 2),  # right
        _span('kick', 1.5, 2.5),  # wrong, beside a right one
        _span('wave', 3, 4),  # wrong
        _span('kick', 6, 8),  # of something never taught
        _span('kick', 20, 21),  # of nothing
    ]
    assert [answered(event, truth) for event in events] == [0, 0, 1, 2, None]
    assert wrong_labels(truth, events, TAUGHT) == 2
