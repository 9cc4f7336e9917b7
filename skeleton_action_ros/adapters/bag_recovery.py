"""
Opening bags, also damaged ones: what a killed recorder or a broken copy left is read to its end.

The whole part of a damaged file is copied to a temporary file that `rosbags` can read: of an mcap
the complete records, of a database the rows up to the first one that is lost.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from skeleton_action_ros.core.errors import BagError

_MCAP, _DATABASE = '.mcap', '.db3'
_MCAP_MAGIC = b'\x89MCAP0\r\n'
_MCAP_FOOTER = b'\x02' + (20).to_bytes(8, 'little') + bytes(20)
_RECORD_HEADER = 9
_ENDS = (b'\x02', b'\x0f')
_CHUNK = b'\x06'
_CHUNK_FIELDS = 8 + 28
"""Bytes from the length of a chunk to its compression."""


@dataclass(frozen=True)
class OpenBag:
    """
    A bag that is open for reading.

    :param damage: what is wrong with it; empty where nothing is.
    """

    readers: tuple[Reader, ...]
    damage: str

    @property
    def connections(self) -> list[Connection]:
        """Topics and their types, those of a split bag once for each file."""
        return [connection for reader in self.readers for connection in reader.connections]

    def payloads(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """
        Yield log time, nanoseconds, and bytes of each message of a topic, file by file in the order
        of log times.

        :raises BagError: after the messages that could be read, that the rest cannot.
        """
        for reader in self.readers:
            chosen = [each for each in reader.connections if each.topic == topic]
            messages = reader.messages(chosen) if chosen else iter(())
            while True:
                try:
                    _, logged_ns, data = next(messages)
                except StopIteration:
                    break
                except Exception as error:  # rosbags raises whatever damaged bytes lead it into
                    raise BagError(
                        f'{reader.path}: damaged: {type(error).__name__}: {error}'
                    ) from error
                yield logged_ns, bytes(data)


@contextmanager
def opened(path: Path) -> Iterator[OpenBag]:
    """
    Open a bag's folder, or one of its files.

    :raises BagError: there is nothing, or nothing in it can be read.
    """
    if not path.exists():
        raise BagError(f'{path}: expected a bag, found nothing there')
    with ExitStack() as stack:
        try:
            bag = OpenBag((stack.enter_context(Reader(path)),), '')
        except Exception as error:  # noqa: BLE001 - rosbags raises whatever damaged bytes do to it
            bag = _recovered(path, _words(error), stack)
        yield bag


def _recovered(path: Path, why: str, stack: ExitStack) -> OpenBag:
    files = [path] if path.is_file() else sorted(path.iterdir())
    files = [file for file in files if file.suffix in (_MCAP, _DATABASE)]
    if not files:
        raise BagError(f'{path}: expected a rosbag2 ({why})')
    workplace = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    readers, damage = [], ''
    for number, file in enumerate(files):
        try:
            readers.append(stack.enter_context(Reader(file)))
            continue
        except Exception as error:  # noqa: BLE001 - as above
            damage = f'{file.name} is cut off or damaged: {_words(error)}'
        try:
            whole = _whole_part(file, workplace / f'{number}{file.suffix}')
            readers.append(stack.enter_context(Reader(whole)))
        except Exception as error:  # as above
            raise BagError(f'{path}: nothing can be read: {damage}') from error
    return OpenBag(tuple(readers), damage)


def _words(error: Exception) -> str:
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def _whole_part(file: Path, copy: Path) -> Path:
    if file.suffix == _MCAP:
        _copy_records(file, copy)
    else:
        _copy_rows(file, copy)
    return copy


def _copy_records(file: Path, copy: Path) -> None:
    """
    Copy the complete records of an mcap file, up to its data end, and end the copy properly.

    Of a chunk that is cut off, and not compressed, the complete records within are copied.
    """
    with file.open('rb') as damaged, copy.open('wb') as whole:
        whole.write(damaged.read(len(_MCAP_MAGIC)))
        _copy_complete(damaged, whole)
        if damaged.read(1) == _CHUNK:
            damaged.seek(_CHUNK_FIELDS, os.SEEK_CUR)
            compression = damaged.read(int.from_bytes(damaged.read(4), 'little'))
            if not compression:
                damaged.seek(8, os.SEEK_CUR)
                _copy_complete(damaged, whole)
        whole.write(_MCAP_FOOTER + _MCAP_MAGIC)


def _copy_complete(damaged: BinaryIO, whole: BinaryIO) -> None:
    """Copy records until the data end, or one that is cut off; `damaged` then stands before it."""
    start = damaged.tell()
    size = damaged.seek(0, os.SEEK_END)
    while True:
        damaged.seek(start)
        header = damaged.read(_RECORD_HEADER)
        length = _RECORD_HEADER + int.from_bytes(header[1:], 'little')
        if len(header) < _RECORD_HEADER or header[:1] in _ENDS or start + length > size:
            break
        whole.write(header + damaged.read(length - _RECORD_HEADER))
        start += length
    damaged.seek(start)


def _copy_rows(file: Path, copy: Path) -> None:
    """Copy every table of a database, each up to the first row that is lost."""
    shutil.copyfile(file, copy.with_suffix('.damaged'))
    with (
        closing(sqlite3.connect(copy.with_suffix('.damaged'))) as damaged,
        closing(sqlite3.connect(copy)) as whole,
        whole,
    ):
        damaged.execute('PRAGMA writable_schema=ON')  # else a file cut short is not even opened
        tables = damaged.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        for name, statement in tables.fetchall():
            whole.execute(statement)
            rows = damaged.execute(f'SELECT * FROM "{name}"')
            places = ', '.join('?' * len(rows.description))
            with suppress(sqlite3.DatabaseError):
                for row in rows:
                    whole.execute(f'INSERT INTO "{name}" VALUES ({places})', row)
