"""
Configuration dataclasses whose fields carry their unit, range and description.

A node declares its parameters from them, the README documents them, and building one checks them,
so that a default, a range or a sentence stands in one place only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, cast

from skeleton_action_ros.core.errors import ConfigError

T = TypeVar('T')
Scalar = bool | int | float | str


@dataclass(frozen=True)
class Parameter:
    """One configurable value: its dotted name, default, and what is said about it."""

    name: str
    default: Scalar
    description: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]

    def check(self, value: Scalar) -> None:
        """
        Refuse a value of the wrong type or outside the range.

        :raises ConfigError: with the value, the range and the parameter's name.
        """
        kind = type(self.default)
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ConfigError(
                f'{self.name} must be {kind.__name__}, got {value!r} ({type(value).__name__})'
            )
        if self.choices and value not in self.choices:
            raise ConfigError(f'{self.name} must be one of {list(self.choices)}, got {value!r}')
        if isinstance(value, (bool, str)):
            return
        low = float('-inf') if self.low is None else self.low
        high = float('inf') if self.high is None else self.high
        if not low <= value <= high:
            unit = f' {self.unit}' if self.unit else ''
            raise ConfigError(
                f'{self.name} must be from {self.low} to {self.high}{unit}, got {value!r}'
            )


def setting(
    default: T,
    description: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare one field of a configuration dataclass with its unit, range and description."""
    return field(
        default=default,
        metadata={
            'description': description,
            'unit': unit,
            'low': low,
            'high': high,
            'choices': choices,
        },
    )


def parameters_of(config: type[Any], prefix: str = '') -> Iterator[Parameter]:
    """Yield the parameters of a configuration dataclass, nested ones with dotted names."""
    for item in fields(config):
        name = f'{prefix}{item.name}'
        if 'description' in item.metadata:
            yield Parameter(name, cast(Scalar, item.default), **item.metadata)
        else:
            yield from parameters_of(_nested(item), f'{name}.')


def build(config: type[T], values: Mapping[str, Scalar], prefix: str = '') -> T:
    """
    Build a configuration from dotted names; what is not named keeps its default.

    :raises ConfigError: a value is of the wrong type or outside its range.
    """
    known = {parameter.name: parameter for parameter in parameters_of(config, prefix)}
    arguments: dict[str, Any] = {}
    for item in fields(config):  # type: ignore[arg-type]
        name = f'{prefix}{item.name}'
        if name in known:
            if name in values:
                known[name].check(values[name])
                arguments[item.name] = type(known[name].default)(values[name])
        else:
            arguments[item.name] = build(_nested(item), values, f'{name}.')
    return config(**arguments)


def _nested(item: Field[Any]) -> type[Any]:
    if item.default_factory is MISSING:
        raise TypeError(f'{item.name} is neither a setting nor a nested configuration')
    return item.default_factory  # type: ignore[return-value]
