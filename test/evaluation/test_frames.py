"""Frame accuracy, counted by hand on one frame a second."""

from __future__ import annotations

import numpy as np
from people import SECOND

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.frames import FrameCounts, count_frames


def span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


def every_second(first: int, last: int) -> np.ndarray:
    return np.arange(first, last + 1) * SECOND


TRUTH = [span('wave', 2, 4), span('bow', 7, 8)]
TAUGHT = ['wave', 'kick']


def test_right_is_the_label_of_what_is_done_or_silence_where_nothing_taught_is() -> None:
    events = [
        span('wave', 3, 5),  # right at 3 and 4, wrong at 5, and 2 is missed
        span('kick', 8, 9),  # wrong at 8 (bow was never taught) and 9 (nothing)
    ]
    found = count_frames({1: every_second(0, 10)}, TRUTH, events, TAUGHT)
    # Right: 0, 1, 3, 4, 6, 7, 10.
    assert found == FrameCounts(frames=11, right=7, during_actions=3, right_during_actions=2)
    assert found.accuracy == 7 / 11
    assert found.accuracy_during_actions == 2 / 3


def test_another_label_is_wrong() -> None:
    found = count_frames({1: every_second(2, 4)}, TRUTH, [span('kick', 2, 4)], TAUGHT)
    assert (found.right, found.during_actions) == (0, 3)


def test_where_two_actions_overlap_either_is_right() -> None:
    truth = [span('wave', 0, 5), span('kick', 4, 9)]
    found = count_frames({1: every_second(0, 9)}, truth, [span('kick', 4, 9)], TAUGHT)
    assert (found.right, found.during_actions) == (6, 10)


def test_each_person_counts_for_themselves() -> None:
    found = count_frames(
        {1: every_second(0, 4), 2: every_second(0, 4)}, TRUTH, [span('wave', 2, 4, 2)], TAUGHT
    )
    # Person 1 is right at 0 and 1, person 2 at 0 and 1 too.
    assert found == FrameCounts(frames=10, right=4, during_actions=3, right_during_actions=0)


def test_ignored_stretches_do_not_count() -> None:
    found = count_frames({1: every_second(0, 4)}, [], [], TAUGHT, [span('wave', 2, 3)])
    assert found == FrameCounts(frames=3, right=3, during_actions=0, right_during_actions=0)


def test_nobody_seen_has_no_accuracy() -> None:
    found = count_frames({}, TRUTH, [], TAUGHT)
    assert found.accuracy is None
    assert found.accuracy_during_actions is None
