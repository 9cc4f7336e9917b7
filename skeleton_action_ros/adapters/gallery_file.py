"""
One gallery in one SQLite file: its schema, how a template becomes a row, and what can be wrong.

The file is what `GalleryStore` changes and what robots share. An application_id in its header tells
it from any other SQLite database, user_version is the version of its schema.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import GalleryError, UnknownLayoutError
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, Template
from skeleton_action_ros.core.layouts import get_layout
from skeleton_action_ros.core.skeleton import LONGEST_MOTION_S, Clip

APPLICATION_ID = 0x534B4147
"""'SKAG' in the header of the file tells a gallery from any other SQLite database."""

SCHEMA_VERSION = 2
_TAUGHT = (
    'CREATE TABLE gallery (revision INTEGER NOT NULL)',
    'CREATE TABLE template (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, '
    'label TEXT NOT NULL, threshold REAL NOT NULL, taught_ns INTEGER NOT NULL, '
    'source TEXT NOT NULL, subject TEXT NOT NULL, layout TEXT NOT NULL, '
    'frames INTEGER NOT NULL, stamps_ns BLOB NOT NULL, joints_m BLOB NOT NULL, '
    'confidence BLOB NOT NULL)',
)
_CALIBRATED = (
    'CREATE TABLE calibration (label TEXT NOT NULL UNIQUE, threshold REAL NOT NULL, '
    'model TEXT NOT NULL, method TEXT NOT NULL, base REAL NOT NULL, '
    'altered INTEGER NOT NULL, altered_similarity REAL NOT NULL, '
    'spliced INTEGER NOT NULL, spliced_similarity REAL NOT NULL, '
    'others INTEGER NOT NULL, others_similarity REAL NOT NULL, '
    'background INTEGER NOT NULL, background_similarity REAL NOT NULL)'
)
_SCHEMAS = {1: {*_TAUGHT}, 2: {*_TAUGHT, _CALIBRATED}}
"""Tables by version: the first had no calibrations."""
_COLUMNS = (
    'id, label, threshold, taught_ns, source, subject, layout, frames, stamps_ns, joints_m, '
    'confidence'
)
_MEASURED = {item.name: item.type for item in fields(Calibration)}
_NOT_READ = -1
_TROUBLE = ('locked', 'readonly', 'unable to open', 'disk I/O', 'disk is full')
"""In SQLite's words: the file cannot be used now, which does not say that it is damaged."""


class UnusableFileError(GalleryError):
    """The file is no gallery, or a damaged one."""


def read_gallery(path: str | Path, config: GalleryConfig | None = None) -> Gallery:
    """
    Read a gallery file without changing, making or moving it.

    :raises GalleryError: there is no such file, it is no gallery or damaged, or a newer version of
        this package wrote it.
    """
    path = Path(path).expanduser().resolve()
    if not path.is_file():
        raise GalleryError(f'there is no gallery file {path}')
    empty = Gallery(config=config or GalleryConfig())
    with explained(path):
        connection = connect(f'{path.as_uri()}?mode=rw', 5.0)
        try:
            with transaction(connection, 'BEGIN'):
                _check(connection, path)
                return read_rows(connection, replace(empty, revision=_NOT_READ), path)
        finally:
            connection.close()


def open_gallery(
    path: Path, empty: Gallery, busy_timeout_s: float
) -> tuple[sqlite3.Connection, Gallery]:
    """
    Open a gallery file, made where it is missing or of no length, and read it.

    :param empty: the gallery, with its limits, to fill.
    :raises UnusableFileError: it is no gallery, or a damaged one.
    :raises GalleryError: it cannot be used now, or a newer version of this package wrote it.
    """
    if path.exists() and not path.is_file():
        raise GalleryError(f'gallery {path} must be a file, got a folder or device')
    with explained(path):
        connection = connect(f'{path.as_uri()}?mode=rwc', busy_timeout_s)
        try:
            connection.execute('PRAGMA synchronous = EXTRA')
            connection.execute('PRAGMA secure_delete = ON')
            if _pragma(connection, 'page_count') == 0 and path.stat().st_size == 0:
                with transaction(connection, 'BEGIN IMMEDIATE'):
                    _create(connection)
            with transaction(connection, 'BEGIN'):
                _check(connection, path)
                gallery = read_rows(connection, replace(empty, revision=_NOT_READ), path)
            if _pragma(connection, 'user_version') < SCHEMA_VERSION:
                with transaction(connection, 'BEGIN IMMEDIATE'):
                    _upgrade(connection)
            connection.execute('PRAGMA journal_mode = DELETE')
            sync(path.parent)
        except BaseException:
            connection.close()
            raise
    return connection, gallery


def connect(address: str, busy_timeout_s: float) -> sqlite3.Connection:
    """Connect to a `file:` address without implicit transactions; text must be UTF-8."""
    connection = sqlite3.connect(
        address,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )
    connection.text_factory = bytes.decode
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f'PRAGMA application_id = {APPLICATION_ID}')
    connection.execute(f'PRAGMA user_version = {SCHEMA_VERSION}')
    for statement in (*_TAUGHT, _CALIBRATED):
        connection.execute(statement)
    connection.execute('INSERT INTO gallery VALUES (0)')


def _upgrade(connection: sqlite3.Connection) -> None:
    """Give a gallery of the first version its table of calibrations, if nobody else has."""
    if _pragma(connection, 'user_version') < SCHEMA_VERSION:
        connection.execute(_CALIBRATED)
        connection.execute(f'PRAGMA user_version = {SCHEMA_VERSION}')


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is no gallery, a damaged one, or one of a newer version."""
    application = _pragma(connection, 'application_id')
    version = _pragma(connection, 'user_version')
    if application != APPLICATION_ID:
        raise UnusableFileError(
            f'{path} is no gallery: it is an SQLite database with application_id '
            f'{application:#x}, a gallery has {APPLICATION_ID:#x}'
        )
    if version > SCHEMA_VERSION:
        raise GalleryError(
            f'gallery {path} was written by a newer version of this package (schema {version}, '
            f'this one knows {SCHEMA_VERSION}): update this one, or use another file'
        )
    schema = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    if {row[0] for row in schema} != _SCHEMAS.get(version):
        raise UnusableFileError(f'{path} is no gallery: it does not have the tables of one')
    verdict = connection.execute('PRAGMA integrity_check(1)').fetchone()[0]
    if verdict != 'ok':
        raise UnusableFileError(f'gallery {path} is damaged: {verdict}')


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f'PRAGMA {name}').fetchone()[0])


def read_rows(connection: sqlite3.Connection, known: Gallery, path: Path) -> Gallery:
    """Read the gallery in an open transaction; where the revision is the known one, that is it."""
    try:
        (revision,) = connection.execute('SELECT revision FROM gallery').fetchone()
        if not isinstance(revision, int) or revision < 0:
            raise TypeError(f'revision {revision!r}')
        if revision == known.revision:
            return known
        rows = connection.execute(f'SELECT {_COLUMNS} FROM template ORDER BY position')
        templates = tuple(_template(row) for row in rows)
        calibrations = _calibrations(connection)
        return replace(known, templates=templates, revision=revision, calibrations=calibrations)
    except UnknownLayoutError as error:
        raise GalleryError(f'gallery {path} cannot be used here: {error}') from error
    except (TypeError, ValueError, OverflowError, zlib.error) as error:
        raise UnusableFileError(f'gallery {path} is damaged: {error}') from error


def insertion(template: Template) -> tuple[str, tuple[object, ...]]:
    """Return the statement, and its values, that stores a template after all others."""
    clip = template.clip
    values = (
        template.id,
        template.label,
        template.threshold,
        template.taught_ns,
        template.source,
        clip.subject,
        clip.layout,
        len(clip),
        _packed(clip.stamps_ns, '<i8'),
        _packed(clip.joints_m, '<f4'),
        _packed(clip.confidence, '<f4'),
    )
    marks = ', '.join('?' * len(values))
    return f'INSERT INTO template ({_COLUMNS}) VALUES ({marks})', values


def calibration_insertion(calibration: Calibration) -> tuple[str, tuple[object, ...]]:
    """Return the statement, and its values, that stores what was measured of an action."""
    marks = ', '.join('?' * len(_MEASURED))
    statement = f'INSERT INTO calibration ({", ".join(_MEASURED)}) VALUES ({marks})'
    return statement, astuple(calibration)


def _calibrations(connection: sqlite3.Connection) -> tuple[Calibration, ...]:
    """
    Return what was measured; nothing where the file is of the first version, or a value of another
    type: it can be measured again, and must not stand in the way of what was taught.
    """
    if _pragma(connection, 'user_version') < SCHEMA_VERSION:
        return ()
    rows = connection.execute(f'SELECT {", ".join(_MEASURED)} FROM calibration ORDER BY label')
    found = rows.fetchall()
    kinds = [{'str': str, 'int': int, 'float': float}[str(kind)] for kind in _MEASURED.values()]
    if not all(
        isinstance(value, kind) for row in found for value, kind in zip(row, kinds, strict=True)
    ):
        return ()
    return tuple(Calibration(*row) for row in found)


def _template(row: tuple[Any, ...]) -> Template:
    identity, label, threshold, taught_ns, source, subject, layout, frames = row[:8]
    for text in (identity, label, source, subject, layout):
        if not isinstance(text, str):
            raise TypeError(f'a text of template {identity!r} is {text!r}')
    joints = get_layout(layout).joint_count
    clip = Clip(
        stamps_ns=_unpacked(row[8], '<i8', (frames,)).astype(np.int64),
        joints_m=_unpacked(row[9], '<f4', (frames, joints, 3)).astype(np.float32),
        confidence=_unpacked(row[10], '<f4', (frames, joints)).astype(np.float32),
        layout=layout,
        label=label,
        subject=subject,
    )
    if clip.duration_s > LONGEST_MOTION_S:
        raise ValueError(f'template {identity!r} lasts {clip.duration_s:g} s')
    if not 0.0 <= float(threshold) <= 1.0:
        raise ValueError(f'the threshold of template {identity!r} is {threshold!r}')
    return Template(identity, label, clip, float(threshold), int(taught_ns), source)


def _packed(array: NDArray[Any], kind: str) -> bytes:
    return zlib.compress(np.ascontiguousarray(array, kind).tobytes())


def _unpacked(packed: bytes, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(packed), kind).reshape(shape)


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Commit what is done within, or on any error undo it."""
    connection.execute(begin)
    try:
        yield
        connection.execute('COMMIT')
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute('ROLLBACK')
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make errors of SQLite and of the file system GalleryErrors that name the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if 'locked' in text:
            raise GalleryError(f'gallery {path} is in use by another process ({text})') from error
        if any(sign in text for sign in _TROUBLE):
            raise GalleryError(f'gallery {path} cannot be read or written: {text}') from error
        raise UnusableFileError(f'{path} is no gallery or damaged: {text}') from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UnusableFileError(f'{path} is no gallery or damaged: {error}') from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise GalleryError(f'gallery {path} cannot store this: {error}') from error
    except OSError as error:
        raise GalleryError(f'gallery {path} cannot be read or written: {error}') from error


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
