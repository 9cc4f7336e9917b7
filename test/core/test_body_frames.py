from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import standing

from skeleton_action_ros.core.body_frames import body_frames, quaternion_of
from skeleton_action_ros.core.frame_tree import rotation_of
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.skeleton import SkeletonFrame


def person(joints: np.ndarray | None = None, unseen: tuple[Common15, ...] = ()) -> SkeletonFrame:
    confidence = np.ones(15, np.float32)
    confidence[list(unseen)] = 0.0
    return SkeletonFrame(1, 3, 'common_15', standing() if joints is None else joints, confidence)


def axes_of(quaternion: np.ndarray) -> np.ndarray:
    return rotation_of(quaternion)


def test_a_trackers_names_are_those_that_the_source_tf_reads() -> None:
    frames = {frame.name: frame for frame in body_frames(person(), 'tracker')}
    assert len(frames) == 15
    assert {'head_3', 'neck_3', 'torso_3', 'left_hand_3', 'right_foot_3'} <= set(frames)
    assert frames['left_hand_3'].position_m == pytest.approx([0.25, 0.1, 3.0])
    assert frames['left_hand_3'].quaternion.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_rep_155_has_a_body_midway_between_the_hips_that_looks_where_the_person_does() -> None:
    body, *rest = body_frames(person(), 'rep_155')
    assert body.name == 'body_3'
    assert body.position_m == pytest.approx([0.0, 0.0, 3.0])
    # Facing the camera: ahead is -z, the person's left +x, up -y.
    expected = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]).T
    np.testing.assert_allclose(axes_of(body.quaternion), expected, atol=1e-9)
    names = [frame.name for frame in rest]
    assert names[:2] == ['head_3', 'torso_3']
    assert {'l_shoulder_3', 'l_elbow_3', 'l_wrist_3', 'r_hip_3', 'r_knee_3', 'r_ankle_3'} <= {
        *names
    }
    assert len(names) == 14


def test_who_turns_has_a_body_that_turns() -> None:
    """A quarter to the camera's right: (x, z) of a joint about (0, 3) becomes (3 - z, 3 + x)."""
    joints = standing()
    turned = joints.copy()
    turned[:, 0], turned[:, 2] = 3.0 - joints[:, 2], 3.0 + joints[:, 0]
    body = body_frames(person(turned), 'rep_155')[0]
    np.testing.assert_allclose(axes_of(body.quaternion)[:, 0], [1, 0, 0], atol=1e-6)


def test_without_hips_there_is_no_body_and_nothing_turns() -> None:
    frames = body_frames(person(unseen=(Common15.HIP_LEFT,)), 'rep_155')
    assert 'body_3' not in [frame.name for frame in frames]
    assert 'l_hip_3' not in [frame.name for frame in frames]
    np.testing.assert_allclose(axes_of(frames[0].quaternion)[:, 0], [0, 0, -1], atol=1e-9)


def test_a_person_in_one_point_has_frames_that_are_turns_still() -> None:
    frames = body_frames(person(np.ones((15, 3), np.float32)), 'rep_155')
    for frame in frames:
        assert np.linalg.norm(frame.quaternion) == pytest.approx(1.0)


def test_no_naming_no_frame() -> None:
    assert body_frames(person(), 'none') == []


part = st.floats(-1.0, 1.0)


@given(st.tuples(part, part, part, part).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_a_quaternion_and_its_rotation_say_the_same(quaternion: tuple[float, ...]) -> None:
    rotation = rotation_of(np.array(quaternion))
    np.testing.assert_allclose(rotation_of(quaternion_of(rotation)), rotation, atol=1e-9)
