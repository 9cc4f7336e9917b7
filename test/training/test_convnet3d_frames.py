"""What the 3D-ConvNet sees: normalised contrast, boxes about persons, drawn skeletons."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from training_clips import standing_clip

from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, mirrored, prepare
from training.convnet3d.boxes import (
    KINECT_FOCAL_PX,
    Box,
    boxed,
    followed,
    person_frames,
    skeleton_box,
)
from training.convnet3d.contrast import contrast_normalised, gaussian
from training.convnet3d.drawing import COLUMNS, HIPS_ROW, PX_PER_TRUNK, ROWS, Drawing
from training.data import load_samples
from training.shots import has_video


def naive_contrast(volume: np.ndarray) -> np.ndarray:
    """Jarrett et al., section 2.1, one pixel after the other."""
    shape = volume.shape

    def averaged(values: np.ndarray, at: tuple[int, ...]) -> float:
        total = share = 0.0
        for t in range(-3, 4):
            for r in range(-3, 4):
                for c in range(-3, 4):
                    place = (at[0] + t, at[1] + r, at[2] + c)
                    if all(0 <= p < size for p, size in zip(place, shape, strict=True)):
                        weight = math.exp(-(t**2 + r**2 + c**2) / (2 * 1.75**2))
                        total += weight * values[place]
                        share += weight
        return total / share

    v, s = np.zeros(shape), np.zeros(shape)
    for at in np.ndindex(shape):
        v[at] = volume[at] - averaged(volume, at)
    for at in np.ndindex(shape):
        s[at] = math.sqrt(averaged(v**2, at))
    return v / np.maximum(s.mean(), s)


def test_contrast_is_normalised_by_its_neighbourhood() -> None:
    volume = np.random.default_rng(0).normal(0.0, 1.0, (4, 6, 5)) + np.arange(5)

    found = contrast_normalised(torch.from_numpy(volume.astype(np.float32))[None])

    np.testing.assert_allclose(found[0].numpy(), naive_contrast(volume), atol=1e-4)


def test_weights_of_the_neighbourhood_sum_to_one_and_fall_from_the_middle() -> None:
    weights = gaussian().tolist()

    assert len(weights) == 7
    assert sum(weights) == pytest.approx(1.0)
    assert weights[:4] == sorted(weights[:4])
    assert weights == pytest.approx(weights[::-1])


def test_picture_of_one_grey_has_no_contrast() -> None:
    found = contrast_normalised(torch.full((1, 9, 20, 20), 0.7))

    assert float(found.abs().max()) < 0.02


def test_contrast_does_not_depend_on_light() -> None:
    frames = torch.rand(1, 9, 16, 16)

    torch.testing.assert_close(
        contrast_normalised(frames), contrast_normalised(0.2 * frames + 0.5), atol=1e-2, rtol=0
    )


def drawn(joints: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out: np.ndarray = Drawing()(torch.from_numpy(joints)[None], torch.from_numpy(mask)[None])
    return out[0].numpy()


def test_joints_and_the_middles_of_bones_are_light_and_the_rest_is_dark() -> None:
    joints, mask = prepare(standing_clip(9), PreprocessConfig(frames=9))

    frames = drawn(joints, mask)

    assert frames.shape == (9, ROWS, COLUMNS)
    hand, elbow = joints[0, Common15.HAND_LEFT], joints[0, Common15.ELBOW_LEFT]
    for place in (hand, elbow, (hand + elbow) / 2):
        column = round((COLUMNS - 1) / 2 + PX_PER_TRUNK * float(place[0]))
        row = round(HIPS_ROW + PX_PER_TRUNK * float(place[1]))
        # At most half a pixel off, in rows and in columns, at the depth of the hips.
        assert frames[0, row, column] > 0.5 * math.exp(-0.5 / (2 * 0.9**2)) - 1e-3
    assert frames[0, :4].max() < 0.01
    assert frames[0, :, 0].max() < 0.01


def test_drawing_of_one_pixel_by_hand() -> None:
    joints = np.zeros((1, 15, 3), np.float32)
    mask = np.zeros((1, 15), np.float32)
    joints[0, Common15.SHOULDER_LEFT] = (0.0, -1.0, 0.3)
    joints[0, Common15.ELBOW_LEFT] = (0.0, 1.0, -0.3)
    mask[0, [Common15.SHOULDER_LEFT, Common15.ELBOW_LEFT]] = (1.0, 0.5)

    frame = drawn(joints, mask)[0]

    # An upright line in column 16.5, from row 17.5 to 38.5; row 28 is its middle.
    depth = 0.0
    light = 0.5 / (1 + math.exp(depth / 0.6))
    assert frame[28, 18] == pytest.approx(light * math.exp(-(1.5**2) / (2 * 0.9**2)), abs=1e-4)
    beyond = math.hypot(0.5, 3.5)
    end = 0.5 / (1 + math.exp(-0.3 / 0.6))
    assert frame[42, 16] == pytest.approx(end * math.exp(-(beyond**2) / (2 * 0.9**2)), abs=1e-4)


def test_nearer_is_lighter_and_what_is_not_seen_is_not_drawn() -> None:
    joints, mask = prepare(standing_clip(9), PreprocessConfig(frames=9))
    nearer, hidden = joints.copy(), mask.copy()
    nearer[..., 2] -= 0.5
    hidden[:] = 0.0

    assert drawn(nearer, mask).max() > drawn(joints, mask).max() + 0.1
    assert drawn(joints, hidden).max() == 0.0


def test_mirrored_joints_are_the_mirrored_drawing() -> None:
    joints, mask = prepare(standing_clip(9), PreprocessConfig(frames=9))
    joints[:, Common15.HAND_LEFT] += (0.3, -0.8, -0.2)

    found = drawn(*mirrored(joints, mask))

    np.testing.assert_allclose(found, drawn(joints, mask)[:, :, ::-1], atol=1e-4)


def test_box_stands_about_all_joints_of_the_clip() -> None:
    clip = standing_clip(10)
    clip.joints_m[5, Common15.HAND_LEFT] = (0.5, -0.6, 2.0)
    clip.joints_m[3, Common15.HEAD] = (9.0, 9.0, 2.0)
    clip.confidence[3, Common15.HEAD] = 0.0

    box = skeleton_box(clip, 640, 480)

    # As in a mirror: the hand at x = 0.5 is to the left of the picture's middle.
    hand = 320 - KINECT_FOCAL_PX * 0.25
    other = 320 + KINECT_FOCAL_PX * 0.125
    head, feet = 240 - KINECT_FOCAL_PX * 0.35, 240 + KINECT_FOCAL_PX * 0.45
    assert box.height == pytest.approx(1.3 * (feet - head))
    assert box.width == pytest.approx(box.height * 34 / 54)
    assert box.top == pytest.approx((feet + head - box.height) / 2)
    assert box.left == pytest.approx((hand + other - box.width) / 2)


def test_box_beyond_the_border_goes_on_with_the_last_row() -> None:
    grey = np.tile(np.arange(60, dtype=np.float32)[:, None], (2, 1, 40))

    found = boxed(grey, Box(top=-27.0, left=3.0, height=54.0, width=34.0))

    assert found.shape == (2, 54, 34)
    assert found[0, :, 0].tolist() == [0.0] * 27 + [float(row) for row in range(27)]


def test_window_follows_who_walks_through_and_stays_when_nobody_is_there() -> None:
    rng = np.random.default_rng(0)
    grey = rng.normal(0.5, 0.01, (60, 60, 80)).astype(np.float32)
    grey += np.linspace(0.0, 0.3, 60, dtype=np.float32)[:, None]
    for time in range(40):
        grey[time, 10:50, 20 + time // 2 : 28 + time // 2] -= 0.45

    found = followed(grey)

    assert found.shape == (60, 54, 34)
    for time in (5, 20, 35):
        dark = np.flatnonzero(found[time, 20] < 0.4)
        assert abs(dark.mean() - 16.5) <= 3.0
        assert len(dark) == 8
    np.testing.assert_array_equal(found[55], grey[55, 3:57, 26:60])


def test_boxing_of_kth_is_in_the_box(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (recordings / 'kth').is_dir():
        pytest.skip('no video of KTH is there')
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(recordings))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path))
    (sample,) = load_samples(['kth1'])

    frames = person_frames(sample)

    assert frames.shape == (360, 54, 34)
    assert abs(frames.astype(np.float32).mean()) < 0.1
    # He stands upright: what is darker than its surroundings lies in the middle third.
    dark = (frames.astype(np.float32) < -1.0).mean(axis=(0, 1))
    assert dark[11:23].mean() > 2.0 * np.concatenate((dark[:11], dark[23:])).mean()
    again = person_frames(sample)
    np.testing.assert_array_equal(again, frames)
    assert len(list((tmp_path / 'convnet3d').iterdir())) == 1


def test_florence_has_videos_of_27_clips_as_long_as_their_skeletons(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (recordings / 'florence3d' / 'avi').is_dir():
        pytest.skip('no video of Florence 3D Actions is there')
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(recordings))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path))
    shown = [sample for sample in load_samples(['florence3d']) if has_video(sample)]

    assert len(shown) == 27
    assert {sample.person for sample in shown} == {1, 2, 3}
    assert len({sample.number for sample in shown}) == 9
    for sample in shown[:2]:
        assert person_frames(sample).shape == (len(sample.clip), 54, 34)
