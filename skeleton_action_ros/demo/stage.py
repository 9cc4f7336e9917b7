"""The play that the demonstration shows: who teaches what, and who performs what."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.simulation import (
    Performance,
    Person,
    Sensor,
    SimulatedSource,
    draw_person,
)
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene

TEACHER = 1
LAYOUT = 'k4abt_32'
NAMES = {TEACHER: 'A', 2: 'B', 3: 'C', 4: 'D'}

_START_NS = NS_PER_S
_BETWEEN_ACTS_S = 1.5
_BEFORE_TEACHING_S = 2.0
_BEFORE_STREAM_S = 1.0
_PAUSE_TEACHING_S = 2.4
_PAUSE_STREAM_S = 1.0
_AFTERWARDS_S = 2.5


@dataclass(frozen=True)
class Programme:
    """
    What is taught and performed.

    :param taught: actions that A shows once each.
    :param others: actions that nobody teaches.
    :param rounds: how often B, C and D each perform what is taught; the others come once.
    """

    taught: tuple[str, ...] = ('wave_right', 'clap', 'kick_right', 'bow', 'raise_both_arms')
    others: tuple[str, ...] = ('drink', 'squat', 'punch_left', 'throw', 'walk_on_the_spot')
    rounds: int = 2


SHORT = Programme(taught=('wave_right', 'bow'), others=('drink', 'punch_left'), rounds=1)
"""A third of the time; too few actions for figures that mean much."""


@dataclass(frozen=True)
class Play:
    """
    All scenes of the demonstration, in order, on the play's own clock.

    :param people: the persons by body id.
    """

    programme: Programme
    people: Mapping[int, Person]
    scenes: tuple[Scene, ...]

    @property
    def length_s(self) -> float:
        """Time from the first scene to the last, seconds."""
        return (self.scenes[-1].stamp_ns - self.scenes[0].stamp_ns) / NS_PER_S


def rehearse(programme: Programme, seed: int) -> Play:
    """
    Draw the persons and the order of the stream, and let them act it out.

    It is done ahead of time, so that simulating takes nothing from the robot while it works.

    :raises ConfigError: the simulated person knows no action of some name.
    """
    rng = np.random.default_rng(seed)
    camera = {
        'camera_height_m': float(rng.uniform(0.9, 1.4)),
        'camera_tilt_deg': float(rng.uniform(0.0, 6.0)),
    }
    teacher = draw_person(rng, x_m=0.0, z_m=2.6, **camera)
    others = {
        body_id: draw_person(rng, x_m=x_m, z_m=float(rng.uniform(2.6, 3.4)), **camera)
        for body_id, x_m in ((2, -1.1), (3, 0.0), (4, 1.1))
    }
    sensor = Sensor()
    teaching = _act(
        SimulatedSource(
            [
                Performance(
                    teacher,
                    TEACHER,
                    _in_turn(programme.taught, _BEFORE_TEACHING_S),
                    _PAUSE_TEACHING_S,
                )
            ],
            sensor,
            LAYOUT,
            seed,
            start_ns=_START_NS,
        ),
        len(programme.taught),
    )
    stream_start_ns = teaching[-1].stamp_ns + round(_BETWEEN_ACTS_S * NS_PER_S)
    actions = (*programme.taught * programme.rounds, *programme.others)
    performances = [
        Performance(
            person, body_id, _in_turn(_shuffled(actions, rng), _BEFORE_STREAM_S), _PAUSE_STREAM_S
        )
        for body_id, person in others.items()
    ]
    stream = _act(
        SimulatedSource(performances, sensor, LAYOUT, seed + 1, start_ns=stream_start_ns),
        len(actions) * len(others),
    )
    return Play(programme, {TEACHER: teacher, **others}, (*teaching, *stream))


def _in_turn(actions: Sequence[str], first_s: float) -> list[tuple[float, str]]:
    """Script one action after the other, each as soon as the pause after the last allows."""
    return [(first_s, name) for name in actions]


def _shuffled(actions: Sequence[str], rng: np.random.Generator) -> list[str]:
    return [actions[index] for index in rng.permutation(len(actions))]


def _act(source: SimulatedSource, actions: int) -> list[Scene]:
    """Record until so many actions have ended and everybody has stood still for a while."""
    scenes = []
    ended = 0
    over_ns: int | None = None
    for scene in source.scenes():
        scenes.append(scene)
        ended += len(scene.finished)
        if over_ns is None and ended >= actions:
            over_ns = scene.stamp_ns + round(_AFTERWARDS_S * NS_PER_S)
        if over_ns is not None and scene.stamp_ns >= over_ns:
            break
    return scenes


class Stage:
    """
    The play as a source of skeletons; it begins when the curtain is raised.

    `finished` is set when the last scene has been read.
    """

    def __init__(self, play: Play, patience_s: float) -> None:
        """
        Prepare the stage.

        :param patience_s: how long `scenes` waits for the curtain.
        """
        self._play = play
        self._patience_s = patience_s
        self._curtain = threading.Event()
        self._closed = False
        self.finished = threading.Event()

    @property
    def name(self) -> str:
        """Say what this is."""
        return 'demonstration'

    @property
    def live(self) -> bool:
        """The play is read ahead and paced by its stamps."""
        return False

    def raise_curtain(self) -> None:
        """Let the play begin."""
        self._curtain.set()

    def scenes(self) -> Iterator[Scene]:
        """
        Yield the play, once the curtain is up.

        :raises SourceError: the curtain was not raised in time.
        """
        if not self._curtain.wait(self._patience_s):
            raise SourceError(f'nobody was ready to watch within {self._patience_s:g} s')
        for scene in self._play.scenes:
            if self._closed:
                return
            yield scene
        self.finished.set()

    def close(self) -> None:
        """End the play where it is."""
        self._closed = True
        self._curtain.set()
