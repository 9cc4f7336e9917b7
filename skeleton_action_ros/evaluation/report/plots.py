"""The curves of a report, as plotly figures without a background of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from skeleton_action_ros.evaluation.evidence import (
    accepted_shares,
    excess_during,
    excess_outside,
)
from skeleton_action_ros.evaluation.figures import IOUS, USUAL_IOU
from skeleton_action_ros.evaluation.page.data import OUTCOMES
from skeleton_action_ros.evaluation.page.plots import clear_layout
from skeleton_action_ros.evaluation.ranking import CALIBRATION_BINS, Reliability, precision_recall
from skeleton_action_ros.evaluation.recordings import Pool
from skeleton_action_ros.evaluation.summary import NEVER_TAUGHT

COLOURS = ('#3f7fd6', '#e0962b', '#8b95a7', '#2f9e74')
"""Of our own method first, then the others."""
_IOU_COLOURS = ('#9cc1ee', '#3f7fd6', '#1f4f94')
_CURVE_POINTS = 400


def methods_figure(f1: Mapping[str, Mapping[str, float | None]]) -> go.Figure:
    """Plot the event F1 of each method at each IoU as bars."""
    figure = go.Figure()
    for (name, values), colour in zip(f1.items(), COLOURS, strict=False):
        figure.add_bar(
            name=name,
            x=[f'IoU {iou}' for iou in values],
            y=[value or 0.0 for value in values.values()],
            text=[f'{value or 0.0:.2f}' for value in values.values()],
            textposition='outside',
            cliponaxis=False,
            marker={'color': colour, 'cornerradius': 4},
            hovertemplate='%{x}: %{y:.3f}<extra>' + name + '</extra>',
        )
    figure.update_layout(barmode='group', bargap=0.3, **_layout('', 'event F1', legend=True))
    figure.update_yaxes(range=[0.0, 1.08])
    return figure


def precision_recall_figure(
    pools: Mapping[str, Pool], taught: Mapping[str, Sequence[str]]
) -> go.Figure:
    """
    Plot precision against recall: ours at every IoU, the others at the usual one.

    :param pools: by the method's name, ours first.
    :param taught: the labels that count, by the method's name.
    """
    figure = go.Figure()
    (ours, own), *others = pools.items()
    curves = [
        (f'{ours}, IoU {least}', own, taught[ours], least, {'color': colour, 'width': 3})
        for least, colour in zip(IOUS, _IOU_COLOURS, strict=True)
    ]
    curves += [
        (f'{name}, IoU {USUAL_IOU}', pool, taught[name], USUAL_IOU, {'color': colour, 'width': 2})
        for (name, pool), colour in zip(others, COLOURS[1:], strict=False)
    ]
    for name, pool, labels, least, line in curves:
        curve = precision_recall(pool.truth, pool.detections, labels, least)
        points = _thinned(len(curve.recall))
        figure.add_scatter(
            name=name,
            x=curve.recall[points],
            y=curve.precision[points],
            customdata=curve.confidence[points],
            mode='lines' if len(points) > 1 else 'markers',
            line=line,
            marker={'color': line['color']},
            hovertemplate='recall %{x:.2f}, precision %{y:.2f}<br>down to confidence '
            '%{customdata:.2f}<extra>' + name + '</extra>',
        )
    figure.update_layout(**_layout('recall', 'precision', legend=True))
    figure.update_layout(legend={'orientation': 'v', 'x': 1.0, 'xanchor': 'right', 'y': 1.12})
    _from_0_to_1(figure)
    return figure


def acceptance_figure(pool: Pool, taught: Sequence[str]) -> go.Figure:
    """Plot what share of what was done, and of idle windows, each threshold would accept."""
    at = np.linspace(-1.0, 1.0, 401)
    known = [span for span in pool.truth if span.label in taught]
    strange = [span for span in pool.truth if span.label not in taught]
    series = [
        ('taught actions', excess_during(known, pool.evidence), OUTCOMES['recognised']),
        (NEVER_TAUGHT, excess_during(strange, pool.evidence), OUTCOMES['false']),
        (
            'windows of nothing',
            excess_outside([*pool.truth, *pool.ignored], pool.evidence),
            OUTCOMES['never taught'],
        ),
    ]
    figure = go.Figure()
    for name, values, colour in series:
        if values:
            figure.add_scatter(
                name=name,
                x=at,
                y=accepted_shares(values, at),
                mode='lines',
                line={'color': colour, 'width': 3},
                hovertemplate='from %{x:.2f} on: %{y:.2f}<extra>' + name + '</extra>',
            )
    figure.add_vline(x=0.0, line={'width': 1.5, 'dash': 'dot', 'color': OUTCOMES['missed']})
    figure.update_layout(
        **_layout(
            'similarity above the threshold, as a share of what is possible', 'accepted', True
        )
    )
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure


def threshold_figure(pool: Pool, taught: Sequence[str]) -> go.Figure:
    """Plot precision, recall and F1 when only events from some confidence on count."""
    curve = precision_recall(pool.truth, pool.detections, taught, USUAL_IOU)
    figure = go.Figure()
    points = _thinned(len(curve.confidence))
    for name, values, colour in (
        ('precision', curve.precision, COLOURS[0]),
        ('recall', curve.recall, COLOURS[1]),
        ('F1', curve.f1, COLOURS[3]),
    ):
        figure.add_scatter(
            name=name,
            x=curve.confidence[points],
            y=values[points],
            mode='lines',
            line={'color': colour, 'width': 3},
            hovertemplate='from %{x:.2f} on: %{y:.2f}<extra>' + name + '</extra>',
        )
    figure.update_layout(**_layout('least confidence that counts', '', legend=True))
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure


def reliability_figure(found: Reliability) -> go.Figure:
    """Plot how often events of each confidence are right."""
    figure = go.Figure()
    figure.add_scatter(
        name='as it should be',
        x=[0, 1],
        y=[0, 1],
        mode='lines',
        line={'dash': 'dot', 'color': OUTCOMES['never taught']},
        hoverinfo='skip',
    )
    figure.add_bar(
        name='events',
        x=found.confidence,
        y=found.right,
        width=0.8 / CALIBRATION_BINS,
        text=[str(count) for count in found.count],
        textposition='outside',
        cliponaxis=False,
        marker={'color': COLOURS[0], 'cornerradius': 3},
        hovertemplate='confidence %{x:.2f}: %{y:.2f} right, %{text} events<extra></extra>',
    )
    figure.update_layout(**_layout('confidence', 'share that is right', legend=False))
    _from_0_to_1(figure)
    return figure


def histogram_figure(
    values: Sequence[float], title: str, unit: str, colour: str, percents: Sequence[int]
) -> go.Figure:
    """Plot a distribution with some percentiles."""
    figure = go.Figure()
    if values:
        edges = np.linspace(min(0.0, *values), max(values) * 1.0001 + 1e-9, 31)
        counts, _ = np.histogram(values, edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=float(edges[1] - edges[0]) * 0.92,
            marker={'color': colour, 'cornerradius': 2},
            hovertemplate='about %{x:.2f} ' + unit + ': %{y}<extra></extra>',
        )
        for percent, height in zip(percents, (1.0, 1.09), strict=False):
            at = float(np.percentile(values, percent))
            figure.add_vline(
                x=at,
                line={'width': 1.5, 'dash': 'dot', 'color': OUTCOMES['missed']},
                annotation={'text': f'p{percent} {at:.2f} {unit}', 'yref': 'paper', 'y': height},
                annotation_position='top left',
            )
    figure.update_layout(**_layout(f'{title}, {unit}', '', legend=False))
    return figure


def _thinned(count: int) -> list[int]:
    """Return the places of so many points that a curve looks the same, the last one among them."""
    step = max(count // _CURVE_POINTS, 1)
    return sorted({*range(0, count, step), *([count - 1] if count else [])})


def _from_0_to_1(figure: go.Figure) -> None:
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.08])


def _layout(x_title: str, y_title: str, legend: bool) -> dict[str, Any]:
    return {
        'height': 330,
        'margin': {'l': 10, 'r': 10, 't': 34, 'b': 40},
        'showlegend': legend,
        'hovermode': 'closest',
        'legend': {'orientation': 'h', 'y': 1.14, 'x': 0, 'bgcolor': 'rgba(0,0,0,0)'},
        'xaxis': {'title': x_title, 'automargin': True},
        'yaxis': {'title': y_title, 'automargin': True},
        **clear_layout(),
    }
