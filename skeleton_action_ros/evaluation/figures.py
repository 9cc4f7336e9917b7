"""Every figure of an evaluation, from pooled recordings. docs/metrics.md defines each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from skeleton_action_ros.evaluation.evidence import excess_during
from skeleton_action_ros.evaluation.frames import count_frames
from skeleton_action_ros.evaluation.metrics import (
    EventMatching,
    Outcome,
    answered,
    event_f1,
    match_events,
    onset_latencies_s,
    wrong_labels,
)
from skeleton_action_ros.evaluation.open_set import auroc, fpr_at_tpr
from skeleton_action_ros.evaluation.ranking import (
    CALIBRATION_BINS,
    Reliability,
    average_precisions,
    reliability,
)
from skeleton_action_ros.evaluation.recordings import Pool, Recording
from skeleton_action_ros.evaluation.summary import Outcomes

IOUS = (0.1, 0.25, 0.5)
USUAL_IOU = 0.25
"""Where one figure must stand for all."""

Json = dict[str, Any]


def event_figures(pool: Pool, taught: Sequence[str]) -> Json:
    """
    Return what can be said of any method's events: those of the comparisons and ours.

    A figure that nothing speaks for (no events, nothing performed) is None.
    """
    matching = match_events(pool.truth, pool.spans, taught)
    summary = asdict(Outcomes(pool.truth, pool.spans, taught).summary([]))
    summary.pop('latency_ms')
    frames = count_frames(pool.stamps_ns, pool.truth, pool.spans, taught, pool.ignored)
    late = onset_latencies_s(matching.verdicts, pool.detections)
    precisions = {
        least: average_precisions(pool.truth, pool.detections, taught, least) for least in IOUS
    }
    summary['per_action'] = {
        label: {
            **counts,
            'f1': _rounded(_f1_of(pool, label)),
            'average_precision': _rounded(precisions[USUAL_IOU].get(label)),
            'onset_latency_s': _percentiles(_late_of(label, pool, matching), (50,))['p50'],
        }
        for label, counts in summary['per_action'].items()
    }
    idle = sum(answered(span, pool.truth) is None for span in pool.spans)
    wrong = wrong_labels(pool.truth, pool.spans, taught)
    return {
        **summary,
        'event_f1': {
            str(least): _rounded(event_f1(pool.truth, pool.spans, taught, least).value)
            for least in IOUS
        },
        'map': {str(least): _rounded(_mean(precisions[least].values())) for least in IOUS},
        'frame_accuracy': _rounded(frames.accuracy),
        'frame_accuracy_during_actions': _rounded(frames.accuracy_during_actions),
        'onset_latency_s': _percentiles([seconds for seconds, _ in late], (50, 90)),
        'onset_latency_share': _percentiles([share for _, share in late], (50, 90)),
        'wrong_label_share': _rounded(wrong / len(pool.spans) if pool.spans else None),
        'false_events_per_hour': _per_hour(len(matching.false_events), pool.hours),
        'false_events_per_hour_of_nothing': _per_hour(idle, pool.hours_of_nothing),
    }


def open_set_figures(pool: Pool, taught: Sequence[str]) -> Json:
    """Return how well the evidence tells taught actions from those never taught."""
    known = excess_during([span for span in pool.truth if span.label in taught], pool.evidence)
    strange = excess_during(
        [span for span in pool.truth if span.label not in taught], pool.evidence
    )
    if not known or not strange:
        return {'unknown_auroc': None, 'far_at_95_recall': None}
    return {
        'unknown_auroc': _rounded(auroc(np.array(known), np.array(strange))),
        'far_at_95_recall': _rounded(fpr_at_tpr(np.array(known), np.array(strange))),
    }


def confidence_reliability(pool: Pool, taught: Sequence[str]) -> Reliability:
    """Return how often events of each confidence are right: of all that answer something taught."""
    matching = match_events(pool.truth, pool.spans, taught)
    hits = {
        verdict.event
        for verdict in matching.verdicts
        if verdict.outcome is Outcome.RECOGNISED and verdict.event
    }
    return reliability(
        [min(max(detection.confidence, 0.0), 1.0) for detection in pool.detections],
        [detection.span in hits for detection in pool.detections],
    )


def confidence_figures(pool: Pool, taught: Sequence[str]) -> Json:
    """Return how far the confidence of events is from the share that is right, and where."""
    found = confidence_reliability(pool, taught)
    bins = [
        min(int(said * CALIBRATION_BINS), CALIBRATION_BINS - 1) / CALIBRATION_BINS
        for said in found.confidence
    ]
    return {
        'confidence_calibration_error': _rounded(found.expected_calibration_error),
        'confidence_reliability': {
            f'{low:.1f}': {'confidence': _rounded(said), 'right': _rounded(right), 'events': count}
            for low, said, right, count in zip(
                bins, found.confidence, found.right, found.count, strict=True
            )
        },
    }


def latency_figures(recordings: Sequence[Recording], timing: bool) -> Json:
    """Return the wall clock's figures; None in their place without `timing`: they vary."""
    frame_ms = [value for item in recordings for value in item.replay.frame_latency_ms]
    event_ms = [value for item in recordings for value in item.replay.event_latency_ms]
    return {
        'frame_latency_ms': _percentiles(frame_ms if timing else [], (50, 99)),
        'event_latency_ms': _percentiles(event_ms if timing else [], (50, 99)),
    }


def figures(
    recordings: Sequence[Recording], pooled: Pool, taught: Sequence[str], timing: bool = False
) -> Json:
    """Return all figures of our own recogniser."""
    refused = sum((item.replay.refused + item.stream.refused for item in recordings), Counter())
    return {
        **event_figures(pooled, taught),
        **open_set_figures(pooled, taught),
        **confidence_figures(pooled, taught),
        **latency_figures(recordings, timing),
        'frames': sum(recording.replay.scenes for recording in recordings),
        'hours': round(pooled.hours, 4),
        'refused': dict(sorted(refused.items())),
        'recordings': len(recordings),
    }


def over_rounds(rounds: Sequence[Json]) -> tuple[Json, Json]:
    """
    Put the figures of several rounds into one: counts added up, all else averaged.

    :return: the figures, and the standard deviation over the rounds of what was averaged; a figure
        that some rounds do not have is that of the others.
    """
    total: Json = {}
    spread: Json = {}
    for key in dict.fromkeys(key for one in rounds for key in one):
        values = [one[key] for one in rounds if one.get(key) is not None]
        if values and all(isinstance(value, Mapping) for value in values):
            total[key], apart = over_rounds(values)
            if apart:
                spread[key] = apart
        elif values and all(isinstance(value, int) for value in values):
            total[key] = sum(values)
        elif values:
            total[key] = _rounded(float(np.mean(values)))
            spread[key] = _rounded(float(np.std(values)))
        else:
            total[key] = None
    return total, spread


def _f1_of(pool: Pool, label: str) -> float:
    events = [span for span in pool.spans if span.label == label]
    return event_f1(pool.truth, events, [label], USUAL_IOU).value


def _late_of(label: str, pool: Pool, matching: EventMatching) -> list[float]:
    own = [verdict for verdict in matching.verdicts if verdict.truth.label == label]
    return [seconds for seconds, _ in onset_latencies_s(own, pool.detections)]


def _mean(values: Any) -> float | None:
    given = list(values)
    return float(np.mean(given)) if given else None


def _per_hour(count: int, hours: float) -> float | None:
    return round(count / hours, 2) if hours > 0.0 else None


def _percentiles(values: Sequence[float], percents: Sequence[int]) -> dict[str, float | None]:
    if not values:
        return {f'p{percent}': None for percent in percents}
    return {f'p{percent}': round(float(np.percentile(values, percent)), 3) for percent in percents}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
