from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from skeleton_action_ros.core.config import build, parameters_of, setting
from skeleton_action_ros.core.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    rate_hz: float = setting(30.0, 'frames a second', unit='Hz', low=1.0, high=60.0)


@dataclass(frozen=True)
class Outer:
    mode: str = setting('fast', 'how', choices=('fast', 'slow'))
    count: int = setting(3, 'how many', low=1)
    loud: bool = setting(False, 'whether to speak')
    inner: Inner = field(default_factory=Inner)


def test_nested_settings_have_dotted_names_units_and_ranges() -> None:
    found = {parameter.name: parameter for parameter in parameters_of(Outer)}
    assert list(found) == ['mode', 'count', 'loud', 'inner.rate_hz']
    assert found['inner.rate_hz'].unit == 'Hz'
    assert (found['inner.rate_hz'].low, found['inner.rate_hz'].high) == (1.0, 60.0)


def test_what_is_not_named_keeps_its_default() -> None:
    assert build(Outer, {'inner.rate_hz': 15.0}) == Outer(inner=Inner(rate_hz=15.0))


def test_a_whole_number_serves_as_a_float() -> None:
    built = build(Outer, {'inner.rate_hz': 15})
    assert isinstance(built.inner.rate_hz, float)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('inner.rate_hz', 61.0, 'inner.rate_hz must be from 1.0 to 60.0 Hz, got 61.0'),
        ('inner.rate_hz', float('nan'), 'got nan'),
        ('count', 0, 'count must be from 1 to None, got 0'),
        ('count', 2.5, 'count must be int, got 2.5'),
        ('count', True, 'count must be int, got True'),
        ('loud', 1, 'loud must be bool, got 1'),
        ('mode', 'wild', r"mode must be one of \['fast', 'slow'\], got 'wild'"),
    ],
)
def test_bad_value_is_refused_with_name_range_and_value(name, value, message) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Outer, {name: value})
