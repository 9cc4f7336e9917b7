"""Stamps from a device's own clock: even, rising, and no later than they must be."""

from __future__ import annotations

import numpy as np

from skeleton_action_ros.core.device_clock import DeviceClock

MS = 1_000_000
START_NS = 1_700_000_000_000 * MS


def test_the_least_delay_counts_and_steps_stay_the_devices_own() -> None:
    clock = DeviceClock()
    delays_ms = [20, 35, 21, 90, 22]
    stamps = []
    for frame, delay_ms in enumerate(delays_ms):
        device_us = 5_000_000 + 33_000 * frame
        clock.saw(device_us, START_NS + 33 * MS * frame + delay_ms * MS)
        stamps.append(clock.stamp_ns(device_us))
    assert stamps == [START_NS + 20 * MS + 33 * MS * frame for frame in range(5)]


def test_a_delay_shorter_than_any_before_never_turns_stamps_back() -> None:
    clock = DeviceClock()
    clock.saw(1_000_000, START_NS + 500 * MS)
    first = clock.stamp_ns(1_000_000)
    clock.saw(1_033_000, START_NS + 33 * MS + 10 * MS)  # less delay than a frame is long
    second = clock.stamp_ns(1_033_000)
    assert (first, second) == (START_NS + 500 * MS, START_NS + 500 * MS + 1)


def test_drift_of_the_device_is_followed() -> None:
    clock = DeviceClock()
    fast = 1.0001  # 100 ppm: 60 ms in ten minutes
    for second in range(600):
        device_us = round(second * 1e6 * fast)
        clock.saw(device_us, START_NS + second * 1000 * MS)
    assert abs(clock.stamp_ns(device_us) - (START_NS + 599_000 * MS)) <= 2 * MS


def test_a_device_that_restarts_begins_anew() -> None:
    clock = DeviceClock()
    clock.saw(900_000_000, START_NS)
    clock.stamp_ns(900_000_000)
    clock.saw(100_000, START_NS + 1500 * MS)
    assert clock.stamp_ns(100_000) == START_NS + 1500 * MS


def test_a_robots_clock_that_is_set_is_followed() -> None:
    clock = DeviceClock()
    clock.saw(1_000_000, START_NS)
    clock.stamp_ns(1_000_000)
    later_ns = START_NS + 3_600_000 * MS
    clock.saw(1_033_000, later_ns)
    assert clock.stamp_ns(1_033_000) == later_ns


def test_a_frame_stamped_after_others_have_come_keeps_its_place() -> None:
    clock = DeviceClock()
    for frame in range(4):  # a tracker is three frames behind the camera
        clock.saw(33_000 * frame, START_NS + 33 * MS * frame)
    assert clock.stamp_ns(33_000) == START_NS + 33 * MS


def test_memory_does_not_grow() -> None:
    clock = DeviceClock()
    rng = np.random.default_rng(1)
    for frame in range(5_000):
        clock.saw(33_000 * frame, START_NS + 33 * MS * frame + int(rng.integers(20 * MS)))
    assert len(clock._offsets) < 400  # ten seconds hold 303 frames
