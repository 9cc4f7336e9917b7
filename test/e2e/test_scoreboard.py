from __future__ import annotations

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.demo.scoreboard import Line, Scoreboard

S = 1_000_000_000


def span(label: str, start_s: float, end_s: float, body_id: int = 2) -> ActionSpan:
    return ActionSpan(label, round(start_s * S), round(end_s * S), body_id)


def test_an_action_is_told_once_and_only_when_no_event_can_come_any_more() -> None:
    board = Scoreboard(['wave'])
    board.show(span('wave', 1, 3))
    board.recognise(span('wave', 1.2, 2.8))
    assert board.settled(round(4.4 * S)) == []
    assert board.settled(round(4.6 * S)) == [Line(1 * S, 2, 'wave', ('wave',), 'recognised')]
    assert board.settled(round(12 * S)) == []


def test_a_taught_action_without_event_is_missed_and_with_another_wrong() -> None:
    board = Scoreboard(['wave', 'clap'])
    board.show(span('wave', 1, 3))
    board.show(span('wave', 1, 3, body_id=3))
    board.recognise(span('clap', 1.5, 3, body_id=3))
    assert board.settled(5 * S) == [
        Line(1 * S, 2, 'wave', (), 'missed'),
        Line(1 * S, 3, 'wave', ('clap',), 'wrong'),
    ]


def test_what_was_never_taught_is_rightly_silent_or_false() -> None:
    board = Scoreboard(['wave'])
    board.show(span('drink', 1, 3))
    board.show(span('throw', 1, 3, body_id=3))
    board.recognise(span('wave', 1.5, 2.5, body_id=3))
    assert board.settled(5 * S) == [
        Line(1 * S, 2, 'drink', (), 'silent'),
        Line(1 * S, 3, 'throw', ('wave',), 'false'),
    ]
    assert board.settled(12 * S) == [], 'the false event is not told a second time'


def test_an_event_while_nothing_is_done_waits_for_an_action_that_may_still_end() -> None:
    board = Scoreboard(['wave'])
    board.recognise(span('wave', 1, 2))
    assert board.settled(5 * S) == []
    assert board.settled(9 * S) == [Line(1 * S, 2, '', ('wave',), 'false')]


def test_the_end_of_an_event_replaces_its_start() -> None:
    board = Scoreboard(['wave'])
    board.show(span('wave', 1, 5))
    board.recognise(span('wave', 0.9, 1.1))
    board.recognise(span('wave', 0.9, 4.9))
    assert board.settled(7 * S) == [Line(1 * S, 2, 'wave', ('wave',), 'recognised')]


def test_what_was_settled_long_ago_is_forgotten_and_the_rest_still_told() -> None:
    board = Scoreboard(['wave'])
    for start_s in range(1, 61, 3):
        board.show(span('wave', start_s, start_s + 1))
        lines = board.settled((start_s + 3) * S)
        assert lines == [Line(start_s * S, 2, 'wave', (), 'missed')]
    assert board.settled(70 * S) == []


def test_an_event_that_outlasts_its_action_is_not_told_when_the_action_is_old() -> None:
    board = Scoreboard(['wave'])
    board.show(span('wave', 1, 3))
    board.recognise(span('wave', 1, 5))
    told = [line for now_s in range(60) for line in board.settled(now_s * S)]
    assert told == [Line(1 * S, 2, 'wave', ('wave',), 'recognised')]
