"""
Skeletons from images: how long one takes, and whether hours of them leave anything behind.

`python -m benchmarks.images --video FILE` plays a video over and over, as fast as it goes; 108,000
images are one hour at 30 a second. It ends with 1 where memory grew by 20 MB or more.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Row, distribution, table, value
from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.adapters.video import open_images
from skeleton_action_ros.core.errors import SkeletonActionError, SourceError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.rgb import RgbConfig, SkeletonFinder

_WIDTH, _HEIGHT = 640, 480
_IMAGES = 300
_WARM_UP = 20
_HOUR = 108_000
_MOST_GROWTH_MB = 20.0
_DATA = Path(__file__).parents[2] / 'shared' / 'data'


def rgb() -> list[Row]:
    """Time images of 640 x 480 with nobody in them and, where there is a video, with somebody."""
    rows = _timed('nobody', _empty_images())
    images = person()
    if len(images) > 1:
        rows += _timed('a person', _looped(images))
    return rows


def person() -> list[NDArray[np.uint8]]:
    """Return the images of a video of somebody, (480, 640, 3); without one an empty one."""
    data = Path(os.environ.get('SKELETON_ACTION_DATA', _DATA))
    for video in sorted((data / 'florence3d' / 'avi').glob('*.avi')):
        images = open_images(str(video), RgbConfig()).images(lambda _: None)
        return [image.pixels for image in images]
    return [next(_empty_images()).pixels]


def main() -> int:
    """Play a video until so many images have been looked at; tell what grew."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.images', description=__doc__)
    parser.add_argument('--video', required=True)
    parser.add_argument('--images', type=int, default=_HOUR)
    given = parser.parse_args()
    try:
        rows = endurance(given.video, given.images)
    except SkeletonActionError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(rows))
    return 0 if rows[0].p50 < _MOST_GROWTH_MB else 1


def endurance(video: str, images: int) -> list[Row]:
    """
    Play a video again and again.

    :param images: how many to look at after the first tenth, which warms up.
    :return: growth of memory first.
    :raises SourceError: the video cannot be read.
    """
    config = RgbConfig()
    source = RgbSource(open_images(video, config), lambda: MediapipePose(config.model), config)
    _play(source, images // 10)
    before = _held()
    began_s = time.monotonic()
    played = _play(source, images)
    took_s = time.monotonic() - began_s
    after = _held()
    source.close()
    growth = [late - early for early, late in zip(before, after, strict=True)]
    return [
        value('memory grown', growth[0], 'MB', played, f'< {_MOST_GROWTH_MB:g}'),
        value('threads more than before', growth[1], '', played, '0'),
        value('open files more than before', growth[2], '', played, '0'),
        value('images a second', played / took_s, '/s', played, '>= 25'),
    ]


def _play(source: RgbSource, images: int) -> int:
    """Read a source again and again until so many images were looked at."""
    played = 0
    while played < images:
        scenes = sum(1 for _ in source.scenes())
        if not scenes:
            raise SourceError(f'{source.name}: no image')
        played += scenes
    return played


def _held() -> tuple[float, int, int]:
    """Return the memory, threads and open files that this process holds."""
    gc.collect()
    pages = int(Path('/proc/self/statm').read_text('utf-8').split()[1])
    files = len(list(Path('/proc/self/fd').iterdir()))
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20, threading.active_count(), files


def _timed(who: str, images: Iterator[ColourImage]) -> list[Row]:
    config = RgbConfig()
    estimator = MediapipePose(config.model)
    finder = SkeletonFinder(estimator, config, lambda _: None)
    for _ in range(_WARM_UP):
        finder.push(next(images))
    taken_ms = []
    began_s, used_s = time.perf_counter(), time.process_time()
    for _ in range(_IMAGES):
        image = next(images)
        since_s = time.perf_counter()
        finder.push(image)
        taken_ms.append((time.perf_counter() - since_s) * 1e3)
    elapsed_s, used_s = time.perf_counter() - began_s, time.process_time() - used_s
    estimator.close()
    name = f'rgb, {_WIDTH} x {_HEIGHT}, {who}'
    return [
        distribution(f'{name}: image to skeleton', taken_ms, 'ms', 'p99 < 40 ms'),
        value(f'{name}: images a second', _IMAGES / elapsed_s, '/s', _IMAGES, '>= 25'),
        value(f'{name}: processor for an image', 1e3 * used_s / _IMAGES, 'ms', _IMAGES),
    ]


def _empty_images() -> Iterator[ColourImage]:
    shade = np.linspace(0, 255, _WIDTH, dtype=np.uint8)
    pixels = np.broadcast_to(shade[None, :, None], (_HEIGHT, _WIDTH, 3)).copy()
    stamp_ns = 0
    while True:
        stamp_ns += 33_000_000
        yield ColourImage(stamp_ns, pixels)


def _looped(images: Sequence[NDArray[np.uint8]]) -> Iterator[ColourImage]:
    """Yield images forth and back, so that nobody jumps, with rising stamps."""
    stamp_ns = 0
    while True:
        for pixels in [*images, *reversed(images)]:
            stamp_ns += 33_000_000
            yield ColourImage(stamp_ns, pixels)


if __name__ == '__main__':
    sys.exit(main())
