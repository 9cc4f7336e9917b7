"""
Florence 3D Actions: 9 actions, 10 subjects, 215 sequences, 20 fps; all in one `skeletal_data.mat`.

`original_skeletal_data` of each sequence is (3, 15, T), (x, z, y) in metres with y up: the axes of
the Kinect SDK after swapping the last two. Joints: head, neck, spine, then the left arm, the right
arm, the left leg and the right leg, that is, `common_15`. 20 fps is what the set's videos say; its
people drink in 1.6 s and clap in 0.7 s, so that frames were probably dropped in recording.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    even_stamps,
    label_of,
    make_clip,
)
from skeleton_action_ros.adapters.datasets.mat_files import read_mat
from skeleton_action_ros.core.errors import DatasetError

LABELS = dict(
    enumerate(
        (
            'wave',
            'drink_from_a_bottle',
            'answer_phone',
            'clap',
            'tight_lace',
            'sit_down',
            'stand_up',
            'read_watch',
            'bow',
        ),
        start=1,
    )
)
RATE_HZ = 20.0
LAYOUT = 'common_15'
_NAME = re.compile(r'skeletal_data\.mat')
_JOINTS = 15


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield every clip of the file; `trial` is the number of the sequence, from 1.

    :raises DatasetError: the content does not follow the format; says in which sequence.
    """
    table = read_mat(path, 'skeletal_data')
    if not isinstance(table, np.ndarray) or table.dtype != object or table.ndim != 2:
        got = getattr(table, 'dtype', type(table)), getattr(table, 'shape', ())
        raise DatasetError(f'{path}: skeletal_data must be a column of structs, got {got}')
    for number, sequence in enumerate(table[:, 0], 1):
        where = f'{path}, sequence {number}'
        positions = _field(sequence, 'original_skeletal_data', where)
        if positions.ndim != 3 or positions.shape[:2] != (3, _JOINTS):
            raise DatasetError(
                f'{where}: original_skeletal_data must be (3, {_JOINTS}, T), got {positions.shape}'
            )
        action = _integer(_field(sequence, 'action', where), 'action', where)
        subject = _integer(_field(sequence, 'subject', where), 'subject', where)
        clip = make_clip(
            positions.transpose(2, 1, 0)[..., (0, 2, 1)].astype(np.float64),
            even_stamps(positions.shape[2], RATE_HZ),
            LAYOUT,
            where,
            label=label_of(LABELS, action, where),
            subject=f's{subject}',
        )
        if clip is not None:
            yield DatasetClip(clip, action, subject, str(number), path)


def _field(sequence: Any, name: str, where: str) -> Any:
    """Return one numeric field of a MATLAB struct."""
    names = getattr(getattr(sequence, 'dtype', None), 'names', None) or ()
    if name not in names or sequence.size != 1:
        raise DatasetError(f'{where}: expected one struct with {name!r}, got fields {list(names)}')
    value = sequence[name].reshape(-1)[0]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in 'fiu':
        raise DatasetError(f'{where}: {name} must be numbers, got {type(value).__name__}')
    return value


def _integer(value: Any, name: str, where: str) -> int:
    if value.size != 1 or not np.isfinite(value).all() or value.item() != int(value.item()):
        raise DatasetError(f'{where}: {name} must be one whole number, got {value.tolist()}')
    return int(value.item())


DATASET = Dataset(
    name='florence3d',
    title='Florence 3D Actions Dataset',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='skeletal_data.mat',
    read_file=read_file,
)
