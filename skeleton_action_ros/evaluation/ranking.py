"""
What the confidence of events is worth: precision against recall, and whether 0.8 means 0.8.

docs/metrics.md has the sources.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.metrics import Detection, iou

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class PrecisionRecall:
    """
    Precision and recall when only the surest events count, one point for each number of them.

    :param confidence: (N,) of the least sure event that counts, falling.
    """

    confidence: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """Area under the curve, each precision raised to the best at that recall or more."""
        raised = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float((np.diff(self.recall, prepend=0.0) * raised).sum())

    @property
    def f1(self) -> NDArray[np.float64]:
        """Return 2 P R / (P + R) at each point, 0 where both are 0."""
        both = self.precision + self.recall
        return np.asarray(2 * self.precision * self.recall / np.where(both > 0.0, both, 1.0))


def precision_recall(
    truth: Sequence[ActionSpan],
    detections: Sequence[Detection],
    labels: Collection[str],
    least_iou: float,
) -> PrecisionRecall:
    """
    Rank events of some labels and count which of them hit.

    From the surest event on, each takes the action of its label and person that it overlaps most of
    those not yet taken; it hits where their IoU is at least `least_iou`. Equally sure events come
    in the order of time.

    :param truth: everything that was performed; other labels are left out.
    """
    wanted = [span for span in truth if span.label in labels]
    ranked = sorted(
        (detection for detection in detections if detection.span.label in labels),
        key=lambda one: (-one.confidence, one.span.start_ns, one.span.body_id, one.span.label),
    )
    taken: set[int] = set()
    hits = np.zeros(len(ranked))
    for place, detection in enumerate(ranked):
        free = [
            (iou(span, detection.span), -index)
            for index, span in enumerate(wanted)
            if index not in taken and span.label == detection.span.label
        ]
        overlap, index = max(free, default=(0.0, 0))
        if overlap > 0.0 and overlap >= least_iou:
            taken.add(-index)
            hits[place] = 1.0
    running = np.cumsum(hits)
    return PrecisionRecall(
        confidence=np.array([detection.confidence for detection in ranked], np.float64),
        precision=running / np.arange(1, len(ranked) + 1),
        recall=running / max(len(wanted), 1),
    )


def average_precisions(
    truth: Sequence[ActionSpan],
    detections: Sequence[Detection],
    taught: Collection[str],
    least_iou: float,
) -> dict[str, float]:
    """Return the average precision of each taught action that was performed."""
    performed = {span.label for span in truth}
    return {
        label: precision_recall(truth, detections, [label], least_iou).average_precision
        for label in taught
        if label in performed
    }


@dataclass(frozen=True)
class Reliability:
    """
    How often events of about the same confidence are right.

    :param confidence: mean of each bin that holds events.
    :param right: share of its events that are right.
    :param count: how many it holds.
    """

    confidence: tuple[float, ...]
    right: tuple[float, ...]
    count: tuple[int, ...]

    @property
    def expected_calibration_error(self) -> float | None:
        """Mean distance between confidence and share of right ones, by count; None: no events."""
        apart = np.abs(np.array(self.confidence) - np.array(self.right))
        return float(np.average(apart, weights=self.count)) if self.count else None


def reliability(
    confidence: Sequence[float], right: Sequence[bool], bins: int = CALIBRATION_BINS
) -> Reliability:
    """
    Sort events into bins of equal width from 0 to 1.

    :param confidence: of each event, 0 to 1.
    :param right: whether each is.
    """
    values, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    used = sorted(set(place.tolist()))
    return Reliability(
        tuple(float(values[place == one].mean()) for one in used),
        tuple(float(hits[place == one].mean()) for one in used),
        tuple(int((place == one).sum()) for one in used),
    )
