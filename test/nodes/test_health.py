from __future__ import annotations

from skeleton_action_ros.nodes.health import INTERNAL_ERROR, Health, Level

SECOND = 10**9


def test_nothing_wrong_is_ok() -> None:
    assert Health().report(0)[:2] == (Level.OK, 'working')


def test_same_refusal_is_logged_at_most_every_five_seconds_with_the_count_between() -> None:
    health = Health()
    assert health.refuse('stamp', 'got 0', 0) == 'refused [stamp]: got 0'
    assert health.refuse('stamp', 'got 1', 1 * SECOND) == ''
    assert health.refuse('layout', 'got x', 1 * SECOND) == 'refused [layout]: got x'
    assert health.refuse('stamp', 'got 2', 4 * SECOND) == ''
    line = health.refuse('stamp', 'got 3', 5 * SECOND)
    assert line == 'refused [stamp]: got 3 (2 more since the last line)'
    assert health.refuse('stamp', 'got 4', 6 * SECOND) == ''
    line = health.refuse('stamp', 'got 9', 11 * SECOND, times=5)
    assert line == 'refused [stamp]: got 9 (5 more since the last line)'
    assert health.report(11 * SECOND)[2]['refused.stamp'] == '10'


def test_fresh_refusals_are_a_warning_once_and_counted_for_ever() -> None:
    health = Health()
    health.refuse('stamp', 'got 0', 0)
    health.refuse('stamp', 'got 1', 0)
    level, line, values = health.report(SECOND)
    assert (level, line) == (Level.WARN, 'refused 2 x stamp: got 1')
    assert (values['refused.stamp'], values['refused.stamp.last']) == ('2', 'got 1')
    level, line, values = health.report(2 * SECOND)
    assert (level, line) == (Level.OK, 'working')
    assert values['refused.stamp'] == '2'


def test_internal_error_is_an_error() -> None:
    health = Health()
    health.refuse(INTERNAL_ERROR, 'ZeroDivisionError()', 0)
    assert health.report(0)[0] == Level.ERROR


def test_failure_stays_until_it_is_over_and_a_shortcoming_warns() -> None:
    health = Health(shortcoming='no model')
    assert health.report(0)[:2] == (Level.WARN, 'no model')
    health.failure = 'the cable is out'
    assert health.report(0)[:2] == (Level.ERROR, 'the cable is out')
    assert health.report(0)[:2] == (Level.ERROR, 'the cable is out')


def test_rates_are_per_second_since_the_last_report() -> None:
    health = Health()
    health.report(0)
    for _ in range(60):
        health.beat('windows')
    values = health.report(2 * SECOND)[2]
    assert (values['rate_hz.windows'], values['count.windows']) == ('30.0', '60')
    values = health.report(3 * SECOND)[2]
    assert (values['rate_hz.windows'], values['count.windows']) == ('0.0', '60')


def test_latencies_are_percentiles_in_milliseconds_of_the_last_thousand() -> None:
    health = Health()
    for _ in range(5000):
        health.took('event', 9.0)
    for milliseconds in range(1000):
        health.took('event', milliseconds * 1e-3)
    values = health.report(0)[2]
    assert values['latency_ms.event.p50'] == '499.50'
    assert values['latency_ms.event.p99'] == '989.01'


def test_silence_of_what_is_awaited_is_a_warning_until_it_comes_again() -> None:
    health = Health(awaited='skeletons')
    lines = []
    for second in range(8):
        if second in (1, 2, 6):
            health.beat('skeletons')
        lines.append(health.report(second * SECOND)[1])
    silent = ['no skeletons for 3 s']
    assert lines == [*['working'] * 5, *silent, *['working'] * 2]


def test_long_quotes_are_cut() -> None:
    health = Health()
    assert len(health.refuse('x', 'y' * 10_000, 0)) < 400
