"""Smoothing that keeps up: little delay while something moves, little jitter while it rests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.skeleton import NS_PER_S

_SPEED_CUTOFF_HZ = 1.0


class OneEuroFilter:
    """
    The one-euro filter (Casiez, Roussel and Vogel, 2012) over an array of values.

    :param cutoff_hz: of the low pass at rest; 0 or less: no smoothing.
    :param per_speed: hertz by which the cut-off grows for each unit per second of speed.
    """

    def __init__(self, cutoff_hz: float, per_speed: float) -> None:
        self._cutoff_hz = cutoff_hz
        self._per_speed = per_speed
        self._last_ns = 0
        self._value: NDArray[np.float32] | None = None
        self._speed: NDArray[np.float32] | None = None

    def push(self, stamp_ns: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Return the smoothed values; the first come back as they are.

        :param stamp_ns: later than the last.
        :param values: (..., C): those along the last axis share a speed.
        """
        if self._cutoff_hz <= 0.0:
            return values
        if self._value is None or self._speed is None:
            self._value, self._speed = values, np.zeros_like(values)
        else:
            step_s = (stamp_ns - self._last_ns) / NS_PER_S
            speed = (values - self._value) / np.float32(step_s)
            share = np.float32(_share(np.array(_SPEED_CUTOFF_HZ), step_s))
            self._speed = self._speed + share * (speed - self._speed)
            fastness = np.linalg.norm(self._speed, axis=-1, keepdims=True)
            shares = _share(self._cutoff_hz + self._per_speed * fastness, step_s)
            self._value = self._value + shares.astype(np.float32) * (values - self._value)
        self._last_ns = stamp_ns
        return self._value

    def reset(self) -> None:
        """Forget the past."""
        self._value = self._speed = None


def _share(cutoff_hz: NDArray[np.floating[Any]], step_s: float) -> NDArray[np.floating[Any]]:
    """Return how much of the way to a new value is gone within one step."""
    turned = 2.0 * math.pi * cutoff_hz * step_s
    return np.asarray(turned / (turned + 1.0))
