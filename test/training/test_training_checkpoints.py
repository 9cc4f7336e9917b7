"""Files that are no checkpoints, or those of something else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_clips import lifting_samples, tiny_recipe

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import load_checkpoint, read_state, write_state
from training.recipes import recipe_for
from training.settings import override
from training.trainer import Trainer

NONE = re.escape('is no checkpoint of training.train')
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('whole') / 'checkpoint.pt'
    with Trainer(tiny_recipe(), lifting_samples()) as trainer:
        trainer.save(path)
    return path


def pickled(value: Any) -> bytes:
    out = BytesIO()
    torch.save(value, out)
    return out.getvalue()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'cut short: 0 bytes'),
        (b'a text of some length\n', "22 bytes that begin with b'a text o'"),
        (b'\x80\x02', 'is no checkpoint of training.train'),
        (b'\xff\xfe\x00garbage', 'is no checkpoint of training.train'),
        (b'PK\x03\x04 but no more', 'is no checkpoint of training.train'),
        (pickled([1]), 'it lacks everything'),
        (pickled({'recipe': {}}), 'it lacks average, best, best_weights'),
        (pickled(Path('x')), 'is no checkpoint of training.train'),
    ],
)
def test_other_files_are_no_checkpoints(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(content)

    with pytest.raises(SkeletonActionError, match=message) as raised:
        load_checkpoint(path)

    assert 'weights_only' not in str(raised.value)
    assert '\n' not in str(raised.value)


@settings(suppress_health_check=SLOW)
@given(content=st.binary(max_size=64), head=st.sampled_from([b'', b'PK\x03\x04', b'\x80\x02}']))
def test_any_bytes_are_told_from_a_checkpoint(tmp_path: Path, content: bytes, head: bytes) -> None:
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(head + content)

    with pytest.raises(SkeletonActionError, match=NONE):
        read_state(path)


@settings(suppress_health_check=SLOW, max_examples=25)
@given(data=st.data())
def test_damaged_checkpoint_is_told(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = whole.read_bytes()
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 100))])

    with pytest.raises(SkeletonActionError, match=NONE):
        read_state(path)


def with_part(**parts: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda state: {**state, **parts}


def with_recipe(**parts: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda state: {**state, 'recipe': {**state['recipe'], **parts}}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (with_part(recipe='x'), 'expected recipe to be dict, got str'),
        (with_part(best_weights=None), 'expected best_weights to be dict, got NoneType'),
        (with_part(best_weights={'a': 1}), 'has best_weights that are no tensors'),
        (with_part(classes=5), 'expected classes to be list, got int'),
        (with_part(classes=[5]), r'has classes without names: got \[5\]'),
        (with_part(seconds='x'), 'expected seconds to be float, got str'),
        (with_recipe(system='none'), "of system 'none', expected one of encoder"),
        (with_recipe(system=['x']), r"of system \['x'\], expected one of encoder"),
        (with_recipe(optimizer=5), 'has a recipe that is none: optimizer must be a Optim.* got 5'),
        (with_recipe(optimizer={'steps': 'x'}), 'optimizer.steps must be a whole number'),
        (with_recipe(seed={'a': 1}), r"seed must be a whole number .* got \{'a': 1\}"),
    ],
)
def test_parts_of_another_kind_are_refused(
    whole: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    message: str,
) -> None:
    path = tmp_path / 'checkpoint.pt'
    write_state(path, change(read_state(whole)))

    with pytest.raises(SkeletonActionError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize('part', ['model', 'average', 'optimizer'])
def test_run_does_not_go_on_without_a_part_of_its_network(
    whole: Path, tmp_path: Path, part: str
) -> None:
    state = read_state(whole)
    missing = dict(state[part])
    del missing[next(iter(missing))]
    path = tmp_path / 'checkpoint.pt'
    write_state(path, {**state, part: missing})

    told = pytest.raises(SkeletonActionError, match=f'its {part} is not of this recipe')
    with Trainer(tiny_recipe(), lifting_samples()) as trainer, told as raised:
        trainer.restore(path)

    assert '\n' not in str(raised.value)


def test_checkpoint_of_another_system_is_told(whole: Path) -> None:
    recipe = recipe_for('utd-cross-subject', 'tarm')

    told = pytest.raises(SkeletonActionError, match='is a checkpoint of another recipe: name is')
    with Trainer(recipe, lifting_samples()) as trainer, told:
        trainer.restore(whole)


def test_comparison_alone_can_be_changed_after_training(whole: Path) -> None:
    state = load_checkpoint(whole)

    other = override(state.recipe, ['similarity.tokens=0.25'])
    assert state.compared_as(replace(other, name='ablation')).recipe.similarity.tokens == 0.25
    with pytest.raises(SkeletonActionError, match=r'model.width is 24 there, 8 here; .* similar'):
        state.compared_as(override(state.recipe, ['model.width=8']))


def test_chosen_learning_rate_is_not_another_recipe(whole: Path) -> None:
    trying = override(tiny_recipe(), ['optimizer.rates=(0.1, 0.01)', 'optimizer.rate_steps=1'])
    chosen = override(trying, ['optimizer.learning_rate=0.01'])
    state = replace(load_checkpoint(whole), recipe=chosen)

    found = state.compared_as(override(trying, ['similarity.tokens=0.5']))

    assert found.recipe.optimizer.learning_rate == 0.01
    assert found.recipe.similarity.tokens == 0.5
