"""Videos read image by image: whole, a part of one, or to count its images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skeleton_action_ros.core.errors import DatasetError, ImageError, SkeletonActionError
from skeleton_action_ros.core.images import ColourImage

_RATE_HZ = 25.0
"""Stamps of the images are not used here, but are wanted of a reader."""


@dataclass(frozen=True)
class Shot:
    """
    The part of a video that shows a clip.

    :param first: number of its first frame, from 0.
    :param frames: how many it has.
    """

    path: Path
    first: int
    frames: int


def read_images(shot: Shot) -> Iterator[ColourImage]:
    """
    Yield the images of a shot.

    :raises SourceError: it is no video.
    :raises DatasetError: the video is cut off, or ends before the shot does.
    """
    given = 0
    for number, image in enumerate(_images(shot.path)):
        if number >= shot.first + shot.frames:
            return
        if number >= shot.first:
            given += 1
            yield image
    if given < shot.frames:
        raise DatasetError(
            f'{shot.path}: frames {shot.first + 1} to {shot.first + shot.frames} are wanted, the '
            f'video ends after {shot.first + given}'
        )


def image_count(path: Path) -> int:
    """
    Count the images of a video by reading all of them.

    :raises SourceError: it is no video.
    :raises DatasetError: the video is cut off.
    """
    return sum(1 for _ in _images(path))


def _images(path: Path) -> Iterator[ColourImage]:
    """Yield all images of a video; OpenCV is wanted where there is a video to read, not before."""
    try:
        from skeleton_action_ros.adapters.video import VideoFile
    except ModuleNotFoundError as error:
        raise SkeletonActionError(
            f'{path}: videos are read by OpenCV, and there is no {error.name}: install '
            'requirements/rgb.txt'
        ) from None
    return VideoFile(path, _RATE_HZ).images(_refuse)


def _refuse(error: ImageError) -> None:
    raise DatasetError(str(error))
