"""Which video shows a clip: Florence's beside its skeletons, and those of KTH, which has none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from skeleton_action_ros.core.errors import DatasetError
from training.data import VIDEOS, Sample, data_root, load_samples
from training.kth import KTH_PAGE, kth_spans, kth_videos
from training.videos import Shot

_FLORENCE_NAME = re.compile(
    r'GestureRecording_Id(?P<gesture>\d+)actor(?P<actor>\d+)idAction\d+category(?P<action>\d+)\.avi'
)


def has_video(sample: Sample) -> bool:
    """Say whether the video of a clip is there."""
    if sample.dataset in VIDEOS:
        return True
    return sample.dataset == 'florence3d' and sample.trial in _florence_videos(data_root())


def shot_of(sample: Sample) -> Shot:
    """
    Return where a clip is seen.

    :raises DatasetError: its data set has no video of it; says what belongs where.
    """
    root = data_root()
    if sample.dataset == 'florence3d':
        found = _florence_videos(root)
        if sample.trial not in found:
            raise DatasetError(
                f'no video of sequence {sample.trial} under {root / "florence3d"} (Florence 3D '
                'Actions Dataset: put its files, named like GestureRecording_Id1actor1idAction1'
                'category1.avi, there)'
            )
        return Shot(found[sample.trial], 0, len(sample.clip))
    if sample.dataset not in VIDEOS:
        raise DatasetError(f'there are no videos of {sample.dataset}, only of florence3d and kth')
    name = f'person{sample.person:02d}_{sample.clip.label}_d{sample.view}'
    folder = root / 'kth'
    path = kth_videos(folder).get(name)
    if path is None:
        raise DatasetError(f'{folder}: no {name}_uncomp.avi ({KTH_PAGE})')
    first = 0
    if sample.dataset == 'kth2':
        first = kth_spans(folder)[name][int(sample.trial) - 1][0]
    return Shot(path, first, len(sample.clip))


@lru_cache(maxsize=4)
def _florence_videos(root: Path) -> Mapping[str, Path]:
    """
    Return Florence's videos by the number of the sequence in its file of skeletons.

    The videos number the sequences of each actor, from 1, in the order of that file.
    """
    first: dict[int, int] = {}
    action: dict[str, int] = {}
    for sample in load_samples(['florence3d']):
        number = int(sample.trial)
        first[sample.person] = min(first.get(sample.person, number), number)
        action[sample.trial] = sample.number
    out = {}
    for path in sorted((root / 'florence3d').rglob('*.avi')):
        match = _FLORENCE_NAME.fullmatch(path.name)
        if match is None or int(match['actor']) not in first:
            continue
        trial = str(first[int(match['actor'])] + int(match['gesture']) - 1)
        if action.get(trial) != int(match['action']):
            raise DatasetError(
                f'{path}: sequence {trial} of the skeletons shows action {action.get(trial)}, not '
                f'{match["action"]}: do both belong to the same data set?'
            )
        out[trial] = path
    return out
