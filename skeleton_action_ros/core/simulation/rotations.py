"""Rotations over time: matrices (T, 3, 3) and quaternions (T, 4), w first."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def about(axis: int, angle_rad: Floats) -> Floats:
    """
    Turn about one axis, right-handed.

    :param axis: 0, 1 or 2 for x, y or z.
    :param angle_rad: (T,).
    :return: (T, 3, 3).
    """
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((len(angle_rad), 3, 3))
    out[:, axis, axis] = 1.0
    out[:, first, first] = cos
    out[:, second, second] = cos
    out[:, second, first] = sin
    out[:, first, second] = -sin
    return out


def tilted(pitch_rad: Floats, roll_rad: Floats, yaw_rad: Floats) -> Floats:
    """Turn by roll about z, then pitch about x, then yaw about y: (T, 3, 3)."""
    return about(1, yaw_rad) @ about(0, pitch_rad) @ about(2, roll_rad)


def apply(rotation: Floats, vector: ArrayLike) -> Floats:
    """Rotate one vector (3,) or one per instant (T, 3) by (T, 3, 3)."""
    vectors = np.asarray(vector, np.float64)
    if vectors.ndim == 1:
        return rotation @ vectors
    out: Floats = np.einsum('tij,tj->ti', rotation, vectors)
    return out


def matrix_of(quaternion: Floats) -> Floats:
    """Normalise quaternions (T, 4) and return their matrices (T, 3, 3)."""
    w, x, y, z = (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
        ],
        axis=-2,
    )


def quaternion_of(matrix: Floats) -> Floats:
    """Return the quaternion (4,) of one matrix (3, 3), w not negative."""
    m = matrix
    squares = np.array(
        [
            1.0 + m[0, 0] + m[1, 1] + m[2, 2],
            1.0 + m[0, 0] - m[1, 1] - m[2, 2],
            1.0 - m[0, 0] + m[1, 1] - m[2, 2],
            1.0 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    largest = int(np.argmax(squares))
    twists = (m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1])
    sums = (m[2, 1] + m[1, 2], m[0, 2] + m[2, 0], m[1, 0] + m[0, 1])
    rows = (
        (squares[0], twists[0], twists[1], twists[2]),
        (twists[0], squares[1], sums[2], sums[1]),
        (twists[1], sums[2], squares[2], sums[0]),
        (twists[2], sums[1], sums[0], squares[3]),
    )
    quaternion: Floats = np.array(rows[largest]) / (2.0 * np.sqrt(squares[largest]))
    return quaternion if quaternion[0] >= 0.0 else -quaternion


def multiply(first: Floats, second: Floats) -> Floats:
    """Return the quaternion products (T, 4): turn by `second`, then by `first`."""
    a, b = first.T, second.T
    return np.stack(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ],
        axis=-1,
    )


def small_turn(vector_rad: Floats) -> Floats:
    """Return the quaternions (T, 4) that turn about `vector_rad` (T, 3) by its length."""
    half = 0.5 * np.linalg.norm(vector_rad, axis=1, keepdims=True)
    return np.concatenate([np.cos(half), 0.5 * np.sinc(half / np.pi) * vector_rad], axis=1)


def part_way(start: Floats, end: Floats, share: float) -> Floats:
    """Go the share of the shortest turn from one quaternion (4,) to another; 1.1 goes beyond."""
    cos = float(start @ end)
    if cos < 0.0:
        end, cos = -end, -cos
    if cos > 0.9999:
        out: Floats = start + share * (end - start)
    else:
        angle = math.acos(cos)
        out = math.sin((1.0 - share) * angle) * start + math.sin(share * angle) * end
    return unit(out)


def unit(vector: ArrayLike) -> Floats:
    """Scale one vector (3,) to length 1."""
    out = np.asarray(vector, np.float64)
    return out / math.sqrt(float(out @ out))
