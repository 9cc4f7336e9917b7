"""Dumps of the Azure Kinect's body tracking as a source of skeletons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skeleton_action_ros.adapters.k4abt_dumps import (
    PAUSE_NS,
    SUFFIXES,
    USUAL_RATE_HZ,
    read_dump,
)
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.skeleton import ActionSpan, Scene

_UNREADABLE = 'unreadable'


@dataclass(frozen=True)
class K4abtJsonConfig:
    """How dumps are read."""

    rate_hz: float = setting(
        USUAL_RATE_HZ,
        'frames a second, where the dump does not say (CSV)',
        unit='Hz',
        low=0.1,
        high=240.0,
    )


class K4abtJsonSource:
    """
    Plays one dump, with its own stamps, or all dumps in a folder one after the other.

    In a folder each dump begins a pause after the one before, and one that cannot be read is
    counted and left out. `refused` counts what was left out, by reason; `why_refused` has the last
    message of each.

    :raises SourceError: there is no dump.
    """

    live = False

    def __init__(self, path: str | Path, config: K4abtJsonConfig | None = None) -> None:
        self._path = Path(path)
        self._config = config or K4abtJsonConfig()
        self._closed = False
        self._refusals = Refusals()
        self.refused, self.why_refused = self._refusals.counts, self._refusals.why
        if not self._path.is_dir():
            self._files = [self._path] if self._path.is_file() else []
        else:
            found = (file for file in self._path.rglob('*') if file.is_file())
            self._files = sorted(file for file in found if file.suffix.lower() in SUFFIXES)
        if not self._files:
            raise SourceError(
                f'{self._path}: expected a body-tracking dump ({" or ".join(SUFFIXES)}) or a '
                'folder of them, found none'
            )

    @property
    def name(self) -> str:
        """The path, and how many dumps there are."""
        return f'k4abt_json {self._path} ({len(self._files)})'

    def scenes(self) -> Iterator[Scene]:
        """
        Yield the scenes in order of time; each reading starts again.

        :raises SourceError: a single dump is none; in a folder, none of them gave anything.
        """
        if len(self._files) == 1:
            yield from self._read(self._files[0])
            return
        last_ns = 0
        for file in self._files:
            shift_ns: int | None = None
            try:
                for scene in self._read(file):
                    if shift_ns is None:
                        shift_ns = last_ns + PAUSE_NS - scene.stamp_ns
                    moved = _moved(scene, shift_ns)
                    last_ns = moved.stamp_ns
                    yield moved
            except SourceError as error:
                self._refusals.add(error, _UNREADABLE)
        if not last_ns and not self._closed:
            why = self.why_refused.get(_UNREADABLE, 'they hold nobody')
            raise SourceError(f'{self._path}: none of {len(self._files)} dumps is usable: {why}')

    def close(self) -> None:
        """End the current reading, and any later one."""
        self._closed = True

    def _read(self, file: Path) -> Iterator[Scene]:
        for scene in read_dump(file, self._refusals.add, self._config.rate_hz):
            if self._closed:
                return
            yield scene


def _moved(scene: Scene, by_ns: int) -> Scene:
    return Scene(
        scene.stamp_ns + by_ns,
        tuple(replace(body, stamp_ns=body.stamp_ns + by_ns) for body in scene.skeletons),
        tuple(
            ActionSpan(span.label, span.start_ns + by_ns, span.end_ns + by_ns, span.body_id)
            for span in scene.finished
        ),
    )
