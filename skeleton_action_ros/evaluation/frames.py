"""Frame by frame: whether what is said at each instant is what is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.skeleton import ActionSpan


@dataclass(frozen=True)
class FrameCounts:
    """Frames of all persons: all, and those during taught actions; how many of each are right."""

    frames: int
    right: int
    during_actions: int
    right_during_actions: int

    @property
    def accuracy(self) -> float | None:
        return self.right / self.frames if self.frames else None

    @property
    def accuracy_during_actions(self) -> float | None:
        return self.right_during_actions / self.during_actions if self.during_actions else None


def count_frames(
    stamps_ns: Mapping[int, NDArray[np.int64]],
    truth: Sequence[ActionSpan],
    events: Sequence[ActionSpan],
    taught: Collection[str],
    ignored: Sequence[ActionSpan] = (),
) -> FrameCounts:
    """
    Compare truth and events at every frame in which a person is seen.

    A frame is right where an event covers it whose label is that of a taught action performed then,
    or where neither is: nothing is done, or something that was never taught, and nothing is said.

    :param stamps_ns: when each person was seen, rising, nanoseconds.
    :param ignored: stretches whose frames do not count.
    """
    frames = right = during = right_during = 0
    for body_id, stamps in stamps_ns.items():
        counted = ~_any_of(ignored, body_id, stamps)
        acting = np.zeros(len(stamps), bool)
        named = np.zeros(len(stamps), bool)
        hit = np.zeros(len(stamps), bool)
        labels = {span.label for span in (*truth, *events)}
        for label in sorted(labels):
            done = _any_of([span for span in truth if span.label == label], body_id, stamps)
            said = _any_of([span for span in events if span.label == label], body_id, stamps)
            named |= said
            if label in taught:
                acting |= done
                hit |= done & said
        good = np.where(acting, hit, ~named) & counted
        frames += int(counted.sum())
        right += int(good.sum())
        during += int((acting & counted).sum())
        right_during += int((good & acting).sum())
    return FrameCounts(frames, right, during, right_during)


def _any_of(
    spans: Sequence[ActionSpan], body_id: int, stamps: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which stamps lie in a span of a person, ends included."""
    inside = np.zeros(len(stamps), bool)
    for span in spans:
        if span.body_id == body_id:
            first = np.searchsorted(stamps, span.start_ns, 'left')
            last = np.searchsorted(stamps, span.end_ns, 'right')
            inside[first:last] = True
    return inside
