"""MATLAB files, with SciPy: the one reader that the data sets in that format share."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import DatasetError

_WORKER = Path(__file__).with_name('mat_worker.py')


def read_mat(path: Path, variable: str) -> Any:
    """
    Read one variable of a MATLAB 5 file.

    SciPy runs in a process of its own (`mat_worker`), which a damaged file may bring down: that too
    is an unreadable file, and nothing else.

    :raises DatasetError: SciPy is not installed, the file cannot be read, or lacks the variable.
    """
    if importlib.util.find_spec('scipy') is None:
        raise DatasetError(f'{path}: reading .mat files needs SciPy: pip install scipy')
    try:
        kind, content = _reader.ask(path, variable)
    except _DownError as down:
        kind, content = 'error', str(down)
    if kind == 'error':
        raise DatasetError(f'{path}: expected a readable MATLAB 5 file, got {content}')
    if kind == 'names':
        raise DatasetError(f'{path}: expected a variable {variable!r}, got {content}')
    return content


class _DownError(Exception):
    """The worker died of a question."""


class _Reader:
    """Keeps one worker for this process; a forked child starts its own."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, path: Path, variable: str) -> tuple[str, Any]:
        """
        Return the worker's answer; a worker that dies of the question is replaced.

        Damaged bytes may bring it down only after their own answer, at the next question: so one
        that has answered before is replaced and the new one asked again.
        """
        with self._lock:
            used = self._worker is not None and self._owner == os.getpid()
            try:
                return self._answer(path, variable)
            except _DownError:
                if not used:
                    raise
                return self._answer(path, variable)

    def _answer(self, path: Path, variable: str) -> tuple[str, Any]:
        worker = self._running()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            request = json.dumps([str(path.absolute()), variable]) + '\n'
            worker.stdin.write(request.encode())
            worker.stdin.flush()
            answer: tuple[str, Any] = pickle.load(worker.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._worker = None
            raise _DownError(
                f'bytes that bring its reader down (exit code {worker.wait()})'
            ) from error
        return answer

    def close(self) -> None:
        """End the worker, if this process started it."""
        if self._worker is not None and self._owner == os.getpid():
            self._worker.kill()
            self._worker.wait()
        self._worker = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._worker = subprocess.Popen(
                [sys.executable, str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, 'OPENBLAS_NUM_THREADS': '1'},
            )
        return self._worker


_reader = _Reader()
atexit.register(_reader.close)
