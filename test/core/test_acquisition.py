from __future__ import annotations

import pytest

from skeleton_action_ros.core.acquisition import Acquisition, AcquisitionConfig, DeviceState

SECOND = 10**9
CONFIG = AcquisitionConfig(
    silent_after_s=1.0,
    lost_after_s=5.0,
    first_frame_s=8.0,
    retry_s=0.5,
    longest_retry_s=4.0,
    min_rate_hz=10.0,
)


def running(rate_hz: float, seconds: float, start_s: float = 0.0) -> tuple[Acquisition, int]:
    """Return a device that has delivered at a rate, and the time of its last frame."""
    device = Acquisition(CONFIG, round(start_s * SECOND))
    device.connecting(round(start_s * SECOND))
    now_ns = 0
    for frame in range(round(rate_hz * seconds) + 1):
        now_ns = round((start_s + frame / rate_hz) * SECOND)
        device.came(now_ns)
    return device, now_ns


def test_a_device_connects_runs_falls_silent_is_lost_and_comes_again() -> None:
    device = Acquisition(CONFIG, 0)
    device.connecting(0)
    assert device.state is DeviceState.CONNECTING
    device.came(2 * SECOND)
    assert device.state is DeviceState.RUNNING
    assert not device.watch(2 * SECOND + 999_000_000)
    assert device.state is DeviceState.RUNNING
    assert not device.watch(3 * SECOND)
    assert device.state is DeviceState.SILENT
    assert device.shortcoming(3 * SECOND) == 'nothing has come for 1.0 s'
    assert device.watch(7 * SECOND)
    assert device.state is DeviceState.LOST
    assert not device.watch(8 * SECOND), 'it is given up once'
    assert device.failure(7 * SECOND) == (
        'nothing has come for 5.0 s; tried 1 times, again in 0.5 s'
    )
    device.connecting(7 * SECOND + SECOND // 2)
    device.came(8 * SECOND)
    assert (device.state, device.failure(8 * SECOND)) == (DeviceState.RUNNING, '')


def test_a_silent_device_that_delivers_again_was_not_lost() -> None:
    device, now_ns = running(30.0, 1.0)
    device.watch(now_ns + 2 * SECOND)
    device.came(now_ns + 2 * SECOND)
    assert device.state is DeviceState.RUNNING


def test_a_device_has_longer_for_its_first_frame() -> None:
    device = Acquisition(CONFIG, 0)
    device.connecting(0)
    assert not device.watch(8 * SECOND - 1)
    assert device.state is DeviceState.CONNECTING
    assert device.watch(8 * SECOND)
    assert 'since it was opened 8.0 s ago' in device.why


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    device = Acquisition(CONFIG, 0)
    waits = []
    for attempt in range(6):
        now_ns = attempt * 100 * SECOND
        device.connecting(now_ns)
        device.failed('no such device', now_ns)
        waits.append(device.retry_s(now_ns))
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert device.retry_s(500 * SECOND + 3 * SECOND) == 1.0
    assert device.retry_s(600 * SECOND) == 0.0


def test_a_device_that_is_tried_again_is_not_well_before_a_frame_has_come() -> None:
    device = Acquisition(CONFIG, 0)
    device.connecting(0)
    assert device.failure(0) == device.shortcoming(0) == ''
    assert device.shortcoming(2 * SECOND) == 'nothing has come since it was opened 2.0 s ago'
    device.failed('no camera', 2 * SECOND)
    device.connecting(3 * SECOND)
    assert device.failure(3 * SECOND) == 'no camera; tried 1 times, and now again'
    device.came(3 * SECOND)
    assert device.failure(3 * SECOND) == ''


def test_thousands_of_failures_do_not_overflow() -> None:
    device = Acquisition(CONFIG, 0)
    for _ in range(5000):
        device.failed('no such device', 0)
    assert device.retry_s(0) == 4.0


@pytest.mark.parametrize(('ran_s', 'wait_s'), [(0.1, 2.0), (3.9, 2.0), (4.0, 0.5), (60.0, 0.5)])
def test_only_a_device_that_ran_for_long_is_tried_soon_again(ran_s: float, wait_s: float) -> None:
    device = Acquisition(CONFIG, 0)
    device.failed('no such device', 0)
    device.failed('no such device', 0)
    device.connecting(SECOND)
    device.came(SECOND)
    device.came(round((1.0 + ran_s) * SECOND))
    device.failed('the cable is out', 100 * SECOND)
    assert device.retry_s(100 * SECOND) == wait_s


@pytest.mark.parametrize(('rate_hz', 'line'), [(10.5, ''), (30.0, '')])
def test_a_rate_from_the_least_is_good(rate_hz: float, line: str) -> None:
    device, now_ns = running(rate_hz, 6.0)
    assert device.shortcoming(now_ns) == line


def test_a_lower_rate_is_a_warning_with_what_was_measured() -> None:
    device, now_ns = running(5.0, 6.0)
    assert device.rate_hz(now_ns) == 5.0
    assert device.shortcoming(now_ns) == (
        '5.0 frames a second come, at least 10 are wanted (acquisition.min_rate_hz)'
    )


def test_the_rate_is_not_judged_before_it_is_measured() -> None:
    device, now_ns = running(5.0, 2.8)
    assert device.shortcoming(now_ns) == ''


def test_the_rate_is_of_the_last_three_seconds() -> None:
    device, now_ns = running(30.0, 10.0)
    assert device.rate_hz(now_ns) == 30.0
    assert device.rate_hz(now_ns + 2 * SECOND) == 10.0
    assert device.rate_hz(now_ns + 4 * SECOND) == 0.0


def test_0_asks_for_no_rate() -> None:
    device = Acquisition(AcquisitionConfig(min_rate_hz=0.0), 0)
    device.came(0)
    device.came(4 * SECOND)
    assert device.shortcoming(4 * SECOND) == ''
