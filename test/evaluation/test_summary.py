from __future__ import annotations

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.page import Table
from skeleton_action_ros.evaluation.summary import ActionCount, Outcomes

S = 1_000_000_000
TRUTH = [
    ActionSpan('wave', 1 * S, 3 * S, 1),
    ActionSpan('clap', 5 * S, 7 * S, 1),
    ActionSpan('clap', 9 * S, 11 * S, 1),
    ActionSpan('bow', 13 * S, 15 * S, 1),
    ActionSpan('bow', 17 * S, 19 * S, 1),
    ActionSpan('wave', 1 * S, 3 * S, 2),
]
EVENTS = [
    ActionSpan('wave', 1 * S, 3 * S, 1),  # right
    ActionSpan('wave', 5 * S, 7 * S, 1),  # clap taken for wave
    ActionSpan('clap', 13 * S, 15 * S, 1),  # bow was never taught
    ActionSpan('wave', 25 * S, 26 * S, 1),  # nothing was done
]
LATENCIES_MS = [2.0, 4.0, 6.0]


def test_summary_counts_each_action_once() -> None:
    summary = Outcomes(TRUTH, EVENTS, ['wave', 'clap']).summary(LATENCIES_MS)
    assert (summary.shown, summary.recognised, summary.missed, summary.wrong) == (4, 1, 2, 1)
    assert (summary.never_taught, summary.false_events, summary.false_on_never_taught) == (2, 2, 1)
    assert summary.recognised_share == 0.25
    assert summary.latency_ms.p50 == 4.0
    assert summary.per_action == {
        'wave': ActionCount(shown=2, recognised=1, missed=1, wrong=0, false_events=1),
        'clap': ActionCount(shown=2, recognised=0, missed=1, wrong=1, false_events=1),
    }


def test_confusion_has_never_taught_and_nothing() -> None:
    confusion = Outcomes(TRUTH, EVENTS, ['wave', 'clap']).confusion()
    assert confusion.columns == ('wave', 'clap', 'none')
    assert dict(zip(confusion.rows, confusion.counts, strict=True)) == {
        'wave': (1, 0, 1),
        'clap': (1, 0, 1),
        'never taught': (0, 1, 1),
        'nothing, or again': (1, 0, 0),
    }


def test_table_and_bars_say_what_became_of_each() -> None:
    outcomes = Outcomes(TRUTH, EVENTS, ['wave', 'clap'])
    assert outcomes.table() == Table(
        ('action', 'shown', 'recognised', 'missed', 'wrong', 'false events'),
        (('wave', '2', '1', '1', '0', '1'), ('clap', '2', '0', '1', '1', '1')),
    )
    assert [bar.outcome for bar in outcomes.shown_bars()] == [
        'recognised',
        'wrong',
        'missed',
        'never taught',
        'never taught',
        'missed',
    ]
    assert [outcomes.worth_of(event) for event in EVENTS] == [
        'recognised',
        'wrong',
        'false',
        'false',
    ]


def test_a_run_without_anything_is_all_zero() -> None:
    summary = Outcomes([], [], ['wave']).summary([])
    assert (summary.shown, summary.false_events, summary.recognised_share) == (0, 0, 0.0)
    assert summary.to_json()['latency_ms'] == {'p50': 0.0, 'p99': 0.0}
