"""What was shown beside what was recognised, line by line as it becomes settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan
from skeleton_action_ros.evaluation.metrics import Outcome, match_events

RECOGNISED = Outcome.RECOGNISED.value
MISSED = Outcome.MISSED.value
WRONG = Outcome.WRONG.value
SILENT = 'silent'
FALSE = 'false'

_SETTLED_S = 1.5
_FORLORN_S = 6.0
_EVENTS_KEPT_S = 20.0
_SPANS_KEPT_S = 30.0


@dataclass(frozen=True)
class Line:
    """
    One settled line.

    :param shown: the action; empty where an event came while nothing was done.
    :param answers: labels of the events.
    :param outcome: 'recognised', 'missed', 'wrong', 'silent' (rightly) or 'false'.
    """

    stamp_ns: int
    body_id: int
    shown: str
    answers: tuple[str, ...]
    outcome: str


class Scoreboard:
    """
    Collects ground truth and events as they come, and says what became of each.

    An action is settled some time after its end, when no event for it can come any more; an event
    that belongs to no action is settled later, as the action around it may still be going on. What
    was settled long ago is forgotten.
    """

    def __init__(self, taught: Sequence[str]) -> None:
        self._taught = tuple(taught)
        self._spans: list[ActionSpan] = []
        self._events: dict[tuple[int, str, int], ActionSpan] = {}
        self._told_spans: set[ActionSpan] = set()
        self._told_events: set[tuple[int, str, int]] = set()

    def show(self, span: ActionSpan) -> None:
        """Take an action that has ended."""
        self._spans.append(span)

    def recognise(self, event: ActionSpan) -> None:
        """Take an event; a later one of the same start replaces it."""
        self._events[_key(event)] = event

    def settled(self, now_ns: int) -> list[Line]:
        """Return what has become settled since the last call, in order of time."""
        self._forget(now_ns)
        matching = match_events(self._spans, list(self._events.values()), self._taught)
        lines = []
        for verdict in matching.verdicts:
            span, event = verdict.truth, verdict.event
            if self._is_due(span, now_ns, _SETTLED_S):
                answers = [event.label] if event else []
                lines.append(_line(span, answers, verdict.outcome.value))
        for span in self._spans:
            if span.label not in self._taught and self._is_due(span, now_ns, _SETTLED_S):
                during = [event for event in matching.false_events if _overlap(event, span)]
                self._told_events |= {_key(event) for event in during}
                answers = [event.label for event in during]
                lines.append(_line(span, answers, FALSE if during else SILENT))
        self._told_spans |= {span for span in self._spans if _is_past(span, now_ns, _SETTLED_S)}
        for event in matching.false_events:
            if _key(event) not in self._told_events and _is_past(event, now_ns, _FORLORN_S):
                self._told_events.add(_key(event))
                lines.append(Line(event.start_ns, event.body_id, '', (event.label,), FALSE))
        return sorted(lines, key=lambda line: (line.stamp_ns, line.body_id))

    def _forget(self, now_ns: int) -> None:
        """Drop old events, and later the actions that they answered."""
        self._events = {
            key: event
            for key, event in self._events.items()
            if not _is_past(event, now_ns, _EVENTS_KEPT_S)
        }
        self._spans = [span for span in self._spans if not _is_past(span, now_ns, _SPANS_KEPT_S)]

    def _is_due(self, span: ActionSpan, now_ns: int, after_s: float) -> bool:
        return span not in self._told_spans and _is_past(span, now_ns, after_s)


def _line(span: ActionSpan, answers: Sequence[str], outcome: str) -> Line:
    return Line(span.start_ns, span.body_id, span.label, tuple(answers), outcome)


def _key(event: ActionSpan) -> tuple[int, str, int]:
    return event.body_id, event.label, event.start_ns


def _is_past(span: ActionSpan, now_ns: int, after_s: float) -> bool:
    return now_ns >= span.end_ns + round(after_s * NS_PER_S)


def _overlap(one: ActionSpan, other: ActionSpan) -> bool:
    return one.body_id == other.body_id and min(one.end_ns, other.end_ns) > max(
        one.start_ns, other.start_ns
    )
