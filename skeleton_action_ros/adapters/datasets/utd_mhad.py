"""
UTD-MHAD: 27 actions, 8 subjects, 4 trials, Kinect v1 at 30 fps; one `.mat` a sequence.

`d_skel` is (20, 3, T) in metres, axes of the Kinect SDK (y up), joints from the head downwards.
Three sequences are missing, as published (a8_s1, a23_s6 and a27_s8 have three trials).
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
)
from skeleton_action_ros.adapters.datasets.mat_files import read_mat
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import KinectV1

LABELS = dict(
    enumerate(
        (
            'right_arm_swipe_left',
            'right_arm_swipe_right',
            'right_hand_wave',
            'two_hand_front_clap',
            'right_arm_throw',
            'cross_arms_in_the_chest',
            'basketball_shoot',
            'right_hand_draw_x',
            'right_hand_draw_circle_clockwise',
            'right_hand_draw_circle_counter_clockwise',
            'right_hand_draw_triangle',
            'right_hand_bowling',
            'front_boxing',
            'baseball_swing_from_right',
            'tennis_right_hand_forehand_swing',
            'two_arm_curl',
            'tennis_serve',
            'two_hand_push',
            'right_hand_knock_on_door',
            'right_hand_catch',
            'right_hand_pick_up_and_throw',
            'jogging_in_place',
            'walking_in_place',
            'sit_to_stand',
            'stand_to_sit',
            'forward_lunge_left_foot',
            'squat_two_arms_stretched_out',
        ),
        start=1,
    )
)
RATE_HZ = 30.0
LAYOUT = 'kinect_v1_20'
_NAME = re.compile(r'a(?P<action>\d{1,3})_s(?P<subject>\d{1,3})_t(?P<trial>\d{1,3})_skeleton\.mat')
_ORDER = (
    KinectV1.HEAD,
    KinectV1.SHOULDER_CENTER,
    KinectV1.SPINE,
    KinectV1.HIP_CENTER,
    *range(KinectV1.SHOULDER_LEFT, KinectV1.FOOT_RIGHT + 1),
)
"""For each row of the file its joint: the rows from the left shoulder on are in the SDK's order."""


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield the one clip of a file.

    :raises DatasetError: the name or content does not follow the format.
    """
    name = numbered(_NAME, path)
    label = label_of(LABELS, name['action'], path)
    skeletons = read_mat(path, 'd_skel')
    if (
        not isinstance(skeletons, np.ndarray)
        or skeletons.dtype.kind not in 'fiu'
        or skeletons.ndim != 3
        or skeletons.shape[:2] != (20, 3)
    ):
        shape, kind = getattr(skeletons, 'shape', ''), getattr(skeletons, 'dtype', type(skeletons))
        raise DatasetError(f'{path}: d_skel must be (20, 3, T) numbers, got {shape} {kind}')
    rows = skeletons.transpose(2, 0, 1).astype(np.float64)
    positions = np.empty_like(rows)
    positions[:, _ORDER] = rows
    clip = make_clip(
        positions,
        even_stamps(len(positions), RATE_HZ),
        LAYOUT,
        path,
        label=label,
        subject=f's{name["subject"]}',
    )
    if clip is not None:
        yield DatasetClip(clip, name['action'], name['subject'], str(name['trial']), path)


DATASET = Dataset(
    name='utd-mhad',
    title='UTD Multimodal Human Action Dataset (UTD-MHAD)',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='a1_s1_t1_skeleton.mat',
    read_file=read_file,
)
