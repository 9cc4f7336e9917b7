"""All figures of one small recording, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from people import SECOND

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.evidence import Evidence
from skeleton_action_ros.evaluation.figures import (
    confidence_figures,
    confidence_reliability,
    event_figures,
    open_set_figures,
    over_rounds,
)
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.recordings import Pool

TAUGHT = ['wave', 'kick']


def span(label: str, start_s: float, end_s: float) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), 1)


def event(label: str, start_s: float, end_s: float, decided_s: float, sure: float) -> Detection:
    return Detection(span(label, start_s, end_s), round(decided_s * SECOND), sure)


def evidence(*values: tuple[float, float]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(1, round(second * SECOND), 'wave', excess, *[round(second * SECOND)] * 2)
        for second, excess in values
    )


POOL = Pool(
    truth=(span('wave', 0, 4), span('kick', 10, 14), span('bow', 20, 24), span('wave', 30, 34)),
    detections=(
        event('wave', 1, 4, 3, 0.9),  # right, IoU 3/4, 3 s after the onset of 4 s
        event('wave', 10, 12, 12, 0.6),  # kick taken for wave
        event('kick', 20, 24, 23, 0.7),  # bow was never taught
        event('kick', 40, 41, 41, 0.55),  # nothing is done
        event('wave', 33, 34, 34, 0.8),  # right, IoU 1/4, 4 s after the onset of 4 s
    ),
    stamps_ns={1: np.arange(0, 50) * SECOND},
    ignored=(),
    evidence=evidence((2, 0.4), (3, 0.8), (12, 0.2), (22, 0.3), (32, 0.6), (45, 0.9)),
    hours=0.5,
    hours_of_nothing=0.25,
)


def test_every_figure_by_hand() -> None:
    found = event_figures(POOL, TAUGHT)
    counts = {key: found[key] for key in ('shown', 'recognised', 'missed', 'wrong')}
    assert counts == {'shown': 3, 'recognised': 2, 'missed': 0, 'wrong': 1}
    assert (found['false_events'], found['false_on_never_taught']) == (2, 1)
    # Two of five events hit and one of three actions is not; at 0.5 one event hits.
    f1 = {'0.1': round(4 / 8, 4), '0.25': round(4 / 8, 4), '0.5': round(2 / 8, 4)}
    assert found['event_f1'] == f1
    # Wave: 0.9 and 0.8 hit both performances, 0.6 comes after; kick: neither event hits.
    assert found['map'] == {'0.1': 0.5, '0.25': 0.5, '0.5': 0.25}
    # Of 50 frames wrong: 0, 10 to 14, 20 to 24, 30 to 32, 40 and 41.
    assert found['frame_accuracy'] == round(34 / 50, 4)
    assert found['frame_accuracy_during_actions'] == round((4 + 0 + 2) / 15, 4)
    assert found['onset_latency_s'] == {'p50': 3.5, 'p90': 3.9}
    assert found['onset_latency_share'] == {'p50': 0.875, 'p90': 0.975}
    assert found['wrong_label_share'] == round(1 / 5, 4)
    assert found['false_events_per_hour'] == 4.0
    assert found['false_events_per_hour_of_nothing'] == 4.0


def test_figures_action_by_action() -> None:
    found = event_figures(POOL, TAUGHT)['per_action']
    assert found['wave'] == {
        'shown': 2,
        'recognised': 2,
        'missed': 0,
        'wrong': 0,
        'false_events': 0,
        'f1': 0.8,  # 2 hits, 1 event too many
        'average_precision': 1.0,
        'onset_latency_s': 3.5,
    }
    assert (found['kick']['wrong'], found['kick']['false_events']) == (1, 2)
    assert (found['kick']['f1'], found['kick']['average_precision']) == (0.0, 0.0)
    assert found['kick']['onset_latency_s'] is None


def test_what_was_taught_stands_out_from_what_was_not() -> None:
    # Taught: 0.8, 0.2 and 0.6; never taught: 0.3. Two of three pairs are in order.
    found = open_set_figures(POOL, TAUGHT)
    assert found == {'unknown_auroc': round(2 / 3, 4), 'far_at_95_recall': 1.0}
    nothing = {'unknown_auroc': None, 'far_at_95_recall': None}
    assert open_set_figures(POOL, ['wave', 'kick', 'bow']) == nothing


def test_confidence_is_right_where_the_event_is() -> None:
    found = confidence_reliability(POOL, TAUGHT)
    assert found.count == (1, 1, 1, 1, 1)
    assert found.right == (0.0, 0.0, 0.0, 1.0, 1.0)
    error = (0.55 + 0.6 + 0.7 + 0.2 + 0.1) / 5
    assert found.expected_calibration_error == pytest.approx(error)


def test_confidence_is_told_by_bins() -> None:
    found = confidence_figures(POOL, TAUGHT)
    assert found['confidence_calibration_error'] == 0.43
    assert found['confidence_reliability'] == {
        '0.5': {'confidence': 0.55, 'right': 0.0, 'events': 1},
        '0.6': {'confidence': 0.6, 'right': 0.0, 'events': 1},
        '0.7': {'confidence': 0.7, 'right': 0.0, 'events': 1},
        '0.8': {'confidence': 0.8, 'right': 1.0, 'events': 1},
        '0.9': {'confidence': 0.9, 'right': 1.0, 'events': 1},
    }


def test_nothing_at_all_has_counts_and_no_figures() -> None:
    found = event_figures(Pool((), (), {}, (), (), 0.0, 0.0), TAUGHT)
    assert (found['shown'], found['false_events']) == (0, 0)
    assert found['frame_accuracy'] is None
    assert found['map'] == {'0.1': None, '0.25': None, '0.5': None}
    assert found['onset_latency_s'] == {'p50': None, 'p90': None}
    assert found['false_events_per_hour'] is None


def test_rounds_add_counts_up_and_average_the_rest() -> None:
    total, spread = over_rounds(
        [
            {'shown': 3, 'f1': 0.5, 'late': {'p50': 1.0}, 'area': None, 'per': {'a': {'hit': 1}}},
            {'shown': 4, 'f1': 0.7, 'late': {'p50': 2.0}, 'area': 0.9, 'per': {'b': {'hit': 2}}},
        ]
    )
    assert total == {
        'shown': 7,
        'f1': 0.6,
        'late': {'p50': 1.5},
        'area': 0.9,
        'per': {'a': {'hit': 1}, 'b': {'hit': 2}},
    }
    assert spread == {'f1': 0.1, 'late': {'p50': 0.5}, 'area': 0.0}
