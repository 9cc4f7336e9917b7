"""The Azure Kinect, live or recorded, with its own body tracking as a source of skeletons."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from skeleton_action_ros.adapters.k4a import K4aCapture, K4aCaptures
from skeleton_action_ros.adapters.k4abt import BodyTracker, TrackedFrame
from skeleton_action_ros.core.azure_kinect import AzureKinectConfig
from skeleton_action_ros.core.device_clock import DeviceClock
from skeleton_action_ros.core.errors import BadSkeletonError, ImageError
from skeleton_action_ros.core.k4abt import frame_from_mm
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.skeleton import Scene

_QUEUE_WAIT_MS = 1000

MakeTracker = Callable[[object, AzureKinectConfig], BodyTracker]


class Stamps:
    """The stamps of captures: those of a recording are the device's own, live ones the robot's."""

    def __init__(self, live: bool, now_ns: Callable[[], int]) -> None:
        self._clock = DeviceClock() if live else None
        self._now_ns = now_ns

    def saw(self, device_us: int) -> None:
        """Take note that a capture is here now."""
        if self._clock is not None:
            self._clock.saw(device_us, self._now_ns())

    def of(self, device_us: int) -> int:
        """Return the stamp of what was taken at a time of the device, nanoseconds."""
        return max(device_us * 1000, 1) if self._clock is None else self._clock.stamp_ns(device_us)


def no_depth_image() -> ImageError:
    """Return what is wrong with a capture without depth."""
    return ImageError('no_depth_image', 'a capture must have a depth image, got none')


class TrackedSource:
    """
    Has libk4abt find all bodies, with all of their 32 joints.

    A live tracker that is behind gets only what it has room for; of a recording it gets all.
    `refused` counts what was left out, by reason; `why_refused` has the last message of each.

    :param make_tracker: called with the calibration's handle when the device is open.
    :param now_ns: the clock of the stamps of a live device.
    """

    def __init__(
        self,
        captures: K4aCaptures,
        make_tracker: MakeTracker,
        config: AzureKinectConfig,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._captures = captures
        self._make_tracker = make_tracker
        self._config = config
        self._now_ns = now_ns
        self._closed = threading.Event()
        self.live = captures.live
        self._refusals = Refusals()
        self.refused, self.why_refused = self._refusals.counts, self._refusals.why

    @property
    def name(self) -> str:
        """The device or recording."""
        return f'{self._captures.name} (k4abt)'

    def scenes(self) -> Iterator[Scene]:
        """
        Yield a scene for each capture that the tracker worked on; nobody in view is an empty one.

        :raises SourceError: the device, the recording or the tracker fails.
        """
        if self._closed.is_set():
            return
        try:
            calibration = self._captures.open()
            with self._make_tracker(calibration.handle, self._config) as tracker:
                yield from self._track(tracker)
        finally:
            self._captures.close()

    def close(self) -> None:
        """End the reading, within a second."""
        self._closed.set()

    def _track(self, tracker: BodyTracker) -> Iterator[Scene]:
        stamps = Stamps(self.live, self._now_ns)
        for capture in self._captures.captures():
            if self._closed.is_set():
                return
            if capture is None:
                continue
            if capture.depth_us is None:
                self._refusals.add(no_depth_image())
                continue
            stamps.saw(capture.depth_us)
            yield from self._hand_over(tracker, capture, stamps)
        for frame in tracker.drain():
            yield self._scene(frame, stamps)

    def _hand_over(
        self, tracker: BodyTracker, capture: K4aCapture, stamps: Stamps
    ) -> Iterator[Scene]:
        """Enqueue a capture, and yield what is ready."""
        wait_ms = 1000 // self._config.rate_hz if self.live else 0
        if self.live:
            if not tracker.enqueue(capture.handle, 0):
                self.refused['tracker_busy'] += 1
        else:
            while not tracker.enqueue(capture.handle, _QUEUE_WAIT_MS):
                frame = tracker.pop(_QUEUE_WAIT_MS)
                if frame is not None:
                    yield self._scene(frame, stamps)
                if self._closed.is_set():
                    return
        while (frame := tracker.pop(wait_ms)) is not None:
            wait_ms = 0
            yield self._scene(frame, stamps)

    def _scene(self, frame: TrackedFrame, stamps: Stamps) -> Scene:
        stamp_ns = stamps.of(frame.device_us)
        for why in frame.unreadable:
            self._refusals.add(BadSkeletonError('unreadable_body', why))
        skeletons = []
        for body in frame.bodies:
            try:
                skeletons.append(
                    frame_from_mm(stamp_ns, body.body_id, body.positions_mm, body.levels)
                )
            except BadSkeletonError as error:
                self._refusals.add(error)
        return Scene(stamp_ns, tuple(skeletons))
