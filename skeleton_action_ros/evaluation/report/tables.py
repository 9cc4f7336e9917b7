"""The tables of a report, and how numbers are shown in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeleton_action_ros.evaluation.figures import USUAL_IOU
from skeleton_action_ros.evaluation.page.data import Table

OURS = 'ours'
NAMES = {
    'subsequence_dtw': 'subsequence DTW on joints',
    'best_label_per_window': 'best label per window',
}
"""Of the methods, as the JSON has them."""
IOU = str(USUAL_IOU)


def methods_table(found: Mapping[str, Any]) -> Table:
    """Return the figures that all methods have, with the spread of the F1 over several rounds."""
    methods = {OURS: found, **(found.get('compared') or {})}
    spread = found.get('spread', {})
    apart = {OURS: spread, **spread.get('compared', {})}

    def f1(name: str, iou: str) -> str:
        off = apart.get(name, {}).get('event_f1', {}).get(iou)
        return number(methods[name]['event_f1'][iou]) + ('' if off is None else f' ± {off:.2f}')

    ious = list(found['event_f1'])
    return Table(
        (
            'method',
            *(f'F1 at {iou}' for iou in ious),
            *(f'mAP at {iou}' for iou in ious),
            'frames',
            'wrong',
            'false / h',
        ),
        tuple(
            (
                NAMES.get(name, name),
                *(f1(name, iou) for iou in ious),
                *(number(one['map'][iou]) for iou in ious),
                percent(one['frame_accuracy']),
                percent(one['wrong_label_share']),
                number(one['false_events_per_hour'], 1),
            )
            for name, one in methods.items()
        ),
    )


def actions_table(found: Mapping[str, Any]) -> Table:
    return Table(
        (
            'action',
            'shown',
            'recognised',
            'missed',
            'wrong',
            'false events',
            f'F1 at {IOU}',
            f'AP at {IOU}',
            'onset to event, s',
        ),
        tuple(
            (
                label,
                *(
                    str(one[key])
                    for key in ('shown', 'recognised', 'missed', 'wrong', 'false_events')
                ),
                number(one['f1']),
                number(one['average_precision']),
                number(one['onset_latency_s']),
            )
            for label, one in found['per_action'].items()
        ),
    )


def rounds_table(found: Mapping[str, Any]) -> Table:
    return Table(
        ('taught by', 'actions', f'F1 at {IOU}', f'mAP at {IOU}', 'wrong', 'unknown AUROC'),
        tuple(
            (
                one['teacher'],
                str(len(one['taught'])),
                number(one['event_f1'][IOU]),
                number(one['map'][IOU]),
                percent(one['wrong_label_share']),
                number(one['unknown_auroc']),
            )
            for one in found['rounds']
        ),
    )


def bags_table(found: Mapping[str, Any]) -> Table:
    return Table(
        ('bag', 'scenes', 'minutes', 'people', 'annotations', 'events', 'refused', 'problems'),
        tuple(
            (
                one['bag'],
                str(one['scenes']),
                f'{one["duration_s"] / 60:.2f}',
                str(one['people']),
                str(one['annotations']),
                str(one['events']),
                ', '.join(f'{count} {why}' for why, count in one['refused'].items()),
                '; '.join(one['problems']) or 'none',
            )
            for one in found['bags']
        ),
    )


def number(value: Any, digits: int = 2) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def percent(value: Any) -> str:
    return '-' if value is None else f'{100 * value:.0f} %'
