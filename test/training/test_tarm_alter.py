from __future__ import annotations

import math

import numpy as np

from training.tarm.alter import altered_images, altered_joints, resampled, stretched
from training.tarm.recipe import AlterConfig

NOTHING = AlterConfig(
    turn_deg=0.0,
    tilt_deg=0.0,
    size=0.0,
    crop=0.0,
    image_turn_deg=0.0,
    image_size=0.0,
    image_shift=0.0,
)


def test_nothing_is_changed_where_every_end_is_0() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(3, 9, 15, 3)).astype(np.float32)
    images = rng.random((3, 20, 20)).astype(np.float32)

    np.testing.assert_allclose(altered_joints(joints, NOTHING, rng), joints, atol=1e-6)
    np.testing.assert_allclose(altered_images(images, 20, NOTHING, rng), images, atol=1e-5)


def test_turning_keeps_heights_and_tilting_keeps_what_is_across() -> None:
    rng = np.random.default_rng(1)
    joints = rng.normal(size=(40, 4, 15, 3)).astype(np.float32)
    turning = AlterConfig(turn_deg=30.0, tilt_deg=0.0, size=0.0, crop=0.0)
    tilting = AlterConfig(turn_deg=0.0, tilt_deg=30.0, size=0.0, crop=0.0)

    turned, tilted = (altered_joints(joints, how, rng) for how in (turning, tilting))

    np.testing.assert_allclose(turned[..., 1], joints[..., 1], atol=1e-6)
    np.testing.assert_allclose(tilted[..., 0], joints[..., 0], atol=1e-6)
    for changed in (turned, tilted):
        lengths = np.linalg.norm(changed, axis=3)
        np.testing.assert_allclose(lengths, np.linalg.norm(joints, axis=3), atol=1e-5)
    angles = []
    for before, after in zip(joints[:, 0, 0], turned[:, 0, 0], strict=True):
        angle = math.atan2(after[0], after[2]) - math.atan2(before[0], before[2])
        angles.append(math.degrees(math.remainder(angle, 2 * math.pi)))
    assert max(map(abs, angles)) <= 30.001
    assert max(angles) > 15.0
    assert min(angles) < -15.0


def test_size_is_one_factor_a_clip() -> None:
    joints = np.ones((50, 4, 15, 3), np.float32)
    config = AlterConfig(turn_deg=0.0, tilt_deg=0.0, size=0.2, crop=0.0)

    found = altered_joints(joints, config, np.random.default_rng(2))

    assert np.ptp(found.reshape(50, -1), axis=1).max() < 1e-6
    assert found.min() >= 0.8 - 1e-6
    assert found.max() <= 1.2 + 1e-6
    assert np.ptp(found) > 0.3


def test_stretched_time_runs_evenly_from_one_place_to_another() -> None:
    ramp = np.repeat(np.arange(9.0, dtype=np.float32)[None, :, None], 2, axis=0)

    found = stretched(ramp, np.array([0.0, 1.5]), np.array([8.0, 5.5]))

    np.testing.assert_allclose(found[0, :, 0], np.arange(9.0), atol=1e-6)
    np.testing.assert_allclose(found[1, :, 0], [1.5 + 0.5 * k for k in range(9)], atol=1e-6)


def test_smaller_image_takes_the_middle_of_each_place() -> None:
    ramp = np.repeat(np.arange(8.0, dtype=np.float32)[None], 8, axis=0)[None]

    found = resampled(ramp, 4)

    np.testing.assert_allclose(found[0, 1], [0.5, 2.5, 4.5, 6.5], atol=1e-5)


def test_images_are_moved_as_far_as_they_may() -> None:
    images = np.zeros((60, 40, 40), np.float32)
    images[:, 18:22, 18:22] = 1.0
    config = AlterConfig(image_turn_deg=0.0, image_size=0.0, image_shift=0.1)

    found = altered_images(images, 40, config, np.random.default_rng(3))

    rows, columns = np.meshgrid(np.arange(40), np.arange(40), indexing='ij')
    for places in (rows, columns):
        middle = (found * places).sum(axis=(1, 2)) / found.sum(axis=(1, 2))
        assert np.abs(middle - 19.5).max() <= 4.001
        assert np.ptp(middle) > 5.0


def test_images_grow_and_shrink() -> None:
    images = np.zeros((60, 40, 40), np.float32)
    images[:, 10:30, 10:30] = 1.0
    config = AlterConfig(image_turn_deg=0.0, image_size=0.2, image_shift=0.0)

    found = altered_images(images, 40, config, np.random.default_rng(3))

    sides = np.sqrt(found.sum(axis=(1, 2)))
    assert sides.max() <= 20 / 0.8 + 0.1
    assert sides.min() >= 20 / 1.2 - 0.1
    assert sides.max() > 22.0
    assert sides.min() < 18.0
