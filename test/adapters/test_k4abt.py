"""libk4abt through ctypes, against a library of the same functions and structures."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from k4abt_stubs import DEPTH_SIZE, Handles, compiled

from skeleton_action_ros.adapters.k4abt import BodyTracker, load_library
from skeleton_action_ros.core.azure_kinect import AzureKinectConfig
from skeleton_action_ros.core.errors import ConfigError, SourceError

Fail = Callable[[str], None]


@pytest.fixture(scope='module')
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp('k4abt'))


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    return lambda what: monkeypatch.setenv('K4ABT_STUB', what)


@pytest.fixture
def handles() -> Handles:
    return Handles()


def number(library: ctypes.CDLL, name: str) -> int:
    return ctypes.c_int.in_dll(library, name).value


def test_bodies_come_with_all_joints_levels_ids_and_the_devices_time(
    stub: Path, handles: Handles
) -> None:
    library, place = load_library(str(stub))
    assert place == str(stub)
    with BodyTracker(library, handles.calibration, AzureKinectConfig(smoothing=0.25)) as tracker:
        assert tracker.pop(0) is None
        assert tracker.enqueue(handles.capture(), 0)
        assert tracker.enqueue(handles.capture(), 0)
        assert ctypes.c_void_p.in_dll(library, 'k4abt_stub_capture').value == 0xC0FFEE
        first, second = tracker.pop(0), tracker.pop(0)
        assert tracker.pop(0) is None
    assert first is not None
    assert second is not None
    assert (first.device_us, second.device_us) == (1_000_000, 1_033_333)
    assert [body.body_id for body in second.bodies] == [11, 12]
    expected = np.array([(10.0 * j, -20.0 * j, 1501.0) for j in range(31)])
    np.testing.assert_array_equal(second.bodies[1].positions_mm[:31], expected)
    assert tuple(second.bodies[1].positions_mm[31, :2]) == DEPTH_SIZE  # the calibration arrived
    assert second.bodies[1].levels.tolist() == [0, 1, 2] * 10 + [0, 1]
    assert ctypes.c_float.in_dll(library, 'k4abt_stub_smoothing').value == 0.25
    assert number(library, 'k4abt_stub_frames') == number(library, 'k4abt_stub_trackers') == 0


@pytest.mark.parametrize(
    ('processing', 'orientation', 'expected'),
    [('cpu', 'default', (0, 1)), ('cuda', 'clockwise90', (1, 2)), ('tensorrt', 'flip180', (3, 3))],
)
def test_settings_reach_the_library(
    stub: Path, handles: Handles, processing: str, orientation: str, expected: tuple[int, int]
) -> None:
    class Configuration(ctypes.Structure):
        _fields_ = (
            ('orientation', ctypes.c_int),
            ('mode', ctypes.c_int),
            ('gpu', ctypes.c_int32),
            ('model', ctypes.c_char_p),
        )

    library, _ = load_library(str(stub))
    config = AzureKinectConfig(
        processing=processing, orientation=orientation, gpu=2, model='/m.onnx'
    )
    with BodyTracker(library, handles.calibration, config) as tracker:
        given = Configuration.in_dll(library, 'k4abt_stub_configuration')
        assert (given.orientation, given.mode, given.gpu) == (*expected, 2)
        assert tracker.processing == processing


def test_without_a_gpu_it_runs_on_the_cpu(stub: Path, handles: Handles, fail: Fail) -> None:
    fail('no_gpu')
    library, _ = load_library(str(stub))
    with BodyTracker(library, handles.calibration, AzureKinectConfig()) as tracker:
        assert tracker.processing == 'cpu'
    with pytest.raises(SourceError, match=r'started on cuda: .*no CUDA-capable device is detected'):
        BodyTracker(library, handles.calibration, AzureKinectConfig(processing='cuda'))


def test_a_missing_file_of_the_library_is_named_for_each_way(
    stub: Path, handles: Handles, fail: Fail
) -> None:
    fail('no_model')
    library, _ = load_library(str(stub))
    with pytest.raises(SourceError, match=r'cuda: .*dnn_model_2_0_op11.onnx; on cpu: .*dnn_model'):
        BodyTracker(library, handles.calibration, AzureKinectConfig())
    assert 'K4ABT_ENABLE_LOG_TO_A_FILE' not in os.environ
    assert number(library, 'k4abt_stub_trackers') == 0


def test_a_log_that_the_user_asked_for_stays_hers(
    stub: Path, handles: Handles, fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / 'mine.log'
    log.write_text('an older line\n')
    monkeypatch.setenv('K4ABT_ENABLE_LOG_TO_A_FILE', str(log))
    fail('no_model')
    library, _ = load_library(str(stub))
    with pytest.raises(SourceError, match='Find model file failed'):
        BodyTracker(library, handles.calibration, AzureKinectConfig(processing='cpu'))
    assert log.read_text().startswith('an older line\n[error] Find model')
    assert os.environ['K4ABT_ENABLE_LOG_TO_A_FILE'] == str(log)


def test_a_full_queue_is_no_failure(stub: Path, handles: Handles, fail: Fail) -> None:
    fail('queue_full')
    library, _ = load_library(str(stub))
    with BodyTracker(library, handles.calibration, AzureKinectConfig()) as tracker:
        assert [tracker.enqueue(handles.capture(), 0) for _ in range(5)] == [True] * 3 + [False] * 2


def test_a_tracker_that_is_lost_says_so(stub: Path, handles: Handles, fail: Fail) -> None:
    library, _ = load_library(str(stub))
    with BodyTracker(library, handles.calibration, AzureKinectConfig()) as tracker:
        fail('enqueue_lost')
        with pytest.raises(SourceError, match='refuses a capture'):
            tracker.enqueue(handles.capture(), 0)
        fail('pop_lost')
        for _ in range(3):
            tracker.enqueue(handles.capture(), 0)
        assert tracker.pop(0) is not None
        assert tracker.pop(0) is not None
        with pytest.raises(SourceError, match='no results any more'):
            tracker.pop(0)
    tracker.close()  # a second time
    assert number(library, 'k4abt_stub_trackers') == number(library, 'k4abt_stub_frames') == 0


def test_a_body_that_cannot_be_read_does_not_take_the_others_along(
    stub: Path, handles: Handles, fail: Fail
) -> None:
    fail('half_body')
    library, _ = load_library(str(stub))
    with BodyTracker(library, handles.calibration, AzureKinectConfig()) as tracker:
        tracker.enqueue(handles.capture(), 0)
        frame = tracker.pop(0)
    assert frame is not None
    assert [body.body_id for body in frame.bodies] == [11]
    assert frame.unreadable == (
        'body 1 of a frame must have an id and a skeleton, got id 0xc, result 1',
    )


def test_what_is_still_worked_on_at_the_end_is_not_lost(stub: Path, handles: Handles) -> None:
    library, _ = load_library(str(stub))
    with BodyTracker(library, handles.calibration, AzureKinectConfig()) as tracker:
        for _ in range(3):
            tracker.enqueue(handles.capture(), 0)
        assert len(list(tracker.drain())) == 3
        with pytest.raises(SourceError, match='refuses'):
            tracker.enqueue(handles.capture(), 0)


def test_only_handles_of_pyk4a_are_taken(stub: Path, handles: Handles) -> None:
    library, _ = load_library(str(stub))
    with pytest.raises(SourceError, match='expected a pyk4a calibration handle'):
        BodyTracker(library, handles.capture(), AzureKinectConfig())
    tracker = BodyTracker(library, handles.calibration, AzureKinectConfig())
    with tracker, pytest.raises(SourceError, match='expected a pyk4a capture handle'):
        tracker.enqueue(None, 0)


def test_the_library_is_found_by_parameter_then_by_variable(
    stub: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('K4ABT_LIBRARY', str(stub))
    assert load_library()[1] == str(stub)
    missing = tmp_path / 'libk4abt.so'
    with pytest.raises(SourceError, match=f'{missing}: no such file.*azure_kinect.library'):
        load_library(str(missing))


def test_a_library_that_does_not_load_or_is_another_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / 'libk4abt.so'
    broken.write_text('no library')
    with pytest.raises(SourceError, match=r'invalid ELF header|file too short'):
        load_library(str(broken))
    with pytest.raises(SourceError, match=r'libc.so.6 has no k4abt_tracker_create'):
        load_library('libc.so.6')


def test_where_it_is_nowhere_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('K4ABT_LIBRARY', raising=False)
    places = ('libk4abt-that-is-nowhere.so', '/nowhere/libk4abt.so')
    monkeypatch.setattr('skeleton_action_ros.adapters.k4abt.LIBRARY_PLACES', places)
    with pytest.raises(SourceError, match=r'\$K4ABT_LIBRARY') as caught:
        load_library()
    assert 'libk4abt-that-is-nowhere.so' in str(caught.value)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [({'rate_hz': 25}, 'got 25'), ({'depth_mode': 'wfov_unbinned'}, '15 images a second at most')],
)
def test_what_the_device_has_not_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AzureKinectConfig(**settings)  # type: ignore[arg-type]
