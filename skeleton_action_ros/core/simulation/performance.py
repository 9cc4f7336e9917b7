"""People doing actions one after another, with the truth of what starts and ends when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.simulation.action import Action, Cue
from skeleton_action_ros.core.simulation.actions import ACTIONS, get_action
from skeleton_action_ros.core.simulation.body import joints_of
from skeleton_action_ros.core.simulation.motion import Idling, interpolate
from skeleton_action_ros.core.simulation.outputs import to_layout
from skeleton_action_ros.core.simulation.person import Person, to_optical
from skeleton_action_ros.core.simulation.poses import Key, Manner, resolve, resting
from skeleton_action_ros.core.simulation.rotations import Floats
from skeleton_action_ros.core.simulation.sensor import Sensor, Tracker, to_stamps
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip

_DEPARTED_M = 0.02
_SPAN_RATE_HZ = 60.0
_IDLE_SPREAD_S = 1000.0


@dataclass(frozen=True)
class Take:
    """
    One execution of an action by one person.

    :param times_s: when each key pose is reached (K,), the first at 0.
    :param poses: their channels (K, C); the first and the last are at rest.
    :param start_s: when the first joint has left its resting place by 2 cm.
    :param end_s: when the last joint is within 2 cm of where it comes to rest.
    """

    action: Action
    times_s: Floats
    poses: Floats
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """From the first key pose to the last."""
        return float(self.times_s[-1])


class Performer:
    """One person's body: how it rests, how it idles, how it does actions."""

    def __init__(self, person: Person, rng: np.random.Generator) -> None:
        """
        Draw the person's habits from their habit seed, and this session's idling from `rng`.

        :param rng: kept; every take draws from it.
        """
        self.person = person
        self._body = person.body
        self._rng = rng
        habit = np.random.default_rng([person.habit_seed, 0])
        drawn = {
            'arms_out_deg': habit.uniform(6.0, 14.0),
            'elbow_deg': habit.uniform(8.0, 28.0),
            'stance_m': habit.uniform(0.0, 0.08),
            'toes_out_deg': habit.uniform(5.0, 18.0),
            'stoop_deg': habit.uniform(-1.0, 8.0),
            'seat_share': habit.uniform(0.95, 1.25),
        }
        self._rests = {seated: resting(self._body, seated, **drawn) for seated in (False, True)}
        self._idling = Idling(rng)
        self._idle_from_s = rng.uniform(0.0, _IDLE_SPREAD_S)

    def take(self, action: Action) -> Take:
        """Draw one execution of an action."""
        person = self.person
        habit = np.random.default_rng([person.habit_seed, crc32(action.name.encode())])
        keys = action.keys(Cue(habit, self._rng))
        if action.side == 'left' or (action.side != 'right' and person.handedness == 'left'):
            keys = [key.mirrored() for key in keys]
        keys = [Key(0.0, seated=action.starts_seated), *keys]
        manner = Manner(
            amplitude=person.amplitude * float(habit.uniform(0.95, 1.05)),
            arm_turn_rad={side: habit.normal(0.0, 0.11, 3) for side in ('left', 'right')},
            arm_shake_rad=0.04,
            spine_rad=habit.normal(0.0, 0.035, 3),
        )
        poses = resolve(keys, self._body, self._rests, manner, self._rng)
        pace = (
            person.speed * float(habit.lognormal(0.0, 0.08)) * float(self._rng.lognormal(0.0, 0.06))
        )
        steps = np.array([key.after_s for key in keys]) / pace
        steps *= self._rng.lognormal(0.0, 0.06, len(keys))
        times = np.cumsum(steps)
        start_s, end_s = self._departure(times, poses)
        return Take(action, times, poses, start_s, end_s)

    def _departure(self, times_s: Floats, poses: Floats) -> tuple[float, float]:
        at = np.arange(0.0, times_s[-1], 1.0 / _SPAN_RATE_HZ)
        joints = joints_of(self._body, interpolate(times_s, poses, at))
        ends = joints_of(self._body, poses[[0, -1]])
        left = np.linalg.norm(joints - ends[0], axis=2).max(axis=1) > _DEPARTED_M
        coming = np.linalg.norm(joints - ends[1], axis=2).max(axis=1) > _DEPARTED_M
        return float(at[np.argmax(left)]), float(at[len(at) - 1 - np.argmax(coming[::-1])])

    def joints_at(
        self, at_s: Floats, seated: bool, takes: Sequence[tuple[float, Take]] = ()
    ) -> Floats:
        """
        Place the body at some instants.

        :param at_s: (T,), rising, on this performer's own clock.
        :param seated: the posture at the first instant outside any take.
        :param takes: (start on the same clock, take), in order, without overlap.
        :return: (T, 32, 3), `k4abt_32`, optical frame.
        """
        channels = np.tile(self._rests[seated], (len(at_s), 1))
        for start_s, take in takes:
            first, last = np.searchsorted(at_s, (start_s, start_s + take.duration_s))
            channels[first:] = take.poses[-1]
            channels[first:last] = interpolate(take.times_s, take.poses, at_s[first:last] - start_s)
        channels = self._idling.add_to(channels, at_s + self._idle_from_s)
        return to_optical(self.person, joints_of(self._body, channels))


@dataclass(frozen=True)
class Performance:
    """
    What one person does in front of the sensor.

    :param body_id: the number the tracker gives them.
    :param script: (seconds from the beginning, action), in order; an action waits for the one
        before and for the pause after it. The person sits down or stands up by themselves where
        the next action needs it, and that is reported as an action, too. May be endless.
    :param pause_s: least time at rest between two actions.
    """

    person: Person
    body_id: int
    script: Iterable[tuple[float, str]]
    pause_s: float = 0.8


class Player:
    """Plays one `Performance` forward in time."""

    def __init__(self, performance: Performance, rng: np.random.Generator) -> None:
        self.body_id = performance.body_id
        self._performer = Performer(performance.person, rng)
        self._pause_s = performance.pause_s
        self._rng = rng
        self._script = self._with_transitions(iter(performance.script))
        self._seated = False
        self._free_s = performance.pause_s
        self._takes: list[tuple[float, Take]] = []
        self._next = next(self._script, None)

    def _with_transitions(
        self, script: Iterator[tuple[float, str]]
    ) -> Iterator[tuple[float, Action]]:
        seated = False
        for start_s, name in script:
            action = get_action(name)
            if action.starts_seated != seated:
                yield start_s, ACTIONS['sit_down' if action.starts_seated else 'stand_up']
            yield start_s, action
            seated = action.ends_seated

    def play(self, at_s: Floats) -> tuple[Floats, list[tuple[str, float, float]]]:
        """
        Go on to the given instants, later than all before.

        :return: joints (T, 32, 3), optical frame, and (label, start, end) in seconds of every
            action begun before the last instant and not returned yet.
        """
        begun = []
        while self._next is not None:
            start_s = max(self._next[0], self._free_s)
            if start_s > at_s[-1]:
                break
            take = self._performer.take(self._next[1])
            self._takes.append((start_s, take))
            begun.append((take.action.name, start_s + take.start_s, start_s + take.end_s))
            pause_s = self._pause_s * float(self._rng.uniform(1.0, 1.6))
            self._free_s = start_s + take.duration_s + pause_s
            self._next = next(self._script, None)
        joints = self._performer.joints_at(at_s, self._seated, self._takes)
        while self._takes and self._takes[0][0] + self._takes[0][1].duration_s <= at_s[-1]:
            self._seated = self._takes.pop(0)[1].action.ends_seated
        return joints, begun


def simulate_action(
    name: str,
    person: Person,
    sensor: Sensor,
    rng: np.random.Generator,
    layout: str = 'k4abt_32',
    start_ns: int = NS_PER_S,
    margin_s: float = 0.0,
) -> Clip:
    """
    Record one person doing one action once.

    :param start_ns: nominal stamp of the first frame.
    :param margin_s: how much idling before and after is kept; 0 cuts the clip to the action.
    :return: clip with label, subject and one annotation that says when the action is.
    :raises ConfigError: there is no such action.
    :raises UnknownLayoutError: there is no such layout.
    """
    performer = Performer(person, rng)
    take = performer.take(get_action(name))
    length_s = take.end_s - take.start_s + 2.0 * margin_s
    count = max(int(np.ceil(length_s * sensor.rate_hz - 1e-6)) + 1, 4)
    times_s, arrived = sensor.sample(0, count, rng)
    arrived[[0, -1]] = True
    joints = performer.joints_at(
        times_s, take.action.starts_seated, [(margin_s - take.start_s, take)]
    )
    seen, confidence = Tracker(sensor, rng).observe(joints)
    out, out_confidence = to_layout(seen[arrived], confidence[arrived], layout)
    stamps = to_stamps(times_s[arrived], start_ns)
    start = start_ns + round(margin_s * NS_PER_S)
    end = start + round((take.end_s - take.start_s) * NS_PER_S)
    return Clip(
        joints_m=out,
        confidence=out_confidence,
        stamps_ns=stamps,
        layout=layout,
        label=name,
        subject=person.name,
        annotations=(ActionSpan(name, start, end),),
    )


def shuffled(actions: Sequence[str], seed: int, rounds: int | None = None) -> ShuffledScript:
    """Make a script of the actions in ever new order; without `rounds` it never ends."""
    for name in actions:
        get_action(name)
    return ShuffledScript(tuple(actions), seed, rounds)


@dataclass(frozen=True)
class ShuffledScript:
    """Rounds of all actions, each in its own order; the same every time it is read."""

    actions: tuple[str, ...]
    seed: int
    rounds: int | None = None

    def __iter__(self) -> Iterator[tuple[float, str]]:
        rng = np.random.default_rng(self.seed)
        done = 0
        while self.actions and (self.rounds is None or done < self.rounds):
            order: NDArray[np.int64] = rng.permutation(len(self.actions))
            names = [self.actions[index] for index in order]
            if 'sit_down' in names and 'stand_up' in names:
                names.remove('stand_up')
                names.insert(names.index('sit_down') + 1, 'stand_up')
            yield from ((0.0, name) for name in names)
            done += 1
