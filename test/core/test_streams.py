from __future__ import annotations

import numpy as np
from people import SECOND

from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.core.streams import SceneBatch, Step, Timeline
from skeleton_action_ros.core.windows import Window


def _jumps(stamps: list[int]) -> list[int]:
    """Return the places in `stamps` at which time is seen to jump back."""
    timeline = Timeline()
    return [place for place, stamp in enumerate(stamps) if timeline.take(stamp) is Step.BACK]


def _strays(stamps_s: list[float]) -> tuple[list[int], int]:
    """Return the places of the stamps that are to be left out, and how many were wrong."""
    timeline = Timeline()
    steps = [timeline.take(round(stamp * SECOND)) for stamp in stamps_s]
    return [place for place, step in enumerate(steps) if step is Step.STRAY], timeline.strays


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


def test_one_stamp_far_in_the_future_is_left_out_and_moves_nothing() -> None:
    stamps = [1.0, 1.1, 9999.0, 1.2, 1.3, 1.4, 1.5]
    assert _strays(stamps) == ([2], 1)
    assert _jumps([round(stamp * SECOND) for stamp in stamps]) == []


def test_each_of_two_wrong_stamps_is_left_out() -> None:
    assert _strays([1.0, 9999.0, 5000.0, 1.1]) == ([1, 2], 2)
    assert _strays([1.0, 9999.0, 9999.0, 1.1]) == ([1, 2], 1)


def test_stream_that_goes_on_after_a_long_pause_is_believed_at_its_second_stamp() -> None:
    assert _strays([1.0, 1.1, 60.0, 60.1, 60.2]) == ([2], 0)
    assert _strays([1.0, 10.9, 20.8]) == ([], 0)


def test_what_shows_nobody_cannot_make_time_jump_back_but_goes_on_with_it() -> None:
    timeline = Timeline()
    timeline.take(100 * SECOND)
    assert [timeline.take(stamp, anybody=False) for stamp in (1, 2, 3, 4)] == [Step.ON] * 4
    assert timeline.latest_ns == 100 * SECOND
    assert timeline.take(105 * SECOND, anybody=False) is Step.ON
    assert timeline.take(114 * SECOND) is Step.ON


def test_cleared_timeline_starts_anew() -> None:
    timeline = Timeline()
    timeline.take(100)
    timeline.clear()
    assert timeline.latest_ns is None
    assert [timeline.take(stamp) for stamp in (1, 2, 3, 4)] == [Step.ON] * 4


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
