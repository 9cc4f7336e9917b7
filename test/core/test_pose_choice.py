"""One person, no jumps: which hypothesis, and which reading of it, is taken."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.core.pose_choice import (
    ChoiceConfig,
    PoseChooser,
    best_path,
    image_shift,
    jumps_m,
    readings,
)
from skeleton_action_ros.core.pose_estimation import ImagePose

STEP_NS = 33_000_000
LAYOUT = 'mediapipe_33'


def person(column_px: float = 300.0, reach_m: float = 0.4, certainty: float = 0.9) -> ImagePose:
    """Somebody who faces the camera, the right hand held out to it; 200 pixels tall."""
    joints = np.zeros((33, 3), np.float32)
    for joint in Mediapipe33:
        side = joint.name.rsplit('_', 1)[-1]
        joints[joint, 0] = {'LEFT': 0.2, 'RIGHT': -0.2}.get(side, 0.0)
        joints[joint, 1] = -0.8 + 0.05 * joint
    joints[Mediapipe33.WRIST_RIGHT, 2] = -reach_m
    image = joints[:, :2] * 125.0 + np.array([column_px, 200.0], np.float32)
    return ImagePose(image.astype(np.float32), joints, np.ones(33, np.float32), certainty)


def flipped(pose: ImagePose) -> ImagePose:
    """What an estimator says that takes the front for the back."""
    order = list(range(33))
    for left in Mediapipe33:
        if left.name.endswith('_LEFT'):
            right = Mediapipe33[left.name[: -len('LEFT')] + 'RIGHT']
            order[left], order[right] = right, left
    joints = pose.joints_m[order] * np.array([1, 1, -1], np.float32)
    return replace(pose, image_px=pose.image_px[order], joints_m=joints)


def chosen(
    frames: list[list[ImagePose]], config: ChoiceConfig | None = None
) -> list[tuple[int, ImagePose]]:
    chooser = PoseChooser(config or ChoiceConfig(), LAYOUT)
    out = []
    for number, hypotheses in enumerate(frames, 1):
        out += chooser.push(number * STEP_NS, hypotheses)
    return out + chooser.finish()


def hand(pose: ImagePose) -> list[float]:
    return [round(float(value), 3) for value in pose.joints_m[Mediapipe33.WRIST_RIGHT]]


def test_readings_begin_with_the_estimators_own_and_have_the_flip_undone() -> None:
    pose = person()
    own, swapped, turned, legs = readings(flipped(pose), LAYOUT)
    assert np.array_equal(own.joints_m, flipped(pose).joints_m)
    assert np.allclose(turned.joints_m, pose.joints_m)
    assert np.array_equal(turned.image_px, pose.image_px)
    assert hand(swapped) == [-0.2, hand(pose)[1], 0.4]
    moved = np.abs(legs.joints_m - own.joints_m).max(axis=1) > 0
    assert {Mediapipe33(joint).name.rsplit('_', 1)[0] for joint in np.flatnonzero(moved)} == {
        'HIP',
        'KNEE',
        'ANKLE',
        'HEEL',
        'FOOT_INDEX',
    }


def test_single_image_is_taken_as_it_is() -> None:
    pose = person()
    ((stamp_ns, taken),) = chosen([[pose]])
    assert stamp_ns == STEP_NS
    assert taken.joints_m is pose.joints_m


@pytest.mark.parametrize('lookahead', [0, 3])
def test_front_taken_for_back_in_a_few_images_is_repaired(lookahead: int) -> None:
    right = person()
    frames = [[right], [right], [flipped(right)], [flipped(right)], [right], [right]]
    poses = chosen(frames, ChoiceConfig(lookahead_frames=lookahead))
    assert [stamp_ns // STEP_NS for stamp_ns, _ in poses] == [1, 2, 3, 4, 5, 6]
    assert {tuple(hand(pose)) for _, pose in poses} == {tuple(hand(right))}


def test_who_stays_turned_is_believed_within_two_seconds() -> None:
    right = person()
    poses = chosen([[right]] * 3 + [[flipped(right)]] * 60)
    assert hand(poses[3][1]) == hand(right)
    assert np.allclose(poses[-1][1].joints_m, flipped(right).joints_m)


def test_wrong_first_image_is_undone_where_later_ones_may_be_waited_for() -> None:
    right = person()
    frames = [[flipped(right)]] + [[right]] * 60
    assert hand(chosen(frames)[0][1]) != hand(right)
    patient = chosen(frames, ChoiceConfig(lookahead_frames=60))
    assert hand(patient[0][1]) == hand(right)


def test_hypothesis_that_does_not_jump_wins_over_a_surer_one() -> None:
    near = person(reach_m=0.42, certainty=0.7)
    far = person(reach_m=0.4, certainty=0.99)
    joints = far.joints_m.copy()
    joints[Mediapipe33.WRIST_RIGHT] += 4.0
    jumping = replace(far, joints_m=joints)
    poses = chosen([[person()], [jumping, near]])
    assert hand(poses[1][1]) == hand(near)


def test_another_person_is_not_taken_while_the_followed_one_is_there() -> None:
    own, other = person(column_px=300.0, certainty=0.5), person(column_px=500.0, certainty=1.0)
    poses = chosen([[own], [other, own], [other, own]])
    assert [float(pose.image_px[0, 0]) for _, pose in poses] == [300.0, 300.0, 300.0]


def test_whoever_is_alone_in_the_image_is_taken() -> None:
    poses = chosen([[person(column_px=100.0)], [person(column_px=500.0)]])
    assert float(poses[1][1].image_px[0, 0]) == 500.0


def test_poses_come_as_late_as_asked_and_each_once() -> None:
    chooser = PoseChooser(ChoiceConfig(lookahead_frames=2), LAYOUT)
    came = [
        [stamp_ns // STEP_NS for stamp_ns, _ in chooser.push(number * STEP_NS, [person()])]
        for number in range(1, 6)
    ]
    assert came == [[], [], [1], [2], [3]]
    assert [stamp_ns // STEP_NS for stamp_ns, _ in chooser.finish()] == [4, 5]
    assert chooser.finish() == []


def test_best_path_equals_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        own = rng.random((4, 3))
        between = rng.random((3, 3, 3))
        costs, came_from = [own[0]], [np.zeros(3, np.int64)]
        for step in range(3):
            totals = costs[-1][:, None] + between[step]
            came_from.append(totals.argmin(axis=0))
            costs.append(totals.min(axis=0) + own[step + 1])

        def total(path: tuple[int, ...], own: np.ndarray = own, way: np.ndarray = between) -> float:
            return sum(own[at, state] for at, state in enumerate(path)) + sum(
                way[at, path[at], path[at + 1]] for at in range(3)
            )

        best = min(itertools.product(range(3), repeat=4), key=total)
        assert best_path(costs, came_from) == list(best)


def test_jumps_are_mean_ways_of_the_joints_seen_in_both() -> None:
    before, after = person(), person()
    joints = after.joints_m.copy()
    joints[0] += (3.0, 0.0, 4.0)  # 5 m
    seen = np.zeros(33, np.float32)
    seen[[0, 1]] = 1.0
    moved = replace(after, joints_m=joints, visibility=seen)
    assert jumps_m([before], [moved, after]) == pytest.approx(np.array([[2.5, 0.0]]), abs=1e-3)


def test_image_shift_is_counted_in_body_heights() -> None:
    # From the nose to the last toes are 32 steps of 0.05 m, 125 pixels a metre: 200 pixels.
    assert image_shift(person(300.0), person(350.0)) == pytest.approx(0.25, abs=1e-4)
