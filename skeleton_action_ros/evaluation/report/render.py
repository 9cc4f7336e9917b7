"""Put a report together: figures, curves, recordings and mistakes in one file."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.evaluation.evidence import NOTHING
from skeleton_action_ros.evaluation.figures import confidence_reliability
from skeleton_action_ros.evaluation.metrics import match_events, onset_latencies_s
from skeleton_action_ros.evaluation.page.data import OUTCOMES, Figure, Footage
from skeleton_action_ros.evaluation.page.parts import (
    Content,
    figure_html,
    page_html,
    part,
    table_html,
    write_whole,
)
from skeleton_action_ros.evaluation.page.plots import timeline_figure
from skeleton_action_ros.evaluation.page.render import confusion_html, stage_html
from skeleton_action_ros.evaluation.page.skeletons import player_data
from skeleton_action_ros.evaluation.recordings import merged
from skeleton_action_ros.evaluation.report import plots
from skeleton_action_ros.evaluation.report.mistakes import Mistake, animation, worst_mistakes
from skeleton_action_ros.evaluation.report.tables import (
    IOU,
    NAMES,
    OURS,
    actions_table,
    bags_table,
    methods_table,
    number,
    percent,
    rounds_table,
)
from skeleton_action_ros.evaluation.report.views import confusion, views
from skeleton_action_ros.evaluation.rounds import Round

_PAGE = 'skeleton_action_ros.evaluation.page'
_MOST_COORDINATES = 2_500_000
_METHODS_HINT = (
    'Subsequence time warping sees each recording whole, and its threshold is the one that is best '
    'for these very recordings. The best label per window, of the same model, is the habit of most '
    'packages: it always says something.'
)
_KINDS = {'wrong': 'wrong', 'false': 'false', 'missed': 'missed'}


def write_report(
    path: Path, found: Mapping[str, Any], rounds: Sequence[Round], command: str = ''
) -> None:
    """
    Write the report, making its folder; one of that name is replaced whole or not at all.

    :param found: the figures as JSON, with `bags` and `problems` beside those of the rounds.
    :param rounds: at least one.
    :param command: what made it, for the last section.
    """
    write_whole(path, render_report(found, rounds, command))


def render_report(found: Mapping[str, Any], rounds: Sequence[Round], command: str = '') -> str:
    """Return the report as HTML; it loads nothing."""
    shown = views(rounds)
    mistakes = worst_mistakes(rounds)
    main = Template(part('report.html', __package__)).substitute(
        problems=_problems(found['problems']),
        figures=''.join(figure_html(figure) for figure in _headlines(found, rounds)),
        methods=table_html(methods_table(found)),
        methods_hint=html.escape(_METHODS_HINT) if found.get('compared') else '',
        stage=stage_html() if shown else '<p hidden></p>',
        mistakes=''.join(_mistake_html(index, one) for index, one in enumerate(mistakes))
        or '<p>None.</p>',
        confusion=confusion_html(confusion(rounds)),
        actions=table_html(actions_table(found)),
        rounds=_rounds(found),
        bags=table_html(bags_table(found)),
    )
    return page_html(
        Content(
            title=f'How well {found["model"]} recognises {_count(found, "action")}',
            subtitle=_subtitle(found, rounds),
            main=main,
            notes=_notes(rounds, command),
            data=_data(found, rounds, shown, mistakes),
            scripts=(
                part('tracks.js', _PAGE),
                part('player.js', _PAGE) if shown else 'const page = {mistakes: []};',
                part('report.js', __package__),
            ),
            styles=(part('report.css', __package__),),
        )
    )


def _data(
    found: Mapping[str, Any],
    rounds: Sequence[Round],
    shown: Mapping[Path, tuple[str, Footage]],
    mistakes: Sequence[Mistake],
) -> dict[str, Any]:
    paths = list(shown)
    taught = [one.taught for one in rounds]
    ours = merged([one.pooled for one in rounds], taught)
    labels = sorted({label for one in taught for label in one})
    pools = {OURS: ours}
    for name in rounds[0].others:
        pools[NAMES[name]] = merged([one.others[name] for one in rounds], taught)
    late = [
        pair
        for one in rounds
        for pair in onset_latencies_s(
            match_events(one.pooled.truth, one.pooled.spans, one.taught).verdicts,
            one.pooled.detections,
        )
    ]
    replays = [recording.replay for one in rounds for recording in one.recordings]
    f1 = {OURS: found, **(found.get('compared') or {})}
    figures = {
        'methods': plots.methods_figure(
            {NAMES.get(name, name): values['event_f1'] for name, values in f1.items()}
        ),
        'precision-recall': plots.precision_recall_figure(pools, dict.fromkeys(pools, labels)),
        'acceptance': plots.acceptance_figure(ours, labels),
        'threshold': plots.threshold_figure(ours, labels),
        'reliability': plots.reliability_figure(confidence_reliability(ours, labels)),
        'onset': plots.histogram_figure(
            [seconds for seconds, _ in late],
            'true onset to deciding frame',
            's',
            OUTCOMES['taught'],
            (50, 90),
        ),
        'onset-share': plots.histogram_figure(
            [100.0 * share for _, share in late],
            "the same, of the action's length",
            '%',
            OUTCOMES['taught'],
            (50, 90),
        ),
        'frame': plots.histogram_figure(
            [value for one in replays for value in one.event_latency_ms],
            'frame to event',
            'ms',
            OUTCOMES['recognised'],
            (50, 99),
        ),
    }
    return {
        'recordings': [
            {
                'name': name,
                **player_data(footage, _MOST_COORDINATES // len(shown)),
                'timeline': timeline_figure(footage).to_plotly_json(),
            }
            for name, footage in shown.values()
        ],
        'plots': {name: figure.to_plotly_json() for name, figure in figures.items()},
        'mistakes': [_mistake_data(one, paths) for one in mistakes],
    }


def _mistake_data(mistake: Mistake, paths: Sequence[Path]) -> dict[str, Any]:
    stream = mistake.recording.stream
    start_s = (mistake.span.start_ns - stream.scenes[0].stamp_ns) / NS_PER_S
    return {
        **animation(mistake),
        'recording': paths.index(stream.path),
        'start': round(start_s, 3),
        'middle': round((mistake.span.end_ns - mistake.span.start_ns) / 2 / NS_PER_S, 3),
        'colour': OUTCOMES[_KINDS[mistake.kind]],
    }


def _mistake_html(index: int, mistake: Mistake) -> str:
    done, label = html.escape(mistake.done), html.escape(mistake.taken_for)
    stream = mistake.recording.stream
    start_s = (mistake.span.start_ns - stream.scenes[0].stamp_ns) / NS_PER_S
    words = {
        'wrong': f'<strong>{done}</strong> taken for <strong>{label}</strong>',
        'false': f'{done} taken for <strong>{label}</strong>',
        'missed': f'<strong>{done}</strong> not recognised',
    }[mistake.kind]
    sure = f'confidence {mistake.weight:.2f}'
    if mistake.kind == 'missed':
        sure = f'at best {-mistake.weight:+.2f} from a threshold'
        if mistake.weight >= -NOTHING:
            sure = 'nothing in it was even near'
    place = html.escape(
        f'{stream.name}, {start_s:.1f} s, taught by {mistake.round.teaching.teacher}'
    )
    return (
        f'<button type="button" class="mistake"><canvas id="mistake-{index}"></canvas><div>'
        f'<span class="kind" style="background:{OUTCOMES[_KINDS[mistake.kind]]}">{mistake.kind}'
        f'</span>{words}<small>{sure}<br>{place}</small></div></button>'
    )


def _subtitle(found: Mapping[str, Any], rounds: Sequence[Round]) -> str:
    teachers = [one.teaching.teacher for one in rounds]
    who = teachers[0] if len(teachers) == 1 else f'each of {len(teachers)}: {", ".join(teachers)}'
    hours = sum(one.pooled.hours for one in rounds)
    return (
        f'{found["recordings"]} recordings, {60 * hours:.1f} minutes, {found["shown"]} taught '
        f'actions and {found["never_taught"]} never taught; taught by {who}'
    )


def _headlines(found: Mapping[str, Any], rounds: Sequence[Round]) -> list[Figure]:
    onset, share = found['onset_latency_s'], found['onset_latency_share']
    replays = [recording.replay for one in rounds for recording in one.recordings]
    latency = [value for one in replays for value in one.frame_latency_ms]
    p99 = sorted(latency)[int(0.99 * (len(latency) - 1))] if latency else None
    spread = found.get('spread', {})

    def over(key: str, part: str = '') -> str:
        apart = spread.get(key, {}).get(part) if part else spread.get(key)
        return '' if apart is None else f'; ± {apart:.2f} over who taught'

    half = None if share['p50'] is None else 100 * share['p50']
    return [
        Figure(
            f'Event F1@{IOU}',
            number(found['event_f1'][IOU]),
            'right label at the right time, each action once' + over('event_f1', IOU),
        ),
        Figure(
            f'mAP@{IOU}',
            number(found['map'][IOU]),
            'area under precision and recall, mean over actions' + over('map', IOU),
        ),
        Figure(
            'Wrong labels',
            percent(found['wrong_label_share']),
            'of all events answer another taught action',
        ),
        Figure(
            'False events',
            f'{number(found["false_events_per_hour_of_nothing"], 1)} /h',
            'an hour in which a person does nothing annotated',
        ),
        Figure(
            'Unknown AUROC',
            number(found['unknown_auroc']),
            'taught actions look more taught than others' + over('unknown_auroc'),
        ),
        Figure(
            'Onset to event',
            f'{number(onset["p50"])} s',
            f'median; {number(half, 0)} % of the action, 90 %: {number(onset["p90"])} s',
        ),
        Figure('Frame to answer', f'{number(p99, 1)} ms', '99 % of all frames, wall clock'),
    ]


def _rounds(found: Mapping[str, Any]) -> str:
    if not found.get('rounds'):
        return ''
    table = table_html(rounds_table(found))
    return f'<section><h2>Who taught</h2><div class="scroll">{table}</div></section>'


def _problems(problems: Sequence[str]) -> str:
    if not problems:
        return ''
    lines = ''.join(f'<p>{html.escape(problem)}</p>' for problem in problems)
    return (
        '<section class="problems"><h2>Not everything could be read</h2>'
        f'{lines}<p>The figures are about the rest.</p></section>'
    )


def _notes(rounds: Sequence[Round], command: str) -> list[str]:
    shots = sum(len(one.teaching.gallery) for one in rounds)
    return [
        *([f'$ {command}'] if command else []),
        f'{shots} demonstrations were taught in {len(rounds)} round(s); each round replays its '
        'recordings through the same windows, recogniser and decisions as the nodes.',
        'An event answers an action of the same person when they share at least a tenth of the '
        'shorter of the two. docs/metrics.md of the package defines every figure, with its source.',
    ]


def _count(found: Mapping[str, Any], noun: str) -> str:
    count = len(found['taught'])
    return f'{count} {noun}{"" if count == 1 else "s"}'
