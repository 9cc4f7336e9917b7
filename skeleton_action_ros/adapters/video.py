"""Images from cameras, videos, folders and network streams, by OpenCV."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

os.environ.setdefault('OPENCV_LOG_LEVEL', 'FATAL')  # what it would complain of is raised here

import cv2
import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ImageError, SourceError
from skeleton_action_ros.core.images import ColourImage, Latest
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.skeleton import NS_PER_S

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')
_FIRST_NS = NS_PER_S
_FORGIVEN_SHARE = 0.05
_FORGIVEN_IMAGES = 2
_CAPTURE_TIMEOUT_MS = 3000
_CLOSING_S = 5.0

_WHO = re.compile(r'//[^/@]*@')  # a name and password in an address belong in no log

OnRefused = Callable[[ImageError], None]


class ImageStream(Protocol):
    """Images that follow one another."""

    @property
    def name(self) -> str:
        """Say what this is, for logs and diagnostics."""

    @property
    def live(self) -> bool:
        """Whether images come when they happen, rather than as fast as they are read."""

    @property
    def dropped(self) -> int:
        """How many images were not taken in time."""

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        """
        Yield images with rising stamps.

        :param on_refused: told of images that cannot be used.
        :raises SourceError: there are none, or no more of a live stream.
        """

    def close(self) -> None:
        """End `images`, from any thread."""


def open_images(path: str, config: RgbConfig) -> ImageStream:
    """
    Choose what a path names.

    :param path: empty or a number: a camera; with `://`: a network stream; else a file or folder.
    :raises SourceError: there is no such file, or no image in the folder.
    """
    if not path:
        return CameraStream(config.device, config)
    if path.isdecimal():
        return CameraStream(int(path), config)
    if '://' in path:
        return CameraStream(path, config)
    place = Path(path).expanduser()
    if place.is_dir():
        return ImageFolder(place, config.rate_hz)
    if not place.is_file():
        raise SourceError(f'{place}: expected a video file or a folder of images, found neither')
    return VideoFile(place, config.rate_hz)


class VideoFile:
    """
    A video file, with the stamps that it holds, from one second on.

    :param rate_hz: where the file does not say its own.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._closed = False

    @property
    def name(self) -> str:
        return f'video {self._path}'

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        capture = cv2.VideoCapture(str(self._path))
        try:
            yield from self._read(capture, on_refused)
        finally:
            capture.release()

    def close(self) -> None:
        self._closed = True

    def _read(self, capture: cv2.VideoCapture, on_refused: OnRefused) -> Iterator[ColourImage]:
        rate_hz = capture.get(cv2.CAP_PROP_FPS)
        step_ns = round(NS_PER_S / (rate_hz if 0.1 <= rate_hz <= 1000.0 else self._rate_hz))
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        count, last_ns = 0, 0
        while not self._closed:
            told_ns = _FIRST_NS + round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            there, pixels = capture.read()
            if not there:
                break
            count += 1
            after_ns = _FIRST_NS + round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            stamp_ns = max(told_ns, after_ns)
            if stamp_ns <= last_ns or count == 1:
                stamp_ns = last_ns + step_ns if last_ns else _FIRST_NS
            last_ns = stamp_ns
            yield ColourImage(stamp_ns, _red_first(pixels))
        if self._closed:
            return
        if count == 0:
            raise SourceError(f'{self._path}: no image can be read: is it a video, and whole?')
        if promised - count > max(_FORGIVEN_IMAGES, _FORGIVEN_SHARE * promised):
            on_refused(
                ImageError(
                    'truncated',
                    f'{self._path}: {promised} images are promised, {count} could be read: it is '
                    'cut off or damaged',
                )
            )


class ImageFolder:
    """
    The images of a folder in the order of their names, at an even rate, from one second on.

    One that cannot be read is left out.

    :raises SourceError: there is none.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._step_ns = round(NS_PER_S / rate_hz)
        self._closed = False
        self._files = sorted(
            file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES
        )
        if not self._files:
            raise SourceError(f'{path}: expected images ({", ".join(IMAGE_SUFFIXES)}), found none')

    @property
    def name(self) -> str:
        return f'images {self._path} ({len(self._files)})'

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        error: ImageError | None = None
        good = False
        for number, file in enumerate(self._files):
            if self._closed:
                return
            try:
                pixels = _read(file)
            except ImageError as error_of_file:
                error = error_of_file
                on_refused(error)
                continue
            good = True
            yield ColourImage(_FIRST_NS + number * self._step_ns, pixels)
        if error is not None and not good:
            raise SourceError(f'none of {len(self._files)} images can be read: {error}')

    def close(self) -> None:
        self._closed = True


class CameraStream:
    """
    A camera or network stream: a thread of its own takes each image as it comes, the newest waits.

    :param device: number or address.
    :param now_ns: the clock that stamps images, read as each one arrives.
    """

    live = True

    def __init__(
        self, device: int | str, config: RgbConfig, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._device = device
        self._config = config
        self._now_ns = now_ns
        self._latest: Latest[ColourImage] = Latest()
        self._closed = threading.Event()

    @property
    def name(self) -> str:
        if isinstance(self._device, int):
            return f'camera {self._device}'
        return f'stream {_WHO.sub("//", self._device)}'

    @property
    def dropped(self) -> int:
        return self._latest.dropped

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        thread = threading.Thread(target=self._capture, name=self.name, daemon=True)
        thread.start()
        try:
            while (image := self._latest.take()) is not None:
                yield image
        finally:
            self._closed.set()
            thread.join(_CLOSING_S)

    def close(self) -> None:
        self._closed.set()
        self._latest.end()

    def _capture(self) -> None:
        """Read until closed; the device is opened and released here, in one thread."""
        capture = cv2.VideoCapture()
        try:
            self._open(capture)
            last_ns = 0
            while not self._closed.is_set():
                there, pixels = capture.read()
                if not there:
                    raise SourceError(f'{self.name} delivers no more images: is it still there?')
                last_ns = max(self._now_ns(), last_ns + 1)
                self._latest.put(ColourImage(last_ns, _red_first(pixels)))
        except (SourceError, cv2.error) as error:
            self._latest.end(SourceError(str(error)))
        finally:
            capture.release()
            self._latest.end()

    def _open(self, capture: cv2.VideoCapture) -> None:
        if isinstance(self._device, int):
            capture.open(self._device)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._config.width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._config.height)
            capture.set(cv2.CAP_PROP_FPS, self._config.rate_hz)
            with contextlib.suppress(cv2.error):
                capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        else:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _CAPTURE_TIMEOUT_MS]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _CAPTURE_TIMEOUT_MS]
            capture.open(self._device, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise SourceError(
                f'{self.name} cannot be opened: is it there, and nobody else uses it?'
            )


def _read(file: Path) -> NDArray[np.uint8]:
    """:raises ImageError: the file is no image, or has gone."""
    try:
        pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if pixels is not None:
            return _red_first(pixels)
        why = f'no image in its {file.stat().st_size} bytes'
    except (OSError, cv2.error) as error:
        why = ' '.join(str(error).split())
    raise ImageError('unreadable', f'{file}: {why}: left out')


def _red_first(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
