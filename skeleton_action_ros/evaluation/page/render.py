"""The page of a run: what was shown, what was recognised, and how long it took."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template

from skeleton_action_ros.evaluation.page.data import (
    NONE,
    OUTCOMES,
    Confusion,
    PageData,
)
from skeleton_action_ros.evaluation.page.parts import (
    Content,
    figure_html,
    page_html,
    part,
    table_html,
    write_whole,
)
from skeleton_action_ros.evaluation.page.plots import latency_figure, timeline_figure
from skeleton_action_ros.evaluation.page.skeletons import player_data


def write_page(path: Path, data: PageData) -> None:
    """Write the page, making its folder; a page of that name is replaced whole or not at all."""
    write_whole(path, render_page(data))


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
    main = Template(part('page.html')).substitute(
        stage=stage_html(),
        figures=''.join(figure_html(figure) for figure in data.figures),
        confusion=confusion_html(data.confusion),
        actions=table_html(data.actions),
    )
    values = {
        **player_data(data),
        'timeline': timeline_figure(data).to_plotly_json(),
        'plots': {'latency': latency_figure(data.latencies_ms).to_plotly_json()},
    }
    scripts = (part('tracks.js'), part('player.js'))
    return page_html(Content(data.title, data.subtitle, main, data.notes, values, scripts))


def stage_html() -> str:
    """Return the player: its canvas, controls, timeline and legend."""
    return Template(part('stage.html')).substitute(
        legend=''.join(
            f'<li><i style="background:{colour}"></i>{name}</li>'
            for name, colour in OUTCOMES.items()
        )
    )


def confusion_html(confusion: Confusion) -> str:
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
