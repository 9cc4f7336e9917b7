"""From similarities over time to events: one person's state machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.skeleton import NS_PER_S


@dataclass(frozen=True)
class DecisionConfig:
    """When a match becomes an event, and when the event is over."""

    settle_s: float = setting(
        0.35,
        'a match that no better one has followed for this long is believed',
        unit='s',
        low=0.0,
        high=5.0,
    )
    sure: float = setting(
        0.25,
        'a match this far above its threshold, as a share of what is possible, is believed at once',
        low=0.0,
        high=1.0,
    )
    release_s: float = setting(
        0.8,
        'an action that has stopped matching for this long is over',
        unit='s',
        low=0.0,
        high=5.0,
    )
    hysteresis: float = setting(
        0.05,
        'an action goes on while its similarity is above its threshold less this',
        low=0.0,
        high=1.0,
    )
    hold_s: float = setting(
        1.5,
        'a posture other than the one before may be held this long within one action',
        unit='s',
        low=0.0,
        high=10.0,
    )
    overrule: float = setting(
        0.2,
        'another action takes over the same motion only when its strength is greater by this: how '
        'far it is above its threshold, as a share of what is possible, times the root of its '
        'seconds',
        low=0.0,
        high=5.0,
    )


class Phase(Enum):
    """What a person is about: moving, holding a posture other than before, or neither."""

    MOVING = 'moving'
    HOLDING = 'holding'
    STILL = 'still'


class EventKind(IntEnum):
    """As in ActionEvent.msg."""

    STARTED = 0
    ENDED = 1


@dataclass(frozen=True)
class ActionEvent:
    """
    An action of one person has started or ended.

    :param start_ns: when the action began, sensor time.
    :param end_ns: until when it has been seen so far; for ENDED, when it ended.
    :param stamp_ns: stamp of the frame that decided it.
    :param confidence: the chance that it is right, 0 to 1.
    """

    kind: EventKind
    body_id: int
    label: str
    start_ns: int
    end_ns: int
    stamp_ns: int
    confidence: float


@dataclass(frozen=True)
class Match:
    """
    A stretch of motion that is as similar to an action as its threshold asks.

    :param confidence: the chance that it is this action, 0 to 1.
    """

    label: str
    similarity: float
    threshold: float
    confidence: float
    start_ns: int
    end_ns: int

    @property
    def excess(self) -> float:
        """How far above its threshold it is, as a share of what was possible: 0 to 1."""
        return (self.similarity - self.threshold) / max(1.0 - self.threshold, 1e-6)

    @property
    def strength(self) -> float:
        """How much speaks for it: of two that are as similar, the longer one explains more."""
        return self.excess * weight_of(self.end_ns - self.start_ns)


def weight_of(duration_ns: int) -> float:
    """Return how much a stretch counts by its length: the root of its seconds."""
    return math.sqrt(max(duration_ns, 0) / NS_PER_S)


@dataclass
class _Open:
    """
    The action that is going on.

    :param end_ns: until when it has been done, as far as one can tell.
    :param busy_ns: until when the motion can still be explained by it.
    :param still: the strength with which it is being done right now.
    """

    match: Match
    end_ns: int
    busy_ns: int
    still: float = 0.0

    def follow(self, ongoing: Sequence[Match]) -> None:
        """
        Take stretches that still look like this action.

        One that holds the recognised motion itself and what followed is the whole of what was
        recognised before it ended, if it is stronger; else it says only that nothing else need
        have begun. One that begins clearly later is the action done again or still (walking,
        waving).
        """
        later_ns = self.match.start_ns + (self.match.end_ns - self.match.start_ns) // 4
        self.still = 0.0
        for match in ongoing:
            self.busy_ns = max(self.busy_ns, match.end_ns)
            if match.start_ns >= later_ns:
                self.end_ns = max(self.end_ns, match.end_ns)
                self.still = max(self.still, match.strength)
            elif match.strength > self.match.strength and match.end_ns >= self.match.end_ns:
                self.match = replace(match, start_ns=self.match.start_ns)
                self.end_ns = max(self.end_ns, match.end_ns)

    def covers(self, match: Match) -> bool:
        """Say whether a match is about the motion that this action was recognised in."""
        common = min(self.match.end_ns, match.end_ns) - max(self.match.start_ns, match.start_ns)
        return 2 * common >= match.end_ns - match.start_ns


class PersonDecision:
    """
    Follows one person: holds the strongest match until it is sure or has settled, then reports it
    as started, perhaps before the action has ended, keeps it open while it goes on matching, and
    reports its end. One action at a time.
    """

    def __init__(self, body_id: int, config: DecisionConfig) -> None:
        self._body_id = body_id
        self._config = config
        self._best: Match | None = None
        self._best_since_ns = 0
        self._open: _Open | None = None
        self._free_from_ns = 0

    @property
    def free_from_ns(self) -> int:
        """Motion before this belongs to an action that has ended."""
        return self._free_from_ns

    @property
    def open(self) -> Match | None:
        """The match of the action that is going on, if one is."""
        return self._open.match if self._open else None

    def update(
        self, now_ns: int, matches: dict[str, Match], ongoing: Sequence[Match], phase: Phase
    ) -> list[ActionEvent]:
        """
        Take what the latest window says.

        :param matches: the best match of each label that reaches its threshold.
        :param ongoing: every stretch that is similar enough for the open action to go on.
        :param phase: when the person is still, nothing better can come.
        """
        events = []
        if self._open:
            self._open.follow(ongoing)
            if phase is Phase.HOLDING:
                self._open.busy_ns = max(self._open.busy_ns, now_ns)
        rivals = [match for match in matches.values() if self._may_start(match)]
        top = max(rivals, key=lambda match: match.strength, default=None)
        if top and (self._best is None or top.strength > self._best.strength):
            self._best, self._best_since_ns = top, now_ns
        if self._best and (
            phase is Phase.STILL
            or self._best.excess >= self._config.sure
            or now_ns - self._best_since_ns >= self._config.settle_s * NS_PER_S
        ):
            events += self._start(self._best, now_ns)
        if self._open and (
            phase is Phase.STILL or now_ns - self._open.busy_ns > self._config.release_s * NS_PER_S
        ):
            self._free_from_ns = self._open.busy_ns
            events.append(self._end(self._open.end_ns, now_ns))
        return events

    def end(self, now_ns: int) -> list[ActionEvent]:
        """Report what is pending and end what is open: the person has stopped or left."""
        return self.update(now_ns, {}, [], Phase.STILL)

    def _may_start(self, match: Match) -> bool:
        """Say whether a match can be another action than the open one."""
        if self._open is None:
            return True
        if match.label == self._open.match.label:
            return False
        if self._open.covers(match):
            return match.strength > self._open.match.strength + self._config.overrule
        return match.strength > self._open.still

    def _start(self, match: Match, now_ns: int) -> list[ActionEvent]:
        events = []
        if self._open:
            self._free_from_ns = match.start_ns
            events.append(self._end(min(self._open.end_ns, match.start_ns), now_ns))
        self._best = None
        self._open = _Open(match, match.end_ns, match.end_ns)
        events.append(self._event(EventKind.STARTED, match, match.end_ns, now_ns))
        return events

    def _end(self, end_ns: int, now_ns: int) -> ActionEvent:
        assert self._open is not None
        match = self._open.match
        end_ns = max(end_ns, match.start_ns)
        self._open = None
        return self._event(EventKind.ENDED, match, end_ns, now_ns)

    def _event(self, kind: EventKind, match: Match, end_ns: int, now_ns: int) -> ActionEvent:
        return ActionEvent(
            kind,
            self._body_id,
            match.label,
            match.start_ns,
            end_ns,
            now_ns,
            match.confidence,
        )
