"""
SBU Kinect Interaction: 8 interactions of 21 pairs of persons, 282 sequences, 15 fps; two clips
each.

Folders name the pair, the action and the sequence (`s01s02/03/001/skeleton_pos.txt`); a line is
the frame number and 2 x 15 x `x y z`, separated by commas. Published as normalised numbers, of
which X = 1280 - 2560 x, Y = 960 - 1920 y and Z = z * 10000 / 7.8125 are millimetres on the axes of
the Kinect SDK (y up, x to the camera's left: two persons who face each other are mirrored
otherwise).

`subject` is the pair, 102 for s01s02, because the protocol splits by pairs, and which number
stands on which side is not told. `trial` is the sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    even_stamps,
    label_of,
    make_clip,
    numbers_in,
    read_text,
)
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import OpenNI15

LABELS = dict(
    enumerate(
        (
            'approach',
            'depart',
            'kick',
            'push',
            'shake_hands',
            'hug',
            'exchange_object',
            'punch',
        ),
        start=1,
    )
)
RATE_HZ = 15.0
LAYOUT = 'openni_15'
_NAME = re.compile(r'skeleton_pos\.txt')
_PLACE = re.compile(r's(?P<one>\d\d)s(?P<other>\d\d)/(?P<action>\d\d)/(?P<sequence>\d{3})')
_ORDER = (
    OpenNI15.HEAD,
    OpenNI15.NECK,
    OpenNI15.TORSO,
    OpenNI15.SHOULDER_LEFT,
    OpenNI15.ELBOW_LEFT,
    OpenNI15.HAND_LEFT,
    OpenNI15.SHOULDER_RIGHT,
    OpenNI15.ELBOW_RIGHT,
    OpenNI15.HAND_RIGHT,
    OpenNI15.HIP_LEFT,
    OpenNI15.KNEE_LEFT,
    OpenNI15.FOOT_LEFT,
    OpenNI15.HIP_RIGHT,
    OpenNI15.KNEE_RIGHT,
    OpenNI15.FOOT_RIGHT,
)
"""For each joint of a line its place in the layout."""
_PERSONS = 2
_OFFSET_M = (1.28, 0.96, 0.0)
_SCALE_M = (-2.56, -1.92, 10.0 / 7.8125)


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield a clip of each of the two persons, or none of one who was never seen.

    :raises DatasetError: the folders or the content do not follow the format; quotes file and line.
    """
    place = _PLACE.fullmatch('/'.join(path.resolve().parts[-4:-1]))
    if place is None or not _NAME.fullmatch(path.name):
        raise DatasetError(
            f"{path}: expected a place like 's01s02/03/001/skeleton_pos.txt', which tells pair, "
            'action and sequence'
        )
    action = int(place['action'])
    label = label_of(LABELS, action, path)
    rows = [
        numbers_in(line.rstrip(' ,'), 1 + _PERSONS * 3 * len(_ORDER), f'{path}, line {number}', ',')
        for number, line in enumerate(read_text(path).splitlines(), 1)
        if line.strip()
    ]
    if not rows:
        raise DatasetError(f'{path}: expected frames, got an empty file')
    normalised = np.array(rows)[:, 1:].reshape(-1, _PERSONS, len(_ORDER), 3)
    missing = ~normalised.any(axis=-1)
    metres = normalised * _SCALE_M + _OFFSET_M
    metres[missing] = 0.0
    joints = np.empty_like(metres)
    joints[:, :, _ORDER] = metres
    for body in range(_PERSONS):
        clip = make_clip(
            joints[:, body],
            even_stamps(len(joints), RATE_HZ),
            LAYOUT,
            path,
            label=label,
            subject=f's{place["one"]}s{place["other"]}',
        )
        if clip is not None:
            pair = 100 * int(place['one']) + int(place['other'])
            yield DatasetClip(clip, action, pair, str(int(place['sequence'])), path, body=body)


DATASET = Dataset(
    name='sbu',
    title='SBU Kinect Interaction Dataset v2.0',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='skeleton_pos.txt',
    read_file=read_file,
)
