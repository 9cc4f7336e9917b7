"""What a page shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skeleton_action_ros.core.skeleton import NS_PER_S, Scene

NONE = 'none'
"""The column of what was not recognised, and the row of events when nothing was shown."""

OUTCOMES = {
    'recognised': '#2f9e74',
    'missed': '#e0962b',
    'wrong': '#d1495b',
    'false': '#a24a9c',
    'never taught': '#8b95a7',
    'taught': '#3f7fd6',
}
"""What became of an action or an event, and its colour."""


@dataclass(frozen=True)
class Bar:
    """
    A stretch of the timeline.

    :param start_ns: when the motion began, sensor time; `end_ns` when it ended.
    :param outcome: a key of `OUTCOMES`.
    :param open_ns: from when to when a label stands above the head; None for ground truth.
    :param note: one more line for whoever points at the bar.
    """

    body_id: int
    label: str
    start_ns: int
    end_ns: int
    outcome: str
    open_ns: tuple[int, int] | None = None
    note: str = ''


@dataclass(frozen=True)
class Figure:
    """One headline: its name, its value as shown, and what it counts."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are shown; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Confusion:
    """
    How often each row, what was shown, was recognised as each column.

    :param counts: one row of column counts for each row name.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Footage:
    """
    One recording to play.

    :param people: name of each body id, in the order of the timeline; others are not drawn.
    :param scenes: the skeleton stream, stamps rising, at least one.
    :param shown: ground truth.
    :param events: what was recognised.
    """

    people: Mapping[int, str]
    scenes: Sequence[Scene]
    shown: Sequence[Bar]
    events: Sequence[Bar]

    def seconds(self, stamp_ns: int) -> float:
        """Return the time since the first scene, seconds."""
        return round((stamp_ns - self.scenes[0].stamp_ns) / NS_PER_S, 3)

    @property
    def length_s(self) -> float:
        """Time from the first scene to the last, seconds."""
        return self.seconds(self.scenes[-1].stamp_ns)


@dataclass(frozen=True)
class PageData(Footage):
    """
    Everything a page about one recording shows.

    :param latencies_ms: of each event; may be empty.
    :param notes: sentences on how the figures came about.
    """

    title: str
    subtitle: str
    figures: Sequence[Figure]
    confusion: Confusion
    actions: Table
    latencies_ms: Sequence[float]
    notes: Sequence[str] = ()
