"""How a device fares that must deliver all the time: its state, its rate, and when to try again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.skeleton import NS_PER_S

_RATE_WINDOW_S = 3.0


@dataclass(frozen=True)
class AcquisitionConfig:
    """When a device or another program counts as silent or lost, and how soon to try it again."""

    silent_after_s: float = setting(
        1.0, 'what delivers nothing for this long is silent', unit='s', low=0.05, high=60.0
    )
    lost_after_s: float = setting(
        5.0, 'a device silent for this long is opened anew', unit='s', low=0.1, high=600.0
    )
    first_frame_s: float = setting(
        15.0,
        'a device that has been opened and delivers nothing for this long is opened anew',
        unit='s',
        low=0.1,
        high=600.0,
    )
    retry_s: float = setting(
        0.5,
        'wait before a lost device is tried again; it doubles each time that fails',
        unit='s',
        low=0.05,
        high=60.0,
    )
    longest_retry_s: float = setting(
        10.0, 'the wait before another try grows no longer', unit='s', low=0.05, high=600.0
    )
    min_rate_hz: float = setting(
        10.0, 'fewer frames a second than this are a warning; 0: never', unit='Hz', low=0.0
    )


class DeviceState(Enum):
    """What a device does, as `/diagnostics` names it."""

    CONNECTING = 'connecting'
    RUNNING = 'running'
    SILENT = 'silent'
    LOST = 'lost'


class Acquisition:
    """
    Follows one device, or one topic of another program, by what is told of it.

    It connects, runs while frames come, is silent when none has come for a while, and lost when it
    failed or was silent for long. Each attempt that fails doubles the wait for the next; only one
    that ran for `longest_retry_s` begins at `retry_s` again, so that a loose cable is no busy loop.

    All times are of one clock that does not jump.
    """

    def __init__(self, config: AcquisitionConfig, now_ns: int) -> None:
        self._config = config
        self._state = DeviceState.CONNECTING
        self._began_ns = now_ns
        self._first_ns = now_ns
        self._last_ns: int | None = None
        self._frames_ns: deque[int] = deque()
        self._failures = 0
        self._retry_ns = now_ns
        self.attempts = 0
        self.why = ''

    @property
    def state(self) -> DeviceState:
        """What the device does, as far as `came`, `failed` and `watch` were told."""
        return self._state

    def connecting(self, now_ns: int) -> None:
        """Say that the device is being opened."""
        self.attempts += 1
        self._state = DeviceState.CONNECTING
        self._began_ns = self._first_ns = now_ns
        self._last_ns = None
        self._frames_ns.clear()

    def came(self, now_ns: int) -> None:
        """Say that a frame has come."""
        if self._last_ns is None:
            self._first_ns = now_ns
        self._last_ns = now_ns
        self._frames_ns.append(now_ns)
        while self._frames_ns[0] <= now_ns - round(_RATE_WINDOW_S * NS_PER_S):
            self._frames_ns.popleft()
        self._state = DeviceState.RUNNING
        self.why = ''

    def failed(self, why: str, now_ns: int) -> None:
        """Say that the device cannot be opened, or has failed."""
        ran_s = 0.0 if self._last_ns is None else (self._last_ns - self._first_ns) / NS_PER_S
        if ran_s >= self._config.longest_retry_s:
            self._failures = 0
        # More doublings than this change nothing, and the number would grow without end.
        wait_s = self._config.retry_s * 2.0 ** min(self._failures, 30)
        self._failures += 1
        self._retry_ns = now_ns + round(min(wait_s, self._config.longest_retry_s) * NS_PER_S)
        self._state = DeviceState.LOST
        self.why = why

    def watch(self, now_ns: int) -> bool:
        """
        Take note that time has passed.

        :return: whether the device has just been given up, and is to be closed and opened anew.
        """
        silent_s = self.silent_s(now_ns)
        if self._state is DeviceState.LOST:
            return False
        if self._last_ns is None:
            if silent_s < self._config.first_frame_s:
                return False
            self.failed(f'nothing has come since it was opened {silent_s:.1f} s ago', now_ns)
            return True
        if silent_s >= max(self._config.lost_after_s, self._config.silent_after_s):
            self.failed(f'nothing has come for {silent_s:.1f} s', now_ns)
            return True
        if silent_s >= self._config.silent_after_s:
            self._state = DeviceState.SILENT
        return False

    def silent_s(self, now_ns: int) -> float:
        """Return how long ago the last frame came, or the device was opened, seconds."""
        return (now_ns - (self._began_ns if self._last_ns is None else self._last_ns)) / NS_PER_S

    def retry_s(self, now_ns: int) -> float:
        """Return how long to wait before a lost device is opened again, seconds, from 0."""
        return max((self._retry_ns - now_ns) / NS_PER_S, 0.0)

    def rate_hz(self, now_ns: int) -> float:
        """Return the rate of the last seconds; 0 where nothing came."""
        since_ns = now_ns - round(_RATE_WINDOW_S * NS_PER_S)
        return sum(stamp_ns > since_ns for stamp_ns in self._frames_ns) / _RATE_WINDOW_S

    def failure(self, now_ns: int) -> str:
        """Return why the device is lost and when it is tried again; empty once a frame has come."""
        if self._state is DeviceState.LOST:
            return f'{self.why}; tried {self.attempts} times, again in {self.retry_s(now_ns):.1f} s'
        if self._state is DeviceState.CONNECTING and self.why:
            return f'{self.why}; tried {self.attempts - 1} times, and now again'
        return ''

    def shortcoming(self, now_ns: int) -> str:
        """Return in which way the device that is there does badly; empty where it does well."""
        silent_s = self.silent_s(now_ns)
        if self._state is DeviceState.SILENT:
            return f'nothing has come for {silent_s:.1f} s'
        if self._state is DeviceState.CONNECTING and silent_s >= self._config.silent_after_s:
            return f'nothing has come since it was opened {silent_s:.1f} s ago'
        rate_hz = self.rate_hz(now_ns)
        ran_s = (now_ns - self._first_ns) / NS_PER_S
        slow = rate_hz < self._config.min_rate_hz and ran_s >= _RATE_WINDOW_S
        if self._state is DeviceState.RUNNING and slow:
            return (
                f'{rate_hz:.1f} frames a second come, at least {self._config.min_rate_hz:g} are '
                'wanted (acquisition.min_rate_hz)'
            )
        return ''
