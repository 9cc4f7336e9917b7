from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeleton_action_ros.core.axes import is_optical, optical_from_body
from skeleton_action_ros.core.body_ids import BodyIds
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.frame_tree import (
    MOST_FRAMES,
    FrameTransform,
    FrameTree,
    rotation_of,
)

QUARTER_ABOUT_Z = np.array([0.0, 0.0, 0.5**0.5, 0.5**0.5])
STILL = np.array([0.0, 0.0, 0.0, 1.0])


def frame(
    child: str, parent: str, xyz: tuple[float, float, float], turn: np.ndarray = STILL
) -> FrameTransform:
    return FrameTransform(parent, child, 1, np.array(xyz), rotation_of(turn))


def test_a_quarter_about_z_turns_x_into_y() -> None:
    np.testing.assert_allclose(rotation_of(QUARTER_ABOUT_Z) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_a_quaternion_may_have_any_length() -> None:
    np.testing.assert_allclose(rotation_of(7 * QUARTER_ABOUT_Z), rotation_of(QUARTER_ABOUT_Z))


@pytest.mark.parametrize('bad', [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, float('nan'), 1.0]])
def test_a_rotation_that_is_none_is_quoted(bad: list[float]) -> None:
    with pytest.raises(BadSkeletonError, match='must be a quaternion, got'):
        rotation_of(np.array(bad))


def test_positions_go_up_and_down_the_tree() -> None:
    tree = FrameTree()
    tree.set(frame('camera', 'base', (1.0, 0.0, 0.5), QUARTER_ABOUT_Z))
    tree.set(frame('hand', 'camera', (2.0, 0.0, 0.0)))
    tree.set(frame('tool', 'base', (1.0, 5.0, 0.5)))
    np.testing.assert_allclose(tree.position_m('hand', 'camera'), [2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(tree.position_m('hand', 'base'), [1, 2, 0.5], atol=1e-12)
    # From camera the tool is 5 m along base's y, which is camera's x.
    np.testing.assert_allclose(tree.position_m('tool', 'camera'), [5, 0, 0], atol=1e-12)


def test_the_latest_transform_counts() -> None:
    tree = FrameTree()
    tree.set(frame('hand', 'camera', (1.0, 0.0, 0.0)))
    tree.set(frame('hand', 'camera', (3.0, 0.0, 0.0)))
    assert tree.position_m('hand', 'camera')[0] == 3.0


def test_frames_that_are_not_connected_are_named() -> None:
    tree = FrameTree()
    tree.set(frame('hand', 'camera', (1.0, 0.0, 0.0)))
    with pytest.raises(BadSkeletonError, match='hand hangs on camera, and map on map'):
        tree.position_m('hand', 'map')


def test_a_frame_that_hangs_on_itself_is_named() -> None:
    tree = FrameTree()
    tree.set(frame('a', 'b', (1.0, 0.0, 0.0)))
    tree.set(frame('b', 'a', (1.0, 0.0, 0.0)))
    with pytest.raises(BadSkeletonError, match='a hangs on itself'):
        tree.position_m('a', 'b')


def test_frames_that_never_come_again_are_forgotten() -> None:
    tree = FrameTree()
    tree.set(frame('first', 'camera', (1.0, 0.0, 0.0)))
    for number in range(MOST_FRAMES):
        tree.set(frame(f'{number}', 'camera', (1.0, 0.0, 0.0)))
    assert tree.parent('first') == ''
    assert tree.parent(f'{MOST_FRAMES - 1}') == 'camera'


@pytest.mark.parametrize(
    ('frame_id', 'axes', 'expected'),
    [
        ('camera_depth_optical_frame', 'auto', True),
        ('openni_depth_frame', 'auto', False),
        ('openni_depth_frame', 'optical', True),
        ('camera_depth_optical_frame', 'body', False),
    ],
)
def test_axes_go_by_the_name_unless_told(frame_id: str, axes: str, expected: bool) -> None:
    assert is_optical(frame_id, axes) is expected


def test_body_axes_become_optical_ones() -> None:
    """3 m ahead, 0.2 m to the left, 1 m up: to a camera, left is -x and up is -y."""
    np.testing.assert_array_equal(optical_from_body(np.array([[3.0, 0.2, 1.0]])), [[-0.2, -1, 3]])


class TestBodyIds:
    def test_numbers_stay_themselves_and_names_get_numbers_of_their_own(self) -> None:
        ids = BodyIds()
        given_names = ['3', '67dd1', 'anna', '3', '67dd1', '0']
        assert [ids.number(name) for name in given_names] == [3, 1000000, 1000001, 3, 1000000, 0]

    def test_a_name_in_use_keeps_its_number_though_thousands_come_and_go(self) -> None:
        ids = BodyIds()
        first = ids.number('anna')
        for number in range(5000):
            ids.number(f'x{number}')
            assert ids.number('anna') == first

    @given(st.lists(st.text(max_size=12), max_size=40, unique=True))
    def test_every_number_fits_and_is_one_persons(self, names: list[str]) -> None:
        ids = BodyIds()
        numbers = [ids.number(name) for name in names]
        assert all(0 <= number < 2**32 for number in numbers)
        plain = {name for name in names if name.isascii() and name.isdigit()}
        others = [ids.number(name) for name in names if name not in plain]
        assert len(set(others)) == len(others)
