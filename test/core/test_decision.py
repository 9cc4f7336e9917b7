from __future__ import annotations

from dataclasses import replace

import pytest
from people import SECOND

from skeleton_action_ros.core.decision import (
    DecisionConfig,
    EventKind,
    Match,
    PersonDecision,
    Phase,
)

CONFIG = DecisionConfig(settle_s=0.3, sure=1.0, release_s=0.5, hysteresis=0.05, overrule=0.1)


def _match(label: str, similarity: float, start_s: float, end_s: float) -> Match:
    return Match(
        label,
        similarity,
        0.6,
        (similarity + 0.25) / 1.25,
        round(start_s * SECOND),
        round(end_s * SECOND),
    )


def _is_open(decision: PersonDecision, match: Match) -> bool:
    return decision.open is not None and decision.open.label == match.label


def _run(decision: PersonDecision, *steps: tuple[float, list[Match], bool]) -> list[tuple]:
    """Step through (time, matches, moving); return (kind, label, start, end, when) in seconds."""
    events = []
    for now_s, matches, moving in steps:
        found = {match.label: match for match in matches}
        phase = Phase.MOVING if moving else Phase.STILL
        ongoing = [match for match in matches if _is_open(decision, match)]
        events += decision.update(round(now_s * SECOND), found, ongoing, phase)
    return [
        (
            event.kind.name,
            event.label,
            event.start_ns / SECOND,
            event.end_ns / SECOND,
            event.stamp_ns / SECOND,
        )
        for event in events
    ]


def test_match_is_believed_once_nothing_better_has_followed() -> None:
    decision = PersonDecision(4, CONFIG)
    events = _run(
        decision,
        (2.0, [_match('wave', 0.7, 1.0, 2.0)], True),
        (2.2, [_match('wave', 0.9, 1.0, 2.2)], True),
        (2.4, [_match('wave', 0.8, 1.0, 2.4)], True),
        (2.5, [_match('wave', 0.8, 1.0, 2.5)], True),
    )
    assert events == [('STARTED', 'wave', 1.0, 2.2, 2.5)]


def test_match_that_is_sure_is_believed_before_the_action_has_ended() -> None:
    """Of 0.4 above the threshold of 0.6, 0.2 are half: the event grows with what follows."""
    events = _run(
        PersonDecision(1, replace(CONFIG, sure=0.5)),
        (1.5, [_match('wave', 0.7, 1.0, 1.5)], True),
        (1.6, [_match('wave', 0.81, 1.0, 1.6)], True),
        (1.8, [_match('wave', 0.9, 0.9, 1.8)], True),
        (2.0, [_match('wave', 0.8, 1.0, 2.0)], True),
        (2.1, [], False),
    )
    assert events == [('STARTED', 'wave', 1.0, 1.6, 1.6), ('ENDED', 'wave', 1.0, 1.8, 2.1)]


def test_action_that_grew_surer_is_as_hard_to_overrule_as_it_is_sure() -> None:
    decision = PersonDecision(1, replace(CONFIG, sure=0.5))
    events = _run(
        decision,
        (1.6, [_match('wave', 0.81, 1.0, 1.6)], True),
        (1.8, [_match('wave', 0.95, 1.0, 1.8)], True),
        (2.0, [_match('clap', 0.9, 1.0, 2.0), _match('wave', 0.7, 1.0, 2.0)], True),
    )
    assert events == [('STARTED', 'wave', 1.0, 1.6, 1.6)]
    assert decision.open is not None
    assert decision.open.similarity == 0.95


def test_better_label_replaces_the_pending_one() -> None:
    events = _run(
        PersonDecision(1, CONFIG),
        (2.0, [_match('point', 0.7, 1.0, 2.0)], True),
        (2.2, [_match('wave', 0.8, 1.0, 2.2)], True),
        (2.6, [], True),
    )
    assert events == [('STARTED', 'wave', 1.0, 2.2, 2.6)]


def test_end_of_motion_decides_and_ends_at_once() -> None:
    events = _run(
        PersonDecision(1, CONFIG),
        (2.0, [_match('punch', 0.9, 1.5, 2.0)], True),
        (2.1, [], False),
    )
    assert events == [('STARTED', 'punch', 1.5, 2.0, 2.1), ('ENDED', 'punch', 1.5, 2.0, 2.1)]


def test_periodic_action_is_one_event_while_it_goes_on() -> None:
    steps = [
        (2.0 + tenth / 10, [_match('walk', 0.8, 1.0 + tenth / 10, 2.0 + tenth / 10)], True)
        for tenth in range(40)
    ]
    events = _run(PersonDecision(1, CONFIG), *steps, (6.0, [], False))
    assert [event[0] for event in events] == ['STARTED', 'ENDED']
    assert events[0][2] == 1.0
    assert events[1][3] == pytest.approx(5.9)


def test_action_that_stops_matching_ends_where_it_last_matched() -> None:
    events = _run(
        PersonDecision(1, CONFIG),
        (2.0, [_match('wave', 0.9, 1.0, 2.0)], True),
        (2.3, [_match('wave', 0.7, 1.3, 2.3)], True),
        (2.7, [], True),
        (2.9, [], True),
    )
    assert events == [('STARTED', 'wave', 1.0, 2.0, 2.3), ('ENDED', 'wave', 1.0, 2.0, 2.7)]


def test_next_action_ends_the_open_one_where_it_begins() -> None:
    events = _run(
        PersonDecision(1, CONFIG),
        (2.0, [_match('wave', 0.9, 1.0, 2.0)], True),
        (2.3, [_match('wave', 0.7, 1.0, 2.3)], True),
        (2.7, [_match('kick', 0.8, 2.1, 2.7), _match('wave', 0.65, 1.6, 2.7)], True),
        (3.0, [_match('wave', 0.65, 1.6, 3.0)], True),
    )
    assert events == [
        ('STARTED', 'wave', 1.0, 2.0, 2.3),
        ('ENDED', 'wave', 1.0, 2.1, 3.0),
        ('STARTED', 'kick', 2.1, 2.7, 3.0),
    ]


def test_action_stays_open_while_its_pose_is_held() -> None:
    decision = PersonDecision(1, CONFIG)
    _run(decision, (2.0, [_match('salute', 0.9, 1.0, 2.0)], True), (2.3, [], True))
    for tenth in range(24, 60):
        assert decision.update(tenth * SECOND // 10, {}, [], Phase.HOLDING) == []
    assert decision.open is not None
    assert decision.update(6 * SECOND, {}, [], Phase.MOVING) == []
    events = decision.update(7 * SECOND, {}, [], Phase.MOVING)
    assert [(event.kind, event.end_ns) for event in events] == [(EventKind.ENDED, 2 * SECOND)]


def test_rest_that_follows_is_not_part_of_the_action_but_nothing_new_either() -> None:
    decision = PersonDecision(1, CONFIG)
    events = _run(
        decision,
        (2.0, [_match('wave', 0.9, 1.0, 2.0)], True),
        (2.3, [_match('wave', 0.8, 1.0, 2.3)], True),
        (2.8, [_match('wave', 0.7, 1.0, 2.8)], True),
        (3.2, [], True),
        (3.4, [], True),
    )
    assert events == [('STARTED', 'wave', 1.0, 2.0, 2.3), ('ENDED', 'wave', 1.0, 2.0, 3.4)]
    assert decision.free_from_ns == round(2.8 * SECOND)


def test_same_motion_is_not_given_to_another_action_for_a_little_more() -> None:
    """Of 0.4 above the threshold, 0.2 over 1 s are 0.5 strong, 0.18 over 1.4 s are 0.53."""
    steps = (
        (2.0, [_match('wave', 0.8, 1.0, 2.0)], True),
        (2.3, [], True),
        (2.4, [_match('clap', 0.78, 1.0, 2.4), _match('wave', 0.7, 1.0, 2.4)], True),
        (2.8, [_match('wave', 0.7, 1.0, 2.8)], True),
    )
    events = _run(PersonDecision(1, CONFIG), *steps)
    assert events == [('STARTED', 'wave', 1.0, 2.0, 2.3)]
    events = _run(PersonDecision(1, replace(CONFIG, overrule=0.01)), *steps)
    assert [event[:2] for event in events] == [
        ('STARTED', 'wave'), ('ENDED', 'wave'), ('STARTED', 'clap')
    ]  # fmt: skip


def test_of_two_as_similar_the_longer_one_is_believed() -> None:
    """Picking up ends in a motion like standing up."""
    events = _run(
        PersonDecision(1, CONFIG),
        (2.2, [_match('stand_up', 0.8, 1.8, 2.2)], True),
        (2.3, [_match('pick_up', 0.75, 1.0, 2.3), _match('stand_up', 0.8, 1.8, 2.3)], True),
        (2.4, [], False),
    )
    assert [event[:2] for event in events] == [('STARTED', 'pick_up'), ('ENDED', 'pick_up')]


def test_motion_of_an_ended_action_is_not_free() -> None:
    decision = PersonDecision(1, CONFIG)
    _run(decision, (2.0, [_match('wave', 0.9, 1.0, 2.0)], True), (2.1, [], False))
    assert decision.free_from_ns == 2 * SECOND
    assert decision.open is None


def test_person_who_leaves_ends_what_is_open() -> None:
    decision = PersonDecision(1, CONFIG)
    _run(decision, (2.0, [_match('wave', 0.9, 1.0, 2.0)], True), (2.3, [], True))
    events = decision.end(3 * SECOND)
    assert [(event.kind, event.label) for event in events] == [(EventKind.ENDED, 'wave')]
    assert decision.end(4 * SECOND) == []


def test_events_are_as_sure_as_the_match_that_started_them() -> None:
    decision = PersonDecision(1, CONFIG)
    decision.update(SECOND, {'a': _match('a', 0.9, 0.5, 1.0)}, [], Phase.MOVING)
    events = decision.end(2 * SECOND)
    assert [event.confidence for event in events] == [pytest.approx(0.92)] * 2


def test_events_carry_the_person() -> None:
    decision = PersonDecision(42, CONFIG)
    decision.update(SECOND, {'a': _match('a', 0.9, 0.5, 1.0)}, [], Phase.MOVING)
    assert {event.body_id for event in decision.end(2 * SECOND)} == {42}
