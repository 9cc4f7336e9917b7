"""ROS images as arrays: encodings, rows, byte orders, calibration."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeleton_action_ros.adapters.image_messages import (
    colour_from_msg,
    depth_from_msg,
    intrinsics_from_msg,
)
from skeleton_action_ros.core.errors import ImageError


def image(
    encoding: str, data: bytes, width: int, height: int, step: int, big: bool = False
) -> SimpleNamespace:
    return SimpleNamespace(
        encoding=encoding, data=data, width=width, height=height, step=step, is_bigendian=big
    )


@pytest.mark.parametrize(
    ('encoding', 'data', 'channels'),
    [
        ('rgb8', [10, 20, 30, 40, 50, 60], 3),
        ('bgr8', [30, 20, 10, 60, 50, 40], 3),
        ('8UC3', [30, 20, 10, 60, 50, 40], 3),
        ('rgba8', [10, 20, 30, 9, 40, 50, 60, 9], 4),
        ('bgra8', [30, 20, 10, 9, 60, 50, 40, 9], 4),
    ],
)
def test_each_encoding_gives_red_green_blue(encoding: str, data: list[int], channels: int) -> None:
    pixels = colour_from_msg(image(encoding, bytes(data), 2, 1, 2 * channels))
    assert pixels.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert pixels.flags.c_contiguous


def test_grey_is_the_same_in_all_three() -> None:
    assert colour_from_msg(image('mono8', bytes([7]), 1, 1, 1)).tolist() == [[[7, 7, 7]]]


def test_what_follows_the_last_pixel_of_a_row_is_left_out() -> None:
    data = bytes([1, 2, 3, 99, 99, 4, 5, 6, 99, 99])
    assert colour_from_msg(image('rgb8', data, 1, 2, 5)).tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


@pytest.mark.parametrize('encoding', ['bayer_rggb8', 'yuv422_yuy2', '', '16UC1'])
def test_unknown_encoding_is_quoted_with_the_known_ones(encoding: str) -> None:
    with pytest.raises(ImageError, match='rgb8, bgr8') as refused:
        colour_from_msg(image(encoding, bytes(8), 2, 1, 4))
    assert repr(encoding) in str(refused.value)
    assert refused.value.reason == 'encoding'


@pytest.mark.parametrize(('step', 'size'), [(5, 12), (6, 11), (0, 0)])
def test_too_little_data_is_refused_with_what_came(step: int, size: int) -> None:
    with pytest.raises(ImageError, match=f'got step {step} and {size} bytes'):
        colour_from_msg(image('rgb8', bytes(size), 2, 2, step))


def test_depth_in_millimetres_and_metres_of_both_byte_orders() -> None:
    assert depth_from_msg(image('16UC1', b'\xd0\x07\x00\x00', 2, 1, 4)).tolist() == [[2.0, 0.0]]
    big = image('16UC1', b'\x07\xd0', 1, 1, 2, big=True)
    assert depth_from_msg(big).tolist() == [[2.0]]
    metres = np.array([[1.5, np.nan, np.inf, -1.0]], '<f4')
    depth_m = depth_from_msg(image('32FC1', metres.tobytes(), 4, 1, 16))
    assert depth_m.tolist() == [[1.5, 0.0, 0.0, 0.0]]


def test_colours_are_no_depth() -> None:
    with pytest.raises(ImageError, match="16UC1, mono16, 32FC1, got 'rgb8'"):
        depth_from_msg(image('rgb8', bytes(6), 2, 1, 6))


def camera_info(k: list[float], p: list[float]) -> SimpleNamespace:
    return SimpleNamespace(k=k, p=p)


def test_projection_matrix_of_a_rectified_image_comes_first() -> None:
    own = [500.0, 0.0, 320.0, 0.0, 501.0, 240.0, 0.0, 0.0, 1.0]
    projection = [400.0, 0.0, 310.0, 0.0, 0.0, 401.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    camera = intrinsics_from_msg(camera_info(own, projection))
    assert (camera.focal_px, camera.centre_px) == ((400.0, 401.0), (310.0, 230.0))
    camera = intrinsics_from_msg(camera_info(own, [0.0] * 12))
    assert (camera.focal_px, camera.centre_px) == ((500.0, 501.0), (320.0, 240.0))


def test_camera_that_was_never_calibrated_is_refused() -> None:
    with pytest.raises(ImageError, match='is the camera calibrated'):
        intrinsics_from_msg(camera_info([0.0] * 9, [0.0] * 12))


@given(
    encoding=st.sampled_from(['rgb8', 'bgra8', 'mono8', '16UC1', '32FC1', 'yuv422', '']),
    width=st.integers(0, 5),
    height=st.integers(0, 5),
    step=st.integers(0, 25),
    data=st.binary(max_size=60),
    big=st.booleans(),
)
def test_any_message_is_an_image_of_its_size_or_refused(
    encoding: str, width: int, height: int, step: int, data: bytes, big: bool
) -> None:
    message = image(encoding, data, width, height, step, big)
    for read, shape in ((colour_from_msg, (height, width, 3)), (depth_from_msg, (height, width))):
        try:
            pixels = read(message)
        except ImageError:
            continue
        assert pixels.shape == shape
        assert np.isfinite(pixels).all()
