"""The page of an exam: figures, confusion and a map of the embedding in one file."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import plotly.graph_objects as go

from skeleton_action_ros.core.calibration import STRANGERS
from skeleton_action_ros.evaluation.exam.acceptance import Acceptance
from skeleton_action_ros.evaluation.exam.embedding_map import map_of
from skeleton_action_ros.evaluation.exam.examination import Examination
from skeleton_action_ros.evaluation.exam.figures import Figures
from skeleton_action_ros.evaluation.exam.material import Material
from skeleton_action_ros.evaluation.page.data import Figure, Table
from skeleton_action_ros.evaluation.page.parts import (
    Content,
    figure_html,
    page_html,
    part,
    table_html,
    write_whole,
)
from skeleton_action_ros.evaluation.page.plots import clear_layout
from skeleton_action_ros.evaluation.ranking import CALIBRATION_BINS, Reliability

_COLOURS = tuple(f'hsl({hue * 150 % 360},65%,{45 if hue % 2 else 58}%)' for hue in range(12))
"""To be told apart on a light and on a dark ground; neighbours in the list are far in hue."""
_SYMBOLS = ('circle', 'diamond', 'square', 'triangle-up', 'cross')
_ACCEPTANCE = (
    'Half of the actions taught, each with a threshold of its own, as on a robot: {right} of their '
    'clips are accepted under the right name, {wrong} under a wrong one, and {unknown} of the '
    "others' clips. The plot shows how often what is accepted is right, by its confidence, which "
    'presumes {strangers} motions of no taught action to each of one; {error}.'
)
_MAP_HINT = (
    'One mark a clip: colour and shape are the action, filled where it was named rightly in most '
    'draws. Click a name to hide it, double-click to see it alone. The plane is the one in which '
    'the means of the actions lie farthest apart; it shows {share:.0f} % of their spread.'
)


def write_exam_page(
    path: Path, found: Mapping[str, Any], done: Examination, material: Material
) -> None:
    """
    Write the page, making its folder; a page of that name is replaced whole or not at all.

    :param found: the figures as JSON, with `model`, `model_sha256`, `source`, `command`, `shots`,
        `subjects`, `teachers`, `notes` and `skipped` beside those of `done`.
    """
    write_whole(path, render_exam_page(found, done, material))


def render_exam_page(found: Mapping[str, Any], done: Examination, material: Material) -> str:
    """Return the page as HTML; it loads nothing."""
    methods = {
        str(found['model']): done.model,
        **{f'against {name}': figures for name, figures in done.against.items()},
        **done.baselines,
    }
    plot, share = _map(done, material)
    main = Template(part('page.html', __package__)).substitute(
        figures=''.join(map(figure_html, _headlines(done))),
        methods=table_html(_methods(methods)),
        acceptance=_acceptance(done.acceptance),
        map_hint=_MAP_HINT.format(share=100 * share),
        actions=table_html(_actions(methods)),
    )
    return page_html(
        Content(
            title=f'Exam of {found["model"]}',
            subtitle=(
                f'{found["source"]}: {found["classes"]} actions, {found["clips"]} clips of '
                f'{found["subjects"]} persons, {found["shots"]}-shot, {found["draws"]} draws'
            ),
            main=main,
            notes=_notes(found),
            data={
                'confusion': _confusion(methods).to_plotly_json(),
                'map': plot.to_plotly_json(),
                'reliability': _reliability(done.acceptance.sure).to_plotly_json(),
            },
            scripts=(part('page.js', __package__),),
            styles=(part('page.css', __package__),),
        )
    )


def _headlines(done: Examination) -> list[Figure]:
    shown, warping = done.model.to_json(), done.baselines['dtw'].to_json()
    return [
        Figure('accuracy', _percent(shown['accuracy_mean']), 'queries named rightly'),
        Figure('DTW', _percent(warping['accuracy_mean']), 'the same, by time warping'),
        Figure('unknown AUROC', f'{shown["unknown_auroc"]:.3f}', 'half of the actions taught'),
        Figure(
            'unknown accepted',
            _percent(shown['unknown_fpr_at_95_tpr']),
            'where 95 % of the taught are',
        ),
        Figure(
            'accepted', _percent(done.acceptance.right), 'rightly, from the thresholds of a robot'
        ),
    ]


def _acceptance(found: Acceptance) -> str:
    error = found.sure.expected_calibration_error
    return _ACCEPTANCE.format(
        right=_percent(found.right),
        wrong=_percent(found.wrong),
        unknown=_percent(found.unknown),
        strangers=STRANGERS,
        error='none was accepted' if error is None else f'the error is {_percent(error)}',
    )


def _methods(methods: Mapping[str, Figures]) -> Table:
    rows = []
    for name, figures in methods.items():
        shown = figures.to_json()
        rows.append(
            (
                name,
                _spread(figures.accuracy),
                f'{shown["unknown_auroc"]:.3f}',
                _spread(figures.unknown_fpr),
            )
        )
    return Table(
        ('method', 'accuracy, %', 'unknown AUROC', 'unknown FPR at 95 % TPR, %'), tuple(rows)
    )


def _actions(methods: Mapping[str, Figures]) -> Table:
    per_class = [figures.per_class for figures in methods.values()]
    model = per_class[0]
    rows = tuple(
        (label, *(_percent(found[label]) for found in per_class))
        for label in sorted(model, key=lambda label: model[label])
    )
    return Table(('action', *methods), rows)


def _notes(found: Mapping[str, Any]) -> list[str]:
    return [
        f'$ {found["command"]}',
        f'model.onnx: sha256 {found["model_sha256"]}',
        f'Taught in turn by {", ".join(found["teachers"])}; spreads are over the draws.',
        *found['notes'],
        *(f'Skipped {item["file"]}: {item["reason"]}' for item in found['skipped']),
    ]


def _confusion(methods: Mapping[str, Figures]) -> go.Figure:
    """Plot what share of each action was named as each; a button for each method."""
    figure = go.Figure()
    classes = next(iter(methods.values())).classes
    for number, figures in enumerate(methods.values()):
        percent = 100.0 * figures.confusion / figures.confusion.sum(axis=1, keepdims=True)
        figure.add_heatmap(
            x=classes,
            y=classes,
            z=percent.round(1).tolist(),
            zmin=0,
            zmax=100,
            colorscale=[[0.0, 'rgba(63,127,214,0)'], [1.0, 'rgba(63,127,214,1)']],
            colorbar={'title': '%'},
            xgap=1,
            ygap=1,
            visible=number == 0,
            hovertemplate='%{y}<br>named %{x}: %{z:.1f} %<extra></extra>',
        )
    buttons = [
        {
            'label': name,
            'method': 'update',
            'args': [{'visible': [other == number for other in range(len(methods))]}],
        }
        for number, name in enumerate(methods)
    ]
    figure.update_layout(
        height=170 + 24 * len(classes),
        margin={'l': 10, 'r': 10, 't': 44, 'b': 10},
        updatemenus=[
            {
                'type': 'buttons',
                'direction': 'right',
                'x': 0,
                'xanchor': 'left',
                'y': 1,
                'yanchor': 'bottom',
                'pad': {'b': 8},
                'bgcolor': '#e3e6ec',
                'font': {'color': '#1d2433'},
                'buttons': buttons,
            }
        ],
        xaxis={
            'title': {'text': 'named', 'standoff': 12},
            'automargin': True,
            'tickangle': -45,
            'dtick': 1,
            'showgrid': False,
        },
        yaxis={
            'title': {'text': 'shown', 'standoff': 12},
            'automargin': True,
            'autorange': 'reversed',
            'dtick': 1,
            'showgrid': False,
        },
        **clear_layout(),
    )
    return figure


def _reliability(found: Reliability) -> go.Figure:
    """Plot how often what is accepted is right, by its confidence."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode='lines', line={'dash': 'dot', 'color': '#888'}, hoverinfo='skip'
    )
    figure.add_bar(
        x=found.confidence,
        y=found.right,
        width=0.8 / CALIBRATION_BINS,
        marker={'color': _COLOURS[0], 'cornerradius': 3},
        hovertemplate='confidence %{x:.2f}: %{y:.2f} right<extra></extra>',
    )
    figure.update_layout(
        height=330,
        margin={'l': 10, 'r': 10, 't': 10, 'b': 40},
        showlegend=False,
        xaxis={'title': 'confidence', 'range': [-0.02, 1.02], 'automargin': True},
        yaxis={'title': 'share that is right', 'range': [-0.02, 1.02], 'automargin': True},
        **clear_layout(),
    )
    return figure


def _map(done: Examination, material: Material) -> tuple[go.Figure, float]:
    """Plot the clips of the exam, and return what share of the classes' spread is seen."""
    classes = np.array(done.model.classes, np.str_)
    used = np.flatnonzero(np.isin(done.plan.label_of, classes))
    class_of = np.searchsorted(classes, done.plan.label_of[used])
    places, share = map_of(done.embeddings[used], class_of)
    right = done.model.right[used]
    figure = go.Figure()
    for number, label in enumerate(classes.tolist()):
        own = np.flatnonzero(class_of == number)
        own = own[np.argsort(-right[own])]  # the legend shows the first
        colour = _COLOURS[number % len(_COLOURS)]
        symbol = _SYMBOLS[number // len(_COLOURS) % len(_SYMBOLS)]
        figure.add_scatter(
            x=places[own, 0].round(4).tolist(),
            y=places[own, 1].round(4).tolist(),
            mode='markers',
            name=label,
            marker={
                'color': colour,
                'size': 8,
                'opacity': 0.8,
                'line': {'color': colour, 'width': 1.2},
                'symbol': [
                    f'{symbol}-open' if known < 0.5 else symbol
                    for known in np.nan_to_num(right[own], nan=1.0)
                ],
            },
            customdata=[
                [material.sources[at], material.subjects[at], _share(done.model.right[at])]
                for at in used[own].tolist()
            ],
            hovertemplate=f'<b>{html.escape(label)}</b>, %{{customdata[1]}}<br>%{{customdata[0]}}'
            '<br>named rightly: %{customdata[2]}<extra></extra>',
        )
    axis = {'showgrid': False, 'zeroline': False, 'showticklabels': False, 'title': ''}
    figure.update_layout(
        height=620,
        margin={'l': 10, 'r': 10, 't': 10, 'b': 10},
        xaxis=axis,
        yaxis={**axis, 'scaleanchor': 'x'},
        hovermode='closest',
        **clear_layout(),
    )
    return figure, share


def _percent(value: object) -> str:
    return f'{100 * float(value):.1f} %' if isinstance(value, float) else str(value)


def _share(value: float) -> str:
    return 'never asked' if np.isnan(value) else f'{100 * value:.0f} %'


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return f'{100 * values.mean():.1f} ± {100 * values.std():.1f}'
