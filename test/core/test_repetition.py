from __future__ import annotations

from dataclasses import replace

import numpy as np
from people import SECOND, circling, standing

from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.repetition import repeats
from skeleton_action_ros.core.skeleton import Clip


def _raising(duration_s: float) -> Clip:
    """Make a person who raises a hand slowly, all the time."""
    clip = circling([], duration_s)
    joints = clip.joints_m.copy()
    joints[:, Joint.HAND_RIGHT, 1] -= np.linspace(0.0, 0.7, len(clip), dtype=np.float32)
    return replace(clip, joints_m=joints)


def test_circling_once_a_second_repeats_after_the_second_circle() -> None:
    clip = circling([(0.0, 6.0)], 6.0, noise_m=0.01)
    found = {
        stop_s: repeats(clip.between(SECOND, round((1.0 + stop_s) * SECOND)), 0)
        for stop_s in (1.0, 1.5, 2.5, 6.0)
    }
    assert found == {1.0: False, 1.5: False, 2.5: True, 6.0: True}


def test_only_what_came_since_counts() -> None:
    clip = circling([(0.0, 6.0)], 6.0)
    assert repeats(clip, 5 * SECOND)
    assert not repeats(clip, round(5.5 * SECOND))


def test_raising_a_hand_and_standing_in_noise_do_not_repeat() -> None:
    assert not repeats(_raising(3.0), 0)
    assert not repeats(circling([], 3.0, noise_m=0.01), 0)


def test_walking_on_while_circling_makes_no_difference() -> None:
    clip = circling([(0.0, 4.0)], 4.0)
    way = np.linspace(0.0, 4.0, len(clip), dtype=np.float32)[:, None]
    joints = clip.joints_m.copy()
    joints[..., 0] += way
    assert repeats(replace(clip, joints_m=joints), 0)


def test_joints_that_are_not_seen_all_the_time_are_left_out() -> None:
    clip = circling([(0.0, 4.0)], 4.0)
    hidden = clip.confidence.copy()
    hidden[-20, Joint.HAND_RIGHT] = 0.0
    joints = clip.joints_m.copy()
    joints[-20, Joint.HAND_RIGHT] = standing()[Joint.HAND_RIGHT] + 3.0
    assert repeats(replace(clip, joints_m=joints, confidence=hidden), 0)
    assert not repeats(replace(clip, confidence=np.zeros_like(hidden)), 0)
