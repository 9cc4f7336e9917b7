"""Simulated persons as a source of skeletons."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.layouts import LAYOUTS, get_layout
from skeleton_action_ros.core.simulation.actions import ACTIONS
from skeleton_action_ros.core.simulation.outputs import to_layout
from skeleton_action_ros.core.simulation.performance import (
    Performance,
    Player,
    shuffled,
)
from skeleton_action_ros.core.simulation.person import draw_person
from skeleton_action_ros.core.simulation.rotations import Floats
from skeleton_action_ros.core.simulation.sensor import Sensor, Tracker, to_stamps
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene, SkeletonFrame

_BLOCK_S = 0.2
_FIRST_STAMP_NS = NS_PER_S


class SimulatedSource:
    """
    Simulated persons before one simulated sensor.

    Scenes come as fast as they are read; each reading starts again and gives the same bytes.
    """

    def __init__(
        self,
        performances: Sequence[Performance],
        sensor: Sensor,
        layout: str,
        seed: int,
        duration_s: float = 0.0,
        start_ns: int = _FIRST_STAMP_NS,
    ) -> None:
        """
        Put the persons before the sensor.

        :param duration_s: how long the sensor records; 0 is without end.
        :param start_ns: nominal stamp of the first frame, positive.
        :raises ConfigError: two persons have the same body id.
        :raises UnknownLayoutError: there is no such layout.
        """
        ids = [performance.body_id for performance in performances]
        if len(set(ids)) != len(ids):
            raise ConfigError(f'simulated persons need different body ids, got {ids}')
        self._layout = get_layout(layout).name
        self._performances = tuple(performances)
        self._sensor = sensor
        self._seed = seed
        self._duration_s = duration_s
        self._start_ns = start_ns
        self._closed = Event()

    @property
    def name(self) -> str:
        """Name the source and its seed."""
        return f'simulated ({len(self._performances)} persons, seed {self._seed})'

    @property
    def live(self) -> bool:
        """Simulated scenes come as fast as they are read."""
        return False

    def scenes(self) -> Iterator[Scene]:
        """
        Yield scenes with rising stamps; an action is `finished` with the first scene after its end.

        An action cut off by the end of the recording is not reported. The next frames are computed
        while the present ones are read, one person at a time, so that no scene waits for long.
        """
        seeds = np.random.SeedSequence(self._seed).spawn(1 + 2 * len(self._performances))
        frames_rng, *others = (np.random.default_rng(seed) for seed in seeds)
        people = [
            _Watched(performance, self._sensor, others[2 * index], others[2 * index + 1])
            for index, performance in enumerate(self._performances)
        ]
        block = max(round(_BLOCK_S * self._sensor.rate_hz), 1)
        total = int(np.ceil(self._duration_s * self._sensor.rate_hz)) or None
        open_spans: list[tuple[int, int, int, str]] = []

        def sample(first: int) -> tuple[Floats, NDArray[np.bool_]]:
            count = block if total is None else min(block, total - first)
            return self._sensor.sample(first, max(count, 0), frames_rng)

        first = 0
        times_s, arrived = sample(first)
        seen = [person.watch(times_s, self._layout) for person in people]
        while len(times_s) > 0:
            first += len(times_s)
            next_times_s, next_arrived = sample(first)
            next_seen: list[_Seen] = []
            for person, block_seen in zip(people, seen, strict=True):
                for label, *span_s in block_seen.begun:
                    start_ns, end_ns = to_stamps(np.array(span_s), self._start_ns).tolist()
                    heapq.heappush(open_spans, (end_ns, start_ns, person.body_id, label))
            stamps = to_stamps(times_s, self._start_ns).tolist()
            for at, stamp_ns in enumerate(stamps):
                due = len(people) * (at + 1) if len(next_times_s) > 0 else 0
                while len(next_seen) * len(stamps) < due:
                    person = people[len(next_seen)]
                    next_seen.append(person.watch(next_times_s, self._layout))
                if self._closed.is_set():
                    return
                if not arrived[at]:
                    continue
                finished = []
                while open_spans and open_spans[0][0] <= stamp_ns:
                    end_ns, start_ns, body_id, label = heapq.heappop(open_spans)
                    finished.append(ActionSpan(label, start_ns, end_ns, body_id))
                frames = (
                    SkeletonFrame(
                        stamp_ns,
                        person.body_id,
                        self._layout,
                        block_seen.joints_m[at],
                        block_seen.confidence[at],
                    )
                    for person, block_seen in zip(people, seen, strict=True)
                    if block_seen.confidence[at].any()
                )
                yield Scene(stamp_ns, tuple(frames), tuple(finished))
            times_s, arrived, seen = next_times_s, next_arrived, next_seen

    def close(self) -> None:
        """End the current reading, and any later one."""
        self._closed.set()


class _Watched:
    """One performance as the sensor's tracker sees it."""

    def __init__(
        self,
        performance: Performance,
        sensor: Sensor,
        motion_rng: np.random.Generator,
        sensor_rng: np.random.Generator,
    ) -> None:
        self.body_id = performance.body_id
        self._player = Player(performance, motion_rng)
        self._tracker = Tracker(sensor, sensor_rng)

    def watch(self, times_s: Floats, layout: str) -> _Seen:
        joints, begun = self._player.play(times_s)
        seen, confidence = self._tracker.observe(joints)
        return _Seen(*to_layout(seen, confidence, layout), begun)


@dataclass(frozen=True)
class _Seen:
    """What the tracker says of one person in T frames, and the actions begun meanwhile."""

    joints_m: NDArray[np.float32]
    confidence: NDArray[np.float32]
    begun: list[tuple[str, float, float]]


@dataclass(frozen=True)
class SimulationConfig:
    """What the simulated source shows."""

    seed: int = setting(1, 'seed; the same seed shows the same', low=0, high=2**31 - 1)
    persons: int = setting(1, 'simulated persons at once', unit='persons', low=1, high=100)
    actions: str = setting('', 'actions they perform, separated by commas; empty is all')
    layout: str = setting('k4abt_32', 'skeleton layout', choices=tuple(LAYOUTS))
    rate_hz: float = setting(30.0, 'frames per second', unit='Hz', low=1.0, high=120.0)
    noise_m: float = setting(
        0.005, 'standard deviation of a trunk joint at 2.5 m', unit='m', low=0.0, high=0.2
    )
    dropped_share: float = setting(0.01, 'share of frames that are lost', low=0.0, high=0.9)
    jitter_s: float = setting(
        0.002, 'standard deviation of the stamps', unit='s', low=0.0, high=0.1
    )
    occluded_share: float = setting(
        0.02, 'share of the time that a limb is lost at random', low=0.0, high=0.9
    )
    pause_s: float = setting(
        2.0, 'least time at rest between two actions', unit='s', low=0.0, high=600.0
    )
    duration_s: float = setting(
        0.0, 'how long it goes on; 0 is without end', unit='s', low=0.0, high=86400.0
    )


def source_from_config(
    config: SimulationConfig, start_ns: int = _FIRST_STAMP_NS
) -> SimulatedSource:
    """
    Draw persons who go on and on performing the actions in shuffled order.

    :raises ConfigError: an action does not exist.
    """
    names = [name.strip() for name in config.actions.split(',') if name.strip()]
    rng = np.random.default_rng(config.seed)
    performances = []
    camera_height_m, camera_tilt_deg = float(rng.uniform(0.9, 1.4)), float(rng.uniform(0.0, 6.0))
    for index in range(config.persons):
        share = (index + 0.5) / config.persons - 0.5
        z_m = float(rng.uniform(2.2, 3.6)) if config.persons <= 6 else float(rng.uniform(3.0, 5.5))
        person = draw_person(
            rng,
            x_m=0.9 * share * z_m + float(rng.uniform(-0.05, 0.05)),
            z_m=z_m,
            camera_height_m=camera_height_m,
            camera_tilt_deg=camera_tilt_deg,
        )
        script = shuffled(names or list(ACTIONS), int(rng.integers(1 << 31)))
        performances.append(Performance(person, index + 1, script, config.pause_s))
    sensor = Sensor(
        rate_hz=config.rate_hz,
        noise_m=config.noise_m,
        occluded_share=config.occluded_share,
        dropped_share=config.dropped_share,
        jitter_s=config.jitter_s,
    )
    return SimulatedSource(
        performances, sensor, config.layout, config.seed, config.duration_s, start_ns
    )
