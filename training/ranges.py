"""Which values a recipe may have: of the type of their field, finite, and within a range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from skeleton_action_ros.core.errors import ConfigError

T = TypeVar('T')

MOST = 1_000_000_000
"""No number of a recipe is larger, unless its field says so."""

_WORDS = {bool: 'True or False', int: 'a whole number', float: 'a number', str: 'a text'}
_MANY = {bool: 'True or False', int: 'whole numbers', float: 'numbers', str: 'texts'}
_COUNTS = {1: 'one', 2: 'two', 3: 'three'}


def limited(
    default: T,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: tuple[str, ...] = (),
    fewest: int = 0,
) -> T:
    """
    Declare a field of a recipe with its range, as `core.config.setting` does for the package's.

    :param low: 0 unless given; of each element, where there are several.
    :param high: `MOST` unless given.
    :param choices: the only values there are.
    :param fewest: elements that a tuple of any length must have.
    """
    limits = {'low': low, 'high': high, 'choices': choices, 'fewest': fewest}
    return field(default=default, metadata=limits)


def types_of(kind: type) -> Mapping[str, Any]:
    """Return the types of a dataclass' fields, by their names."""
    types = get_type_hints(kind)
    return {item.name: types[item.name] for item in fields(kind)}


def is_config(kind: Any) -> bool:
    """Say whether a field of this type has values of its own."""
    return isinstance(kind, type) and is_dataclass(kind)


def check(config: Any, prefix: str = '') -> None:
    """
    Refuse what no recipe may have.

    A number is from 0 to `MOST`, unless its field is `limited` (or a `setting`) otherwise. A
    dataclass whose values restrict one another says how in a method `contradictions`, which yields
    sentences that begin with the name of a field.

    :param config: a recipe, or a part of it.
    :raises ConfigError: with the dotted name, what is expected and what arrived.
    """
    types = types_of(type(config))
    for item in fields(config):
        name, value, kind = f'{prefix}{item.name}', getattr(config, item.name), types[item.name]
        if is_config(kind):
            if not isinstance(value, kind):
                raise ConfigError(f'{name} must be a {kind.__name__}, got {value!r}')
            check(value, f'{name}.')
        elif not _fits(value, kind, item.metadata):
            raise ConfigError(f'{name} must be {_expected(kind, item.metadata)}, got {value!r}')
    for contradiction in getattr(config, 'contradictions', tuple)():
        raise ConfigError(f'{prefix}{contradiction}')


def _fits(value: Any, kind: Any, limits: Mapping[str, Any]) -> bool:
    if get_origin(kind) is tuple:
        if type(value) is not tuple:
            return False
        first, *others = get_args(kind)
        open_ended = others == [...]
        kinds = [first] * len(value) if open_ended else [first, *others]
        enough = len(value) >= limits.get('fewest', 0) if open_ended else len(value) == len(kinds)
        return enough and all(map(_fits, value, kinds, [limits] * len(value)))
    if kind not in _WORDS:
        return True
    if type(value) is not kind and not (kind is float and type(value) is int):
        return False
    if kind in (bool, str):
        return not limits.get('choices') or value in limits['choices']
    low, high = _range(limits)
    return bool(low <= value <= high)


def _expected(kind: Any, limits: Mapping[str, Any]) -> str:
    """Write down what a field takes."""
    if limits.get('choices'):
        return f'one of {", ".join(limits["choices"])}'
    single, words = kind, _WORDS
    if get_origin(kind) is tuple:
        single, *others = get_args(kind)
        words = _MANY
    low, high = _range(limits)
    text = words[single] + (f' from {low} to {high}' if single in (int, float) else '')
    if single is kind:
        return text
    example = {int: '(1, 2)', float: '(0.5, 1.0)', str: "('a', 'b')"}.get(single, '(True, False)')
    if others != [...]:
        text = f'{_COUNTS.get(1 + len(others), 1 + len(others))} {text}'
    elif limits.get('fewest'):
        text = f'{_COUNTS.get(limits["fewest"], limits["fewest"])} or more {text}'
    return f'{text}, written like {example}'


def _range(limits: Mapping[str, Any]) -> tuple[float, float]:
    low, high = limits.get('low'), limits.get('high')
    return (0 if low is None else low), (MOST if high is None else high)
