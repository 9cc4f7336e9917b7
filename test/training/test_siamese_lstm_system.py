from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_clips import lifting_clip, lifting_samples, tiny_recipe
from training_runs import resumed_as_if_unbroken

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.matching import ClassifierMatcher
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from training.bundle import Promise, write_bundle
from training.checkpoints import load_checkpoint
from training.config import DataConfig, OptimizerConfig
from training.data import Sample
from training.recipes import SYSTEMS, make_system, recipe_for
from training.siamese_lstm.baselines import SequenceBaselineSystem
from training.siamese_lstm.classification import NEVER, Neighbours, SupportVectors
from training.siamese_lstm.network import SiameseLstm
from training.siamese_lstm.recipe import (
    BaselineRecipe,
    ClassificationConfig,
    LstmConfig,
    PairsConfig,
    SiameseRecipe,
)
from training.siamese_lstm.references import reference_places
from training.siamese_lstm.system import SiameseLstmSystem
from training.system import System, classified, load_weights
from training.trainer import Trainer

DATA = DataConfig(train=('made',), validation_stride=0, simulated_people=0)
FRAMES = PreprocessConfig(frames=8)


def optimizer(steps: int) -> OptimizerConfig:
    return OptimizerConfig(
        steps=steps,
        learning_rate=2e-2,
        warm_up_steps=0,
        weight_decay=0.0,
        average=0.5,
        validate_steps=max(steps, 1),
    )


def tiny(steps: int = 4, **changes: object) -> SiameseRecipe:
    """A small network and few steps."""
    recipe = SiameseRecipe(
        'tiny',
        data=DATA,
        preprocess=FRAMES,
        augment=tiny_recipe().augment,
        lstm=LstmConfig(cells=12),
        hidden=(16, 8),
        pairs=PairsConfig(clips_per_class=4),
        optimizer=optimizer(steps),
    )
    return replace(recipe, **changes)  # type: ignore[arg-type]


def baseline(model: str, steps: int = 60) -> BaselineRecipe:
    return BaselineRecipe(
        'tiny',
        data=DATA,
        preprocess=FRAMES,
        augment=tiny_recipe().augment,
        model=model,
        lstm=LstmConfig(cells=12, layers=2),
        clips_per_class=4,
        optimizer=optimizer(0 if model == 'svm' else steps),
    )


def test_both_are_systems_of_the_framework() -> None:
    assert SYSTEMS['siamese-lstm'] is SiameseLstmSystem
    assert SYSTEMS['sequence-baseline'] is SequenceBaselineSystem
    assert isinstance(make_system(tiny()), SiameseLstmSystem)


def test_defaults_are_those_of_florence() -> None:
    recipe = SiameseRecipe('any')

    assert (recipe.lstm.cells, recipe.lstm.layers) == (128, 1)
    assert recipe.hidden == (128, 64)
    assert recipe.pairs.ratio == 0.0


def test_rows_of_the_tables_are_recipes() -> None:
    gtu = recipe_for('utd-cross-subject', 'siamese-lstm', 'gtu')
    pooled = recipe_for('florence3d-loao/3', 'siamese-lstm', 'pooled')
    one = recipe_for('florence3d-loao/3', 'sequence-baseline', 'lstm-1')
    svm = recipe_for('florence3d-loao/3', 'sequence-baseline', 'svm')

    assert isinstance(gtu, SiameseRecipe)
    assert (gtu.lstm.cells, gtu.lstm.layers, gtu.hidden) == (200, 2, (300, 150, 50))
    assert gtu.data.train == ('utd-mhad',)
    assert {'florence3d', 'utd-mhad', 'g3d-clips'} <= set(pooled.data.train)
    assert isinstance(one, BaselineRecipe)
    assert (one.model, one.lstm.layers) == ('lstm', 1)
    assert svm.optimizer.steps == 0
    recorded = recipe_for('florence3d-loao/3', 'siamese-lstm', 'recorded')
    plain = recipe_for('florence3d-loao/3', 'sequence-baseline', 'lstm-1-plain')
    assert isinstance(recorded, SiameseRecipe)
    assert isinstance(plain, BaselineRecipe)
    assert (recorded.prepared, recorded.changed) == (False, False)
    assert (plain.prepared, plain.changed, plain.lstm.layers) == (True, False, 1)
    published = {
        name: variant.published['florence3d-loao']
        for system in (SiameseLstmSystem, SequenceBaselineSystem)
        for name, variant in system.variants.items()
        if variant.published
    }
    assert published == {
        '': 89.51,
        'svm': 23.30,
        'softmax': 61.61,
        'lstm-1': 76.99,
        'lstm-2': 72.32,
    }


@pytest.mark.parametrize('system', ['siamese-lstm', 'sequence-baseline'])
def test_florence_alone_is_learned_from_in_fewer_steps(system: str) -> None:
    steps = {
        protocol: recipe_for(protocol, system).optimizer.steps
        for protocol in ('florence3d-loao', 'florence3d-loao/3', 'utd-cross-subject')
    }
    assert steps == {'florence3d-loao': 250, 'florence3d-loao/3': 250, 'utd-cross-subject': 2000}


@pytest.mark.parametrize('protocol', ['florence3d-loao', 'utd-cross-subject'])
def test_pooled_metric_is_learned_in_as_many_steps_wherever_it_is_asked(protocol: str) -> None:
    assert recipe_for(protocol, 'siamese-lstm', 'pooled').optimizer.steps == 500


def test_one_batch_is_learned_by_heart() -> None:
    torch.manual_seed(0)
    samples = lifting_samples(people=2)
    system = SiameseLstmSystem(tiny())
    network, batch = system.network(['a']), system.batches(samples).at(0)
    steps = torch.optim.Adam(network.parameters(), 0.02)

    losses = []
    for _ in range(120):
        loss = system.loss(network, batch)
        steps.zero_grad()
        loss.backward()
        steps.step()
        losses.append(loss.item())

    # Every seventh pair matches: the entropy of that is where it starts, or above.
    assert losses[0] > 0.35
    assert losses[-1] < 0.05


@pytest.mark.parametrize('method', ['svm', 'knn'])
def test_run_ends_in_a_checkpoint_that_names_other_people(method: str, tmp_path: Path) -> None:
    samples = lifting_samples(people=5)
    learned = [sample for sample in samples if sample.clip.subject != 's4']
    asked = [sample for sample in samples if sample.clip.subject == 's4']
    recipe = tiny(60, classification=ClassificationConfig(method, references=30))
    with Trainer(recipe, learned) as trainer:
        while not trainer.finished:
            trainer.advance()
        trainer.save(tmp_path / 'checkpoint.pt')

    state = load_checkpoint(tmp_path / 'checkpoint.pt')
    system, network = state.system(), state.model()

    assert isinstance(network, SiameseLstm)
    assert network.references.shape == (30, 12)
    logits = classified(system, network, system.inputs(asked))
    named = [state.classes[number] for number in logits.argmax(axis=1)]
    right = [name == sample.action for name, sample in zip(named, asked, strict=True)]
    assert np.mean(right) >= 0.8


def test_data_sets_weigh_the_same_in_the_loss_however_many_pairs_each_has() -> None:
    torch.manual_seed(0)
    here = lifting_samples(2)
    there = [replace(one, dataset='other') for one in here if 'hand' in one.clip.label]
    system = SiameseLstmSystem(tiny())
    network, batch = system.network(['a']).train(), system.batches([*here, *there]).at(0)

    found = system.loss(network, batch).item()

    with torch.no_grad():
        read = network.encoder(torch.from_numpy(batch.joints))
        logits = network.match.pairs(read, torch.from_numpy(batch.pairs)).double()
    first, second = np.exp(logits.numpy()).T
    entropies = -np.log(np.where(batch.match, first, second) / (first + second))
    border = batch.counts[0]
    means = entropies[:border].mean(), entropies[border:].mean()
    assert abs(means[0] - means[1]) > 1e-3
    assert found == pytest.approx((means[0] + means[1]) / 2, abs=1e-5)


def test_metric_is_learned_from_all_data_sets_and_names_from_the_one_that_is_asked_on() -> None:
    torch.manual_seed(0)
    asked_on = [replace(sample, dataset='florence3d') for sample in lifting_samples(2)]
    other = [replace(sample, dataset='a') for sample in lifting_samples(2)]
    system = SiameseLstmSystem(tiny(protocol='florence3d-loao/3'))
    network = system.network([f'class{number}' for number in range(12)]).eval()

    with torch.no_grad():
        system.finish(network, [*other, *asked_on])

    assert len(network.references) == len(asked_on)
    logits = classified(system, network, system.inputs(asked_on))
    np.testing.assert_allclose(logits[:, :6], NEVER, rtol=1e-5)
    assert (logits[:, 6:] > NEVER).all()


def test_nobody_is_named_where_the_data_set_that_is_asked_on_is_not_learned_from() -> None:
    samples = [replace(sample, dataset='a') for sample in lifting_samples(2)]
    system = SiameseLstmSystem(tiny(protocol='lodo-florence3d'))
    network = system.network(['a/x', 'a/y']).eval()

    with torch.no_grad():
        system.finish(network, samples)

    assert len(network.references) == 0
    with pytest.raises(ConfigError, match='before it has sequences to compare with'):
        classified(system, network, system.inputs(samples))


@pytest.mark.parametrize('most', [7, 100])
def test_svm_learns_from_all_sequences_and_from_no_match_with_itself(most: int) -> None:
    torch.manual_seed(0)
    samples = lifting_samples(2)
    recipe = tiny(classification=ClassificationConfig('knn', references=most))
    system = SiameseLstmSystem(recipe)
    network = system.network(sorted({sample.action for sample in samples}))
    network.eval()

    with torch.no_grad():
        system.finish(network, samples)
        read = network.encoder(torch.from_numpy(system.inputs(samples)[0]))

    # KNN keeps what it learns from: a row of matches for every sequence, reference or not.
    assert isinstance(network.classification, Neighbours)
    learned = network.classification.examples.reshape(len(samples), -1, 2)
    places = reference_places(samples, most, np.random.default_rng(0))
    assert learned.shape[1] == len(places) == min(most, len(samples))
    for column, place in enumerate(places):
        of_class = [
            number
            for number, other in enumerate(places)
            if samples[other].action == samples[place].action and other != place
        ]
        for row in range(len(samples)):
            with torch.no_grad():
                asked = network.match.table(read[row : row + 1], read[places]).softmax(2)[0]
            own = row == place and of_class
            wanted = asked[of_class].mean(0) if own else asked[column]
            torch.testing.assert_close(learned[row, column], wanted, atol=1e-5, rtol=1e-4)


def test_match_of_two_sequences_compares_clips_taught_once() -> None:
    torch.manual_seed(0)
    samples = lifting_samples(2)
    system = SiameseLstmSystem(tiny())
    network = system.network(['a', 'b'])
    inputs = system.inputs(samples)
    taught = tuple(array[:3] for array in inputs)

    found = system.distances(network, inputs, taught, ['a', 'b', 'c'])

    network.eval()
    assert found.shape == (3, len(samples))
    with torch.no_grad():
        read = network.encoder(torch.from_numpy(inputs[0]))
        match = network.match.pairs(read, torch.tensor([[7, 2]])).softmax(1)[0, 0]
    assert found[2, 7] == pytest.approx(1.0 - float(match), abs=1e-5)
    with pytest.raises(ConfigError, match='compares pairs of sequences and describes none'):
        system.describe(network, inputs)


@pytest.mark.parametrize('model', ['svm', 'softmax', 'lstm'])
def test_baselines_name_other_people(model: str) -> None:
    samples = lifting_samples(people=5)
    learned = [sample for sample in samples if sample.clip.subject != 's4']
    asked = [sample for sample in samples if sample.clip.subject == 's4']
    with Trainer(baseline(model), learned) as trainer:
        while not trainer.finished:
            trainer.advance()
        if not trainer.history:
            trainer.validate(0.0)
        network = trainer.system.network(trainer.classes)

    load_weights(network, trainer.best_weights)
    logits = classified(trainer.system, network, trainer.system.inputs(asked))
    named = [trainer.classes[number] for number in logits.argmax(axis=1)]
    right = [name == sample.action for name, sample in zip(named, asked, strict=True)]
    assert np.mean(right) >= 0.8


@pytest.mark.parametrize('method', ['svm', 'knn'])
def test_bundle_names_on_the_robot_as_in_training(method: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    samples = lifting_samples(2)
    system = SiameseLstmSystem(tiny(classification=ClassificationConfig(method)))
    classes = sorted({sample.action for sample in samples})
    network = system.network(classes).eval()
    with torch.no_grad():
        system.finish(network, samples)

    exported_and_loaded(system, network, classes, tmp_path / 'siamese')


@pytest.mark.parametrize('model', ['svm', 'lstm'])
def test_bundle_of_a_baseline_names_on_the_robot_as_in_training(model: str, tmp_path: Path) -> None:
    samples = lifting_samples(2)
    with Trainer(baseline(model, steps=2), samples) as trainer:
        while not trainer.finished:
            trainer.advance()
        if not trainer.history:
            trainer.validate(0.0)
    network = trainer.system.network(trainer.classes).eval()
    load_weights(network, trainer.best_weights)

    exported_and_loaded(trainer.system, network, trainer.classes, tmp_path / model)


def exported_and_loaded(
    system: System[Any], network: torch.nn.Module, classes: Sequence[str], folder: Path
) -> None:
    """Write a bundle, load it as the robot does, and compare how clips of somebody are named."""
    labels = tuple(name.partition('/')[2] for name in classes)
    promise = Promise(system.preprocess, 0.5, labels=labels)

    model = write_bundle(folder, system.exported(network), promise, about={})

    assert Recognizer(model, RecognizerConfig()).labels == labels
    rng = np.random.default_rng(9)
    clips = [lifting_clip(joint, 0.6, 's9', rng) for joint in ('HEAD', 'HAND_LEFT')]
    found = ClassifierMatcher(model, 0.5).similarities(clips)
    logits = classified(system, network, system.inputs([Sample(clip, 'made') for clip in clips]))
    odds = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(found, odds / odds.sum(axis=1, keepdims=True), atol=1e-4)


def test_resumed_run_is_an_unbroken_one_and_knows_what_it_compares_with(tmp_path: Path) -> None:
    # Two of six actions are kept to select on, so that references are there at the checkpoint too.
    data = replace(DATA, validation_stride=3)
    recipe = tiny(4, data=data, optimizer=replace(optimizer(4), validate_steps=2))
    samples = lifting_samples(2)
    path = tmp_path / 'checkpoint.pt'

    resumed = resumed_as_if_unbroken(recipe, samples, path)

    halfway = load_checkpoint(path)
    resumed.save(path)
    done = load_checkpoint(path)
    for state in (halfway, done):
        network = state.model()
        assert isinstance(network, SiameseLstm)
        assert network.references.shape == (4 * 2 * 2, 12)
        assert isinstance(network.classification, SupportVectors)
        assert network.classification.weight.shape == (4, 2 * 16)
    assert [entry['step'] for entry in resumed.history] == [2, 4]
    assert halfway.step == 2
    assert done.step == 4
