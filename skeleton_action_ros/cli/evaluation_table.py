"""The figures of an evaluation as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeleton_action_ros.evaluation.figures import USUAL_IOU
from skeleton_action_ros.evaluation.rounds import Round

IOU = str(USUAL_IOU)


def table(found: Mapping[str, Any], rounds: Sequence[Round]) -> str:
    """Lay the figures out for people."""
    rows: list[tuple[str, ...]] = [
        ('action', 'shown', 'recognised', 'missed', 'wrong', 'false events')
    ]
    keys = ('shown', 'recognised', 'missed', 'wrong', 'false_events')
    rows += [
        (label, *(str(counts[key]) for key in keys))
        for label, counts in found['per_action'].items()
    ]
    rows.append(('all', *(str(found[key]) for key in keys)))
    onset, share = found['onset_latency_s'], found['onset_latency_share']
    return '\n'.join(
        [
            *_columns(rows),
            '',
            *_columns(_methods(found)),
            *_spread(found),
            '',
            f'unknown: AUROC {_shown(found["unknown_auroc"])}, '
            f'{_shown(found["far_at_95_recall"])} accepted where 95 % of the taught are',
            f'events of a wrong label: {_shown(found["wrong_label_share"])} of all',
            f'false events per hour: {_shown(found["false_events_per_hour"])}, '
            f'of nothing: {_shown(found["false_events_per_hour_of_nothing"])}',
            f'onset to event: p50 {_shown(onset["p50"])} s, p90 {_shown(onset["p90"])} s; '
            f'p50 {_shown(share["p50"])} of the action',
            _timing(rounds),
        ]
    )


def _methods(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    methods = {'ours': found, **(found.get('compared') or {})}
    ious = list(found['event_f1'])
    return [
        ('method', *(f'F1@{iou}' for iou in ious), *(f'mAP@{iou}' for iou in ious), 'frames'),
        *(
            (
                name.replace('_', ' '),
                *(_shown(one['event_f1'][iou]) for iou in ious),
                *(_shown(one['map'][iou]) for iou in ious),
                _shown(one['frame_accuracy']),
            )
            for name, one in methods.items()
        ),
    ]


def _spread(found: Mapping[str, Any]) -> list[str]:
    """Say how much it matters who teaches, where several have."""
    values = [one['event_f1'][IOU] for one in found.get('rounds', ())]
    if not values:
        return []
    return [
        f'F1@{IOU} of ours is the mean of {len(values)} rounds: {_shown(found["event_f1"][IOU])} '
        f'+- {_shown(found["spread"]["event_f1"][IOU])}, from {_shown(min(values))} to '
        f'{_shown(max(values))}'
    ]


def _timing(rounds: Sequence[Round]) -> str:
    replays = [recording.replay for one in rounds for recording in one.recordings]
    values = [value for item in replays for value in item.frame_latency_ms]
    if not values:
        return 'no frame was replayed'
    p50, p99 = np.percentile(values, (50, 99))
    return f'time per frame: p50 {p50:.3f} ms, p99 {p99:.3f} ms, {len(values)} frames'


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        '  '.join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _shown(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'
