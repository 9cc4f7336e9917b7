"""
Which sources can be used on this machine now, and what the others lack.

It looks for libraries without importing them, and needs none itself, numpy neither: it works where
nothing is installed yet.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skeleton_action_ros.core.azure_kinect import LIBRARY_PLACES, LIBRARY_VARIABLE

_SETUP = 'make setup, and use .venv/bin/skeleton-action'
_ROS = 'make setup, or source ROS 2 Jazzy and the workspace that colcon has built'
RGB_REMEDY = 'pip install --no-deps -r requirements/rgb.txt (Python 3.10 to 3.12)'
AZURE_KINECT_REMEDY = (
    'pip install -r requirements/azure-kinect.txt (x86-64, Python 3.10 to 3.12), or build pyk4a '
    'against your libk4a'
)
_LINKED_FOLDERS = ('/usr/lib/x86_64-linux-gnu', '/usr/lib', '/usr/local/lib')
_AZURE_KINECT_USB = ('045e', '097c')


@dataclass(frozen=True)
class Availability:
    """
    One source on this machine.

    :param what: what it reads.
    :param devices: what is plugged in for it.
    :param why: why it cannot be used; empty: it can.
    :param remedy: what to do about that.
    :param note: what is good to know though it can be used.
    """

    what: str
    devices: tuple[str, ...] = ()
    why: str = ''
    remedy: str = ''
    note: str = ''

    @property
    def usable(self) -> bool:
        """Whether it can be used now."""
        return not self.why


@dataclass(frozen=True)
class Machine:
    """
    What is looked at; tests look at another one.

    :param root: the root of the file system.
    :param has: whether a Python module can be imported.
    """

    root: Path = Path('/')
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    has: Callable[[str], bool] = lambda name: _can_import(name)

    def cameras(self) -> tuple[str, ...]:
        """Return the video devices, with their names where the system tells."""
        found = []
        for device in sorted((self.root / 'dev').glob('video[0-9]*')):
            name = self.root / 'sys/class/video4linux' / device.name / 'name'
            known = name.read_text(errors='replace').strip() if name.is_file() else ''
            found.append(f'/dev/{device.name}' + (f' ({known})' if known else ''))
        return tuple(found)

    def azure_kinects(self) -> tuple[str, ...]:
        """Return the Azure Kinects on the bus, by their places there."""
        found = []
        for vendor in sorted((self.root / 'sys/bus/usb/devices').glob('*/idVendor')):
            product = vendor.with_name('idProduct')
            ids = tuple(each.read_text().strip() for each in (vendor, product) if each.is_file())
            if ids == _AZURE_KINECT_USB:
                found.append(f'USB {vendor.parent.name}')
        return tuple(found)

    def library(self, places: Iterable[str]) -> str:
        """Return where a shared library is, as paths or names for the linker; empty: nowhere."""
        folders = [*self.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep), *_LINKED_FOLDERS]
        for place in places:
            for folder in [''] if place.startswith('/') else filter(None, folders):
                path = self.root / f'{folder}/{place}'.lstrip('/')
                if path.is_file():
                    return str(path)
        return ''


def _can_import(module: str) -> bool:
    """Look for a module; a folder of that name which is no package is none."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # what it is in
        return False
    return spec is not None and spec.origin is not None


def availabilities(machine: Machine | None = None) -> dict[str, Availability]:
    """Look at this machine, or another one, and return every source by its name."""
    here = machine or Machine()
    return {name: check(here) for name, check in CHECKS.items()}


def _check(what: str, modules: Iterable[str], remedy: str) -> Callable[[Machine], Availability]:
    """Make a check for modules."""

    def check(machine: Machine) -> Availability:
        return _with_modules(machine, Availability(what), modules, remedy)

    return check


def _with_modules(
    machine: Machine, found: Availability, modules: Iterable[str], remedy: str
) -> Availability:
    missing = [name for name in ('numpy', *modules) if not machine.has(name)]
    if not missing:
        return found
    names = dict.fromkeys(name.partition('.')[0] for name in missing)
    why = f'{", ".join(names)} cannot be imported'
    if 'numpy' in missing and 'make setup' not in remedy:
        remedy = f'{_SETUP}; and {remedy}'
    cure = _SETUP if missing == ['numpy'] else remedy
    return Availability(found.what, found.devices, why, cure)


def _rgb(machine: Machine) -> Availability:
    cameras = machine.cameras()
    note = '' if cameras else 'no camera is plugged in (no /dev/video*): videos and streams work'
    found = Availability(
        'a camera, a video, a folder of images, a network stream or an image topic',
        cameras,
        note=note,
    )
    return _with_modules(machine, found, ('cv2', 'mediapipe'), RGB_REMEDY)


def _azure_kinect(machine: Machine) -> Availability:
    devices = machine.azure_kinects()
    notes = [] if devices else ['no Azure Kinect is plugged in: recordings (.mkv) work']
    modules, remedy = ['pyk4a'], AZURE_KINECT_REMEDY
    asked = machine.environ.get(LIBRARY_VARIABLE, '')
    if not machine.library([asked] if asked else LIBRARY_PLACES):
        missing = f'{LIBRARY_VARIABLE} is {asked}, which is no file' if asked else 'not installed'
        notes.append(f'libk4abt: {missing}: joints come from colour and depth, by MediaPipe')
        if not machine.has('mediapipe'):
            modules.append('mediapipe')
            remedy = f'{AZURE_KINECT_REMEDY}; and libk4abt or {RGB_REMEDY}'
    found = Availability('an Azure Kinect, or its recording', devices, note='; '.join(notes))
    return _with_modules(machine, found, modules, remedy)


CHECKS: dict[str, Callable[[Machine], Availability]] = {
    'simulated': _check('simulated persons', (), _SETUP),
    'clips': _check('clips (.npz)', (), _SETUP),
    'bag': _check('a rosbag2', ('rosbags.rosbag2',), 'pip install rosbags, or ' + _SETUP),
    'azure_kinect': _azure_kinect,
    'k4abt_json': _check('dumps of the Azure Kinect body tracking, JSON or CSV', (), _SETUP),
    'rgb': _rgb,
    'markers': _check(
        "the Azure Kinect ROS driver's MarkerArray",
        ('rclpy', 'visualization_msgs', 'skeleton_action_msgs'),
        _ROS,
    ),
    'topic': _check("another node's SkeletonArray", ('rclpy', 'skeleton_action_msgs'), _ROS),
    'tf': _check(
        "a tracker's coordinate frames",
        ('rclpy', 'skeleton_action_msgs', 'tf2_msgs'),
        'apt install ros-jazzy-tf2-msgs, or ' + _ROS,
    ),
    'yolo': _check(
        'keypoints in 3D of yolo_msgs/DetectionArray',
        ('rclpy', 'skeleton_action_msgs', 'yolo_msgs'),
        'build yolo_msgs (of yolo_ros) in a workspace with ROS 2 Jazzy, and source it',
    ),
}
"""What looks whether a source can be used, by the source's name."""
