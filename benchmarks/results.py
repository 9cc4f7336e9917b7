"""One row of a table, and the machine it was measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime


@dataclass(frozen=True)
class Row:
    """
    One measured quantity.

    :param p50: median, or the value itself where there is one only; `p99` is then None.
    :param goal: what it should be, in words.
    :param samples: how many measurements are behind it.
    """

    name: str
    unit: str
    p50: float
    p99: float | None
    samples: int
    goal: str = ''

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def distribution(name: str, values: Sequence[float], unit: str, goal: str = '') -> Row:
    """Sum up many measurements; none at all give a row of not-a-number samples 0."""
    if len(values) == 0:
        return Row(name, unit, 0.0, None, 0, goal)
    p50, p99 = np.percentile(values, (50, 99))
    return Row(name, unit, round(float(p50), 4), round(float(p99), 4), len(values), goal)


def value(name: str, measured: float, unit: str, samples: int = 1, goal: str = '') -> Row:
    """Make a row of one number."""
    return Row(name, unit, round(measured, 4), None, samples, goal)


def table(rows: Sequence[Row]) -> str:
    """Lay rows out as plain text."""
    lines = [f'{"":<58}{"p50":>10}{"p99":>10}  {"":<6}{"samples":>8}  goal']
    for row in rows:
        p99 = '' if row.p99 is None else f'{row.p99:.2f}'
        lines.append(
            f'{row.name:<58}{row.p50:>10.2f}{p99:>10}  {row.unit:<6}{row.samples:>8}  {row.goal}'
        )
    return '\n'.join(lines)


def machine() -> dict[str, str]:
    """Describe what everything ran on."""
    return {
        'cpu': _cpu_model(),
        'cores': str(len(os.sched_getaffinity(0))),
        'load before': ' '.join(f'{load:.1f}' for load in os.getloadavg()),
        'python': platform.python_version(),
        'numpy': np.__version__,
        'onnxruntime': onnxruntime.__version__,
        'system': platform.platform(),
    }


def _cpu_model() -> str:
    for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor()
