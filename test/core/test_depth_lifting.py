"""Joints of an image in the room: lens, registration of depth, what depth says of each joint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.depth_lifting import (
    BEHIND,
    OCCLUDED,
    UNMEASURED,
    lift,
)
from skeleton_action_ros.core.depth_registration import DepthRegistration, scaled
from skeleton_action_ros.core.errors import BadSkeletonError, ImageError
from skeleton_action_ros.core.layouts import Mediapipe33 as Joint
from skeleton_action_ros.core.lens import Lens
from skeleton_action_ros.core.pose_estimation import ImagePose

CAMERA = Intrinsics((250.0, 250.0), (159.5, 119.5))
SIZE = (240, 320)
WALL_M = 6.0
# As of a real colour camera: strong terms that nearly cancel.
KINECT = (0.33, -2.489, -0.00016, -0.00013, 1.4537, 0.2089, -2.3029, 1.3751)


def person(at_m: tuple[float, float, float] = (0.0, 0.1, 2.5), size: float = 1.0) -> np.ndarray:
    """Return (33, 3): somebody who faces the camera, the arms away from the trunk."""
    joints = np.zeros((33, 3))
    for joint in Joint:  # all of the face
        joints[joint] = (0.0, -0.68, -0.03)
    for sign, side in ((1, 'LEFT'), (-1, 'RIGHT')):
        joints[Joint[f'EAR_{side}']] = (0.08 * sign, -0.68, 0.0)
        joints[Joint[f'SHOULDER_{side}']] = (0.19 * sign, -0.48, 0.0)
        joints[Joint[f'ELBOW_{side}']] = (0.42 * sign, -0.35, -0.1)
        for name, reach in (('WRIST', 0.62), ('PINKY', 0.7), ('INDEX', 0.72), ('THUMB', 0.68)):
            joints[Joint[f'{name}_{side}']] = (reach * sign, -0.4, -0.25)
        joints[Joint[f'HIP_{side}']] = (0.11 * sign, 0.0, 0.0)
        joints[Joint[f'KNEE_{side}']] = (0.14 * sign, 0.42, -0.05)
        joints[Joint[f'ANKLE_{side}']] = (0.15 * sign, 0.82, 0.05)
        joints[Joint[f'HEEL_{side}']] = (0.15 * sign, 0.86, 0.06)
        joints[Joint[f'FOOT_INDEX_{side}']] = (0.32 * sign, 0.88, 0.02)
    return joints * size + np.array(at_m)


def pixels(joints: np.ndarray, camera: Intrinsics = CAMERA) -> np.ndarray:
    return joints[:, :2] / joints[:, 2:] * camera.focal_px + camera.centre_px


def pose_of(joints: np.ndarray, size: float = 1.0) -> ImagePose:
    """What an estimator that is always right, but knows no size, says of a person."""
    hips = joints[[Joint.HIP_LEFT, Joint.HIP_RIGHT]].mean(axis=0)
    return ImagePose(
        pixels(joints).astype(np.float32),
        ((joints - hips) / size).astype(np.float32),
        np.full(33, 0.9, np.float32),
        1.0,
    )


def depth_of(joints: np.ndarray, wall_m: float = WALL_M) -> np.ndarray:
    """Paint a disc of 5 cm, 3 cm before each joint (8 before those of the trunk), before a wall."""
    depth = np.full(SIZE, wall_m, np.float32)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for joint, (column, row) in zip(Joint, pixels(joints), strict=True):
        z = joints[joint, 2]
        trunk = joint.name.split('_')[0] in ('SHOULDER', 'HIP')
        face = joint.name == 'NOSE' or joint.name.startswith(('EYE', 'MOUTH'))
        disc = (columns - column) ** 2 + (rows - row) ** 2 <= (0.05 * 250 / z) ** 2
        depth[disc] = np.minimum(depth[disc], z - (0.08 if trunk else 0.0 if face else 0.03))
    return depth


def disc_at(joints: np.ndarray, joint: Joint, radius_m: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    column, row = pixels(joints)[joint]
    return (columns - column) ** 2 + (rows - row) ** 2 <= (radius_m * 250 / joints[joint, 2]) ** 2


@pytest.mark.parametrize('size', [0.65, 1.0, 1.2])
@pytest.mark.parametrize('at_m', [(0.0, 0.0, 2.5), (0.6, 0.1, 3.5), (-0.4, 0.05, 2.4)])
def test_joints_come_to_where_the_person_stands_whatever_her_size(
    at_m: tuple[float, float, float], size: float
) -> None:
    joints = person(at_m, size)
    lifted, confidence = lift(pose_of(joints, size), depth_of(joints), CAMERA)
    assert np.abs(lifted - joints).max() < 0.03
    assert confidence.min() > 0.8


def test_a_joint_behind_something_is_where_the_body_says_and_hardly_sure() -> None:
    joints = person()
    depth = depth_of(joints)
    depth[disc_at(joints, Joint.KNEE_LEFT, 0.2)] = 1.2  # a chair
    lifted, confidence = lift(pose_of(joints), depth, CAMERA)
    assert np.abs(lifted[Joint.KNEE_LEFT] - joints[Joint.KNEE_LEFT]).max() < 0.05
    assert confidence[Joint.KNEE_LEFT] == pytest.approx(0.9 * OCCLUDED)
    assert confidence[Joint.KNEE_RIGHT] > 0.8


def test_a_joint_in_a_hole_of_the_depth_image_keeps_its_place() -> None:
    joints = person()
    depth = depth_of(joints)
    depth[disc_at(joints, Joint.WRIST_RIGHT, 0.2)] = 0.0
    depth[disc_at(joints, Joint.ELBOW_RIGHT, 0.1)] = np.nan
    lifted, confidence = lift(pose_of(joints), depth, CAMERA)
    for joint in (Joint.WRIST_RIGHT, Joint.ELBOW_RIGHT):
        assert np.abs(lifted[joint] - joints[joint]).max() < 0.05
        assert confidence[joint] == pytest.approx(0.9 * UNMEASURED)
    assert np.isfinite(lifted).all()


def test_where_only_the_wall_is_measured_the_joint_does_not_go_there() -> None:
    joints = person()
    depth = depth_of(joints)
    depth[disc_at(joints, Joint.ANKLE_LEFT, 0.2)] = WALL_M
    lifted, confidence = lift(pose_of(joints), depth, CAMERA)
    assert abs(lifted[Joint.ANKLE_LEFT, 2] - joints[Joint.ANKLE_LEFT, 2]) < 0.05
    assert confidence[Joint.ANKLE_LEFT] == pytest.approx(0.9 * BEHIND)


def test_depth_mends_what_the_estimator_took_for_deeper_and_lowers_its_confidence() -> None:
    joints = person()
    pose = pose_of(joints)
    pose.joints_m[Joint.WRIST_LEFT, 2] += 0.2
    lifted, confidence = lift(pose, depth_of(joints), CAMERA)
    assert np.abs(lifted[Joint.WRIST_LEFT] - joints[Joint.WRIST_LEFT]).max() < 0.04
    assert 0.4 < confidence[Joint.WRIST_LEFT] < 0.75 < confidence[Joint.WRIST_RIGHT]


def test_a_joint_outside_the_image_is_not_measured() -> None:
    joints = person((0.0, 0.9, 2.0))
    lifted, confidence = lift(pose_of(joints), depth_of(joints), CAMERA)
    assert pixels(joints)[Joint.ANKLE_LEFT, 1] > SIZE[0]
    assert confidence[Joint.ANKLE_LEFT] == pytest.approx(0.9 * UNMEASURED)
    assert np.abs(lifted[Joint.ANKLE_LEFT] - joints[Joint.ANKLE_LEFT]).max() < 0.1


def test_without_depth_there_is_nobody_in_the_room() -> None:
    joints = person()
    with pytest.raises(BadSkeletonError, match='4 well seen joints or more, got 0 of 33') as caught:
        lift(pose_of(joints), np.zeros(SIZE, np.float32), CAMERA)
    assert caught.value.reason == 'no_depth'


def test_a_poster_on_a_far_wall_and_a_doll_are_nobody() -> None:
    joints = person()
    for wall_m in (0.9, 20.0):  # she would be a third, or eight times, as large
        with pytest.raises(BadSkeletonError, match='times as large') as caught:
            lift(pose_of(joints), np.full(SIZE, wall_m, np.float32), CAMERA)
        assert caught.value.reason == 'implausible_size'


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), unmeasured=st.floats(0.0, 1.0))
def test_any_depth_image_gives_finite_joints_or_a_reason(seed: int, unmeasured: float) -> None:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.2, 8.0, (48, 64)).astype(np.float32)
    depth[rng.random(depth.shape) < unmeasured] = rng.choice([0.0, np.nan, np.inf])
    pose = ImagePose(
        rng.uniform(-20.0, 80.0, (33, 2)).astype(np.float32),
        rng.uniform(-1.0, 1.0, (33, 3)).astype(np.float32),
        rng.random(33).astype(np.float32),
        1.0,
    )
    reason = ''
    lifted, confidence = np.zeros((33, 3)), np.zeros(33)
    try:
        lifted, confidence = lift(pose, depth, scaled(CAMERA, 0.2))
    except BadSkeletonError as error:
        reason = error.reason
    assert reason in ('', 'no_depth', 'implausible_size')
    assert np.isfinite(lifted).all()
    assert ((confidence >= 0.0) & (confidence <= pose.visibility)).all()


def test_a_lens_inverts_its_distortion() -> None:
    lens = Lens(Intrinsics((612.0, 612.0), (639.3, 365.9)), KINECT)
    rays = np.stack(np.meshgrid(np.linspace(-0.8, 0.8, 9), np.linspace(-0.5, 0.5, 7)), axis=-1)
    seen_px = lens.distorted(rays) * 612.0 + (639.3, 365.9)
    np.testing.assert_allclose(lens.slopes(seen_px), rays, atol=1e-6)
    np.testing.assert_allclose(
        lens.straightened_px(seen_px), rays * 612.0 + (639.3, 365.9), atol=1e-3
    )


def test_a_lens_shows_nothing_where_no_ray_comes_from() -> None:
    folding = Lens(CAMERA, (-0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))  # shows slopes up to 0.54
    assert np.isnan(folding.slopes([[159.5 + 0.7 * 250, 119.5]])).all()
    np.testing.assert_allclose(folding.slopes([[159.5, 119.5]]), [[0.0, 0.0]], atol=1e-9)


def test_depth_is_moved_into_the_colour_camera_as_point_by_point() -> None:
    depth_lens = Lens(
        Intrinsics((40.0, 40.0), (15.5, 11.5)), (0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    )
    color = Intrinsics((90.0, 90.0), (31.5, 17.5))
    turn = np.deg2rad(5.0)
    rotation = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(turn), np.sin(turn)],
            [0.0, -np.sin(turn), np.cos(turn)],
        ]
    )
    translation_m = np.array([-0.03, 0.002, 0.004])
    registration = DepthRegistration(
        depth_lens, (24, 32), Lens(color), (36, 64), rotation, translation_m
    )
    assert registration.camera.focal_px == pytest.approx((40.0 / 1.5, 40.0 / 1.5))
    rng = np.random.default_rng(3)
    depth = rng.uniform(1.0, 3.0, (24, 32)).astype(np.float32)
    depth[5:9, 10:14] = 0.0
    expected = np.zeros((11, 19), np.float32)
    fx, fy = registration.camera.focal_px
    cx, cy = registration.camera.centre_px
    slopes = depth_lens.slopes(np.stack(np.meshgrid(np.arange(32), np.arange(24)), axis=-1))
    for row in range(24):
        for column in range(32):
            z = float(depth[row, column])
            if z == 0.0:
                continue
            x, y, z = rotation @ (np.array([*slopes[row, column], 1.0]) * z) + translation_m
            u, v = round(fx * x / z + cx), round(fy * y / z + cy)
            if 0 <= u < 19 and 0 <= v < 11 and (expected[v, u] == 0.0 or z < expected[v, u]):
                expected[v, u] = z
    np.testing.assert_allclose(registration.register(depth), expected, atol=1e-4)
    assert (expected == 0.0).mean() < 0.2


def test_a_depth_image_of_another_mode_is_refused() -> None:
    plain = Lens(CAMERA)
    registration = DepthRegistration(plain, SIZE, plain, SIZE, np.eye(3), np.zeros(3))
    with pytest.raises(ImageError, match=r'240 x 320 \(rows x columns\), got \(288, 321\)'):
        registration.register(np.zeros((288, 321), np.float32))
    with pytest.raises(ImageError, match=r'240 x 320 \(rows x columns\), got \(4, 4, 3\)'):
        registration.straighten(np.zeros((4, 4, 3), np.uint8))


def test_a_colour_image_loses_its_distortion_and_matches_the_depth() -> None:
    bent = Lens(Intrinsics((90.0, 90.0), (31.5, 17.5)), (0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    depth_lens = Lens(Intrinsics((40.0, 40.0), (15.5, 11.5)))
    registration = DepthRegistration(depth_lens, (24, 32), bent, (36, 64), np.eye(3), np.zeros(3))
    image = np.random.default_rng(4).integers(1, 255, (36, 64, 3), dtype=np.uint8)
    straight = registration.straighten(image)
    assert straight.shape[:2] == registration.register(np.ones((24, 32), np.float32)).shape
    fx, fy = registration.camera.focal_px
    cx, cy = registration.camera.centre_px
    for row in range(straight.shape[0]):
        for column in range(straight.shape[1]):
            x, y = (column - cx) / fx, (row - cy) / fy
            radial = 1 + 0.3 * (x * x + y * y)
            u, v = round(x * radial * 90 + 31.5), round(y * radial * 90 + 17.5)
            shown = 0 <= u < 64 and 0 <= v < 36
            expected = image[v, u] if shown else np.zeros(3)
            np.testing.assert_array_equal(straight[row, column], expected)
