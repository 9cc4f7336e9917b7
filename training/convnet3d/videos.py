"""
Which video shows a clip: Florence's beside its skeletons, and those of KTH, which has none.

KTH's samples carry what protocols split by, and as many frames as the video has, in which every
joint has confidence 0: no sensor measured one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from skeleton_action_ros.adapters.datasets.base import even_stamps, read_text
from skeleton_action_ros.core.errors import DatasetError, ImageError, SkeletonActionError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.skeleton import Clip
from training.data import Sample, data_root, load_samples

KTH_LABELS = ('boxing', 'handclapping', 'handwaving', 'jogging', 'running', 'walking')
KTH_RATE_HZ = 25.0
KTH_PAGE = 'Recognition of human actions (KTH)'
SEQUENCES = '00sequences.txt'
_FLORENCE_RATE_HZ = 20.0
_FLORENCE_NAME = re.compile(
    r'GestureRecording_Id(?P<gesture>\d+)actor(?P<actor>\d+)idAction\d+category(?P<action>\d+)\.avi'
)
_KTH_NAME = re.compile(
    rf'person(?P<person>\d\d)_(?P<label>{"|".join(KTH_LABELS)})_d(?P<scenario>[1-4])_uncomp\.avi'
)
_KTH_LINE = re.compile(
    rf'\s*(person\d\d_(?:{"|".join(KTH_LABELS)})_d[1-4])\s+frames\s+(\d+\s*-\s*\d+(?:[\s,]+\d+\s*-\s*\d+)*)'
)
_SPAN = re.compile(r'(\d+)\s*-\s*(\d+)')


@dataclass(frozen=True)
class Shot:
    """
    The part of a video that shows a clip.

    :param first: number of its first frame, from 0.
    :param frames: how many it has.
    """

    path: Path
    first: int
    frames: int


def has_video(sample: Sample) -> bool:
    """Say whether the video of a clip is there."""
    if sample.dataset in ('kth1', 'kth2'):
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
    if sample.dataset not in ('kth1', 'kth2'):
        raise DatasetError(f'there are no videos of {sample.dataset}, only of florence3d and kth')
    name = f'person{sample.person:02d}_{sample.clip.label}_d{sample.view}'
    folder = root / 'kth'
    path = _kth_videos(folder).get(name)
    if path is None:
        raise DatasetError(f'{folder}: no {name}_uncomp.avi ({KTH_PAGE})')
    first = 0
    if sample.dataset == 'kth2':
        first = _kth_spans(folder)[name][int(sample.trial) - 1][0]
    return Shot(path, first, len(sample.clip))


def read_images(shot: Shot) -> Iterator[ColourImage]:
    """
    Yield the images of a shot.

    :raises SourceError: it is no video.
    :raises DatasetError: the video is cut off, or ends before the shot does.
    """
    given = 0
    for number, image in enumerate(_images(shot.path)):
        if number >= shot.first + shot.frames:
            return
        if number >= shot.first:
            given += 1
            yield image
    if given < shot.frames:
        raise DatasetError(
            f'{shot.path}: frames {shot.first + 1} to {shot.first + shot.frames} are wanted, the '
            f'video ends after {shot.first + given}'
        )


def kth_samples(folder: Path, *, cut: bool) -> list[Sample]:
    """
    List KTH's videos as clips without joints.

    "The first one (the original one) where each person performs the same action 3 or 4 times in the
    same video, is named KTH1 [...]. The second, named KTH2, is obtained by splitting videos in
    smaller ones where a person does an action only one time" (section 4).

    :param folder: its videos, at any depth; KTH2 also wants the owners' list of sequences.
    :param cut: KTH2, cut by that list, instead of KTH1.
    :raises DatasetError: something of it is missing; says what belongs where.
    """
    videos = _kth_videos(folder)
    spans = _kth_spans(folder) if cut else {}
    out = []
    for name, path in sorted(videos.items()):
        if cut and name not in spans:
            raise DatasetError(f'{folder / SEQUENCES}: no line for {name}')
        for trial, (first, end) in enumerate(spans[name] if cut else [(0, _length(path))], 1):
            match = _KTH_NAME.fullmatch(path.name)
            assert match is not None
            out.append(
                Sample(
                    _unseen(end - first, match['label'], f'person{match["person"]}'),
                    'kth2' if cut else 'kth1',
                    view=int(match['scenario']),
                    number=1 + KTH_LABELS.index(match['label']),
                    person=int(match['person']),
                    trial=str(trial),
                )
            )
    return out


def _unseen(frames: int, label: str, subject: str) -> Clip:
    return Clip(
        joints_m=np.zeros((frames, 15, 3), np.float32),
        confidence=np.zeros((frames, 15), np.float32),
        stamps_ns=even_stamps(frames, KTH_RATE_HZ),
        layout='common_15',
        label=label,
        subject=subject,
    )


def _refuse(error: ImageError) -> None:
    raise DatasetError(str(error))


def _length(path: Path) -> int:
    return sum(1 for _ in _images(path))


def _images(path: Path) -> Iterator[ColourImage]:
    """Yield all images of a video; OpenCV is wanted where there is a video to read, not before."""
    try:
        from skeleton_action_ros.adapters.video import VideoFile
    except ModuleNotFoundError as error:
        raise SkeletonActionError(
            f'{path}: videos are read by OpenCV, and there is no {error.name}: install '
            'requirements/rgb.txt'
        ) from None
    return VideoFile(path, KTH_RATE_HZ).images(_refuse)


@lru_cache(maxsize=4)
def _kth_videos(folder: Path) -> Mapping[str, Path]:
    """Return KTH's videos by their names up to '_uncomp'."""
    found = {
        path.name.removesuffix('_uncomp.avi'): path
        for path in folder.rglob('*.avi')
        if _KTH_NAME.fullmatch(path.name)
    }
    if not found:
        raise DatasetError(
            f'no data set kth under {folder} ({KTH_PAGE}: put its videos, named like '
            f'person01_boxing_d1_uncomp.avi, and its {SEQUENCES}, there); SKELETON_ACTION_DATA '
            f'names another place than {folder.parent}'
        )
    return found


@lru_cache(maxsize=4)
def _kth_spans(folder: Path) -> Mapping[str, Sequence[tuple[int, int]]]:
    """Return the sequences of each video: first frame, from 0, and the frame after the last."""
    places = sorted(folder.rglob(SEQUENCES))
    if not places:
        raise DatasetError(
            f'no {SEQUENCES} under {folder} ({KTH_PAGE}: put the list of sequences beside its '
            'videos; KTH2 is cut by it)'
        )
    out: dict[str, list[tuple[int, int]]] = {}
    for line in read_text(places[0]).splitlines():
        match = _KTH_LINE.match(line)
        if match is not None:
            spans = [(int(first) - 1, int(last)) for first, last in _SPAN.findall(match[2])]
            if any(first < 0 or last - first < 2 for first, last in spans):
                raise DatasetError(f'{places[0]}: frames must rise from 1, got {line.strip()!r}')
            out[match[1]] = spans
    if not out:
        raise DatasetError(
            f'{places[0]}: expected lines like "person01_boxing_d1 frames 1-95, 96-185", found none'
        )
    return out


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
