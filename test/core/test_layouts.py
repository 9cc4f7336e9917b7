from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.core.errors import BadSkeletonError, UnknownLayoutError
from skeleton_action_ros.core.layouts import (
    LAYOUTS,
    Coco17,
    Common15,
    K4abt32,
    KinectV1,
    get_layout,
    to_common_15,
)


@pytest.mark.parametrize(
    ('name', 'joints'),
    [
        ('common_15', 15),
        ('openni_15', 15),
        ('coco_17', 17),
        ('kinect_v1_20', 20),
        ('kinect_v2_25', 25),
        ('k4abt_32', 32),
        ('mediapipe_33', 33),
    ],
)
def test_each_layout_has_the_joints_of_its_name(name: str, joints: int) -> None:
    assert get_layout(name).joint_count == joints


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=lambda layout: layout.name)
def test_no_joint_hangs_on_two_bones(layout) -> None:
    children = [child for _, child in layout.bones]
    assert len(children) == len(set(children))


def test_common_joints_are_in_the_documented_order() -> None:
    limbs = ('shoulder', 'elbow', 'hand'), ('hip', 'knee', 'foot')
    expected = ['head', 'neck', 'torso'] + [
        f'{joint}_{side}' for limb in limbs for side in ('left', 'right') for joint in limb
    ]
    assert [joint.name.lower() for joint in Common15] == expected


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=lambda layout: layout.name)
def test_left_stays_left_on_the_way_to_common(layout) -> None:
    for common, sources in zip(Common15, layout.to_common, strict=True):
        for side in ('LEFT', 'RIGHT'):
            if side in common.name:
                assert all(side in layout.joints(source).name for source in sources)


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=lambda layout: layout.name)
def test_mirror_swaps_sides_and_undoes_itself(layout) -> None:
    mirror = layout.mirror()
    assert [mirror[other] for other in mirror] == list(range(layout.joint_count))
    for joint in layout.joints:
        if 'LEFT' in joint.name:
            assert 'RIGHT' in layout.joints(mirror[joint]).name


def test_kinect_v1_joints_keep_their_places_in_common() -> None:
    joints = np.arange(60, dtype=np.float32).reshape(20, 3)
    common, confidence = to_common_15(joints, np.ones(20, np.float32), 'kinect_v1_20')
    assert common[Common15.NECK].tolist() == joints[KinectV1.SHOULDER_CENTER].tolist()
    assert common[Common15.HAND_LEFT].tolist() == joints[KinectV1.HAND_LEFT].tolist()
    assert confidence.tolist() == [1.0] * 15


def test_what_coco_lacks_is_masked_and_ears_make_the_head() -> None:
    joints = np.zeros((17, 3), np.float32)
    joints[Coco17.EAR_LEFT], joints[Coco17.EAR_RIGHT] = (0.1, -0.5, 2.0), (-0.1, -0.5, 2.2)
    seen = np.ones(17, np.float32)
    seen[Coco17.EAR_RIGHT] = 0.25
    common, confidence = to_common_15(joints, seen, 'coco_17')
    np.testing.assert_allclose(common[Common15.HEAD], (0.0, -0.5, 2.1), atol=1e-6)
    assert confidence[Common15.HEAD] == 0.25
    assert confidence[Common15.NECK] == confidence[Common15.TORSO] == 0.0


def test_batches_of_any_depth_are_mapped() -> None:
    common, confidence = to_common_15(
        np.ones((2, 7, 32, 3), np.float32), np.ones((2, 7, 32), np.float32), 'k4abt_32'
    )
    assert common.shape == (2, 7, 15, 3)
    assert confidence.shape == (2, 7, 15)
    assert len(K4abt32) == 32


def test_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownLayoutError, match=r"'kinect_v3'.*k4abt_32"):
        get_layout('kinect_v3')


def test_wrong_joint_count_is_refused_with_what_arrived() -> None:
    with pytest.raises(BadSkeletonError, match=r'32, 3\), got \(25, 3\)'):
        to_common_15(np.ones((25, 3), np.float32), np.ones(25, np.float32), 'k4abt_32')
