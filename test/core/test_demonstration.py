from __future__ import annotations

import numpy as np
import pytest
from people import standing

from skeleton_action_ros.core.config import build
from skeleton_action_ros.core.demonstration import (
    Demonstration,
    DemonstrationConfig,
    find_demonstrations,
)
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.motion import MotionConfig
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

RATE_HZ = 30


def lifting(*keys: tuple[float, float], until_s: float, noise_m: float = 0.0) -> Clip:
    """
    Make a person whose right arm (hand and elbow alike) goes from height to height.

    :param keys: (time in seconds, height in metres); in between the height changes evenly.
    """
    times_s = np.arange(round(until_s * RATE_HZ) + 1) / RATE_HZ
    joints = np.repeat(standing()[None], len(times_s), axis=0)
    height_m = np.interp(times_s, [key[0] for key in keys], [key[1] for key in keys])
    for joint in (Joint.ELBOW_RIGHT, Joint.HAND_RIGHT):
        joints[:, joint, 1] -= height_m
    joints += np.random.default_rng(5).normal(0.0, noise_m, joints.shape)
    stamps_ns = NS_PER_S + np.round(times_s * NS_PER_S).astype(np.int64)
    return Clip(
        joints.astype(np.float32), np.ones(joints.shape[:2], np.float32), stamps_ns, 'common_15'
    )


def find(clip: Clip, **values: float) -> list[Demonstration]:
    config = build(DemonstrationConfig, values)
    return find_demonstrations(clip, config, MotionConfig())


def spans_s(found: list[Demonstration]) -> list[tuple[float, float]]:
    return [(one.start_ns / NS_PER_S - 1.0, one.end_ns / NS_PER_S - 1.0) for one in found]


def assert_spans(found: list[Demonstration], *expected: tuple[float, float]) -> None:
    """Motion is known to a quarter second, as positions are averaged over 0.2 s."""
    assert len(found) == len(expected), spans_s(found)
    for span, wanted in zip(spans_s(found), expected, strict=True):
        assert span == pytest.approx(wanted, abs=0.25)


def test_up_and_down_is_one_demonstration_with_its_travel() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.0, 0.0), until_s=5.0)
    (found,) = find(clip)
    assert_spans([found], (2.0, 3.0))
    assert found.finished
    assert found.travel == pytest.approx(2.0, rel=0.2)


def test_nothing_moves() -> None:
    assert find(lifting((0.0, 0.0), until_s=4.0, noise_m=0.005)) == []


def test_pose_that_is_held_and_left_again_is_one_demonstration() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.7, 0.5), (4.2, 0.0), until_s=6.0)
    assert_spans(find(clip), (2.0, 4.2))
    assert_spans(find(clip, longest_hold_s=0.0, least_travel=0.5), (2.0, 2.5), (3.7, 4.2))


def test_pose_held_for_longer_is_two() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.6), (5.0, 0.6), (5.5, 0.0), until_s=8.0)
    assert_spans(find(clip), (2.0, 2.5), (5.0, 5.5))


def test_two_actions_with_rest_in_between_are_two() -> None:
    clip = lifting(
        (2.0, 0.0), (2.5, 0.5), (3.0, 0.0), (4.0, 0.0), (4.5, 0.5), (5.0, 0.0), until_s=7.0
    )
    assert_spans(find(clip), (2.0, 3.0), (4.0, 5.0))


def test_change_of_posture_without_coming_back_is_not_joined_with_what_follows() -> None:
    clip = lifting((2.0, 0.0), (2.6, 0.6), (3.6, 0.6), (4.2, 1.2), until_s=7.0)
    assert_spans(find(clip), (2.0, 2.6), (3.6, 4.2))


def test_pose_reached_and_left_in_stages_is_one() -> None:
    clip = lifting(
        (2.0, 0.0), (2.5, 0.4), (3.5, 0.4), (4.0, 0.8), (5.0, 0.8), (5.8, 0.0), until_s=8.0
    )
    assert_spans(find(clip), (2.0, 5.8))


def test_way_back_that_goes_on_keeps_the_demonstration_open() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.5, 0.5), (5.5, -0.5), until_s=4.5)
    (found,) = find(clip)
    assert_spans([found], (2.0, 4.5))
    assert not found.finished


@pytest.mark.parametrize(('rest_s', 'finished'), [(0.4, False), (1.0, True)])
def test_finished_after_a_rest(rest_s: float, finished: bool) -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.0, 0.0), until_s=3.0 + rest_s)
    assert [one.finished for one in find(clip)] == [finished]


def test_fidget_alone_is_no_demonstration() -> None:
    clip = lifting((2.0, 0.0), (2.3, 0.2), (2.6, 0.0), until_s=5.0)
    assert find(clip) == []
    assert_spans(find(clip, least_travel=0.3), (2.0, 2.6))


def test_fidgets_close_before_and_after_are_cut_off() -> None:
    fidget = [(0.0, 0.0), (0.25, 0.18), (0.5, 0.0)]
    keys = [(1.5 + at_s, height_m) for at_s, height_m in fidget]
    keys += [(2.5, 0.0), (3.0, 0.6), (3.5, 0.0)]
    keys += [(4.0 + at_s, height_m) for at_s, height_m in fidget]
    assert_spans(find(lifting(*keys, until_s=7.0)), (2.5, 3.5))


def test_fidget_that_goes_on_does_not_keep_the_demonstration_open() -> None:
    keys = [(2.0, 0.0), (2.5, 0.6), (3.0, 0.0), (3.4, 0.0), (3.65, 0.18), (3.9, 0.0)]
    (found,) = find(lifting(*keys, until_s=4.2))
    assert_spans([found], (2.0, 3.0))
    assert found.finished


def test_small_repeated_movement_stays_whole() -> None:
    keys = [(1.0, 0.0)]
    for index in range(5):
        start_s = 2.0 + index * 0.9
        keys += [(start_s, 0.0), (start_s + 0.25, 0.2), (start_s + 0.5, 0.0)]
    (found,) = find(lifting(*keys, until_s=9.0))
    assert_spans([found], (2.0, 6.1))


def test_walking_while_holding_is_not_taken_for_another_posture() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.7, 0.5), (4.2, 0.0), until_s=6.0)
    away = np.clip((clip.stamps_ns - NS_PER_S) / NS_PER_S, 2.0, 4.2) - 2.0
    clip.joints_m[..., 0] += (0.2 * away)[:, None].astype(np.float32)
    assert_spans(find(clip), (2.0, 4.2))


def test_hidden_joints_do_not_decide() -> None:
    clip = lifting((2.0, 0.0), (2.5, 0.5), (3.7, 0.5), (4.2, 0.0), until_s=6.0)
    hidden = [Joint.HAND_LEFT, Joint.FOOT_LEFT, Joint.HEAD]
    clip.confidence[90:, hidden] = 0.0
    clip.joints_m[90:, hidden] = 9.0
    assert_spans(find(clip), (2.0, 4.2))


def test_motion_at_the_very_start_is_found() -> None:
    clip = lifting((0.0, 0.0), (0.5, 0.5), (1.0, 0.0), until_s=3.0)
    assert_spans(find(clip), (0.0, 1.0))
