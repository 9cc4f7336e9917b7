"""What each person in view did lately."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from skeleton_action_ros.core.skeleton import (
    NS_PER_S,
    Clip,
    Scene,
    SkeletonFrame,
    clip_from_frames,
)


@dataclass
class Visit:
    """
    One stay of one person in view, and its frames of late.

    :param number: tells it from every other stay, also of the same body id.
    """

    number: int
    body_id: int
    frames: deque[SkeletonFrame] = field(default_factory=deque)

    @property
    def last_ns(self) -> int:
        """When the person was last seen, nanoseconds."""
        return self.frames[-1].stamp_ns

    @property
    def distance_m(self) -> float:
        """How far the middle of the joints seen last is from the camera, metres; inf: none is."""
        frame = self.frames[-1]
        if not frame.confidence.any():
            return float('inf')
        middle = np.median(frame.joints_m[frame.confidence > 0.0], axis=0)
        return float(np.linalg.norm(middle))

    def clip(self, start_ns: int | None = None, end_ns: int | None = None) -> Clip:
        """
        Return what is remembered from `start_ns` to `end_ns`, both included.

        :raises BadClipError: there is no frame in between.
        """
        clip = clip_from_frames(self.frames)
        first_ns = int(clip.stamps_ns[0]) if start_ns is None else start_ns
        return clip.between(first_ns, self.last_ns if end_ns is None else end_ns)


class RecentPeople:
    """
    Remembers the last seconds of everybody in view.

    `counts` says what was not remembered: frames 'out_of_order' (not later than their person's
    last) and of 'too_many_people'.

    :param history_s: how far back frames are kept.
    :param gone_after_s: a person unseen for longer has left and is forgotten.
    :param max_people: so many are remembered at once.
    """

    def __init__(self, history_s: float, gone_after_s: float, max_people: int) -> None:
        self._history_ns = round(history_s * NS_PER_S)
        self._gone_after_ns = round(gone_after_s * NS_PER_S)
        self._max_people = max_people
        self._visits: dict[int, Visit] = {}
        self._number = 0
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._visits)

    def push(self, scene: Scene) -> None:
        """Remember a scene, and forget whom it shows to have left."""
        for visit in list(self._visits.values()):
            if self.has_left(visit, scene.stamp_ns):
                del self._visits[visit.body_id]
        for frame in scene.skeletons:
            self._remember(frame)

    def clear(self) -> None:
        """Forget everybody."""
        self._visits.clear()

    def in_view(self, now_ns: int) -> list[Visit]:
        """Return who is in view, the nearest to the camera first."""
        here = [visit for visit in self._visits.values() if not self.has_left(visit, now_ns)]
        return sorted(here, key=lambda visit: visit.distance_m)

    def visit(self, number: int) -> Visit | None:
        """Return a stay by its number; None when it is over."""
        return next((one for one in self._visits.values() if one.number == number), None)

    def last_ns(self) -> int | None:
        """Return when anybody still remembered was last seen."""
        return max((visit.last_ns for visit in self._visits.values()), default=None)

    def has_left(self, visit: Visit, now_ns: int) -> bool:
        """Tell whether a person has been unseen for longer than `gone_after_s`."""
        return now_ns - visit.last_ns > self._gone_after_ns

    def _remember(self, frame: SkeletonFrame) -> None:
        visit = self._visits.get(frame.body_id)
        if visit is not None and frame.stamp_ns <= visit.last_ns:
            self.counts['out_of_order'] += 1
            return
        if visit is None and len(self._visits) >= self._max_people:
            self.counts['too_many_people'] += 1
            return
        if visit is None or frame.layout != visit.frames[-1].layout:
            self._number += 1
            visit = self._visits[frame.body_id] = Visit(self._number, frame.body_id)
        visit.frames.append(frame)
        while visit.frames[0].stamp_ns < frame.stamp_ns - self._history_ns:
            visit.frames.popleft()
