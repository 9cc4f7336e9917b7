from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import SECOND, circling

from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.motion import (
    MotionConfig,
    find_motions,
    motion_energy,
    trim_to_motion,
)

CONFIG = MotionConfig()


def test_energy_is_the_speed_of_the_two_fastest_joints_in_trunk_lengths() -> None:
    clip = circling([(0.0, 3.0)], 3.0, radius_m=0.3, rate_hz=60.0)
    # Hand 2 pi 0.3 m/s, elbow half of it; the trunk is 0.5 m. Averaging over 0.2 s shortens the
    # chord: sin(x)/x for the box of 0.2 s and for the step of 0.2 s, x = pi 0.2.
    shortened = (np.sin(np.pi * 0.2) / (np.pi * 0.2)) ** 2
    expected = np.sqrt((1.0 + 0.25) / 2) * 2 * np.pi * 0.3 / 0.5 * shortened
    middle = motion_energy(clip)[30:-30]
    np.testing.assert_allclose(middle, expected, rtol=0.06)


@pytest.mark.parametrize('rate_hz', [5.0, 10.0, 15.0, 30.0, 60.0])
def test_one_motion_is_found_at_any_rate(rate_hz: float) -> None:
    motions = find_motions(circling([(1.0, 3.0)], 5.0, rate_hz=rate_hz), CONFIG)
    assert len(motions) == 1
    assert motions[0].start_ns / SECOND == pytest.approx(2.0, abs=0.2)
    assert motions[0].end_ns / SECOND == pytest.approx(4.0, abs=0.2)
    assert motions[0].finished


def test_sensor_noise_of_a_centimetre_is_not_motion() -> None:
    assert find_motions(circling([], 10.0, noise_m=0.01), CONFIG) == []


def test_one_hand_alone_is_enough_motion() -> None:
    clip = circling([(1.0, 3.0)], 5.0, radius_m=0.15)
    joints = clip.joints_m.copy()
    joints[:, Joint.ELBOW_RIGHT] = joints[0, Joint.ELBOW_RIGHT]
    assert len(find_motions(replace(clip, joints_m=joints), CONFIG)) == 1


def test_short_pause_joins_and_long_pause_parts() -> None:
    joined = find_motions(circling([(0.5, 1.5), (1.8, 2.8)], 4.0), CONFIG)
    parted = find_motions(circling([(0.5, 1.5), (3.0, 4.0)], 5.0), CONFIG)
    assert len(joined) == 1
    assert [motion.finished for motion in parted] == [True, True]


def test_motion_up_to_the_last_frame_is_not_finished() -> None:
    motions = find_motions(circling([(1.0, 3.0)], 3.0), CONFIG)
    assert [motion.finished for motion in motions] == [False]


def test_twitch_is_no_motion() -> None:
    assert find_motions(circling([(1.0, 1.1)], 3.0, radius_m=0.1), CONFIG) == []


def test_walking_bodies_move_even_when_their_limbs_do_not() -> None:
    clip = circling([], 3.0)
    joints = clip.joints_m + np.linspace(0, 3, len(clip), dtype=np.float32)[:, None, None]
    assert len(find_motions(replace(clip, joints_m=joints), CONFIG)) == 1


def test_hidden_joint_that_comes_back_elsewhere_is_no_motion() -> None:
    clip = circling([], 3.0)
    joints, confidence = clip.joints_m.copy(), clip.confidence.copy()
    confidence[40:50, 5] = 0.0
    joints[50:, 5] += 0.3
    moved = replace(clip, joints_m=joints, confidence=confidence)
    assert find_motions(moved, CONFIG) == []


def test_trimming_cuts_stillness_at_both_ends() -> None:
    trimmed = trim_to_motion(circling([(1.0, 2.0), (3.5, 4.5)], 7.0), CONFIG)
    assert trimmed.stamps_ns[0] / SECOND == pytest.approx(2.0, abs=0.2)
    assert trimmed.stamps_ns[-1] / SECOND == pytest.approx(5.5, abs=0.2)


def test_still_clip_is_not_trimmed() -> None:
    clip = circling([], 2.0)
    assert trim_to_motion(clip, CONFIG) is clip


def test_clip_of_one_frame_has_no_energy() -> None:
    clip = circling([], 1.0).between(SECOND, SECOND)
    assert motion_energy(clip).tolist() == [0.0]
    assert find_motions(clip, CONFIG) == []
