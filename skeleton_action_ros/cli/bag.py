"""`skeleton-action bag`: a data set, clips or simulated persons as rosbag2, with ground truth."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from skeleton_action_ros.adapters.bags import STORAGES, write_bag
from skeleton_action_ros.adapters.clips import SUFFIX, find_clips, load_clip
from skeleton_action_ros.adapters.datasets import DATASETS, DatasetClip
from skeleton_action_ros.adapters.sources.joining import AWAY, BETWEEN, Joining, join_clips
from skeleton_action_ros.core.config import build
from skeleton_action_ros.core.errors import BagError, ConfigError, DatasetError
from skeleton_action_ros.core.simulation import SimulationConfig, source_from_config
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip, Scene

SIMULATED = 'simulated'
CLIPS = 'clips'
_SIMULATED_S = 60.0
_EPILOG = """ A file of one person gives one bag, OUT. A folder, or a file with several persons in
it, gives a folder OUT of bags: one for each whole recording, and one for all the short clips of
each person, which follow one another with gaps in between. --one puts everything into one bag,
OUT.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        '--from',
        dest='source',
        required=True,
        metavar='PATH',
        help=f"a data set's file or folder, a clip or a folder of clips, or {SIMULATED!r}",
    )
    parser.add_argument(
        '--dataset',
        choices=[*DATASETS, CLIPS],
        help='what PATH holds; guessed from the names of the files where it is not given',
    )
    parser.add_argument('--out', type=Path, required=True, help='the bag, or the folder of bags')
    parser.add_argument('--one', action='store_true', help='one bag of everything')
    parser.add_argument(
        '--storage', choices=list(STORAGES), default='mcap', help='rosbag2 storage (default: mcap)'
    )
    parser.add_argument(
        '--subject', nargs='+', default=[], metavar='ID', help='only these persons, such as s1 s2'
    )
    parser.add_argument(
        '--gap-s', type=float, default=1.0, help='seconds between two clips (default: 1)'
    )
    parser.add_argument(
        '--between',
        choices=BETWEEN,
        default=AWAY,
        help='between two clips the person is out of view, or the pose is blended from one to the '
        'next (default: away)',
    )
    parser.add_argument(
        '--frame-id', default='camera', help="the sensor's optical frame (default: camera)"
    )
    parser.add_argument(
        '--set',
        nargs='+',
        default=[],
        metavar='NAME=VALUE',
        help=f'what the simulated person does, such as duration_s=120 persons=2 (default: '
        f'{_SIMULATED_S:g} s)',
    )
    parser.add_argument('--json', action='store_true', help='print what was written as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Write the bags and say what is in them."""
    joining = Joining(gap_s=arguments.gap_s, between=arguments.between)
    if arguments.source == SIMULATED:
        streams = [_simulated(arguments.set)]
        separate = False
    else:
        if arguments.set:
            raise ConfigError(f'--set is for --from {SIMULATED}, got {arguments.set}')
        items = _items(Path(arguments.source), arguments.dataset, set(arguments.subject))
        streams = _streams(items, joining, arguments.one)
        separate = not arguments.one and (len(streams) > 1 or Path(arguments.source).is_dir())
    places = [arguments.out / stream.name if separate else arguments.out for stream in streams]
    for place in places:
        if place.exists():
            raise BagError(f'{place} exists already: a bag is never overwritten')
    written = []
    bar = tqdm(total=None, desc='write', unit=' scenes', disable=None, file=sys.stderr)
    with bar:
        for stream, place in zip(streams, places, strict=True):
            contents = write_bag(
                place,
                _counted(stream.scenes, bar),
                storage=arguments.storage,
                frame_id=arguments.frame_id,
            )
            written.append(
                {
                    'bag': str(place),
                    'scenes': contents.scenes,
                    'actions': contents.spans,
                    'duration_s': (contents.end_ns - contents.start_ns) / NS_PER_S,
                    'subjects': list(stream.subjects),
                }
            )
    print(json.dumps(written, indent=2) if arguments.json else _table(written))
    return 0


@dataclass(frozen=True)
class _Stream:
    """What goes into one bag."""

    name: str
    subjects: tuple[str, ...]
    scenes: Iterable[Scene]


@dataclass(frozen=True)
class _Item:
    """One clip or recording, and what a bag of it alone is called."""

    name: str
    clip: Clip


def _simulated(settings: Sequence[str]) -> _Stream:
    names = [field.name for field in fields(SimulationConfig)]
    values: dict[str, Any] = {'duration_s': _SIMULATED_S}
    for item in settings:
        name, equals, value = item.partition('=')
        if not equals or name not in names:
            raise ConfigError(
                f'--set wants NAME=VALUE with one of {", ".join(names)}, got {item!r}'
            )
        values[name] = yaml.safe_load(value)
    config = build(SimulationConfig, values)
    if config.duration_s == 0.0:
        raise ConfigError('a bag ends: duration_s must be above 0')
    people = tuple(f'simulated {number}' for number in range(1, config.persons + 1))
    return _Stream(SIMULATED, people, source_from_config(config).scenes())


def _items(source: Path, dataset: str | None, subjects: set[str]) -> list[_Item]:
    """
    Read every clip and recording.

    :param subjects: whose; all of them where it is empty.
    """
    kind = dataset or _guess(source)
    files = find_clips(source) if kind == CLIPS else DATASETS[kind].files(source)
    items: list[_Item] = []
    met: set[str] = set()
    for file in tqdm(files, desc='read', unit=' files', disable=None, file=sys.stderr):
        clips = [load_clip(file)] if kind == CLIPS else _people(DATASETS[kind].read_file(file))
        for clip in clips:
            met.add(clip.subject)
            if not subjects or clip.subject in subjects:
                items.append(_Item(_name_of(file, source), clip))
    if not items:
        raise DatasetError(
            f'{source}: expected clips of {", ".join(sorted(subjects)) or "somebody"}, found '
            f'{", ".join(sorted(met)) or "no skeletons"}'
        )
    return items


def _name_of(file: Path, source: Path) -> str:
    """Name a recording after its place in the folder: deep/joints_s01_e01.txt is deep_s01_e01."""
    folders = file.relative_to(source).parts[:-1] if source.is_dir() else ()
    return _file_name('_'.join([*folders, file.stem.removeprefix('joints_')]))


def _people(items: Iterable[DatasetClip]) -> Iterator[Clip]:
    """Yield each sequence; where it has several bodies, the one that moves most is the person."""
    for _, bodies in groupby(items, key=lambda item: (item.path, item.trial)):
        yield max((item.clip for item in bodies), key=_spread)


def _spread(clip: Clip) -> float:
    seen = clip.joints_m[clip.confidence > 0.0]
    return float(seen.var(axis=0).sum())


def _guess(source: Path) -> str:
    """
    Tell from the names of the files what they are.

    :raises DatasetError: nothing known is there, or several things.
    """
    if not source.exists():
        raise DatasetError(f'{source}: expected a data set or clips, found nothing there')
    files = [source] if source.is_file() else sorted(source.rglob('*'))
    found = {
        name
        for file in files
        for name, dataset in DATASETS.items()
        if dataset.pattern.fullmatch(file.name)
    }
    if any(file.suffix == SUFFIX for file in files):
        found.add(CLIPS)
    if len(found) != 1:
        names = ', '.join([*DATASETS, CLIPS])
        raise DatasetError(
            f'{source}: expected files of one of {names}, found '
            f'{" and ".join(sorted(found)) or "none"}: say which with --dataset'
        )
    return found.pop()


def _streams(items: Sequence[_Item], joining: Joining, one: bool) -> list[_Stream]:
    """Sort what was read into bags: recordings on their own, clips by person."""
    groups: dict[str, list[Clip]] = {}
    for item in items:
        person = _file_name(item.clip.subject or CLIPS)
        name = '' if one else item.name if item.clip.annotations else person
        groups.setdefault(name, []).append(item.clip)
    return [
        _Stream(
            name,
            tuple(dict.fromkeys(clip.subject for clip in clips)),
            join_clips(_by_person(clips), joining),
        )
        for name, clips in groups.items()
    ]


def _by_person(clips: Iterable[Clip]) -> list[Clip]:
    """Return clips person by person, those in the order in which they first come."""
    people: dict[str, list[Clip]] = {}
    for clip in clips:
        people.setdefault(clip.subject, []).append(clip)
    return [clip for own in people.values() for clip in own]


def _file_name(text: str) -> str:
    return re.sub(r'[^\w.-]+', '_', text).strip('.') or CLIPS


def _counted(scenes: Iterable[Scene], bar: Any) -> Iterator[Scene]:
    for scene in scenes:
        bar.update()
        yield scene


def _table(written: Sequence[dict[str, Any]]) -> str:
    lines = [
        f'{entry["bag"]}: {entry["duration_s"]:.1f} s, {entry["scenes"]} scenes, '
        f'{entry["actions"]} actions of {", ".join(entry["subjects"]) or "nobody named"}'
        for entry in written
    ]
    return '\n'.join(lines)
