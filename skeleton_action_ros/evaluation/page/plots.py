"""The plots of a page, as plotly figures without a background of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from skeleton_action_ros.evaluation.page.data import OUTCOMES, PageData


def timeline_figure(data: PageData) -> go.Figure:
    figure = go.Figure()
    rows = [f'{name} {row}' for name in data.people.values() for row in ('shows', 'events')]
    for outcome, colour in OUTCOMES.items():
        bars = [
            (f'{data.people[bar.body_id]} {row}', bar)
            for row, items in (('shows', data.shown), ('events', data.events))
            for bar in items
            if bar.outcome == outcome and bar.body_id in data.people
        ]
        starts = [data.seconds(bar.start_ns) for _, bar in bars]
        ends = [data.seconds(bar.end_ns) for _, bar in bars]
        figure.add_bar(
            name=outcome,
            orientation='h',
            y=[row for row, _ in bars],
            base=starts,
            x=[end - start for start, end in zip(starts, ends, strict=True)],
            text=[bar.label for _, bar in bars],
            textposition='inside',
            insidetextanchor='middle',
            textangle=0,
            marker={'color': colour, 'line': {'width': 0}, 'cornerradius': 3},
            customdata=[
                [outcome, start, end, bar.note]
                for (_, bar), start, end in zip(bars, starts, ends, strict=True)
            ],
            hovertemplate='<b>%{text}</b>: %{customdata[0]}<br>%{customdata[1]:.1f} to '
            '%{customdata[2]:.1f} s<br>%{customdata[3]}<extra>%{y}</extra>',
        )
    figure.update_layout(
        barmode='overlay',
        bargap=0.22,
        height=70 + 30 * len(rows),
        margin={'l': 10, 'r': 10, 't': 6, 'b': 36},
        showlegend=False,
        dragmode='pan',
        hovermode='closest',
        uniformtext={'mode': 'hide', 'minsize': 9},
        xaxis={'title': 'seconds', 'zeroline': False, 'range': [0, data.length_s]},
        yaxis={
            'categoryorder': 'array',
            'categoryarray': rows,
            'range': [len(rows) - 0.5, -0.5],
            'fixedrange': True,
            'automargin': True,
        },
        **_clear_layout(),
    )
    return figure


def latency_figure(latencies_ms: Sequence[float]) -> go.Figure:
    figure = go.Figure()
    if len(latencies_ms) > 0:
        top = max(latencies_ms)
        width = 10 ** math.floor(math.log10(max(top, 1e-3))) / 5
        figure.add_histogram(
            x=list(latencies_ms),
            xbins={'start': 0.0, 'size': width},
            marker={'color': OUTCOMES['taught']},
            hovertemplate='%{x} ms: %{y} events<extra></extra>',
        )
        for percent in (50, 99):
            at = float(np.percentile(latencies_ms, percent))
            figure.add_vline(
                x=at,
                line={'width': 1.5, 'dash': 'dot', 'color': OUTCOMES['missed']},
                annotation={'text': f'p{percent} {at:.1f} ms', 'yref': 'paper', 'y': 1.08},
                annotation_position='top left' if percent == 99 else 'top right',
            )
    figure.update_layout(
        height=300,
        margin={'l': 10, 'r': 10, 't': 30, 'b': 36},
        bargap=0.06,
        xaxis={'title': 'sensor stamp to event, ms', 'rangemode': 'tozero', 'automargin': True},
        yaxis={'title': 'events', 'automargin': True, 'dtick': None},
        **_clear_layout(),
    )
    return figure


def _clear_layout() -> dict[str, Any]:
    """Return what lets the page's own light or dark background shine through."""
    return {
        'template': 'none',
        'paper_bgcolor': 'rgba(0,0,0,0)',
        'plot_bgcolor': 'rgba(0,0,0,0)',
        'font': {'family': 'system-ui, sans-serif', 'size': 12},
    }
