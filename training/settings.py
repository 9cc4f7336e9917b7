"""How the command line changes single values of a recipe, and how two recipes differ."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args, get_origin

from skeleton_action_ros.core.errors import ConfigError
from training.config import Recipe
from training.ranges import is_config, types_of

R = TypeVar('R', bound=Recipe)

CHOSEN = ('name', 'system', 'protocol', 'seed')
"""What a recipe is called, and by whom it is used: typed by itself, never as a setting."""

COMPARISON = ('similarity', 'fusion')
"""What of a recipe can be changed after training."""

_SHOWN = 5


def override(recipe: R, settings: Sequence[str]) -> R:
    """
    Change single values of a recipe, all of them at once: the last one of a name counts.

    :param settings: 'dotted.name=value' each; tuples are written (1, 2).
    :raises ConfigError: no such name, or a value of another type or out of its range.
    """
    changes = []
    for setting in settings:
        name, equals, text = setting.partition('=')
        if not equals:
            raise ConfigError(f'a setting is written name=value, got {setting!r}')
        changes.append((name.split('.'), text, name))
    changed: R = _override(recipe, changes)
    return changed


def set_by_user(recipe: R, settings: Sequence[str]) -> R:
    """
    Change what `--set` says: any value but what a recipe is called, and by whom it is used.

    :raises ConfigError: as `override`, or a setting of `CHOSEN`.
    """
    for name in (setting.partition('=')[0] for setting in settings):
        if name in CHOSEN:
            raise ConfigError(
                f'{name!r} is no setting: {", ".join(CHOSEN)} come from PROTOCOL, --system, '
                f'--variant and --seed; expected another value of the recipe'
            )
    return override(recipe, settings)


def differences(
    there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = ''
) -> dict[str, tuple[Any, Any]]:
    """
    Compare what `asdict` made of two recipes.

    :return: both values by dotted name; None where there is none.
    """
    out: dict[str, tuple[Any, Any]] = {}
    for key in dict.fromkeys((*there, *here)):
        first, second = there.get(key), here.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            out |= differences(first, second, f'{prefix}{key}.')
        elif first != second:
            out[f'{prefix}{key}'] = (first, second)
    return out


def told(differing: Mapping[str, tuple[Any, Any]]) -> str:
    """Write differences down: 'optimizer.steps is 2 there, 4 here'; of many the first."""
    items = [f'{name} is {one!r} there, {two!r} here' for name, (one, two) in differing.items()]
    more = len(items) - _SHOWN
    return '; '.join([*items[:_SHOWN], *([f'and {more} more'] if more > 0 else [])])


def _override(config: Any, changes: Sequence[tuple[Sequence[str], str, str]]) -> Any:
    """Apply changes: the path to a value, its text, and how it was called."""
    types = types_of(type(config))
    values: dict[str, Any] = {}
    nested: dict[str, list[tuple[Sequence[str], str, str]]] = {}
    for (first, *rest), text, name in changes:
        if first not in types:
            raise ConfigError(f'no setting {name!r}: {first!r} is none of {", ".join(types)}')
        if is_config(types[first]) != bool(rest):
            raise ConfigError(f'{name!r} is not one value of a recipe')
        if rest:
            nested.setdefault(first, []).append((rest, text, name))
        else:
            values[first] = _value(types[first], text)
    for first, own in nested.items():
        values[first] = _override(getattr(config, first), own)
    return replace(config, **values)


def _value(kind: Any, text: str) -> Any:
    """Read a value; what cannot be read stays a text, which the field then refuses."""
    if kind is str:
        return text
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    if get_origin(kind) is tuple and isinstance(found, tuple):
        numbers = float in get_args(kind)
        return tuple(_as_float(one) if numbers else one for one in found)
    return _as_float(found) if kind is float else found


def _as_float(value: Any) -> Any:
    small = type(value) is int and abs(value) < 2**53
    return float(value) if small else value
