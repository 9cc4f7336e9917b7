"""
Recipes: complete configurations, one for each protocol and system; `python -m training.recipes`.

A system's recipe type has its defaults; the protocol says what is learned from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from skeleton_action_ros.core.errors import ConfigError
from training.classifier import ClassifierSystem
from training.config import Recipe
from training.encoder import EncoderSystem
from training.protocols import PROTOCOLS, protocol_named
from training.skeleton_dml.system import SkeletonDmlSystem
from training.system import System

SYSTEMS: dict[str, type[System[Any]]] = {
    system.name: system for system in (EncoderSystem, ClassifierSystem, SkeletonDmlSystem)
}


def make_system(recipe: Recipe) -> System[Any]:
    """Return the system that a recipe names, configured by it."""
    return SYSTEMS[recipe.system](recipe)


def recipe_for(
    protocol: str, system: str = 'encoder', *, alone: bool = False, seed: int = 0
) -> Recipe:
    """
    Return the recipe of a system for a protocol.

    :param alone: learn from the data set that is asked on only, not from the others as well.
    :raises ConfigError: there is no such protocol or system, or it would learn from nothing.
    """
    chosen = protocol_named(protocol)
    if system not in SYSTEMS:
        raise ConfigError(f'no system {system!r}: there are {", ".join(SYSTEMS)}')
    if alone and chosen.asked_on not in chosen.datasets:
        raise ConfigError(f'{protocol} learns from other data sets than the one it asks on')
    recipe = SYSTEMS[system].recipe_type(name=recipe_name(protocol, system, alone=alone))
    # Where nothing is asked there is nothing to select for: every class is learned.
    stride = recipe.data.validation_stride if chosen.asked_on else 0
    data = replace(
        recipe.data,
        train=(chosen.asked_on,) if alone else chosen.datasets,
        validation_stride=stride,
        simulated_people=0 if alone else recipe.data.simulated_people,
    )
    return replace(recipe, system=system, protocol=protocol, seed=seed, data=data)


def recipe_name(protocol: str, system: str, *, alone: bool = False) -> str:
    """Name what `recipe_for` returns; the encoder of 'default' is the model that ships."""
    if (protocol, system) == ('default', 'encoder'):
        return protocol
    return f'{protocol}{"-alone" if alone else ""}-{system}'


def main() -> int:
    """Print the protocols and the systems."""
    for name, protocol in PROTOCOLS.items():
        goal = f' Goal: {protocol.goal:g} %.' if protocol.goal else ''
        paper = f' ({protocol.paper})' if protocol.paper else ''
        print(f'{name:20} {protocol.about}{paper}.{goal}')
    print()
    for name, system in SYSTEMS.items():
        print(f'{name:20} {system.about}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
