"""Where skeletons come from: one small protocol for sensors, files and the simulated person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from skeleton_action_ros.core.skeleton import Scene


class SkeletonSource(Protocol):
    """
    Something that can be read scene by scene.

    A source that is `live` blocks in `scenes` until the sensor delivers; any other yields as fast
    as it is read, and the reader paces it by the stamps, which rise strictly.
    """

    @property
    def name(self) -> str:
        """Say what this is, for logs and diagnostics."""

    @property
    def live(self) -> bool:
        """Whether scenes come when they happen, rather than as fast as they are read."""

    def scenes(self) -> Iterator[Scene]:
        """
        Yield scenes until the source ends.

        :raises SourceError: the sensor or file cannot deliver (any more).
        """

    def close(self) -> None:
        """Release the sensor or file; a blocked `scenes` returns. May be called twice."""


@runtime_checkable
class SkippingSource(Protocol):
    """A source whose scenes are costly to make, so that what comes too late is better left out."""

    def skip_to(self, stamp_ns: int) -> None:
        """Make no scene that is older; called while `scenes` is read, in the reader's thread."""
