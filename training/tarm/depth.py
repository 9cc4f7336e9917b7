"""
Depth motion images of UTD-MHAD's depth videos: one grey image a clip, made once and cached.

"For depth images we stack different frames of same action together and then make small images
dataset. For the model easiness we also rescale the images and convert into grey scale by removing
the coloured background" (section 4.2). The paper calls what comes of it DMI descriptors, those of
Kamel et al. ("Deep convolutional neural networks for human action recognition using depth maps and
postures"). Their image is 255 - max(I(i, j, t)) over the frames t: of all depths that a pixel ever
had one extreme stays.

The rest is ours. Grey grows with nearness, and the nearest stays: an arm in front of the body is
seen, which the farthest would hide. The person is cut out, and the image resized to `SIDE`. The sum
of all changes, which others call by this name, is here as well.

The videos hold the person alone: everything else is 0.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from tqdm import tqdm

from skeleton_action_ros.adapters.datasets.mat_files import read_mat
from skeleton_action_ros.adapters.datasets.utd_mhad import DATASET
from skeleton_action_ros.core.errors import DatasetError
from training.data import Sample, cache_root, data_root
from training.depth_videos import Key, depth_files, key_of
from training.files import written_whole
from training.tarm.recipe import IMAGES

Bytes = NDArray[np.uint8]

SIDE = 64
"""Rows and columns of the images in the cache."""

FRAME = (240, 320)
REACH_MM = 1000.0
"""Grey goes from 1 to 255 over so much in front of and behind the body's middle."""

_FARTHEST_MM = np.iinfo(np.uint16).max
_MOST_CHANGE_MM = 300.0
_MARGIN = 0.15
_CACHE_FORMAT = 1


def depth_motion_image(video_mm: NDArray[np.uint16]) -> Bytes:
    """
    Make both images of a video, cut out around the person.

    'nearest' is the largest grey that a pixel ever had, where the grey of a depth d is 1 to 255 as
    the body's median depth minus d goes from -1 m to 1 m, and 0 where nobody is. 'motion' is the
    sum over frames of min(|d(t) - d(t - 1)|, 0.3 m) where somebody is in both, or of 0.3 m where in
    one of them, as a share of the largest sum in the image.

    :param video_mm: (rows, columns, T), 0 where nobody is.
    :return: (2, SIDE, SIDE), in the order of `IMAGES`.
    :raises DatasetError: nobody is in it.
    """
    frames = np.ascontiguousarray(video_mm.transpose(2, 0, 1))
    seen = frames > 0
    if not seen.any():
        raise DatasetError('a depth video without anybody in it')
    body_mm = float(np.median(frames[seen]))
    nearest_mm = np.where(seen, frames, _FARTHEST_MM).min(axis=0)
    grey = 128.0 + 127.0 * np.clip((body_mm - nearest_mm) / REACH_MM, -1.0, 1.0)
    nearest = np.where(seen.any(axis=0), grey, 0.0)
    change = np.abs(np.diff(frames.astype(np.float32), axis=0))
    change = np.where(seen[1:] & seen[:-1], np.minimum(change, _MOST_CHANGE_MM), _MOST_CHANGE_MM)
    change *= seen[1:] | seen[:-1]
    motion = change.sum(axis=0, dtype=np.float64)
    motion *= 255.0 / max(float(motion.max()), 1.0)
    return np.stack([cut_out(image, seen) for image in (nearest, motion)])


def cut_out(image: NDArray[np.float64], seen: NDArray[np.bool_]) -> Bytes:
    """
    Cut a square around a person out of an image, 0 outside it, and resize it to `SIDE`.

    The square is as high as the person, from the 1st to the 99th percentile of all rows that show
    any of them, and 15 % more on either side; its middle column is the median of all columns.

    :param image: (rows, columns), 0 to 255.
    :param seen: (T, rows, columns).
    """
    rows, columns = seen.sum(axis=(0, 2)), seen.sum(axis=(0, 1))
    top, bottom = _quantile(rows, 0.01), _quantile(rows, 0.99)
    side = max(round((bottom - top + 1) * (1 + 2 * _MARGIN)), 2)
    first_row = round((top + bottom + 1 - side) / 2)
    first_column = round(_quantile(columns, 0.5) + 0.5 - side / 2)
    padded = np.pad(image, side)
    part = padded[first_row + side :, first_column + side :][:side, :side]
    square = functional.interpolate(
        torch.from_numpy(np.array(part, np.float32))[None, None],
        (SIDE, SIDE),
        mode='bilinear',
        align_corners=False,
        antialias=True,
    )
    return np.asarray(square[0, 0].round().clamp(0.0, 255.0).to(torch.uint8).numpy())


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    """Return the first place up to which there is this share of all."""
    return int(np.searchsorted(np.cumsum(counts), share * counts.sum()))


def depth_images(samples: Sequence[Sample], image: str) -> tuple[Bytes, NDArray[np.bool_]]:
    """
    Return the depth motion images of clips.

    All videos are read the first time, which takes minutes, and kept in one file of the cache.

    :param image: one of `IMAGES`.
    :return: (N, SIDE, SIDE), 0 where a clip has no video; and (N,) whether it has.
    :raises DatasetError: there is no depth video at all, or one cannot be read.
    """
    root = data_root()
    known = _images(root)
    found = np.array([sample.dataset == DATASET.name for sample in samples], np.bool_)
    found &= np.array([key_of(sample) in known for sample in samples], np.bool_)
    out = np.zeros((len(samples), SIDE, SIDE), np.uint8)
    for place in np.flatnonzero(found):
        out[place] = known[key_of(samples[place])][IMAGES.index(image)]
    return out, found


def read_depth(path: Path) -> NDArray[np.uint16]:
    """
    Read a depth video, (240, 320, T), millimetres.

    :raises DatasetError: the file does not follow the format.
    """
    video = read_mat(path, 'd_depth')
    if (
        not isinstance(video, np.ndarray)
        or video.dtype.kind not in 'ui'
        or video.ndim != 3
        or video.shape[:2] != FRAME
        or video.shape[2] < 2
    ):
        shape, kind = getattr(video, 'shape', ''), getattr(video, 'dtype', type(video))
        raise DatasetError(f'{path}: d_depth must be (240, 320, T) integers, got {shape} {kind}')
    nearest, farthest = int(video.min()), int(video.max())
    if nearest < 0 or farthest > _FARTHEST_MM:
        raise DatasetError(
            f'{path}: d_depth must be from 0 to {_FARTHEST_MM} mm, got {nearest} to {farthest}'
        )
    return video.astype(np.uint16)


@functools.lru_cache(maxsize=2)
def _images(root: Path) -> dict[Key, Bytes]:
    files = depth_files(root)
    folder = root / DATASET.name
    listing = [
        f'{_CACHE_FORMAT} {SIDE}',
        *(f'{file.relative_to(folder)} {file.stat().st_size}' for file in files.values()),
    ]
    digest = hashlib.sha256('\n'.join(listing).encode()).hexdigest()[:16]
    path = cache_root() / f'{DATASET.name}-depth-{digest}.npz'
    if not path.is_file():
        made = [_read_images(file) for file in tqdm(files.values(), unit='video', disable=None)]
        with written_whole(path) as part, part.open('wb') as file:
            np.savez_compressed(file, images=np.stack(made))
    with np.load(path, allow_pickle=False) as content:
        images = content['images']
    return dict(zip(files, images, strict=True))


def _read_images(path: Path) -> Bytes:
    try:
        return depth_motion_image(read_depth(path))
    except DatasetError as error:
        if str(path) in str(error):
            raise
        raise DatasetError(f'{path}: {error}') from None
