"""`sources` and `record` as people call them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from people import standing

from skeleton_action_ros.adapters.bags import read_scenes, read_spans
from skeleton_action_ros.cli import record
from skeleton_action_ros.cli.main import main
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame


def called(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def scene(stamp_s: float) -> Scene:
    stamp_ns = round(stamp_s * NS_PER_S)
    frame = SkeletonFrame(stamp_ns, 4, 'common_15', standing(), np.ones(15, np.float32))
    return Scene(stamp_ns, (frame,))


class Device:
    live = True
    name = 'camera 7'

    def __init__(self, scenes: list[Scene], then: str = 'block') -> None:
        self._scenes = scenes
        self._then = then
        self._closed = threading.Event()

    def scenes(self) -> Iterator[Scene]:
        yield from self._scenes
        if self._then == 'fail':
            raise SourceError('the cable is out')
        self._closed.wait(30.0)

    def close(self) -> None:
        self._closed.set()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have `simulated` be devices made for the test, one after the other."""

    def make(*devices: Device) -> None:
        rest = iter(devices)
        monkeypatch.setitem(record.READERS, 'simulated', lambda _: next(rest))

    return make


def test_a_source_is_recorded_with_its_truth_until_it_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'bag'
    settings = ['simulation.duration_s=8', 'simulation.persons=2', 'simulation.dropped_share=0']
    code = called('record', '--source', 'simulated', '--out', out, '--json', '--set', *settings)
    written = json.loads(capsys.readouterr().out)
    assert code == 0
    scenes = list(read_scenes(out))
    assert written['scenes'] == len(scenes)
    assert 200 <= len(scenes) <= 241
    assert (written['persons'], written['ended']) == (2, 'the source has ended')
    assert written['actions'] == len(read_spans(out)) > 0
    assert written['megabytes'] > 0.1


def test_it_ends_after_the_duration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'bag'
    assert called('record', '--source', 'simulated', '--duration', 2, '--out', out) == 0
    assert 'the duration is over' in capsys.readouterr().out
    stamps = [scene.stamp_ns for scene in read_scenes(out)]
    assert 1.8 <= (stamps[-1] - stamps[0]) / NS_PER_S <= 2.0


def test_a_bag_can_be_recorded_from_a_bag(tmp_path: Path) -> None:
    first, second = tmp_path / 'first', tmp_path / 'second'
    called('record', '--source', 'simulated', '--duration', 1, '--out', first)
    code = called(
        'record', '--source', 'bag', '--path', first, '--out', second, '--storage', 'sqlite3'
    )
    assert code == 0
    ours, theirs = list(read_scenes(first)), list(read_scenes(second))
    assert [one.stamp_ns for one in ours] == [one.stamp_ns for one in theirs]


def test_a_lost_device_is_waited_for(
    tmp_path: Path, device: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    device(Device([scene(1), scene(1.5)], 'fail'), Device([scene(2), scene(9)]))
    out = tmp_path / 'bag'
    assert called('record', '--source', 'simulated', '--duration', 3, '--out', out) == 0
    assert [one.stamp_ns / NS_PER_S for one in read_scenes(out)] == [1, 1.5, 2]
    assert 'camera 7 is lost: the cable is out; tried 1 times' in capsys.readouterr().err


def test_a_device_that_falls_silent_does_not_hold_up_the_end(
    tmp_path: Path, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, '_GRACE_S', 0.2)
    device(Device([scene(1)]))
    out = tmp_path / 'bag'
    assert called('record', '--source', 'simulated', '--duration', 0.3, '--out', out) == 0
    assert len(list(read_scenes(out))) == 1


def test_scenes_that_come_out_of_order_are_counted(
    tmp_path: Path, device: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    device(Device([scene(2), scene(1), scene(2), scene(2.1), scene(9)]))
    out = tmp_path / 'bag'
    assert called('record', '--source', 'simulated', '--duration', 3, '--out', out) == 0
    assert len(list(read_scenes(out))) == 2
    told = capsys.readouterr().out
    assert 'not recorded: 2 x out_of_order, the last: stamps must rise, got 2' in told


def test_a_disk_that_gets_full_ends_it_and_keeps_what_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = iter([900.0, 800.0, 700.0, 400.0])
    monkeypatch.setattr(record, 'free_mb', lambda _: next(free))
    out = tmp_path / 'bag'
    assert called('record', '--source', 'simulated', '--out', out) == 1
    assert len(list(read_scenes(out))) == 2 * record._SCENES_A_LOOK
    assert '400 MB are free, 500 are to stay so' in capsys.readouterr().err


def test_a_disk_that_is_full_is_told_before_anything_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'deep' / 'bag'
    assert called('record', '--source', 'simulated', '--out', out, '--min-free-mb', 1e12) == 1
    assert 'at least 1e+12 are wanted' in capsys.readouterr().err
    assert not out.parent.exists()


def test_a_parameter_file_counts_and_the_command_line_beats_it(tmp_path: Path) -> None:
    file = tmp_path / 'parameters.yaml'
    file.write_text(
        '/**/skeleton_source:\n  ros__parameters:\n    frame_id: theirs\n    simulation:\n'
        '      persons: 3\n      noise_m: 0.0\n/**/other:\n  ros__parameters:\n    nonsense: 1\n'
    )
    out = tmp_path / 'bag'
    code = called(
        'record', '--source', 'simulated', '--duration', 1, '--out', out, '--config', file,
        '--set', 'simulation.persons=2',
    )  # fmt: skip
    assert code == 0
    assert {len(one.skeletons) for one in read_scenes(out)} == {2}


@pytest.mark.parametrize(
    ('arguments', 'why'),
    [
        (['--source', 'simulated', '--set', 'nonsense=1'], 'has no parameter nonsense'),
        (['--source', 'simulated', '--set', 'nonsense'], "wants NAME=VALUE, got 'nonsense'"),
        (['--source', 'simulated', '--set', 'rate=1000'], 'rate must be from 0.01 to 100.0'),
        (['--source', 'simulated', '--duration', '-1'], '--duration must be from 0, got -1'),
        (['--source', 'clips'], "source 'clips' needs the parameter path"),
        (['--source', 'bag', '--path', '/nowhere'], '/nowhere'),
        (['--source', 'simulated', '--config', '/nowhere.yaml'], '/nowhere.yaml'),
    ],
)
def test_what_cannot_be_recorded_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert called('record', '--out', tmp_path / 'bag', *arguments) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert why in line


def test_sources_are_listed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert called('sources') == 0
    assert 'simulated     yes  simulated persons' in capsys.readouterr().out
    assert called('sources', '--json') == 0
    entries = {entry['source']: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries['simulated']['usable'] is True
    assert entries['bag']['usable'] is True, 'this test has rosbags'
    assert set(entries['rgb']) == {
        'source', 'usable', 'what', 'devices', 'why', 'remedy', 'note',
    }  # fmt: skip
