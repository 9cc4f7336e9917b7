"""
Skeleton sequences as images: the one of Skeleton-DML and those its Table IV compares it with.

Each function maps joints (T, J, 3) to an image (rows, columns, 3) of bytes, I in {0, ..., 255} as
section III.A has it; the network's input is resized from it. Joints come in the ROS optical frame,
which has a Kinect's x and y with the other sign, in metres, in the sensor's sampling; but for
`skepxels`, neither centred nor turned. The joint order is that of `common_15`, since data sets of
several sensors are pooled, where the paper has the native order of one; a joint that was not seen
is (0, 0, 0), as sensors write it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from training.skeleton_dml.signals import gimme_signals

Joints = NDArray[np.float32]
Image = NDArray[np.uint8]

MAGNITUDE_STEPS = (5, 10, 15)
"""Frames between the two ends of a motion, one a channel; the steps are chosen here."""
ORIENTATION_STEP = 10
"""As the published code of SkeleMotion has it in its example."""
STILL = 1.1
"""What SkeleMotion writes for the direction of a joint that stands still; directions reach 1."""
_SLOWEST_M = 0.004
_SKEPXEL_ARRANGEMENTS = 36
_SKEPXEL_FRAMES = 36
_SKEPXEL_CANDIDATES = 200


def skeleton_dml(joints_m: Joints) -> Image:
    """
    Unfold the axes side by side: all x, then all y, then all z of a joint in its row.

    "The joint space is not projected to the color channels but unfolded per axis separately"
    (section III.B): the sequence S in R^(N x M x 3) becomes blocks of M / 3 pixels an axis, and one
    pixel holds three consecutive times. As the published code does it, `reshape(J, T, 3)` of an
    array (J, 3, T): where T is no multiple of 3, one pixel holds the end of x and the start of y.

    :param joints_m: (T, J, 3).
    :return: (J, T, 3).
    """
    rows = np.ascontiguousarray(joints_m.transpose(1, 2, 0))
    return _to_bytes(rows.reshape(joints_m.shape[1], joints_m.shape[0], 3))


def sl_dml(joints_m: Joints) -> Image:
    """
    Project the axes to the colour channels, as SL-DML does: a row a joint, a column a frame.

    :param joints_m: (T, J, 3).
    :return: (J, T, 3).
    """
    return _to_bytes(joints_m.transpose(1, 0, 2))


def tssi(joints_m: Joints) -> Image:
    """
    Order the rows by a walk around the skeleton's tree, so that neighbours in the image are
    neighbours in the body (TSSI, Yang et al.): every joint is met again on the way back.

    :param joints_m: (T, 15, 3).
    :return: (29, T, 3), x, y and z as colours.
    """
    return _to_bytes(joints_m.transpose(1, 0, 2)[list(WALK)])


def skelemotion_magnitude(joints_m: Joints) -> Image:
    """
    Write how far each joint moves within d frames, one d a channel (SkeleMotion, Caetano et al.).

    Magnitude |p(t) - p(t + d)|, clipped to [0, 1] metres; 0 where t + d is past the end. Rows as in
    `tssi`.

    :param joints_m: (T, 15, 3).
    :return: (29, T, 3).
    """
    moved = [_moved(joints_m, step) for step in MAGNITUDE_STEPS]
    length = np.stack([np.linalg.norm(one, axis=2) for one in moved], axis=2)
    return _bytes_of_unit(np.clip(length, 0.0, 1.0).transpose(1, 0, 2)[list(WALK)])


def skelemotion_orientation(joints_m: Joints) -> Image:
    """
    Write which way each joint moves within d frames (SkeleMotion, Caetano et al.).

    The angles atan2(dy, dx), atan2(dy, dz) and atan2(dz, dx) of p(t) - p(t + d), from -180..180
    degrees to [0, 1]; 1.1 in all three where the joint moved less than 0.004 d metres, and where
    t + d is past the end. 1.1 becomes 255. Rows as in `tssi`.

    :param joints_m: (T, 15, 3).
    :return: (29, T, 3).
    """
    x, y, z = np.moveaxis(_moved(joints_m, ORIENTATION_STEP), 2, 0)
    angles = np.stack((np.arctan2(y, x), np.arctan2(y, z), np.arctan2(z, x)), axis=2)
    turned = angles / (2 * np.pi) + 0.5
    slow = np.sqrt(x**2 + y**2 + z**2) < _SLOWEST_M * ORIENTATION_STEP
    turned[slow] = STILL
    return _bytes_of_unit(turned.transpose(1, 0, 2)[list(WALK)] / STILL)


def skelemotion_both(joints_m: Joints) -> Image:
    """
    Put SkeleMotion's magnitude above its orientation.

    The paper fuses them "on a representation level" without saying how; one above the other keeps
    three channels, which is what a pretrained network takes.

    :param joints_m: (T, 15, 3).
    :return: (58, T, 3).
    """
    return np.concatenate((skelemotion_magnitude(joints_m), skelemotion_orientation(joints_m)))


def skepxels(joints_m: Joints) -> Image:
    """
    Lay each frame's joints out as a little picture, in 36 arrangements (Skepxels, Liu et al.).

    36 frames, evenly spaced, side by side; the arrangements below one another, the same along a
    row. A skepxel of NTU's 25 joints is 5 x 5; of 15 joints it is 5 x 3. Before, the body is turned
    as it stood in the first frame that shows trunk and shoulders: hips in the origin, trunk along
    y, shoulders along x; a joint that was not seen stays (0, 0, 0).

    :param joints_m: (T, 15, 3).
    :return: (180, 108, 3), x, y and z as colours, one scaling for the whole image.
    """
    frames = np.round(np.linspace(0, len(joints_m) - 1, _SKEPXEL_FRAMES)).astype(int)
    turned = _view_normalised(joints_m)[frames]
    rows = [
        turned[:, arrangement].reshape(len(frames), 5, 3, 3).transpose(1, 0, 2, 3).reshape(5, -1, 3)
        for arrangement in ARRANGEMENTS
    ]
    return _to_bytes(np.concatenate(rows))


REPRESENTATIONS: dict[str, Callable[[Joints], Image]] = {
    function.__name__.replace('_', '-'): function
    for function in (
        skeleton_dml,
        sl_dml,
        tssi,
        skelemotion_magnitude,
        skelemotion_orientation,
        skelemotion_both,
        skepxels,
        gimme_signals,
    )
}


def walk_around(bones: Sequence[tuple[int, int]], root: int) -> list[int]:
    """
    Walk around a tree depth first and note every joint passed, on the way back too.

    :param bones: pairs of joints; the children of a joint are visited in this order.
    :return: 2 J - 1 joints for a tree of J.
    """
    below: dict[int, list[int]] = {}
    for one, other in bones:
        below.setdefault(one, []).append(other)
        below.setdefault(other, []).append(one)
    passed: list[int] = []

    def visit(joint: int, came_from: int) -> None:
        passed.append(joint)
        for neighbour in below[joint]:
            if neighbour != came_from:
                visit(neighbour, joint)
                passed.append(joint)

    visit(root, -1)
    return passed


def arrange(
    count: int, places: tuple[int, int], candidates: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """
    Choose arrangements of joints that differ much from one another.

    Skepxels maximises the distance between arrangements, summed over their pairs and the joints;
    the distance of a joint is how many rings lie between its two places. As there, the best of
    several sets drawn at random is taken.

    :param count: arrangements.
    :param places: rows and columns of a skepxel, as many places as joints.
    :return: (count, joints), which joint stands at each place, row by row.
    """
    joints = places[0] * places[1]
    drawn = [np.stack([rng.permutation(joints) for _ in range(count)]) for _ in range(candidates)]
    return max(drawn, key=lambda arrangements: spread(arrangements, places))


def spread(arrangements: NDArray[np.intp], places: tuple[int, int]) -> int:
    """Return the summed distance between arrangements that `arrange` maximises."""
    place_of = np.argsort(arrangements, axis=1)
    row, column = np.divmod(place_of, places[1])
    rings = np.maximum(np.abs(row[:, None] - row[None]), np.abs(column[:, None] - column[None]))
    return int(rings.sum()) // 2


def _to_bytes(values: NDArray[np.float32]) -> Image:
    """
    Scale by the least and the greatest value of the whole image to 0..255.

    One scalar over everything, as in the published code (`t -= min; t /= max`): depth, the largest
    number, dominates.
    """
    least, greatest = float(values.min()), float(values.max())
    if greatest == least:
        return np.zeros(values.shape, np.uint8)
    return _bytes_of_unit((values.astype(np.float64) - least) / (greatest - least))


def _bytes_of_unit(values: NDArray[np.floating[Any]]) -> Image:
    return np.asarray(values * 255.0, np.uint8)


def _moved(joints_m: Joints, step: int) -> Joints:
    """Return p(t) - p(t + step), (T, J, 3), 0 where that is past the end."""
    moved = np.zeros_like(joints_m)
    if step < len(joints_m):
        moved[:-step] = joints_m[:-step] - joints_m[step:]
    return moved


def _view_normalised(joints_m: Joints) -> Joints:
    corners = [
        Common15.HIP_LEFT,
        Common15.HIP_RIGHT,
        Common15.SHOULDER_LEFT,
        Common15.SHOULDER_RIGHT,
    ]
    shown = joints_m[:, corners].any(axis=2).all(axis=1)
    if not shown.any():
        return joints_m
    left_hip, right_hip, left, right = joints_m[int(np.argmax(shown)), corners].astype(np.float64)
    hips = (left_hip + right_hip) / 2
    down = hips - (left + right) / 2
    across = right - left
    down /= max(float(np.linalg.norm(down)), 1e-6)
    across -= (across @ down) * down
    across /= max(float(np.linalg.norm(across)), 1e-6)
    axes = np.stack((across, down, np.cross(across, down)), axis=1)
    seen = joints_m.any(axis=2, keepdims=True)
    return np.where(seen, (joints_m - hips) @ axes, 0.0).astype(np.float32)


WALK = tuple(walk_around(LAYOUTS['common_15'].bones, int(Common15.TORSO)))
ARRANGEMENTS = arrange(_SKEPXEL_ARRANGEMENTS, (5, 3), _SKEPXEL_CANDIDATES, np.random.default_rng(0))
