"""Which values of a recipe are refused, and how."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeleton_action_ros.core.errors import ConfigError
from training.config import EncoderRecipe, OptimizerConfig, Recipe
from training.ranges import is_config, limited, types_of
from training.recipes import SYSTEMS, recipe_for
from training.settings import differences, override, set_by_user, told
from training.train import add_recipe_options, chosen_recipe


def test_settings_change_single_values() -> None:
    recipe = override(
        EncoderRecipe('x'),
        ['batch.classes=3', 'model.dilations=(1, 2)', 'optimizer.learning_rate=1'],
    )

    assert (recipe.batch.classes, recipe.model.dilations) == (3, (1, 2))
    assert recipe.optimizer.learning_rate == 1.0
    assert recipe.loss == EncoderRecipe('x').loss


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ('optimizer.steps=-5', 'optimizer.steps must be a whole number from 0 to 1000000000'),
        ('optimizer.validate_steps=0', 'must be a whole number from 1 to 1000000000, got 0'),
        ('optimizer.threads=0', 'optimizer.threads must be a whole number from 1 to 256, got 0'),
        ('optimizer.learning_rate=-1.0', 'optimizer.learning_rate must be a number from 0'),
        ('optimizer.learning_rate=1e999', 'got inf'),
        ('optimizer.learning_rate=nan', "must be a number from 0 to 1000000000, got 'nan'"),
        (f'optimizer.learning_rate=1{400 * "0"}', 'must be a number from 0 to 1000000000'),
        ('optimizer.weight_decay=-1.0', 'optimizer.weight_decay must be a number from 0'),
        ('optimizer.average=2.0', 'optimizer.average must be a number from 0 to 0.99999, got 2.0'),
        ('optimizer.patience=0', 'optimizer.patience must be a whole number from 1'),
        ('optimizer.rates=("x",)', r'numbers from 0 to 1000000000, written like \(0.5, 1.0\)'),
        ('optimizer.rates=0.1', 'optimizer.rates must be numbers .* got 0.1'),
        ('optimizer.rates=(0.1,)', 'optimizer.rate_steps must be 1 or more to try rates'),
        ('optimizer.schedule=linear', "must be one of cosine, plateau, constant, got 'linear'"),
        ('model.width=0', 'model.width must be a whole number from 1 to 4096, got 0'),
        ('model.width=-3', 'model.width must be a whole number from 1 to 4096, got -3'),
        ('model.width=True', 'got True'),
        (
            'model.dilations=("a",)',
            r'one or more whole numbers from 1 to 512, written like \(1',
        ),
        ('model.dilations=()', r'one or more whole numbers .* got \(\)'),
        ('model.dilations=(1.5,)', 'one or more whole numbers'),
        ('model.dropout=5.0', 'model.dropout must be a number from 0 to 0.99, got 5.0'),
        ('model.kernel=4', 'model.kernel must be odd, got 4'),
        ('batch.classes=0', 'batch.classes must be a whole number from 2'),
        ('batch.clips_per_class=0', 'batch.clips_per_class must be a whole number from 1'),
        ('data.train=(1,)', r"one or more texts, written like \('a', 'b'\), got \(1,\)"),
        ('data.train=()', 'one or more texts'),
        ('data.train=("ntu")', "one or more texts, .* got 'ntu'"),
        ('data.train=("",)', r"data.train must be names of folders, without '/', got '' in \(''"),
        ('data.train=("a/b",)', "data.train must be names of folders, without '/', got 'a/b'"),
        ('data.train=("ntu", "..")', "without '/', got '..'"),
        ('data.train=("ntu", "ntu")', r"data.train must have each name once, got \('ntu', 'ntu'\)"),
        ('data.validation_stride=-2', 'data.validation_stride must be a whole number from 0'),
        (
            'data.simulated_people=-1',
            'must be a whole number from 0 to 10000, got -1',
        ),
        ('augment.rate_hz=(1.0,)', r'two numbers from 0.1 to 1000.0, .* got \(1.0,\)'),
        ('augment.rate_hz=(60, 8)', 'augment.rate_hz must be the lowest and the highest rate'),
        ('loss.beta=0.0', 'loss.beta must be a number from 0.001'),
        ('loss.tokens=7.0', 'loss.tokens must be a number from 0 to 1.0, got 7.0'),
        ('loss.tokens={[]: 1}', 'loss.tokens must be a number'),
        ('preprocess.frames=1', 'preprocess.frames must be a whole number from 4 to 512, got 1'),
        ('preprocess.frames=12', 'preprocess.frames must be a multiple of 8, .* got 12'),
        ('similarity.band=-1', 'similarity.band must be a whole number from 0 to 512, got -1'),
        ('seed', "written name=value, got 'seed'"),
        ('sede=1', "no setting 'sede': 'sede' is none of name, system"),
        ('model.depth=1', "no setting 'model.depth'"),
        ('model=1', "'model' is not one value"),
        ('seed.x=1', "'seed.x' is not one value"),
        ('seed=1.5', 'seed must be a whole number from 0 to 4294967295, got 1.5'),
        ('model.dropout=high', "model.dropout must be a number from 0 to 0.99, got 'high'"),
        ('batch.across=1', 'batch.across must be True or False, got 1'),
    ],
)
def test_wrong_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override(EncoderRecipe('x'), [setting])


@pytest.mark.parametrize(
    ('system', 'settings', 'message'),
    [
        ('siamese-lstm', ['classification.method=forest'], "one of svm, knn, got 'forest'"),
        ('siamese-lstm', ['classification.penalty=0'], 'must be a number from 1e-06 to .* got 0'),
        ('siamese-lstm', ['classification.neighbours=0'], 'neighbours must be .* from 1 .* got 0'),
        ('siamese-lstm', ['classification.references=0'], 'references must be .* from 1 .* got 0'),
        ('siamese-lstm', ['prepared=False'], 'changed must be False where prepared is'),
        ('siamese-lstm', ['preprocess.scale=False'], 'preprocess.scale must be True'),
        (
            'sequence-baseline',
            ['model=tree'],
            "model must be one of svm, softmax, lstm, got 'tree'",
        ),
        ('sequence-baseline', ['penalty=0'], 'penalty must be a number from 1e-06 to'),
        ('tarm', ['net.modality=sound'], "one of skeleton, depth, both, stacked, got 'sound'"),
        ('tarm', ['net.trunk=vgg'], "one of resnet18, resnet50, alexnet, got 'vgg'"),
        ('tarm', ['net.size=16'], r'net.size must be a whole number from 32 to 4096, got 16'),
        ('tarm', ['depth.image=farthest'], "one of nearest, motion, got 'farthest'"),
        ('tarm', ['fusion=sum'], "fusion must be one of average, product, maximum, got 'sum'"),
        ('tarm', ['batch=1'], 'batch must be a whole number from 2 .* got 1'),
        ('tarm', ['alter.crop=0.5'], 'alter.crop must be a number from 0 to 0.45, got 0.5'),
        ('tarm', ['alter.size=3'], 'alter.size must be a number from 0 to 0.9, got 3'),
        ('recurrent', ['pose.joints=25'], 'pose.joints must be a whole number from 13 to 15, got'),
        ('recurrent', ['pose.joints=14'], 'pose.joints must be 15, or 13 .* got 14'),
        ('recurrent', ['pose.stream=depth'], "one of pose, motion, both, got 'depth'"),
        ('recurrent', ['pose.fill_in=no'], "one of spline, linear, got 'no'"),
        ('recurrent', ['transformer.combination=round'], 'one of none, linear, affine, positive'),
        ('recurrent', ['network.cell=qrnn'], "one of rnn, lstm, gru, got 'qrnn'"),
        ('recurrent', ['network.keep=0'], 'network.keep must be a number from 0.001 to 1.0, got 0'),
        ('recurrent', ['network.hardest=0.5'], 'network.hardest .* must be 1 without every_step'),
        ('skeleton-dml', ['images.representation=maps'], "sl-dml, .*, got 'maps'"),
        (
            'skeleton-dml',
            ['images.size=16'],
            'images.size must be .* from 32 to 4096, got 16',
        ),
        ('skeleton-dml', ['metric.loss=hinge'], "multi-similarity, triplet-margin, got 'hinge'"),
        ('skeleton-dml', ['draw.classes=1'], 'draw.classes must be a whole number from 2 .* got 1'),
        ('convnet3d', ['frames.source=depth'], "one of video, drawn, got 'depth'"),
        ('convnet3d', ['frames.contrast=False'], 'frames.contrast must be True where .* is video'),
        (
            'convnet3d',
            ['frames.source=drawn', 'preprocess.frames=8'],
            'preprocess.frames must be 9 or more, got 8',
        ),
        (
            'convnet3d',
            ['optimizer.steps=4', 'labeller.steps=4'],
            'labeller.steps must be from 1 to 3, less than optimizer.steps, got 4',
        ),
        ('convnet3d', ['labeller.steps=0'], 'labeller.steps must be from 1 to 649, .* got 0'),
        (
            'convnet3d',
            ['optimizer.rates=(0.1,)', 'optimizer.rate_steps=5'],
            r'optimizer.rates must be \(\): .* got \(0.1,\)',
        ),
        ('convnet3d', ['optimizer.schedule=plateau'], "must be cosine or constant .*'plateau'"),
    ],
)
def test_wrong_settings_of_a_paper_s_system_are_refused(
    system: str, settings: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        override(recipe_for('utd-cross-subject', system), settings)


NAMES = [
    f'{part}.{name}'
    for part, kind in types_of(EncoderRecipe).items()
    if is_config(kind)
    for name in types_of(kind)
]


@given(
    name=st.sampled_from(NAMES),
    text=st.one_of(
        st.text(max_size=12),
        st.integers().map(str),
        st.floats().map(str),
        st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=3))).map(tuple).map(str),
    ),
)
def test_any_value_is_taken_or_refused(name: str, text: str) -> None:
    refused = name
    try:
        override(EncoderRecipe('x'), [f'{name}={text}'])
    except ConfigError as error:
        refused = str(error)

    # Two do not go with the default of another value, which is named then.
    known = {'model.stretches': 'preprocess.frames', 'optimizer.rates': 'optimizer.rate_steps'}
    assert name in refused or known[name] in refused


def test_whole_numbers_are_numbers_and_settings_hold_together() -> None:
    found = override(
        EncoderRecipe('x'),
        ['optimizer.rates=(1, 0.5)', 'optimizer.rate_steps=3', 'augment.rate_hz=(9, 12)'],
    )

    assert found.optimizer.rates == (1.0, 0.5)
    assert [type(rate) for rate in (*found.optimizer.rates, *found.augment.rate_hz)] == [float] * 4


def test_recipe_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r'optimizer.steps must be a whole number'):
        Recipe('x', optimizer=OptimizerConfig(steps=-1))
    with pytest.raises(ConfigError, match='data must be a DataConfig, got 3'):
        replace(Recipe('x'), data=3)  # type: ignore[arg-type]


@dataclass(frozen=True)
class PairsRecipe(Recipe):
    system: str = 'pairs'
    sizes: tuple[int, int, int] = limited((1, 2, 3), high=9)
    about: tuple[str, ...] = limited(('a',), choices=('a', 'b'))


def test_elements_are_checked_one_by_one() -> None:
    with pytest.raises(ConfigError, match=r'three whole numbers from 0 to 9, .* got \(1, 2, 10\)'):
        PairsRecipe('x', sizes=(1, 2, 10))
    with pytest.raises(ConfigError, match=r"about must be one of a, b, got \('a', 'c'\)"):
        PairsRecipe('x', about=('a', 'c'))
    assert PairsRecipe('x', about=('b', 'b', 'a')).sizes == (1, 2, 3)


def test_every_system_can_be_made_for_some_protocol() -> None:
    for name in SYSTEMS:
        assert recipe_for('utd-cross-subject', name).system == name


@pytest.mark.parametrize('setting', ['name=y', 'system=tarm', 'protocol=utd-11', 'seed=3'])
def test_what_a_recipe_is_called_is_no_setting(setting: str) -> None:
    name = setting.partition('=')[0]

    with pytest.raises(ConfigError, match=f"'{name}' is no setting: .* come from PROTOCOL"):
        set_by_user(EncoderRecipe('x'), [setting])
    with pytest.raises(ConfigError, match=f"'{name}' is no setting"):
        chosen_recipe(options('utd-15', '--set', setting))


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return parser.parse_args(words)


def test_learning_rate_that_is_set_is_not_chosen_among_others() -> None:
    words = ('utd-15', '--system', 'skeleton-dml')
    rate, rates = 'optimizer.learning_rate=1e-9', 'optimizer.rates=(1e-3, 1e-4)'
    assert chosen_recipe(options(*words)).optimizer.rates

    found = chosen_recipe(options(*words, '--set', rate)).optimizer

    assert (found.learning_rate, found.rates) == (1e-9, ())
    chosen = chosen_recipe(options(*words, '--set', rates)).optimizer
    assert chosen.rates == (1e-3, 1e-4)
    with pytest.raises(ConfigError, match=r'got both: 1e-09 and \(0.001, 0.0001\)'):
        chosen_recipe(options(*words, '--set', rate, '--set', rates))


def test_differences_are_told_with_both_values() -> None:
    there = {'a': {'b': 2, 'c': (1,)}, 'name': 'x'}
    here = {'a': {'b': 4, 'c': (1,)}, 'name': 'x', 'more': None, 'new': True}

    found = differences(there, here)

    assert found == {'a.b': (2, 4), 'new': (None, True)}
    assert told(found) == 'a.b is 2 there, 4 here; new is None there, True here'
    many = {str(number): (number, 0) for number in range(1, 8)}
    assert told(many).endswith('5 is 5 there, 0 here; and 2 more')


@pytest.mark.parametrize('system', SYSTEMS)
def test_no_number_of_any_system_is_negative_or_endless(system: str) -> None:
    recipe = recipe_for('utd-cross-subject', system)
    for part, kind in types_of(type(recipe)).items():
        inner = types_of(kind) if is_config(kind) else {}
        numbers = [f'{part}.{name}' for name, one in inner.items() if one in (int, float)]
        numbers += [part] if kind in (int, float) else []
        for name, value in product(numbers, ('-2', '1e999', '-1e999')):
            with pytest.raises(ConfigError, match=rf'{name} must be a .*number from .*, got'):
                override(recipe, [f'{name}={value}'])


@pytest.mark.parametrize(
    ('system', 'setting'),
    [
        ('skeleton-dml', 'metric.beta=0.0'),
        ('skeleton-dml', 'draw.classes=0'),
        ('recurrent', 'network.units=0'),
        ('recurrent', 'batch=0'),
        ('convnet3d', 'stretch.clips=0'),
        ('siamese-lstm', 'pairs.classes=0'),
        ('siamese-lstm', 'hidden=(0,)'),
        ('sequence-baseline', 'lstm.layers=0'),
    ],
)
def test_systems_of_papers_have_ranges_too(system: str, setting: str) -> None:
    name = setting.partition('=')[0]

    recipe = recipe_for('utd-cross-subject', system)

    with pytest.raises(ConfigError, match=rf'{name} must be .*number.* from '):
        override(recipe, [setting])
