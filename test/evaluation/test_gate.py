from __future__ import annotations

from typing import Any

import pytest

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.evaluation.gate import regressions


def found(**changed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        'taught': ['bow', 'wave'],
        'bags': [{'bag': 'one', 'scenes': 30}],
        'event_f1': {'0.1': 0.9, '0.25': 0.8},
        'frame_accuracy': 0.7,
        'unknown_auroc': None,
        'far_at_95_recall': 0.1,
        'onset_latency_s': {'p50': 1.0, 'p90': 2.0},
        'frame_latency_ms': {'p50': None, 'p99': None},
        'false_events_per_hour': 0.0,
    }
    return values | changed


def test_the_same_again_is_not_worse() -> None:
    assert regressions(found(), found(), 0.0) == []


def test_what_is_worse_is_said_with_what_was_allowed() -> None:
    now = found(
        event_f1={'0.1': 0.88, '0.25': 0.77}, far_at_95_recall=0.13, onset_latency_s={'p50': 1.03}
    )
    assert [str(one) for one in regressions(now, found(), 0.02)] == [
        'event_f1 0.25: 0.8 -> 0.77, allowed is 0.78',
        'far_at_95_recall: 0.1 -> 0.13, allowed is 0.12',
        'onset_latency_s p50: 1 -> 1.03, allowed is 1.02',
        'onset_latency_s p90: 2 -> none, allowed is 2.04',
    ]


def test_better_is_never_worse() -> None:
    now = found(event_f1={'0.1': 1.0, '0.25': 1.0}, frame_accuracy=1.0, far_at_95_recall=0.0)
    assert regressions(now, found(), 0.0) == []


def test_any_false_event_is_worse_than_none() -> None:
    (one,) = regressions(found(false_events_per_hour=0.5), found(), 0.5)
    assert one.name == 'false_events_per_hour'


def test_what_was_not_known_before_is_not_compared() -> None:
    assert regressions(found(unknown_auroc=0.1), found(), 0.0) == []


@pytest.mark.parametrize(
    ('baseline', 'complaint'),
    [
        (found(taught=['wave']), 'about other actions: wave; now it is bow, wave'),
        (found(bags=[{'bag': 'two'}]), 'about other recordings: two; now it is one'),
        ({'taught': ['bow', 'wave'], 'bags': [{'bag': 'one'}]}, 'has none of event_f1'),
        ({}, 'about other recordings: none'),
    ],
)
def test_a_baseline_about_something_else_is_refused(
    baseline: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        regressions(found(), baseline, 0.1)
