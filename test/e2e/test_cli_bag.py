"""`skeleton-action bag` from what it is given to what is in the bags."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import write_florence, write_msr, write_ntu, write_utkinect

from skeleton_action_ros.adapters.bags import read_scenes, read_spans
from skeleton_action_ros.adapters.clips import save_clip
from skeleton_action_ros.cli.main import main
from skeleton_action_ros.core.skeleton import ActionSpan, Clip

SECOND = 1_000_000_000


def clip(label: str, subject: str, annotations: tuple[ActionSpan, ...] = ()) -> Clip:
    return Clip(
        joints_m=np.full((11, 15, 3), 1.0, np.float32),
        confidence=np.ones((11, 15), np.float32),
        stamps_ns=np.arange(11, dtype=np.int64) * SECOND // 10,
        layout='common_15',
        label=label,
        subject=subject,
        annotations=annotations,
    )


def made(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """Run the command with --json; return what it says it has written."""
    assert main(['bag', *map(str, arguments), '--json']) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(['bag', *map(str, arguments)]) == 1
    [line] = capsys.readouterr().err.splitlines()[-1:]
    return line


def labels(bag: Path) -> list[str]:
    return [span.label for span in read_spans(bag)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of Ann and Bob, and a recording of Ann."""
    place = tmp_path / 'clips'
    (place / 'day 1').mkdir(parents=True)
    save_clip(place / '1.npz', clip('wave', 'Ann'))
    save_clip(place / '2.npz', clip('clap', 'Bob'))
    save_clip(place / '3.npz', clip('kick', 'Ann'))
    spans = (ActionSpan('bow', 0, SECOND // 2), ActionSpan('jump', SECOND // 2, SECOND))
    save_clip(place / 'day 1' / 'long.npz', clip('', 'Ann', spans))
    return place


def test_a_folder_gives_a_bag_a_person_and_a_bag_a_recording(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'bags'
    written = made(capsys, '--from', folder, '--out', out)
    assert [Path(entry['bag']).name for entry in written] == ['Ann', 'Bob', 'day_1_long']
    assert [entry['actions'] for entry in written] == [2, 1, 2]
    assert [entry['subjects'] for entry in written] == [['Ann'], ['Bob'], ['Ann']]
    assert labels(out / 'Ann') == ['wave', 'kick']
    assert labels(out / 'Bob') == ['clap']
    assert read_spans(out / 'day_1_long') == [
        ActionSpan('bow', SECOND, 3 * SECOND // 2, 1),
        ActionSpan('jump', 3 * SECOND // 2, 2 * SECOND, 1),
    ]


def test_a_gap_lies_between_two_clips(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [entry] = made(capsys, '--from', folder, '--out', tmp_path / 'bags', '--subject', 'Bob', 'Carl')
    assert entry['duration_s'] == 1.0
    [ann] = made(
        capsys, '--from', folder, '--out', tmp_path / 'ann', '--subject', 'Ann', '--gap-s', '2',
        '--one',
    )  # fmt: skip
    assert ann['duration_s'] == 3 * 1.0 + 2 * 2.0
    nobody = [scene.stamp_ns for scene in read_scenes(tmp_path / 'ann') if not scene.skeletons]
    assert len(nobody) == 2 * 19
    assert nobody[0] == 2 * SECOND + SECOND // 10


def test_blending_keeps_the_person_in_view(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(
        capsys, '--from', folder, '--out', tmp_path / 'ann', '--subject', 'Ann', '--one',
        '--between', 'blend',
    )  # fmt: skip
    assert all(scene.skeletons for scene in read_scenes(tmp_path / 'ann'))


@pytest.mark.parametrize(('storage', 'suffix'), [('mcap', '.mcap'), ('sqlite3', '.db3')])
def test_one_file_gives_one_bag(
    storage: str, suffix: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'bag'
    made(capsys, '--from', folder / '1.npz', '--out', out, '--storage', storage)
    assert {path.suffix for path in out.iterdir()} == {suffix, '.yaml'}
    assert labels(out) == ['wave']


class TestDataSets:
    """The data set is guessed from the names of its files."""

    def test_recordings(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_utkinect(tmp_path)
        [entry] = made(capsys, '--from', tmp_path, '--out', tmp_path / 'bags')
        assert Path(entry['bag']).name == 's01_e01'
        assert labels(tmp_path / 'bags' / 's01_e01') == ['walk', 'sit_down']

    def test_clips(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_msr(tmp_path, name='a01_s02_e03_skeleton3D.txt')
        write_msr(tmp_path, name='a02_s02_e01_skeleton3D.txt')
        [entry] = made(capsys, '--from', tmp_path, '--out', tmp_path / 'bags')
        assert Path(entry['bag']).name == 's2'
        assert labels(tmp_path / 'bags' / 's2') == ['high_arm_wave', 'horizontal_arm_wave']

    def test_one_file_of_many_persons(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = write_florence(tmp_path)
        written = made(capsys, '--from', path, '--out', tmp_path / 'bags')
        assert [Path(entry['bag']).name for entry in written] == ['s1', 's2']
        [all_of_them] = made(capsys, '--from', path, '--out', tmp_path / 'one', '--one')
        assert all_of_them['subjects'] == ['s1', 's2']

    def test_of_several_bodies_the_one_that_moves_most_is_the_person(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Body 9 is in view for longer, so that its raised hand travels further."""
        path = write_ntu(tmp_path, bodies=(('7', '9'), ('7', '9'), ('9',), ('9',)))
        made(capsys, '--from', path, '--out', tmp_path / 'bag')
        scenes = list(read_scenes(tmp_path / 'bag'))
        assert len(scenes) == 4
        assert all(len(scene.skeletons) == 1 for scene in scenes)


def test_the_simulated_person_with_what_it_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [entry] = made(
        capsys, '--from', 'simulated', '--out', tmp_path / 'bag', '--set', 'duration_s=12',
        'actions=bow,jump', 'pause_s=0.5', 'layout=coco_17',
    )  # fmt: skip
    assert entry['duration_s'] == pytest.approx(12, abs=0.3)
    assert set(labels(tmp_path / 'bag')) == {'bow', 'jump'}
    assert next(read_scenes(tmp_path / 'bag')).skeletons[0].layout == 'coco_17'


def test_what_was_written_is_said_in_words(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / 'bag'
    assert main(['bag', '--from', str(folder / '1.npz'), '--out', str(bag)]) == 0
    assert capsys.readouterr().out == f'{bag}: 1.0 s, 11 scenes, 1 actions of Ann\n'


class TestRefusals:
    def test_nothing_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        line = refused(capsys, '--from', tmp_path / 'nowhere', '--out', tmp_path / 'bag')
        assert line.endswith('nowhere: expected a data set or clips, found nothing there')

    def test_nothing_known(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        line = refused(capsys, '--from', tmp_path, '--out', tmp_path / 'bag')
        assert 'found none: say which with --dataset' in line

    def test_two_things_at_once(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_utkinect(folder)
        line = refused(capsys, '--from', folder, '--out', tmp_path / 'bag')
        assert 'found clips and utkinect' in line
        made(capsys, '--from', folder, '--dataset', 'utkinect', '--out', tmp_path / 'bag')

    def test_nobody_of_that_name(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = refused(capsys, '--from', folder, '--out', tmp_path / 'bag', '--subject', 'Carl')
        assert 'expected clips of Carl, found Ann, Bob' in line

    def test_a_bag_that_exists(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / 'bags' / 'Bob').mkdir(parents=True)
        line = refused(capsys, '--from', folder, '--out', tmp_path / 'bags')
        assert 'Bob exists already' in line
        assert [path.name for path in (tmp_path / 'bags').iterdir()] == ['Bob']

    def test_a_malformed_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = write_msr(tmp_path)
        path.write_text(path.read_text() + 'x\n')
        line = refused(capsys, '--from', path, '--out', tmp_path / 'bag')
        assert 'expected 20 lines a frame, got 41 lines in all' in line
        assert not (tmp_path / 'bag').exists()

    @pytest.mark.parametrize(
        ('arguments', 'message'),
        [
            (['--gap-s', '0'], 'gap_s must be above 0'),
            (['--set', 'persons=2'], '--set is for --from simulated'),
        ],
    )
    def test_senseless_values(
        self,
        arguments: list[str],
        message: str,
        folder: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert message in refused(capsys, '--from', folder, '--out', tmp_path / 'bag', *arguments)

    @pytest.mark.parametrize(
        ('value', 'message'),
        [
            ('colour=red', "--set wants NAME=VALUE with one of seed, persons, .* got 'colour=red'"),
            ('persons=many', "persons must be int, got 'many'"),
            ('duration_s=0', 'duration_s must be above 0'),
        ],
    )
    def test_senseless_simulations(
        self, value: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = refused(capsys, '--from', 'simulated', '--out', tmp_path / 'bag', '--set', value)
        assert re.search(message, line)


def test_a_real_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recordings: Path
) -> None:
    source = recordings / 'utkinect' / 'joints' / 'joints_s01_e01.txt'
    made(capsys, '--from', source, '--out', tmp_path / 'bag')
    spans = read_spans(tmp_path / 'bag')
    assert [span.label for span in spans] == [
        'walk', 'sit_down', 'stand_up', 'pick_up', 'carry', 'throw', 'pull', 'push', 'wave_hands',
        'clap_hands',
    ]  # fmt: skip
    # The first line is frame number 190; the walk is annotated from 252 to 390, 60 a second.
    assert spans[0].start_ns == pytest.approx(SECOND + (252 - 190) / 60 * SECOND, abs=2)
    assert spans[0].end_ns == pytest.approx(SECOND + (390 - 190) / 60 * SECOND, abs=2)
