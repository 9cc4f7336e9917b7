"""What an action is to the simulated person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skeleton_action_ros.core.simulation.poses import Key


class Cue:
    """Draws how this person does it this time: mostly a habit, partly the moment."""

    def __init__(self, habit: np.random.Generator, moment: np.random.Generator) -> None:
        """
        Take what to draw from.

        :param habit: the same at each execution by the same person.
        :param moment: goes on from execution to execution.
        """
        self._habit = habit
        self._moment = moment

    def between(self, low: float, high: float) -> float:
        """Draw a number from `low` to `high`."""
        share = 0.7 * self._habit.random() + 0.3 * self._moment.random()
        return low + (high - low) * share

    def times(self, low: int, high: int) -> int:
        """Draw a count from `low` to `high`, both included."""
        return min(int(self.between(low, high + 1)), high)


@dataclass(frozen=True)
class Action:
    """
    One action.

    :param keys: writes its key poses for a right-hander; it starts and ends at rest.
    :param duration_s: nominal, of a typical execution at speed 1.
    :param side: 'right' or 'left' where the label says so, 'dominant' where the person's handedness
        decides, 'both' where the sides do the same.
    :param starts_seated: the posture it starts from, standing otherwise; `ends_seated` likewise.
    """

    name: str
    keys: Callable[[Cue], list[Key]]
    duration_s: float
    side: str = 'both'
    starts_seated: bool = False
    ends_seated: bool = False
