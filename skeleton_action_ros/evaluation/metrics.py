"""
Events against ground truth: what answers what, F1, and how late. docs/metrics.md has the sources.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan

LEAST_OVERLAP = 0.1
"""Share of the shorter of two spans that they must have in common to be about the same thing."""


@dataclass(frozen=True)
class Detection:
    """
    One event, whoever found it.

    :param span: what was recognised, from its start to its end.
    :param decided_ns: stamp of the frame that decided it.
    :param confidence: larger is surer; 0 to 1 from our own recogniser.
    """

    span: ActionSpan
    decided_ns: int
    confidence: float


class Outcome(str, Enum):
    """What became of one performed action."""

    RECOGNISED = 'recognised'
    MISSED = 'missed'
    WRONG = 'wrong'


@dataclass(frozen=True)
class Verdict:
    """One performed action that was taught, and the event that answers it, if any."""

    truth: ActionSpan
    outcome: Outcome
    event: ActionSpan | None


@dataclass(frozen=True)
class EventMatching:
    """
    Every performed action and every event, told apart.

    :param verdicts: one for each taught action that was performed, in the order given.
    :param false_events: events that answer no taught action: while something never taught, or
        nothing, was done, and repetitions of an event that has counted.
    """

    verdicts: tuple[Verdict, ...]
    false_events: tuple[ActionSpan, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(verdict.outcome is outcome for verdict in self.verdicts)


def iou(one: ActionSpan, other: ActionSpan) -> float:
    """Return the temporal intersection over union of two spans of one person, 0 for two persons."""
    if one.body_id != other.body_id:
        return 0.0
    common = min(one.end_ns, other.end_ns) - max(one.start_ns, other.start_ns)
    union = max(one.end_ns, other.end_ns) - min(one.start_ns, other.start_ns)
    return max(common, 0) / union if union > 0 else 0.0


def _overlap(one: ActionSpan, other: ActionSpan) -> float:
    """Return the intersection over the shorter span."""
    shorter = min(one.end_ns - one.start_ns, other.end_ns - other.start_ns)
    common = min(one.end_ns, other.end_ns) - max(one.start_ns, other.start_ns)
    return max(common, 0) / max(shorter, 1) if one.body_id == other.body_id else 0.0


def match_events(
    truth: Sequence[ActionSpan], events: Sequence[ActionSpan], taught: Collection[str]
) -> EventMatching:
    """
    Decide for each taught action whether it was recognised, and for each event what it answers.

    An event can answer an action of the same person with which it shares `LEAST_OVERLAP` of the
    shorter of the two. Each event answers the action of its own label that it overlaps most, or
    where there is none the action that it overlaps most. An action that an event of its own label
    answers is recognised, one that only others answer is wrong, else it is missed.
    """
    answers: dict[int, list[ActionSpan]] = {}
    false_events = []
    for event in events:
        answer = answered(event, truth)
        if answer is None or truth[answer].label not in taught:
            false_events.append(event)
        else:
            answers.setdefault(answer, []).append(event)
    verdicts = []
    for index, span in enumerate(truth):
        if span.label not in taught:
            continue
        given = answers.get(index, [])
        right = [event for event in given if event.label == span.label]
        if right:
            verdicts.append(Verdict(span, Outcome.RECOGNISED, right[0]))
            false_events += [event for event in given if event is not right[0]]
        elif given:
            verdicts.append(Verdict(span, Outcome.WRONG, given[0]))
            false_events += given[1:]
        else:
            verdicts.append(Verdict(span, Outcome.MISSED, None))
    return EventMatching(tuple(verdicts), tuple(false_events))


def answered(event: ActionSpan, truth: Sequence[ActionSpan]) -> int | None:
    """Return which action an event answers, as `match_events` says; None where it is none."""
    near = [index for index, span in enumerate(truth) if _overlap(event, span) >= LEAST_OVERLAP]
    return max(
        near,
        key=lambda index: (truth[index].label == event.label, iou(event, truth[index])),
        default=None,
    )


@dataclass(frozen=True)
class F1:
    """Counts at one threshold of overlap, and what follows from them."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def value(self) -> float:
        """2 TP / (2 TP + FP + FN); 0 when there is nothing."""
        twice = 2 * self.true_positives
        return _share(twice, twice + self.false_positives + self.false_negatives)


def event_f1(
    truth: Sequence[ActionSpan],
    events: Sequence[ActionSpan],
    taught: Collection[str],
    least_iou: float,
) -> F1:
    """
    Count events that hit an action of their label with an IoU of at least `least_iou`.

    Pairs are made one to one, best IoU first. The truth is what was performed of `taught`; an event
    without a partner is a false positive, whatever was performed meanwhile.
    """
    wanted = [span for span in truth if span.label in taught]
    pairs = sorted(
        (
            (iou(span, event), row, column)
            for row, span in enumerate(wanted)
            for column, event in enumerate(events)
            if span.label == event.label and span.body_id == event.body_id
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    rows: set[int] = set()
    columns: set[int] = set()
    for value, row, column in pairs:
        if value >= least_iou and value > 0.0 and row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
    return F1(len(rows), len(events) - len(rows), len(wanted) - len(rows))


def wrong_labels(
    truth: Sequence[ActionSpan], events: Sequence[ActionSpan], taught: Collection[str]
) -> int:
    """Count the events that answer a taught action of another label, as `match_events` has it."""
    answers = [(event, answered(event, truth)) for event in events]
    return sum(
        index is not None and truth[index].label in taught and truth[index].label != event.label
        for event, index in answers
    )


def onset_latencies_s(
    verdicts: Sequence[Verdict], detections: Sequence[Detection]
) -> list[tuple[float, float]]:
    """
    Return how late each recognised action was decided.

    :return: the time from its true onset to the deciding frame, seconds, and the same as a share of
        how long the action lasted; in the order of the verdicts.
    """
    decided_ns = {detection.span: detection.decided_ns for detection in detections}
    found = []
    for verdict in verdicts:
        if verdict.outcome is Outcome.RECOGNISED and verdict.event in decided_ns:
            late_ns = decided_ns[verdict.event] - verdict.truth.start_ns
            length_ns = max(verdict.truth.end_ns - verdict.truth.start_ns, 1)
            found.append((late_ns / NS_PER_S, late_ns / length_ns))
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
