"""
From a video to what the 3D-ConvNet sees: grey boxes of 34 x 54 pixels about a person, normalised.

"Spatial down-sampling by a factor of 2 horizontally and vertically [...], extracting the
person-centred bounding box [...], and applying 3D Local Contrast Normalization" (section 4.2). How
the box is found is in another publication; here it is the simplest that works. Where there is a
skeleton of the clip, it stands about all of its joints from first to last frame. In KTH there is
none: the box follows what differs from a background that is even along each row of the image.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.skeleton import Clip
from training.convnet3d.contrast import contrast_normalised
from training.convnet3d.drawing import COLUMNS, ROWS
from training.data import VIDEOS, Sample, cache_root
from training.files import written_whole
from training.shots import shot_of
from training.videos import read_images

Grey = NDArray[np.float32]

KINECT_FOCAL_PX = 571.26
"""Of the Kinect's depth image at 640 x 480, by its SDK."""
_MARGIN = 0.15
_STEADY_FRAMES = 9
_CACHE_FORMAT = 1
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Box(NamedTuple):
    """Part of an image, pixels; may reach beyond its border."""

    top: float
    left: float
    height: float
    width: float


def person_frames(sample: Sample) -> NDArray[np.float16]:
    """
    Return the normalised boxes about a person in the video of a clip, from the cache if they can.

    :return: (T, 54, 34).
    :raises DatasetError: there is no such video, it is cut off, or its images are too small.
    """
    shot = shot_of(sample)
    told = (_CACHE_FORMAT, shot.path.name, shot.path.stat().st_size, shot.first, shot.frames)
    key = hashlib.sha256(repr(told).encode() + sample.clip.joints_m.tobytes()).hexdigest()[:16]
    path = cache_root() / 'convnet3d' / f'{sample.dataset}-{key}.npy'
    if path.is_file():
        found: NDArray[np.float16] = np.load(path, allow_pickle=False)
        return found
    grey = np.stack(
        [image.pixels.astype(np.float32) @ _LUMA / 255.0 for image in read_images(shot)]
    )
    if sample.dataset in VIDEOS:
        small = halved(grey)
        if small.shape[1] < ROWS or small.shape[2] < COLUMNS:
            raise DatasetError(
                f'{shot.path}: images must be {2 * COLUMNS} x {2 * ROWS} or larger, got '
                f'{grey.shape[2]} x {grey.shape[1]}'
            )
        frames = followed(small)
    else:
        frames = boxed(grey, skeleton_box(sample.clip, grey.shape[2], grey.shape[1]))
    with torch.inference_mode():
        normal = contrast_normalised(torch.from_numpy(frames)[None])[0].numpy()
    found = np.asarray(normal, np.float16)
    with written_whole(path) as part, part.open('wb') as file:
        np.save(file, found)
    return found


def skeleton_box(clip: Clip, width: int, height: int) -> Box:
    """
    Return the box about all joints of a clip, with a margin, as wide to high as 34 to 54.

    Florence's videos show the room as a mirror does, with the joints where the focal length of the
    depth image puts them.

    :param width: of the image, pixels; likewise `height`.
    """
    scale = KINECT_FOCAL_PX * width / 640.0
    seen = clip.joints_m[clip.confidence > 0.0].astype(np.float64)
    columns = width / 2.0 - scale * seen[:, 0] / seen[:, 2]
    rows = height / 2.0 + scale * seen[:, 1] / seen[:, 2]
    high = (1.0 + 2.0 * _MARGIN) * max(np.ptp(rows), np.ptp(columns) * ROWS / COLUMNS)
    wide = high * COLUMNS / ROWS
    return Box(
        float(rows.max() + rows.min() - high) / 2.0,
        float(columns.max() + columns.min() - wide) / 2.0,
        float(high),
        float(wide),
    )


def boxed(grey: Grey, box: Box) -> Grey:
    """
    Cut a box out of all frames (T, H, W) and make it (T, 54, 34).

    Beyond the border of the image its last row or column goes on.
    """
    rows = np.arange(round(box.top), max(round(box.top + box.height), round(box.top) + 1))
    columns = np.arange(round(box.left), max(round(box.left + box.width), round(box.left) + 1))
    rows, columns = rows.clip(0, grey.shape[1] - 1), columns.clip(0, grey.shape[2] - 1)
    cut = torch.from_numpy(grey[:, rows][:, :, columns])[None]
    sized = functional.interpolate(cut, (ROWS, COLUMNS), mode='bilinear', antialias=True)
    return np.asarray(sized[0].numpy(), np.float32)


def halved(grey: Grey) -> Grey:
    """Return the means of 2 x 2 pixels of frames (T, H, W)."""
    return np.asarray(functional.avg_pool2d(torch.from_numpy(grey), 2).numpy(), np.float32)


def followed(grey: Grey) -> Grey:
    """
    Cut a window of 54 x 34 pixels about whoever is in the picture, frame by frame.

    What lies apart from its row's median by more than four times what is usual is taken for the
    person. The window's centre is where most of that is, weighted with a Gaussian of half the
    window's size; the median over nine frames keeps it from jumping, and where nobody is in the
    picture it stays.

    :param grey: (T, H, W), at least 54 x 34 pixels.
    :return: (T, 54, 34).
    """
    apart = np.abs(grey - np.median(grey, axis=2, keepdims=True))
    apart[apart < 4.0 * np.median(apart)] = 0.0
    tops = _middles(apart.sum(axis=2), ROWS) - ROWS // 2
    lefts = _middles(apart.sum(axis=1), COLUMNS) - COLUMNS // 2
    return np.stack(
        [
            frame[top : top + ROWS, left : left + COLUMNS]
            for frame, top, left in zip(grey, tops, lefts, strict=True)
        ]
    )


def _middles(mass: Grey, size: int) -> NDArray[np.intp]:
    """Return where the middle of a window of even `size` stands in each profile (T, N) of mass."""
    frames, length = mass.shape
    at = np.arange(length) + 0.5
    middles = np.arange(size // 2, length - size // 2 + 1)
    nearness = np.exp(-0.5 * ((at - middles[:, None]) / (size / 4)) ** 2)
    found = middles[(mass @ nearness.T).argmax(axis=1)]
    there = np.flatnonzero(mass.sum(axis=1) > 0.25 * np.median(mass.sum(axis=1)))
    if not len(there):
        return np.full(frames, middles[len(middles) // 2], np.intp)
    # Where nobody is, the last place holds; before the first, the first.
    last = np.searchsorted(there, np.arange(frames), side='right') - 1
    found = found[there[last.clip(0)]]
    padded = np.pad(found, _STEADY_FRAMES // 2, mode='edge')
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, _STEADY_FRAMES), axis=1)
    return np.asarray(steady, np.intp)
