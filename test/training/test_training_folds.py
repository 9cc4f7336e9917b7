"""A protocol in folds: one command trains each, and joins what they answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import FLORENCE_ROWS, rows
from scipy.io import savemat
from training_clips import standing_clip

from skeleton_action_ros.core.errors import SkeletonActionError
from training import run
from training.closed_sets import IN_FOLDS
from training.config import DataConfig, Recipe
from training.data import Sample, load_samples
from training.evaluate import exercise
from training.protocols import protocol_named, split
from training.recipes import recipe_for
from training.results import joined_figures
from training.run import main

FRAMES = 8
LIFTED = {1: (6, 0.4), 2: (12, 0.3)}
"""By the number of an action, which of Florence's joints is lifted how high, in metres."""

TINY = (
    *('optimizer.steps=2', 'optimizer.validate_steps=1', 'model.token=6', 'model.local=1'),
    *('batch.classes=2', 'batch.clips_per_class=2', 'model.width=16', 'model.dilations=(1, 2)'),
    *('model.embedding=8', 'preprocess.frames=8', 'model.stretches=2'),
)


def write_actors(folder: Path) -> None:
    """Ten actors do two actions each, the tenth one of them twice."""
    shown = [(actor, action) for actor in range(1, 11) for action in LIFTED] + [(10, 1)]
    table = np.empty((len(shown), 1), dtype=object)
    for row, (actor, action) in enumerate(shown):
        x_y_z = rows(FLORENCE_ROWS, FRAMES).transpose(2, 1, 0).copy()
        joint, height_m = LIFTED[action]
        x_y_z[1, joint] += height_m * np.linspace(0.0, 1.0, FRAMES) + 0.001 * row
        table[row, 0] = {
            'original_skeletal_data': x_y_z[[0, 2, 1]],
            'time_stamps': np.arange(1, FRAMES + 1, dtype=np.uint8),
            'subject': np.uint8(actor),
            'action': np.uint8(action),
        }
    savemat(folder / 'skeletal_data.mat', {'skeletal_data': table})


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with Florence 3D in small, a cache and a place for runs."""
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(run, 'RUNS', tmp_path / 'runs')
    folder = tmp_path / 'data' / 'florence3d'
    folder.mkdir(parents=True)
    write_actors(folder)
    return tmp_path


def command(places: Path, *more: str) -> list[str]:
    settings = [word for setting in TINY for word in ('--set', setting)]
    where = ['--results', str(places / 'results'), '--device', 'cpu', '--system', 'classifier']
    return ['florence3d-loao', *where, *settings, *more]


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize('fold', ['1', '10'])
def test_actor_asked_about_is_not_learned_from(places: Path, fold: str) -> None:
    samples = load_samples(['florence3d'])
    name = f'florence3d-loao/{fold}'
    everybody = split(recipe_for(name, 'classifier'), samples)
    selecting = split(recipe_for(name, 'skeleton-dml'), samples)

    asked = protocol_named(name).ask
    assert asked is not None
    questions = asked(samples, np.random.default_rng(0))
    (draw, *_) = questions.draws
    assert {samples[place].person for place in draw.queries} == {int(fold)}
    assert {samples[place].person for place in draw.references} == set(range(1, 11)) - {int(fold)}
    assert {one.person for one in everybody.training} == set(range(1, 11)) - {int(fold)}
    assert everybody.validation == []
    kept = {'1': {2, 3}, '10': {1, 2}}[fold]
    assert {one.person for one in selecting.validation} == kept
    assert {one.person for one in selecting.training} == set(range(1, 11)) - kept - {int(fold)}


def test_folds_of_a_seed_are_joined_and_a_broken_run_goes_on(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(places, '--seeds', '0')) == 0
    path = places / 'results' / 'florence3d-loao-classifier.json'
    found = read(path)
    seed = places / 'runs' / 'florence3d-loao-classifier' / 'seed-0'
    parts = {fold: read(seed / f'fold-{fold}' / 'figures.json') for fold in map(str, range(1, 11))}

    right = sum(
        sum(part['queries'].values()) * part['figures']['accuracy_mean'] for part in parts.values()
    )
    assert found['mean'] == pytest.approx(right / 21, abs=1e-4)
    assert found['fold_mean'] == pytest.approx(np.mean(list(found['folds'].values())), abs=1e-4)
    assert found['clips'] == 21
    assert parts['3']['data']['learned'] == ['florence3d']
    assert sum(parts['10']['queries'].values()) == 3

    # Killed within the last fold: what is done stays, and what is left comes out the same.
    (seed / 'figures.json').unlink()
    (seed / 'fold-10' / 'figures.json').unlink()
    (seed / 'fold-10' / 'checkpoint.pt').unlink()
    before = (seed / 'fold-9' / 'checkpoint.pt').stat().st_mtime_ns
    assert main(command(places, '--seeds', '0', '--resume')) == 0
    again = read(path)
    assert (seed / 'fold-9' / 'checkpoint.pt').stat().st_mtime_ns == before
    for one in (found, again):
        del one['minutes'], one['runs'][0]['minutes']
    assert again == found
    assert json.loads(capsys.readouterr().out.splitlines()[-1])['fold_mean'] == found['fold_mean']


def test_each_fold_weighs_as_much_as_it_has_queries() -> None:
    def figures(accuracy: float, **per_class: float) -> dict[str, Any]:
        return {
            'accuracy_mean': accuracy,
            'unknown_auroc': accuracy,
            'unknown_fpr_at_95_tpr': 0.5,
            'classes': 2,
            'per_class': per_class,
        }

    found = joined_figures(
        [figures(1.0, wave=1.0), figures(0.5, wave=0.0, clap=2.0 / 3.0)],
        [{'wave': 2}, {'wave': 1, 'clap': 3}],
    )

    # 2 of 2, then 0 of 1 and 2 of 3.
    assert found['accuracy_mean'] == pytest.approx(4 / 6, abs=1e-4)
    assert found['per_class'] == {'clap': 0.6667, 'wave': 0.6667}


def test_classifier_must_learn_what_it_is_asked(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['--seeds', '0', '--set', 'data.train=("simulated",)']

    with pytest.raises(SystemExit) as ended:
        main(command(places, *words, '--set', 'data.simulated_people=1'))

    error = capsys.readouterr().err
    assert (ended.value.code, error.count('\n')) == (1, 1)
    assert 'is asked to name 2 actions, and learns 2 of them from no clip, such as' in error
    assert 'florence3d/drink_from_a_bottle: data.train is simulated' in error
    assert not (places / 'runs' / 'florence3d-loao-classifier').exists()


def test_whole_protocol_asks_in_parts(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['florence3d-loao/11', '--results', str(places / 'results')])
    assert 'florence3d-loao has folds 1, 2, 3' in capsys.readouterr().err
    with pytest.raises(
        SkeletonActionError, match=r'asks in parts, .*: train by one of florence3d-loao/1,'
    ):
        exercise('florence3d-loao')


@pytest.mark.parametrize('name', ['kth1', 'kth2'])
def test_person_asked_about_in_one_cut_of_kth_is_not_learned_from_in_the_other(name: str) -> None:
    unseen = standing_clip(5)
    samples = [
        Sample(replace(unseen, label=label, subject=f's{person}'), dataset, person=person)
        for dataset in ('kth1', 'kth2', 'simulated')
        for label in ('boxing', 'running')
        for person in range(1, 26)
    ]
    recipe = Recipe('any', protocol=f'{name}/1', data=DataConfig(train=('kth1', 'kth2')))
    asked = {int(one) for one in protocol_named(f'{name}/1').about.rsplit('about ')[1].split(', ')}

    learned = split(recipe, samples).training

    for dataset in ('kth1', 'kth2'):
        persons = {one.person for one in learned if one.dataset == dataset}
        assert persons == set(range(1, 26)) - asked
    assert {one.person for one in learned if one.dataset == 'simulated'} == set(range(1, 26))


def test_kth_draws_are_of_nine_persons_of_twenty_five() -> None:
    for name in ('kth1', 'kth2'):
        assert list(IN_FOLDS[name]) == ['', '1', '2', '3', '4', '5']
        for fold in protocol_named(name).folds:
            about = protocol_named(f'{name}/{fold}').about.rsplit('about ', 1)[1]
            persons = {int(one) for one in about.split(', ')}
            assert len(persons) == 9
            assert persons <= set(range(1, 26))
