from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from skeleton_action_ros.core.layouts import Common15
from training.skeleton_dml.images import (
    ARRANGEMENTS,
    REPRESENTATIONS,
    WALK,
    Joints,
    arrange,
    skelemotion_both,
    skelemotion_magnitude,
    skelemotion_orientation,
    skeleton_dml,
    skepxels,
    sl_dml,
    spread,
    tssi,
    walk_around,
)

NTU_TREE = [
    *[(1, 20), (20, 2), (2, 3), (20, 4), (4, 5), (5, 6), (6, 7), (7, 21), (21, 22)],
    *[(20, 8), (8, 9), (9, 10), (10, 11), (11, 23), (23, 24)],
    *[(1, 0), (0, 12), (12, 13), (13, 14), (14, 15), (0, 16), (16, 17), (17, 18), (18, 19)],
]
"""NTU's joints as TSSI hangs them together: the thumb on the tip of the hand."""
NTU_ROWS = [
    *[1, 20, 2, 3, 2, 20, 4, 5, 6, 7, 21, 22, 21, 7, 6, 5, 4, 20, 8, 9, 10, 11, 23, 24, 23, 11],
    *[10, 9, 8, 20, 1, 0, 12, 13, 14, 15, 14, 13, 12, 0, 16, 17, 18, 19, 18, 17, 16, 0, 1],
]
"""The 49 rows as published."""
ROUND_THE_BODY = [
    *['TORSO', 'NECK', 'HEAD'],
    *['NECK', 'SHOULDER_LEFT', 'ELBOW_LEFT', 'HAND_LEFT', 'ELBOW_LEFT', 'SHOULDER_LEFT'],
    *['NECK', 'SHOULDER_RIGHT', 'ELBOW_RIGHT', 'HAND_RIGHT', 'ELBOW_RIGHT', 'SHOULDER_RIGHT'],
    'NECK',
    *['TORSO', 'HIP_LEFT', 'KNEE_LEFT', 'FOOT_LEFT', 'KNEE_LEFT', 'HIP_LEFT'],
    *['TORSO', 'HIP_RIGHT', 'KNEE_RIGHT', 'FOOT_RIGHT', 'KNEE_RIGHT', 'HIP_RIGHT'],
    'TORSO',
]


def some_joints(frames: int = 23, seed: int = 3) -> Joints:
    rng = np.random.default_rng(seed)
    return rng.normal((0.1, -0.2, 2.5), 0.3, (frames, 15, 3)).astype(np.float32)


def least_and_span(joints: Joints) -> tuple[float, float]:
    return float(joints.min()), float(joints.max()) - float(joints.min())


@pytest.mark.parametrize('frames', [21, 22, 23])
def test_skeleton_dml_unfolds_the_axes_side_by_side(frames: int) -> None:
    joints = some_joints(frames)
    least, span = least_and_span(joints)

    image = skeleton_dml(joints)

    assert image.shape == (15, frames, 3)
    for joint in range(15):
        numbers = [
            float(joints[frame, joint, axis]) for axis in range(3) for frame in range(frames)
        ]
        for column in range(frames):
            wanted = [
                int((number - least) / span * 255)
                for number in numbers[3 * column : 3 * column + 3]
            ]
            assert image[joint, column].tolist() == wanted


def test_one_pixel_holds_three_consecutive_times_of_one_axis() -> None:
    joints = np.zeros((6, 15, 3), np.float32)
    joints[:, 4, 1] = [0, 1, 2, 3, 4, 5]

    image = skeleton_dml(joints)

    assert image[4, 2:4].tolist() == [[0, 51, 102], [153, 204, 255]]
    assert not image[4, [0, 1, 4, 5]].any()


def test_sl_dml_has_axes_as_colours() -> None:
    joints = some_joints()
    least, span = least_and_span(joints)

    image = sl_dml(joints)

    assert image.shape == (15, 23, 3)
    for frame, joint, axis in itertools.product(range(23), range(15), range(3)):
        assert image[joint, frame, axis] == int(
            (float(joints[frame, joint, axis]) - least) / span * 255
        )


def test_tssi_rows_of_ntu_are_the_published_ones() -> None:
    assert walk_around(NTU_TREE, 1) == NTU_ROWS


def test_tssi_walks_around_the_15_joints() -> None:
    joints = some_joints()
    least, span = least_and_span(joints)

    image = tssi(joints)

    assert image.shape == (29, 23, 3)
    assert [Common15(joint).name for joint in WALK] == ROUND_THE_BODY
    for row, name in enumerate(ROUND_THE_BODY):
        for frame in range(23):
            position = joints[frame, Common15[name]]
            wanted = [int((float(value) - least) / span * 255) for value in position]
            assert image[row, frame].tolist() == wanted


def test_magnitude_is_the_way_within_5_10_and_15_frames() -> None:
    joints = some_joints()

    image = skelemotion_magnitude(joints)

    assert image.shape == (29, 23, 3)
    for (row, joint), frame in itertools.product(enumerate(WALK), range(23)):
        for channel, later in enumerate((5, 10, 15)):
            wanted = 0.0
            if frame + later < 23:
                way = math.dist(joints[frame, joint], joints[frame + later, joint])
                wanted = min(way, 1.0)
            assert abs(int(image[row, frame, channel]) - int(wanted * 255)) <= 1


def test_orientation_is_three_angles_and_stillness_stands_out() -> None:
    joints = some_joints()
    joints[:, Common15.HEAD] = joints[0, Common15.HEAD] + 0.001

    image = skelemotion_orientation(joints)

    assert image.shape == (29, 23, 3)
    for (row, joint), frame in itertools.product(enumerate(WALK), range(23)):
        wanted = [255] * 3
        if frame + 10 < 23 and joint != Common15.HEAD:
            x, y, z = (joints[frame, joint] - joints[frame + 10, joint]).tolist()
            angles = math.atan2(y, x), math.atan2(y, z), math.atan2(z, x)
            wanted = [int((math.degrees(angle) + 180) / 360 / 1.1 * 255) for angle in angles]
        assert np.abs(image[row, frame].astype(int) - wanted).max() <= 1


def test_magnitude_stands_above_orientation() -> None:
    joints = some_joints()

    image = skelemotion_both(joints)

    np.testing.assert_array_equal(image[:29], skelemotion_magnitude(joints))
    np.testing.assert_array_equal(image[29:], skelemotion_orientation(joints))


def test_clip_too_short_for_any_motion_is_still_an_image() -> None:
    joints = some_joints(frames=4)

    assert not skelemotion_magnitude(joints).any()
    assert (skelemotion_orientation(joints) == 255).all()
    assert skepxels(joints).shape == (180, 108, 3)


def facing_joints() -> Joints:
    """Somebody upright with the hips in the origin, in whose frame skepxels are drawn."""
    joints = some_joints(40) - np.float32((0.1, -0.2, 2.5))
    for name, place in {
        'HIP_LEFT': (0.1, 0.0, 0.0),
        'HIP_RIGHT': (-0.1, 0.0, 0.0),
        'SHOULDER_LEFT': (0.2, -0.5, 0.0),
        'SHOULDER_RIGHT': (-0.2, -0.5, 0.0),
    }.items():
        joints[0, Common15[name]] = place
    return joints * np.float32((-1, 1, 1))


def test_skepxels_lay_each_frame_out_in_36_arrangements() -> None:
    joints = facing_joints()
    least, span = least_and_span(joints)

    image = skepxels(joints)

    assert image.shape == (180, 108, 3)
    for row, column in itertools.product(range(180), range(108)):
        arrangement, place = row // 5, 3 * (row % 5) + column % 3
        frame = round(column // 3 * 39 / 35)
        position = joints[frame, ARRANGEMENTS[arrangement, place]]
        wanted = [int((float(value) - least) / span * 255) for value in position]
        assert np.abs(image[row, column].astype(int) - wanted).max() <= 1


def test_skepxels_do_not_depend_on_where_and_how_somebody_stands() -> None:
    joints = facing_joints()
    cos, sin = math.cos(0.8), math.sin(0.8)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])

    moved = (joints @ turn @ tilt + (0.3, -0.1, 2.0)).astype(np.float32)

    difference = skepxels(joints).astype(int) - skepxels(moved)
    assert np.abs(difference).max() <= 1


def test_joint_that_was_not_seen_is_in_the_hips_of_skepxels_and_stretches_no_scale() -> None:
    joints = facing_joints()
    hidden = joints.copy()
    hidden[:, Common15.HAND_LEFT] = 0.0
    # As a camera sees it, from 3 m away and turned; what was not seen is 0 there too.
    cos, sin = math.cos(0.8), math.sin(0.8)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    away = (joints @ turn + (0.3, -0.1, 3.0)).astype(np.float32)
    away[:, Common15.HAND_LEFT] = 0.0

    difference = skepxels(hidden).astype(int) - skepxels(away)

    assert np.abs(difference).max() <= 1


def test_arrangements_hold_every_joint_once_and_are_the_widest_spread_drawn() -> None:
    rng = np.random.default_rng(5)
    drawn = [np.stack([rng.permutation(6) for _ in range(4)]) for _ in range(20)]

    def naive(arrangements: np.ndarray) -> int:
        total = 0
        for one, other in itertools.combinations(arrangements.tolist(), 2):
            for joint in range(6):
                (r, c), (s, d) = divmod(one.index(joint), 2), divmod(other.index(joint), 2)
                total += max(abs(r - s), abs(c - d))
        return total

    chosen = arrange(4, (3, 2), 20, np.random.default_rng(5))

    assert naive(chosen) == max(naive(one) for one in drawn)
    assert spread(drawn[0], (3, 2)) == naive(drawn[0])
    assert all(sorted(arrangement) == list(range(15)) for arrangement in ARRANGEMENTS.tolist())
    assert ARRANGEMENTS.shape == (36, 15)


@pytest.mark.parametrize('name', sorted(REPRESENTATIONS))
def test_every_representation_is_bytes_and_takes_a_clip_of_nobody_moving(name: str) -> None:
    image = REPRESENTATIONS[name](np.zeros((12, 15, 3), np.float32))

    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
