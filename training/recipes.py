"""
Recipes: functions that return a complete configuration. `python -m training.recipes` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.config import DataConfig, EncoderRecipe, Recipe
from training.encoder import EncoderSystem
from training.system import System

SYSTEMS: dict[str, type[System[Any]]] = {system.name: system for system in (EncoderSystem,)}


def make_system(recipe: Recipe) -> System[Any]:
    """Return the system that a recipe names, configured by it."""
    return SYSTEMS[recipe.system](recipe)


def default() -> EncoderRecipe:
    """Learn from all data sets and the simulated person, every class: the bundle that ships."""
    everything = (*DataConfig().train, 'florence3d', 'g3d-clips')
    return EncoderRecipe('default', data=DataConfig(train=everything, validation_stride=0))


def unseen() -> EncoderRecipe:
    """Learn as `default` does, but never from G3D and Florence 3D, which it is measured on."""
    return EncoderRecipe('unseen')


RECIPES: dict[str, Callable[[], Recipe]] = {recipe.__name__: recipe for recipe in (default, unseen)}


def main() -> int:
    """Print what each recipe is for."""
    for name, recipe in sorted(RECIPES.items()):
        print(f'{name:12} {(recipe.__doc__ or "").strip()}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
