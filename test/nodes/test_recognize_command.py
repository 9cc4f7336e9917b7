from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skeleton_action_ros.cli.recognize import event_fields, event_line, find_config
from skeleton_action_ros.core.errors import ConfigError


def at(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))


def event(kind: int, end: float = 0.0) -> Any:
    return SimpleNamespace(
        STARTED=0,
        ENDED=1,
        kind=kind,
        header=SimpleNamespace(stamp=at(13.5)),
        body_id=4,
        label='wave',
        start=at(11.0),
        end=at(end),
        confidence=0.8,
        latency=0.0123,
    )


def test_started_event_as_a_line() -> None:
    assert event_line(event(0)) == (
        'person 4  wave  started (confidence 0.80, 12 ms after the deciding frame)'
    )


def test_ended_event_as_a_line() -> None:
    assert event_line(event(1, end=13.25)) == 'person 4  wave  ended after 2.2 s'


def test_event_as_plain_values() -> None:
    assert event_fields(event(1, end=13.25)) == {
        'kind': 'ended',
        'label': 'wave',
        'body_id': 4,
        'stamp_ns': 13_500_000_000,
        'start_ns': 11_000_000_000,
        'end_ns': 13_250_000_000,
        'confidence': 0.8,
        'latency_s': 0.0123,
    }
    assert event_fields(event(0))['end_ns'] is None


def test_parameter_file_is_found_in_the_checkout() -> None:
    assert find_config() == Path(__file__).resolve().parents[2] / 'config' / 'recognize.yaml'


def test_missing_parameter_file_names_the_places_looked_at() -> None:
    with pytest.raises(ConfigError, match=r'config/nope\.yaml'):
        find_config('nope.yaml')
