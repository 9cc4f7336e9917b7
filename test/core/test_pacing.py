from __future__ import annotations

from skeleton_action_ros.core.pacing import Pacer
from skeleton_action_ros.core.skeleton import ActionSpan

MS = 1_000_000


def test_first_scene_is_due_at_once() -> None:
    pacer = Pacer(5_000 * MS, 70 * MS, 900 * MS, rate=1.0, restamp=True)
    assert pacer.wait_s(5_000 * MS, 70 * MS) == 0.0
    assert pacer.stamp_ns(5_000 * MS) == 900 * MS


def test_later_scene_is_due_as_much_later_as_it_was_recorded() -> None:
    pacer = Pacer(5_000 * MS, 70 * MS, 900 * MS, rate=1.0, restamp=True)
    assert pacer.wait_s(5_250 * MS, 170 * MS) == 0.15
    assert pacer.stamp_ns(5_250 * MS) == 1_150 * MS


def test_late_scene_has_negative_wait() -> None:
    pacer = Pacer(0, 0, 0, rate=1.0, restamp=True)
    assert pacer.wait_s(100 * MS, 400 * MS) == -0.3


def test_double_rate_halves_waits_and_stamps() -> None:
    pacer = Pacer(0, 0, 1_000 * MS, rate=2.0, restamp=True)
    assert pacer.wait_s(500 * MS, 0) == 0.25
    assert pacer.stamp_ns(500 * MS) == 1_250 * MS


def test_stamps_are_kept_when_not_restamped() -> None:
    pacer = Pacer(5_000 * MS, 0, 900 * MS, rate=2.0, restamp=False)
    assert pacer.stamp_ns(5_250 * MS) == 5_250 * MS


def test_truth_moves_with_the_stamps_even_before_the_first_scene() -> None:
    pacer = Pacer(5_000 * MS, 0, 9_000 * MS, rate=1.0, restamp=True)
    span = pacer.span(ActionSpan('wave', 4_900 * MS, 5_500 * MS, body_id=3))
    assert span == ActionSpan('wave', 8_900 * MS, 9_500 * MS, body_id=3)


def test_clock_of_the_stamps_that_jumps_is_astray_and_a_late_scene_is_not() -> None:
    pacer = Pacer(5_000 * MS, 70 * MS, 900 * MS, rate=1.0, restamp=True)
    assert pacer.astray_ns(steady_ns=3_070 * MS, now_ns=3_900 * MS) == 0
    assert pacer.astray_ns(steady_ns=70 * MS, now_ns=4_900 * MS) == 4_000 * MS
    assert pacer.astray_ns(steady_ns=170 * MS, now_ns=0) == -1_000 * MS
