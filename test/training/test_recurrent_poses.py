from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from training_clips import lifting_clip, standing_clip

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip
from training.recurrent.alignment import Alignment, Translation, bone_lengths_m, rotation
from training.recurrent.network import PoseStream
from training.recurrent.recipe import PoseConfig, RecurrentRecipe, TransformerConfig

FRAMES = 8


def lifting(joint: str = 'HAND_LEFT', seed: int = 0) -> Clip:
    return lifting_clip(joint, 0.5, 's1', np.random.default_rng(seed))


def prepared(clip: Clip) -> tuple[Tensor, Tensor]:
    joints, mask = prepare(clip, PreprocessConfig(frames=FRAMES, turn=False, scale=False))
    return torch.from_numpy(joints)[None], torch.from_numpy(mask)[None]


def stream(**pose: object) -> PoseStream:
    return PoseStream(RecurrentRecipe('any', pose=PoseConfig(frames=FRAMES, **pose)))  # type: ignore[arg-type]


def moved(clip: Clip, turn: NDArray[np.float64], size: float, to_m: list[float]) -> Clip:
    joints = clip.joints_m @ turn.T.astype(np.float32) * np.float32(size)
    return replace(clip, joints_m=(joints + np.array(to_m, np.float32)).astype(np.float32))


def turned(axis: int, degrees: float) -> NDArray[np.float64]:
    first, second = [n for n in range(3) if n != axis]
    angle, turn = np.radians(degrees), np.eye(3)
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    return turn


def test_torso_of_the_first_frame_becomes_the_origin_and_walking_is_kept() -> None:
    clip = standing_clip(FRAMES)
    walked = clip.joints_m + np.linspace(0.0, 1.4, FRAMES, dtype=np.float32)[:, None, None]

    found = Translation()(*prepared(replace(clip, joints_m=walked)))[0]

    torso = walked[0, Common15.TORSO]
    np.testing.assert_allclose(found.numpy(), walked - torso, atol=1e-5)


def test_without_a_torso_the_middle_of_shoulders_and_hips_is_the_origin() -> None:
    clip = standing_clip(FRAMES)
    clip.confidence[:, Common15.TORSO] = 0.0

    found = Translation()(*prepared(clip))[0]

    # Shoulders are at -0.5 and hips at 0 (y down): the middle is at -0.25, the head at -0.7.
    np.testing.assert_allclose(found[0, Common15.HEAD].numpy(), [0.0, -0.45, 0.0], atol=1e-6)
    assert not found[:, Common15.TORSO].any()


def test_first_frame_turns_the_clip_to_shoulders_and_hips() -> None:
    pose = standing_clip(1).joints_m.astype(np.float64)
    pose -= pose[:, Common15.TORSO]
    turn = turned(1, 130.0) @ turned(0, 25.0) @ turned(2, -15.0)

    axes = rotation(torch.from_numpy(pose @ turn.T), torch.ones(1, 15, dtype=torch.bool))[0].numpy()

    # The standing body has its left shoulder at +x and its hips at +y already.
    np.testing.assert_allclose(axes @ turn, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_body_without_extent_is_not_turned() -> None:
    everywhere = torch.ones(2, 15, dtype=torch.bool)

    found = rotation(torch.zeros(2, 15, 3), everywhere).numpy()

    np.testing.assert_array_equal(found, [np.eye(3)] * 2)


HIPS = [Common15.HIP_LEFT, Common15.HIP_RIGHT]


@pytest.mark.parametrize('torso', [True, False])
@pytest.mark.parametrize(
    ('lost', 'left'),
    [
        # What is left of the trunk, by REST_M: shoulders at y -0.5, hips at 0, torso at -0.2.
        (HIPS, -0.5),
        ([Common15.HIP_LEFT], -0.5),
        ([Common15.SHOULDER_RIGHT], 0.0),
        ([Common15.SHOULDER_LEFT, Common15.SHOULDER_RIGHT], 0.0),
    ],
)
def test_body_of_which_a_shoulder_or_hip_is_never_seen_keeps_the_cameras_axes(
    lost: list[Common15], left: float, torso: bool
) -> None:
    turn = turned(1, 40.0) @ turned(0, 10.0)
    clip = moved(standing_clip(FRAMES), turn, 1.0, [0.3, -0.2, 1.0])
    # Each frame is seen from its torso, so that walking does not count; to `prepare` it does.
    clip.joints_m[:] += np.linspace((0.0, 0.0, 0.0), (0.6, 0.2, -0.3), FRAMES)[:, None]
    gone = lost if torso else [*lost, Common15.TORSO]
    clip.joints_m[:, gone] = 0.0
    clip.confidence[:, gone] = 0.0

    found = Alignment().eval()(*prepared(clip))[0].numpy()

    shown = [joint for joint in Common15 if joint not in gone]
    standing = standing_clip(1).joints_m[0].astype(np.float64)
    wanted = (standing - [0.0, -0.2 if torso else left, 2.0]) @ turn.T
    for frame in found:
        np.testing.assert_allclose(frame[shown], wanted[shown], atol=1e-5)
    assert not found[:, gone].any()


def test_shoulder_seen_in_some_frames_turns_the_body() -> None:
    clip = moved(standing_clip(FRAMES), turned(1, 40.0), 1.0, [0.0, 0.0, 1.0])
    clip.confidence[2:5, Common15.SHOULDER_LEFT] = 0.0

    found = Alignment().eval()(*prepared(clip))[0, 0].numpy()

    np.testing.assert_allclose(found, standing_clip(1).joints_m[0] - [0.0, -0.2, 2.0], atol=1e-5)


def test_aligned_clip_is_the_same_from_anywhere_at_any_size() -> None:
    clip = lifting()
    other = moved(clip, turned(1, -70.0) @ turned(0, 20.0), 1.3, [0.4, -0.2, 1.5])
    align = Alignment()
    align(*prepared(lifting('HEAD', 5)))

    first, second = align.eval()(*prepared(clip)), align.eval()(*prepared(other))

    np.testing.assert_allclose(first.numpy(), second.numpy(), atol=2e-5)
    assert not first[:, :, Common15.TORSO].any()


def test_bones_become_as_long_together_as_in_the_training_set() -> None:
    large, small = lifting(seed=1), moved(lifting(seed=2), np.eye(3), 0.5, [0.0, 0.0, 0.0])
    align = Alignment()
    lengths = []
    for clip in (large, small):
        joints, mask = prepared(clip)
        align(joints, mask)
        mean = 0.0
        for frame in joints[0].numpy():
            for start, end in LAYOUTS['common_15'].bones:
                mean += float(np.linalg.norm(frame[end] - frame[start])) / FRAMES
        lengths.append(mean)

    found = align.eval()(*prepared(small))

    assert float(bone_lengths_m(found).sum()) == pytest.approx(np.mean(lengths), rel=1e-4)
    assert lengths[1] < 0.6 * lengths[0]


def test_alignment_that_has_seen_no_training_keeps_the_size() -> None:
    clip = lifting()

    found = Alignment().eval()(*prepared(clip))

    wanted = bone_lengths_m(prepared(clip)[0])
    torch.testing.assert_close(bone_lengths_m(found), wanted, rtol=1e-4, atol=1e-5)


def test_motion_is_the_difference_of_poses_and_one_shorter() -> None:
    joints, mask = prepared(lifting())

    pose, motion, both = (stream(stream=name)(joints, mask) for name in ('pose', 'motion', 'both'))

    assert pose.shape == (1, FRAMES, 45)
    assert motion.shape == (1, FRAMES - 1, 45)
    for time in range(FRAMES - 1):
        torch.testing.assert_close(motion[0, time], pose[0, time + 1] - pose[0, time])
    torch.testing.assert_close(both, torch.cat((pose[:, :-1], motion), dim=2))
    assert stream(stream='both').width == 90


def test_thirteen_joints_leave_out_neck_and_torso() -> None:
    joints, mask = prepared(lifting())

    fewer, all_of_them = stream(joints=13)(joints, mask), stream()(joints, mask)

    wanted = [joint for joint in range(15) if joint not in (1, 2)]
    assert fewer.shape == (1, FRAMES, 39)
    torch.testing.assert_close(
        fewer.unflatten(2, (13, 3)), all_of_them.unflatten(2, (15, 3))[:, :, wanted]
    )


def test_virtual_joints_are_made_at_every_time() -> None:
    recipe = RecurrentRecipe('any', transformer=TransformerConfig('affine'))
    made = PoseStream(recipe)
    joints, mask = prepared(lifting())
    assert made.transformer is not None
    weight = made.transformer.combined().detach().numpy()

    found = made(joints, mask).detach().unflatten(2, (15, 3)).numpy()

    for time, pose in enumerate(Translation()(joints, mask)[0].numpy()):
        np.testing.assert_allclose(found[0, time], weight @ pose, atol=1e-5)
