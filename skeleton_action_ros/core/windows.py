"""Sliding windows over each person's stream, by time and not by frame count."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import BadSkeletonError, OutOfOrderError
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip, SkeletonFrame, clip_from_frames


@dataclass(frozen=True)
class WindowConfig:
    """How long windows are, how often one is due, and when a gap begins a new one."""

    duration_s: float = setting(6.0, 'length of a full window', unit='s', low=0.5, high=30.0)
    hop_s: float = setting(
        0.1, 'time between two windows of a person', unit='s', low=0.01, high=5.0
    )
    shortest_s: float = setting(0.3, 'no window is shorter than this', unit='s', low=0.0, high=5.0)
    max_gap_s: float = setting(
        1.1, 'a person unseen for longer starts a new window', unit='s', low=0.05, high=10.0
    )
    max_people: int = setting(32, 'persons followed at once', low=1, high=1000)


@dataclass(frozen=True)
class Window:
    """The last seconds of one person."""

    body_id: int
    clip: Clip


@dataclass
class _Track:
    due_ns: int
    frames: deque[SkeletonFrame] = field(default_factory=deque)


class WindowBuffer:
    """
    One buffer for all persons; what goes wrong with one person leaves the others untouched.

    Windows fall due on one beat, the multiples of `hop_s`, so that those of all persons in a scene
    come together and a model can take them in one batch.

    `counts` says how many frames were refused and why, by the `reason` of the error; `gaps` how
    often a person's window began anew after a gap.
    """

    def __init__(self, config: WindowConfig) -> None:
        self._config = config
        self._tracks: dict[int, _Track] = {}
        self.counts: Counter[str] = Counter()
        self.gaps = 0

    @property
    def people(self) -> int:
        """Number of persons with a buffer."""
        return len(self._tracks)

    def push(self, frame: SkeletonFrame) -> Window | None:
        """
        Add one frame; return a window when one is due, else None.

        :raises OutOfOrderError: the stamp is not later than this person's last; the buffer is
            unchanged.
        :raises BadSkeletonError: there are `max_people` others in view; theirs are unchanged.
        """
        try:
            track = self._track(frame)
        except BadSkeletonError as error:
            self.counts[error.reason] += 1
            raise
        frames = track.frames
        frames.append(frame)
        oldest_ns = frame.stamp_ns - round(self._config.duration_s * NS_PER_S)
        while frames[0].stamp_ns < oldest_ns:
            frames.popleft()
        if frame.stamp_ns < track.due_ns:
            return None
        track.due_ns = self._beat_after(frame.stamp_ns)
        return Window(frame.body_id, clip_from_frames(frames))

    def clear(self) -> None:
        """Forget everybody: time has jumped back, or the source has changed."""
        self._tracks.clear()

    def _track(self, frame: SkeletonFrame) -> _Track:
        track = self._tracks.get(frame.body_id)
        if track is None:
            self._make_room(frame)
            return self._begin(frame)
        last = track.frames[-1]
        if frame.stamp_ns <= last.stamp_ns:
            raise OutOfOrderError(
                f'body {frame.body_id}: stamp {frame.stamp_ns} ns is not later than the last, '
                f'{last.stamp_ns} ns'
            )
        if frame.stamp_ns - last.stamp_ns > self._max_gap_ns or frame.layout != last.layout:
            self.gaps += 1
            return self._begin(frame)
        return track

    def _begin(self, frame: SkeletonFrame) -> _Track:
        shortest_ns = round(self._config.shortest_s * NS_PER_S)
        track = _Track(due_ns=self._beat_after(frame.stamp_ns + shortest_ns - 1))
        self._tracks[frame.body_id] = track
        return track

    def _make_room(self, frame: SkeletonFrame) -> None:
        """Drop persons who left; refuse a new one when all places are taken."""
        gone = [
            body_id
            for body_id, track in self._tracks.items()
            if abs(frame.stamp_ns - track.frames[-1].stamp_ns) > self._max_gap_ns
        ]
        for body_id in gone:
            del self._tracks[body_id]
        if len(self._tracks) >= self._config.max_people:
            raise BadSkeletonError(
                'too_many_people',
                f'body {frame.body_id} is not followed: {len(self._tracks)} persons are, '
                f'max_people is {self._config.max_people}',
            )

    def _beat_after(self, stamp_ns: int) -> int:
        hop_ns = round(self._config.hop_s * NS_PER_S)
        return (stamp_ns // hop_ns + 1) * hop_ns

    @property
    def _max_gap_ns(self) -> int:
        return round(self._config.max_gap_s * NS_PER_S)
