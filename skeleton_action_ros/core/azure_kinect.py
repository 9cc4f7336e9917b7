"""The settings of an Azure Kinect, live or recorded, and of who finds bodies in its images."""

from __future__ import annotations

from dataclasses import dataclass

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import ConfigError

DEPTH_MODES = ('nfov_unbinned', 'nfov_2x2binned', 'wfov_unbinned', 'wfov_2x2binned')
RATES_HZ = (5, 15, 30)
AUTO = 'auto'
K4ABT = 'k4abt'
MEDIAPIPE = 'mediapipe'
TRACKERS = (AUTO, K4ABT, MEDIAPIPE)
PROCESSING = (AUTO, 'cuda', 'tensorrt', 'cpu')
ORIENTATIONS = ('default', 'clockwise90', 'counterclockwise90', 'flip180')
LIBRARY_VARIABLE = 'K4ABT_LIBRARY'
"""The environment variable with the path of libk4abt."""
LIBRARY_PLACES = (
    'libk4abt.so.1.1',
    'libk4abt.so',
    '/usr/lib/libk4abt.so.1.1',
    '/usr/lib/libk4abt.so',
    '/usr/lib/x86_64-linux-gnu/libk4abt.so.1.1',
    '/usr/lib/x86_64-linux-gnu/libk4abt.so',
    '/usr/local/lib/libk4abt.so.1.1',
    '/usr/local/lib/libk4abt.so',
    '/opt/k4abt/lib/libk4abt.so.1.1',
    '/opt/k4abt/lib/libk4abt.so',
)
"""Names are looked up as the dynamic linker does it, LD_LIBRARY_PATH and all; paths are files."""


@dataclass(frozen=True)
class AzureKinectConfig:
    """
    The source `azure_kinect`.

    :raises ConfigError: the device has no such mode.
    """

    device: int = setting(0, 'number of the device, where several are connected', low=0, high=64)
    serial: str = setting('', 'serial number of the device instead; empty: by its number')
    depth_mode: str = setting(
        'nfov_unbinned',
        'narrow or wide field of view, at full resolution or a quarter of it',
        choices=DEPTH_MODES,
    )
    rate_hz: int = setting(
        30, 'images a second: 5, 15 or 30; wfov_unbinned has 15 at most', unit='Hz', low=5, high=30
    )
    tracker: str = setting(
        AUTO,
        "who finds bodies: the vendor's library (k4abt), or MediaPipe in the colour image, lifted "
        'by depth (mediapipe); auto: the library where it is installed',
        choices=TRACKERS,
    )
    library: str = setting('', 'path of libk4abt.so; empty: $K4ABT_LIBRARY, then the usual places')
    processing: str = setting(
        AUTO,
        "where k4abt's model runs; auto: cuda, and where that fails cpu",
        choices=PROCESSING,
    )
    gpu: int = setting(0, 'which GPU, for cuda and tensorrt', low=0, high=64)
    model: str = setting('', "path of k4abt's model (.onnx); empty: the library's own")
    orientation: str = setting(
        'default', 'how the sensor is mounted, for k4abt', choices=ORIENTATIONS
    )
    smoothing: float = setting(
        0.0, "k4abt's smoothing over time; 1 is most, and late", low=0.0, high=1.0
    )

    def __post_init__(self) -> None:
        if self.rate_hz not in RATES_HZ:
            raise ConfigError(f'azure_kinect.rate_hz must be 5, 15 or 30, got {self.rate_hz}')
        if self.depth_mode == 'wfov_unbinned' and self.rate_hz > 15:
            raise ConfigError(
                'azure_kinect.depth_mode wfov_unbinned has 15 images a second at most, got '
                f'azure_kinect.rate_hz {self.rate_hz}'
            )
