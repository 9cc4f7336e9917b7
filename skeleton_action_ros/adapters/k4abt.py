"""
libk4abt, the Azure Kinect's body tracking: a closed library, found when the program runs.

Declared here is what its public headers (k4abt.h and k4abttypes.h of version 1.1) declare. It
takes the handles of pyk4a's devices, recordings and captures.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.azure_kinect import (
    AUTO,
    LIBRARY_PLACES,
    LIBRARY_VARIABLE,
    ORIENTATIONS,
    AzureKinectConfig,
)
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.layouts import K4abt32

CALIBRATION_CAPSULE = b'pyk4a calibration handle'
CAPTURE_CAPSULE = b'pyk4a capture handle'

_LOG_VARIABLE = 'K4ABT_ENABLE_LOG_TO_A_FILE'
_SUCCEEDED, _FAILED, _TIMEOUT = 0, 1, 2
_MODES = {'cpu': 1, 'cuda': 2, 'tensorrt': 3}
_INVALID_BODY = 0xFFFFFFFF
_LONGEST_LOG = 300
_LONGEST_WORK_MS = 10_000


class _Configuration(ctypes.Structure):
    _fields_ = (
        ('sensor_orientation', ctypes.c_int),
        ('processing_mode', ctypes.c_int),
        ('gpu_device_id', ctypes.c_int32),
        ('model_path', ctypes.c_char_p),
    )


_JOINT = np.dtype(
    [('position_mm', '<f4', 3), ('orientation_wxyz', '<f4', 4), ('level', '<i4')]
)  # k4abt_joint_t
_SKELETON_BYTES = len(K4abt32) * _JOINT.itemsize

_handle = ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    'k4abt_tracker_create': (
        ctypes.c_int,
        [ctypes.c_void_p, _Configuration, ctypes.POINTER(_handle)],
    ),
    'k4abt_tracker_destroy': (None, [_handle]),
    'k4abt_tracker_shutdown': (None, [_handle]),
    'k4abt_tracker_set_temporal_smoothing': (None, [_handle, ctypes.c_float]),
    'k4abt_tracker_enqueue_capture': (ctypes.c_int, [_handle, ctypes.c_void_p, ctypes.c_int32]),
    'k4abt_tracker_pop_result': (
        ctypes.c_int,
        [_handle, ctypes.POINTER(_handle), ctypes.c_int32],
    ),
    'k4abt_frame_release': (None, [_handle]),
    'k4abt_frame_get_num_bodies': (ctypes.c_uint32, [_handle]),
    'k4abt_frame_get_body_skeleton': (ctypes.c_int, [_handle, ctypes.c_uint32, ctypes.c_void_p]),
    'k4abt_frame_get_body_id': (ctypes.c_uint32, [_handle, ctypes.c_uint32]),
    'k4abt_frame_get_device_timestamp_usec': (ctypes.c_uint64, [_handle]),
}


@dataclass(frozen=True)
class TrackedBody:
    """
    One person.

    :param positions_mm: (32, 3) float32, millimetres, the depth camera's axes.
    :param levels: (32,) int32: 0 out of range, 1 hidden and predicted, 2 seen, 3 not used so far.
    """

    body_id: int
    positions_mm: NDArray[np.float32]
    levels: NDArray[np.int32]


@dataclass(frozen=True)
class TrackedFrame:
    """
    Everybody in one capture.

    :param device_us: when the device took it, microseconds of its own.
    :param unreadable: what is wrong with each body that the library counts and does not give.
    """

    device_us: int
    bodies: tuple[TrackedBody, ...]
    unreadable: tuple[str, ...] = ()


def load_library(asked: str = '') -> tuple[ctypes.CDLL, str]:
    """
    Return the library, and where it was found.

    :param asked: a path; empty: that of $K4ABT_LIBRARY, or else the usual places.
    :raises SourceError: there is none, or it cannot be loaded, or is another library: says which.
    """
    asked = asked or os.environ.get(LIBRARY_VARIABLE, '')
    places = (str(Path(asked).expanduser()),) if asked else LIBRARY_PLACES
    failures = []
    for place in places:
        if place.startswith('/') and not Path(place).is_file():
            failures.append(f'{place}: no such file')
            continue
        try:
            library = ctypes.CDLL(place)
        except OSError as error:
            failures.append(f'{place}: {error}')
            continue
        _declare(library, place)
        return library, place
    # A file that is there and does not load tells more than names that are not.
    telling = [failure for failure in failures if 'no such file' not in failure.lower()]
    raise SourceError(
        f'libk4abt, the body tracking of the Azure Kinect, cannot be loaded: '
        f'{"; ".join(telling or failures)}. Install it (libk4abt1.1), or say where it is: '
        f'azure_kinect.library or ${LIBRARY_VARIABLE}'
    )


def _declare(library: ctypes.CDLL, place: str) -> None:
    """:raises SourceError: a function is missing."""
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise SourceError(f'{place} has no {name}: is it libk4abt 1.1?') from None
        function.restype, function.argtypes = result, arguments


class BodyTracker:
    """
    One tracker, for one calibration.

    :param calibration: pyk4a's calibration handle.
    :raises SourceError: the library cannot start it; with what its log says.
    """

    def __init__(self, library: ctypes.CDLL, calibration: object, config: AzureKinectConfig):
        self._library = library
        self._handle = _handle()
        address = _address(calibration, CALIBRATION_CAPSULE)
        modes = ('cuda', 'cpu') if config.processing == AUTO else (config.processing,)
        failures = []
        for mode in modes:
            with _LogFile() as log:
                settings = _Configuration(
                    ORIENTATIONS.index(config.orientation),
                    _MODES[mode],
                    config.gpu,
                    os.fsencode(config.model) if config.model else None,
                )
                created = library.k4abt_tracker_create(
                    address, settings, ctypes.byref(self._handle)
                )
                if created == _SUCCEEDED and self._handle:
                    self.processing = mode
                    break
                failures.append(f'{mode}: {log.last() or "no reason given"}')
        else:
            raise SourceError(f'body tracking cannot be started on {"; on ".join(failures)}')
        library.k4abt_tracker_set_temporal_smoothing(self._handle, config.smoothing)

    def enqueue(self, capture: object, timeout_ms: int) -> bool:
        """
        Hand a capture over.

        :param capture: pyk4a's capture handle.
        :return: False where the queue stayed full for `timeout_ms`.
        :raises SourceError: the tracker has failed.
        """
        address = _address(capture, CAPTURE_CAPSULE)
        handle = _handle.from_address(address)  # pyk4a's handle points to the library's
        result = self._library.k4abt_tracker_enqueue_capture(self._handle, handle, timeout_ms)
        if result not in (_SUCCEEDED, _TIMEOUT):
            raise SourceError(f'body tracking refuses a capture (result {result}): is depth in it?')
        return bool(result == _SUCCEEDED)

    def pop(self, timeout_ms: int) -> TrackedFrame | None:
        """
        Return the next result, None where there is none within `timeout_ms`.

        :raises SourceError: the tracker has failed, or was shut down and has no more.
        """
        frame = _handle()
        result = self._library.k4abt_tracker_pop_result(
            self._handle, ctypes.byref(frame), timeout_ms
        )
        if result == _TIMEOUT:
            return None
        if result != _SUCCEEDED or not frame:
            raise SourceError(f'body tracking gives no results any more (result {result})')
        try:
            return self._read(frame)
        finally:
            self._library.k4abt_frame_release(frame)

    def drain(self) -> Iterator[TrackedFrame]:
        """Take no more captures, and yield the results of those that it has."""
        self._library.k4abt_tracker_shutdown(self._handle)
        with contextlib.suppress(SourceError):
            while (frame := self.pop(_LONGEST_WORK_MS)) is not None:
                yield frame

    def close(self) -> None:
        """End it; what it still works on is lost. May be called twice."""
        if self._handle:
            self._library.k4abt_tracker_shutdown(self._handle)
            self._library.k4abt_tracker_destroy(self._handle)
            self._handle = _handle()

    def __enter__(self) -> BodyTracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, frame: ctypes.c_void_p) -> TrackedFrame:
        bodies, unreadable = [], []
        for index in range(self._library.k4abt_frame_get_num_bodies(frame)):
            body_id = int(self._library.k4abt_frame_get_body_id(frame, index))
            joints = ctypes.create_string_buffer(_SKELETON_BYTES)
            result = self._library.k4abt_frame_get_body_skeleton(frame, index, joints)
            if result != _SUCCEEDED or body_id == _INVALID_BODY:
                unreadable.append(
                    f'body {index} of a frame must have an id and a skeleton, got '
                    f'id {body_id:#x}, result {result}'
                )
                continue
            numbers = np.frombuffer(joints.raw, _JOINT)
            bodies.append(
                TrackedBody(body_id, numbers['position_mm'].copy(), numbers['level'].copy())
            )
        device_us = int(self._library.k4abt_frame_get_device_timestamp_usec(frame))
        return TrackedFrame(device_us, tuple(bodies), tuple(unreadable))


def _address(capsule: object, name: bytes) -> int:
    """
    Return what one of pyk4a's handles points to.

    :raises SourceError: it is no such handle.
    """
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    try:
        address = pointer_of(capsule, name)
    except ValueError as error:
        raise SourceError(f'expected a {name.decode()}, got {capsule!r}: {error}') from error
    return int(address)


class _LogFile:
    """Has the library's log in a file meanwhile, where the user has not set one."""

    def __enter__(self) -> _LogFile:
        self._theirs = os.environ.get(_LOG_VARIABLE, '')
        self._folder = tempfile.TemporaryDirectory(prefix='k4abt-')
        self._path = Path(self._theirs or Path(self._folder.name) / 'k4abt.log')
        self._from = self._path.stat().st_size if self._path.is_file() else 0
        if not self._theirs:
            os.environ[_LOG_VARIABLE] = str(self._path)
        return self

    def last(self) -> str:
        """Return the last line that was written meanwhile."""
        try:
            written = self._path.read_bytes()[self._from :].decode('utf-8', 'replace')
        except OSError:
            return ''
        lines = [line.strip() for line in written.splitlines() if line.strip()]
        return lines[-1][:_LONGEST_LOG] if lines else ''

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._theirs:
            del os.environ[_LOG_VARIABLE]
        self._folder.cleanup()
