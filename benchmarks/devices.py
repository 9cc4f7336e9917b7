"""
From an image or capture handed over to `skeletons` heard, over DDS, for sources that are read.

No device is needed: a camera and an Azure Kinect are played by a video of a person (of Florence 3D,
where there is one), thirty times a second. The Azure Kinect sees the same images and a wall of
depth behind them, through cameras like its own, and has MediaPipe find the person. A dump of body
tracking is of a simulated person, and timed from the moment when a scene is due.
"""

from __future__ import annotations

import bisect
import json
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from benchmarks.listening import listening, wait_until
from benchmarks.results import Row, distribution
from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.adapters.video import OnRefused
from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.lens import Lens
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.simulation import SimulationConfig, source_from_config
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.messages import time_of

_RATE_HZ = 30.0
_WARM_UP = 30
_LAST_WITHIN_S = 1.0
_NEAREST_NS = 16_000_000
_PERSON_M = 2.4

Pixels = NDArray[np.uint8]


def devices(seconds: float, images: Sequence[Pixels]) -> list[Row]:
    """
    Play each device, and time what comes of it.

    :param images: of a person, (480, 640, 3) red, green, blue, to be shown forth and back.
    :raises SourceError: a source does not begin.
    """
    rows = [_rgb(seconds, images), _image_topic(seconds, images)]
    kinect = _azure_kinect(seconds, images)
    return [*rows, *([kinect] if kinect else []), _dump(seconds)]


class _Beat:
    """Hands over something thirty times a second, and notes when."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.handed_ns: list[int] = []
        self.handed_s: list[float] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield numbers and times, nanoseconds, until it is closed."""
        begun_s, number = time.monotonic(), 0
        while not self.closed.wait(max(begun_s + number / _RATE_HZ - time.monotonic(), 0.0)):
            self.handed_ns.append(time.time_ns())
            self.handed_s.append(time.monotonic())
            yield number, self.handed_ns[-1]
            number = max(number + 1, int((time.monotonic() - begun_s) * _RATE_HZ))

    def latencies_ms(self, heard: dict[int, tuple[float, int]]) -> list[float]:
        """Return how long after it was handed over each scene was heard, but for the first."""
        found = []
        for stamp_ns, (heard_s, _) in heard.items():
            # A device's clock is the robot's here, up to the least delay.
            place = bisect.bisect_right(self.handed_ns, stamp_ns) - 1
            if place >= self._warm_up and stamp_ns - self.handed_ns[place] < _NEAREST_NS:
                found.append((heard_s - self.handed_s[place]) * 1e3)
        return found

    @property
    def _warm_up(self) -> int:
        """How many were handed over before a second was over."""
        return bisect.bisect_left(self.handed_s, self.handed_s[0] + _WARM_UP / _RATE_HZ)

    def __len__(self) -> int:
        """Return how many were handed over that count."""
        return len(self.handed_s) - self._warm_up


class _Camera:
    """A camera that sees a video."""

    live = True
    name = 'a camera that is played'
    dropped = 0

    def __init__(self, images: Sequence[Pixels], beat: _Beat) -> None:
        self._images, self._beat = images, beat

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        for number, now_ns in self._beat:
            yield ColourImage(now_ns, _forth_and_back(self._images, number))

    def close(self) -> None:
        self._beat.closed.set()


def _rgb(seconds: float, images: Sequence[Pixels]) -> Row:
    beat = _Beat()

    def make(_: object) -> RgbSource:
        config = RgbConfig()
        return RgbSource(_Camera(images, beat), lambda: MediapipePose(config.model), config)

    return _played('rgb', 'rgb', make, beat, seconds)


def _image_topic(seconds: float, images: Sequence[Pixels]) -> Row:
    beat, topic = _Beat(), 'bench/image_raw'
    with listening({'source': 'rgb', 'input_topic': topic}) as heard:
        publisher = heard.node.create_publisher(Image, topic, qos.SENSOR)
        wait_until(lambda: publisher.get_subscription_count() > 0, f'topic {topic}')
        for number, now_ns in beat:
            pixels = _forth_and_back(images, number)
            height, width, channels = pixels.shape
            message = Image(height=height, width=width, encoding='rgb8', step=width * channels)
            message.header.stamp = time_of(now_ns)
            message.data = array('B', pixels.tobytes())
            publisher.publish(message)
            if number >= _WARM_UP + seconds * _RATE_HZ:
                break
        time.sleep(_LAST_WITHIN_S)
    latencies = beat.latencies_ms(heard.scenes)
    return distribution(f'rgb, a topic: to skeletons received, {len(beat)} given', latencies, 'ms')


def _azure_kinect(seconds: float, images: Sequence[Pixels]) -> Row | None:
    """Measure an Azure Kinect without libk4abt; None where pyk4a is not installed."""
    try:
        import cv2

        from skeleton_action_ros.adapters.k4a import K4aCalibration
        from skeleton_action_ros.adapters.sources.azure_kinect_images import (
            DepthImages,
            EstimatedSource,
        )
    except ImportError:
        return None
    size, depth_size = (720, 1280), (576, 640)
    calibration = K4aCalibration(
        handle=None,
        depth=Lens(Intrinsics((504.0, 504.0), (320.0, 330.0))),
        depth_size=depth_size,
        color=Lens(Intrinsics((605.0, 605.0), (640.0, 365.0))),
        color_size=size,
        rotation=np.eye(3),
        translation_m=np.array([-0.032, -0.002, 0.004]),
    )
    beat = _Beat()
    larger = [cv2.resize(image, size[::-1]) for image in images]
    depth_m = np.full(depth_size, _PERSON_M, np.float32)

    class Capture:
        handle = None

        def __init__(self, number: int, now_ns: int) -> None:
            self._number = number
            self.depth_us = self.color_us = now_ns // 1000

        def depth_m(self) -> NDArray[np.float32]:
            return depth_m

        def pixels(self, decode: object) -> Pixels:
            return _forth_and_back(larger, self._number)

    class Captures:
        live = True
        name = 'an Azure Kinect that is played'
        dropped = 0

        def open(self) -> K4aCalibration:
            return calibration

        def captures(self) -> Iterator[Any]:
            for number, now_ns in beat:
                yield Capture(number, now_ns)

        def close(self) -> None:
            beat.closed.set()

    def make(_: object) -> EstimatedSource:
        config = RgbConfig()
        stream = DepthImages(Captures(), lambda packed: packed)
        return EstimatedSource(stream, lambda: MediapipePose(config.model), config)

    return _played('azure_kinect', 'azure_kinect by MediaPipe', make, beat, seconds)


def _played(
    source: str, name: str, make: Callable[[object], Any], beat: _Beat, seconds: float
) -> Row:
    with listening({'source': source}, readers={source: make}) as heard:
        time.sleep(_WARM_UP / _RATE_HZ + seconds)
        beat.closed.set()
        time.sleep(_LAST_WITHIN_S)
    latencies = beat.latencies_ms(heard.scenes)
    return distribution(f'{name}: to skeletons received, {len(beat)} given', latencies, 'ms')


def _dump(seconds: float) -> Row:
    """Measure a dump of a simulated person, in the form of the offline processor."""
    count = _WARM_UP + round(seconds * _RATE_HZ)
    scenes = source_from_config(SimulationConfig(dropped_share=0.0)).scenes()
    frames = []
    for scene in (next(scenes) for _ in range(count)):
        bodies = [
            {
                'body_id': one.body_id,
                'joint_positions': (one.joints_m * 1000.0).tolist(),
            }
            for one in scene.skeletons
        ]
        frames.append({'timestamp_usec': scene.stamp_ns // 1000, 'bodies': bodies})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'dump.json'
        path.write_text(json.dumps({'frames': frames}), 'utf-8')
        with listening({'source': 'k4abt_json', 'path': str(path)}) as heard:
            time.sleep(count / _RATE_HZ + 2 * _LAST_WITHIN_S)
    came = sorted(heard.scenes.items())[_WARM_UP:]
    latencies = [(heard_ns - stamp_ns) / 1e6 for stamp_ns, (_, heard_ns) in came]
    return distribution('k4abt_json: due to skeletons received', latencies, 'ms')


def _forth_and_back(images: Sequence[Pixels], number: int) -> Pixels:
    """Return an image of a video that is played so that nobody jumps."""
    place = number % (2 * len(images))
    return images[min(place, 2 * len(images) - 1 - place)]
