"""The rows of Skeleton-DML's tables, against the tables as the paper prints them."""

from __future__ import annotations

import pytest

from training.recipes import recipe_for
from training.skeleton_dml.recipe import SkeletonDmlRecipe
from training.skeleton_dml.variants import VARIANTS
from training.system import Variant

TABLE_II = {
    # train classes: SL-DML, ours
    20: (36.7, 28.6),
    40: (42.4, 37.5),
    60: (49.0, 48.6),
    80: (46.4, 48.0),
    100: (50.9, 54.2),
}
TABLE_III = """
SL-DML  55.2  50.6  52.7  None  MS
SL-DML  51.5  51.7  54.0  None  TM
SL-DML  51.8  55.3  55.8  Rot   MS
SL-DML  53.6  54.8  55.5  Rot   TM
Ours    54.7  51.5  53.1  None  MS
Ours    47.5  51.9  54.0  None  TM
Ours    55.3  58.0  58.6  Rot   MS
Ours    56.0  55.1  56.1  Rot   TM
"""
TABLE_IV = {
    'skepxels': 29.6,
    'skelemotion-orientation': 34.4,
    'skelemotion-both': 39.2,
    'tssi': 41.0,
    'gimme-signals': 41.5,
    'skelemotion-magnitude': 44.4,
    'sl-dml': 50.9,
    'skeleton-dml': 54.2,
}
CLIPS_A_CLASS = 114_480 // 120


def of_table(table: str) -> dict[str, Variant]:
    return {name: one for name, one in VARIANTS.items() if one.table == table}


def recipe_of(name: str, protocol: str = 'ntu120-one-shot') -> SkeletonDmlRecipe:
    recipe = recipe_for(protocol, 'skeleton-dml', name)
    assert isinstance(recipe, SkeletonDmlRecipe)
    return recipe


def epochs(recipe: SkeletonDmlRecipe, classes: int) -> float:
    return recipe.optimizer.steps * 32 / (classes * CLIPS_A_CLASS)


def test_table_2_has_a_row_for_each_number_of_classes_and_both_approaches() -> None:
    rows = of_table('Table II')

    assert len(rows) == 10
    for classes, percents in TABLE_II.items():
        ending = '' if classes == 100 else f'-{classes}'
        for name, percent, representation in (
            (f'published-sl-dml{ending}', percents[0], 'sl-dml'),
            (f'published{ending}', percents[1], 'skeleton-dml'),
        ):
            protocol = f'ntu120-one-shot{ending}'
            recipe = recipe_of(name, protocol)
            assert rows[name].published == {protocol: percent}
            assert f'{classes} classes' in rows[name].about
            assert recipe.images.representation == representation
            assert epochs(recipe, classes) == pytest.approx(100.0, abs=0.01)


def test_table_3_has_24_models_trained_200_epochs() -> None:
    rows = of_table('Table III')
    found = {}

    for line in TABLE_III.strip().splitlines():
        approach, *percents, transform, loss = line.split()
        for size, percent in zip((128, 256, 512), percents, strict=True):
            representation = {'SL-DML': 'sl-dml', 'Ours': 'skeleton-dml'}[approach]
            turned = {'Rot': '-rot', 'None': ''}[transform]
            name = f'{representation}-{size}{turned}-{loss.lower()}'
            found[name] = found[f'published-{name}'] = name
            assert rows[f'published-{name}'].published == {'ntu120-one-shot': float(percent)}
            assert epochs(recipe_of(f'published-{name}'), 100) == pytest.approx(200.0, abs=0.01)
            for recipe in (recipe_of(f'published-{name}'), recipe_of(name, 'utd-15')):
                assert recipe.images.representation == representation
                assert recipe.images.rotation_deg == {'Rot': 5.0, 'None': 0.0}[transform]
                assert recipe.embedder.embedding == size
                losses = {'MS': 'multi-similarity', 'TM': 'triplet-margin'}
                assert recipe.metric.loss == losses[loss]
    # The recipe as it is has the settings of one of the 24.
    assert set(rows) == {'', *found}
    assert len(found) == 48


def test_table_4_has_8_representations_trained_as_section_3_e_says() -> None:
    rows = of_table('Table IV')

    assert len(rows) == 16
    for representation, percent in TABLE_IV.items():
        name = f'image-{representation}'
        whole = recipe_of(f'published-{name}')
        assert rows[f'published-{name}'].published == {'ntu120-one-shot': percent}
        assert epochs(whole, 100) == pytest.approx(100.0, abs=0.01)
        for recipe in (whole, recipe_of(name, 'utd-15')):
            assert recipe.images.representation == representation
            assert recipe.images.rotation_deg == 0.0
            assert recipe.embedder.embedding == 128
            assert recipe.metric.loss == 'multi-similarity'


@pytest.mark.parametrize('name', VARIANTS)
def test_only_what_is_trained_as_published_stands_beside_a_published_figure(name: str) -> None:
    row = VARIANTS[name]
    recipe = recipe_of(name, next(iter(row.protocols), 'utd-15'))

    as_published = name.startswith('published')
    assert bool(row.published) == as_published
    assert all(protocol.startswith('ntu120') for protocol in row.published)
    assert not any(protocol.startswith('ntu120') for protocol in row.also)
    assert (recipe.images.size == 256) == as_published
    assert bool(recipe.embedder.weights) == as_published
    assert (recipe.optimizer.learning_rate == 1e-6) == as_published


def test_rows_of_table_iii_asked_for_in_small_change_one_thing_of_the_best() -> None:
    asked = {name for name, row in VARIANTS.items() if row.table == 'Table III' and row.also}
    assert asked == {
        '',
        'skeleton-dml-512-rot-ms',
        'skeleton-dml-256-rot-ms',
        'skeleton-dml-128-rot-ms',
        'skeleton-dml-512-ms',
        'skeleton-dml-512-rot-tm',
        'sl-dml-512-rot-ms',
    }


@pytest.mark.parametrize('name', [name for name in VARIANTS if f'published-{name}' in VARIANTS])
def test_row_in_small_is_the_published_one_s_line(name: str) -> None:
    small, whole = VARIANTS[name], VARIANTS[f'published-{name}']

    assert (small.table, small.about) == (whole.table, whole.about)
