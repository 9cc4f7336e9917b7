"""Persons out of the coordinate frames that trackers publish, whole or torn, with whatever else."""

from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.frame_tree import FrameTransform
from skeleton_action_ros.core.layouts import OpenNI15
from skeleton_action_ros.core.tracked_frames import TrackedFrames, TrackedFramesConfig, places

MS = 1_000_000
# As openni_tracker names them; where each is, x forward, y left, z up, a person 3 m ahead.
JOINTS = {
    'head': (3.0, 0.0, 0.7), 'neck': (3.0, 0.0, 0.5), 'torso': (3.0, 0.0, 0.2),
    'left_shoulder': (3.0, -0.2, 0.5), 'left_elbow': (3.0, -0.25, 0.2),
    'left_hand': (3.0, -0.25, 0.0), 'right_shoulder': (3.0, 0.2, 0.5),
    'right_elbow': (3.0, 0.25, 0.2), 'right_hand': (3.0, 0.25, 0.0),
    'left_hip': (3.0, -0.1, 0.0), 'left_knee': (3.0, -0.1, -0.4), 'left_foot': (3.0, -0.1, -0.8),
    'right_hip': (3.0, 0.1, 0.0), 'right_knee': (3.0, 0.1, -0.4), 'right_foot': (3.0, 0.1, -0.8),
}  # fmt: skip


def transform(
    child: str, xyz: tuple[float, float, float], stamp_ms: float, parent: str = 'openni_depth_frame'
) -> FrameTransform:
    return FrameTransform(parent, child, round(stamp_ms * MS), np.array(xyz), np.eye(3))


def person(user: str | int, stamp_ms: float, pattern: str = '{joint}_{user}') -> list:
    return [
        transform(pattern.format(joint=joint, user=user), xyz, stamp_ms)
        for joint, xyz in JOINTS.items()
    ]


def tracker(axes: str = 'auto', **settings: object) -> TrackedFrames:
    return TrackedFrames(TrackedFramesConfig(**settings), axes)


def one_by_one(frames: TrackedFrames, transforms: list[FrameTransform]) -> list:
    """Push as openni_tracker publishes: each transform in a message of its own, at its stamp."""
    return [
        scene
        for each in transforms
        for scene, errors in frames.push([each], each.stamp_ns)
        if not errors
    ]


def test_joints_are_where_the_frames_are_in_optical_axes() -> None:
    frames = tracker()
    frames.push(person(2, 1000), 1)
    (scene, errors), _ = frames.push(person(2, 1033), 2)
    assert errors == []
    assert scene.stamp_ns == 1000 * MS
    [frame] = scene.skeletons
    assert (frame.body_id, frame.layout, frame.stamp_ns) == (2, 'openni_15', 1000 * MS)
    assert frame.joints_m[OpenNI15.HEAD] == pytest.approx((0.0, -0.7, 3.0))
    assert frame.joints_m[OpenNI15.HAND_LEFT] == pytest.approx((0.25, 0.0, 3.0))
    assert frame.confidence.tolist() == [1.0] * 15
    assert frames.frame_id == '', 'these axes are not those of the frame'


def test_once_the_joints_are_known_a_scene_is_whole_with_its_last_transform() -> None:
    frames = tracker()
    stream = [each for frame in range(4) for each in person(1, 1000 + 33 * frame)]
    scenes = one_by_one(frames, stream[:-1])
    assert [scene.stamp_ns // MS for scene in scenes] == [1000, 1033, 1066]
    [last] = one_by_one(frames, stream[-1:])
    assert last.stamp_ns == 1099 * MS


def test_slightly_different_stamps_of_one_image_are_one_scene() -> None:
    frames = tracker()
    stream = [
        transform(each.child, tuple(each.position_m), 1000 + 33 * frame + 0.1 * place)
        for frame in range(3)
        for place, each in enumerate(person(1, 0))
    ]
    scenes = one_by_one(frames, stream)
    assert [len(scene.skeletons) for scene in scenes] == [1, 1, 1]
    assert scenes[1].stamp_ns == round(1034.4 * MS), 'the latest stamp'


def test_two_users_are_two_persons_of_one_scene_and_one_may_leave() -> None:
    frames = tracker()
    stream = [*person(1, 1000), *person(2, 1000)]
    for frame in range(1, 4):
        stream += [*person(1, 1000 + 33 * frame), *person(2, 1000 + 33 * frame)]
    stream += [*person(2, 1132), *person(2, 1165), *person(2, 1198)]
    scenes = one_by_one(frames, stream)
    assert [[one.body_id for one in scene.skeletons] for scene in scenes] == [
        *[[1, 2]] * 4, *[[2]] * 3,
    ]  # fmt: skip


def test_what_waits_is_given_after_a_while_without_the_missing_joints() -> None:
    frames = tracker(settle_s=0.02)
    assert frames.push(person(1, 1000)[:9], 5000 * MS) == []
    assert frames.flush(5019 * MS) == []
    [(scene, _)] = frames.flush(5020 * MS)
    assert scene.skeletons[0].confidence.sum() == 9
    assert frames.flush(6000 * MS) == []


def test_a_tree_that_stops_gives_nothing_and_goes_on_where_it_starts_again() -> None:
    frames = tracker()
    one_by_one(frames, [*person(1, 1000), *person(1, 1033)])
    assert frames.flush(60_000 * MS) == []
    [scene] = one_by_one(frames, person(1, 70_000))
    assert (scene.stamp_ns, len(scene.skeletons)) == (70_000 * MS, 1)


def test_time_that_jumps_back_begins_a_new_scene() -> None:
    frames = tracker()
    one_by_one(frames, [*person(1, 9000), *person(1, 9033)])
    frames.push(person(1, 9066)[:3], 1)
    stamps = [scene.stamp_ns // MS for scene in one_by_one(frames, person(1, 1000))]
    assert stamps == [9066, 1000]


def test_stamp_0_is_replaced_by_the_time_of_arrival() -> None:
    frames = tracker()
    frames.push(person(1, 0), 7000 * MS)
    [(scene, _)] = frames.flush(7020 * MS)
    assert scene.stamp_ns == 7020 * MS


@pytest.mark.parametrize(
    'pattern', ['user_{user}/{joint}', 'nuitrack_{joint}_{user}', '{user}.{joint}']
)
def test_other_patterns(pattern: str) -> None:
    frames = tracker(pattern=pattern)
    frames.push(person(7, 1000, pattern), 1)
    [(scene, _)] = frames.flush(10**12)
    assert [one.body_id for one in scene.skeletons] == [7]


@pytest.mark.parametrize('pattern', ['', '{joint}', 'x_{user}', '{joint}{joint}_{user}'])
def test_a_pattern_without_joint_or_user_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match='once each, got'):
        tracker(pattern=pattern)


def test_frames_of_a_robot_are_no_persons_and_are_named_to_whoever_waits() -> None:
    frames = tracker()
    robot = ['base_link', 'l_wrist_link', 'wrist_camera', 'laser_1', 'camera_depth_optical_frame']
    frames.push([transform(name, (0.0, 0.0, 0.0), 1000) for name in robot], 1)
    assert frames.flush(10**12) == []
    assert frames.note() == (
        "5 transforms came, none of a frame named like '{joint}_{user}': " + ', '.join(robot)
    )
    frames.push(person(1, 1000), 1)
    frames.flush(10**12)
    assert frames.note() == ''


def test_the_frame_wanted_may_be_another_of_the_tree() -> None:
    frames = tracker(axes='optical', frame='base_link')
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    frames.push(
        [FrameTransform('base_link', 'openni_depth_frame', 1, np.array([0.0, 0.0, 1.0]), turned)], 1
    )
    frames.push(person(1, 1000), 1)
    [(scene, errors)] = frames.flush(10**12)
    assert errors == []
    assert scene.skeletons[0].joints_m[OpenNI15.HEAD] == pytest.approx((0.0, 3.0, 1.7))
    assert frames.frame_id == 'base_link'


def test_a_frame_wanted_that_nothing_connects_is_an_error_that_names_both() -> None:
    frames = tracker(frame='map')
    frames.push(person(1, 1000), 1)
    [(scene, [error])] = frames.flush(10**12)
    assert scene.skeletons == ()
    assert 'openni_depth_frame' in str(error)
    assert 'map' in str(error)


def test_joints_that_hang_on_one_another_are_composed() -> None:
    frames = tracker(axes='optical')
    chain = [
        transform('waist_1', (0.0, 0.0, 3.0), 1000, 'camera'),
        transform('torso_1', (0.0, -0.3, 0.0), 1000, 'waist_1'),
        transform('neck_1', (0.0, -0.3, 0.0), 1000, 'torso_1'),
    ]
    frames.push(chain, 1)
    [(scene, _)] = frames.flush(10**12)
    [frame] = scene.skeletons
    assert frame.joints_m[OpenNI15.NECK] == pytest.approx((0.0, -0.6, 3.0))
    assert frames.frame_id == 'camera'


def test_a_broken_person_does_not_hurt_another() -> None:
    frames = tracker()
    nowhere = [
        transform(f'{joint}_1', (float('nan'), 0.0, 0.0), 1000) for joint in ('head', 'neck')
    ]
    frames.push([*nowhere, *person(2, 1000)], 1)
    [(scene, [error])] = frames.flush(10**12)
    assert [one.body_id for one in scene.skeletons] == [2]
    assert 'body 1' in str(error)


def test_sides_may_be_exchanged() -> None:
    frames = tracker(swap_sides=True)
    frames.push(person(1, 1000), 1)
    [(scene, _)] = frames.flush(10**12)
    assert scene.skeletons[0].joints_m[OpenNI15.HAND_RIGHT] == pytest.approx((0.25, 0.0, 3.0))


@pytest.mark.parametrize(
    ('name', 'joint'),
    [
        ('head', 'HEAD'), ('JOINT_HEAD', 'HEAD'), ('left_hand', 'HAND_LEFT'),
        ('l_wrist', 'HAND_LEFT'), ('right_ankle', 'FOOT_RIGHT'),
        ('shoulder_right', 'SHOULDER_RIGHT'),
        ('waist', None), ('left_collar', None), ('left', None), ('left_head', None),
        ('r_l_knee', None), ('hand', None), ('head_camera', None),
    ],
)  # fmt: skip
def test_names_of_joints(name: str, joint: str | None) -> None:
    assert places([name]) == ({} if joint is None else {name: OpenNI15[joint]})


def test_a_wrist_stands_in_only_where_there_is_no_hand() -> None:
    assert places(['left_wrist', 'left_hand', 'right_wrist']) == {
        'left_hand': OpenNI15.HAND_LEFT,
        'right_wrist': OpenNI15.HAND_RIGHT,
    }
