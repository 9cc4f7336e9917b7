"""
KTH, "Recognition of human actions": which videos there are, and which part of each is a clip.

It has no skeletons: its clips, made by `data`, carry what protocols split by, and as many frames as
the video has, in which every joint has confidence 0: no sensor measured one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from skeleton_action_ros.adapters.datasets.base import read_text
from skeleton_action_ros.core.errors import DatasetError
from training.files import going_on_without, written_whole
from training.videos import Shot, image_count

KTH_LABELS = ('boxing', 'handclapping', 'handwaving', 'jogging', 'running', 'walking')
KTH_RATE_HZ = 25.0
KTH_PAGE = 'Recognition of human actions (KTH)'
SEQUENCES = '00sequences.txt'
COUNTS = 'kth-frames.json'
_NAME = re.compile(
    rf'person(?P<person>\d\d)_(?P<label>{"|".join(KTH_LABELS)})_d(?P<scenario>[1-4])_uncomp\.avi'
)
_LINE = re.compile(
    rf'\s*(person\d\d_(?:{"|".join(KTH_LABELS)})_d[1-4])\s+frames\s+(\d+\s*-\s*\d+(?:[\s,]+\d+\s*-\s*\d+)*)'
)
_SPAN = re.compile(r'(\d+)\s*-\s*(\d+)')


@dataclass(frozen=True)
class KthClip:
    """
    One clip of KTH, and what its file's name tells.

    :param scenario: d1 to d4.
    :param number: which of the video's clips it is, from 1.
    """

    shot: Shot
    label: str
    person: int
    scenario: int
    number: int


def kth_clips(folder: Path, *, cut: bool, cache: Path) -> list[KthClip]:
    """
    List KTH's clips.

    "The first one (the original one) where each person performs the same action 3 or 4 times in the
    same video, is named KTH1 [...]. The second, named KTH2, is obtained by splitting videos in
    smaller ones where a person does an action only one time" (section 4).

    :param folder: its videos, at any depth; KTH2 also wants the owners' list of sequences.
    :param cut: KTH2, cut by that list, instead of KTH1.
    :param cache: folder in which the lengths of whole videos are kept.
    :raises DatasetError: something of it is missing; says what belongs where.
    """
    videos = kth_videos(folder)
    if cut:
        spans = kth_spans(folder)
    else:
        counts = _counts(list(videos.values()), cache / COUNTS)
        spans = {name: [(0, counts[path])] for name, path in videos.items()}
    out = []
    for name, path in sorted(videos.items()):
        if name not in spans:
            raise DatasetError(f'{folder / SEQUENCES}: no line for {name}')
        match = _NAME.fullmatch(path.name)
        assert match is not None
        out += [
            KthClip(
                Shot(path, first, end - first),
                match['label'],
                int(match['person']),
                int(match['scenario']),
                number,
            )
            for number, (first, end) in enumerate(spans[name], 1)
        ]
    return out


@lru_cache(maxsize=4)
def kth_videos(folder: Path) -> Mapping[str, Path]:
    """Return KTH's videos by their names up to '_uncomp'."""
    found = {
        path.name.removesuffix('_uncomp.avi'): path
        for path in folder.rglob('*.avi')
        if _NAME.fullmatch(path.name)
    }
    if not found:
        raise DatasetError(
            f'no data set kth under {folder} ({KTH_PAGE}: put its videos, named like '
            f'person01_boxing_d1_uncomp.avi, and its {SEQUENCES}, there); SKELETON_ACTION_DATA '
            f'names another place than {folder.parent}'
        )
    return found


@lru_cache(maxsize=4)
def kth_spans(folder: Path) -> Mapping[str, Sequence[tuple[int, int]]]:
    """Return the sequences of each video: first frame, from 0, and the frame after the last."""
    places = sorted(folder.rglob(SEQUENCES))
    if not places:
        raise DatasetError(
            f'no {SEQUENCES} under {folder} ({KTH_PAGE}: put the list of sequences beside its '
            'videos; KTH2 is cut by it)'
        )
    out: dict[str, list[tuple[int, int]]] = {}
    for line in read_text(places[0]).splitlines():
        match = _LINE.match(line)
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


def _counts(videos: Sequence[Path], kept: Path) -> dict[Path, int]:
    """Return how many images each video has; a count holds for a file of that name and size."""
    keys = {path: f'{path.name} {path.stat().st_size}' for path in videos}
    known: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):  # not there yet, or cut short
        known = json.loads(kept.read_text('utf-8'))
    missing = [path for path in videos if keys[path] not in known]
    for path in missing:
        known[keys[path]] = image_count(path)
    if missing:
        with going_on_without(kept), written_whole(kept) as part:
            part.write_text(json.dumps(known, indent=1), 'utf-8')
    return {path: known[key] for path, key in keys.items()}
