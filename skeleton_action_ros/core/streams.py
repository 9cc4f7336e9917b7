"""What a stream of stamped messages needs: seeing time jump back, and batching persons."""

from __future__ import annotations

from enum import Enum

from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.core.windows import Window

_CONFIRMATIONS = 3
_FAR_NS = 10 * NS_PER_S


class Step(Enum):
    """What a stamp says about time: it runs on, has jumped back, or the stamp is not believed."""

    ON = 'on'
    BACK = 'back'
    STRAY = 'stray'


class Timeline:
    """
    Tells a stream whose time has jumped (a bag that loops, a sensor that restarts) from single
    messages that come late, or with a stamp that is wrong.

    A jump back is believed at the third stamp in a row that is earlier than the latest one while
    the three themselves rise; until then, and for reordered messages, nothing happens. A jump ahead
    by more than ten seconds is believed at the second stamp in a row; what brought the first one is
    to be left out, so that a single stamp far in the future moves nothing.

    `strays` says how many stamps were left out and then turned out to be wrong.
    """

    def __init__(self) -> None:
        self._latest_ns: int | None = None
        self._behind: list[int] = []
        self._ahead_ns: int | None = None
        self.strays = 0

    @property
    def latest_ns(self) -> int | None:
        """The latest stamp since the last jump, if there was one."""
        return self._latest_ns

    def take(self, stamp_ns: int, anybody: bool = True) -> Step:
        """
        Take the next stamp.

        :param anybody: whether it shows anybody; what shows nobody cannot make time jump back.
        :return: BACK where time has jumped back and now runs on from there, STRAY where whatever
            has this stamp is to be left out, else ON.
        """
        if self._latest_ns is None:
            self._latest_ns = stamp_ns
        if self._is_doubtful(stamp_ns, self._latest_ns):
            self._ahead_ns = stamp_ns
            return Step.STRAY
        if stamp_ns >= self._latest_ns:
            self._latest_ns = stamp_ns
            self._behind.clear()
            return Step.ON
        if not anybody:
            return Step.ON
        if self._behind and stamp_ns <= self._behind[-1]:
            self._behind.clear()
        self._behind.append(stamp_ns)
        if len(self._behind) < _CONFIRMATIONS:
            return Step.ON
        self._latest_ns = stamp_ns
        self._behind.clear()
        return Step.BACK

    def clear(self) -> None:
        """Begin anew with the next stamp."""
        self._latest_ns = None
        self._behind.clear()
        self._ahead_ns = None

    def _is_doubtful(self, stamp_ns: int, latest_ns: int) -> bool:
        """Say whether a stamp is far ahead, and does not go on from one that was so before it."""
        far = stamp_ns - latest_ns > _FAR_NS
        before_ns, self._ahead_ns = self._ahead_ns, None
        goes_on = before_ns is not None and 0 < stamp_ns - before_ns <= _FAR_NS
        if before_ns is not None and not goes_on and stamp_ns != before_ns:
            self.strays += 1
        return far and not goes_on


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
