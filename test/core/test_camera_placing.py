"""Where a person stands, by where the joints are seen."""

from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.core.camera import (
    FARTHEST_M,
    Intrinsics,
    guessed_intrinsics,
    placed,
)
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.pose_estimation import ImagePose

CAMERA = Intrinsics((500.0, 480.0), (320.0, 240.0))


def seen_at(place: tuple[float, float, float], camera: Intrinsics = CAMERA) -> ImagePose:
    """Project 33 scattered joints about a place, one by one."""
    rng = np.random.default_rng(3)
    joints = rng.uniform(-0.6, 0.6, (33, 3)).astype(np.float32)
    pixels = []
    for x, y, z in joints + np.array(place):
        column = camera.focal_px[0] * x / z + camera.centre_px[0]
        row = camera.focal_px[1] * y / z + camera.centre_px[1]
        pixels.append((column, row))
    return ImagePose(np.array(pixels, np.float32), joints, np.ones(33, np.float32), 1.0)


@pytest.mark.parametrize('place', [(0.0, 0.0, 2.0), (-0.8, 0.3, 3.5), (1.5, -0.2, 6.0)])
def test_place_is_where_the_joints_were_projected_from(place: tuple[float, float, float]) -> None:
    assert placed(seen_at(place), CAMERA) == pytest.approx(np.array(place), abs=2e-3)


def test_joints_that_are_not_seen_do_not_count() -> None:
    pose = seen_at((0.5, 0.1, 2.5))
    pose.image_px[5:20] = 0.0
    pose.visibility[5:20] = 0.2
    assert placed(pose, CAMERA) == pytest.approx(np.array([0.5, 0.1, 2.5]), abs=2e-3)


def test_somebody_hardly_seen_is_refused_with_how_many_joints_there_are() -> None:
    pose = seen_at((0.0, 0.0, 2.0))
    pose.visibility[3:] = 0.1
    with pytest.raises(ImageError, match='4 joints or more, got 3') as refused:
        placed(pose, CAMERA)
    assert refused.value.reason == 'hardly_seen'


def test_impossible_distance_is_kept_within_what_a_camera_sees() -> None:
    pose = seen_at((0.0, 0.0, 300.0))
    assert float(placed(pose, CAMERA)[2]) == FARTHEST_M


def test_guessed_camera_spans_its_angle() -> None:
    camera = guessed_intrinsics(640, 480, 90.0)
    assert camera.focal_px == pytest.approx((320.0, 320.0))  # tan 45 degrees is 1
    assert camera.centre_px == (320.0, 240.0)


@pytest.mark.parametrize('focal', [(0.0, 500.0), (-1.0, 1.0), (float('nan'), 500.0)])
def test_camera_that_is_not_calibrated_is_refused(focal: tuple[float, float]) -> None:
    with pytest.raises(ImageError, match='is the camera calibrated') as refused:
        Intrinsics(focal, (320.0, 240.0))
    assert refused.value.reason == 'calibration'
