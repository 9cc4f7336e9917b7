"""
UTKinect-Action3D: 20 recordings, each one person doing ten actions in a row, Kinect v1.

A text a recording (`joints_s01_e01.txt`: a line a frame, `frame_number` and 20 x `x y z`, metres,
axes of the Kinect SDK, y up), and beside them the ranges of frame numbers of all actions
(`actionLabel_modified.txt`, else the older `actionLabel.txt`).

Frame numbers count 60 a second: they are even, step by 4 on average where the set is known for
about 15 skeletons a second, and at 60 a second its people walk at 0.7 m/s with 1.9 steps a second
(at 30 it would be half of both). Numbers step unevenly, and repeat (the first of such lines is
kept).

The ranges overlap here and there (a pull ends at the frame where the push before it began) and
stand as published; a range of NaN (the carry of s10_e02) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    make_clip,
    numbered,
    numbers_in,
    read_text,
)
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan

LABELS = dict(
    enumerate(
        (
            'walk',
            'sit_down',
            'stand_up',
            'pick_up',
            'carry',
            'throw',
            'push',
            'pull',
            'wave_hands',
            'clap_hands',
        ),
        start=1,
    )
)
COUNTS_PER_S = 60.0
RATE_HZ = 15.0
LAYOUT = 'kinect_v1_20'
LABEL_FILES = ('actionLabel_modified.txt', 'actionLabel.txt')
_NAME = re.compile(r'joints_s(?P<subject>\d\d)_e(?P<recording>\d\d)\.txt')
_HEADING = re.compile(r's\d\d_e\d\d')
_RANGE = re.compile(r'(?P<action>\w+):\s*(?P<first>\d{1,9}|NaN)\s+(?P<last>\d{1,9}|NaN)')
_JOINTS = 20
_LATEST_FRAME = 10**9


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield the one recording of a file, annotated, or none where no body was seen.

    :raises DatasetError: the name, the content or the label file does not follow the format, or the
        label file is missing.
    """
    name = numbered(_NAME, path)
    rows = _rows(path)
    spans = _spans(path.parent, path.stem.removeprefix('joints_'))
    _, first = np.unique(rows[:, 0], return_index=True)
    rows = rows[first]
    clip = make_clip(
        rows[:, 1:].reshape(-1, _JOINTS, 3),
        np.round(rows[:, 0] * (NS_PER_S / COUNTS_PER_S)).astype(np.int64),
        LAYOUT,
        path,
        label='',
        subject=f's{name["subject"]}',
    )
    if clip is not None:
        clip = replace(clip, annotations=spans)
        yield DatasetClip(clip, 0, name['subject'], str(name['recording']), path)


def _rows(path: Path) -> NDArray[np.float64]:
    rows: list[list[float]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f'{path}, line {number}'
        row = numbers_in(line, 1 + 3 * _JOINTS, where)
        if not (0 <= row[0] < _LATEST_FRAME and row[0].is_integer()):
            raise DatasetError(f'{where}: expected a frame number, got {row[0]:g}')
        if rows and row[0] < rows[-1][0]:
            raise DatasetError(
                f'{where}: frame numbers must not fall, got {row[0]:g} after {rows[-1][0]:g}'
            )
        rows.append(row)
    if not rows:
        raise DatasetError(f'{path}: expected frames, got an empty file')
    return np.array(rows)


def _spans(folder: Path, recording: str) -> tuple[ActionSpan, ...]:
    """Return what happens in one recording, in the order of the label file."""
    path = next((folder / name for name in LABEL_FILES if (folder / name).is_file()), None)
    if path is None:
        raise DatasetError(f'{folder}: expected {" or ".join(LABEL_FILES)} beside the recordings')
    spans = []
    heading = ''
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        if not text:
            continue
        if _HEADING.fullmatch(text):
            heading = text
            continue
        span = _span(text, f'{path}, line {number}')
        if span is not None and heading == recording:
            spans.append(span)
    if not spans:
        raise DatasetError(f'{path}: expected actions of {recording}, got none')
    return tuple(spans)


def _span(text: str, where: str) -> ActionSpan | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise DatasetError(f"{where}: expected 'action: first last', got {text[:60]!r}")
    label = re.sub(r'(?<=[a-z])(?=[A-Z])', '_', match['action']).lower()
    if label not in LABELS.values():
        raise DatasetError(
            f'{where}: action must be one of {list(LABELS.values())}, got {match["action"]!r}'
        )
    if 'NaN' in (match['first'], match['last']):
        return None
    first, last = int(match['first']), int(match['last'])
    if first > last:
        raise DatasetError(f'{where}: a range must not end before it starts, got {first} to {last}')
    start_ns, end_ns = (round(count * NS_PER_S / COUNTS_PER_S) for count in (first, last))
    return ActionSpan(label, start_ns, end_ns)


DATASET = Dataset(
    name='utkinect',
    title='UTKinect-Action3D Dataset',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='joints_s01_e01.txt',
    read_file=read_file,
)
