"""MediaPipe's own models, where they are installed; on real videos, where these are."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    'mediapipe', reason='requirements/rgb.txt is not installed, or not for this Python'
)
pytest.importorskip('cv2', reason='requirements/rgb.txt is not installed')

import cv2

from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.adapters.video import VideoFile, open_images
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.layouts import Mediapipe33 as Joint
from skeleton_action_ros.core.rgb import PoseModelConfig, RgbConfig


@pytest.fixture
def wave(recordings: Path) -> Path:
    """A video of somebody who waves."""
    return recordings / 'florence3d' / 'avi' / 'GestureRecording_Id1actor1idAction1category1.avi'


@pytest.fixture
def estimator() -> MediapipePose:
    return MediapipePose(PoseModelConfig())


def images_of(path: Path) -> list[ColourImage]:
    return list(VideoFile(path, 30.0).images(lambda _: None))


@pytest.mark.parametrize('picture', ['black', 'noise', 'gradient'])
def test_nobody_is_found_where_nobody_is(estimator: MediapipePose, picture: str) -> None:
    pixels = np.zeros((480, 640, 3), np.uint8)
    if picture == 'noise':
        pixels = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
    elif picture == 'gradient':
        pixels[:] = np.linspace(0, 255, 640, dtype=np.uint8)[None, :, None]
    assert list(estimator.estimate(pixels)) == []


def test_bad_image_is_refused_and_the_next_one_taken(estimator: MediapipePose) -> None:
    with pytest.raises(ImageError, match='uint8'):
        estimator.estimate(np.zeros((480, 640), np.uint8))
    assert list(estimator.estimate(np.zeros((240, 320, 3), np.uint8))) == []


def test_person_is_upright_of_human_size_with_the_left_hand_on_the_left(
    estimator: MediapipePose, wave: Path
) -> None:
    pose = estimator.estimate(images_of(wave)[0].pixels)[0]
    assert pose.joints_m.shape == (33, 3)
    hips = pose.joints_m[[Joint.HIP_LEFT, Joint.HIP_RIGHT]].mean(axis=0)
    assert np.abs(hips).max() < 0.03  # about the hips
    assert pose.joints_m[Joint.NOSE, 1] < -0.4  # y points down
    assert 1.2 < float(np.ptp(pose.joints_m[:, 1])) < 2.0
    assert pose.joints_m[Joint.SHOULDER_LEFT, 0] > pose.joints_m[Joint.SHOULDER_RIGHT, 0]
    assert pose.image_px[Joint.SHOULDER_LEFT, 0] > pose.image_px[Joint.SHOULDER_RIGHT, 0]
    assert pose.image_px[Joint.NOSE, 1] < pose.image_px[Joint.ANKLE_LEFT, 1]
    assert pose.visibility[Joint.NOSE] > 0.9


def test_of_two_persons_the_one_nearest_to_the_given_place_is_followed(wave: Path) -> None:
    halves = [image.pixels[:, 140:460] for image in images_of(wave)[:6]]
    stills = [np.concatenate([half, half], axis=1) for half in halves]
    for place_x, low, high in ((0.2, 0, 320), (0.8, 320, 640)):
        estimator = MediapipePose(PoseModelConfig(place_x=place_x, detect_every_frames=2))
        for still in stills:
            column = estimator.estimate(still)[0].image_px[Joint.NOSE, 0]
            assert low < column < high
        estimator.close()


class Landmarks:
    """The joints of somebody who fills the region; nobody's where the region is a coat."""

    def __init__(self, coat_x: float) -> None:
        self._coat_x = coat_x

    def process(self, inputs: dict[str, Any]) -> SimpleNamespace:
        region = inputs['region']
        if abs(region.x_center - self._coat_x) < 0.05:
            return SimpleNamespace(joints=None, world=None, circle=None)
        here = SimpleNamespace(
            x=region.x_center, y=region.y_center, z=0.0, visibility=1.0, presence=1.0
        )
        rim = SimpleNamespace(**{**vars(here), 'y': region.y_center - 0.2})
        many = SimpleNamespace(landmark=[here] * 33)
        return SimpleNamespace(
            joints=many, world=many, circle=SimpleNamespace(landmark=[here, rim])
        )


def test_what_only_looks_like_a_person_does_not_hide_the_one_beside_it(
    estimator: MediapipePose,
) -> None:
    def detected(x: float) -> SimpleNamespace:
        points = [SimpleNamespace(x=x, y=0.5), SimpleNamespace(x=x, y=0.3)]
        return SimpleNamespace(
            score=[0.9], location_data=SimpleNamespace(relative_keypoints=points)
        )

    found = SimpleNamespace(detections=[detected(0.5), detected(0.8)])
    estimator.close()
    estimator._detection = SimpleNamespace(process=lambda _: found)
    estimator._landmarks = Landmarks(coat_x=0.5)
    (pose,) = estimator.estimate(np.zeros((100, 100, 3), np.uint8))
    assert pose.image_px[0].tolist() == pytest.approx([80.0, 50.0])


def test_change_of_size_is_borne(estimator: MediapipePose, wave: Path) -> None:
    first, second = images_of(wave)[:2]
    small = cv2.resize(second.pixels, (320, 240))
    large = estimator.estimate(first.pixels)[0].image_px[Joint.NOSE]
    tiny = estimator.estimate(small)[0].image_px[Joint.NOSE]
    assert tiny * 2 == pytest.approx(large, abs=20.0)


def test_person_who_leaves_is_gone_and_another_is_found_after_a_reset(
    estimator: MediapipePose, wave: Path
) -> None:
    images = images_of(wave)
    assert estimator.estimate(images[0].pixels)
    black = np.zeros_like(images[0].pixels)
    assert not estimator.estimate(black)
    moved = np.zeros_like(black)
    moved[:, 320:] = images[0].pixels[:, 150:470]
    estimator.reset()
    assert estimator.estimate(moved)[0].image_px[Joint.NOSE, 0] > 320


def test_video_becomes_one_person_who_stands_before_the_camera(wave: Path) -> None:
    config = RgbConfig()
    source = RgbSource(open_images(str(wave), config), lambda: MediapipePose(config.model), config)
    scenes = list(source.scenes())
    source.close()
    bodies = [one for scene in scenes for one in scene.skeletons]
    assert len(bodies) == len(scenes) == len(images_of(wave))
    assert {(one.body_id, one.layout) for one in bodies} == {(1, 'mediapipe_33')}
    distances = np.array([one.joints_m[Joint.HIP_LEFT, 2] for one in bodies])
    assert (np.abs(distances - 2.7) < 0.8).all()  # a Kinect sees people at 2 to 3.5 m
    trunks = [
        np.linalg.norm(one.joints_m[[11, 12]].mean(axis=0) - one.joints_m[[23, 24]].mean(axis=0))
        for one in bodies
    ]
    assert 0.35 < float(np.median(trunks)) < 0.65


def _open_files() -> int:
    return len(list(Path('/proc/self/fd').iterdir()))


def _resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def test_looped_video_leaves_no_memory_threads_or_files_behind(wave: Path) -> None:
    config = RgbConfig()
    source = RgbSource(open_images(str(wave), config), lambda: MediapipePose(config.model), config)
    for _ in range(3):
        list(source.scenes())
    gc.collect()
    before = (_resident_mb(), threading.active_count(), _open_files())
    frames = sum(1 for _ in range(8) for _ in source.scenes())
    gc.collect()
    after = (_resident_mb(), threading.active_count(), _open_files())
    source.close()
    assert frames >= 80
    assert after[1:] == before[1:]
    assert after[0] - before[0] < 8.0
