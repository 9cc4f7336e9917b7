from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_clips import lifting_clip, standing_clip

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, mirrored, prepare
from skeleton_action_ros.core.skeleton import Clip
from training.augment import (
    Motions,
    anchored,
    augmented,
    placed,
    resized,
    retimed,
    with_hips_shifted,
    with_joints_lost,
)
from training.config import AugmentConfig

FRAMES = 16
STILL = AugmentConfig(
    crop=0.0,
    idle=0.0,
    warp=0.0,
    rate_hz=(60.0, 60.0),
    tilt_deg=0.0,
    turn_deg=0.0,
    bones=0.0,
    ends=0.0,
    hips=0.0,
    noise=0.0,
    drop_joint=0.0,
    drop_part=0.0,
    size=0.0,
)
CORNERS = ['SHOULDER_LEFT', 'SHOULDER_RIGHT', 'HIP_LEFT', 'HIP_RIGHT']


def motions(*clips: Clip) -> Motions:
    finer = PreprocessConfig(frames=2 * FRAMES)
    joints, mask = zip(*(prepare(clip, finer) for clip in clips), strict=True)
    return Motions(np.stack(joints), np.stack(mask), np.array([clip.duration_s for clip in clips]))


def standing(count: int = 1) -> np.ndarray:
    """Somebody stands still for four frames, metres, (count, 4, 15, 3)."""
    return np.repeat(standing_clip(4).joints_m[None], count, axis=0)


def lengths(joints: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Length of each bone at each frame, by the names of its ends."""
    return {
        (Common15(a).name, Common15(b).name): np.linalg.norm(joints[:, b] - joints[:, a], axis=1)
        for a, b in LAYOUTS['common_15'].bones
    }


def test_chosen_clips_are_mirrored_where_they_should_be() -> None:
    rng = np.random.default_rng(0)
    some = motions(*(lifting_clip(name, 0.5, 's1', rng) for name in ('HEAD', 'HAND_LEFT')))

    chosen = some.chosen(np.array([1, 0, 1]), np.array([False, False, True]))

    np.testing.assert_array_equal(chosen.joints[0], some.joints[1])
    np.testing.assert_array_equal(chosen.joints[1], some.joints[0])
    np.testing.assert_array_equal(chosen.joints[2], mirrored(some.joints[1], some.mask[1])[0])
    np.testing.assert_array_equal(chosen.durations_s, some.durations_s[[1, 0, 1]])


def test_resized_bones_keep_their_direction_and_one_ratio_on_both_sides() -> None:
    rng = np.random.default_rng(3)
    joints = lifting_clip('HAND_LEFT', 0.4, 's1', rng).joints_m
    before = lengths(joints)

    after = lengths(resized(joints[None], AugmentConfig(bones=0.2, ends=0.0), rng)[0])

    ratios = {}
    for bone, length in after.items():
        ratio = length / before[bone]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)
        ratios[bone] = float(ratio[0])
        assert 0.799 <= ratios[bone] <= 1.201
    for (near, far), ratio in ratios.items():
        if 'LEFT' in far:
            other = (near.replace('LEFT', 'RIGHT'), far.replace('LEFT', 'RIGHT'))
            assert ratio == pytest.approx(ratios[other], rel=1e-3)
    assert len({round(ratio, 3) for ratio in ratios.values()}) > 5


def test_each_clip_is_resized_in_its_own_way() -> None:
    first, second = resized(standing(2), AugmentConfig(bones=0.2), np.random.default_rng(0))

    assert np.abs(first - second).max() > 0.01


def test_hands_move_in_along_the_forearm_only() -> None:
    joints = standing()

    moved = resized(joints, AugmentConfig(bones=0.0, ends=0.5), np.random.default_rng(4))[0]

    forearm = moved[0, Common15.HAND_LEFT] - moved[0, Common15.ELBOW_LEFT]
    elbow = joints[0, :, Common15.ELBOW_LEFT]
    np.testing.assert_allclose(moved[:, Common15.ELBOW_LEFT], elbow, rtol=1e-5)
    np.testing.assert_allclose(forearm[[0, 2]], 0.0, atol=1e-6)
    assert 0.125 <= forearm[1] < 0.25


def test_hips_move_along_the_trunk_and_nothing_else_does() -> None:
    joints = standing(20)
    hips = [Common15.HIP_LEFT, Common15.HIP_RIGHT]

    moved = with_hips_shifted(joints, AugmentConfig(hips=0.4), np.random.default_rng(0))

    np.testing.assert_array_equal(np.delete(moved, hips, axis=2), np.delete(joints, hips, axis=2))
    level = [0, 2]
    np.testing.assert_allclose(moved[:, :, hips][..., level], joints[:, :, hips][..., level])
    heights = moved[:, 0, hips[0], 1]
    # The trunk is 0.5 m from the shoulders down to the hips at height 0.
    assert -0.2 <= heights.min() < -0.05
    assert 0.05 < heights.max() <= 0.2


def test_joints_not_seen_hang_on_their_parents() -> None:
    joints, mask = standing(), np.ones((1, 4, 15), np.float32)
    for name in ('TORSO', 'NECK', 'ELBOW_LEFT', 'HAND_LEFT'):
        joints[0, 1, Common15[name]] = 0.0
        mask[0, 1, Common15[name]] = 0.0

    found = anchored(joints, mask)[0]

    np.testing.assert_array_equal(found[0], joints[0, 0])
    np.testing.assert_allclose(found[1, Common15.TORSO], (0.0, -0.25, 2.0))
    np.testing.assert_allclose(found[1, Common15.NECK], (0.0, -0.25, 2.0))
    np.testing.assert_allclose(found[1, Common15.HAND_LEFT], (0.2, -0.5, 2.0))
    np.testing.assert_allclose(found[1, Common15.HAND_RIGHT], (-0.25, 0.05, 2.0))


def test_bodies_are_placed_by_their_hips_and_measured_by_their_trunk() -> None:
    config = replace(STILL, size=0.0)

    found = placed(standing(400), config, np.random.default_rng(0))

    hips = found[:, :, [Common15.HIP_LEFT, Common15.HIP_RIGHT]].mean(axis=2)
    assert abs(hips.mean()) < 0.01
    assert hips[:, 0].std(axis=0) == pytest.approx(0.05, abs=0.01)
    head = found[:, :, Common15.HEAD] - hips
    np.testing.assert_allclose(head[..., 1], -0.7 / 0.5, rtol=1e-4)


def test_nothing_to_change_leaves_the_clip_but_for_where_the_hips_are_put() -> None:
    clip = lifting_clip('HEAD', 0.3, 's1', np.random.default_rng(5))

    joints, mask = augmented(motions(clip), FRAMES, STILL, np.random.default_rng(6))

    expected, seen = prepare(clip, PreprocessConfig(frames=FRAMES))
    shift = (joints[0] - expected).mean(axis=(0, 1))
    assert np.abs(shift).max() < 0.2
    np.testing.assert_allclose(joints[0] - shift, expected, atol=0.05)
    np.testing.assert_allclose(mask[0], seen)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 60))
def test_augmented_clips_are_finite_and_joints_never_seen_lie_at_the_origin(
    seed: int, frames: int
) -> None:
    clip = standing_clip(frames, 'wave', 's3')
    clip.confidence[:, Common15.NECK] = 0.0
    clip.joints_m[:, Common15.NECK] = 0.0

    joints, mask = augmented(
        motions(clip, clip), FRAMES, AugmentConfig(), np.random.default_rng(seed)
    )

    assert joints.shape == (2, FRAMES, 15, 3)
    assert joints.dtype == mask.dtype == np.float32
    assert np.isfinite(joints).all()
    assert mask.min() >= 0.0
    assert (joints[:, :, Common15.NECK] == 0.0).all()


def test_same_seed_gives_the_same_clips() -> None:
    some = motions(lifting_clip('HEAD', 0.3, 's1', np.random.default_rng(5)))

    first, second = (
        augmented(some, FRAMES, AugmentConfig(), np.random.default_rng(7))[0] for _ in range(2)
    )

    np.testing.assert_array_equal(first, second)


def test_time_is_warped_but_never_runs_back() -> None:
    clip = standing_clip(60)
    clip.joints_m[:, Common15.HAND_LEFT, 1] -= np.linspace(0.0, 1.0, 60, dtype=np.float32)

    joints, _ = retimed(motions(*[clip] * 50), FRAMES, AugmentConfig(), np.random.default_rng(8))

    height = -joints[:, :, Common15.HAND_LEFT, 1]
    assert (np.diff(height, axis=1) >= -1e-5).all()
    assert height[:, 0].std() > 0.01
    assert np.diff(height, axis=1).std() > 0.01


def test_clip_seen_at_a_low_rate_moves_in_straight_lines_between_its_frames() -> None:
    # Two seconds at 8 Hz are 16 frames, of which the ninth is half way; at 60 Hz none is bent.
    rng = np.random.default_rng(0)
    clip = lifting_clip('HEAD', 0.5, 's1', rng)
    slow = Motions(*(getattr(motions(clip), name) for name in ('joints', 'mask')), np.array([1.0]))

    fine, _ = retimed(slow, 2 * FRAMES, replace(STILL, rate_hz=(200.0, 200.0)), rng)
    coarse, _ = retimed(slow, 2 * FRAMES, replace(STILL, rate_hz=(1.0, 1.0)), rng)

    bends = [
        (np.abs(np.diff(one[0, :, Common15.HEAD, 1], 2)) > 1e-3).mean() for one in (fine, coarse)
    ]
    assert bends[1] < 0.8 * bends[0]


def test_hidden_parts_leave_shoulders_and_hips() -> None:
    config = AugmentConfig(drop_joint=1.0, drop_part=1.0)

    mask = with_joints_lost(np.ones((5, 8, 15), np.float32), config, np.random.default_rng(9))

    assert (mask[:, :, [Common15[name] for name in CORNERS]] == 1.0).all()
    assert (mask == 0.0).any(axis=(1, 2)).all()


def test_turning_keeps_heights_and_distances_from_the_vertical() -> None:
    some = motions(*[lifting_clip('HEAD', 0.3, 's1', np.random.default_rng(5))] * 5)

    joints, _ = augmented(some, FRAMES, replace(STILL, turn_deg=30.0), np.random.default_rng(11))
    plain, _ = augmented(some, FRAMES, STILL, np.random.default_rng(12))

    def arm(one: np.ndarray) -> np.ndarray:
        return np.asarray(one[:, :, Common15.HAND_LEFT] - one[:, :, Common15.HAND_RIGHT])

    turned, straight = arm(joints), arm(plain)
    np.testing.assert_allclose(turned[..., 1], straight[..., 1], atol=1e-4)
    np.testing.assert_allclose(
        np.hypot(turned[..., 0], turned[..., 2]),
        np.hypot(straight[..., 0], straight[..., 2]),
        rtol=1e-3,
    )
    angle = np.rad2deg(np.arctan2(turned[:, 0, 2], turned[:, 0, 0]))
    assert np.ptp(angle) > 5.0
    assert np.abs(angle).max() <= 31.0
