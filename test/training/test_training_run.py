"""One command a protocol, on a few made-up recordings in the raw format of NTU RGB+D."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dataset_files import write_ntu
from training_clips import lifting_samples, tiny_recipe

from training import run
from training.checkpoints import read_state, write_state
from training.encoder import EncoderSystem
from training.evaluate import main as evaluate
from training.run import main
from training.system import Variant
from training.trainer import Trainer

TINY = (
    *('optimizer.steps=2', 'optimizer.validate_steps=1', 'model.token=6', 'model.local=1'),
    *('batch.classes=4', 'batch.clips_per_class=2', 'model.width=16', 'model.dilations=(1, 2)'),
    *('model.embedding=8', 'preprocess.frames=8', 'model.stretches=2'),
)
LEARNED, HELD, NOVEL = (3, 9, 15, 21), (2, 8), (1, 7, 61)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with NTU RGB+D in small, a cache and a place for runs."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(run, 'RUNS', tmp_path / 'runs')
    folder = tmp_path / 'data' / 'ntu'
    folder.mkdir(parents=True)
    for action in (*LEARNED, *HELD, *NOVEL):
        setup = 1 if action <= 60 else 18
        for person in (8, 9, 10):
            name = f'S{setup:03}C003P{person:03}R001A{action:03}.skeleton'
            write_ntu(folder, (('1',),) * (5 + action % 4 + person % 3), name)
    return tmp_path


def command(places: Path, *more: str) -> list[str]:
    settings = [word for setting in TINY for word in ('--set', setting)]
    results = ['--results', str(places / 'results'), '--device', 'cpu']
    return ['ntu120-one-shot-20', *results, *settings, *more]


def read(places: Path) -> dict[str, Any]:
    path = places / 'results' / 'ntu120-one-shot-20-encoder.json'
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_seeds_run_one_by_one_end_in_one_file(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(places, '--seeds', '1')) == 0
    assert main(command(places, '--seeds', '0')) == 0
    found = read(places)

    assert found['seeds'] == [0, 1]
    assert found['system'] == 'encoder'
    assert found['classes'] == len(NOVEL)
    assert found['clips'] == 3 * len(NOVEL)
    assert found['draws'] == 1
    assert set(found['baselines']) == {'raw', 'canonical', 'dtw', 'dtw_hips'}
    assert 0.0 <= found['mean'] <= 1.0
    assert found['data']['learned'] == ['ntu']
    assert found['command'].endswith('--seeds 0 1')
    assert [one['steps'] for one in found['runs']] == [2, 2]
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert shown['seeds'] == [0, 1]

    # What is done is not done again, and a checkpoint tells the same figures by itself.
    before = (places / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0').stat().st_mtime_ns
    assert main(command(places, '--seeds', '0', '1', '--resume')) == 0
    folder = places / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0'
    assert folder.stat().st_mtime_ns == before
    assert read(places) == found
    capsys.readouterr()
    assert evaluate([str(folder / 'checkpoint.pt')]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone['accuracy_mean'] == found['runs'][0]['accuracy_mean']
    assert (
        alone['baselines']['dtw']['accuracy_mean'] == (found['baselines']['dtw']['accuracy_mean'])
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['utd-15'], 'no data set utd-mhad under'),
        (['default'], 'default asks nothing'),
        (['lodo-utkinect', '--alone'], 'lodo-utkinect learns from other data sets'),
        (['utd-15', '--set', 'model.depth=3'], "no setting 'model.depth'"),
        (['utd-15', '--set', 'optimizer.steps=-5'], 'optimizer.steps must be a whole number from'),
        (['utd-15', '--set', 'seed=3'], "'seed' is no setting: name, system, protocol, seed come"),
        (['utd-15', '--device', 'tpu'], '--device must be one of auto, cpu'),
    ],
)
def test_what_cannot_be_run_ends_with_one_line(
    places: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, '--results', str(places / 'results')])

    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert message in error
    assert not (places / 'results').exists()
    assert not (places / 'runs').exists()


def test_checkpoint_of_another_recipe_is_refused(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command(places, '--seeds', '0'))
    (places / 'results' / 'ntu120-one-shot-20-encoder.json').unlink()
    capsys.readouterr()
    for name in ('figures.json', 'checkpoint.pt'):
        path = places / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0' / name

        for more in ([], ['--resume']):
            error = refused(
                capsys, command(places, '--seeds', '0', '--set', 'loss.beta=30.0', *more)
            )

            told = f'{path} is of another recipe: loss.beta is 40.0 there, 30.0 here; --ablation'
            assert told in error
        path.unlink()
    # What another folder of results gets would be in the same place.
    elsewhere = ['--results', str(places / 'elsewhere'), '--set', 'loss.beta=30.0']
    assert main(command(places, '--seeds', '0', *elsewhere)) == 0
    capsys.readouterr()
    again = ['--results', str(places / 'other'), '--set', 'loss.beta=20.0']
    assert 'loss.beta is 30.0 there' in refused(capsys, command(places, '--seeds', '0', *again))


def test_results_of_another_recipe_are_not_replaced(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command(places, '--seeds', '0'))
    checkpoint = places / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0' / 'checkpoint.pt'
    before, weights = read(places), checkpoint.read_bytes()
    capsys.readouterr()

    error = refused(capsys, command(places, '--seeds', '0', '--set', 'loss.beta=30.0'))

    assert 'ntu120-one-shot-20-encoder.json is of another recipe' in error
    assert 'loss.beta is 40.0 there, 30.0 here; --ablation NAME' in error
    assert (read(places), checkpoint.read_bytes()) == (before, weights)
    # The settings that the results were measured with do not stand in their own way.
    assert main(command(places, '--seeds', '1')) == 0
    assert read(places)['seeds'] == [0, 1]


def refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    """Return the one line that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    error = capsys.readouterr().err
    assert (ended.value.code, error.count('\n')) == (1, 1)
    return error


def test_nothing_to_go_on_from_is_told(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(places, '--seeds', '0', '--resume')) == 0

    out = capsys.readouterr().out
    assert out.startswith('ntu120-one-shot-20-encoder: nothing to go on from in ')
    assert out.splitlines()[0].endswith('seed-0')


def test_system_that_names_is_not_trained_for_actions_that_it_cannot_learn(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['ntu120-one-shot-20', '--system', 'recurrent', '--results', str(places / 'results')]

    error = refused(capsys, [*words, '--seeds', '0', '--device', 'cpu'])

    assert 'recurrent names the actions it has learned, and compares no clips' in error
    assert not list(places.glob('runs/**/checkpoint.pt'))


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ('protocol=ntu120-one-shot-40', "'protocol' is no setting"),
        ('loss.beta=30.0', 'loss.beta is 40.0 there, 30.0 here; after training only similarity'),
        ('similarity.tokens=1.5', 'similarity.tokens must be a number from 0.0 to 1.0, got 1.5'),
    ],
)
def test_nothing_but_the_comparison_is_changed_after_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, message: str
) -> None:
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(tmp_path / 'checkpoint.pt')

    with pytest.raises(SystemExit) as ended:
        evaluate([str(tmp_path / 'checkpoint.pt'), '--set', setting])

    error = capsys.readouterr().err
    assert (ended.value.code, error.count('\n')) == (1, 1)
    assert message in error


def test_results_that_cannot_be_written_are_told_before_anything_is_done(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (places / 'results').write_text('a file')

    error = refused(capsys, command(places, '--seeds', '0'))

    assert f'{places / "results"} must be a folder that can be written' in error
    assert not (places / 'runs').exists()
    assert not (places / 'cache').exists()


def test_weights_can_be_measured_under_another_comparison(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ['--weights-of', 'ntu120-one-shot-20-encoder', '--seeds', '0']
    main(command(places, '--seeds', '0'))
    again = ['--ablation', 'whole', '--set', 'similarity.tokens=0.0']

    assert main(command(places, *base, *again)) == 0

    path = places / 'results' / 'ablation-whole-ntu120-one-shot-20-encoder.json'
    found = json.loads(path.read_text())
    assert found['recipe']['similarity']['tokens'] == 0.0
    assert found['runs'][0]['steps'] == 2
    assert '--weights-of ntu120-one-shot-20-encoder' in found['command']
    folder = places / 'runs' / found['name'] / 'seed-0'
    assert [file.name for file in folder.iterdir()] == ['figures.json']
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(command(places, *base, '--ablation', 'beta', '--set', 'loss.beta=30.0'))
    told = 'is of another recipe: loss.beta is 40.0 there, 30.0 here; after training only'
    assert told in capsys.readouterr().err

    # Without a name of their own they would take the place of what they are made of.
    error = refused(capsys, command(places, *base, '--set', 'similarity.tokens=0.0'))
    assert 'is of another recipe: similarity.tokens is 0.8 there, 0.0 here; --ablation' in error
    checkpoint = places / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0' / 'checkpoint.pt'
    write_state(checkpoint, {**read_state(checkpoint), 'step': 1, 'processes': 2})
    error = refused(capsys, command(places, *base, '--ablation', 'half'))
    assert f'{checkpoint} is at step 1 of 2, expected a finished run' in error
    # It tells what it is worth all the same, and that it is not all.
    assert evaluate([str(checkpoint)]) == 0
    out, error = capsys.readouterr()
    assert (json.loads(out)['step'], json.loads(out)['finished']) == (1, False)
    assert error == (
        f'python -m training.evaluate: {checkpoint} is at step 1 of 2: training has not ended\n'
    )
    (checkpoint.parent / 'figures.json').unlink()
    error = refused(capsys, command(places, '--seeds', '0', '--resume'))
    assert 'is a checkpoint of 2 processes that train together, expected 1: go on by' in error
    # Who trained it together have come to its end: it can be measured by one.
    write_state(checkpoint, {**read_state(checkpoint), 'step': 2})
    assert main(command(places, '--seeds', '0', '--resume')) == 0
    assert read(places)['runs'][0]['processes'] == 2


def test_several_processes_train_and_do_not_measure(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('WORLD_SIZE', '2')

    error = refused(capsys, command(places))

    assert 'expected one process, got WORLD_SIZE=2: several train by torchrun -m' in error
    assert not (places / 'runs').exists()


@pytest.mark.parametrize('name', ['a/b', '../x', 'A', 'two words', ''])
def test_name_of_an_ablation_is_one_word(
    places: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command(places, '--ablation', name))

    assert ended.value.code == 2
    assert f"digits, '.' and '-', got {name!r}" in capsys.readouterr().err


def test_seeds_that_were_measured_elsewhere_are_not_lost(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = places / 'results' / 'ntu120-one-shot-20-encoder.json'
    main(command(places, '--seeds', '0', '1'))
    before = read(places)
    (places / 'runs').rename(places / 'runs of another machine')
    capsys.readouterr()

    assert main(command(places, '--seeds', '7')) == 0

    out, error = capsys.readouterr()
    assert read(places) == before
    assert error.endswith(
        f'{path} stays as it is, or it would lose seeds measured elsewhere: run also '
        '--seeds 0 1, or name another folder by --results\n'
    )
    assert json.loads(out.splitlines()[-1])['seeds'] == [7]
    assert main(command(places, '--seeds', '0', '1')) == 0
    assert read(places)['seeds'] == [0, 1, 7]


def test_row_of_a_table_has_a_results_file_with_the_figure_of_its_paper(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Variant('beta of 30', ('loss.beta=30.0',), 'Table 9', {'ntu120-one-shot-20': 12.5})
    monkeypatch.setattr(EncoderSystem, 'variants', {'thirty': row})
    monkeypatch.setattr(EncoderSystem, 'paper', 'Somebody, 2020')

    assert main(command(places, '--variant', 'thirty', '--seeds', '0')) == 0

    path = places / 'results' / 'ntu120-one-shot-20-encoder-thirty.json'
    found = json.loads(path.read_text())
    assert (found['paper'], found['table'], found['about']) == (
        'Somebody, 2020',
        'Table 9',
        'beta of 30',
    )
    assert (found['variant'], found['published']) == ('thirty', 12.5)
    assert found['recipe']['loss']['beta'] == 30.0
    assert '--system encoder --variant thirty --set' in found['command']
    assert found['settings'][0] == 'loss.beta=30.0'
