"""Smoothing: calm at rest, quick in motion."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skeleton_action_ros.core.one_euro import OneEuroFilter

STEP_NS = 50_000_000  # 20 Hz


def smoothed(values: np.ndarray, cutoff_hz: float, per_speed: float) -> np.ndarray:
    filtered = OneEuroFilter(cutoff_hz, per_speed)
    out = [
        filtered.push((number + 1) * STEP_NS, value.astype(np.float32))
        for number, value in enumerate(values)
    ]
    return np.array(out)


def test_equals_a_naive_loop() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((30, 3))
    step_s, cutoff_hz, per_speed = 0.05, 1.5, 0.7

    def share(hz: float) -> float:
        return 2 * math.pi * hz * step_s / (2 * math.pi * hz * step_s + 1)

    held, speed = list(values[0]), [0.0, 0.0, 0.0]
    expected = [list(held)]
    for value in values[1:]:
        for axis in range(3):
            fresh = (value[axis] - held[axis]) / step_s
            speed[axis] += share(1.0) * (fresh - speed[axis])
        fastness = math.sqrt(sum(part**2 for part in speed))
        for axis in range(3):
            held[axis] += share(cutoff_hz + per_speed * fastness) * (value[axis] - held[axis])
        expected.append(list(held))
    assert smoothed(values, cutoff_hz, per_speed) == pytest.approx(np.array(expected), abs=1e-4)


def test_no_cutoff_is_no_smoothing() -> None:
    values = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    assert np.array_equal(smoothed(values, 0.0, 1.0), values)


def test_after_a_reset_the_past_does_not_count() -> None:
    filtered = OneEuroFilter(0.1, 0.0)
    filtered.push(STEP_NS, np.zeros(3, np.float32))
    filtered.reset()
    assert filtered.push(2 * STEP_NS, np.ones(3, np.float32)).tolist() == [1.0, 1.0, 1.0]
