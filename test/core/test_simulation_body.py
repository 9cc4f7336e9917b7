from __future__ import annotations

import numpy as np
import pytest
from simulated import clean_clip

from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.layouts import K4abt32 as Joint
from skeleton_action_ros.core.simulation import ACTIONS, Person
from skeleton_action_ros.core.simulation.body import joints_of, make_body
from skeleton_action_ros.core.simulation.motion import interpolate
from skeleton_action_ros.core.simulation.person import to_optical
from skeleton_action_ros.core.simulation.poses import Arm, Key, Manner, resolve, resting
from skeleton_action_ros.core.simulation.rotations import (
    about,
    matrix_of,
    multiply,
    part_way,
    quaternion_of,
    small_turn,
    tilted,
)

SIDES = ('LEFT', 'RIGHT')


def rotated(vector: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    """Rodrigues' formula, one vector."""
    return (
        vector * np.cos(angle)
        + np.cross(axis, vector) * np.sin(angle)
        + axis * np.dot(axis, vector) * (1 - np.cos(angle))
    )


def turn_matrix(axis: np.ndarray, angle: float) -> np.ndarray:
    return np.stack([rotated(column, axis, angle) for column in np.eye(3)], axis=1)


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_about_turns_right_handed(axis: int) -> None:
    matrix = about(axis, np.array([0.3, -2.0]))
    for at, angle in enumerate((0.3, -2.0)):
        np.testing.assert_allclose(matrix[at], turn_matrix(np.eye(3)[axis], angle), atol=1e-12)


def test_quaternions_and_matrices_agree() -> None:
    rng = np.random.default_rng(1)
    for angle in (*rng.uniform(-3.1, 3.1, 40), 0.0, np.pi, -np.pi):
        axis = rng.standard_normal(3)
        axis /= np.linalg.norm(axis)
        matrix = turn_matrix(axis, angle)
        quaternion = quaternion_of(matrix)
        assert quaternion[0] >= 0.0
        np.testing.assert_allclose(matrix_of(3.0 * quaternion[None])[0], matrix, atol=1e-9)
        np.testing.assert_allclose(matrix_of(small_turn(axis[None] * angle))[0], matrix, atol=1e-9)


def test_multiply_turns_by_the_second_first() -> None:
    first, second = small_turn(np.array([[0.5, 0.0, 0.0], [0.0, 1.2, 0.3]]))
    product = multiply(first[None], second[None])
    expected = matrix_of(first[None]) @ matrix_of(second[None])
    np.testing.assert_allclose(matrix_of(product), expected, atol=1e-12)


def test_part_way_takes_a_share_of_the_shortest_turn() -> None:
    start, end = small_turn(np.array([[0.0, 0.0, 0.2], [0.0, 0.0, 1.2]]))
    for sign in (1.0, -1.0):
        half = part_way(start, sign * end, 0.5)
        expected = about(2, np.array([0.7]))
        np.testing.assert_allclose(matrix_of(half[None]), expected, atol=1e-9)
    beyond = part_way(start, end, 1.1)
    np.testing.assert_allclose(matrix_of(beyond[None]), about(2, np.array([1.3])), atol=1e-9)


def test_tilted_rolls_first_and_yaws_last() -> None:
    pitch, roll, yaw = (np.array([value]) for value in (0.4, -0.3, 1.0))
    expected = about(1, yaw)[0] @ (about(0, pitch)[0] @ about(2, roll)[0])
    np.testing.assert_allclose(tilted(pitch, roll, yaw)[0], expected, atol=1e-12)


def test_interpolation_meets_its_keys_and_never_overshoots() -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.1, 1.0, 12))
    values = rng.standard_normal((12, 4))
    np.testing.assert_allclose(interpolate(times, values, times), values, atol=1e-12)
    for before in range(11):
        at = np.linspace(times[before], times[before + 1], 50)
        between = interpolate(times, values, at)
        low = np.minimum(values[before], values[before + 1])
        high = np.maximum(values[before], values[before + 1])
        assert (between >= low - 1e-9).all()
        assert (between <= high + 1e-9).all()


def test_interpolation_is_smooth_and_rests_at_both_ends() -> None:
    times, values = np.array([0.0, 1.0, 1.5, 3.0]), np.array([[0.0], [1.0], [3.0], [2.0]])
    at = np.linspace(-0.5, 3.5, 40001)
    speed = np.diff(interpolate(times, values, at)[:, 0]) / np.diff(at)
    assert np.abs(np.diff(speed)).max() < 0.01  # no jump of speed at a key
    assert abs(speed[np.searchsorted(at, 1.0)]) > 0.5  # flows through a key on its way
    for rest in (0.0, 1.5, 3.0):  # rests at the ends, stops where it turns back
        assert abs(speed[np.searchsorted(at, rest)]) < 0.01


@pytest.mark.parametrize('name', ACTIONS)
def test_bones_keep_their_length_in_every_frame(name: str) -> None:
    joints = clean_clip(name, seed=4, margin_s=0.3).joints_m.astype(np.float64)
    for parent, child in LAYOUTS['k4abt_32'].bones:
        length = np.linalg.norm(joints[:, child] - joints[:, parent], axis=1)
        assert np.ptp(length) < 1e-4, (Joint(parent).name, Joint(child).name)
        assert length[0] > 0.01


@pytest.mark.parametrize('name', ACTIONS)
def test_left_and_right_limbs_are_equally_long(name: str) -> None:
    first = clean_clip(name, seed=4).joints_m[0].astype(np.float64)
    for bone in (('SHOULDER', 'ELBOW'), ('ELBOW', 'WRIST'), ('HIP', 'KNEE'), ('KNEE', 'ANKLE')):
        left, right = (
            np.linalg.norm(first[Joint[f'{bone[0]}_{side}']] - first[Joint[f'{bone[1]}_{side}']])
            for side in SIDES
        )
        assert left == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize('name', ACTIONS)
def test_knees_and_elbows_bend_the_right_way(name: str) -> None:
    for seed in range(3):
        joints = clean_clip(name, seed=seed).joints_m.astype(np.float64)
        spine = joints[:, Joint.SPINE_NAVEL] - joints[:, Joint.PELVIS]
        chest = joints[:, Joint.NECK] - joints[:, Joint.SPINE_CHEST]
        hips_across = joints[:, Joint.HIP_LEFT] - joints[:, Joint.HIP_RIGHT]
        shoulders_across = joints[:, Joint.SHOULDER_LEFT] - joints[:, Joint.SHOULDER_RIGHT]
        forward = unit(np.cross(hips_across, spine))
        chest_forward, chest_up = unit(np.cross(shoulders_across, chest)), unit(chest)
        for side in SIDES:
            hip, knee, ankle, shoulder, elbow, wrist = (
                joints[:, Joint[f'{part}_{side}']]
                for part in ('HIP', 'KNEE', 'ANKLE', 'SHOULDER', 'ELBOW', 'WRIST')
            )
            leg = unit(ankle - hip)
            assert dot(knee - hip - dot(knee - hip, leg)[:, None] * leg, forward).min() > 0.0
            upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
            assert dot(upper, fore).min() > np.cos(np.radians(150.0))
            bend = fore - dot(fore, upper)[:, None] * upper
            hanging = -dot(upper, chest_up) > np.cos(np.radians(30.0))
            assert (dot(bend, chest_forward)[hanging] > -0.2).all()


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1)


@pytest.mark.parametrize('name', ACTIONS)
def test_feet_stay_above_the_floor(name: str) -> None:
    person = Person(camera_tilt_deg=0.0, camera_height_m=1.0)
    joints = clean_clip(name, person=person, margin_s=0.3).joints_m
    heights = 1.0 - joints[:, :, 1]  # y points down from a level camera 1 m up
    assert heights.min() > 0.0


@pytest.mark.parametrize(
    'name', ['wave_right', 'squat', 'bow', 'pick_up', 'sit_down', 'golf_swing']
)
def test_a_standing_foot_does_not_slide(name: str) -> None:
    joints = clean_clip(name, margin_s=0.5).joints_m
    moved = np.ptp(joints[:, Joint.ANKLE_LEFT], axis=0)
    np.testing.assert_allclose(moved, 0.0, atol=0.003)


def test_squatting_and_sitting_lower_the_pelvis() -> None:
    person = Person(height_m=1.7, camera_tilt_deg=0.0, camera_height_m=1.0)
    squat = 1.0 - clean_clip('squat', person=person).joints_m[:, Joint.PELVIS, 1]
    assert squat[0] == pytest.approx(0.514 * 1.7, abs=0.04)
    assert squat.min() < squat[0] - 0.2
    seat = clean_clip('sit_down', person=person).joints_m[-1]
    above_knee = seat[Joint.KNEE_LEFT, 1] - seat[Joint.PELVIS, 1]  # y points down
    assert -0.08 < above_knee < 0.15
    assert seat[Joint.PELVIS, 2] - seat[Joint.ANKLE_LEFT, 2] > 0.2  # behind the feet


@pytest.mark.parametrize('height_m', [1.5, 2.0])
def test_the_body_is_as_tall_as_asked(height_m: float) -> None:
    person = Person(height_m=height_m, camera_tilt_deg=0.0, camera_height_m=1.0)
    start = clean_clip('wave_right', person=person).joints_m[0]
    eyes = 1.0 - start[Joint.EYE_LEFT, 1]
    assert eyes == pytest.approx(0.94 * height_m, abs=0.02 * height_m)


def test_the_body_frame_faces_the_camera_from_where_the_person_stands() -> None:
    body_points = np.array([[[0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]])
    person = Person(x_m=3.0, z_m=4.0, camera_height_m=1.0, camera_tilt_deg=0.0)
    here, ahead, left = to_optical(person, body_points)[0]
    np.testing.assert_allclose(here, (3.0, 0.0, 4.0), atol=1e-9)
    np.testing.assert_allclose(ahead, (3.0 - 0.6, 0.0, 4.0 - 0.8), atol=1e-9)
    np.testing.assert_allclose(left, (3.0 + 0.8, 0.0, 4.0 - 0.6), atol=1e-9)


def test_a_positive_heading_turns_the_person_to_their_left() -> None:
    body_points = np.array([[[0.0, 1.0, 1.0]]])
    person = Person(z_m=2.0, heading_deg=90.0, camera_height_m=1.0, camera_tilt_deg=0.0)
    np.testing.assert_allclose(to_optical(person, body_points)[0, 0], (1.0, 0.0, 2.0), atol=1e-9)


def test_a_camera_that_looks_down_sees_the_far_floor_higher() -> None:
    body_points = np.array([[[0.0, 0.0, 0.0]]])
    person = Person(z_m=1.0, camera_height_m=1.0, camera_tilt_deg=45.0)
    seen = to_optical(person, body_points)[0, 0]
    np.testing.assert_allclose(seen, (0.0, 0.0, np.sqrt(2.0)), atol=1e-9)


def test_an_arm_goes_the_short_way_between_two_poses() -> None:
    """Overhead and a little to the front or the back, quaternions of w >= 0 are far apart."""
    body = make_body(1.7)
    rests = {False: resting(body, False, 10.0, 15.0, 0.05, 10.0, 2.0, 1.0)}
    none = np.zeros(3)
    manner = Manner(1.0, {'left': none, 'right': none}, 0.0, none)
    keys = [Key(0.0, right=Arm((0.02, 1.0, ahead))) for ahead in (0.15, -0.15)]
    poses = resolve(keys, body, rests, manner, np.random.default_rng(0))
    between = interpolate(np.array([0.0, 1.0]), poses, np.linspace(0.0, 1.0, 21))
    upper = (
        joints_of(body, between)[:, Joint.ELBOW_RIGHT]
        - joints_of(body, between)[:, Joint.SHOULDER_RIGHT]
    )
    assert (unit(upper)[:, 1] > 0.97).all()  # it stays overhead on its way
