"""
Northwestern-UCLA Multiview Action 3D: 10 actions, 10 subjects, 3 views, Kinect v1; one JSON a
sequence with `file_name`, `skeletons` [T][20][3] and `label` 1 to 10.

Metres, axes of the Kinect SDK (y up), joints in the SDK's order. The label is not the action
number of the file name (a08 is 7, a09 is 8, a11 is 9, a12 is 10): both must agree. T can be 1. The
set tells no frame rate; 15 fps here, because then its people walk 1.1 m/s with 1.7 steps a second.
Joints with z 0 (two frames) are inside the sensor, that is, not seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    even_stamps,
    make_clip,
    numbered,
    read_text,
)
from skeleton_action_ros.core.errors import DatasetError

LABELS = dict(
    enumerate(
        (
            'pick_up_with_one_hand',
            'pick_up_with_two_hands',
            'drop_trash',
            'walk_around',
            'sit_down',
            'stand_up',
            'donning',
            'doffing',
            'throw',
            'carry',
        ),
        start=1,
    )
)
RATE_HZ = 15.0
LAYOUT = 'kinect_v1_20'
_NAME = re.compile(
    r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<instance>\d\d)_v(?P<view>\d\d)\.json'
)
_LABEL_OF_FILE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 8: 7, 9: 8, 11: 9, 12: 10}


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield the one clip of a file, or none where no body was seen.

    :raises DatasetError: the name or content does not follow the format.
    """
    name = numbered(_NAME, path)
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f'{path}: expected JSON, got {error}') from error
    if not isinstance(content, dict) or not {'skeletons', 'label'} <= content.keys():
        got = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise DatasetError(f"{path}: expected 'skeletons' and 'label', got {got}")
    action = content['label']
    if action != _LABEL_OF_FILE.get(name['action']):
        raise DatasetError(
            f'{path}: label of a{name["action"]:02} must be {_LABEL_OF_FILE.get(name["action"])}, '
            f'got {action!r}'
        )
    positions = _positions(content['skeletons'], path)
    positions[positions[..., 2] == 0.0] = 0.0
    clip = make_clip(
        positions,
        even_stamps(len(positions), RATE_HZ),
        LAYOUT,
        path,
        label=LABELS[action],
        subject=f's{name["subject"]}',
    )
    if clip is not None:
        yield DatasetClip(
            clip, action, name['subject'], str(name['instance']), path, view=name['view']
        )


def _positions(skeletons: object, path: Path) -> NDArray[np.float64]:
    try:
        positions = np.array(skeletons, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise DatasetError(f'{path}: skeletons must be [T][20][3] numbers, got {error}') from error
    if positions.ndim != 3 or positions.shape[1:] != (20, 3):
        raise DatasetError(f'{path}: skeletons must be [T][20][3], got {list(positions.shape)}')
    return positions


DATASET = Dataset(
    name='nw-ucla',
    title='Northwestern-UCLA Multiview Action 3D Dataset',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='a01_s01_e00_v01.json',
    read_file=read_file,
)
