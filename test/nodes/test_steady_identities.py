"""Nodes follow the person where the tracker's id changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from people import SECOND, circling

if TYPE_CHECKING:
    from robots import Robot


def test_person_who_comes_back_under_another_id_is_the_same_person(
    pipeline: Callable[..., Robot],
) -> None:
    from skeleton_action_msgs.srv import EnrollAction

    robot: Any = pipeline()
    shown = circling([(0.5, 2.5)], 4.5)
    away_ns = int(shown.stamps_ns[0]) + 2 * SECOND
    robot.show((1, shown.between(0, away_ns)))
    robot.show((9, shown.between(away_ns + SECOND // 2, 1 << 62)))
    windows = robot.said['skeleton_windows']
    assert {window.body_id for window in windows} == {1}
    assert windows[-1].stamps[0] == shown.stamps_ns[0]
    assert robot.diagnosis('window_buffer', 'count.identity.taken_over') == '1'
    answer = robot.call(EnrollAction, 'enroll_action', label='wave', body_id=9)
    assert answer.success, answer.message
    assert 'from body 9' in answer.message
    assert answer.duration > 1.8
