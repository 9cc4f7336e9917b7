"""
MSR Action3D ("Real3D" skeletons): 20 actions, 10 subjects, 2 or 3 instances, 15 fps; one text a
sequence, 20 lines a frame of `x y z confidence`.

Metres on all three axes: the forearm measures 0.29 m (5 % to 95 %: 0.27 to 0.32) whether it lies
across the view (z share of its direction under 0.2: 0.290 m) or along it (over 0.8: 0.283 m). Axes
are those of the Kinect SDK (y up). The joint order is the data set's own.

The tracker of this set never measures the neck, spine, hip centre and feet: their confidence is 0
in 85 % to 97 % of all frames, and yet they move as smoothly as measured joints do. It derives them
from the others, so these five have at least confidence 0.5 here. A limb's joint with confidence 0
jumps (second differences 3 to 10 times the measured ones'), and stays masked.

20 files hold frames of zeros, where the body was lost: they are dropped, their time passes. One
file (a13_s09_e02) has nothing else and yields no clip.
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
    numbered,
    numbers_in,
    read_text,
)
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import KinectV1

LABELS = dict(
    enumerate(
        (
            'high_arm_wave',
            'horizontal_arm_wave',
            'hammer',
            'hand_catch',
            'forward_punch',
            'high_throw',
            'draw_x',
            'draw_tick',
            'draw_circle',
            'hand_clap',
            'two_hand_wave',
            'side_boxing',
            'bend',
            'forward_kick',
            'side_kick',
            'jogging',
            'tennis_swing',
            'tennis_serve',
            'golf_swing',
            'pick_up_and_throw',
        ),
        start=1,
    )
)
RATE_HZ = 15.0
LAYOUT = 'kinect_v1_20'
_NAME = re.compile(r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<instance>\d\d)_skeleton3D\.txt')
_ORDER = (
    KinectV1.SHOULDER_LEFT,
    KinectV1.SHOULDER_RIGHT,
    KinectV1.SHOULDER_CENTER,
    KinectV1.SPINE,
    KinectV1.HIP_LEFT,
    KinectV1.HIP_RIGHT,
    KinectV1.HIP_CENTER,
    KinectV1.ELBOW_LEFT,
    KinectV1.ELBOW_RIGHT,
    KinectV1.WRIST_LEFT,
    KinectV1.WRIST_RIGHT,
    KinectV1.HAND_LEFT,
    KinectV1.HAND_RIGHT,
    KinectV1.KNEE_LEFT,
    KinectV1.KNEE_RIGHT,
    KinectV1.ANKLE_LEFT,
    KinectV1.ANKLE_RIGHT,
    KinectV1.FOOT_LEFT,
    KinectV1.FOOT_RIGHT,
    KinectV1.HEAD,
)
"""For each line of a frame its joint."""
_DERIVED = (
    KinectV1.SHOULDER_CENTER,
    KinectV1.SPINE,
    KinectV1.HIP_CENTER,
    KinectV1.FOOT_LEFT,
    KinectV1.FOOT_RIGHT,
)
_DERIVED_CONFIDENCE = 0.5


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield the one clip of a file, or none where the body was never seen.

    :raises DatasetError: the name or content does not follow the format; quotes file and line.
    """
    name = numbered(_NAME, path)
    label = label_of(LABELS, name['action'], path)
    lines = read_text(path).splitlines()
    if not lines or len(lines) % len(_ORDER):
        raise DatasetError(
            f'{path}: expected {len(_ORDER)} lines a frame, got {len(lines)} lines in all'
        )
    rows = np.array(
        [numbers_in(line, 4, f'{path}, line {number}') for number, line in enumerate(lines, 1)]
    ).reshape(-1, len(_ORDER), 4)
    joints = np.empty_like(rows)
    joints[:, _ORDER] = rows
    confidence = joints[..., 3]
    confidence[:, _DERIVED] = np.maximum(confidence[:, _DERIVED], _DERIVED_CONFIDENCE)
    clip = make_clip(
        joints[..., :3],
        even_stamps(len(joints), RATE_HZ),
        LAYOUT,
        path,
        label=label,
        subject=f's{name["subject"]}',
        confidence=confidence,
    )
    if clip is not None:
        yield DatasetClip(clip, name['action'], name['subject'], str(name['instance']), path)


DATASET = Dataset(
    name='msr-action3d',
    title='MSR Action3D',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='a01_s01_e01_skeleton3D.txt',
    read_file=read_file,
)
