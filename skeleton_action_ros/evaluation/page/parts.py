"""Pieces that pages are made of."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from skeleton_action_ros.evaluation.page.data import Figure, Table


def write_whole(path: Path, text: str) -> None:
    """Write a file, making its folder; a file of that name is replaced whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.part')
    unfinished.write_text(text, encoding='utf-8')
    unfinished.replace(path)


def part(name: str, package: str = __package__) -> str:
    """Return a template, style or script that lies beside the modules of a package."""
    return (resources.files(package) / name).read_text(encoding='utf-8')


def script_json(value: Mapping[str, Any]) -> str:
    """Return JSON that may stand inside a script element, whatever the labels contain."""
    return json.dumps(value, default=_plain, allow_nan=False).replace('<', '\\u003c')


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f'cannot write {type(value).__name__} into the page')


def figure_html(figure: Figure) -> str:
    """Return one headline."""
    name, value, meaning = (
        html.escape(text) for text in (figure.name, figure.value, figure.meaning)
    )
    return f'<div class="figure"><dt>{name}</dt><dd>{value}</dd><small>{meaning}</small></div>'


def table_html(table: Table) -> str:
    """Return a table; the first column heads its row."""
    header = ''.join(f'<th scope="col">{html.escape(name)}</th>' for name in table.header)
    rows = []
    for first, *others in table.rows:
        cells = ''.join(f'<td>{html.escape(cell)}</td>' for cell in others)
        rows.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
    return f'<table><thead><tr>{header}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
