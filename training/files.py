"""Files that are there whole or not at all, whoever reads them meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """
    Give a place to write what `path` shall hold; it is moved there in one piece at the end.

    What was there before stays where writing fails, and nothing half-written is left. Folders on
    the way are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{path.name}.{os.getpid()}.part')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def going_on_without(path: Path) -> Iterator[None]:
    """
    Go on where a file cannot be written that is only there to save time; tell so once on stderr.

    :param path: of the file.
    """
    try:
        yield
    except OSError as error:
        _tell_once(f'{path} cannot be written, going on without it: {error.strerror or error}')


@lru_cache(maxsize=64)
def _tell_once(line: str) -> None:
    print(line, file=sys.stderr)
