"""From the clock of a device to the clock of the robot, though frames come late and unevenly."""

from __future__ import annotations

from collections import deque

from skeleton_action_ros.core.skeleton import NS_PER_S

_WINDOW_NS = 10 * NS_PER_S
_LONGEST_DELAY_NS = 2 * NS_PER_S


class DeviceClock:
    """
    Turns a device's own time into stamps.

    A frame comes later than it was taken, never earlier, and by another delay each time: the least
    difference of the two clocks among the last ten seconds is the one with the least delay. So
    stamps keep the device's even steps, and drift of the device is followed.

    A device that restarts (its time goes back), or a robot's clock that is set, begins anew.
    """

    def __init__(self) -> None:
        self._offsets: deque[tuple[int, int]] = deque()  # (now, offset), offsets rising
        self._seen_ns = -1
        self._stamp_ns = 0

    def saw(self, device_us: int, now_ns: int) -> None:
        """
        Take note that a frame taken at `device_us` of the device has come.

        :param device_us: microseconds of the device.
        :param now_ns: nanoseconds of the robot, as soon as the frame is here.
        """
        device_ns = device_us * 1000
        offset_ns = now_ns - device_ns
        restarted = device_ns < self._seen_ns
        if restarted or (
            self._offsets and abs(offset_ns - self._offsets[0][1]) > _LONGEST_DELAY_NS
        ):
            self._offsets.clear()
        self._seen_ns = device_ns
        while self._offsets and self._offsets[-1][1] >= offset_ns:
            self._offsets.pop()
        self._offsets.append((now_ns, offset_ns))
        while self._offsets[0][0] < now_ns - _WINDOW_NS:
            self._offsets.popleft()

    def stamp_ns(self, device_us: int) -> int:
        """
        Return the stamp of a frame taken at `device_us`; each is later than the one before.

        `saw` must have been told of a frame before.
        """
        self._stamp_ns = max(device_us * 1000 + self._offsets[0][1], self._stamp_ns + 1)
        return self._stamp_ns
