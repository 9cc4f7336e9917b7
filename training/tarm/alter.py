"""Other bodies, cameras and timing than were recorded; see `AlterConfig`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from training.tarm.recipe import AlterConfig

Floats = NDArray[np.float32]


def altered_joints(joints: Floats, config: AlterConfig, rng: np.random.Generator) -> Floats:
    """
    Change prepared clips: another stretch of time, another direction, another size.

    :param joints: (B, T, J, 3), optical axes.
    """
    count, frames = joints.shape[:2]
    first = rng.uniform(0.0, config.crop, count) * (frames - 1)
    last = (1.0 - rng.uniform(0.0, config.crop, count)) * (frames - 1)
    joints = stretched(joints, first, last)
    turn = np.radians(rng.uniform(-config.turn_deg, config.turn_deg, count))
    tilt = np.radians(rng.uniform(-config.tilt_deg, config.tilt_deg, count))
    size = rng.uniform(1.0 - config.size, 1.0 + config.size, count)
    matrices = size[:, None, None] * (_about(1, turn) @ _about(0, tilt))
    return np.asarray(np.einsum('btjx,bxy->btjy', joints, matrices.astype(np.float32)), np.float32)


def stretched(joints: Floats, first: NDArray[np.float64], last: NDArray[np.float64]) -> Floats:
    """
    Spread the time from one place to another over all frames.

    :param joints: (B, T, ...).
    :param first: (B,) places between 0 and T - 1, and so `last`.
    """
    count, frames = joints.shape[:2]
    at = first[:, None] + (last - first)[:, None] * np.linspace(0.0, 1.0, frames)
    before = np.clip(np.floor(at).astype(np.intp), 0, frames - 2)
    share = (at - before).astype(np.float32).reshape(count, frames, *[1] * (joints.ndim - 2))
    rows = np.arange(count)[:, None]
    found = joints[rows, before] * (1.0 - share) + joints[rows, before + 1] * share
    return np.asarray(found, np.float32)


def altered_images(
    images: Floats, size: int, config: AlterConfig, rng: np.random.Generator
) -> Floats:
    """
    Turn, scale and shift images, and resize them.

    :param images: (B, rows, columns).
    :return: (B, size, size), 0 from outside.
    """
    count = len(images)
    angle = np.radians(rng.uniform(-config.image_turn_deg, config.image_turn_deg, count))
    scale = rng.uniform(1.0 - config.image_size, 1.0 + config.image_size, count)
    # The image's side is 2 long here.
    shift = 2.0 * rng.uniform(-config.image_shift, config.image_shift, (count, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrices = np.stack((cos, -sin, shift[:, 0], sin, cos, shift[:, 1]), axis=1)
    return resampled(images, size, matrices.reshape(count, 2, 3))


def resampled(images: Floats, size: int, matrices: NDArray[np.float64] | None = None) -> Floats:
    """
    Look each place of new images up in the old ones, bilinearly.

    :param images: (B, rows, columns).
    :param matrices: (B, 2, 3), from places (x, y, 1) of the new image to places (x, y) of the old,
        both from -1 to 1; None changes the size alone.
    :return: (B, size, size).
    """
    if matrices is None:
        matrices = np.broadcast_to(np.eye(2, 3), (len(images), 2, 3))
    theta = torch.from_numpy(np.array(matrices, np.float32))
    grid = functional.affine_grid(theta, [len(images), 1, size, size], align_corners=False)
    found = functional.grid_sample(
        torch.from_numpy(images)[:, None], grid, mode='bilinear', align_corners=False
    )
    return np.asarray(found[:, 0].numpy())


def _about(axis: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations (B, 3, 3) about x (0) or y (1), applied from the right."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices = np.zeros((len(angle), 3, 3))
    matrices[:, axis, axis] = 1.0
    matrices[:, first, first] = matrices[:, second, second] = np.cos(angle)
    matrices[:, first, second] = np.sin(angle)
    matrices[:, second, first] = -np.sin(angle)
    return matrices
