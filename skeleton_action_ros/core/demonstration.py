"""
Which stretches of a clip somebody may have meant as a demonstration.

That is more than motion: a pose that is taken, held and left again is one action with a pause in
it, and shifting the weight between two actions is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.motion import Motion, MotionConfig, find_motions, motion_energy
from skeleton_action_ros.core.posture import AWAY_M, POSTURE_NS, Postures, distance_m
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

_BACK_SHARE = 0.5
_SAME_M = 0.15
_LULL_S = 0.2
_SETTLING_NS = NS_PER_S // 10


@dataclass(frozen=True)
class DemonstrationConfig:
    """What counts as one demonstration."""

    longest_hold_s: float = setting(
        1.5, 'a pose may be held this long within one action', unit='s', low=0.0, high=10.0
    )
    least_travel: float = setting(
        1.0,
        'the fastest limbs must go this far; less is fidgeting',
        unit='trunk lengths',
        low=0.0,
        high=20.0,
    )


@dataclass(frozen=True)
class Demonstration:
    """
    One or more motions that belong together.

    :param finished: a pause that ends a motion has followed, if with fidgets.
    :param travel: how far the fastest limbs went, trunk lengths.
    """

    start_ns: int
    end_ns: int
    finished: bool
    travel: float


def find_demonstrations(
    clip: Clip, config: DemonstrationConfig, motion: MotionConfig
) -> list[Demonstration]:
    """
    Return what may be demonstrations, in order of time; fidgets are left out.

    Motions are one demonstration where the person holds, for `longest_hold_s` at most, a posture
    other than the one before, and then goes back to that (or is still on the way). Fidgets before
    and after, with a lull in between, are cut off, unless it is all fidgets (a small wave).
    """
    motions = find_motions(clip, motion)
    if not motions:
        return []
    bursts = find_motions(
        clip, replace(motion, quiet_s=_LULL_S, start_energy=motion.stop_energy, shortest_s=0.0)
    )
    energy = motion_energy(clip)
    travels = {one: _travel(clip, energy, one) for one in (*motions, *bursts)}
    postures = Postures(clip)
    found = []
    first = 0
    while first < len(motions):
        last = _last_of_action(motions, first, postures, config)
        part = motions[first : last + 1]
        travel = sum(travels[one] for one in part)
        if travel >= config.least_travel:
            start_ns, end_ns = part[0].start_ns, part[-1].end_ns
            core = [one for one in bursts if start_ns <= one.start_ns and one.end_ns <= end_ns]
            real = [
                index
                for index, one in enumerate(core)
                if travels[one] >= config.least_travel or not _same_around(postures, one)
            ]
            if real:
                core = core[real[0] : real[-1] + 1]
            quiet_ns = int(clip.stamps_ns[-1]) - core[-1].end_ns
            finished = quiet_ns >= round(motion.quiet_s * NS_PER_S)
            found.append(Demonstration(core[0].start_ns, core[-1].end_ns, finished, travel))
        first = last + 1
    return found


def _last_of_action(
    motions: Sequence[Motion], first: int, postures: Postures, config: DemonstrationConfig
) -> int:
    """Return the index of the motion that brings the person back, `first` where none does."""
    before = postures.median(motions[first].start_ns - POSTURE_NS, motions[first].start_ns)
    last = first
    farthest_m = 0.0
    for index in range(first + 1, len(motions)):
        pause = (motions[index - 1].end_ns, motions[index].start_ns)
        if pause[1] - pause[0] > config.longest_hold_s * NS_PER_S:
            break
        away_m = distance_m(before, postures.median(*pause))
        if away_m < AWAY_M:
            break
        farthest_m = max(farthest_m, away_m)
        end_ns = motions[index].end_ns + _SETTLING_NS
        after = postures.median(end_ns, end_ns + POSTURE_NS)
        back = distance_m(before, after) <= _BACK_SHARE * farthest_m
        if back or not motions[index].finished:
            last = index
    return last


def _travel(clip: Clip, energy: NDArray[np.float32], motion: Motion) -> float:
    within = (clip.stamps_ns >= motion.start_ns) & (clip.stamps_ns <= motion.end_ns)
    times_s = (clip.stamps_ns[within] - motion.start_ns) / NS_PER_S
    speeds = energy[within]
    return float((np.diff(times_s) * (speeds[1:] + speeds[:-1]) / 2.0).sum())


def _same_around(postures: Postures, motion: Motion) -> bool:
    """Tell whether the posture after a motion is the one before it."""
    half_ns = POSTURE_NS // 2
    before = postures.median(motion.start_ns - half_ns, motion.start_ns)
    after = postures.median(motion.end_ns, motion.end_ns + half_ns)
    return distance_m(before, after) < _SAME_M
