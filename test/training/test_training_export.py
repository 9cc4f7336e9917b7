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
from training.recipes import SYSTEMS, recipe_for
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


def given(command: str) -> Recipe:
    """Read the recipe that a command of training.train means."""
    options = export.argparse.ArgumentParser()
    add_recipe_options(options)
    options.add_argument('--seed', type=int)
    program, _, words = command.partition(' -m training.train ')
    assert program in ('python', 'torchrun --nproc-per-node 4')
    found = options.parse_args(shlex.split(words))
    return replace(chosen_recipe(found), seed=found.seed)


@pytest.mark.parametrize('system', SYSTEMS)
def test_command_of_any_recipe_gives_it_again_with_its_name(system: str) -> None:
    variants = SYSTEMS[system].variants
    rows = [(protocol, '', False) for protocol in (*PROTOCOLS, 'florence3d-loao/3')]
    rows += [('utd-closed', '', True), ('utd-15', '', True)]
    rows += [(protocol, name, False) for name in variants for protocol in variants[name].protocols]

    for protocol, variant, alone in dict.fromkeys(rows):
        recipe = recipe_for(protocol, system, variant, alone=alone, seed=3)
        command = command_of(recipe)
        assert given(command) == recipe
        assert '--set' not in command


def test_command_has_what_was_set_and_who_trained_together() -> None:
    plain = recipe_for('utd-15', 'skeleton-dml', alone=True)
    recipe = override(plain, ['optimizer.steps=7', "data.train=('utd-mhad', 'my clips')"])

    command = command_of(recipe, processes=4)

    assert given(command) == recipe
    assert command == (
        'torchrun --nproc-per-node 4 -m training.train utd-15 --system skeleton-dml --alone --set '
        """'data.train=('"'"'utd-mhad'"'"', '"'"'my clips'"'"')' --set optimizer.steps=7 --seed 0"""
    )


def test_ablation_has_the_command_that_gives_it_its_name(tmp_path: Path) -> None:
    plain = recipe_for('lodo-utkinect', seed=2)
    recipe = replace(override(plain, ['loss.tokens=0.0']), name=f'ablation-no-tokens-{plain.name}')

    assert command_of(recipe) == (
        'python -m training.run lodo-utkinect --system encoder --set loss.tokens=0.0 '
        '--ablation no-tokens --seeds 2'
    )


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


def test_unfinished_ablation_goes_on_by_the_command_that_began_it(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'checkpoint.pt'
    recipe = replace(tiny_recipe(steps=6), name='ablation-x-default')
    with Trainer(recipe, lifting_samples()) as trainer:
        trainer.save(path)

    with pytest.raises(SystemExit):
        main([str(path), '--results', str(results), '--out', str(tmp_path / 'made')])

    error = capsys.readouterr().err
    assert error.endswith('go on by the command that began it and --resume\n')


def test_folder_that_is_no_bundle_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'notes.txt').write_text('x')

    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / 'none.pt'), '--out', str(tmp_path)])

    assert ended.value.code == 1
    assert f'{tmp_path} must be a bundle, which is replaced' in capsys.readouterr().err


def test_every_data_set_of_a_protocol_has_its_terms() -> None:
    for protocol in PROTOCOLS.values():
        assert set(protocol.datasets) <= set(TERMS)
