"""Who is who from frame to frame, where a tracker's ids vanish, change hands or are given anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.body_comparison import (
    bodies_of,
    distances_m,
    nobody,
    unlikenesses,
    ways_m,
)
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene

_FIRST_FRESH = 1_000_000_000
"""Numbers from here on are no tracker's: they are given where an id cannot be believed."""
_FRESH = 2**31 - _FIRST_FRESH
_STEADY = 0.25
"""An id is believed where its body is within this share of how far off it may be."""
_CLEAR = 0.2
"""One explanation is believed where every other is worse by this."""
_GOES_ON_S = 0.5
"""Whoever is unseen goes on as before for about so long."""
_SPEED_OVER_S = 0.2
_FASTEST_MPS = 3.0
_PARTED = 2.0
"""Bodies that touched are apart again at this many times the distance."""


@dataclass(frozen=True)
class IdentityConfig:
    """When a body is somebody who was there before."""

    away_s: float = setting(
        1.0,
        'somebody unseen for at most this long is known again under another id',
        unit='s',
        low=0.0,
        high=10.0,
    )
    speed_mps: float = setting(
        2.0,
        'nobody gets off the way they were going faster than this',
        unit='m/s',
        low=0.1,
        high=20.0,
    )
    jump_m: float = setting(
        0.5, 'a body may be misplaced by this much in any frame', unit='m', low=0.05, high=10.0
    )
    touch_m: float = setting(
        0.3,
        'bodies whose trunks are nearer to each other than this cannot be told by place',
        unit='m',
        low=0.0,
        high=2.0,
    )
    unlike: float = setting(
        0.25, 'bodies whose bones differ by this share, on average, are not alike', low=0.01, high=1
    )


@dataclass(eq=False)
class _Person:
    """
    Somebody as seen last.

    :param number: stays with the person.
    :param shown_as: the tracker's id; None: it names somebody else by now.
    :param mixed: in one place with others: may be any of them, from frame to frame.
    :param mingled: went into such a place, and may be anybody who comes out of it.
    :param beside: numbers of those whom place does not tell from this one.
    """

    number: int
    shown_as: int | None
    last_ns: int
    mixed: bool = False
    mingled: bool = False
    beside: set[int] = field(default_factory=set)


class _Look:
    """
    One scene while it is looked at.

    :param owns: of each body the row of the person whom its id named; None: it named nobody.
    :param chosen: of each body the row of the person it is; None: somebody new.
    :param late: bodies that are not later than their person.
    :param apart_m: how far bodies are from one another.
    """

    def __init__(self, scene: Scene) -> None:
        count = len(scene.skeletons)
        self.stamp_ns = scene.stamp_ns
        self.ids = [frame.body_id for frame in scene.skeletons]
        self.bodies = bodies_of(scene.skeletons)
        self.owns: list[int | None] = [None] * count
        self.chosen: list[int | None] = [None] * count
        self.late: set[int] = set()
        self.apart_m = distances_m(self.bodies, self.bodies)


class IdentityTracker:
    """
    Gives the bodies of each scene numbers that stay with the person.

    A number is the first id that the tracker gave to the person, and stays while the body moves as
    a person can. A new id takes over the number of somebody who vanished a moment ago near there
    and is built alike; ids whose bodies jump into each other's place are swapped back. Where two
    explanations are about as good, and where bodies have been in one place and are not built
    differently, everybody concerned gets a new number and nobody somebody else's: the id, where it
    is nobody's number, else one that is no tracker's, from 1,000,000,000.

    Who steps into the place that another one left within `away_s`, and was not in view before, is
    taken for them, unless clearly larger or smaller. Neither bones nor posture would tell: of two
    adults before a Kinect one frame differs by more than `unlike` in 2 to 5 of 100, and where one
    in a hundred of the same person may be lost, another's posture is refused in 6 to 49 of 100
    after 0.3 s, and in 9 or fewer after 0.75 s (UTKinect, Florence 3D, UTD-MHAD).

    `counts` says how often a number was `taken_over` by another id, ids were `swapped_back`, and
    somebody was `split`: was uncertain, and got a new number.
    """

    def __init__(self, config: IdentityConfig) -> None:
        self._config = config
        self._people: list[_Person] = []
        self._bodies = nobody()
        self._velocities_mps = np.zeros((0, 3), np.float32)
        self._given = 0
        self.counts: Counter[str] = Counter()

    def push(self, scene: Scene) -> Scene:
        """
        Return the scene with steady numbers in the place of the tracker's ids, else as it is.

        No two ids of a scene have the same number. The persons of one instant may come in
        several scenes of one stamp. A body that is not later than what is known of its id goes by
        that id, and changes nothing.
        """
        self._forget(scene.stamp_ns)
        if not scene.skeletons:
            return scene
        people = self._who(_Look(scene))
        skeletons = tuple(
            frame if frame.body_id == person.number else replace(frame, body_id=person.number)
            for frame, person in zip(scene.skeletons, people, strict=True)
        )
        return replace(scene, skeletons=skeletons)

    def clear(self) -> None:
        """Forget everybody: time has jumped back."""
        self._keep([])

    def _forget(self, now_ns: int) -> None:
        oldest_ns = now_ns - round(self._config.away_s * NS_PER_S)
        kept = [row for row, one in enumerate(self._people) if one.last_ns >= oldest_ns]
        if len(kept) < len(self._people):
            self._keep(kept)

    def _keep(self, rows: list[int]) -> None:
        self._people = [self._people[row] for row in rows]
        self._bodies = self._bodies.rows(rows)
        self._velocities_mps = self._velocities_mps[rows]

    def _who(self, look: _Look) -> list[_Person]:
        """Decide who each body is, and remember where they are."""
        row_of_id = {one.shown_as: row for row, one in enumerate(self._people)}
        look.owns = [row_of_id.get(body_id) for body_id in look.ids]
        shares = self._shares(look)
        parted = self._parted(look)
        asked = []
        for index, own in enumerate(look.owns):
            if own is not None and self._people[own].last_ns >= look.stamp_ns:
                look.late.add(index)
                look.chosen[index] = own
            elif own is None or own in look.chosen or index in parted:
                asked.append(index)
            elif shares[index, own] <= (1.0 if self._people[own].mixed else _STEADY):
                look.chosen[index] = own
            else:
                asked.append(index)
        for own in (look.owns[index] for index in parted):
            assert own is not None
            self._leave(self._people[own])
        uncertain = self._explain(look, asked, shares)
        people: list[_Person] = []
        numbers = {one.number for one in self._people}
        for index, row in enumerate(look.chosen):
            if row is None:
                if index in uncertain or look.owns[index] is not None:
                    self.counts['split'] += 1
                people.append(self._newcomer(look, index, numbers, look.ids[index]))
            else:
                people.append(self._people[row])
                if row != look.owns[index]:
                    known = look.owns[index] is not None and index not in parted
                    self.counts['swapped_back' if known else 'taken_over'] += 1
        self._meet(look, people, numbers)
        self._remember(look, people)
        return people

    def _shares(self, look: _Look) -> NDArray[np.float32]:
        """Return how far each body is from where each person must be, as a share of the most."""
        last_ns = np.array([one.last_ns for one in self._people], np.int64)
        away_s = np.maximum(look.stamp_ns - last_ns, 0) / NS_PER_S
        ahead_s = _GOES_ON_S * (1.0 - np.exp(-away_s / _GOES_ON_S))
        ahead_m = self._velocities_mps * ahead_s[:, None].astype(np.float32)
        reach_m = self._config.jump_m + self._config.speed_mps * away_s
        off_m = distances_m(look.bodies, self._bodies.moved(ahead_m))
        return np.asarray(off_m / reach_m, np.float32)

    def _parted(self, look: _Look) -> list[int]:
        """Return the bodies of ids that have been in one place with others, and now are not."""
        number_of = [None if own is None else self._people[own].number for own in look.owns]
        parted = []
        for index, own in enumerate(look.owns):
            if own is None or not (self._people[own].beside or self._people[own].mixed):
                continue
            person = self._people[own]
            near_m = _PARTED * self._config.touch_m
            far = [number_of[other] for other in np.flatnonzero(look.apart_m[index] > near_m)]
            alone = len(far) == len(look.ids) - 1
            if (person.mixed and alone) or (not person.mixed and person.beside.intersection(far)):
                parted.append(index)
        return parted

    def _leave(self, person: _Person) -> None:
        """Take a person's id away: any of those who were in one place with them may have it."""
        person.shown_as, person.mingled = None, True
        person.beside.clear()

    def _explain(self, look: _Look, asked: list[int], shares: NDArray[np.float32]) -> set[int]:
        """
        Find out who bodies are whose id does not say so.

        :return: which of them may be several persons, or who may be several of them.
        """
        here = {self._people[row].number for row in look.chosen if row is not None}
        free = [
            row
            for row, one in enumerate(self._people)
            if row not in look.chosen
            and one.last_ns < look.stamp_ns
            and not one.mixed
            and not one.beside & here
        ]
        if not asked or not free:
            return set()
        place = shares[np.ix_(asked, free)]
        mingled = np.array([self._people[row].mingled for row in free])
        build = unlikenesses(look.bodies.rows(asked), self._bodies.rows(free)) / self._config.unlike
        own = np.array([[look.owns[index] == row for row in free] for index in asked])
        possible = (place <= 1.0) & ((build <= 1.0) | (own & ~mingled))
        cost = np.where(mingled, 0.0, place) + np.minimum(build, 1.0)
        cost = np.where(possible, cost, np.inf)
        uncertain = set()
        for row, index in enumerate(asked):
            best = int(cost[row].argmin())
            if not possible[row, best]:
                continue
            rivals = np.append(np.delete(cost[row], best), np.delete(cost[:, best], row))
            if len(rivals) == 0 or rivals.min() >= cost[row, best] + _CLEAR:
                look.chosen[index] = free[best]
            else:
                uncertain.add(index)
        return uncertain

    def _newcomer(
        self, look: _Look, index: int, numbers: set[int], wanted: int | None = None
    ) -> _Person:
        """Return somebody new: with the number wanted if nobody has it, else with a fresh one."""
        number = wanted
        while number is None or number in numbers:
            number = _FIRST_FRESH + self._given % _FRESH
            self._given += 1
        numbers.add(number)
        return _Person(number, look.ids[index], look.stamp_ns)

    def _meet(self, look: _Look, people: list[_Person], numbers: set[int]) -> None:
        """
        Note who is in one place, and give new numbers to those who come to be there.

        Bodies that appear beside somebody change nothing for that one: trackers show some persons
        twice for a moment.
        """
        near = np.triu(look.apart_m < self._config.touch_m, 1)
        late = list(look.late)
        near[late] = near[:, late] = False
        were_here = [row is not None for row in look.chosen]
        for pair in np.argwhere(near).tolist():
            one, other = (people[index] for index in pair)
            known = one.number in other.beside
            if known and one.mixed == other.mixed:
                continue
            if not known and all(were_here[index] for index in pair):
                for index in pair:
                    if not people[index].mixed:
                        self._leave(people[index])
                        people[index] = self._newcomer(look, index, numbers)
                        people[index].mixed = True
                        look.chosen[index] = None
                        self.counts['split'] += 1
            one, other = (people[index] for index in pair)
            one.mixed = other.mixed = one.mixed or other.mixed
            one.beside.add(other.number)
            other.beside.add(one.number)

    def _remember(self, look: _Look, people: list[_Person]) -> None:
        """Keep what the bodies show of their persons."""
        fresh = [index for index in range(len(people)) if index not in look.late]
        bodies = look.bodies.rows(fresh)
        velocities = np.zeros((len(fresh), 3), np.float32)
        again = [at for at, index in enumerate(fresh) if look.chosen[index] is not None]
        rows = [row for row in (look.chosen[index] for index in fresh) if row is not None]
        if rows:
            before = self._bodies.rows(rows)
            now = bodies.rows(again)
            passed_s = np.array([look.stamp_ns - self._people[row].last_ns for row in rows])
            passed_s = (passed_s / NS_PER_S).astype(np.float32)[:, None]
            velocities[again] = _velocities(
                self._velocities_mps[rows], ways_m(now, before) / passed_s, passed_s
            )
            bones_m, counts = now.bones_with(before)
            bodies.bones_m[again], bodies.bone_counts[again] = bones_m, counts
        for index in fresh:
            person = people[index]
            for rival in self._people:
                if rival is not person and rival.shown_as == look.ids[index]:
                    rival.shown_as = None
            person.shown_as, person.last_ns = look.ids[index], look.stamp_ns
            person.mingled = False
        self._keep([row for row in range(len(self._people)) if row not in rows])
        self._people += [people[index] for index in fresh]
        self._bodies = self._bodies.joined(bodies)
        self._velocities_mps = np.concatenate([self._velocities_mps, velocities])


def _velocities(
    before_mps: NDArray[np.float32], now_mps: NDArray[np.float32], passed_s: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return smoothed velocities (N, 3), none faster than a person walks."""
    share = passed_s / (passed_s + _SPEED_OVER_S)
    mixed = before_mps + share * (now_mps - before_mps)
    speed = np.sqrt((mixed * mixed).sum(axis=1, keepdims=True))
    return np.asarray(mixed * np.minimum(1.0, _FASTEST_MPS / np.maximum(speed, 1e-6)), np.float32)
