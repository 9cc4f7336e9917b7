"""Reads a skeleton source in a thread of its own and hands scenes over when they are due."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.pacing import Pacer
from skeleton_action_ros.core.skeleton import ActionSpan, Scene
from skeleton_action_ros.core.source import SkeletonSource, SkippingSource

_JOIN_TIMEOUT_S = 5.0
_ONE_INSTANT_NS = 500_000
_MOST_READINGS = 20
_CLOCK_POLL_S = 0.05
_BETWEEN_READINGS_S = 1.0 / 30.0
_ASTRAY_NS = 1_000_000_000


@dataclass(frozen=True)
class Playback:
    """
    How a recording is played.

    :param rate: how many times faster than recorded.
    :param max_lag_s: a scene that is later than this is dropped.
    :param restamp: give new stamps.
    :param loop: begin again at the end.
    """

    rate: float
    max_lag_s: float
    restamp: bool
    loop: bool


@dataclass(frozen=True)
class Played:
    """
    A scene that is due now.

    :param stamp_ns: the stamp to publish it with.
    :param scene: None where it came too late: dropped.
    :param finished: ground truth, with stamps to publish.
    """

    stamp_ns: int
    scene: Scene | None
    finished: tuple[ActionSpan, ...]


class Player:
    """
    One reading of a source; made anew for the next one.

    :param on_scene: called in the player's thread for every scene, when it is due.
    :param steady_ns: a clock that does not jump.
    :param now_ns: the clock of new stamps.
    """

    def __init__(
        self,
        source: SkeletonSource,
        playback: Playback,
        on_scene: Callable[[Played], None],
        steady_ns: Callable[[], int],
        now_ns: Callable[[], int],
    ) -> None:
        self._source = source
        self._playback = playback
        self._on_scene = on_scene
        self._steady_ns = steady_ns
        self._now_ns = now_ns
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name='skeleton source', daemon=True)
        self.state = 'reading'
        self.failure = ''

    @property
    def name(self) -> str:
        """The source's own name."""
        return self._source.name

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading and close the source; no scene follows."""
        self._stopped.set()
        self._source.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_TIMEOUT_S)

    def join(self) -> None:
        """Wait until the source has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            played = self._play()
            while played and self._playback.loop and not self._source.live:
                # One frame's time: a recording of a single scene would keep a processor busy.
                if self._stopped.wait(_BETWEEN_READINGS_S):
                    break
                played = self._play()
            self.state = 'ended'
        except SkeletonActionError as error:
            self._fail(str(error))
        except Exception:  # noqa: BLE001 - nobody else would see what ends a thread
            self._fail(traceback.format_exc())

    def _fail(self, why: str) -> None:
        if not self._stopped.is_set():
            self.failure = f'source {self._source.name} failed: {why}'
            self.state = 'failed'

    def _clocks(self) -> tuple[int, int]:
        """
        Read both clocks at one instant.

        The thread may be held up between two readings, while another starts a model for example;
        all stamps would then be wrong by that, so it reads again.
        """
        for _ in range(_MOST_READINGS):
            before_ns = self._steady_ns()
            now_ns = self._now_ns()
            after_ns = self._steady_ns()
            if after_ns - before_ns < _ONE_INSTANT_NS:
                break
        return (before_ns + after_ns) // 2, now_ns

    def _play(self) -> bool:
        """Play the source once; return False where it gave nothing or `stop` was called."""
        pacer: Pacer | None = None
        for scene in self._source.scenes():
            if self._stopped.is_set():
                return False
            if self._source.live:
                self._on_scene(Played(scene.stamp_ns, scene, scene.finished))
                continue
            if pacer is None or self._clocks_part(pacer):
                if not self._clock_runs():
                    return False
                pacer = self._pacer(scene)
            steady_ns = self._steady_ns()
            wait_s = pacer.wait_s(scene.stamp_ns, steady_ns)
            if wait_s < 0.0 and isinstance(self._source, SkippingSource):
                self._source.skip_to(pacer.recorded_ns(steady_ns))
            if wait_s > 0.0 and self._stopped.wait(wait_s):
                return False
            too_late = wait_s < -self._playback.max_lag_s
            self._on_scene(
                Played(
                    pacer.stamp_ns(scene.stamp_ns),
                    None if too_late else scene,
                    tuple(pacer.span(span) for span in scene.finished),
                )
            )
        return pacer is not None

    def _pacer(self, scene: Scene) -> Pacer:
        playback = self._playback
        return Pacer(scene.stamp_ns, *self._clocks(), playback.rate, playback.restamp)

    def _clock_runs(self) -> bool:
        """Wait for the clock of new stamps: simulated time is 0 until it is published."""
        while self._playback.restamp and self._now_ns() <= 0:
            self.state = 'waiting for /clock'
            if self._stopped.wait(_CLOCK_POLL_S):
                return False
        self.state = 'reading'
        return True

    def _clocks_part(self, pacer: Pacer) -> bool:
        """Say whether the clock of new stamps has jumped, so that they must start anew."""
        steady_ns, now_ns = self._clocks()
        return self._playback.restamp and abs(pacer.astray_ns(steady_ns, now_ns)) > _ASTRAY_NS
