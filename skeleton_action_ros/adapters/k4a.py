"""
The Azure Kinect and its recordings, through pyk4a: captures with their handles, and calibration.

pyk4a's `thread_safe` says the opposite of what it does: only False lets other threads run while it
waits for the device.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.azure_kinect import DEPTH_MODES, AzureKinectConfig
from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.depth_registration import DepthRegistration
from skeleton_action_ros.core.errors import ImageError, SourceError
from skeleton_action_ros.core.lens import Lens

# Otherwise the library writes its errors into what a program prints, "no devices found" among them.
os.environ.setdefault('K4A_ENABLE_LOG_TO_STDOUT', '0')

import pyk4a

_MODES = {
    'nfov_2x2binned': pyk4a.DepthMode.NFOV_2X2BINNED,
    'nfov_unbinned': pyk4a.DepthMode.NFOV_UNBINNED,
    'wfov_2x2binned': pyk4a.DepthMode.WFOV_2X2BINNED,
    'wfov_unbinned': pyk4a.DepthMode.WFOV_UNBINNED,
}
assert set(_MODES) == set(DEPTH_MODES)
_DEPTH_SIZES = {
    pyk4a.DepthMode.NFOV_2X2BINNED: (288, 320),
    pyk4a.DepthMode.NFOV_UNBINNED: (576, 640),
    pyk4a.DepthMode.WFOV_2X2BINNED: (512, 512),
    pyk4a.DepthMode.WFOV_UNBINNED: (1024, 1024),
}
_COLOR_SIZES = {
    pyk4a.ColorResolution.RES_720P: (720, 1280),
    pyk4a.ColorResolution.RES_1080P: (1080, 1920),
    pyk4a.ColorResolution.RES_1440P: (1440, 2560),
    pyk4a.ColorResolution.RES_1536P: (1536, 2048),
    pyk4a.ColorResolution.RES_2160P: (2160, 3840),
    pyk4a.ColorResolution.RES_3072P: (3072, 4096),
}
_RATES = {5: pyk4a.FPS.FPS_5, 15: pyk4a.FPS.FPS_15, 30: pyk4a.FPS.FPS_30}
_WAIT_MS = 200
_LOG_VARIABLE = 'K4A_ENABLE_LOG_TO_A_FILE'
_LOG_LINE = re.compile(r'\[(critical|error)\] .*?\(\d+\): (.*)')
_NO_REASON = 'no reason given: does another program use it?'
_MM_PER_M = 1000.0

Decode = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class K4aCapture:
    """What the device took at one instant; images are fetched when they are asked for."""

    def __init__(self, capture: Any, color_format: Any) -> None:
        self._capture = capture
        self._format = color_format

    @property
    def handle(self) -> object:
        """The handle to hand to other libraries; valid while this object lives."""
        return self._capture._capture_handle

    @property
    def depth_us(self) -> int | None:
        """When the depth image was taken, microseconds of the device; None: there is none."""
        return None if self._capture.depth is None else int(self._capture.depth_timestamp_usec)

    @property
    def color_us(self) -> int | None:
        """When the colour image was taken, microseconds of the device; None: there is none."""
        return None if self._capture.color is None else int(self._capture.color_timestamp_usec)

    def depth_m(self) -> NDArray[np.float32] | None:
        """Return (rows, columns) metres, 0 where nothing was measured; None: there is none."""
        depth = self._capture.depth
        return None if depth is None else depth.astype(np.float32) / np.float32(_MM_PER_M)

    def pixels(self, decode: Decode) -> NDArray[np.uint8] | None:
        """
        Return (rows, columns, 3) red, green, blue; None: there is no colour image.

        :param decode: makes that of a JPEG.
        :raises ImageError: the colour image is damaged, or packed in another way.
        """
        color = self._capture.color
        if color is None:
            return None
        if self._format == pyk4a.ImageFormat.COLOR_BGRA32:
            return np.ascontiguousarray(color[:, :, 2::-1])
        if self._format == pyk4a.ImageFormat.COLOR_MJPG:
            return decode(color)
        raise ImageError(
            'colour_format',
            f'colour images must be MJPG or BGRA32, got {self._format.name}: record it so',
        )


@dataclass(frozen=True)
class K4aCalibration:
    """
    Where the cameras are and what their lenses do.

    :param handle: to hand to other libraries; valid while this object lives.
    :param color: None where the colour camera is off.
    :param rotation: (3, 3), from the depth camera's axes to the colour camera's.
    :param translation_m: (3,): where the depth camera is for the colour camera.
    """

    handle: object
    depth: Lens
    depth_size: tuple[int, int]
    color: Lens | None
    color_size: tuple[int, int]
    rotation: NDArray[np.float64]
    translation_m: NDArray[np.float64]

    def registration(self) -> DepthRegistration:
        """
        Return what makes one camera of both.

        :raises SourceError: the colour camera is off.
        """
        if self.color is None:
            raise SourceError('colour images are needed, and the colour camera is off')
        return DepthRegistration(
            self.depth,
            self.depth_size,
            self.color,
            self.color_size,
            self.rotation,
            self.translation_m,
        )


class K4aCaptures(Protocol):
    """A device or a recording."""

    @property
    def live(self) -> bool:
        """Whether captures come when they happen."""

    @property
    def name(self) -> str:
        """The device's number, or the recording's path."""

    @property
    def dropped(self) -> int:
        """How many captures of a device were left out because newer ones had come."""

    def open(self) -> K4aCalibration:
        """
        Begin. Where that fails, `close` gives back what it took.

        :raises SourceError: it is not there, or cannot be used.
        """

    def captures(self) -> Iterator[K4aCapture | None]:
        """
        Yield captures until a recording ends; None where a device gave nothing for a while.

        :raises SourceError: the device or the recording fails.
        """

    def close(self) -> None:
        """End; from the thread that reads. May be called twice."""


class K4aDevice:
    """
    A device that is connected.

    :param with_color: whether the colour camera runs too. Then only the newest capture counts:
        whoever looks at colour images is slower than the device.
    """

    live = True

    def __init__(self, config: AzureKinectConfig, with_color: bool) -> None:
        self._config = config
        self._with_color = with_color
        self._device: Any = None
        self.dropped = 0
        self._format = pyk4a.ImageFormat.COLOR_BGRA32

    @property
    def name(self) -> str:
        """Its serial number where that was asked for, or its number."""
        return f'azure_kinect {self._config.serial or self._config.device}'

    def open(self) -> K4aCalibration:
        """
        Start the cameras; one that could not be started is closed by `close`.

        :raises SourceError: no such device is connected, or it cannot be started.
        """
        _reason()  # what was logged before is about something else
        count = connected_devices()
        if not count:
            raise SourceError(
                'no Azure Kinect is connected: it needs USB 3, its own power supply, and the udev '
                'rules of its vendor (99-k4a.rules)'
            )
        if not self._config.serial and self._config.device >= count:
            raise SourceError(
                f'azure_kinect.device {self._config.device} is not there: {count} connected'
            )
        self._device = self._opened(count)
        try:
            self._device.start()
            return _calibration(self._device.calibration)
        except pyk4a.K4AException as error:
            raise SourceError(
                f'{self.name} is connected, but cannot be started: {_reason()}'
            ) from error

    def captures(self) -> Iterator[K4aCapture | None]:
        """
        Yield what comes; None after each fifth of a second in which nothing did.

        :raises SourceError: the device is gone.
        """
        while self._device is not None:
            try:
                capture = self._device.get_capture(_WAIT_MS)
                if self._with_color:
                    capture = self._newest(capture)
            except pyk4a.K4ATimeoutException:
                yield None
                continue
            except pyk4a.K4AException as error:
                raise SourceError(
                    f'{self.name} has failed: is it unplugged? ({_reason()})'
                ) from error
            yield K4aCapture(capture, self._format)

    def close(self) -> None:
        """Stop the cameras."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(pyk4a.K4AException):  # one that is unplugged cannot be stopped
                device.stop()

    def _opened(self, count: int) -> Any:
        """
        Open the device with the serial number wanted, or else with the number.

        :raises SourceError: there is none, or it is in use.
        """
        serial, others, failures = self._config.serial, [], []
        for number in range(count) if serial else [self._config.device]:
            device = pyk4a.PyK4A(self._settings(), device_id=number, thread_safe=False)
            try:
                device.open()
                own = device.serial if serial else ''
            except pyk4a.K4AException:
                failures.append(f'device {number}: {_reason()}')
                continue
            if own == serial:
                return device
            others.append(own)
            device.close()
        if not serial:
            raise SourceError(f'{self.name} cannot be opened: {"; ".join(failures)}')
        seen = ', '.join(others) or 'none'
        more = f', and could not open {"; ".join(failures)}' if failures else ''
        raise SourceError(f'no Azure Kinect has the serial number {serial!r}: got {seen}{more}')

    def _newest(self, capture: Any) -> Any:
        while True:
            try:
                capture = self._device.get_capture(0)
            except pyk4a.K4ATimeoutException:
                return capture
            self.dropped += 1

    def _settings(self) -> Any:
        off = pyk4a.ColorResolution.OFF
        return pyk4a.Config(
            color_resolution=pyk4a.ColorResolution.RES_720P if self._with_color else off,
            color_format=self._format,
            depth_mode=_MODES[self._config.depth_mode],
            camera_fps=_RATES[self._config.rate_hz],
            synchronized_images_only=self._with_color,
        )


class K4aRecording:
    """
    A recording (.mkv).

    :raises SourceError: there is no such file.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._playback: Any = None
        self._format: Any = None
        if not path.is_file():
            raise SourceError(f'{path}: expected a recording of an Azure Kinect (.mkv), found none')

    @property
    def name(self) -> str:
        """The path."""
        return f'azure_kinect {self._path}'

    def open(self) -> K4aCalibration:
        """
        Go to the beginning.

        :raises SourceError: it is no recording, or has no depth images.
        """
        self.close()
        playback = pyk4a.PyK4APlayback(self._path, thread_safe=False)
        try:
            playback.open()
            self._playback = playback
            configuration = playback.configuration
            calibration = playback.calibration
        except (pyk4a.K4AException, ValueError) as error:
            raise SourceError(
                f'{self._path}: is no recording of an Azure Kinect, or damaged ({error!r})'
            ) from error
        self._format = configuration['color_format']
        if not configuration['depth_track_enabled'] or calibration.depth_mode not in _DEPTH_SIZES:
            raise SourceError(
                f'{self._path}: depth images are needed, the recording has '
                f'{calibration.depth_mode.name}'
            )
        return _calibration(calibration)

    def captures(self) -> Iterator[K4aCapture | None]:
        """
        Yield all captures.

        :raises SourceError: the recording is damaged, after what could be read.
        """
        while self._playback is not None:
            try:
                capture = self._playback.get_next_capture()
            except EOFError:
                return
            except pyk4a.K4AException as error:
                raise SourceError(f'{self._path}: is damaged or was cut off') from error
            yield K4aCapture(capture, self._format)

    def close(self) -> None:
        """Close the file."""
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.close()


def connected_devices() -> int:
    """Return how many are connected."""
    _log()
    return int(pyk4a.connected_device_count())


@cache
def _log() -> Path | None:
    """
    Have the library's log in a file; to be called before the library is used.

    :return: None where the user has one of her own.
    """
    if os.environ.get(_LOG_VARIABLE):
        return None
    folder = Path(tempfile.mkdtemp(prefix='k4a-'))
    atexit.register(_leave_log, folder)
    path = folder / 'k4a.log'
    os.environ[_LOG_VARIABLE] = str(path)
    return path


def _leave_log(folder: Path) -> None:
    """Remove the log; the library, which may outlast Python, is to look for it no more."""
    os.environ.pop(_LOG_VARIABLE, None)
    shutil.rmtree(folder, ignore_errors=True)


def _reason() -> str:
    """Return what the library has logged since the last call."""
    path = _log()
    if path is None:
        return f'see {os.environ[_LOG_VARIABLE]}'
    try:
        logged = path.read_text('utf-8', 'replace')
        os.truncate(path, 0)
    except OSError:
        return _NO_REASON
    lines: list[tuple[str, str]] = _LOG_LINE.findall(logged)
    graver = [line for level, line in lines if level == 'critical'] or [line for _, line in lines]
    return graver[0] if graver else _NO_REASON


def _calibration(calibration: Any) -> K4aCalibration:
    color_on = calibration.color_resolution in _COLOR_SIZES
    rotation, translation_m = np.eye(3), np.zeros(3)
    if color_on:
        rotation, translation_m = calibration.get_extrinsic_parameters(
            pyk4a.CalibrationType.DEPTH, pyk4a.CalibrationType.COLOR
        )
    return K4aCalibration(
        handle=calibration._calibration_handle,
        depth=_lens(calibration, pyk4a.CalibrationType.DEPTH),
        depth_size=_DEPTH_SIZES[calibration.depth_mode],
        color=_lens(calibration, pyk4a.CalibrationType.COLOR) if color_on else None,
        color_size=_COLOR_SIZES.get(calibration.color_resolution, (0, 0)),
        rotation=np.asarray(rotation, np.float64),
        translation_m=np.asarray(translation_m, np.float64).reshape(3),
    )


def _lens(calibration: Any, camera: Any) -> Lens:
    matrix = calibration.get_camera_matrix(camera)
    distortion = calibration.get_distortion_coefficients(camera)
    return Lens(
        Intrinsics(
            (float(matrix[0, 0]), float(matrix[1, 1])), (float(matrix[0, 2]), float(matrix[1, 2]))
        ),
        tuple(float(value) for value in distortion),
    )
