"""Pieces that pages are made of."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

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


@dataclass(frozen=True)
class Content:
    """
    What one page has of its own; the frame around it is the same for all.

    :param main: markup of its sections.
    :param notes: how it was made, a paragraph each.
    :param data: what its scripts read.
    :param styles: texts of its style sheets, beside the common one.
    :param scripts: texts, in their order.
    """

    title: str
    subtitle: str
    main: str
    notes: Sequence[str]
    data: Mapping[str, Any]
    scripts: Sequence[str]
    styles: Sequence[str] = ()


def page_html(content: Content) -> str:
    """Return a whole page, which loads nothing."""
    return Template(part('frame.html')).substitute(
        title=html.escape(content.title),
        subtitle=html.escape(content.subtitle),
        style='\n'.join((part('page.css'), *content.styles)),
        main=content.main,
        notes=''.join(f'<p>{html.escape(note)}</p>' for note in content.notes),
        plotly=get_plotlyjs(),
        data=script_json(content.data),
        script='\n'.join(content.scripts),
    )


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
