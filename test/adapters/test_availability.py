"""What `sources` finds on machines of every kind; none of them is this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skeleton_action_ros.adapters.sources.availability import Machine, availabilities
from skeleton_action_ros.nodes.configuration import SOURCES

ROOT = Path(__file__).parents[2]


def machine(root: Path, *modules: str, **environ: str) -> Machine:
    return Machine(root, environ, lambda name: name in modules)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_source_is_looked_at(tmp_path: Path) -> None:
    assert set(availabilities(machine(tmp_path))) >= set(SOURCES)


def test_on_a_bare_machine_every_source_says_what_to_install(tmp_path: Path) -> None:
    for name, each in availabilities(machine(tmp_path)).items():
        assert not each.usable, name
        assert 'numpy' in each.why
        assert 'make setup' in each.remedy, 'numpy comes with it'


def test_numpy_is_enough_for_the_simulated_person_and_clips(tmp_path: Path) -> None:
    found = availabilities(machine(tmp_path, 'numpy'))
    usable = {name for name, each in found.items() if each.usable}
    assert usable == {'simulated', 'clips', 'k4abt_json'}
    assert found['bag'].why == 'rosbags cannot be imported'
    assert found['tf'].why == 'rclpy, skeleton_action_msgs, tf2_msgs cannot be imported'


def test_cameras_are_named(tmp_path: Path) -> None:
    write(tmp_path / 'dev/video0', '')
    write(tmp_path / 'dev/video1', '')
    write(tmp_path / 'sys/class/video4linux/video1/name', 'C920 Webcam\n')
    rgb = availabilities(machine(tmp_path, 'numpy', 'cv2', 'mediapipe'))['rgb']
    assert (rgb.usable, rgb.note) == (True, '')
    assert rgb.devices == ('/dev/video0', '/dev/video1 (C920 Webcam)')


def test_without_a_camera_videos_can_be_read_still(tmp_path: Path) -> None:
    rgb = availabilities(machine(tmp_path, 'numpy', 'cv2', 'mediapipe'))['rgb']
    assert rgb.usable
    assert 'no camera is plugged in' in rgb.note


@pytest.mark.parametrize('product', ['097c', '097d'])
def test_an_azure_kinect_is_known_by_its_depth_camera(tmp_path: Path, product: str) -> None:
    write(tmp_path / 'sys/bus/usb/devices/1-4/idVendor', '045e\n')
    write(tmp_path / 'sys/bus/usb/devices/1-4/idProduct', f'{product}\n')
    write(tmp_path / 'usr/lib/libk4abt.so.1.1', '')
    kinect = availabilities(machine(tmp_path, 'numpy', 'pyk4a'))['azure_kinect']
    assert kinect.usable
    assert kinect.devices == (('USB 1-4',) if product == '097c' else ())
    assert 'libk4abt' not in kinect.note


def test_without_body_tracking_it_says_what_comes_instead(tmp_path: Path) -> None:
    kinect = availabilities(machine(tmp_path, 'numpy', 'pyk4a', 'mediapipe'))['azure_kinect']
    assert kinect.usable
    assert 'libk4abt: not installed: joints come from colour and depth' in kinect.note


def test_without_body_tracking_and_mediapipe_there_are_no_joints(tmp_path: Path) -> None:
    kinect = availabilities(machine(tmp_path, 'numpy', 'pyk4a'))['azure_kinect']
    assert kinect.why == 'mediapipe cannot be imported'
    assert 'and libk4abt or pip install' in kinect.remedy
    told = machine(tmp_path, 'numpy', 'pyk4a', K4ABT_LIBRARY='/opt/theirs/libk4abt.so')
    assert not availabilities(told)['azure_kinect'].usable
    write(tmp_path / 'opt/theirs/libk4abt.so', '')
    assert availabilities(told)['azure_kinect'].usable
    linked = machine(tmp_path, 'numpy', 'pyk4a', LD_LIBRARY_PATH='/opt/theirs:/opt')
    assert availabilities(linked)['azure_kinect'].usable


def test_a_library_that_is_not_where_it_is_said_to_be_is_named(tmp_path: Path) -> None:
    told = machine(tmp_path, 'numpy', 'pyk4a', 'mediapipe', K4ABT_LIBRARY='/opt/no.so')
    note = availabilities(told)['azure_kinect'].note
    assert 'libk4abt: K4ABT_LIBRARY is /opt/no.so, which is no file: joints come from' in note


def test_it_works_where_no_library_is(tmp_path: Path) -> None:
    """An interpreter without site-packages: what a machine has before anything is installed."""
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c',
         f'import sys; sys.path.insert(0, {str(ROOT)!r}); '
         'from skeleton_action_ros.cli.main import main; sys.exit(main(["sources", "--json"]))'],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"usable": false') == done.stdout.count('"source"')


def test_a_folder_that_is_no_package_is_not_one(tmp_path: Path) -> None:
    """The checkout has a folder skeleton_action_msgs that holds no Python."""
    (tmp_path / 'skeleton_action_msgs').mkdir()
    code = (
        f'import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n'
        'from skeleton_action_ros.adapters.sources.availability import Machine\n'
        'print(*map(Machine().has, ("skeleton_action_msgs", "json", "no_such.part")))'
    )
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', code],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == 'False True False\n'
