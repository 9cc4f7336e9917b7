from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from training_clips import standing_clip

from skeleton_action_ros.core.errors import DatasetError
from training.data import Sample
from training.depth_videos import has_depth
from training.tarm.depth import SIDE, depth_images, depth_motion_image, read_depth


def video(frames: int = 4) -> np.ndarray:
    """A body of 100 x 40 pixels two metres away; in frame 2 an arm half a metre before it."""
    out = np.zeros((240, 320, frames), np.uint16)
    out[80:180, 140:180] = 2000
    out[100:120, 150:170, 2] = 1500
    return out


def sample(action: int, person: int, trial: int, dataset: str = 'utd-mhad') -> Sample:
    clip = standing_clip(label=f'action_{action}', subject=f's{person}')
    return Sample(clip, dataset, number=action, person=person, trial=str(trial))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two depth videos where the data set's are."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'data' / 'utd-mhad' / 'Depth'
    folder.mkdir(parents=True)
    savemat(folder / 'a1_s1_t1_depth.mat', {'d_depth': video()})
    savemat(folder / 'a12_s3_t2_depth.mat', {'d_depth': video()[:, ::-1]})
    return folder


def test_nearest_depth_of_each_pixel_stays() -> None:
    nearest, _ = depth_motion_image(video())

    # The square is 129 pixels from row 65 and column 95; grey is 128 + 127 (body - depth) / 1 m.
    assert nearest.shape == (SIDE, SIDE)
    assert nearest[40, 32] == 128
    assert abs(int(nearest[22, 32]) - 191.5) <= 0.5
    assert not nearest[0].any()
    assert not nearest[:, :20].any()
    columns = np.flatnonzero(nearest[40])
    assert abs(len(columns) - 40 * 64 / 129) <= 2


def test_motion_is_the_sum_of_changes_of_which_each_counts_0_3_m_at_most() -> None:
    made = video(5)
    made[150:170, 150:170, 4] = 2100
    made[100:120, 180:200, 4] = 2000

    _, motion = depth_motion_image(made)

    # The arm comes and goes: 0.3 m twice; the hip 0.1 m once; beside the body somebody appears.
    assert motion[22, 32] == 255
    assert abs(int(motion[47, 32]) - 255 * 100 / 600) <= 1
    assert abs(int(motion[22, 47]) - 255 * 300 / 600) <= 1
    assert motion[10, 32] == 0


def test_place_in_the_picture_does_not_matter() -> None:
    there = np.roll(video(), (-30, 90), axis=(0, 1))

    np.testing.assert_array_equal(depth_motion_image(there), depth_motion_image(video()))


def test_video_without_anybody_is_refused() -> None:
    with pytest.raises(DatasetError, match='a depth video without anybody in it'):
        depth_motion_image(np.zeros((240, 320, 3), np.uint16))


def test_clips_are_given_the_images_of_their_videos(data: Path) -> None:
    samples = [sample(12, 3, 2), sample(1, 1, 2), sample(1, 1, 1), sample(1, 1, 1, 'msr-action3d')]

    images, found = depth_images(samples, 'nearest')
    motion, _ = depth_images(samples, 'motion')

    assert found.tolist() == [True, False, True, False]
    assert [has_depth(one) for one in samples] == found.tolist()
    np.testing.assert_array_equal(images[2], depth_motion_image(video())[0])
    np.testing.assert_array_equal(motion[0], depth_motion_image(video()[:, ::-1])[1])
    assert not images[~found].any()


def test_videos_are_read_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.tarm import depth

    first, _ = depth_images([sample(1, 1, 1)], 'nearest')
    depth._images.cache_clear()
    monkeypatch.setattr(depth, 'read_mat', lambda path, name: pytest.fail('read again'))

    again, _ = depth_images([sample(1, 1, 1)], 'nearest')

    np.testing.assert_array_equal(first, again)


def test_truncated_video_is_named_and_nothing_is_kept(data: Path, tmp_path: Path) -> None:
    file = data / 'a12_s3_t2_depth.mat'
    file.write_bytes(file.read_bytes()[:300])

    with pytest.raises(DatasetError, match=r'a12_s3_t2_depth\.mat: expected a readable MATLAB'):
        depth_images([sample(1, 1, 1)], 'nearest')
    assert not list((tmp_path / 'cache').glob('*'))


def test_empty_video_is_named(data: Path) -> None:
    savemat(data / 'a2_s1_t1_depth.mat', {'d_depth': np.zeros((240, 320, 2), np.uint16)})

    with pytest.raises(DatasetError, match=r'a2_s1_t1_depth\.mat: a depth video without anybody'):
        depth_images([sample(1, 1, 1)], 'nearest')


def test_video_of_another_size_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / 'a1_s1_t1_depth.mat', {'d_depth': np.ones((24, 32, 5), np.uint16)})

    with pytest.raises(DatasetError, match=r'must be \(240, 320, T\) integers, got \(24, 32, 5\)'):
        read_depth(tmp_path / 'a1_s1_t1_depth.mat')


@pytest.mark.parametrize('depth_mm', [-1, 70_000])
def test_depth_that_no_sensor_gives_is_refused(tmp_path: Path, depth_mm: int) -> None:
    video_mm = np.ones((240, 320, 2), np.int32)
    video_mm[3, 4, 1] = depth_mm
    savemat(tmp_path / 'a1_s1_t1_depth.mat', {'d_depth': video_mm})

    with pytest.raises(DatasetError, match=rf'from 0 to 65535 mm, got .*{depth_mm}'):
        read_depth(tmp_path / 'a1_s1_t1_depth.mat')


def test_missing_videos_are_told_with_place_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'none'))

    for ask in (has_depth, lambda one: depth_images([one], 'nearest')):
        with pytest.raises(DatasetError, match=r'none/utd-mhad \(UTD Multimodal.*folder Depth'):
            ask(sample(1, 1, 1))
    assert not has_depth(sample(1, 1, 1, 'msr-action3d'))
