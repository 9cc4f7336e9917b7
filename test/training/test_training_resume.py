"""What is there is gone on from, and what is done is left alone, where it is of the same data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dataset_files import write_ntu
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_clips import lifting_samples, tiny_recipe

from training import run, train
from training.checkpoints import read_state
from training.data import Sample
from training.trainer import Trainer

TINY = (
    *('optimizer.steps=2', 'optimizer.validate_steps=1', 'model.token=6', 'model.local=1'),
    *('batch.classes=4', 'batch.clips_per_class=2', 'model.width=16', 'model.dilations=(1, 2)'),
    *('model.embedding=8', 'preprocess.frames=8', 'model.stretches=2'),
)


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """What is learned from, whatever a recipe names."""
    made = lifting_samples()
    monkeypatch.setattr(train, 'load_samples', lambda *names, **more: made)
    return made


class KilledError(Exception):
    """Nothing more is done."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = Trainer.advance

    def advance_or_end(self: Trainer) -> float:
        if self.step == step:
            raise KilledError
        return advance(self)

    monkeypatch.setattr(Trainer, 'advance', advance_or_end)


def test_curves_of_a_run_that_goes_on_have_every_step_once(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(steps=4)  # the checkpoint is of step 2
    with monkeypatch.context() as until_killed:
        killed_at(3, until_killed)
        with pytest.raises(KilledError):
            train.train(recipe, tmp_path, tensorboard=True)

    train.train(recipe, tmp_path, resume=True, tensorboard=True)

    drawn = EventAccumulator(str(tmp_path / 'curves')).Reload()
    assert [event.step for event in drawn.Scalars('loss')] == [1, 2, 3, 4]
    assert [event.step for event in drawn.Scalars('validation_accuracy')] == [2, 4]


def test_nothing_is_written_where_nothing_is_left_to_do(
    samples: list[Sample], tmp_path: Path
) -> None:
    recipe = tiny_recipe(steps=2)
    train.train(recipe, tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    times = {path: path.stat().st_mtime_ns for path in files}
    assert {path.name for path in files} == {'checkpoint.pt', 'history.json'}

    train.train(recipe, tmp_path, resume=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times

    # Killed between the two files: the second one is made up for.
    (tmp_path / 'history.json').unlink()
    train.train(recipe, tmp_path, resume=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_what_was_measured_on_other_data_is_not_taken_for_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(run, 'RUNS', tmp_path / 'runs')
    folder = tmp_path / 'data' / 'ntu'
    folder.mkdir(parents=True)
    for action in (3, 9, 15, 21, 1, 7):
        for person in (8, 9):
            name = f'S001C003P{person:03}R001A{action:03}.skeleton'
            write_ntu(folder, (('1',),) * (5 + action % 4 + person % 3), name)
    words = ['ntu120-one-shot-20', '--results', str(tmp_path / 'results'), '--seeds', '0']
    words += ['--device', 'cpu', *(word for setting in TINY for word in ('--set', setting))]
    seed = tmp_path / 'runs' / 'ntu120-one-shot-20-encoder' / 'seed-0'
    path = seed / 'figures.json'
    assert run.main(words) == 0

    # Asked about other clips than were: what was trained holds, and is asked anew.
    entry = json.loads(path.read_text())
    asked = entry['data']['asked_fingerprint']
    entry['data']['asked_fingerprint'] = 'of other clips'
    path.write_text(json.dumps(entry))
    trained = (seed / 'checkpoint.pt').stat().st_mtime_ns
    assert run.main([*words, '--resume']) == 0
    assert json.loads(path.read_text())['data']['asked_fingerprint'] == asked
    assert (seed / 'checkpoint.pt').stat().st_mtime_ns == trained
    capsys.readouterr()

    # Learned from other clips than are there now: there is nothing to go on from.
    write_ntu(folder, (('1',),) * 9, 'S001C003P010R001A003.skeleton')
    with pytest.raises(SystemExit) as ended:
        run.main([*words, '--resume'])
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'is a checkpoint of other data' in error
    assert read_state(seed / 'checkpoint.pt')['data'] == entry['data']['fingerprint']
