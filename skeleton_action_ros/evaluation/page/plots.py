"""The plots of a page, as plotly figures without a background of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from skeleton_action_ros.evaluation.page.data import OUTCOMES, Footage


def timeline_figure(data: Footage) -> go.Figure:
    """Plot what each person showed above what was recognised, coloured by what became of it."""
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
            insidetextfont={'color': '#ffffff'},
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
        **clear_layout(),
    )
    return figure


def latency_figure(latencies_ms: Sequence[float]) -> go.Figure:
    """Plot how many events took how long, with the median and the 99th percentile."""
    figure = go.Figure()
    if len(latencies_ms) > 0:
        width = 10 ** math.floor(math.log10(max(*latencies_ms, 1e-3))) / 5
        edges = np.arange(0.0, max(latencies_ms) + width, width)
        counts, _ = np.histogram(latencies_ms, edges)
        figure.add_bar(
            x=edges[:-1] + width / 2,
            y=counts,
            width=width * 0.94,
            marker={'color': OUTCOMES['taught']},
            hovertemplate='about %{x:.2f} ms: %{y} events<extra></extra>',
        )
        for percent, height in ((50, 1.0), (99, 1.09)):
            at = float(np.percentile(latencies_ms, percent))
            figure.add_vline(
                x=at,
                line={'width': 1.5, 'dash': 'dot', 'color': OUTCOMES['missed']},
                annotation={'text': f'p{percent} {at:.1f} ms', 'yref': 'paper', 'y': height},
                annotation_position='top left',
            )
        figure.update_yaxes(dtick=max(1, math.ceil(int(counts.max()) / 6)))
    figure.update_layout(
        height=300,
        margin={'l': 10, 'r': 10, 't': 30, 'b': 36},
        xaxis={
            'title': 'sensor stamp of the deciding frame to event, ms',
            'rangemode': 'tozero',
            'automargin': True,
        },
        yaxis={'title': 'events', 'automargin': True},
        **clear_layout(),
    )
    return figure


def clear_layout() -> dict[str, Any]:
    """Return what lets the page's own light or dark background shine through."""
    return {
        'template': 'none',
        'paper_bgcolor': 'rgba(0,0,0,0)',
        'plot_bgcolor': 'rgba(0,0,0,0)',
        'font': {'family': 'system-ui, sans-serif', 'size': 12},
    }
