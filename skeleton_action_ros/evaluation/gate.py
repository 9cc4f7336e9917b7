"""A regression gate: which figures are worse than those of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from skeleton_action_ros.core.errors import ConfigError

SHARES = ('event_f1', 'map', 'frame_accuracy', 'unknown_auroc')
"""From 0 to 1, larger is better."""
LOSSES = ('wrong_label_share', 'far_at_95_recall', 'confidence_calibration_error')
"""From 0 to 1, smaller is better."""
COSTS = (
    'onset_latency_s',
    'frame_latency_ms',
    'false_events_per_hour',
    'false_events_per_hour_of_nothing',
)
"""Of any size, smaller is better."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Regression:
    """
    One figure that is worse.

    :param now: None where there is none any more.
    """

    name: str
    before: float
    now: float | None
    allowed: float

    def __str__(self) -> str:
        now = 'none' if self.now is None else f'{self.now:g}'
        return f'{self.name}: {self.before:g} -> {now}, allowed is {self.allowed:g}'


def regressions(
    found: Mapping[str, Any], baseline: Mapping[str, Any], tolerance: float
) -> list[Regression]:
    """
    Compare figures with earlier ones.

    Shares may be worse by `tolerance`, latencies and rates by that share of what they were. A
    figure that was there and is none now is worse; one that was none is not compared.

    :raises ConfigError: they are not about the same recordings and actions, or the earlier ones
        hold none of the figures.
    """
    for key, what in (('bags', 'recordings'), ('taught', 'actions')):
        ours, theirs = (_names(one.get(key, ())) for one in (found, baseline))
        if ours != theirs:
            raise ConfigError(
                f'the baseline is about other {what}: {", ".join(theirs) or "none"}; now it is '
                f'{", ".join(ours) or "none"}'
            )
    worse = []
    compared = 0
    for kind, group in (('share', SHARES), ('loss', LOSSES), ('cost', COSTS)):
        for name, before in _numbers(baseline, group):
            compared += 1
            value = dict(_numbers(found, group)).get(name)
            allowed = {
                'share': before - tolerance,
                'loss': before + tolerance,
                'cost': before * (1.0 + tolerance),
            }[kind]
            sign = -1.0 if kind == 'share' else 1.0
            if value is None or sign * (value - allowed) > _ROUNDING:
                worse.append(Regression(name, before, value, round(allowed, 6)))
    if not compared:
        raise ConfigError(f'the baseline has none of {", ".join((*SHARES, *LOSSES, *COSTS))}')
    return worse


def _names(items: Any) -> list[str]:
    return [str(item['bag']) if isinstance(item, Mapping) else str(item) for item in items]


def _numbers(found: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Yield each figure that is a number; those of a group as `event_f1 0.25`."""
    for name in names:
        value = found.get(name)
        parts = value.items() if isinstance(value, Mapping) else [('', value)]
        for part, number in parts:
            if isinstance(number, (int, float)):
                yield f'{name} {part}'.strip(), float(number)
