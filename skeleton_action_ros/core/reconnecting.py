"""A live source that outlasts its device: opened anew, with growing pauses, whenever it is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from skeleton_action_ros.core.acquisition import Acquisition, AcquisitionConfig, DeviceState
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.refusals import refused_by
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.core.source import SkeletonSource


class ReconnectingSource:
    """
    Reads a device in one thread while another one, at times, calls `watch`.

    :param device: the first to try, opened by its `scenes`.
    :param make: makes the device anew for each further attempt.
    :param config: when the device is silent, lost, and tried again.
    :param steady_ns: a clock that does not jump.
    """

    live = True

    def __init__(
        self,
        device: SkeletonSource,
        make: Callable[[], SkeletonSource],
        config: AcquisitionConfig,
        steady_ns: Callable[[], int],
    ) -> None:
        self._make = make
        self._steady_ns = steady_ns
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._device = device
        self._fresh = True
        self._refused: Counter[str] = Counter()
        self._why: dict[str, str] = {}
        self._acquisition = Acquisition(config, steady_ns())

    @property
    def name(self) -> str:
        """The device's own name."""
        return self._device.name

    @property
    def refused(self) -> Counter[str]:
        """What the device has refused since the beginning, by reason."""
        with self._lock:
            return self._refused + refused_by(self._device)[0]

    @property
    def why_refused(self) -> dict[str, str]:
        """The last message of each reason since the beginning, where the device keeps them."""
        with self._lock:
            return {**self._why, **refused_by(self._device)[1]}

    @property
    def state(self) -> DeviceState:
        """What the device does."""
        return self._acquisition.state

    def scenes(self) -> Iterator[Scene]:
        """Yield what the device delivers until `close`; a device that fails is no end."""
        while not self._stopped.is_set():
            why = 'it has ended'
            try:
                device = self._connect()
                for scene in device.scenes():
                    with self._lock:
                        if self._acquisition.state is DeviceState.LOST:
                            break  # `watch` has given it up, and closed it
                        self._acquisition.came(self._steady_ns())
                    yield scene
            except (SkeletonActionError, OSError) as error:
                why = str(error)
            finally:
                self._device.close()
            with self._lock:
                now_ns = self._steady_ns()
                if self._acquisition.state is not DeviceState.LOST:  # `watch` knows why
                    self._acquisition.failed(why, now_ns)
                wait_s = self._acquisition.retry_s(now_ns)
            self._stopped.wait(wait_s)

    def watch(self) -> None:
        """Look whether the device is silent or lost; one that is lost is closed, to be reopened."""
        with self._lock:
            lost, device = self._acquisition.watch(self._steady_ns()), self._device
        if lost:
            device.close()

    def report(self) -> tuple[str, str, dict[str, str]]:
        """Return why the device is lost, else in which way it does badly, and facts about it."""
        with self._lock:
            now_ns = self._steady_ns()
            facts = {
                'device': self._acquisition.state.value,
                'device.attempts': str(self._acquisition.attempts),
                'device.rate_hz': f'{self._acquisition.rate_hz(now_ns):.1f}',
            }
            return (
                self._acquisition.failure(now_ns),
                self._acquisition.shortcoming(now_ns),
                facts,
            )

    def close(self) -> None:
        """End `scenes`, also while it waits for the device or for another try."""
        self._stopped.set()
        self._device.close()

    def _connect(self) -> SkeletonSource:
        with self._lock:
            self._acquisition.connecting(self._steady_ns())
        if not self._fresh:
            device = self._make()
            with self._lock:
                refused, why = refused_by(self._device)
                self._refused += refused
                self._why |= why
                self._device = device
        self._fresh = False
        if self._stopped.is_set():
            self._device.close()
        return self._device
