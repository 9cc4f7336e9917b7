"""What a stream of stamped messages needs: seeing time jump back, and batching persons."""

from __future__ import annotations

from skeleton_action_ros.core.windows import Window

_CONFIRMATIONS = 3


class Timeline:
    """
    Tells a stream whose time has jumped back (a bag that loops, a sensor that restarts) from single
    messages that come late.

    A jump is believed at the third stamp in a row that is earlier than the latest one while the
    three themselves rise; until then, and for reordered messages, nothing happens.
    """

    def __init__(self) -> None:
        self._latest_ns: int | None = None
        self._behind: list[int] = []

    @property
    def latest_ns(self) -> int | None:
        """The latest stamp since the last jump, if there was one."""
        return self._latest_ns

    def jumped_back(self, stamp_ns: int) -> bool:
        """Take the next stamp; True where time has jumped back and now runs on from there."""
        if self._latest_ns is None or stamp_ns >= self._latest_ns:
            self._latest_ns = stamp_ns
            self._behind.clear()
            return False
        if self._behind and stamp_ns <= self._behind[-1]:
            self._behind.clear()
        self._behind.append(stamp_ns)
        if len(self._behind) < _CONFIRMATIONS:
            return False
        self._latest_ns = stamp_ns
        self._behind.clear()
        return True

    def clear(self) -> None:
        """Begin anew with the next stamp."""
        self._latest_ns = None
        self._behind.clear()


class SceneBatch:
    """
    Collects the windows of all persons at one stamp, which arrive one by one, into one batch.

    The batch is complete as soon as it holds everybody of the last one, so that nobody waits while
    the same persons are in view; when somebody has left, a later stamp or `flush` completes it.
    """

    def __init__(self) -> None:
        self._waiting: list[Window] = []
        self._here: set[int] = set()
        self._expected: set[int] = set()
        self._stamp_ns = -1

    @property
    def waiting(self) -> bool:
        """Whether windows wait for others: `flush` is to be called soon."""
        return bool(self._waiting)

    def add(self, window: Window) -> list[list[Window]]:
        """Take a window; return the batches that are complete with it, earlier stamps first."""
        batches = []
        stamp_ns = int(window.clip.stamps_ns[-1])
        if stamp_ns != self._stamp_ns or window.body_id in self._here:
            batches.append(self.flush())
            self._expected, self._here = self._here, set()
            self._stamp_ns = stamp_ns
        self._waiting.append(window)
        self._here.add(window.body_id)
        if self._here >= self._expected:
            batches.append(self.flush())
        return [batch for batch in batches if batch]

    def flush(self) -> list[Window]:
        """Return what waits, perhaps nothing, without waiting for the others of its stamp."""
        batch, self._waiting = self._waiting, []
        return batch

    def clear(self) -> None:
        """Forget everything: time has jumped back."""
        self._waiting.clear()
        self._here.clear()
        self._expected.clear()
        self._stamp_ns = -1
