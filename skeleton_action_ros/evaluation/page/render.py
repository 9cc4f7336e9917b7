"""Put a page together: template, style, scripts and data in one file."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from skeleton_action_ros.evaluation.page.data import (
    NONE,
    OUTCOMES,
    Confusion,
    Figure,
    PageData,
    Table,
)
from skeleton_action_ros.evaluation.page.plots import latency_figure, timeline_figure
from skeleton_action_ros.evaluation.page.skeletons import player_data


def write_page(path: Path, data: PageData) -> None:
    """Write the page, making its folder; a page of that name is replaced whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.part')
    unfinished.write_text(render_page(data), encoding='utf-8')
    unfinished.replace(path)


def render_page(data: PageData) -> str:
    """
    Return the page as HTML.

    :raises ValueError: no scenes, or the confusion has another shape than its names.
    """
    if not data.scenes:
        raise ValueError('a page needs at least one scene, got none')
    wanted = (len(data.confusion.rows), len(data.confusion.columns))
    got = {len(row) for row in data.confusion.counts}
    if len(data.confusion.counts) != wanted[0] or got - {wanted[1]}:
        raise ValueError(f'confusion counts must be {wanted[0]} rows of {wanted[1]}, got {got}')
    return Template(_part('page.html')).substitute(
        title=html.escape(data.title),
        subtitle=html.escape(data.subtitle),
        style=_part('page.css'),
        figures=''.join(_figure_html(figure) for figure in data.figures),
        legend=''.join(
            f'<li><i style="background:{colour}"></i>{name}</li>'
            for name, colour in OUTCOMES.items()
        ),
        confusion=_confusion_html(data.confusion),
        actions=_table_html(data.actions),
        notes=''.join(f'<p>{html.escape(note)}</p>' for note in data.notes),
        plotly=get_plotlyjs(),
        data=_script_json(
            {
                **player_data(data),
                'timeline': timeline_figure(data).to_plotly_json(),
                'latency': latency_figure(data.latencies_ms).to_plotly_json(),
            }
        ),
        player=_part('player.js'),
    )


def _part(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding='utf-8')


def _script_json(value: Mapping[str, Any]) -> str:
    """Return JSON that may stand inside a script element, whatever the labels contain."""
    return json.dumps(value, default=_plain, allow_nan=False).replace('<', '\\u003c')


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f'cannot write {type(value).__name__} into the page')


def _figure_html(figure: Figure) -> str:
    name, value, meaning = (
        html.escape(text) for text in (figure.name, figure.value, figure.meaning)
    )
    return f'<div class="figure"><dt>{name}</dt><dd>{value}</dd><small>{meaning}</small></div>'


def _confusion_html(confusion: Confusion) -> str:
    columns = ''.join(
        f'<th scope="col"><span>{html.escape(name)}</span></th>' for name in confusion.columns
    )
    rows = []
    for name, counts in zip(confusion.rows, confusion.counts, strict=True):
        total = max(sum(counts), 1)
        cells = ''.join(
            f'<td style="--share:{100 * count / total:.0f}%" class="'
            f'{"right" if _is_right(name, column, confusion) else "other"}">{count or ""}</td>'
            for column, count in zip(confusion.columns, counts, strict=True)
        )
        rows.append(f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>')
    return (
        f'<table class="confusion"><thead><tr><th>shown \\ recognised as</th>{columns}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table>'
    )


def _is_right(row: str, column: str, confusion: Confusion) -> bool:
    return row == column or (column == NONE and row not in confusion.columns)


def _table_html(table: Table) -> str:
    header = ''.join(f'<th scope="col">{html.escape(name)}</th>' for name in table.header)
    rows = []
    for first, *others in table.rows:
        cells = ''.join(f'<td>{html.escape(cell)}</td>' for cell in others)
        rows.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
    return f'<table><thead><tr>{header}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
