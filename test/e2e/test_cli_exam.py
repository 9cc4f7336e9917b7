"""`skeleton-action exam` from a folder of simulated clips to its figures, page and refusals."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import motion_bundle, with_int8
from dataset_files import write_florence

from skeleton_action_ros.adapters.clips import load_clip, save_clip
from skeleton_action_ros.cli.main import main
from skeleton_action_ros.core.simulation import Sensor, draw_person, simulate_action

ACTIONS = ('wave_right', 'kick_right', 'bow', 'clap')
PEOPLE = ('ann', 'bob', 'cid')
LAYOUTS = {'ann': 'k4abt_32', 'bob': 'kinect_v2_25', 'cid': 'mediapipe_33'}
FIGURES = {
    'accuracy_mean',
    'accuracy_std',
    'draws',
    'classes',
    'clips',
    'unknown_auroc',
    'unknown_auroc_std',
    'unknown_fpr_at_95_tpr',
    'unknown_fpr_at_95_tpr_std',
    'per_class',
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return motion_bundle(tmp_path / 'models' / 'moves')


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three persons before three sensors do four actions twice."""
    folder = tmp_path / 'clips'
    for number, person in enumerate(PEOPLE):
        (folder / person).mkdir(parents=True)
        rng = np.random.default_rng((3, number))
        body = draw_person(rng, handedness='right')
        for action in ACTIONS:
            for take in range(2):
                clip = simulate_action(action, body, Sensor(), rng, LAYOUTS[person])
                save_clip(folder / person / f'{action}{take}.npz', replace(clip, subject=person))
    return folder


def exam(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Run the command with --json; return what it prints."""
    assert main(['exam', *map(str, arguments), '--json']) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    """Return the lines on stderr of a command that must fail, without a traceback."""
    assert main(['exam', *map(str, arguments)]) == 1
    output = capsys.readouterr()
    assert output.out == ''
    return output.err.splitlines()


def test_figures_of_the_model_and_of_the_baselines(
    clips: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = exam(capsys, '--clips', clips, '--model', bundle, '--draws', 30)

    assert found.keys() >= FIGURES
    assert found['baselines'].keys() == {'raw', 'canonical', 'dtw', 'dtw_hips'}
    for figures in (found, *found['baselines'].values()):
        assert (figures['draws'], figures['classes'], figures['clips']) == (30, 4, 24)
        assert set(figures['per_class']) == set(ACTIONS)
        assert 0.0 <= figures['unknown_fpr_at_95_tpr'] <= 1.0
    assert found['accuracy_mean'] > 0.6
    assert found['baselines']['dtw']['accuracy_mean'] > 0.6
    assert found['baselines']['dtw']['unknown_auroc'] > 0.6
    card = json.loads((bundle / 'card.json').read_text())
    assert (found['model'], found['model_sha256']) == ('moves', card['sha256'])
    assert found['teachers'] == list(PEOPLE)
    assert (found['skipped'], found['notes'], found['against']) == ([], [], {})


def test_the_command_in_the_figures_gives_the_same_figures(
    clips: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ('--draws', 7, '--seed', 3, '--shots', 2, '--reference-subject', 'bob')
    found = exam(capsys, '--clips', clips, '--model', bundle, *given)
    program, command, *words = shlex.split(found['command'])

    assert (program, command) == ('skeleton-action', 'exam')
    assert exam(capsys, *words) == found
    assert found['teachers'] == ['bob']
    other = exam(capsys, *words, '--shots', 1)
    assert other['accuracy_mean'] != found['accuracy_mean']


def test_int8_model_sits_the_exam_when_asked_to(
    clips: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ('--clips', clips, '--draws', 5, '--model')
    assert (
        'has no int8 model, only fp32' in refused(capsys, *given, bundle, '--precision', 'int8')[-1]
    )

    found = exam(capsys, *given, with_int8(bundle), '--precision', 'int8')

    assert found['model_precision'] == 'int8'
    assert '--precision int8' in found['command']
    plain = exam(capsys, *given, bundle)
    assert plain['model_precision'] == 'fp32'
    assert plain['accuracy_mean'] == found['accuracy_mean']


def test_another_bundle_answers_the_same_questions(
    clips: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = motion_bundle(tmp_path / 'twin')

    found = exam(capsys, '--clips', clips, '--model', bundle, '--draws', 5, '--against', twin)

    assert found['against'] == {str(twin): {name: found[name] for name in FIGURES}}


def test_figures_and_page_are_written(
    clips: Path,
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    browser_dom: Callable[[Path], str],
) -> None:
    out, page = tmp_path / 'results' / 'exam.json', tmp_path / 'pages' / 'exam.html'
    files = ('--out', out, '--html', page)

    assert (
        main(['exam', *map(str, ('--clips', clips, '--model', bundle, '--draws', 5, *files))]) == 0
    )

    table = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert f'moves      {100 * found["accuracy_mean"]:5.1f} +- ' in table
    assert all(name in table for name in ('raw', 'canonical', 'dtw', *ACTIONS))
    dom = browser_dom(page)
    assert 'Exam of moves' in dom
    assert dom.count('<path class="point ') == 24


def test_files_of_a_data_set_are_examined(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_florence(tmp_path, frames=8, sequences=2)

    # Two persons show one action: read, and refused for that.
    [*_, line] = refused(capsys, '--clips', tmp_path, '--dataset', 'florence3d', '--model', bundle)

    assert 'got 2 persons (s1, s2) and 1 action (wave)' in line


def test_bad_files_are_named_and_the_others_examined(
    clips: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = clips / 'ann' / 'bow0.npz'
    clip = load_clip(first)
    save_clip(first, clip.between(int(clip.stamps_ns[0]), int(clip.stamps_ns[1])))
    (clips / 'bob' / 'bow1.npz').write_bytes(b'PK broken')

    found = exam(capsys, '--clips', clips, '--model', bundle, '--draws', 5)

    assert found['clips'] == 22
    assert [item['file'] for item in found['skipped']] == ['ann/bow0.npz', 'bob/bow1.npz']
    assert found['skipped'][0]['reason'] == 'has 2 frames, fewer than 5'


def test_problems_are_told_on_stderr(
    clips: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for take in range(2):
        (clips / 'bob' / f'clap{take}.npz').unlink()
    (clips / 'cid' / 'bow0.npz').write_bytes(b'')
    arrays = dict(np.load(clips / 'cid' / 'bow1.npz'))
    arrays['joints_m'][10, 0] = np.nan
    np.savez(clips / 'cid' / 'bow1.npz', **arrays)
    who = ('--reference-subject', 'bob')

    arguments = ('--clips', clips, '--model', bundle, '--draws', 3, *who)
    assert main(['exam', *map(str, arguments)]) == 0

    errors = capsys.readouterr().err
    assert 'skipped cid/bow0.npz: expected a readable npz archive' in errors
    assert 'clap: left out, too few clips of bob (1 wanted)' in errors
    assert 'masked joints that are not seen, or no numbers, in 1 clips: cid/bow1.npz\n' in errors


def test_an_empty_or_missing_folder_is_refused(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'empty').mkdir()
    for name, reason in (('empty', 'found none'), ('missing', 'found nothing there')):
        [line] = refused(capsys, '--clips', tmp_path / name, '--model', bundle)
        assert name in line
        assert reason in line


def test_one_person_or_one_action_or_no_usable_clip_is_refused(
    clips: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [*_, line] = refused(capsys, '--clips', clips / 'ann', '--model', bundle)
    assert f'{clips / "ann"}: an exam needs clips of two persons' in line
    assert 'got 1 person (ann) and 4 actions' in line

    same = tmp_path / 'same'
    same.mkdir()
    for person in PEOPLE:
        save_clip(same / f'{person}.npz', load_clip(clips / person / 'bow0.npz'))
    [*_, line] = refused(capsys, '--clips', same, '--model', bundle)
    assert 'got 3 persons (ann, bob, cid) and 1 action (bow)' in line

    bad = tmp_path / 'bad'
    bad.mkdir()
    (bad / 'a.npz').write_bytes(b'')
    first, last = refused(capsys, '--clips', bad, '--model', bundle)
    assert first.startswith('skipped a.npz: ')
    assert last.endswith('none of 1 clips can be used')


def test_a_place_that_cannot_be_written_is_refused(
    clips: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'file').write_text('')
    arguments = ('--clips', clips, '--model', bundle, '--draws', 2)

    for option in ('--out', '--html'):
        [*_, line] = refused(capsys, *arguments, option, tmp_path / 'file' / 'x')
        assert 'skeleton-action exam: cannot write' in line


@pytest.mark.parametrize('arguments', ['--draws 0', '--shots 0', '--seed -1', '--draws many'])
def test_numbers_out_of_range_are_refused(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['exam', '--clips', '.', *arguments.split()])

    assert caught.value.code == 2
    assert 'must be a whole number from' in capsys.readouterr().err
