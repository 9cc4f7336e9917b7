"""
What earlier runs left: neither a changed recipe of the same name nor fewer seeds take its place.

Both are found out before anything is trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import read_state
from training.config import Recipe, completed
from training.results import ENTRY, entries_of, is_of, read_entries, read_json, without_seed
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


def known_entries(
    path: Path,
    folder: Path,
    recipe: Recipe,
    seeds: Sequence[int],
    is_on_these: Callable[[Mapping[str, Any]], bool],
) -> list[dict[str, Any]]:
    """
    Return what a results file says of its seeds, where some have left no entries here.

    :param folder: has a folder `seed-N` for each run.
    :param seeds: those about to be run.
    :param is_on_these: says whether an entry was measured on the clips that are there now.
    :return: as from `results.entries_of`; none where an entry of each seed is or will be there.
    :raises SkeletonActionError: they cannot stand in one file with these seeds, and would be lost.
    """
    if not path.is_file():
        return []
    known = read_json(path)
    if not isinstance(known.get('recipe'), dict) or known.get('system') != recipe.system:
        return []
    seedless = without_seed(recipe)
    here = {entry['seed'] for entry in read_entries(folder, seedless)}
    entries = entries_of(known)
    missing = [entry for entry in entries if entry['seed'] not in {*seeds, *here}]
    if not missing:
        return []
    if not is_of(known, seedless):
        reason = f'they are of another recipe: {told(_differing(known["recipe"], recipe))}'
    elif not all(map(is_on_these, missing)):
        reason = 'they were measured on other data than is there now'
    elif 'also' in known:
        reason = f'it has figures of {", ".join(known["also"])} by seed in their entries only'
    else:
        return entries
    lost = [entry['seed'] for entry in missing]
    every = sorted({*seeds, *(entry['seed'] for entry in entries)})
    raise SkeletonActionError(
        f'{path} would lose {_seeds(lost)}: {reason}; run all of them, --seeds '
        f'{" ".join(map(str, every))}, or name another folder by --results'
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


def _seeds(numbers: Sequence[int]) -> str:
    return f'{"seeds" if len(numbers) > 1 else "seed"} {" ".join(map(str, numbers))}'
