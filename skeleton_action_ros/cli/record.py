"""`skeleton-action record`: any source, as it comes, into a rosbag2."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from tqdm import tqdm

from skeleton_action_ros.adapters.bags import STORAGES, write_bag
from skeleton_action_ros.core.acquisition import DeviceState
from skeleton_action_ros.core.config import build, parameters_of
from skeleton_action_ros.core.errors import BagError, ConfigError, OutOfOrderError
from skeleton_action_ros.core.reconnecting import ReconnectingSource
from skeleton_action_ros.core.refusals import Refusals, refused_by
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene
from skeleton_action_ros.core.source import SkeletonSource
from skeleton_action_ros.nodes.configuration import SOURCES, SkeletonSourceParameters
from skeleton_action_ros.nodes.readers import READERS

_NODE = 'skeleton_source'
_WATCH_PERIOD_S = 0.2
_GRACE_S = 5.0
_FIRST_WITHIN_S = 60.0
_SCENES_A_LOOK = 30
_MB = 1_000_000
_EPILOG = """ It ends with the source, after --duration, or on Ctrl-C, and keeps what came until
then; when the disk gets full too, with exit code 1. Files are read as fast as they can be, with
their own stamps; a device that is lost is opened again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.epilog = _EPILOG
    parser.add_argument('--source', required=True, choices=SOURCES, help='see: sources')
    parser.add_argument('--path', default='', help='what the source reads')
    parser.add_argument('--out', type=Path, required=True, help='the bag, a folder that is not yet')
    parser.add_argument(
        '--duration',
        type=float,
        default=0.0,
        help='seconds, by the stamps; 0: without end',
    )
    parser.add_argument(
        '--storage', choices=list(STORAGES), default='mcap', help='rosbag2 storage (default: mcap)'
    )
    parser.add_argument(
        '--min-free-mb',
        type=float,
        default=500.0,
        help='end when less than this is free on the disk (default: 500)',
    )
    parser.add_argument(
        '--config', type=Path, help=f'ROS parameter file: what it says of {_NODE} is taken'
    )
    parser.add_argument(
        '--set',
        nargs='+',
        default=[],
        metavar='NAME=VALUE',
        help=f'parameters of {_NODE}, such as simulation.persons=2 input_topic=/robot/skeletons',
    )
    parser.add_argument('--namespace', default='', help='ROS namespace of a topic that is relative')
    parser.add_argument('--json', action='store_true', help='print what was written as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Record, and say what came; 1 where the disk got full."""
    out: Path = arguments.out
    if arguments.duration < 0.0:
        raise ConfigError(f'--duration must be from 0, got {arguments.duration:g}')
    parameters = parameters_from(arguments)
    recording = Recording(
        open_source(parameters, arguments.namespace),
        arguments.duration,
        lambda: free_mb(out),
        arguments.min_free_mb,
    )
    recording.check_disk(out)
    bar = tqdm(total=None, desc='record', unit=' scenes', disable=None, file=sys.stderr)
    with bar, _ending(recording), _watching(recording, arguments.duration):
        try:
            contents = write_bag(
                out,
                recording.scenes(bar),
                storage=arguments.storage,
                frame_id=parameters.frame_id,
            )
        except OSError as error:
            raise BagError(f'{out} cannot be written: {error}') from error
    size_mb = sum(file.stat().st_size for file in out.rglob('*') if file.is_file()) / _MB
    written = {
        'bag': str(out),
        'scenes': contents.scenes,
        'actions': contents.spans,
        'duration_s': (contents.end_ns - contents.start_ns) / NS_PER_S,
        'persons': len(recording.persons),
        'megabytes': round(size_mb, 3),
        'refused': dict(sorted(recording.refused.items())),
        'why_refused': dict(sorted(recording.why_refused.items())),
        'ended': recording.ended,
    }
    print(json.dumps(written, indent=2) if arguments.json else _line(written))
    if recording.disk_is_full:
        print(f'skeleton-action record: {recording.ended}', file=sys.stderr)
    return 1 if recording.disk_is_full else 0


class Recording:
    """
    One reading of a source, as far as it is to be recorded.

    :param duration_s: by the stamps of the scenes; 0: without end.
    :param free_mb: how much is free on the disk, megabytes.
    :param least_mb: so much must stay free.
    """

    def __init__(
        self,
        source: SkeletonSource,
        duration_s: float,
        free_mb: Callable[[], float],
        least_mb: float,
    ) -> None:
        self.source = source
        self._duration_ns = round(duration_s * NS_PER_S)
        self._free_mb = free_mb
        self._least_mb = least_mb
        self._late = Refusals()
        self.persons: set[int] = set()
        self.begun_s = 0.0
        """When the first scene came, by a clock that does not jump; 0: none has."""
        self.ended = 'the source has ended'
        self.disk_is_full = False

    @property
    def refused(self) -> Counter[str]:
        """What is not in the bag, by reason."""
        return self._late.counts + refused_by(self.source)[0]

    @property
    def why_refused(self) -> dict[str, str]:
        """The last message of each reason that has one."""
        return {**self._late.why, **refused_by(self.source)[1]}

    def check_disk(self, out: Path) -> None:
        """
        Refuse to begin where too little is free.

        :raises BagError: with what is free and what is wanted.
        """
        free = self._free_mb()
        if free < self._least_mb:
            raise BagError(
                f'{out}: {free:.0f} MB are free, at least {self._least_mb:g} are wanted '
                '(--min-free-mb)'
            )

    def end(self, why: str) -> None:
        """End the reading; what came is kept."""
        self.ended = why
        self.source.close()

    def scenes(self, bar: Any) -> Iterator[Scene]:
        """Yield scenes with rising stamps until it is to end."""
        first_ns = last_ns = 0
        count = 0
        for scene in self.source.scenes():
            if scene.stamp_ns <= last_ns:
                self._late.add(
                    OutOfOrderError(f'stamps must rise, got {last_ns} then {scene.stamp_ns} ns')
                )
                continue
            if not first_ns:
                first_ns, self.begun_s = scene.stamp_ns, time.monotonic()
            if self._duration_ns and scene.stamp_ns - first_ns > self._duration_ns:
                self.end('the duration is over')
                return
            last_ns = scene.stamp_ns
            self.persons.update(frame.body_id for frame in scene.skeletons)
            if count % _SCENES_A_LOOK == 0:
                free = self._free_mb()
                bar.set_postfix_str(
                    f'{(last_ns - first_ns) / NS_PER_S:.0f} s, {len(scene.skeletons)} in view, '
                    f'{free / 1000:.1f} GB free'
                )
                if free < self._least_mb:
                    self.disk_is_full = True
                    self.end(f'{free:.0f} MB are free, {self._least_mb:g} are to stay so')
                    return
            count += 1
            bar.update()
            yield scene


def parameters_from(arguments: argparse.Namespace) -> SkeletonSourceParameters:
    """
    Build the parameters of skeleton_source from a parameter file and the command line.

    :raises ConfigError: there is no such parameter, or a value is wrong.
    """
    names = [parameter.name for parameter in parameters_of(SkeletonSourceParameters)]
    values: dict[str, Any] = {}
    if arguments.config is not None:
        values.update(_from_file(arguments.config))
    for item in arguments.set:
        name, equals, value = item.partition('=')
        if not equals:
            raise ConfigError(f'--set wants NAME=VALUE, got {item!r}')
        values[name] = yaml.safe_load(value)
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ConfigError(f'{_NODE} has no parameter {", ".join(unknown)}: see ros2 param list')
    values['source'] = arguments.source
    if arguments.path:
        values['path'] = arguments.path
    return build(SkeletonSourceParameters, values)


def open_source(parameters: SkeletonSourceParameters, namespace: str) -> SkeletonSource:
    """
    Make the source that the parameters name; one that is live outlasts its device.

    :raises SkeletonActionError: it cannot work.
    """
    if parameters.source in READERS and not parameters.input_topic:
        make = partial(READERS[parameters.source], parameters)
        source = make()
        if source.live:
            return ReconnectingSource(source, make, parameters.acquisition, time.monotonic_ns)
        return source
    from skeleton_action_ros.cli.services import require_ros

    require_ros()
    from skeleton_action_ros.nodes.topic_source import TopicSource

    return TopicSource(parameters, namespace)


def free_mb(path: Path) -> float:
    """Return how much is free on the disk of a path that need not be there yet, megabytes."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free / _MB


def _from_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text('utf-8'))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f'{path} is no parameter file: {error}') from error
    values: dict[str, Any] = {}
    for node, section in (content if isinstance(content, dict) else {}).items():
        if str(node).rpartition('/')[2] in (_NODE, '**') and isinstance(section, dict):
            values.update(_dotted(section.get('ros__parameters') or {}))
    return values


def _dotted(section: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Return nested parameters with dotted names."""
    values: dict[str, Any] = {}
    for name, value in section.items():
        nested = isinstance(value, dict)
        values.update(_dotted(value, f'{prefix}{name}.') if nested else {f'{prefix}{name}': value})
    return values


@contextmanager
def _ending(recording: Recording) -> Iterator[None]:
    """End a recording at SIGINT and SIGTERM in the place of breaking it off."""

    def end(number: int, frame: FrameType | None) -> None:
        recording.end(f'it was ended ({signal.Signals(number).name})')

    numbers: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watching(recording: Recording, duration_s: float) -> Iterator[None]:
    """Look after a live source, tell people what becomes of its device, and end it in time."""
    stopped = threading.Event()
    source = recording.source
    begun_s = time.monotonic()

    def watch() -> None:
        told: DeviceState | None = None
        while not stopped.wait(_WATCH_PERIOD_S):
            since_s = recording.begun_s or begun_s + _FIRST_WITHIN_S
            if duration_s and time.monotonic() > since_s + duration_s + _GRACE_S:
                recording.end('the duration is over')
            if isinstance(source, ReconnectingSource):
                source.watch()
                told = _told(source, told)

    thread = threading.Thread(target=watch, name='watch', daemon=True)
    if source.live:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join()


def _told(source: ReconnectingSource, told: DeviceState | None) -> DeviceState:
    """Say what a device does, where that is not what was told last."""
    if source.state is not told:
        failure, shortcoming, _ = source.report()
        why = failure or shortcoming
        line = f'{source.name} is {source.state.value}' + (f': {why}' if why else '')
        tqdm.write(line, file=sys.stderr)
    return source.state


def _line(written: Mapping[str, Any]) -> str:
    line = (
        f'{written["bag"]}: {written["duration_s"]:.1f} s, {written["scenes"]} scenes of '
        f'{written["persons"]} persons, {written["megabytes"]:g} MB; {written["ended"]}'
    )
    for reason, count in written['refused'].items():
        why = written['why_refused'].get(reason)
        line += f'\nnot recorded: {count} x {reason}' + (f', the last: {why}' if why else '')
    return line
