"""
The gallery on disk: one SQLite file, which is also what robots share.

Every change is one transaction, on the disk before the call returns: a process killed at any
instant leaves the gallery as it was before the change it was at, or after it. Several processes may
have the file open: each change waits for the others' and builds on them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from skeleton_action_ros.adapters.gallery_file import (
    UnusableFileError,
    calibration_insertion,
    explained,
    insertion,
    open_gallery,
    read_gallery,
    read_rows,
    sync,
    transaction,
)
from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, MergeCounts, Template

_SIDE_FILES = ('-journal', '-wal', '-shm')


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class GalleryStore:
    """
    A gallery file, open for changes. Calls come one at a time, from any thread.

    A file that is damaged, or something else than a gallery, is moved to
    `NAME.corrupt-YYYYmmdd-HHMMSS` beside it and an empty gallery is begun; `warnings` says so.

    :param path: the file; it and its folder are made where they are missing.
    :param measure: measures from what similarity each action of a changed gallery counts, to be
        stored with the change; it must not raise.
    :param clock: gives the time for the name of a file moved aside.
    :param busy_timeout_s: how long to wait for another process's change.
    :raises GalleryError: the file cannot be opened or written, another process holds it for longer
        than `busy_timeout_s`, or a newer version of this package wrote it. It is left as it is.
    """

    def __init__(
        self,
        path: str | Path,
        config: GalleryConfig | None = None,
        *,
        measure: Callable[[Gallery], Sequence[Calibration]] = lambda gallery: (),
        clock: Callable[[], datetime] = _utc_now,
        busy_timeout_s: float = 5.0,
    ) -> None:
        self.path = Path(path).expanduser().resolve()
        self.warnings: list[str] = []
        self._measure = measure
        empty = Gallery(config=config or GalleryConfig())
        _make_folder(self.path)
        with _folder_lock(self.path):
            try:
                self._connection, self._gallery = open_gallery(self.path, empty, busy_timeout_s)
            except UnusableFileError as error:
                aside = _move_aside(self.path, clock())
                self.warnings.append(f'{error}; moved to {aside}, an empty gallery is begun')
                self._connection, self._gallery = open_gallery(self.path, empty, busy_timeout_s)
            self._inode = _inode(self.path)

    def __enter__(self) -> GalleryStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. May be called twice; nothing else may follow."""
        self._connection.close()

    def load(self) -> Gallery:
        """
        Return what the file holds now, other processes' changes included.

        :raises GalleryError: the file cannot be read.
        """
        self._check_in_place()
        with explained(self.path), transaction(self._connection, 'BEGIN'):
            self._gallery = read_rows(self._connection, self._gallery, self.path)
        return self._gallery

    def add(self, template: Template, replace: bool = False) -> Gallery:
        """
        Add a demonstration durably, with `replace` instead of the others of its label.

        :raises GalleryError: as `Gallery.add`, or the file cannot be written; nothing
            is changed.
        """
        with self._change() as execute:
            changed = self._gallery.add(template, replace)
            added = changed.templates[-1]
            if replace:
                execute('DELETE FROM template WHERE label = ?', (added.label,))
            execute(*insertion(added))
            changed = self._save(changed)
        return self._accept(changed)

    def rename(self, label: str, new_label: str) -> Gallery:
        """
        Rename an action durably.

        :raises GalleryError: as `Gallery.rename`, or the file cannot be written; nothing
            is changed.
        """
        with self._change() as execute:
            changed = self._gallery.rename(label, new_label)
            for old, new in zip(self._gallery.templates, changed.templates, strict=True):
                if old.label != new.label:
                    execute('UPDATE template SET label = ? WHERE id = ?', (new.label, new.id))
            changed = self._save(changed)
        return self._accept(changed)

    def remove(self, label: str, template_id: str = '') -> Gallery:
        """
        Forget an action, or one demonstration of it, durably; its bytes leave the file too.

        :raises GalleryError: as `Gallery.remove`, or the file cannot be written; nothing
            is changed.
        """
        with self._change() as execute:
            changed = self._gallery.remove(label, template_id)
            kept = {template.id for template in changed.templates}
            for template in self._gallery.templates:
                if template.id not in kept:
                    execute('DELETE FROM template WHERE id = ?', (template.id,))
            changed = self._save(changed)
        return self._accept(changed)

    def set_threshold(self, label: str, threshold: float) -> Gallery:
        """
        Set the user's own threshold of an action durably; 0 gives it back to the calibration.

        :raises GalleryError: as `Gallery.with_threshold`, or the file cannot be written; nothing
            is changed.
        """
        with self._change() as execute:
            changed = self._gallery.with_threshold(label, threshold)
            for template in changed.templates:
                execute(
                    'UPDATE template SET threshold = ? WHERE id = ?',
                    (template.threshold, template.id),
                )
            changed = self._save(changed)
        return self._accept(changed)

    def calibrate(self, calibrated: Gallery) -> Gallery:
        """
        Store what was measured of the actions of a gallery, in the place of what was before.

        Nothing is stored where another process has changed the gallery meanwhile: what was measured
        is of another one.

        :param calibrated: from `load` or a change here, with calibrations.
        :return: what the file holds now.
        :raises GalleryError: the file cannot be written; nothing is changed.
        """
        with self._change():
            if self._gallery.revision != calibrated.revision:
                return self._gallery
            self._store_measured(calibrated)
        return self._accept(calibrated)

    def import_from(self, path: str | Path, on_conflict: str = 'keep') -> MergeCounts:
        """
        Take over all of an exported gallery in one durable change, as `Gallery.merge` says.

        :param on_conflict: 'keep' what is here, or 'replace' it.
        :raises GalleryError: the file is no gallery (it stays where it is), or as
            `Gallery.merge`, or this gallery cannot be written; nothing is changed.
        """
        other = read_gallery(path)
        with self._change() as execute:
            merge = self._gallery.merge(other, on_conflict)
            for template in merge.removed:
                execute('DELETE FROM template WHERE id = ?', (template.id,))
            for template in merge.added:
                execute(*insertion(template))
            changed = self._save(merge.gallery)
        self._accept(changed)
        return merge.counts

    def export_to(self, path: str | Path, overwrite: bool = False) -> Gallery:
        """
        Write the gallery as one file, itself a gallery file, whole or not at all.

        :return: what was exported.
        :raises GalleryError: the file exists and not `overwrite`, is this gallery, or cannot be
            written.
        """
        target = Path(path).expanduser().resolve()
        if target == self.path:
            raise GalleryError(f'cannot export the gallery {target} onto itself')
        if target.exists() and not overwrite:
            raise GalleryError(f'cannot export to {target}: it exists already')
        gallery = self.load()
        part = target.with_name(f'.{target.name}.{os.getpid()}.part')
        try:
            with explained(target):
                part.unlink(missing_ok=True)
                self._connection.execute('VACUUM INTO ?', (str(part),))
                sync(part)
                part.replace(target)
                sync(target.parent)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return gallery

    @contextmanager
    def _change(self) -> Iterator[Callable[..., object]]:
        """Give the right to change the file; `_gallery` is up to date within."""
        self._check_in_place()
        with explained(self.path), transaction(self._connection, 'BEGIN IMMEDIATE'):
            self._gallery = read_rows(self._connection, self._gallery, self.path)
            yield self._connection.execute

    def _save(self, changed: Gallery) -> Gallery:
        """Store the revision, and what is measured of a changed gallery; return it with that."""
        self._connection.execute('UPDATE gallery SET revision = ?', (changed.revision,))
        measured = changed.calibrated(self._measure(changed))
        self._store_measured(measured)
        return measured

    def _store_measured(self, gallery: Gallery) -> None:
        self._connection.execute('DELETE FROM calibration')
        for calibration in gallery.calibrations:
            self._connection.execute(*calibration_insertion(calibration))

    def _accept(self, changed: Gallery) -> Gallery:
        self._gallery = changed
        return changed

    def _check_in_place(self) -> None:
        if _inode(self.path) != self._inode:
            raise GalleryError(
                f'gallery {self.path} was removed or replaced while it was open: start again '
                'to use what is there now'
            )


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GalleryError(f'gallery {path}: its folder cannot be made: {error}') from error
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise GalleryError(f'gallery {path}: its folder cannot be written to')


@contextmanager
def _folder_lock(path: Path) -> Iterator[None]:
    """Let one process at a time open galleries in a folder: it may be about to move one aside."""
    with explained(path):
        folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _move_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f'{path.name}.corrupt-{now:%Y%m%d-%H%M%S}')
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f'{path.name}.corrupt-{now:%Y%m%d-%H%M%S}-{count}')
    with explained(path):
        path.rename(aside)
        for side in _SIDE_FILES:
            with suppress(FileNotFoundError):
                Path(f'{path}{side}').rename(f'{aside}{side}')
    return aside


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
