"""Images from files, folders and cameras, by OpenCV."""

from __future__ import annotations

import itertools
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('cv2', reason='requirements/rgb.txt is not installed')

import cv2

from skeleton_action_ros.adapters import video
from skeleton_action_ros.adapters.video import (
    CameraStream,
    ImageFolder,
    VideoFile,
    open_images,
)
from skeleton_action_ros.core.errors import ImageError, SourceError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.rgb import RgbConfig

CONFIG = RgbConfig()


def write_video(path: Path, images: int, rate_hz: float = 25.0) -> Path:
    """Write grey images, each 8 brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), rate_hz, (64, 48))
    for number in range(images):
        writer.write(np.full((48, 64, 3), 8 * number % 256, np.uint8))
    writer.release()
    return path


def read(stream: video.ImageStream) -> tuple[list[ColourImage], list[ImageError]]:
    errors: list[ImageError] = []
    return list(stream.images(errors.append)), errors


def shades(images: list[ColourImage]) -> list[int]:
    return [round(float(image.pixels.mean()) / 8) for image in images]


def test_video_keeps_its_stamps_and_every_image(tmp_path: Path) -> None:
    images, errors = read(VideoFile(write_video(tmp_path / 'a.avi', 10, 20.0), 30.0))
    assert shades(images) == list(range(10))
    assert [image.stamp_ns for image in images] == [
        1_000_000_000 + number * 50_000_000 for number in range(10)
    ]
    assert errors == []


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    blue_green_red = np.zeros((48, 64, 3), np.uint8)
    blue_green_red[:] = (10, 20, 200)
    cv2.imwrite(str(tmp_path / 'a.png'), blue_green_red)
    (image,), _ = read(ImageFolder(tmp_path, 30.0))
    assert image.pixels[0, 0].tolist() == [200, 20, 10]


def test_video_of_one_image_gives_one(tmp_path: Path) -> None:
    images, errors = read(VideoFile(write_video(tmp_path / 'a.avi', 1), 30.0))
    assert (len(images), errors) == (1, [])


def test_video_can_be_read_again(tmp_path: Path) -> None:
    stream = VideoFile(write_video(tmp_path / 'a.avi', 3), 30.0)
    assert shades(read(stream)[0]) == shades(read(stream)[0]) == [0, 1, 2]


def test_truncated_video_gives_what_it_has_and_says_what_was_promised(tmp_path: Path) -> None:
    path = write_video(tmp_path / 'a.avi', 40)
    os.truncate(path, path.stat().st_size // 2)
    images, errors = read(VideoFile(path, 30.0))
    assert 5 < len(images) < 35
    assert shades(images) == list(range(len(images)))
    (error,) = errors
    assert error.reason == 'truncated'
    assert f'40 images are promised, {len(images)} could be read' in str(error)


@pytest.mark.parametrize('content', [b'', b'no video at all'])
def test_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'a.avi'
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r'a\.avi: no image can be read'):
        read(VideoFile(path, 30.0))


def test_folder_is_read_in_the_order_of_names_at_its_rate(tmp_path: Path) -> None:
    for name, shade in (('b.png', 16), ('a.png', 8), ('c.png', 24)):
        cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), shade, np.uint8))
    (tmp_path / 'notes.txt').write_text('not an image')
    images, errors = read(ImageFolder(tmp_path, 10.0))
    assert (shades(images), errors) == ([1, 2, 3], [])
    assert [image.stamp_ns for image in images] == [1_000_000_000, 1_100_000_000, 1_200_000_000]


def test_unreadable_image_is_left_out_and_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / 'b.png').write_bytes(b'12345')
    cv2.imwrite(str(tmp_path / 'c.png'), np.zeros((48, 64, 3), np.uint8))
    images, errors = read(ImageFolder(tmp_path, 10.0))
    assert [image.stamp_ns for image in images] == [1_000_000_000, 1_200_000_000]
    (error,) = errors
    assert 'b.png: no image in its 5 bytes' in str(error)


def test_image_of_absurd_size_and_one_that_has_gone_are_left_out(tmp_path: Path) -> None:
    wide = struct.pack('>IIBBBBB', 2_000_000, 1, 8, 2, 0, 0, 0)
    header = struct.pack('>I', 13) + b'IHDR' + wide + struct.pack('>I', zlib.crc32(b'IHDR' + wide))
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + header)
    for name in ('b.png', 'c.png'):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    folder = ImageFolder(tmp_path, 10.0)
    (tmp_path / 'c.png').unlink()
    images, errors = read(folder)
    assert [image.stamp_ns for image in images] == [1_100_000_000]
    assert [error.reason for error in errors] == ['unreadable', 'unreadable']
    assert 'c.png: [Errno 2] No such file' in str(errors[1])


def test_folder_of_which_nothing_can_be_read_is_an_error_that_names_the_last(
    tmp_path: Path,
) -> None:
    (tmp_path / 'a.png').write_bytes(b'12345')
    with pytest.raises(SourceError, match=r'none of 1 images can be read: .*a\.png: no image'):
        read(ImageFolder(tmp_path, 10.0))


def test_path_says_what_is_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((48, 64, 3), np.uint8))
    path = write_video(tmp_path / 'a.avi', 1)
    assert open_images('', replace(CONFIG, device=3)).name == 'camera 3'
    assert open_images('2', CONFIG).name == 'camera 2'
    assert open_images('rtsp://robot/front', CONFIG).name == 'stream rtsp://robot/front'
    assert open_images('rtsp://me:secret@cam/1', CONFIG).name == 'stream rtsp://cam/1'
    assert open_images(str(tmp_path), CONFIG).name == f'images {tmp_path} (1)'
    assert open_images(str(path), CONFIG).name == f'video {path}'
    assert [open_images(p, CONFIG).live for p in ('2', str(path))] == [True, False]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'missing\.avi'):
        open_images(str(tmp_path / 'missing.avi'), CONFIG)
    with pytest.raises(SourceError, match='expected images'):
        open_images(str(tmp_path), CONFIG)


def test_closing_ends_the_reading(tmp_path: Path) -> None:
    stream = VideoFile(write_video(tmp_path / 'a.avi', 10), 30.0)
    reading = stream.images(lambda _: None)
    next(reading)
    stream.close()
    assert list(reading) == []


class FakeCapture:
    """A camera that gives grey images, and then ends or blocks no longer than it is told to."""

    def __init__(self, images: Iterator[int | None]) -> None:
        self._images = images
        self.opened: object = None
        self.released = threading.Event()

    def open(self, device: object, *_: object) -> bool:
        self.opened = device
        return True

    def set(self, *_: object) -> bool:
        return True

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened is not None

    def read(self) -> tuple[bool, np.ndarray | None]:
        shade = next(self._images)
        return (False, None) if shade is None else (True, np.full((48, 64, 3), shade, np.uint8))

    def release(self) -> None:
        self.released.set()


def with_camera(monkeypatch: pytest.MonkeyPatch, images: Iterator[int | None]) -> FakeCapture:
    capture = FakeCapture(images)
    monkeypatch.setattr(video.cv2, 'VideoCapture', lambda: capture)
    return capture


def test_camera_hands_over_the_newest_image_and_counts_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_all, go_on = threading.Event(), threading.Event()

    def images() -> Iterator[int | None]:
        yield 1
        assert go_on.wait(10.0)
        yield from (2, 3, 4)
        read_all.set()
        yield None

    capture = with_camera(monkeypatch, images())
    clock = itertools.count(100)
    stream = CameraStream(0, CONFIG, now_ns=lambda: next(clock))
    reading = stream.images(lambda _: None)
    first = next(reading)
    go_on.set()
    assert read_all.wait(10.0)
    assert capture.released.wait(10.0)
    last = next(reading)
    assert (first.stamp_ns, int(first.pixels[0, 0, 0])) == (100, 1)
    assert (last.stamp_ns, int(last.pixels[0, 0, 0]), stream.dropped) == (103, 4, 2)
    with pytest.raises(SourceError, match='camera 0 delivers no more images'):
        next(reading)


def test_stamps_rise_though_the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with_camera(monkeypatch, itertools.repeat(5))
    stream = CameraStream(0, CONFIG, now_ns=lambda: 100)
    reading = stream.images(lambda _: None)
    stamps = [next(reading).stamp_ns for _ in range(3)]
    reading.close()
    assert stamps == sorted(set(stamps))


def test_closed_camera_is_released_and_its_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = with_camera(monkeypatch, itertools.repeat(5))
    stream = CameraStream(1, CONFIG)
    reading = stream.images(lambda _: None)
    next(reading)
    stream.close()
    list(reading)
    assert capture.released.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == 'camera 1']


def test_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match='camera 97 cannot be opened'):
        next(CameraStream(97, CONFIG).images(lambda _: None))


def test_stream_that_does_not_answer_is_named() -> None:
    address = 'tcp://127.0.0.1:9'
    with pytest.raises(SourceError, match=r'stream tcp://127\.0\.0\.1:9 cannot be opened'):
        next(CameraStream(address, CONFIG).images(lambda _: None))
