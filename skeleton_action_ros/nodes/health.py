"""How a node fares: what it counted, refused and measured, for `/diagnostics` and the log."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from skeleton_action_ros.core.skeleton import NS_PER_S

_LOG_PERIOD_NS = 5 * NS_PER_S
_KEPT_LATENCIES = 1000
_LONGEST_QUOTE = 300
_LONGEST_SILENCE_S = 3.0

INTERNAL_ERROR = 'internal_error'
"""The reason to count errors by that are no input's fault."""


class Level(IntEnum):
    """As in DiagnosticStatus.msg."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass
class _Refusals:
    total: int = 0
    fresh: int = 0
    unlogged: int = 0
    logged_ns: int | None = None
    last: str = ''


@dataclass
class Health:
    """
    Counters, refusals with their reasons, rates and latencies of one node.

    :param failure: why the node cannot do its work now; empty when it can.
    :param shortcoming: what it does without; empty when it has all.
    :param awaited: what must come all the time (a name given to `beat`); empty: nothing must.
    :param facts: what else is worth knowing, by name.
    """

    failure: str = ''
    shortcoming: str = ''
    awaited: str = ''
    facts: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _refusals: dict[str, _Refusals] = field(default_factory=dict)
    _beats: Counter[str] = field(default_factory=Counter)
    _latencies_s: dict[str, deque[float]] = field(default_factory=dict)
    _reported_ns: int | None = None
    _came_ns: int | None = None

    def refuse(self, reason: str, message: str, now_ns: int, times: int = 1) -> str:
        """
        Count bad input.

        :param reason: short key to count by.
        :param now_ns: any clock that does not jump.
        :param times: how often it came since the last call.
        :return: the line to log now; empty while the same reason was logged less than 5 s ago.
        """
        entry = self._refusals.setdefault(reason, _Refusals())
        entry.total += times
        entry.fresh += times
        entry.last = message[:_LONGEST_QUOTE]
        if entry.logged_ns is not None and now_ns - entry.logged_ns < _LOG_PERIOD_NS:
            entry.unlogged += times
            return ''
        unlogged = entry.unlogged + times - 1
        more = f' ({unlogged} more since the last line)' if unlogged else ''
        entry.logged_ns, entry.unlogged = now_ns, 0
        return f'refused [{reason}]: {entry.last}{more}'

    def beat(self, name: str, times: int = 1) -> None:
        """Count something whose rate matters."""
        self._beats[name] += times
        self.counts[name] += times

    def took(self, name: str, seconds: float) -> None:
        """Add one measured time."""
        self._latencies_s.setdefault(name, deque(maxlen=_KEPT_LATENCIES)).append(seconds)

    def report(self, now_ns: int) -> tuple[Level, str, dict[str, str]]:
        """
        Sum up since the last report.

        :param now_ns: any clock that does not jump.
        :return: level, one line, and values by name.
        """
        fresh = {name: entry for name, entry in self._refusals.items() if entry.fresh}
        values = dict(self.facts)
        values.update({f'count.{name}': str(count) for name, count in sorted(self.counts.items())})
        for name, entry in sorted(self._refusals.items()):
            values[f'refused.{name}'] = str(entry.total)
            values[f'refused.{name}.last'] = entry.last
        elapsed_s = 0.0 if self._reported_ns is None else (now_ns - self._reported_ns) / NS_PER_S
        for name, beats in sorted(self._beats.items()):
            values[f'rate_hz.{name}'] = f'{beats / elapsed_s if elapsed_s > 0.0 else 0.0:.1f}'
        for name, seconds in sorted(self._latencies_s.items()):
            p50, p99 = np.percentile(list(seconds), (50, 99)) * 1e3
            values[f'latency_ms.{name}.p50'] = f'{p50:.2f}'
            values[f'latency_ms.{name}.p99'] = f'{p99:.2f}'
        level, line = self._verdict(fresh, self._silent_s(now_ns))
        self._reported_ns = now_ns
        for name in list(self._beats):
            self._beats[name] = 0
        for entry in fresh.values():
            entry.fresh = 0
        return level, line, values

    def _silent_s(self, now_ns: int) -> float:
        """Return for how long what is awaited has not come, as far as reports have seen."""
        if not self.awaited or self._beats[self.awaited] or self._came_ns is None:
            self._came_ns = now_ns
        return (now_ns - self._came_ns) / NS_PER_S

    def _verdict(self, fresh: dict[str, _Refusals], silent_s: float) -> tuple[Level, str]:
        if self.failure:
            return Level.ERROR, self.failure
        if fresh:
            parts = [f'{entry.fresh} x {name}: {entry.last}' for name, entry in fresh.items()]
            level = Level.ERROR if INTERNAL_ERROR in fresh else Level.WARN
            return level, f'refused {"; ".join(parts)}'
        if silent_s >= _LONGEST_SILENCE_S:
            return Level.WARN, f'no {self.awaited} for {silent_s:.0f} s'
        if self.shortcoming:
            return Level.WARN, self.shortcoming
        return Level.OK, 'working'
