from __future__ import annotations

import numpy as np

from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.core.streams import SceneBatch, Timeline
from skeleton_action_ros.core.windows import Window


def _jumps(stamps: list[int]) -> list[int]:
    """Return the places in `stamps` at which time is seen to jump back."""
    timeline = Timeline()
    return [place for place, stamp in enumerate(stamps) if timeline.jumped_back(stamp)]


def test_rising_and_equal_stamps_are_no_jump() -> None:
    assert _jumps([1, 2, 2, 3, 900]) == []


def test_looping_stream_jumps_at_its_third_message() -> None:
    assert _jumps([100, 101, 102, 1, 2, 3, 4, 5]) == [5]


def test_two_loops_jump_twice() -> None:
    assert _jumps([10, 11, 1, 2, 3, 4, 1, 2, 3, 4]) == [4, 8]


def test_single_stray_message_is_no_jump() -> None:
    assert _jumps([100, 1, 101, 2, 102, 3, 103]) == []


def test_two_streams_with_different_clocks_are_no_jump() -> None:
    assert _jumps([100, 50, 103, 53, 106, 56, 109]) == []


def test_falling_stamps_are_no_jump() -> None:
    assert _jumps([100, 90, 80, 70, 60]) == []


def test_stream_recovers_from_one_stamp_far_in_the_future() -> None:
    assert _jumps([1, 2, 999_999, 3, 4, 5, 6]) == [5]


def test_cleared_timeline_starts_anew() -> None:
    timeline = Timeline()
    timeline.jumped_back(100)
    timeline.clear()
    assert timeline.latest_ns is None
    assert not any(timeline.jumped_back(stamp) for stamp in (1, 2, 3, 4))


def _window(body_id: int, stamp_ns: int) -> Window:
    clip = Clip(
        joints_m=np.ones((1, 15, 3), np.float32),
        confidence=np.ones((1, 15), np.float32),
        stamps_ns=np.array([stamp_ns], np.int64),
        layout='common_15',
    )
    return Window(body_id, clip)


def _batches(batch: SceneBatch, *windows: tuple[int, int]) -> list[list[list[int]]]:
    """Return for each window (body, stamp) the bodies of the batches that come of it."""
    return [
        [[item.body_id for item in group] for group in batch.add(_window(*window))]
        for window in windows
    ]


def test_one_person_never_waits() -> None:
    assert _batches(SceneBatch(), (1, 10), (1, 20), (1, 30)) == [[[1]], [[1]], [[1]]]


def test_known_persons_make_one_batch() -> None:
    batch = SceneBatch()
    _batches(batch, (1, 10), (2, 10), (3, 10))
    assert _batches(batch, (1, 20), (2, 20), (3, 20)) == [[], [], [[1, 2, 3]]]


def test_new_person_is_a_batch_of_its_own_once() -> None:
    batch = SceneBatch()
    _batches(batch, (1, 10))
    assert _batches(batch, (1, 20), (2, 20)) == [[[1]], [[2]]]
    assert _batches(batch, (1, 30), (2, 30)) == [[], [[1, 2]]]


def test_person_who_left_holds_the_others_up_until_flushed_once() -> None:
    batch = SceneBatch()
    _batches(batch, (1, 10), (2, 10))
    assert _batches(batch, (1, 20)) == [[]]
    assert batch.waiting
    assert [window.body_id for window in batch.flush()] == [1]
    assert not batch.waiting
    assert _batches(batch, (1, 30)) == [[[1]]]


def test_later_stamp_completes_what_waits() -> None:
    batch = SceneBatch()
    _batches(batch, (1, 10), (2, 10))
    assert _batches(batch, (1, 20), (1, 30)) == [[], [[1], [1]]]


def test_cleared_batch_expects_nobody() -> None:
    batch = SceneBatch()
    _batches(batch, (1, 10), (2, 10), (1, 20))
    batch.clear()
    assert not batch.waiting
    assert _batches(batch, (2, 5)) == [[[2]]]
