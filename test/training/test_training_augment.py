from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_clips import lifting_clip, standing_clip

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.augment import anchored, augment, jitter, mirror, resize_bones, shift_hips
from training.config import AugmentConfig

STILL = AugmentConfig(
    crop=0.0,
    idle=0.0,
    warp=0.0,
    rate_hz=(30.0, 30.0),
    tilt_deg=0.0,
    bones=0.0,
    ends=0.0,
    hips=0.0,
    noise_m=0.0,
    drop_joint=0.0,
    drop_part=0.0,
    turn_deg=0.0,
    size=0.0,
)


def lengths(joints: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Length of each bone at each frame, by the names of its ends."""
    return {
        (Common15(a).name, Common15(b).name): np.linalg.norm(joints[:, b] - joints[:, a], axis=1)
        for a, b in LAYOUTS['common_15'].bones
    }


def test_mirrored_twice_is_the_clip_itself() -> None:
    rng = np.random.default_rng(1)
    joints, mask = rng.normal(size=(2, 7, 15, 3)), rng.random((2, 7, 15))

    again = mirror(*mirror(joints, mask))

    np.testing.assert_array_equal(again[0], joints)
    np.testing.assert_array_equal(again[1], mask)


def test_mirror_image_of_a_lifted_right_hand_is_a_lifted_left_hand() -> None:
    clip = standing_clip(5)
    clip.joints_m[2, Common15.HAND_RIGHT] = (-0.3, -0.9, 1.8)
    clip.confidence[3, Common15.HAND_RIGHT] = 0.0

    joints, mask = mirror(clip.joints_m, clip.confidence)

    np.testing.assert_allclose(joints[2, Common15.HAND_LEFT], (0.3, -0.9, 1.8), rtol=1e-6)
    np.testing.assert_allclose(joints[2, Common15.HAND_RIGHT], (-0.25, 0.05, 2.0), rtol=1e-6)
    assert mask[3, Common15.HAND_LEFT] == 0.0
    assert mask[3, Common15.HAND_RIGHT] == 1.0


def test_preparing_a_mirror_image_is_mirroring_what_was_prepared() -> None:
    clip = lifting_clip('HAND_RIGHT', 0.6, 's1', np.random.default_rng(2))
    prepared = prepare(clip, PreprocessConfig())
    joints, confidence = mirror(clip.joints_m, clip.confidence)
    image = type(clip)(joints, confidence, clip.stamps_ns, clip.layout)

    np.testing.assert_allclose(
        prepare(image, PreprocessConfig())[0], mirror(*prepared)[0], atol=1e-5
    )


def test_resized_bones_keep_their_direction_and_one_ratio_on_both_sides() -> None:
    rng = np.random.default_rng(3)
    joints = lifting_clip('HAND_LEFT', 0.4, 's1', rng).joints_m
    before = lengths(joints)

    after = lengths(resize_bones(joints, AugmentConfig(bones=0.2, ends=0.0), rng))

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


def test_hands_move_in_along_the_forearm_only() -> None:
    joints = standing_clip(4).joints_m

    moved = resize_bones(joints, AugmentConfig(bones=0.0, ends=0.5), np.random.default_rng(4))

    forearm = moved[0, Common15.HAND_LEFT] - moved[0, Common15.ELBOW_LEFT]
    np.testing.assert_allclose(moved[:, Common15.ELBOW_LEFT], joints[:, Common15.ELBOW_LEFT])
    np.testing.assert_allclose(forearm[[0, 2]], 0.0, atol=1e-6)
    assert 0.125 <= forearm[1] < 0.25


def test_hips_move_along_the_trunk_and_nothing_else_does() -> None:
    joints = standing_clip(4).joints_m
    hips = [Common15.HIP_LEFT, Common15.HIP_RIGHT]
    config = AugmentConfig(hips=0.4)
    heights = []
    for seed in range(20):
        moved = shift_hips(joints, config, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.delete(moved, hips, axis=1), np.delete(joints, hips, 1))
        np.testing.assert_allclose(moved[:, hips][..., [0, 2]], joints[:, hips][..., [0, 2]])
        heights.append(float(moved[0, hips[0], 1]))

    # The trunk is 0.5 m from the shoulders down to the hips at height 0.
    assert -0.2 <= min(heights) < -0.05
    assert 0.05 < max(heights) <= 0.2


def test_joints_not_seen_hang_on_their_parents() -> None:
    clip = standing_clip(2)
    lost = ['TORSO', 'NECK', 'ELBOW_LEFT', 'HAND_LEFT']
    for name in lost:
        clip.joints_m[1, Common15[name]] = 0.0
        clip.confidence[1, Common15[name]] = 0.0

    found = anchored(clip.joints_m, clip.confidence)

    np.testing.assert_array_equal(found[0], clip.joints_m[0])
    np.testing.assert_allclose(found[1, Common15.TORSO], (0.0, -0.25, 2.0))
    np.testing.assert_allclose(found[1, Common15.NECK], (0.0, -0.25, 2.0))
    np.testing.assert_allclose(found[1, Common15.HAND_LEFT], (0.2, -0.5, 2.0))
    np.testing.assert_allclose(found[1, Common15.HAND_RIGHT], (-0.25, 0.05, 2.0))


def test_body_without_neck_and_torso_stays_whole_when_resized() -> None:
    clip = standing_clip(20)
    for name in ('NECK', 'TORSO'):
        clip.joints_m[:, Common15[name]] = 0.0
        clip.confidence[:, Common15[name]] = 0.0
    config = replace(STILL, bones=0.12)

    for seed in range(10):
        changed = augment(clip, config, np.random.default_rng(seed)).joints_m[0]
        trunk = changed[Common15.HIP_LEFT] - changed[Common15.SHOULDER_LEFT]
        assert 0.4 < np.linalg.norm(trunk) < 0.65


def test_nothing_to_change_leaves_the_clip() -> None:
    clip = lifting_clip('HEAD', 0.3, 's1', np.random.default_rng(5))

    same = augment(clip, STILL, np.random.default_rng(6))

    np.testing.assert_allclose(
        prepare(same, PreprocessConfig())[0], prepare(clip, PreprocessConfig())[0], atol=0.02
    )
    assert abs(same.duration_s - clip.duration_s) < 1e-6


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 60))
def test_augmented_clips_are_clips_of_the_same_action_that_can_be_prepared(
    seed: int, frames: int
) -> None:
    clip = standing_clip(frames, 'wave', 's3')

    changed = augment(clip, AugmentConfig(), np.random.default_rng(seed))

    assert (changed.label, changed.subject, changed.layout) == ('wave', 's3', 'common_15')
    joints, mask = prepare(changed, PreprocessConfig())
    assert np.isfinite(joints).all()
    assert mask.min() >= 0.0


def test_same_seed_gives_the_same_clip() -> None:
    clip = lifting_clip('HEAD', 0.3, 's1', np.random.default_rng(5))

    first, second = (augment(clip, AugmentConfig(), np.random.default_rng(7)) for _ in range(2))

    np.testing.assert_array_equal(first.joints_m, second.joints_m)
    np.testing.assert_array_equal(first.stamps_ns, second.stamps_ns)


def test_time_is_warped_but_never_runs_back() -> None:
    clip = standing_clip(60)
    clip.joints_m[:, Common15.HAND_LEFT, 1] -= np.linspace(0.0, 1.0, 60, dtype=np.float32)
    config = AugmentConfig(bones=0.0, ends=0.0, noise_m=0.0, tilt_deg=0.0, drop_joint=0.0)
    rng = np.random.default_rng(8)

    for _ in range(50):
        height = -augment(clip, config, rng).joints_m[:, Common15.HAND_LEFT, 1]
        assert (np.diff(height) >= -1e-5).all()


def test_hidden_parts_leave_shoulders_and_hips() -> None:
    config = AugmentConfig(drop_joint=1.0, drop_part=1.0)
    corners = ['SHOULDER_LEFT', 'SHOULDER_RIGHT', 'HIP_LEFT', 'HIP_RIGHT']

    changed = augment(standing_clip(), config, np.random.default_rng(9))

    assert (changed.confidence[:, [Common15[name] for name in corners]] == 1.0).all()
    assert (changed.confidence == 0.0).any()


def test_jitter_leaves_joints_never_seen_at_the_origin() -> None:
    rng = np.random.default_rng(10)
    joints = rng.normal(size=(3, 8, 15, 3)).astype(np.float32)
    mask = np.ones((3, 8, 15), np.float32)
    mask[1, :, 4] = 0.0
    joints[1, :, 4] = 0.0

    moved = jitter(joints, mask, AugmentConfig(), rng)

    assert (moved[1, :, 4] == 0.0).all()
    assert (moved[0, :, 4] != 0.0).all()


def test_jitter_turns_each_clip_as_a_whole_about_the_vertical() -> None:
    rng = np.random.default_rng(11)
    joints = rng.normal(size=(5, 8, 15, 3)).astype(np.float32)
    config = AugmentConfig(turn_deg=30.0, size=0.0)

    moved = jitter(joints, np.ones((5, 8, 15), np.float32), config, rng)

    within, before = moved - moved[:, :1, :1], joints - joints[:, :1, :1]
    np.testing.assert_allclose(within[..., 1], before[..., 1], atol=1e-5)
    level, level_before = (np.hypot(one[..., 0], one[..., 2]) for one in (within, before))
    np.testing.assert_allclose(level, level_before, atol=1e-5)
    assert np.abs(within[..., 0] - before[..., 0]).max() > 0.05
