"""The stub of libk4abt, compiled, and handles like pyk4a's for it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / 'stubs' / 'k4abt_stub.c'
DEPTH_SIZE = (640, 576)
_NEW = ctypes.pythonapi.PyCapsule_New
_NEW.restype, _NEW.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def compiled(folder: Path) -> Path:
    """Compile the stub; skip where there is no C compiler."""
    compiler = shutil.which('gcc') or shutil.which('cc')
    if compiler is None:
        pytest.skip('needs a C compiler (gcc) for the stub of libk4abt')
    library = folder / 'libk4abt.so.1.1'
    subprocess.run(
        [compiler, '-shared', '-fPIC', '-Wall', '-Werror', '-o', str(library), str(SOURCE)],
        check=True,
    )
    return library


class _Calibration(ctypes.Structure):
    """The head of k4a_calibration_t."""

    _fields_ = (
        ('extrinsics', ctypes.c_float * 12),
        ('type', ctypes.c_int),
        ('parameter_count', ctypes.c_uint),
        ('parameters', ctypes.c_float * 15),
        ('width', ctypes.c_int),
        ('height', ctypes.c_int),
        ('rest', ctypes.c_char * 4096),
    )


class Handles:
    """Handles as pyk4a makes them, of a calibration and of captures; they live with this object."""

    def __init__(self) -> None:
        self._calibration = _Calibration(width=DEPTH_SIZE[0], height=DEPTH_SIZE[1])
        self._captures: list[ctypes.c_void_p] = []
        self.calibration: object = _NEW(
            ctypes.addressof(self._calibration), b'pyk4a calibration handle', None
        )

    def capture(self, value: int = 0xC0FFEE) -> object:
        """Return a handle of a capture that is not there; the library gets `value`."""
        self._captures.append(ctypes.c_void_p(value))
        return _NEW(ctypes.addressof(self._captures[-1]), b'pyk4a capture handle', None)
