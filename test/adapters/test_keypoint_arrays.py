"""Detections with keypoints in 3D, and transforms, as other packages publish them."""

from __future__ import annotations

from types import SimpleNamespace as Message
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeleton_action_ros.adapters.keypoint_arrays import KeypointReader
from skeleton_action_ros.adapters.tf_frames import transforms_from_msg
from skeleton_action_ros.core.layouts import Coco17

ARRIVED_NS = 9_000_000_000


def stamped(sec: int = 5, frame_id: str = 'base_link') -> Message:
    return Message(stamp=Message(sec=sec, nanosec=7), frame_id=frame_id)


def keypoint(number: int, xyz: tuple[float, float, float], score: float = 0.9) -> Message:
    return Message(id=number, point=Message(x=xyz[0], y=xyz[1], z=xyz[2]), score=score)


def detection(name: str, keypoints: list[Message], frame_id: str = 'base_link') -> Message:
    return Message(id=name, keypoints3d=Message(data=keypoints, frame_id=frame_id))


def row(numbers: Any = range(1, 18)) -> list[Message]:
    """Keypoints 2 m ahead (x), each 1 cm farther to the left (y), 1 m up (z)."""
    return [keypoint(number, (2.0, 0.01 * number, 1.0)) for number in numbers]


def read(*detections: Message, axes: str = 'auto', sec: int = 5) -> Any:
    reader = KeypointReader(axes)
    message = Message(header=stamped(sec), detections=list(detections))
    return (*reader.read(message, ARRIVED_NS), reader.frame_id)


def test_ids_begin_with_1_and_body_axes_are_turned() -> None:
    scene, errors, frame_id = read(detection('4', row()))
    assert errors == []
    assert scene.stamp_ns == 5_000_000_007
    [frame] = scene.skeletons
    assert (frame.body_id, frame.layout, frame_id) == (4, 'coco_17', '')
    assert frame.joints_m[Coco17.NOSE] == pytest.approx((-0.01, -1.0, 2.0))
    assert frame.joints_m[Coco17.ANKLE_RIGHT] == pytest.approx((-0.17, -1.0, 2.0))
    assert frame.confidence == pytest.approx([0.9] * 17)


def test_an_optical_frame_is_kept() -> None:
    scene, _, frame_id = read(detection('4', row(), 'camera_color_optical_frame'))
    assert frame_id == 'camera_color_optical_frame'
    assert scene.skeletons[0].joints_m[Coco17.NOSE] == pytest.approx((2.0, 0.01, 1.0))


def test_weak_joints_are_left_out_and_masked() -> None:
    scene, errors, _ = read(detection('4', row([1, 6, 7, 12, 13])))
    assert errors == []
    seen = np.flatnonzero(scene.skeletons[0].confidence)
    assert seen.tolist() == [0, 5, 6, 11, 12]


def test_things_without_keypoints_are_nobody() -> None:
    scene, errors, _ = read(detection('1', []), detection('2', row()))
    assert [frame.body_id for frame in scene.skeletons] == [2]
    assert errors == []


def test_texts_become_numbers_that_stay() -> None:
    reader = KeypointReader('auto')
    numbers = []
    for names in (['a7', 'b2'], ['b2', 'a7'], ['b2']):
        message = Message(header=stamped(), detections=[detection(name, row()) for name in names])
        scene, _ = reader.read(message, ARRIVED_NS)
        numbers.append([frame.body_id for frame in scene.skeletons])
    assert numbers == [[1000000, 1000001], [1000001, 1000000], [1000001]]


def test_one_untracked_person_is_known_several_are_not() -> None:
    scene, errors, _ = read(detection('', row()))
    assert ([frame.body_id for frame in scene.skeletons], errors) == ([0], [])
    scene, errors, _ = read(detection('', row()), detection('3', row()))
    assert [frame.body_id for frame in scene.skeletons] == [3]
    assert [error.reason for error in errors] == ['untracked']


@pytest.mark.parametrize(
    ('bad', 'why'),
    [
        (row([0]), 'from 1 to 17, got 0'),
        (row([18]), 'from 1 to 17, got 18'),
        ([keypoint(1, (2000.0, 0.0, 0.0))], 'millimetres'),
        ([keypoint(1, (2.0, 0.0, 0.0), 1.5)], 'confidence must be from 0 to 1, got 1.5'),
        ([keypoint(1, (float('nan'), 0.0, 0.0))], 'no joint that is seen'),
    ],
)
def test_a_bad_person_is_told_and_hurts_nobody(bad: list[Message], why: str) -> None:
    scene, [error], _ = read(detection('1', bad), detection('2', row()))
    assert why in str(error)
    assert [frame.body_id for frame in scene.skeletons] == [2]


def test_the_same_person_twice_is_told() -> None:
    scene, [error], _ = read(detection('1', row()), detection('1', row()))
    assert len(scene.skeletons) == 1
    assert "id '1' is in view twice" in str(error)


def test_stamp_0_is_replaced_by_the_time_of_arrival() -> None:
    reader = KeypointReader('auto')
    header = Message(stamp=Message(sec=0, nanosec=0), frame_id='')
    scene, _ = reader.read(Message(header=header, detections=[]), ARRIVED_NS)
    assert scene.stamp_ns == ARRIVED_NS


number = st.floats(width=64)


@given(
    st.lists(
        st.builds(
            keypoint, st.integers(-(2**31), 2**31 - 1) | st.integers(0, 18),
            st.tuples(number, number, number), number,
        ),
        max_size=20,
    )
)  # fmt: skip
def test_whatever_arrives_persons_are_whole_or_left_out(points: list[Message]) -> None:
    scene, _, _ = read(detection('1', points))
    for frame in scene.skeletons:
        assert frame.joints_m.shape == (17, 3)
        assert np.isfinite(frame.joints_m).all()
        assert frame.confidence.any()


def tf(child: str, xyz: Any, parent: str = 'camera', turn: Any = (0, 0, 0, 1)) -> Message:
    x, y, z, w = turn
    return Message(
        header=stamped(frame_id=parent),
        child_frame_id=child,
        transform=Message(
            translation=Message(x=xyz[0], y=xyz[1], z=xyz[2]),
            rotation=Message(x=x, y=y, z=z, w=w),
        ),
    )


def test_transforms_lose_the_slash_of_ros_1() -> None:
    [one], errors = transforms_from_msg(Message(transforms=[tf('/head_1', (1, 2, 3), '/openni')]))
    assert errors == []
    assert (one.parent, one.child, one.stamp_ns) == ('openni', 'head_1', 5_000_000_007)
    assert one.position_m.tolist() == [1, 2, 3]
    assert one.rotation.tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    ('bad', 'why'),
    [
        (tf('head_1', (1, float('inf'), 3)), 'head_1: a position is finite, got'),
        (tf('head_1', (1, 2, 3), turn=(0, 0, 0, 0)), 'quaternion, got [0'),
        (tf('', (1, 2, 3)), "got 'camera' and ''"),
        (tf('head_1', (1, 2, 3), parent='head_1'), "got 'head_1' and 'head_1'"),
    ],
)
def test_a_bad_transform_is_told_and_hurts_no_other(bad: Message, why: str) -> None:
    good, [error] = transforms_from_msg(Message(transforms=[bad, tf('neck_1', (1, 2, 3))]))
    assert [one.child for one in good] == ['neck_1']
    assert why in str(error)
