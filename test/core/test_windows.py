from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import SECOND, standing

from skeleton_action_ros.core.errors import BadSkeletonError, OutOfOrderError
from skeleton_action_ros.core.skeleton import SkeletonFrame
from skeleton_action_ros.core.windows import Window, WindowBuffer, WindowConfig

CONFIG = WindowConfig(duration_s=2.0, hop_s=0.1, shortest_s=0.3, max_gap_s=0.5, max_people=3)
ONES = np.ones(15, np.float32)


def _frame(stamp_s: float, body_id: int = 1, layout: str = 'common_15') -> SkeletonFrame:
    return SkeletonFrame(round(stamp_s * SECOND), body_id, layout, standing(), ONES)


def _push_all(buffer: WindowBuffer, stamps_s, body_id: int = 1) -> list[Window]:
    windows = [buffer.push(_frame(stamp_s, body_id)) for stamp_s in stamps_s]
    return [window for window in windows if window is not None]


@pytest.mark.parametrize('rate_hz', [10.0, 15.0, 30.0, 60.0])
def test_a_window_is_due_every_hop_at_any_rate(rate_hz: float) -> None:
    stamps_s = 10.0 + np.arange(int(5 * rate_hz)) / rate_hz
    windows = _push_all(WindowBuffer(CONFIG), stamps_s)
    ends_s = np.array([window.clip.stamps_ns[-1] for window in windows]) / SECOND
    assert len(windows) == pytest.approx(47, abs=1)
    assert np.diff(ends_s).max() < 0.1 + 1.01 / rate_hz


def test_slower_streams_give_a_window_per_frame() -> None:
    assert len(_push_all(WindowBuffer(CONFIG), 10.0 + np.arange(20) / 5.0)) == 18


def test_full_window_holds_the_last_seconds_only() -> None:
    windows = _push_all(WindowBuffer(CONFIG), 10.0 + np.arange(150) / 30.0)
    assert windows[-1].clip.duration_s == pytest.approx(2.0, abs=0.04)
    assert windows[0].clip.duration_s >= 0.3


def test_windows_of_all_persons_fall_due_together() -> None:
    buffer = WindowBuffer(CONFIG)
    due: dict[int, list[int]] = {1: [], 2: []}
    for index in range(90):
        for body_id, begins in ((1, 0), (2, 17)):
            if index >= begins and buffer.push(_frame(5.0 + index / 30.0, body_id)):
                due[body_id].append(index)
    assert set(due[2]) <= set(due[1])
    assert len(due[2]) > 15


def test_gap_longer_than_limit_starts_a_new_window() -> None:
    buffer = WindowBuffer(CONFIG)
    _push_all(buffer, 1.0 + np.arange(30) / 30.0)
    windows = _push_all(buffer, 3.0 + np.arange(30) / 30.0)
    assert windows[0].clip.stamps_ns[0] == 3 * SECOND
    assert buffer.gaps == 1


def test_shorter_gap_is_bridged() -> None:
    buffer = WindowBuffer(CONFIG)
    _push_all(buffer, 1.0 + np.arange(30) / 30.0)
    windows = _push_all(buffer, 2.4 + np.arange(10) / 30.0)
    assert windows[0].clip.stamps_ns[0] == SECOND
    assert buffer.gaps == 0


@pytest.mark.parametrize('stamp_s', [1.5, 1.4, 0.2])
def test_stamp_that_does_not_rise_is_refused_and_changes_nothing(stamp_s: float) -> None:
    buffer, untouched = WindowBuffer(CONFIG), WindowBuffer(CONFIG)
    for each in (buffer, untouched):
        _push_all(each, (1.0, 1.1, 1.2, 1.3, 1.4, 1.5))
    with pytest.raises(OutOfOrderError, match='body 1'):
        buffer.push(_frame(stamp_s))
    assert buffer.counts['out_of_order'] == 1
    window, expected = buffer.push(_frame(1.6)), untouched.push(_frame(1.6))
    assert window is not None
    assert expected is not None
    assert window.clip.stamps_ns.tolist() == expected.clip.stamps_ns.tolist()


def test_one_person_running_backwards_leaves_the_others_alone() -> None:
    buffer = WindowBuffer(CONFIG)
    _push_all(buffer, 1.0 + np.arange(15) / 30.0, body_id=2)
    buffer.push(_frame(1.5, 1))
    with pytest.raises(OutOfOrderError):
        buffer.push(_frame(1.0, 1))
    windows = _push_all(buffer, 1.5 + np.arange(15) / 30.0, body_id=2)
    assert windows[-1].clip.stamps_ns[0] == SECOND


def test_one_person_too_many_is_refused_until_somebody_leaves() -> None:
    buffer = WindowBuffer(CONFIG)
    for body_id in (1, 2, 3):
        buffer.push(_frame(1.0, body_id))
    with pytest.raises(BadSkeletonError, match=r'body 4.*max_people is 3') as caught:
        buffer.push(_frame(1.1, 4))
    assert caught.value.reason == 'too_many_people'
    buffer.push(_frame(1.2, 1))
    buffer.push(_frame(1.7, 4))
    assert buffer.people == 2


def test_change_of_layout_starts_a_new_window() -> None:
    buffer = WindowBuffer(CONFIG)
    _push_all(buffer, 1.0 + np.arange(30) / 30.0)
    windows = [buffer.push(_frame(2.0 + i / 30.0, layout='openni_15')) for i in range(15)]
    assert [window.clip.layout for window in windows if window][:1] == ['openni_15']


def test_clear_forgets_everybody() -> None:
    buffer = WindowBuffer(CONFIG)
    _push_all(buffer, 5.0 + np.arange(30) / 30.0)
    buffer.clear()
    assert buffer.people == 0
    assert buffer.push(_frame(1.0)) is None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 100)),
        max_size=60,
    )
)
def test_windows_rise_and_span_no_gap_whatever_the_stamps(pushes) -> None:
    buffer = WindowBuffer(CONFIG)
    refused = 0
    for body_id, tenths in pushes:
        try:
            window = buffer.push(_frame(tenths / 10.0, body_id))
        except BadSkeletonError:
            refused += 1
            continue
        if window:
            gaps = np.diff(window.clip.stamps_ns)
            assert (gaps > 0).all()
            assert gaps.max(initial=0) <= 0.5 * SECOND
            assert window.clip.duration_s <= 2.0
            assert window.body_id == body_id
    assert refused == buffer.counts['out_of_order'] + buffer.counts['too_many_people']
