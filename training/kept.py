"""What earlier runs left: a changed recipe of the same name does not take its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import read_state
from training.config import Recipe, completed
from training.results import ENTRY, read_json
from training.settings import differences, told


def check_replaceable(
    path: Path, folder: Path, recipe: Recipe, seeds: Sequence[int], settings: Sequence[str]
) -> None:
    """
    Refuse to put what a changed recipe gives in the place of what another one gave.

    :param path: of the results file.
    :param folder: has a folder `seed-N` for each run, with entries and checkpoints.
    :param settings: what was changed, 'name=value' each.
    :raises SkeletonActionError: what is there has another value of one of them.
    """
    named = {one.partition('=')[0] for one in settings}
    for place, values in _recipes_there(path, folder, seeds) if named else ():
        if values.get('system') != recipe.system:
            continue
        found = _differing(values, recipe)
        differing = {name: both for name, both in found.items() if name in named}
        if differing:
            raise SkeletonActionError(
                f'{place} is of another recipe: {told(differing)}; --ablation NAME gives these '
                'results a name of their own'
            )


def _recipes_there(
    path: Path, folder: Path, seeds: Sequence[int]
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield files that hold recipes, and these; what is cut short in a run's folder holds none."""
    if path.is_file():
        known = read_json(path).get('recipe')
        if isinstance(known, dict):
            yield path, known
    for seed in seeds:
        place = folder / f'seed-{seed}'
        for name, read in ((ENTRY, read_json), ('checkpoint.pt', read_state)):
            for file in sorted(place.rglob(name)):
                with suppress(SkeletonActionError):
                    known = read(file).get('recipe')
                    if isinstance(known, dict):
                        yield file, known


def _differing(values: Mapping[str, Any], recipe: Recipe) -> dict[str, tuple[Any, Any]]:
    """Compare a recipe that was read with one that is there; seeds are none of it."""
    there = completed(type(recipe), values)
    first, second = (json.loads(json.dumps(one)) for one in (there, asdict(recipe)))
    found = differences(first, second)
    return {name: both for name, both in found.items() if name != 'seed'}
