"""KTH in its owners' files: 160 x 120, 25 fps, named personNN_ACTION_dN_uncomp.avi."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('cv2', reason='requirements/rgb.txt is not installed')

import cv2
from training_clips import standing_clip

from skeleton_action_ros.core.errors import DatasetError
from training import kth
from training.config import OptimizerConfig
from training.convnet3d.boxes import person_frames
from training.convnet3d.recipe import (
    ConvNet3dRecipe,
    FramesConfig,
    LabellerConfig,
    StretchConfig,
)
from training.data import Sample, fingerprint, load_samples
from training.recipes import make_system
from training.shots import has_video, shot_of
from training.system import classified
from training.trainer import Trainer
from training.videos import image_count, read_images

LIST = """The sequences of each video, first and last frame.
person01_boxing_d1\t\tframes\t1-10, 11-25
person02_walking_d3\t\tframes\t3-12, 15-23,24-30
person13_handclapping_d3\t*missing*
"""


def write_video(path: Path, frames: int, width: int = 160, height: int = 120) -> None:
    """A bright square goes from left to right, four columns a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25.0, (width, height))
    for number in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        picture[30:100, 20 + 4 * number : 40 + 4 * number] = 255
        writer.write(picture)
    writer.release()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    place = tmp_path / 'kth'
    write_video(place / 'boxing' / 'person01_boxing_d1_uncomp.avi', 25)
    write_video(place / 'walking' / 'person02_walking_d3_uncomp.avi', 30)
    write_video(place / 'walking' / 'somebody_else.avi', 12)
    (place / '00sequences.txt').write_text(LIST)
    return place


def test_kth1_is_the_videos_as_they_are(folder: Path) -> None:
    boxing, walking = load_samples(['kth1'])

    assert (boxing.action, boxing.number, boxing.person, boxing.view) == ('kth1/boxing', 1, 1, 1)
    assert (walking.action, walking.number, walking.person, walking.view) == (
        'kth1/walking',
        6,
        2,
        3,
    )
    assert (len(boxing.clip), len(walking.clip)) == (25, 30)
    assert not boxing.clip.confidence.any()
    assert boxing.clip.stamps_ns[-1] == 24 * 40_000_000
    assert has_video(boxing)


def test_kth2_is_cut_by_the_owners_list(folder: Path) -> None:
    samples = load_samples(['kth2'])

    assert [(one.person, one.trial, len(one.clip)) for one in samples] == [
        (1, '1', 10),
        (1, '2', 15),
        (2, '1', 10),
        (2, '2', 9),
        (2, '3', 7),
    ]
    assert {one.dataset for one in samples} == {'kth2'}
    assert shot_of(samples[3]).first == 14
    images = list(read_images(shot_of(samples[3])))
    assert len(images) == 9
    # The square of the 15th frame begins at column 20 + 4 * 14.
    bright = np.flatnonzero(images[0].pixels[60, :, 0] > 170)
    assert abs(bright[0] - 76) <= 2


def test_videos_are_counted_once_and_anew_where_their_size_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def count(path: Path) -> int:
        counted.append(path.name[:8])
        return image_count(path)

    monkeypatch.setattr(kth, 'image_count', count)
    load_samples(['kth1'])
    again = load_samples(['kth1'])
    assert counted == ['person01', 'person02']
    assert [len(sample.clip) for sample in again] == [25, 30]

    write_video(folder / 'walking' / 'person02_walking_d3_uncomp.avi', 12)
    shorter = load_samples(['kth1'])
    (folder.parent / 'cache' / kth.COUNTS).write_text('{"cut sh')
    anew = load_samples(['kth1'])

    assert counted == ['person01', 'person02', 'person02', 'person01', 'person02']
    assert [len(sample.clip) for sample in shorter] == [25, 12]
    assert [len(sample.clip) for sample in anew] == [25, 12]


def test_another_video_is_another_fingerprint_where_video_is_learned_from(folder: Path) -> None:
    samples = load_samples(['kth2'])
    system = make_system(ConvNet3dRecipe('tiny'))
    drawing = make_system(ConvNet3dRecipe('tiny', frames=FramesConfig(source='drawn')))
    before = fingerprint(samples, system.files(samples))

    with (folder / 'boxing' / 'person01_boxing_d1_uncomp.avi').open('ab') as file:
        file.write(b'more')

    assert fingerprint(samples, system.files(samples)) != before
    assert fingerprint(samples, drawing.files(samples)) == fingerprint(samples)


def test_window_moves_with_the_person(folder: Path) -> None:
    walking = load_samples(['kth2'])[2]

    frames = person_frames(walking).astype(np.float32)

    assert frames.shape == (10, 54, 34)
    middles = [np.flatnonzero(frame[25] > 0.5).mean() for frame in frames]
    # On its way from frame 3 to 12 the square moves 18 columns of the halved picture.
    assert np.ptp(middles) < 12
    assert abs(np.mean(middles) - 16.5) < 4


def test_videos_of_different_lengths_are_learned_and_named(folder: Path) -> None:
    samples = load_samples(['kth2'])
    recipe = ConvNet3dRecipe(
        'tiny',
        stretch=StretchConfig(clips=3, frames=10),
        labeller=LabellerConfig(cells=4, steps=1),
        optimizer=OptimizerConfig(steps=2, warm_up_steps=0, average=0.5, validate_steps=2),
    )

    with Trainer(recipe, samples) as trainer:
        losses = [trainer.advance() for _ in range(2)]
        named = classified(trainer.system, trainer.model, trainer.system.inputs(samples))

    assert trainer.classes == ('kth2/boxing', 'kth2/walking')
    assert np.isfinite(losses).all()
    assert named.shape == (5, 2)
    assert np.isfinite(named).all()


def test_missing_videos_are_told_with_the_page_and_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path))

    with pytest.raises(DatasetError, match=r'no data set kth under .*Recognition of human actions'):
        load_samples(['kth1'])


def test_kth2_without_the_list_is_told(folder: Path) -> None:
    (folder / '00sequences.txt').rename(folder / 'elsewhere.txt')

    with pytest.raises(DatasetError, match=r'no 00sequences\.txt under .*KTH2 is cut by it'):
        load_samples(['kth2'])


def test_video_that_the_list_lacks_is_told(folder: Path) -> None:
    write_video(folder / 'person09_running_d2_uncomp.avi', 10)

    with pytest.raises(DatasetError, match='no line for person09_running_d2'):
        load_samples(['kth2'])


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('person01_boxing_d1 frames 20-11', 'frames must rise from 1, got'),
        ('nothing of the kind', 'expected lines like'),
    ],
)
def test_strange_list_is_told(folder: Path, line: str, message: str) -> None:
    (folder / '00sequences.txt').write_text(line)

    with pytest.raises(DatasetError, match=message):
        load_samples(['kth2'])


def test_video_shorter_than_the_list_says_is_told(folder: Path) -> None:
    text = LIST.replace('11-25', '11-40')
    (folder / '00sequences.txt').write_text(text)
    long = load_samples(['kth2'])[1]

    with pytest.raises(DatasetError, match=r'frames 11 to 40 are wanted, the video ends after 25'):
        person_frames(long)
    assert not list((folder.parent / 'cache').rglob('*.npy'))


@pytest.mark.parametrize(('width', 'height'), [(64, 120), (160, 60)])
def test_video_too_small_for_a_person_is_told(folder: Path, width: int, height: int) -> None:
    write_video(folder / 'boxing' / 'person01_boxing_d1_uncomp.avi', 25, width, height)

    with pytest.raises(DatasetError, match=f'must be 68 x 108 or larger, got {width} x {height}'):
        person_frames(load_samples(['kth1'])[0])


def test_video_that_is_cut_off_is_told(folder: Path) -> None:
    path = folder / 'boxing' / 'person01_boxing_d1_uncomp.avi'
    boxing = load_samples(['kth1'])[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(DatasetError, match=r'person01_boxing_d1_uncomp\.avi'):
        person_frames(boxing)


def test_other_data_sets_have_no_video() -> None:
    sample = Sample(standing_clip(), 'utd-mhad')

    assert not has_video(sample)
    with pytest.raises(DatasetError, match='no videos of utd-mhad, only of florence3d and kth'):
        shot_of(sample)
