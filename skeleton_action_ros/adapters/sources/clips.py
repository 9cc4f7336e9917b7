"""Clips as a source of skeletons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skeleton_action_ros.adapters.clips import find_clips, load_clip
from skeleton_action_ros.adapters.sources.joining import Joining, join_clips
from skeleton_action_ros.core.errors import BadClipError, SourceError
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.skeleton import Clip, Scene


class ClipsSource:
    """
    Plays one clip or recording, or a folder of them in the order of their paths.

    A malformed clip is left out: `refused` counts them, by reason, `why_refused` has the last
    message of each.

    :param joining: how one follows the other; None: a second with nobody in view.
    :raises BadClipError: there is no clip.
    """

    live = False

    def __init__(self, path: str | Path, joining: Joining | None = None) -> None:
        self._path = Path(path)
        self._files = find_clips(self._path)
        self._joining = joining or Joining()
        self._closed = False
        self._refusals = Refusals()
        self.refused, self.why_refused = self._refusals.counts, self._refusals.why

    @property
    def name(self) -> str:
        """The path, and how many clips there are."""
        return f'clips {self._path} ({len(self._files)})'

    def scenes(self) -> Iterator[Scene]:
        """
        Yield the scenes of all clips, with ground truth; each reading starts again.

        :raises SourceError: every clip is malformed; names the last.
        """
        for scene in join_clips(self._clips(), self._joining):
            if self._closed:
                return
            yield scene

    def close(self) -> None:
        """End the current reading, and any later one."""
        self._closed = True

    def _clips(self) -> Iterator[Clip]:
        bad: BadClipError | None = None
        good = False
        for file in self._files:
            try:
                clip = load_clip(file)
            except BadClipError as error:
                self._refusals.add(error)
                bad = error
            else:
                good = True
                yield clip
        if bad is not None and not good:
            raise SourceError(str(bad)) from bad
