"""
The table of figures in training/README.md: `python -m training.table` writes it from the results.

What stands between the two marks is replaced; nothing in it is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training.data import CHECKOUT

README = CHECKOUT / 'training' / 'README.md'
RESULTS = CHECKOUT / 'training' / 'results'
BEGIN = '<!-- figures: python -m training.table -->'
END = '<!-- end of figures -->'
METHODS = ('raw', 'canonical', 'dtw', 'embedder')


def rows(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table, one a recipe and test set."""
    lines = [
        '| recipe | asked on | classes | clips | raw joints | canonical joints | DTW | embedder '
        '| seed | commit |',
        '|---|---|---|---|---|---|---|---|---|---|',
    ]
    for result in results:
        for test, found in result['one_shot'].items():
            cells = [
                f'{100 * found[name]["accuracy_mean"]:.1f} +- '
                f'{100 * found[name]["accuracy_std"]:.1f}'
                for name in METHODS
            ]
            size = found['embedder']
            lines.append(
                f'| {result["system"]} | {test} | {size["classes"]} | {size["clips"]} '
                f'| {" | ".join(cells)} | {result["seed"]} | {result["commit"]} |'
            )
    return lines


def with_table(text: str, results: Iterable[Mapping[str, Any]]) -> str:
    """
    Replace the table in a text.

    :raises ValueError: the marks are not there.
    """
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return '\n'.join([before + BEGIN, *rows(results), END + after])


def read_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Read all results files, by name."""
    return [json.loads(path.read_text('utf-8')) for path in sorted(folder.glob('*.json'))]


def main() -> int:
    """Bring the table up to date."""
    README.write_text(with_table(README.read_text('utf-8'), read_results()), 'utf-8')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
