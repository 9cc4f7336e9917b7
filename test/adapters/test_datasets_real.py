"""The published recordings themselves: all are read, nobody is mirrored or upside down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.clips import find_clips, load_clip
from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.adapters.datasets.base import DatasetClip
from skeleton_action_ros.core.layouts import Common15, to_common_15
from skeleton_action_ros.core.skeleton import Clip

FOLDERS = {
    'utd-mhad': 'utd-mhad/Skeleton',
    'msr-action3d': 'msr-action3d',
    'utkinect': 'utkinect/joints',
    'nw-ucla': 'nw-ucla/all_sqe',
    'florence3d': 'florence3d',
    'sbu': 'sbu',
}


@cache
def read_all(name: str, recordings: Path) -> list[DatasetClip]:
    return list(DATASETS[name].read(recordings / FOLDERS[name]))


def joints(item: DatasetClip) -> np.ndarray:
    return to_common_15(item.clip.joints_m, item.clip.confidence, item.clip.layout)[0]


@pytest.mark.parametrize(
    ('name', 'clips', 'subjects'),
    [
        ('utd-mhad', 861, 8),
        # 567 files; a13_s09_e02 is all zeros.
        ('msr-action3d', 566, 10),
        ('utkinect', 20, 10),
        ('nw-ucla', 1484, 10),
        ('florence3d', 215, 10),
        # Two persons each; 21 pairs.
        ('sbu', 2 * 282, 21),
    ],
)
def test_everything_published_is_read(
    name: str, clips: int, subjects: int, recordings: Path
) -> None:
    items = read_all(name, recordings)
    assert len(items) == clips
    assert len({item.subject for item in items}) == subjects
    if name != 'utkinect':
        assert {item.action for item in items} == DATASETS[name].labels.keys()


def test_utkinect_has_ten_actions_in_each_recording_but_one(recordings: Path) -> None:
    items = read_all('utkinect', recordings)
    counts = {(item.subject, item.trial): len(item.clip.annotations) for item in items}
    assert {key: count for key, count in counts.items() if count != 10} == {(10, '2'): 9}
    # Its people walk: at 60 frame numbers a second, as fast as people do in a small room.
    speeds = []
    for item in items:
        span = next(span for span in item.clip.annotations if span.label == 'walk')
        walk = item.clip.between(span.start_ns, span.end_ns)
        hips = walk.joints_m[:, 0][:, (0, 2)]
        speeds.append(np.linalg.norm(hips[-1] - hips[0]) / walk.duration_s)
    assert 0.5 < np.median(speeds) < 1.2


def test_three_trials_are_missing_from_utd_as_published(recordings: Path) -> None:
    counts = Counter((item.action, item.subject) for item in read_all('utd-mhad', recordings))
    assert {key for key, count in counts.items() if count != 4} == {(8, 1), (23, 6), (27, 8)}


@pytest.mark.parametrize('name', [name for name in FOLDERS if name != 'sbu'])
def test_people_stand_upright_and_are_not_mirrored(name: str, recordings: Path) -> None:
    """They face the camera nearly always: then the right shoulder is on its left."""
    upright, unmirrored = [], []
    for item in read_all(name, recordings)[::5]:
        body = joints(item)
        upright.append((body[:, Common15.HEAD, 1] < body[:, Common15.FOOT_LEFT, 1]).mean())
        right_x = body[:, Common15.SHOULDER_RIGHT, 0]
        unmirrored.append((right_x < body[:, Common15.SHOULDER_LEFT, 0]).mean())
        assert 0.3 < np.median(body[..., 2]) < 6.0
    assert np.mean(upright) > 0.97
    assert np.mean(unmirrored) > 0.95


def test_people_who_face_each_other_are_not_mirrored(recordings: Path) -> None:
    """With y down, ahead x up is to the right: where the right shoulder is."""
    items = read_all('sbu', recordings)
    unmirrored = []
    for own, other in zip(items[::2], items[1::2], strict=True):
        assert own.path == other.path
        assert len(own.clip) == len(other.clip)
        body = joints(own)
        ahead = joints(other)[:, Common15.TORSO] - body[:, Common15.TORSO]
        to_the_right = np.cross(ahead, (0.0, -1.0, 0.0))
        across = body[:, Common15.SHOULDER_RIGHT] - body[:, Common15.SHOULDER_LEFT]
        unmirrored.append(((across * to_the_right).sum(axis=1) > 0).mean())
    assert np.mean(unmirrored) > 0.85


HAND_RIGHT, HAND_LEFT = Common15.HAND_RIGHT, Common15.HAND_LEFT
FOOT_RIGHT, FOOT_LEFT = Common15.FOOT_RIGHT, Common15.FOOT_LEFT


@pytest.mark.parametrize(
    ('name', 'labels', 'limb', 'other', 'least'),
    [
        ('utd-mhad', '^right_(hand|arm)_', HAND_RIGHT, HAND_LEFT, 0.97),
        ('msr-action3d', '^(draw_|hammer|hand_catch|high_)', HAND_RIGHT, HAND_LEFT, 0.95),
        ('msr-action3d', '_kick$', FOOT_RIGHT, FOOT_LEFT, 0.95),
        ('utkinect', '^(throw|push|pull)$', HAND_RIGHT, HAND_LEFT, 0.85),
        # These say nothing of the hand: most people are right-handed.
        ('nw-ucla', '^throw$', HAND_RIGHT, HAND_LEFT, 0.6),
        ('florence3d', '^(wave|drink_from_a_bottle|answer_phone)$', HAND_RIGHT, HAND_LEFT, 0.65),
        ('g3d-clips', '^PunchRight$', HAND_RIGHT, HAND_LEFT, 0.6),
        ('g3d-clips', '^PunchLeft$', HAND_LEFT, HAND_RIGHT, 0.95),
        ('g3d-clips', '^KickRight$', FOOT_RIGHT, FOOT_LEFT, 0.7),
        ('g3d-clips', '^KickLeft$', FOOT_LEFT, FOOT_RIGHT, 0.95),
    ],
)
def test_the_side_that_acts_reaches_farther(
    name: str, labels: str, limb: Common15, other: Common15, least: float, recordings: Path
) -> None:
    """A reader that swaps left and right, or mirrors people, has the other side act."""
    farther = []
    for clip in actions_of(name, recordings):
        if re.search(labels, clip.label):
            body, _ = to_common_15(clip.joints_m, clip.confidence, clip.layout)
            farther.append(reach_m(body, limb) > reach_m(body, other))
    assert len(farther) >= 20
    assert np.mean(farther) >= least


def actions_of(name: str, recordings: Path) -> Iterator[Clip]:
    """Cut what is annotated, and take clips as they are."""
    if name not in FOLDERS:
        yield from map(load_clip, find_clips(recordings / name))
        return
    for item in read_all(name, recordings):
        for span in item.clip.annotations:
            piece = item.clip.between(span.start_ns, span.end_ns)
            yield replace(piece, label=span.label, annotations=())
        if not item.clip.annotations:
            yield item.clip


def reach_m(body: np.ndarray, joint: Common15) -> float:
    """How far a joint gets from where it mostly is, seen from the hips."""
    hips = body[:, [Common15.HIP_LEFT, Common15.HIP_RIGHT]].mean(axis=1)
    path = body[:, joint] - hips
    return float(np.linalg.norm(path - np.median(path, axis=0), axis=1).max())


def test_people_of_the_g3d_clips_are_not_mirrored(recordings: Path) -> None:
    unmirrored = []
    for file in find_clips(recordings / 'g3d-clips')[::5]:
        clip = load_clip(file)
        body, _ = to_common_15(clip.joints_m, clip.confidence, clip.layout)
        right_x = body[:, Common15.SHOULDER_RIGHT, 0]
        unmirrored.append((right_x < body[:, Common15.SHOULDER_LEFT, 0]).mean())
    assert np.mean(unmirrored) > 0.9


@pytest.mark.parametrize('name', FOLDERS)
def test_coordinates_are_metres(name: str, recordings: Path) -> None:
    forearms = [
        np.median(
            np.linalg.norm(body[:, Common15.ELBOW_RIGHT] - body[:, Common15.HAND_RIGHT], axis=1)
        )
        for body in map(joints, read_all(name, recordings)[::5])
    ]
    assert 0.2 < np.median(forearms) < 0.45


def test_the_lost_body_of_msr_leaves_a_gap(recordings: Path) -> None:
    [long] = DATASETS['msr-action3d'].read(
        recordings / 'msr-action3d/MSRAction3DSkeletonReal3D/a13_s09_e03_skeleton3D.txt'
    )
    assert len(long.clip) == 936 - 740
