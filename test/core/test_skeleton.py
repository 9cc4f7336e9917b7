from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skeleton_action_ros.core.errors import (
    BadClipError,
    BadSkeletonError,
    SkeletonActionError,
)
from skeleton_action_ros.core.skeleton import (
    ActionSpan,
    Clip,
    SkeletonFrame,
    checked_frame,
    clip_from_frames,
)

ONES = np.ones(15, np.float32)


def _positions() -> np.ndarray:
    return np.arange(1, 46, dtype=np.float32).reshape(15, 3) / 10.0


def test_good_skeleton_becomes_a_frame() -> None:
    frame = checked_frame(5, 7, 'common_15', _positions().ravel().tolist(), ONES)
    assert (frame.stamp_ns, frame.body_id, frame.layout) == (5, 7, 'common_15')
    np.testing.assert_array_equal(frame.joints_m, _positions())
    assert frame.joints_m.dtype == np.float32


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_joint_that_is_not_finite_is_a_joint_not_seen(bad: float) -> None:
    positions = _positions()
    positions[4, 1] = bad
    frame = checked_frame(1, 0, 'common_15', positions, ONES)
    assert frame.confidence[4] == 0.0
    assert frame.joints_m[4].tolist() == [0.0, 0.0, 0.0]
    assert frame.confidence.sum() == 14.0


def test_joint_inside_the_sensor_is_a_joint_not_seen() -> None:
    positions = _positions()
    positions[9] = 0.0
    assert checked_frame(1, 0, 'common_15', positions, ONES).confidence[9] == 0.0


@pytest.mark.parametrize(
    ('changes', 'reason', 'message'),
    [
        ({'stamp_ns': 0}, 'stamp', 'got 0 ns'),
        ({'stamp_ns': -4}, 'stamp', 'got -4 ns'),
        ({'positions_m': np.ones(75)}, 'joint_count', 'got 75: is it kinect_v2_25'),
        ({'positions_m': np.ones(44)}, 'joint_count', 'got 44'),
        ({'positions_m': []}, 'joint_count', 'got 0'),
        ({'confidence': np.ones(14)}, 'confidence_count', 'got 14'),
        ({'confidence': np.full(15, 1.5)}, 'confidence_range', 'got 1.5 at head'),
        ({'confidence': np.full(15, np.nan)}, 'confidence_range', 'got nan'),
        ({'confidence': np.full(15, -0.1)}, 'confidence_range', 'got -0.1'),
        ({'positions_m': np.zeros((15, 3))}, 'empty_body', 'body 7'),
        ({'positions_m': np.full((15, 3), np.nan)}, 'empty_body', 'body 7'),
        ({'confidence': np.zeros(15)}, 'empty_body', 'body 7'),
        ({'positions_m': _positions() * 1000}, 'not_metres', 'millimetres'),
    ],
)
def test_bad_skeleton_is_refused_with_what_arrived(changes, reason, message) -> None:
    arguments = {'stamp_ns': 1, 'positions_m': _positions(), 'confidence': ONES} | changes
    with pytest.raises(BadSkeletonError, match=message) as caught:
        checked_frame(body_id=7, layout_name='common_15', **arguments)
    assert caught.value.reason == reason


@given(
    positions=hnp.arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32)),
    confidence=hnp.arrays(np.float32, st.integers(0, 20), elements=st.floats(width=32)),
    stamp_ns=st.integers(-(2**63), 2**63 - 1),
)
def test_whatever_arrives_is_refused_or_clean(positions, confidence, stamp_ns) -> None:
    try:
        frame = checked_frame(stamp_ns, 3, 'common_15', positions, confidence)
    except SkeletonActionError:
        return
    assert np.isfinite(frame.joints_m).all()
    assert ((frame.confidence >= 0) & (frame.confidence <= 1)).all()
    assert (frame.joints_m[frame.confidence == 0] == 0).all()
    assert frame.confidence.any()


def _clip(stamps_ns: list[int], **changes) -> Clip:
    frames = len(stamps_ns)
    arguments = {
        'joints_m': np.ones((frames, 15, 3), np.float32),
        'confidence': np.ones((frames, 15), np.float32),
        'stamps_ns': np.array(stamps_ns, np.int64),
        'layout': 'common_15',
    } | changes
    return Clip(**arguments)


@pytest.mark.parametrize(
    ('stamps_ns', 'changes', 'message'),
    [
        ([], {}, 'got none'),
        ([3, 3], {}, 'got 3 then 3 ns at frame 1'),
        ([1, 5, 4], {}, 'got 5 then 4 ns at frame 2'),
        ([1], {'joints_m': np.ones((1, 20, 3), np.float32)}, r'got \(1, 20, 3\)'),
        ([1], {'confidence': np.ones((2, 15), np.float32)}, r'\(2, 15\)'),
        ([1], {'joints_m': np.full((1, 15, 3), np.nan, np.float32)}, 'finite'),
        ([1], {'confidence': np.full((1, 15), 2.0, np.float32)}, 'got 2 to 2'),
    ],
)
def test_malformed_clip_is_refused(stamps_ns, changes, message) -> None:
    with pytest.raises(BadClipError, match=message):
        _clip(stamps_ns, **changes)


def test_between_takes_both_ends_and_drops_annotations() -> None:
    clip = _clip([10, 20, 30, 40], annotations=(ActionSpan('wave', 10, 30),))
    part = clip.between(20, 30)
    assert part.stamps_ns.tolist() == [20, 30]
    assert part.annotations == ()
    with pytest.raises(BadClipError, match='got none'):
        clip.between(21, 29)


def test_duration_is_from_first_to_last_frame() -> None:
    assert _clip([500_000_000, 2_000_000_000]).duration_s == 1.5


def test_frames_of_two_layouts_make_no_clip() -> None:
    frames = [
        SkeletonFrame(1, 0, 'common_15', np.ones((15, 3), np.float32), ONES),
        SkeletonFrame(2, 0, 'openni_15', np.ones((15, 3), np.float32), ONES),
    ]
    with pytest.raises(BadClipError, match=r'common_15.*openni_15'):
        clip_from_frames(frames)
    with pytest.raises(BadClipError, match='none'):
        clip_from_frames([])
