"""Every results file is of the recipe that its command means today."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from training.config import completed
from training.recipes import SYSTEMS, variant_named
from training.results import is_of, read_results, without_seed
from training.settings import differences
from training.train import add_recipe_options, chosen_recipe

RECORDED = read_results()


def meant_by(command: str) -> dict[str, Any]:
    """Return the recipe, without a seed, that a command of `training.run` asks for."""
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    parser.add_argument('--seeds', nargs='+')
    parser.add_argument('--weights-of')
    parser.add_argument('--ablation')
    options = parser.parse_args(shlex.split(command.removeprefix('python -m training.run ')))
    recipe = chosen_recipe(options)
    if options.ablation:
        recipe = replace(recipe, name=f'ablation-{options.ablation}-{recipe.name}')
    return without_seed(recipe)


@pytest.mark.parametrize('result', RECORDED, ids=lambda one: one['name'])
def test_command_of_a_result_means_the_recipe_that_was_measured(result: dict[str, Any]) -> None:
    meant = json.loads(json.dumps(meant_by(result['command'])))
    kind = SYSTEMS[result['system']].recipe_type

    assert differences(completed(kind, result['recipe']), completed(kind, meant)) == {}
    assert is_of(result, meant)
    assert result['command'].endswith(f'--seeds {" ".join(map(str, result["seeds"]))}')


ROWS = [one for one in RECORDED if SYSTEMS[one['system']].paper]


@pytest.mark.parametrize('result', ROWS, ids=lambda one: one['name'])
def test_result_says_of_its_row_what_the_system_says(result: dict[str, Any]) -> None:
    system, protocol = SYSTEMS[result['system']], result['protocol']
    row = variant_named(system.name, result['variant'])

    assert result['paper'] == system.paper
    assert (result['table'], result['about']) == (row.table, row.about)
    assert result['published'] == row.published.get(protocol)


def test_recipe_that_was_changed_since_is_noticed() -> None:
    command = RECORDED[0]['command']
    meant = meant_by(command)
    meant['optimizer'] = {**meant['optimizer'], 'steps': meant['optimizer']['steps'] + 1}

    assert not is_of({**RECORDED[0], 'recipe': meant}, meant_by(command))
