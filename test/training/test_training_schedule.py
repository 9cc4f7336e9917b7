"""What a step costs and how far it goes: learning rates, precision, what no gradient learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from training_clips import LIFTED, lifting_samples, tiny_recipe

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import prepare
from training import recipes, train
from training.checkpoints import load_checkpoint
from training.config import DataConfig, OptimizerConfig, Recipe
from training.data import Sample
from training.settings import override
from training.system import Arrays, BatchSource, System, classified, decayed, scheduled
from training.trainer import Trainer


@dataclass(frozen=True)
class MeansRecipe(Recipe):
    system: str = 'means'


class Means(nn.Module):
    """The mean of each class, which no gradient learns."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('means', torch.zeros(0))

    means: Tensor


class MeansSystem(System[MeansRecipe]):
    """Names a clip after the nearest mean of a class."""

    name: ClassVar[str] = 'means'
    about: ClassVar[str] = 'the nearest mean'
    kind: ClassVar[str] = 'classifier'
    recipe_type: ClassVar[type[Recipe]] = MeansRecipe

    def network(self, classes: Sequence[str]) -> nn.Module:
        self.classes = list(classes)
        return Means()

    def batches(self, samples: Sequence[Sample]) -> BatchSource:
        return _Nothing()

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        raise AssertionError('nothing is learned by gradient')

    def inputs(self, samples: Sequence[Sample]) -> Arrays:
        return (np.stack([prepare(one.clip, self.preprocess)[0].ravel() for one in samples]),)

    def finish(self, network: nn.Module, samples: Sequence[Sample]) -> None:
        (rows,) = self.inputs(samples)
        actions = np.array([one.action for one in samples])
        means = [rows[actions == action].mean(axis=0) for action in sorted(set(actions.tolist()))]
        network.means = torch.from_numpy(np.stack(means))

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} names clips and does not compare them')

    def logits(self, network: nn.Module, inputs: Arrays) -> np.ndarray[Any, Any]:
        assert isinstance(network, Means)
        return -torch.cdist(torch.from_numpy(inputs[0]), network.means).numpy()


class _Nothing:
    def at(self, step: int) -> Any:
        raise AssertionError('there is no step')

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> MeansRecipe:
    monkeypatch.setitem(recipes.SYSTEMS, 'means', MeansSystem)
    return MeansRecipe(
        'tiny-means',
        data=DataConfig(train=('made',), validation_stride=0),
        optimizer=OptimizerConfig(steps=0),
    )


def test_what_no_gradient_learns_is_in_the_checkpoint(
    means: MeansRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = lifting_samples()
    monkeypatch.setattr(train, 'load_samples', lambda *names, **more: samples)

    train.train(means, tmp_path)
    train.train(means, tmp_path, resume=True)

    state = load_checkpoint(tmp_path / 'checkpoint.pt')
    system, network = state.system(), state.model()
    found = classified(system, network, system.inputs(samples)).argmax(axis=1)
    assert state.step == 0
    assert [state.classes[at] for at in found] == [one.action for one in samples]
    assert state.weights['means'].shape == (len(LIFTED), 32 * 15 * 3)


def test_classifier_is_selected_by_what_it_names(means: MeansRecipe) -> None:
    samples = lifting_samples()
    with Trainer(means, samples) as trainer:
        trainer.validation = [
            *samples,
            # Two more, which are called what they are not.
            *(replace(one, clip=replace(one.clip, label='lift_head')) for one in samples[:2]),
        ]
        trainer.validate(0.0)

    assert trainer.history == [{'step': 0, 'loss': 0.0, 'validation': pytest.approx(48 / 50)}]
    assert trainer.best_weights['means'].shape[0] == len(LIFTED)


def test_constant_rate_stays_where_it_has_risen_to() -> None:
    config = OptimizerConfig(steps=10, learning_rate=0.4, warm_up_steps=4, schedule='constant')

    found = [scheduled(config, step) for step in (0, 1, 3, 4, 9, 50)]

    assert found == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4, 0.4])


def test_cosine_is_half_way_down_in_the_middle() -> None:
    config = OptimizerConfig(steps=10, learning_rate=0.4, warm_up_steps=0)

    assert [scheduled(config, step) for step in (0, 5, 10)] == pytest.approx([0.4, 0.2, 0.0])


def test_plateau_takes_off_where_nothing_improved_for_a_while() -> None:
    config = OptimizerConfig(schedule='plateau', decay=0.5, decay_patience=2)

    found = [0.3, 0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.1, 0.1]

    shares = [decayed(config, found[:count]) for count in range(len(found) + 1)]
    assert shares == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert decayed(OptimizerConfig(), found) == 1.0


def test_plateau_lowers_the_rate_of_a_run() -> None:
    recipe = override(
        tiny_recipe(steps=8, validation_stride=2),
        [
            *('optimizer.schedule=plateau', 'optimizer.decay=0.1', 'optimizer.decay_patience=1'),
            *('optimizer.validate_steps=1', 'optimizer.warm_up_steps=0'),
        ],
    )
    with Trainer(recipe, lifting_samples()) as trainer:
        trainer.history = [{'step': n, 'loss': 0.0, 'validation': 1.0} for n in range(3)]
        assert trainer.learning_rate == pytest.approx(5e-3 * 0.1**2)
        trainer.advance()
        assert trainer.optimizer.param_groups[0]['lr'] == pytest.approx(5e-3 * 0.1**2)


def test_unknown_schedule_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="one of cosine, plateau, constant, got 'linear'"):
        override(tiny_recipe(), ['optimizer.schedule=linear'])


def test_half_precision_is_for_a_gpu(means: MeansRecipe) -> None:
    whole = override(means, ['optimizer.mixed_precision=False'])

    assert MeansSystem(means).halves(torch.device('cuda'))
    assert not MeansSystem(means).halves(torch.device('cpu'))
    assert not MeansSystem(whole).halves(torch.device('cuda'))


def test_curves_have_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = lifting_samples()
    monkeypatch.setattr(train, 'load_samples', lambda *names, **more: samples)
    recipe = tiny_recipe(steps=4, validation_stride=2)

    trainer = train.train(recipe, tmp_path, tensorboard=True)

    drawn = EventAccumulator(str(tmp_path / 'curves')).Reload()
    assert [event.step for event in drawn.Scalars('loss')] == [1, 2, 3, 4]
    found = {event.step: event.value for event in drawn.Scalars('validation_accuracy')}
    wanted = {entry['step']: entry['validation'] for entry in trainer.history}
    assert found == pytest.approx(wanted)
