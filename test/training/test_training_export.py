"""The card of an exported checkpoint, and the checkpoints that are refused."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_clips import lifting_samples, tiny_recipe

from skeleton_action_ros.adapters.bundle_card import read_card
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from training import export, measure, quantize
from training.checkpoints import load_checkpoint
from training.config import ClassifierRecipe, Recipe
from training.export import TERMS, command_of, main
from training.protocols import PROTOCOLS
from training.recipes import recipe_for
from training.settings import override
from training.train import add_recipe_options, chosen_recipe
from training.trainer import Trainer

RESULTS = {
    'system': 'encoder',
    'protocols': {'utd-15': {'mean': 0.5, 'std': 0.1, 'seeds': [0, 1]}},
    'invariances': {'10 Hz': 0.9},
    'threshold': {'threshold': 0.7, 'true_accept': 0.4},
    'operating_curve': [{'threshold': 0.7}],
    'command': 'python -m training.measure out/checkpoint.pt',
    'machine': 'a machine',
    'measured_at_commit': 'abc',
}
REMOVED = object()


def changed(**parts: Any) -> str:
    """Return results with some parts changed, as JSON."""
    found = {**RESULTS, **parts}
    return json.dumps({key: part for key, part in found.items() if part is not REMOVED})


CLASSES = sorted({sample.clip.label for sample in lifting_samples()})


def saved(recipe: Recipe, path: Path) -> Path:
    """Keep the checkpoint of a run that has come to its end, and has learned nothing."""
    with Trainer(recipe, lifting_samples()) as trainer:
        trainer.step = recipe.optimizer.steps
        trainer.save(path)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    recipe = override(tiny_recipe(), ["data.train=('simulated',)"])
    return saved(recipe, tmp_path / 'checkpoint.pt')


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / 'results.json'
    path.write_text(json.dumps(RESULTS))
    return path


def test_card_says_where_the_model_comes_from(
    checkpoint: Path, results: Path, tmp_path: Path
) -> None:
    status = main([str(checkpoint), '--results', str(results), '--out', str(tmp_path / 'made')])

    assert status == 0
    made = load_bundle(tmp_path / 'made')
    assert (made.kind, made.threshold) == ('embedder', 0.7)
    assert made.similarity == tiny_recipe().similarity
    card = read_card(tmp_path / 'made')
    assert card['training']['data'] == {'simulated': TERMS['simulated']}
    assert card['training']['recipe']['preprocess']['frames'] == 8
    assert len(card['training']['fingerprint']) == 64
    assert card['results']['protocols'] == RESULTS['protocols']
    assert card['results']['threshold'] == RESULTS['threshold']
    assert card['operating_curve'] == RESULTS['operating_curve']
    assert 'unless the label names a side' in ' '.join(card['limits'])
    assert 'Apache-2.0' in card['licence_notes']
    assert 'int8' not in card


def test_command_of_the_card_gives_the_recipe_again(checkpoint: Path) -> None:
    recipe = load_checkpoint(checkpoint).recipe
    program, options, words = 'python -m training.train', export.argparse.ArgumentParser(), []
    add_recipe_options(options)
    options.add_argument('--seed', type=int)

    command = command_of(replace(recipe, seed=4))

    assert command.startswith(program)
    words = shlex.split(command.removeprefix(program))
    given = options.parse_args(words)
    again = replace(chosen_recipe(given), seed=given.seed)
    assert replace(again, name='tiny') == replace(recipe, seed=4)


@pytest.mark.parametrize('alone', [False, True])
def test_command_of_a_plain_recipe_has_no_settings(alone: bool) -> None:
    recipe = recipe_for('utd-15', alone=alone, seed=2)

    found = command_of(recipe)

    where = ' --alone' if alone else ''
    assert found == f'python -m training.train utd-15 --system encoder{where} --seed 2'


def test_int8_is_added_where_it_is_asked_for(
    checkpoint: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, '_PEOPLE', 1)
    judges = {'made': [sample.clip for sample in lifting_samples()]}
    monkeypatch.setattr(export, 'judges_of', lambda recipe: judges)
    out = tmp_path / 'made'

    assert main([str(checkpoint), '--results', str(results), '--out', str(out), '--int8']) == 0

    assert load_bundle(out, precision='int8').precision == 'int8'
    assert read_card(out)['int8']['points_lost'].keys() == {'made'}


def test_classifier_becomes_a_bundle_with_its_labels(tmp_path: Path) -> None:
    tiny = tiny_recipe()
    recipe = ClassifierRecipe(
        'tiny-classifier',
        data=replace(tiny.data, train=('simulated',)),
        preprocess=tiny.preprocess,
        augment=tiny.augment,
        batch=tiny.batch,
        model=tiny.model,
        loss=tiny.loss,
        optimizer=tiny.optimizer,
    )
    checkpoint = saved(recipe, tmp_path / 'checkpoint.pt')
    results = tmp_path / 'results.json'
    plain = {key: RESULTS[key] for key in ('protocols', 'command', 'machine', 'measured_at_commit')}
    results.write_text(json.dumps(plain))

    assert main([str(checkpoint), '--results', str(results), '--out', str(tmp_path / 'made')]) == 0

    made = load_bundle(tmp_path / 'made')
    assert (made.kind, list(made.labels), made.threshold) == ('classifier', CLASSES, 0.5)
    joints, mask = torch.rand(3, 8, 15, 3), torch.ones(3, 8, 15)
    with torch.inference_mode():
        wanted = load_checkpoint(checkpoint).model()(joints, mask).numpy()
    assert made.classify(joints.numpy(), mask.numpy()) == pytest.approx(wanted, abs=1e-5)
    card = read_card(tmp_path / 'made')
    assert 'closed set' in ' '.join(card['limits'])


def test_system_on_other_inputs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_for('utd-15', 'skeleton-dml')
    checkpoint = saved(recipe, tmp_path / 'checkpoint.pt')

    with pytest.raises(SystemExit) as ended:
        main([str(checkpoint), '--out', str(tmp_path / 'made')])

    assert ended.value.code == 1
    assert 'a bundle takes prepared joints' in capsys.readouterr().err
    assert not (tmp_path / 'made').exists()


def test_results_are_made_where_none_are_given(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = {
        'threshold': 0.61,
        'true_accept': 0.5,
        'wrong_name': 0.1,
        'false_accept': 0.05,
        'false_background': 0.05,
    }
    curve = {'name': 'lodo-x-encoder', 'protocol': 'lodo-x', 'operating_curve': [point]}
    monkeypatch.setattr(export, 'read_results', lambda: [curve])
    monkeypatch.setattr(measure, 'invariances', lambda alike: {})

    assert main([str(checkpoint), '--out', str(tmp_path / 'made')]) == 0

    assert load_bundle(tmp_path / 'made').threshold == 0.61


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'No such file'),
        ('{', 'is no JSON: Expecting'),
        ('[]', 'must hold an object, got list'),
        (changed(threshold=REMOVED), 'have no threshold'),
        (changed(threshold=0.7), "to hold a 'threshold' from 0 to 1, got 0.7"),
        (changed(threshold={'threshold': 'x'}), "got {'threshold': 'x'}"),
        (changed(machine=REMOVED), "expected a text 'machine', got None"),
        (changed(command=3), "expected a text 'command', got 3"),
    ],
)
def test_results_that_cannot_be_used_end_with_one_line(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    message: str,
) -> None:
    path = tmp_path / 'results.json'
    if content is not None:
        path.write_text(content)

    with pytest.raises(SystemExit) as ended:
        main([str(checkpoint), '--results', str(path), '--out', str(tmp_path / 'made')])

    error = capsys.readouterr().err
    assert ended.value.code == 1
    assert message in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'made').exists()


def test_folder_of_ones_own_has_terms_that_are_not_known(tmp_path: Path, results: Path) -> None:
    recipe = override(tiny_recipe(), ["data.train=('simulated', 'mine')"])
    checkpoint = saved(recipe, tmp_path / 'checkpoint.pt')

    assert main([str(checkpoint), '--results', str(results), '--out', str(tmp_path / 'made')]) == 0

    terms = read_card(tmp_path / 'made')['training']['data']
    assert terms.keys() == {'simulated', 'mine'}
    assert terms['mine'].startswith('not known:')


def test_unfinished_run_is_not_exported(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'checkpoint.pt'
    with Trainer(tiny_recipe(steps=6), lifting_samples()) as trainer:
        trainer.step = 2
        trainer.save(path)
        words = [str(path), '--results', str(results), '--out', str(tmp_path / 'made')]

        with pytest.raises(SystemExit) as ended:
            main(words)

        error = capsys.readouterr().err
        assert (ended.value.code, error.count('\n')) == (1, 1)
        assert 'is at step 2 of 6, expected a finished run' in error
        assert f'--out {tmp_path} --resume' in error
        assert not (tmp_path / 'made').exists()
        # Who does not get better any more has come to the end as well.
        trainer.stale = trainer.recipe.optimizer.patience
        trainer.save(path)
    assert main(words) == 0


def test_every_data_set_of_a_protocol_has_its_terms() -> None:
    for protocol in PROTOCOLS.values():
        assert set(protocol.datasets) <= set(TERMS)
