"""Which depth video shows a clip of UTD-MHAD."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from skeleton_action_ros.adapters.datasets.utd_mhad import DATASET
from skeleton_action_ros.core.errors import DatasetError
from training.data import Sample, data_root

Key = tuple[int, int, str]
"""Action, person and trial, as the data set numbers them."""

_NAME = re.compile(r'a(?P<action>\d{1,3})_s(?P<person>\d{1,3})_t(?P<trial>\d{1,3})_depth\.mat')


def has_depth(sample: Sample) -> bool:
    """
    Say whether the depth video of a clip is among the data.

    :raises DatasetError: no clip of its data set has one; the message says what belongs where.
    """
    return depth_video(sample) is not None


def depth_video(sample: Sample) -> Path | None:
    """
    Return the depth video of a clip, None where it has none.

    :raises DatasetError: no clip of its data set has one; the message says what belongs where.
    """
    if sample.dataset != DATASET.name:
        return None
    return depth_files(data_root()).get(key_of(sample))


def key_of(sample: Sample) -> Key:
    """Return what the name of a depth video tells of a clip."""
    return sample.number, sample.person, sample.trial


@functools.lru_cache(maxsize=8)
def depth_files(root: Path) -> dict[Key, Path]:
    """
    Find all depth videos, at any depth under the data set's folder.

    :param root: of all data sets.
    :raises DatasetError: there is none; the message says what belongs where.
    """
    folder, found = root / DATASET.name, {}
    for file in sorted(folder.rglob('*_depth.mat')):
        name = _NAME.fullmatch(file.name)
        if name is not None:
            found[int(name['action']), int(name['person']), str(int(name['trial']))] = file
    if not found:
        raise DatasetError(
            f'no depth video under {folder} ({DATASET.title}: put the folder Depth, with files '
            f'named like {_NAME.pattern!r}, there); SKELETON_ACTION_DATA names another place than '
            f'{root}'
        )
    return found
