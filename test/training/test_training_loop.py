from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dataset_files import write_ntu
from torch import Tensor, nn
from training_clips import lifting_samples, tiny_recipe

from skeleton_action_ros.core.errors import SkeletonActionError
from training import parallel
from training import trainer as trainer_module
from training.batches import Batches
from training.checkpoints import load_checkpoint, read_state, write_state
from training.config import ClassifierRecipe, EncoderRecipe
from training.encoder import EncoderSystem
from training.settings import override
from training.system import described
from training.train import main
from training.trainer import Trainer, choose_rate


def run(trainer: Trainer, until: int) -> None:
    while trainer.step < until:
        trainer.advance()


def weights(trainer: Trainer) -> dict[str, np.ndarray]:
    return {key: value.numpy().copy() for key, value in trainer.average.state_dict().items()}


def test_a_few_actions_are_learned_by_heart() -> None:
    samples = lifting_samples(people=6)
    known = [one for one in samples if one.clip.subject not in {'s4', 's5'}]
    with Trainer(tiny_recipe(steps=120), known) as trainer:
        losses = [trainer.advance() for _ in range(120)]
    trainer.validation = [one for one in samples if one.clip.subject in {'s4', 's5'}]

    assert trainer.finished
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    assert trainer.validation_accuracy() > 0.95


def test_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    recipe = tiny_recipe(steps=6, validation_stride=3)
    with Trainer(recipe, lifting_samples()) as unbroken:
        run(unbroken, 6)
    with Trainer(recipe, lifting_samples()) as first:
        run(first, 3)
    first.save(tmp_path / 'checkpoint.pt')

    with Trainer(recipe, lifting_samples()) as second:
        second.restore(tmp_path / 'checkpoint.pt')
        run(second, 6)

    assert second.history == unbroken.history
    assert second.best == unbroken.best
    for key, value in weights(unbroken).items():
        np.testing.assert_array_equal(weights(second)[key], value, err_msg=key)


def test_run_that_goes_on_under_another_commit_is_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, samples = tmp_path / 'checkpoint.pt', lifting_samples()
    found = []
    for until, commit in ((2, 'aaa'), (4, 'bbb'), (5, 'aaa'), (6, 'ccc+'), (6, 'ddd')):
        monkeypatch.setattr(trainer_module, 'commit', lambda commit=commit: commit)
        with Trainer(tiny_recipe(steps=6), samples) as trainer:
            if path.is_file():
                trainer.restore(path)
            run(trainer, until)
        trainer.save(path)
        found.append(load_checkpoint(path).commit)

    # The last one had nothing left to do.
    assert found == ['aaa', 'aaa, bbb', 'aaa, bbb', 'aaa, bbb, ccc+', 'aaa, bbb, ccc+']


def test_training_that_diverges_ends_with_its_step() -> None:
    with Trainer(tiny_recipe(steps=6), lifting_samples()) as trainer:
        run(trainer, 2)
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(float('nan'))

        with pytest.raises(
            SkeletonActionError,
            match=r'tiny has diverged: loss is nan, .* nan at step 3 of 6, with .* of 0\.00375',
        ):
            trainer.advance()
    assert trainer.step == 2
    assert all(one.isfinite().all() for one in trainer.average.parameters())


def test_weights_that_diverge_in_the_last_step_are_not_kept() -> None:
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        with torch.no_grad():
            next(trainer.average.parameters()).fill_(float('inf'))

        with pytest.raises(SkeletonActionError, match='a weight is not finite at step 0 of 6'):
            trainer.validate(0.5)
    assert trainer.history == []


def test_batches_hold_whole_classes_and_compare_only_what_differs() -> None:
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        batch = trainer.batches.at(2)

    numbers, counts = np.unique(batch.classes, return_counts=True)
    assert len(numbers) == 6
    assert counts.tolist() == [3] * 6
    assert batch.joints.shape == (18, 8, 15, 3)
    assert not batch.comparable[batch.classes[:, None] == batch.classes].any()


def test_validation_classes_are_never_in_a_batch() -> None:
    with Trainer(tiny_recipe(validation_stride=3), lifting_samples()) as trainer:
        held = {sample.action for sample in trainer.validation}

    assert held == {'made/lift_foot_left', 'made/lift_hand_right'}
    assert not held & set(trainer.classes)


def test_clips_of_a_class_are_of_different_persons_as_far_as_there_are() -> None:
    samples = lifting_samples(people=2, repeats=2)
    recipe = override(tiny_recipe(), ['batch.clips_per_class=2', 'batch.classes=12'])
    with Trainer(recipe, samples) as trainer:
        motions = trainer.batches
        assert isinstance(motions, Batches)
        people = {
            tuple(sorted(samples[place].clip.subject for place in motions.draw_clips(0, rng)))
            for rng in map(np.random.default_rng, range(20))
        }

    assert people == {('s0', 's1')}


def test_checkpoint_gives_recipe_and_model_back(tmp_path: Path) -> None:
    recipe = tiny_recipe(steps=2)
    with Trainer(recipe, lifting_samples()) as trainer:
        run(trainer, 2)
    trainer.save(tmp_path / 'checkpoint.pt')

    state = load_checkpoint(tmp_path / 'checkpoint.pt')

    assert state.recipe == recipe
    assert state.classes == trainer.classes
    assert (state.step, state.data) == (2, trainer.data)
    inputs = trainer.system.inputs(lifting_samples(1, 1))
    found = described(state.system(), state.model(), inputs)
    expected = described(trainer.system, trainer.average.module, inputs)
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-6)


def test_run_of_several_processes_is_gone_on_with_by_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'checkpoint.pt'
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(path)
        # Older checkpoints do not say: they are of one.
        state = read_state(path)
        assert state.pop('processes') == 1
        write_state(path, state)
        trainer.restore(path)
        assert load_checkpoint(path).processes == 1
        monkeypatch.setattr(parallel, 'size', lambda: 3)
        with pytest.raises(SkeletonActionError, match='of one process, expected 3 that train toge'):
            trainer.restore(path)
        trainer.save(path)
        monkeypatch.undo()
        with pytest.raises(SkeletonActionError, match=r'of 3 processes .*, expected 1: .*node 3'):
            trainer.restore(path)
        # What has come to its end can be looked at by anybody.
        write_state(path, {**read_state(path), 'step': trainer.recipe.optimizer.steps})
        trainer.restore(path)
        assert trainer.finished


def test_checkpoint_of_another_recipe_or_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'checkpoint.pt'
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(path)
    other = Trainer(override(tiny_recipe(), ['seed=1']), lifting_samples())
    fewer = Trainer(tiny_recipe(), lifting_samples(people=3))

    with other, pytest.raises(SkeletonActionError, match='another recipe: seed is 0 there, 1 here'):
        other.restore(path)
    with fewer, pytest.raises(SkeletonActionError, match='a checkpoint of other data'):
        fewer.restore(path)


def test_learning_rate_is_the_one_that_does_best_on_validation_classes() -> None:
    # A rate of nothing leaves the network as it was drawn: the other one must win.
    recipe = override(
        tiny_recipe(steps=40, validation_stride=2),
        [
            *('optimizer.rates=(0.0, 5e-3)', 'optimizer.rate_steps=30', 'optimizer.average=0.0'),
            *('similarity.tokens=0.0', 'similarity.other_side=2.0'),
        ],
    )

    with choose_rate(recipe, lifting_samples()) as trainer:
        assert set(trainer.tried) == {'0.0', '0.005'}
        assert trainer.tried['0.005'] > trainer.tried['0.0']
        assert trainer.recipe.optimizer.learning_rate == 5e-3
        assert trainer.recipe.optimizer.steps == 40
        assert trainer.step == 0


def test_learning_rate_with_which_training_diverges_is_not_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = override(
        tiny_recipe(steps=2, validation_stride=3),
        ['optimizer.rates=(7.0, 5e-3)', 'optimizer.rate_steps=2', 'optimizer.warm_up_steps=0'],
    )
    loss = EncoderSystem.loss

    def loss_or_none(self: EncoderSystem, network: nn.Module, batch: Any) -> Tensor:
        found = loss(self, network, batch)
        return found * float('nan') if self.learning_rate(0) == 7.0 else found

    monkeypatch.setattr(EncoderSystem, 'loss', loss_or_none)

    with choose_rate(recipe, lifting_samples()) as trainer:
        assert trainer.tried['7.0'] == 0.0
        assert trainer.tried['0.005'] > 0.0
        assert trainer.recipe.optimizer.learning_rate == 5e-3


def test_learning_rate_stays_where_there_are_no_validation_classes_to_choose_by() -> None:
    recipe = override(tiny_recipe(), ['optimizer.rates=(1e-3, 7e-3)', 'optimizer.rate_steps=1'])

    with choose_rate(recipe, lifting_samples()) as trainer:
        assert trainer.recipe == recipe
        assert trainer.recipe.optimizer.learning_rate == 5e-3
        assert trainer.tried == {}


def test_checkpoint_cut_short_or_of_another_count_of_actions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'checkpoint.pt'
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(path)
    state = load_checkpoint(path)
    named = replace(state, recipe=ClassifierRecipe('five', **_parts(tiny_recipe())))

    with pytest.raises(SkeletonActionError, match='checkpoint of five has other weights than its'):
        replace(named, classes=state.classes[:5]).model()

    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SkeletonActionError, match=r'checkpoint\.pt is no checkpoint of training'):
        load_checkpoint(path)
    torch.save({'recipe': {}, 'classes': [], 'best_weights': {}}, path)
    with pytest.raises(SkeletonActionError, match='it lacks average, best, commit, data'):
        load_checkpoint(path)


def _parts(recipe: EncoderRecipe) -> dict[str, Any]:
    names = ('data', 'preprocess', 'augment', 'batch', 'model', 'loss', 'optimizer')
    return {name: getattr(recipe, name) for name in names}


def test_recording_cut_short_ends_training_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'data' / 'ntu'
    folder.mkdir(parents=True)
    file = write_ntu(folder, (('1',),) * 9, 'S001C003P008R001A003.skeleton')
    file.write_bytes(file.read_bytes()[:3000])

    with pytest.raises(SystemExit) as ended:
        main(['ntu120-one-shot-20', '--out', str(tmp_path / 'out')])

    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'S001C003P008R001A003.skeleton' in error
    assert not (tmp_path / 'out').exists()
    assert not (tmp_path / 'cache').exists()


@pytest.mark.parametrize('content', [b'', b'not a checkpoint at all', None])
def test_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'checkpoint.pt'
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SkeletonActionError, match=r'\.pt (cannot be read|is no checkpoint)'):
        load_checkpoint(path)


def test_missing_data_ends_training_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main(['default', '--out', str(tmp_path / 'out')])

    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'no data set utd-mhad' in error
    assert not (tmp_path / 'out').exists()
