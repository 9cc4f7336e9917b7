from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from training_clips import standing_clip

from skeleton_action_ros.adapters.datasets.base import make_clip
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from training.recurrent.fill_in import filled


def cubic_clip(lost: list[int]) -> tuple[Clip, NDArray[np.float32]]:
    """Return a clip whose head moves by a cubic polynomial and is lost in some frames."""
    clip = standing_clip(12)
    s = np.linspace(-1.0, 1.0, 12)
    whole = clip.joints_m.copy()
    whole[:, Common15.HEAD] += np.stack((s**3, s - s**2, 0.2 * s), axis=1).astype(np.float32)
    clip.joints_m[:] = whole
    clip.joints_m[lost, Common15.HEAD] = 0.0
    clip.confidence[lost, Common15.HEAD] = 0.0
    return clip, whole


def test_cubic_spline_fills_a_gap_of_a_cubic_motion_exactly() -> None:
    clip, whole = cubic_clip([3, 4, 5, 8])

    found = filled(clip, 0.1)

    np.testing.assert_allclose(found.joints_m, whole, atol=1e-5)
    assert bool((found.confidence == 1.0).all())
    assert clip.confidence[3, Common15.HEAD] == 0.0


def test_ends_of_what_was_seen_are_no_gaps() -> None:
    clip, _ = cubic_clip([0, 1, 6, 11])

    found = filled(clip, 0.1)

    assert found.confidence[:, Common15.HEAD].tolist() == [0.0, 0.0, *[1.0] * 9, 0.0]
    assert not found.joints_m[[0, 1, 11], Common15.HEAD].any()


def test_joint_seen_once_stays_lost_and_a_whole_clip_is_itself() -> None:
    clip, _ = cubic_clip([frame for frame in range(12) if frame != 4])
    whole = standing_clip(12)

    assert filled(clip, 0.1).confidence[:, Common15.HEAD].sum() == 1.0
    assert filled(whole, 0.1) is whole


def without(clip: Clip, lost: list[int]) -> Clip:
    """Lose frames as data sets do: all coordinates are 0 there, and `make_clip` drops them."""
    positions = clip.joints_m.astype(np.float64)
    positions[lost] = 0.0
    found = make_clip(
        positions, clip.stamps_ns, 'common_15', 'made', label='', subject='', half_turn=False
    )
    assert found is not None
    assert len(found) == len(clip) - len(lost)
    return found


def test_frames_without_a_body_are_put_back_and_filled() -> None:
    _, whole = cubic_clip([])
    clip = without(replace(standing_clip(12), joints_m=whole), [3, 4, 5, 6, 7, 9])

    found = filled(clip, 0.1)

    # Stamps are to the nanosecond, and the skipped ones fall between two known ones.
    np.testing.assert_allclose(found.stamps_ns, standing_clip(12).stamps_ns, atol=2)
    np.testing.assert_allclose(found.joints_m, whole, atol=1e-5)
    assert bool((found.confidence == 1.0).all())


def test_gap_of_seven_frames_is_bridged_by_scipys_spline_through_the_others() -> None:
    clip = standing_clip(30)
    phase = np.linspace(0.0, np.pi, 30, dtype=np.float32)
    clip.joints_m[:, Common15.HAND_LEFT, 1] -= 0.5 * np.sin(phase)
    lost = list(range(9, 16))
    kept = [frame for frame in range(len(clip)) if frame not in lost]

    found = filled(without(clip, lost), 0.1)

    assert len(found) == len(clip)
    times_s = clip.stamps_ns / 1e9
    hand = clip.joints_m[:, Common15.HAND_LEFT]
    wanted = CubicSpline(times_s[kept], hand[kept])(times_s[lost])
    np.testing.assert_allclose(found.joints_m[lost, Common15.HAND_LEFT], wanted, atol=1e-4)
    np.testing.assert_array_equal(found.joints_m[kept], clip.joints_m[kept])


def test_joint_lost_at_the_end_of_a_gap_of_frames_stays_lost_there() -> None:
    clip = standing_clip(12)
    clip.joints_m[7:, Common15.FOOT_LEFT] = 0.0

    found = filled(without(clip, [4, 5, 6]), 0.1)

    assert found.confidence[:, Common15.FOOT_LEFT].tolist() == [1.0] * 4 + [0.0] * 8
    assert bool((found.confidence[:, Common15.FOOT_RIGHT] == 1.0).all())


@pytest.mark.parametrize('seed', range(20))
def test_spline_never_swings_out_farther_than_half_of_what_was_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clip = standing_clip(60)
    clip.joints_m[:] += np.cumsum(rng.normal(0.0, 0.02, clip.joints_m.shape), axis=0)
    kept = np.sort(rng.choice(60, size=int(rng.integers(4, 30)), replace=False)).tolist()
    few = without(clip, [frame for frame in range(60) if frame not in kept])

    found = filled(few, 0.1)

    lowest, highest = few.joints_m.min(axis=0), few.joints_m.max(axis=0)
    room = 0.5 * (highest - lowest) + 1e-5
    assert bool((found.joints_m >= lowest - room).all())
    assert bool((found.joints_m <= highest + room).all())
    assert bool(np.isin(few.stamps_ns, found.stamps_ns).all())
    assert np.diff(found.stamps_ns).max() <= 1.5 * np.median(np.diff(few.stamps_ns))


@pytest.mark.parametrize(('pause_s', 'frames'), [(9.0, 12 + 30 * 9 - 1), (11.0, 12)])
def test_where_nobody_was_seen_for_long_nothing_is_invented(pause_s: float, frames: int) -> None:
    clip = standing_clip(12)
    clip.stamps_ns[:] = np.arange(12) * NS_PER_S // 30
    clip.stamps_ns[6:] += round((pause_s - 1 / 30) * NS_PER_S)

    assert len(filled(clip, 0.1)) == frames


def test_uneven_stamps_are_no_gaps() -> None:
    steps_ms = [33, 33, 40, 33, 45, 33, 33, 49, 33, 33, 30]
    stamps_ns = 1 + np.cumsum([0, *steps_ms], dtype=np.int64) * 1_000_000
    clip = replace(standing_clip(12), stamps_ns=stamps_ns)
    alone = clip.between(1, 1)

    assert filled(clip, 0.1) is clip
    assert filled(alone, 0.1) is alone
