"""From key poses to continuous motion, and the small movements of somebody who does nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeleton_action_ros.core.simulation.body import SIDES, Channel, channel
from skeleton_action_ros.core.simulation.rotations import Floats, multiply, small_turn


def interpolate(times_s: Floats, values: Floats, at_s: Floats) -> Floats:
    """
    Interpolate smoothly and without overshoot (piecewise cubic, Fritsch and Carlson).

    Motion stops where a channel turns back and flows through where it goes on; before the first and
    after the last key the value holds.

    :param times_s: (K,), rising.
    :param values: (K, C).
    :param at_s: (T,).
    :return: (T, C).
    """
    if len(times_s) == 1:
        return np.repeat(values, len(at_s), axis=0)
    step = np.diff(times_s)[:, None]
    slope = np.diff(values, axis=0) / step
    tangent = np.zeros_like(values)
    before, after = slope[:-1], slope[1:]
    onward = before * after > 0.0
    first, second = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    safe_before, safe_after = np.where(onward, before, 1.0), np.where(onward, after, 1.0)
    mean = (first + second) / (first / safe_before + second / safe_after)
    tangent[1:-1] = np.where(onward, mean, 0.0)
    at = np.clip(at_s, times_s[0], times_s[-1])
    index = np.clip(np.searchsorted(times_s, at, side='right') - 1, 0, len(step) - 1)
    width = step[index]
    u = (at[:, None] - times_s[index][:, None]) / width
    low, high = values[index], values[index + 1]
    ease = u * u * (3.0 - 2.0 * u)
    out: Floats = (
        low
        + ease * (high - low)
        + width * u * (1.0 - u) * ((1.0 - u) * tangent[index] - u * tangent[index + 1])
    )
    return out


@dataclass(frozen=True)
class Sway:
    """A sum of slow waves: W amplitudes of channels, with frequency and phase (W,) each."""

    channels: tuple[int, ...]
    amplitude: Floats
    frequency_hz: Floats
    phase_rad: Floats

    def __call__(self, at_s: Floats, width: int) -> Floats:
        """Return (T, width): the sum of the waves of each channel."""
        waves = self.amplitude * np.sin(
            2.0 * np.pi * self.frequency_hz * at_s[:, None] + self.phase_rad
        )
        out = np.zeros((len(at_s), width))
        for column, place in enumerate(self.channels):
            out[:, place] += waves[:, column]
        return out


_ARM_TURNS = len(Channel)
_WIDTH = _ARM_TURNS + 6
_SWAYING: tuple[tuple[int, float, float, float], ...] = (
    (Channel.PELVIS_LEFT, 0.008, 0.15, 0.4),
    (Channel.PELVIS_LEFT, 0.014, 0.04, 0.1),
    (Channel.PELVIS_FORWARD, 0.006, 0.15, 0.45),
    (Channel.PELVIS_ROLL, 0.012, 0.05, 0.2),
    (Channel.PELVIS_YAW, 0.02, 0.05, 0.2),
    (Channel.SPINE_PITCH, 0.010, 0.22, 0.32),
    (Channel.SPINE_PITCH, 0.015, 0.05, 0.2),
    (Channel.SPINE_ROLL, 0.012, 0.07, 0.25),
    (Channel.SPINE_YAW, 0.022, 0.06, 0.25),
    (Channel.HEAD_PITCH, 0.035, 0.08, 0.4),
    (Channel.HEAD_ROLL, 0.02, 0.08, 0.3),
    (Channel.HEAD_YAW, 0.07, 0.05, 0.3),
    (Channel.LEFT_SHRUG, 0.012, 0.22, 0.32),
    (Channel.RIGHT_SHRUG, 0.012, 0.22, 0.32),
    (Channel.LEFT_ELBOW, 0.025, 0.08, 0.4),
    (Channel.RIGHT_ELBOW, 0.025, 0.08, 0.4),
    (Channel.LEFT_WRIST, 0.05, 0.08, 0.4),
    (Channel.RIGHT_WRIST, 0.05, 0.08, 0.4),
    *((_ARM_TURNS + turn, 0.016, 0.08, 0.5) for turn in range(6)),
)


class Idling:
    """
    What a body does all the time: it breathes, sways, shifts its weight, looks around, fidgets.

    A function of time alone, so that it needs no history.
    """

    def __init__(self, rng: np.random.Generator, liveliness: float = 1.0) -> None:
        """
        Draw one person's idling.

        :param liveliness: scales everything; 0 is a statue.
        """
        rows = np.array([row[1:] for row in _SWAYING])
        self._sway = Sway(
            tuple(int(row[0]) for row in _SWAYING),
            liveliness * rows[:, 0] * rng.uniform(0.5, 1.5, len(rows)),
            rng.uniform(rows[:, 1], rows[:, 2]),
            rng.uniform(0.0, 2.0 * np.pi, len(rows)),
        )
        self._liveliness = liveliness
        self._every_s = rng.uniform((9.0, 7.0, 11.0, 13.0), (16.0, 13.0, 25.0, 29.0))
        self._since_s = rng.uniform(0.0, 100.0, 4)
        self._look_rad = rng.uniform(0.25, 0.7)
        self._shift_m = rng.uniform(0.01, 0.03)
        self._fidget_rad = rng.uniform(0.1, 0.45, 2)

    def add_to(self, channels: Floats, at_s: Floats) -> Floats:
        """Return `channels` (T, len(Channel)) with the idling at times (T,) added."""
        sway = self._sway(at_s, _WIDTH)
        out = channels + sway[:, : len(Channel)]
        around = 2.0 * np.pi * (at_s[:, None] + self._since_s) / self._every_s
        seldom = np.maximum(np.sin(around), 0.0) ** 10 * self._liveliness
        sometimes = np.sign(np.sin(0.37 * around[:, 0])) * seldom[:, 0]
        out[:, Channel.HEAD_YAW] += self._look_rad * sometimes
        out[:, Channel.SPINE_YAW] += 0.15 * self._look_rad * sometimes
        out[:, Channel.PELVIS_LEFT] += (
            self._liveliness * self._shift_m * np.tanh(4.0 * np.sin(around[:, 1]))
        )
        for index, (side, _) in enumerate(SIDES):
            out[:, channel(side, 'ELBOW')] += self._fidget_rad[index] * seldom[:, 2 + index]
            first = channel(side, 'ARM_W')
            turn = sway[:, _ARM_TURNS + 3 * index : _ARM_TURNS + 3 * index + 3]
            out[:, first : first + 4] = multiply(small_turn(turn), out[:, first : first + 4])
        return out
