"""When a recorded scene is due and which stamp it gets when it is played."""

from __future__ import annotations

from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan


class Pacer:
    """
    Plays recorded stamps from the first one on.

    :param first_ns: stamp of the first scene.
    :param steady_ns: a clock that does not jump, at the start of playing.
    :param now_ns: the clock of new stamps, at the start of playing.
    :param rate: how many times faster than recorded.
    :param restamp: whether scenes get new stamps, or keep theirs.
    """

    def __init__(
        self, first_ns: int, steady_ns: int, now_ns: int, rate: float, restamp: bool
    ) -> None:
        self._first_ns = first_ns
        self._steady_ns = steady_ns
        self._now_ns = now_ns
        self._rate = rate
        self._restamp = restamp

    def wait_s(self, stamp_ns: int, steady_ns: int) -> float:
        """Return how long it is until a scene is due, seconds; negative when it is late."""
        due_ns = self._steady_ns + self._played_ns(stamp_ns)
        return (due_ns - steady_ns) / NS_PER_S

    def recorded_ns(self, steady_ns: int) -> int:
        """Return the recorded stamp that is due at a time."""
        return self._first_ns + round((steady_ns - self._steady_ns) * self._rate)

    def stamp_ns(self, stamp_ns: int) -> int:
        """Return the stamp that is published for a recorded one."""
        return self._now_ns + self._played_ns(stamp_ns) if self._restamp else stamp_ns

    def astray_ns(self, steady_ns: int, now_ns: int) -> int:
        """Return how far the clock of new stamps has run ahead of the steady one."""
        return (now_ns - self._now_ns) - (steady_ns - self._steady_ns)

    def span(self, span: ActionSpan) -> ActionSpan:
        """Return ground truth with the stamps that are published."""
        return ActionSpan(
            span.label, self.stamp_ns(span.start_ns), self.stamp_ns(span.end_ns), span.body_id
        )

    def _played_ns(self, stamp_ns: int) -> int:
        return round((stamp_ns - self._first_ns) / self._rate)
