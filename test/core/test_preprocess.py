from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import standing

from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents, prepare
from skeleton_action_ros.core.skeleton import Clip

CONFIG = PreprocessConfig(frames=16)


def _raising_right_hand(frames: int = 31) -> Clip:
    joints = np.repeat(standing()[None], frames, axis=0)
    joints[:, Joint.HAND_RIGHT, 1] -= np.linspace(0.0, 0.9, frames, dtype=np.float32)
    return Clip(
        joints,
        np.ones((frames, 15), np.float32),
        1 + (np.arange(frames) * 33_333_333).astype(np.int64),
        'common_15',
    )


def test_hip_centre_is_the_origin_and_the_trunk_has_length_one() -> None:
    joints, mask = prepare(_raising_right_hand(), CONFIG)
    assert joints.shape == (16, 15, 3)
    assert mask.shape == (16, 15)
    hips = joints[:, [Joint.HIP_LEFT, Joint.HIP_RIGHT]].mean(axis=1)
    np.testing.assert_allclose(hips, 0.0, atol=1e-6)
    np.testing.assert_allclose(joints[:, Joint.NECK], np.tile((0.0, -1.0, 0.0), (16, 1)), atol=1e-5)


def test_the_right_hand_rises_on_the_right_side_and_the_left_one_stays() -> None:
    joints, _ = prepare(_raising_right_hand(), CONFIG)
    assert joints[0, Joint.HAND_RIGHT, 0] == pytest.approx(-0.5)
    assert joints[0, Joint.HAND_RIGHT, 1] == pytest.approx(0.2)
    assert joints[-1, Joint.HAND_RIGHT, 1] == pytest.approx(-1.6)
    np.testing.assert_allclose(np.ptp(joints[:, Joint.HAND_LEFT], axis=0), 0.0, atol=1e-6)


def _moved(clip: Clip, yaw: float, size: float, place: tuple[float, float, float]) -> Clip:
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    joints = ((clip.joints_m - (0, 0, 3)) * size) @ turn.T + np.array(place) + (0, 0, 3)
    return replace(clip, joints_m=joints.astype(np.float32))


@settings(max_examples=30, deadline=None)
@given(
    yaw=st.floats(-3.1, 3.1),
    size=st.floats(0.6, 1.4),
    place=st.tuples(st.floats(-2, 2), st.floats(-1, 1), st.floats(-1, 3)),
)
def test_place_heading_and_size_do_not_matter(yaw, size, place) -> None:
    clip = _raising_right_hand()
    expected, _ = prepare(clip, CONFIG)
    got, _ = prepare(_moved(clip, yaw, size, place), CONFIG)
    np.testing.assert_allclose(got, expected, atol=2e-4)


def test_left_and_right_stay_apart() -> None:
    clip = _raising_right_hand()
    mirrored = clip.joints_m * np.array((-1, 1, 1), np.float32)
    swap = [*range(3), 6, 7, 8, 3, 4, 5, 12, 13, 14, 9, 10, 11]
    left, _ = prepare(replace(clip, joints_m=mirrored[:, swap]), CONFIG)
    right, _ = prepare(clip, CONFIG)
    assert np.abs(left - right).max() > 1.0


@pytest.mark.parametrize('rate_hz', [5, 10, 20, 60])
def test_sampling_rate_does_not_matter_for_even_motion(rate_hz: int) -> None:
    expected, _ = prepare(_raising_right_hand(31), CONFIG)
    frames = rate_hz + 1
    clip = replace(
        _raising_right_hand(frames),
        stamps_ns=1 + np.round(np.arange(frames) * 1e9 / rate_hz).astype(np.int64),
    )
    got, _ = prepare(clip, CONFIG)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_hidden_joint_is_bridged_and_masked_near_its_gap() -> None:
    clip = _raising_right_hand()
    confidence = clip.confidence.copy()
    joints = clip.joints_m.copy()
    confidence[10:20, Joint.HAND_RIGHT] = 0.0
    joints[10:20, Joint.HAND_RIGHT] = 0.0
    got, mask = prepare(replace(clip, joints_m=joints, confidence=confidence), CONFIG)
    expected, _ = prepare(clip, CONFIG)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert mask[7, Joint.HAND_RIGHT] == 0.0
    assert mask[0, Joint.HAND_RIGHT] == mask[-1, Joint.HAND_RIGHT] == 1.0
    assert (np.delete(mask, Joint.HAND_RIGHT, axis=1) == 1.0).all()


def test_joint_never_seen_is_zero_with_mask_zero() -> None:
    clip = _raising_right_hand()
    confidence = clip.confidence.copy()
    confidence[:, Joint.HEAD] = 0.05
    joints, mask = prepare(replace(clip, confidence=confidence), CONFIG)
    assert not joints[:, Joint.HEAD].any()
    assert not mask[:, Joint.HEAD].any()


def test_clip_of_one_frame_is_a_pose_held() -> None:
    joints, mask = prepare(_raising_right_hand(31).between(1, 1), CONFIG)
    np.testing.assert_array_equal(joints, np.repeat(joints[:1], 16, axis=0))
    assert mask.all()


def test_travel_of_the_body_is_kept() -> None:
    clip = _raising_right_hand()
    joints = clip.joints_m.copy()
    joints[:, :, 2] -= np.linspace(0.0, 1.0, len(clip), dtype=np.float32)[:, None]
    got, _ = prepare(replace(clip, joints_m=joints), CONFIG)
    hips = got[:, [Joint.HIP_LEFT, Joint.HIP_RIGHT]].mean(axis=1)
    assert hips[0, 2] - hips[-1, 2] == pytest.approx(2.0, abs=1e-4)


def test_body_without_hips_and_shoulders_is_refused() -> None:
    clip = _raising_right_hand()
    confidence = np.zeros_like(clip.confidence)
    confidence[:, Joint.HEAD] = 1.0
    with pytest.raises(BadClipError, match='hips or both shoulders'):
        prepare(replace(clip, confidence=confidence), CONFIG)


def test_extent_is_the_way_across_of_the_two_farthest_reaching_joints() -> None:
    clip = _raising_right_hand()
    joints = clip.joints_m.copy()
    joints[:, Joint.ELBOW_RIGHT, 1] -= np.linspace(0.0, 0.3, len(clip), dtype=np.float32)
    prepared = [prepare(replace(clip, joints_m=joints), CONFIG) for _ in range(2)]
    batch, mask = (np.stack(parts) for parts in zip(*prepared, strict=True))
    # The hand rises 0.9 m and the elbow 0.3 m, on a trunk of 0.5 m.
    np.testing.assert_allclose(extents(batch, mask), [1.2, 1.2], atol=1e-4)
    mask[1, :, Joint.HAND_RIGHT] = 0.0
    np.testing.assert_allclose(extents(batch, mask), [1.2, 0.3], atol=1e-4)


def test_walking_has_no_extent_but_sinking_has() -> None:
    clip = _raising_right_hand()
    still = np.repeat(clip.joints_m[:1], len(clip), axis=0)
    ramp = np.linspace(0.0, 1.0, len(clip), dtype=np.float32)[:, None]
    walking, sinking = still.copy(), still.copy()
    walking[:, :, 2] -= ramp
    sinking[:, [*range(10), 12], 1] += 0.5 * ramp
    found = []
    for joints in (walking, sinking):
        prepared, mask = prepare(replace(clip, joints_m=joints), CONFIG)
        found.append(float(extents(prepared[None], mask[None])[0]))
    assert found == [pytest.approx(0.0, abs=1e-4), pytest.approx(1.0, abs=1e-2)]
