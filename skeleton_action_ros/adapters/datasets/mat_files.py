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
    kind, content = _reader.ask(path, variable)
    if kind == 'error':
        raise DatasetError(f'{path}: expected a readable MATLAB 5 file, got {content}')
    if kind == 'names':
        raise DatasetError(f'{path}: expected a variable {variable!r}, got {content}')
    return content


class _Reader:
    """Keeps one worker for this process; a forked child starts its own."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, path: Path, variable: str) -> tuple[str, Any]:
        """Return the worker's answer; a worker that dies of the question is replaced."""
        with self._lock:
            worker = self._running()
            assert worker.stdin is not None
            assert worker.stdout is not None
            try:
                request = json.dumps([str(path.absolute()), variable]) + '\n'
                worker.stdin.write(request.encode())
                worker.stdin.flush()
                answer: tuple[str, Any] = pickle.load(worker.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                code = worker.wait()
                self._worker = None
                return 'error', f'bytes that bring its reader down (exit code {code})'
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
