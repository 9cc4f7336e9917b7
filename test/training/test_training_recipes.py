"""Rows of the papers' tables: what is typed, and what comes of it."""

from __future__ import annotations

import argparse
from typing import Any, ClassVar

import pytest

from skeleton_action_ros.core.errors import ConfigError
from training import recipes
from training.config import Recipe, completed
from training.encoder import EncoderSystem
from training.recipes import recipe_for, rows_of, variant_named
from training.system import Variant
from training.train import add_recipe_options, chosen_recipe


class TabledSystem(EncoderSystem):
    name: ClassVar[str] = 'tabled'
    about: ClassVar[str] = 'a system with rows in a table'
    paper: ClassVar[str] = 'Somebody, 2020'
    variants: ClassVar[dict[str, Variant]] = {
        '': Variant('theirs', table='Table 1', published={'utd-15': 90.5}),
        'small': Variant(
            'small', ('model.width=16', 'loss.beta=30'), 'Table 1', {'msr-10': 80.0}, ('utd-15',)
        ),
    }


@pytest.fixture(autouse=True)
def tabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.SYSTEMS, 'tabled', TabledSystem)


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return parser.parse_args(words)


def test_variant_applies_its_settings_and_names_the_recipe() -> None:
    plain = recipe_for('utd-15', 'tabled')
    small = recipe_for('utd-15', 'tabled', 'small')

    assert (plain.name, small.name) == ('utd-15-tabled', 'utd-15-tabled-small')
    assert (plain.model.width, small.model.width) == (128, 16)  # type: ignore[attr-defined]
    assert small.loss.beta == 30.0  # type: ignore[attr-defined]
    assert recipe_for('utd-15', 'tabled', 'small', alone=True).name == 'utd-15-alone-tabled-small'
    assert recipe_for('florence3d-loao/3', 'tabled').name == 'florence3d-loao-tabled/3'


def test_settings_given_come_after_those_of_the_variant() -> None:
    found = chosen_recipe(
        options('utd-15', '--system', 'tabled', '--variant', 'small', '--set', 'model.width=24')
    )

    assert found.model.width == 24  # type: ignore[attr-defined]
    assert found.loss.beta == 30.0  # type: ignore[attr-defined]


def test_rows_are_the_words_to_type_and_what_the_paper_has() -> None:
    assert rows_of(TabledSystem) == [
        ('utd-15 --system tabled', 'Table 1, theirs: 90.5 %'),
        ('msr-10 --system tabled --variant small', 'Table 1, small: 80 %'),
        ('utd-15 --system tabled --variant small', 'Table 1, small'),
    ]
    for words, _ in rows_of(TabledSystem):
        assert chosen_recipe(options(*words.split())).system == 'tabled'


def test_list_takes_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        recipes.main(['nonsense'])
    assert ended.value.code == 2
    assert 'unrecognized arguments: nonsense' in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        recipes.main(['--help'])
    assert ended.value.code == 0
    assert 'usage: python -m training.recipes' in capsys.readouterr().out

    assert recipes.main([]) == 0

    out = capsys.readouterr().out
    assert 'utd-15 --system tabled' in out


def test_every_listed_row_is_a_recipe() -> None:
    for name, system in recipes.SYSTEMS.items():
        for variant, row in system.variants.items():
            assert system.paper, name
            for protocol in row.protocols:
                assert recipe_for(protocol, name, variant).system == name
                assert 1.0 < row.published.get(protocol, 100.0) <= 100.0


def test_unknown_variant_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no variant 'large' of tabled: there are small"):
        variant_named('tabled', 'large')


def test_older_recipe_is_completed_with_what_was_done_before_there_was_a_choice() -> None:
    old: dict[str, Any] = {'name': 'old', 'optimizer': {'steps': 7}, 'gone': 1}

    found = completed(Recipe, old)

    assert found['optimizer']['steps'] == 7
    assert found['optimizer']['patience'] == 6
    assert found['protocol'] == 'default'
    assert found['gone'] == 1
    assert found['data']['validation_stride'] == 8
