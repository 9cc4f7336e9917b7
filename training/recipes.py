"""
Recipes: functions that return a complete configuration. `python -m training.recipes` lists them.
"""

from __future__ import annotations

from collections.abc import Callable

from training.config import DataConfig, Recipe


def default() -> Recipe:
    """Learn from all data sets and the simulated person, every class: the bundle that ships."""
    everything = (*DataConfig().train, 'florence3d', 'g3d-clips')
    return Recipe('default', data=DataConfig(train=everything, validation_stride=0))


def unseen() -> Recipe:
    """Learn as `default` does, but never from G3D and Florence 3D, which it is measured on."""
    return Recipe('unseen')


RECIPES: dict[str, Callable[[], Recipe]] = {recipe.__name__: recipe for recipe in (default, unseen)}


def main() -> int:
    """Print what each recipe is for."""
    for name, recipe in sorted(RECIPES.items()):
        print(f'{name:12} {(recipe.__doc__ or "").strip()}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
