"""What a run comes to: counts over all and action by action, and who was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.metrics import EventMatching, Outcome, match_events
from skeleton_action_ros.evaluation.page import NONE, Bar, Confusion, Table

NEVER_TAUGHT = 'never taught'
NOTHING = 'nothing, or again'
"""Row of events while nobody did anything, and of second events for one action."""


@dataclass(frozen=True)
class ActionCount:
    """How often one taught action was performed, and what became of it."""

    shown: int
    recognised: int
    missed: int
    wrong: int
    false_events: int


@dataclass(frozen=True)
class Latency:
    """Percentiles over events, milliseconds; 0 where there was no event."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Summary:
    """
    The counts of a run.

    :param shown: taught actions that were performed; each is recognised, missed or wrong.
    :param never_taught: other actions that were performed.
    :param false_events: events that answer no taught action, of which `false_on_never_taught` fall
        into one never taught.
    """

    shown: int
    recognised: int
    missed: int
    wrong: int
    never_taught: int
    false_events: int
    false_on_never_taught: int
    latency_ms: Latency
    per_action: dict[str, ActionCount]

    @property
    def recognised_share(self) -> float:
        """Recognised of shown; 0 when nothing was shown."""
        return self.recognised / self.shown if self.shown else 0.0

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class Outcomes:
    """
    One run told apart: what became of each action, and what each event was worth.

    :param truth: everything that was performed, taught or not.
    :param events: what was recognised, each from its start to its end.
    :param taught: the labels that were taught, in the order of the tables.
    """

    def __init__(
        self, truth: Sequence[ActionSpan], events: Sequence[ActionSpan], taught: Sequence[str]
    ) -> None:
        self._truth = tuple(truth)
        self._taught = tuple(taught)
        self._matching: EventMatching = match_events(truth, events, taught)
        self._others = [span for span in truth if span.label not in taught]
        self._during = [(event, self._other_during(event)) for event in self._matching.false_events]

    def summary(self, latencies_ms: Sequence[float]) -> Summary:
        """Count."""
        count = self._matching.count
        return Summary(
            shown=len(self._matching.verdicts),
            recognised=count(Outcome.RECOGNISED),
            missed=count(Outcome.MISSED),
            wrong=count(Outcome.WRONG),
            never_taught=len(self._others),
            false_events=len(self._during),
            false_on_never_taught=sum(other is not None for _, other in self._during),
            latency_ms=Latency(_percentile(latencies_ms, 50), _percentile(latencies_ms, 99)),
            per_action={label: self._count(label) for label in self._taught},
        )

    def confusion(self) -> Confusion:
        """Count who was taken for what; a never taught action without an event is rightly none."""
        rows = (*self._taught, NEVER_TAUGHT, NOTHING)
        columns = (*self._taught, NONE)
        counts = np.zeros((len(rows), len(columns)), np.int64)
        for verdict in self._matching.verdicts:
            answer = verdict.event.label if verdict.event else NONE
            counts[rows.index(verdict.truth.label), columns.index(answer)] += 1
        for event, other in self._during:
            row = NOTHING if other is None else NEVER_TAUGHT
            counts[rows.index(row), columns.index(event.label)] += 1
        quiet = len(self._others) - len({other for _, other in self._during if other is not None})
        counts[rows.index(NEVER_TAUGHT), columns.index(NONE)] = quiet
        return Confusion(rows, columns, tuple(tuple(int(n) for n in row) for row in counts))

    def table(self) -> Table:
        """Return the counts action by action."""
        rows = []
        for label in self._taught:
            count = self._count(label)
            rows.append((label, *(str(value) for value in asdict(count).values())))
        return Table(
            ('action', 'shown', 'recognised', 'missed', 'wrong', 'false events'), tuple(rows)
        )

    def shown_bars(self) -> list[Bar]:
        """Return the ground truth with what became of it."""
        became = {id(verdict.truth): verdict.outcome.value for verdict in self._matching.verdicts}
        return [
            Bar(
                span.body_id,
                span.label,
                span.start_ns,
                span.end_ns,
                became.get(id(span), NEVER_TAUGHT),
            )
            for span in self._truth
        ]

    def worth_of(self, event: ActionSpan) -> str:
        """Return what an event was worth: 'recognised', 'wrong' or 'false'."""
        for verdict in self._matching.verdicts:
            if verdict.event == event:
                return verdict.outcome.value
        return 'false'

    def _count(self, label: str) -> ActionCount:
        mine = [v.outcome for v in self._matching.verdicts if v.truth.label == label]
        return ActionCount(
            shown=len(mine),
            recognised=mine.count(Outcome.RECOGNISED),
            missed=mine.count(Outcome.MISSED),
            wrong=mine.count(Outcome.WRONG),
            false_events=sum(event.label == label for event, _ in self._during),
        )

    def _other_during(self, event: ActionSpan) -> int | None:
        """Return which never taught action an event falls into, if any."""
        common = [
            min(event.end_ns, span.end_ns) - max(event.start_ns, span.start_ns)
            if span.body_id == event.body_id
            else 0
            for span in self._others
        ]
        best = int(np.argmax(common)) if common else -1
        return best if best >= 0 and common[best] > 0 else None


def _percentile(values: Sequence[float], percent: int) -> float:
    return round(float(np.percentile(values, percent)), 3) if len(values) > 0 else 0.0
