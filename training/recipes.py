"""
Recipes: complete configurations, one for each protocol and system; `python -m training.recipes`.

A system's recipe type has its defaults; the protocol says what is learned from.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from skeleton_action_ros.core.errors import ConfigError
from training.classifier import ClassifierSystem
from training.command import one_line
from training.config import Recipe
from training.convnet3d.system import ConvNet3dSystem
from training.encoder import EncoderSystem
from training.protocols import PROTOCOLS, protocol_named
from training.recurrent.system import RecurrentSystem
from training.settings import override
from training.siamese_lstm.baselines import SequenceBaselineSystem
from training.siamese_lstm.system import SiameseLstmSystem
from training.skeleton_dml.system import SkeletonDmlSystem
from training.system import System, Variant
from training.tarm.system import TarmSystem

SYSTEMS: dict[str, type[System[Any]]] = {
    system.name: system
    for system in (
        EncoderSystem,
        ClassifierSystem,
        SkeletonDmlSystem,
        RecurrentSystem,
        ConvNet3dSystem,
        SiameseLstmSystem,
        SequenceBaselineSystem,
        TarmSystem,
    )
}

ABLATION = 'ablation-'
"""What names of recipes begin with that `--ablation NAME` has given."""


def make_system(recipe: Recipe) -> System[Any]:
    """Return the system that a recipe names, configured by it."""
    return SYSTEMS[recipe.system](recipe)


def recipe_for(
    protocol: str, system: str = 'encoder', variant: str = '', *, alone: bool = False, seed: int = 0
) -> Recipe:
    """
    Return the recipe of a system for a protocol.

    :param variant: a row of its paper's tables, by its name in `System.variants`.
    :param alone: learn from the data set that is asked on only, not from the others as well.
    :raises ConfigError: there is no such protocol, system or variant, or it would learn from
        nothing.
    """
    chosen = protocol_named(protocol)
    if system not in SYSTEMS:
        raise ConfigError(f'no system {system!r}: there are {", ".join(SYSTEMS)}')
    if alone and chosen.asked_on not in chosen.datasets:
        raise ConfigError(f'{protocol} learns from other data sets than the one it asks on')
    name = recipe_name(protocol, system, variant, alone=alone)
    recipe = SYSTEMS[system].recipe_type(name=name)
    # Where nothing is asked there is nothing to select for: every class is learned.
    stride = recipe.data.validation_stride if chosen.asked_on else 0
    data = replace(
        recipe.data,
        train=(chosen.asked_on,) if alone else chosen.datasets,
        validation_stride=stride,
        simulated_people=0 if alone else recipe.data.simulated_people,
    )
    recipe = replace(recipe, system=system, protocol=protocol, seed=seed, data=data)
    settings = variant_named(system, variant).settings
    learned_from = override(recipe, settings).data.train
    return override(recipe, (*SYSTEMS[system].settings_for(learned_from), *settings))


def variant_named(system: str, variant: str) -> Variant:
    """
    Look a variant of a system up; '' is the recipe as it is.

    :raises ConfigError: there is none such.
    """
    variants = SYSTEMS[system].variants
    if not variant:
        return variants.get('', Variant(''))
    if variant not in variants:
        there = ', '.join(name for name in variants if name)
        raise ConfigError(f'no variant {variant!r} of {system}: there are {there or "none"}')
    return variants[variant]


def recipe_name(protocol: str, system: str, variant: str = '', *, alone: bool = False) -> str:
    """
    Name what `recipe_for` returns; the encoder of 'default' is the model that ships.

    The fold of a protocol comes last: 'florence3d-loao-siamese-lstm/3'.
    """
    if (protocol, system, variant) == ('default', 'encoder', ''):
        return protocol
    whole, slash, fold = protocol.partition('/')
    parts = [whole, *(['alone'] if alone else []), system, *([variant] if variant else [])]
    return f'{"-".join(parts)}{slash}{fold}'


def words_of(protocol: str, system: str, variant: str = '') -> str:
    """Return what is typed after `python -m training.run`."""
    chosen = f' --variant {variant}' if variant else ''
    return f'{protocol} --system {system}{chosen}'


def rows_of(system: type[System[Any]]) -> list[tuple[str, str]]:
    """Return the rows of a system's tables: what to type, and what the paper has."""
    out = []
    for name, variant in system.variants.items():
        for protocol in variant.protocols:
            published = variant.published.get(protocol)
            target = '' if published is None else f': {published:g} %'
            where = f'{variant.table}, ' if variant.table else ''
            out.append((words_of(protocol, system.name, name), f'{where}{variant.about}{target}'))
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the protocols, the systems, and the rows of the papers' tables."""
    parser = argparse.ArgumentParser(prog='python -m training.recipes', description=main.__doc__)
    parser.parse_args(arguments)
    with one_line(parser):
        print_recipes()
    return 0


def print_recipes() -> None:
    """Print the protocols, the systems, and the rows of the papers' tables."""
    for name, protocol in PROTOCOLS.items():
        goal = f' Goal: {protocol.goal:g} %.' if protocol.goal else ''
        paper = f' ({protocol.paper})' if protocol.paper else ''
        folds = f' Folds {", ".join(protocol.folds)}.' if protocol.folds else ''
        print(f'{name:24} {protocol.about}{paper}.{folds}{goal}')
    print()
    for name, system in SYSTEMS.items():
        print(f'{name:24} {system.about}')
    print('\nAfter `python -m training.run`:')
    for system in SYSTEMS.values():
        rows = rows_of(system)
        if rows:
            print(f'\n{system.paper}')
        for words, row in rows:
            print(f'  {words:72} {row}')


if __name__ == '__main__':
    raise SystemExit(main())
