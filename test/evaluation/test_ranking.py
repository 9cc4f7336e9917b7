"""Precision, recall and calibration of ranked events, worked out by hand."""

from __future__ import annotations

import pytest
from people import SECOND

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.ranking import (
    average_precisions,
    precision_recall,
    reliability,
)


def span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


def event(label: str, start_s: float, end_s: float, confidence: float) -> Detection:
    return Detection(span(label, start_s, end_s), round(end_s * SECOND), confidence)


TRUTH = [span('wave', 0, 2), span('wave', 4, 6), span('wave', 8, 10), span('bow', 12, 14)]
EVENTS = [
    event('wave', 0, 2, 0.9),  # hits the first
    event('wave', 20, 22, 0.8),  # nothing there
    event('wave', 4, 6, 0.7),  # hits the second
    event('wave', 4.2, 6, 0.6),  # the second again, which is taken
    event('wave', 9, 11, 0.5),  # the third with an IoU of 1/3
]


def test_precision_and_recall_from_the_surest_event_on() -> None:
    curve = precision_recall(TRUTH, EVENTS, ['wave'], 0.25)
    assert curve.confidence.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])
    assert curve.recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert curve.f1.tolist() == pytest.approx([1 / 2, 2 / 5, 2 / 3, 4 / 7, 3 / 4])


def test_average_precision_is_the_area_under_the_raised_curve() -> None:
    # Recall rises at precision 1, 2/3 and 3/5, each a third of the way.
    curve = precision_recall(TRUTH, EVENTS, ['wave'], 0.25)
    assert curve.average_precision == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    # At IoU 0.5 the last one is no hit: recall ends at 2/3.
    strict = precision_recall(TRUTH, EVENTS, ['wave'], 0.5)
    assert strict.average_precision == pytest.approx((1 + 2 / 3) / 3)


def test_precision_is_raised_to_the_best_at_that_recall_or_more() -> None:
    events = [event('wave', 20, 21, 0.9), event('wave', 0, 2, 0.8), event('wave', 4, 6, 0.7)]
    curve = precision_recall(TRUTH[:2], events, ['wave'], 0.5)
    assert curve.precision.tolist() == pytest.approx([0, 1 / 2, 2 / 3])
    assert curve.average_precision == pytest.approx(2 / 3)


def test_mean_is_over_the_taught_actions_that_were_performed() -> None:
    found = average_precisions(TRUTH, EVENTS, ['wave', 'bow', 'jump'], 0.5)
    assert found == {'wave': pytest.approx(5 / 9), 'bow': 0.0}


def test_an_event_takes_the_action_it_overlaps_most_of_those_left() -> None:
    truth = [span('wave', 0, 4), span('wave', 3, 7)]
    events = [event('wave', 2, 6, 0.9), event('wave', 2.5, 7, 0.8)]
    # The surer one overlaps the second more (3 of 5 s to 2 of 6 s); the other is left the first.
    assert precision_recall(truth, events, ['wave'], 0.5).recall.tolist() == [0.5, 0.5]
    assert precision_recall(truth, events, ['wave'], 0.2).recall.tolist() == [0.5, 1.0]


def test_nobody_elses_action_is_hit() -> None:
    curve = precision_recall([span('wave', 0, 2, body_id=2)], EVENTS[:1], ['wave'], 0.1)
    assert curve.recall.tolist() == [0.0]


def test_no_events_have_no_precision() -> None:
    curve = precision_recall(TRUTH, [], ['wave'], 0.1)
    assert curve.average_precision == 0.0
    assert curve.f1.tolist() == []


def test_calibration_error_by_hand() -> None:
    found = reliability([0.55, 0.59, 0.91, 1.0], [True, False, True, True])
    assert found.count == (2, 2)
    assert found.confidence == (pytest.approx(0.57), pytest.approx(0.955))
    assert found.right == (0.5, 1.0)
    assert found.expected_calibration_error == pytest.approx((2 * 0.07 + 2 * 0.045) / 4)


def test_no_events_have_no_calibration_error() -> None:
    assert reliability([], []).expected_calibration_error is None
