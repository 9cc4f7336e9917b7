"""
How much each performed action looked like something taught, whether or not an event came of it.

An event exists only above a threshold. What the recogniser compared at every window exists always,
and says what other thresholds would have accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.matching import Hypothesis
from skeleton_action_ros.core.recognition import Recognition
from skeleton_action_ros.core.skeleton import ActionSpan

NOTHING = -1.0
"""The excess where nothing was compared: less than any similarity has."""


@dataclass(frozen=True)
class Evidence:
    """
    The most that one window of one person spoke for any taught action.

    :param stamp_ns: of the window's last frame.
    :param label: the action it spoke for; empty where nothing was compared.
    :param excess: similarity above that action's threshold, as a share of what was possible: 0 at
        the threshold, 1 for identical motion, below 0 where it was not enough.
    :param start_ns: when the motion began that spoke for it; `stamp_ns` where there is none.
    :param end_ns: when that motion ended, likewise.
    """

    body_id: int
    stamp_ns: int
    label: str
    excess: float
    start_ns: int
    end_ns: int

    def is_about(self, span: ActionSpan) -> bool:
        """Say whether at least half of the motion lies in a stretch of the same person."""
        common = min(self.end_ns, span.end_ns) - max(self.start_ns, span.start_ns)
        return self.body_id == span.body_id and 0 <= self.end_ns - self.start_ns <= 2 * common


def excess(hypothesis: Hypothesis) -> float:
    """Return how far a similarity is above its threshold, as `Evidence.excess`."""
    possible = max(1.0 - hypothesis.threshold, 1e-6)
    return max((hypothesis.similarity - hypothesis.threshold) / possible, NOTHING)


def evidence_of(recognition: Recognition) -> Evidence:
    """Return what a recognition's hypotheses come to."""
    best = max(recognition.hypotheses, key=excess, default=None)
    body_id, stamp_ns = recognition.body_id, recognition.stamp_ns
    if best is None:
        return Evidence(body_id, stamp_ns, '', NOTHING, stamp_ns, stamp_ns)
    return Evidence(body_id, stamp_ns, best.label, excess(best), best.start_ns, best.end_ns)


def excess_during(spans: Sequence[ActionSpan], evidence: Iterable[Evidence]) -> list[float]:
    """Return for each span the largest excess of motion of which half or more lies in it."""
    people = _by_person(evidence)
    return [
        max(
            (one.excess for one in people.get(span.body_id, ()) if one.is_about(span)),
            default=NOTHING,
        )
        for span in spans
    ]


def excess_outside(spans: Sequence[ActionSpan], evidence: Iterable[Evidence]) -> list[float]:
    """Return the excess of every window whose motion is about nothing annotated."""
    busy: dict[int, list[ActionSpan]] = {}
    for span in spans:
        busy.setdefault(span.body_id, []).append(span)
    return [
        one.excess
        for one in evidence
        if not any(
            one.is_about(span) or span.start_ns <= one.stamp_ns <= span.end_ns
            for span in busy.get(one.body_id, ())
        )
    ]


def _by_person(evidence: Iterable[Evidence]) -> dict[int, list[Evidence]]:
    people: dict[int, list[Evidence]] = {}
    for one in evidence:
        people.setdefault(one.body_id, []).append(one)
    return people


def accepted_shares(excesses: Sequence[float], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of excesses that reach each value of `at`; 0 where there are none."""
    ordered = np.sort(np.asarray(excesses, np.float64))
    if len(ordered) == 0:
        return np.zeros(len(at))
    return 1.0 - np.searchsorted(ordered, at, 'left') / len(ordered)
