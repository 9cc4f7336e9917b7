"""The Azure Kinect as a source: its recording, and devices that misbehave."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

pytest.importorskip('pyk4a', reason='pyk4a-bundle has no wheel for this Python')

import pyk4a
from k4abt_stubs import Handles, compiled

from skeleton_action_ros.adapters import k4a
from skeleton_action_ros.adapters.k4a import K4aCalibration, K4aDevice, K4aRecording
from skeleton_action_ros.adapters.k4abt import BodyTracker, load_library
from skeleton_action_ros.adapters.sources.azure_kinect import TrackedSource
from skeleton_action_ros.core.azure_kinect import AzureKinectConfig
from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import ImageError, SourceError
from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.core.lens import Lens
from skeleton_action_ros.core.pose_estimation import ImagePose
from skeleton_action_ros.core.rgb import RgbConfig

MS = 1_000_000
NOW_NS = 1_700_000_000_000 * MS
MakeTracker = Callable[..., BodyTracker]
Fail = Callable[[str], None]


@pytest.fixture(scope='module')
def make_tracker(tmp_path_factory: pytest.TempPathFactory) -> MakeTracker:
    library, _ = load_library(str(compiled(tmp_path_factory.mktemp('k4abt'))))
    return partial(BodyTracker, library)


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    return lambda what: monkeypatch.setenv('K4ABT_STUB', what)


@pytest.fixture
def recording(recordings: Path) -> Path:
    return recordings / 'azure-kinect' / 'pyk4a-recording-no-person.mkv'


class FakeCapture:
    """A capture with the images given."""

    def __init__(
        self,
        handle: object,
        depth_us: int | None,
        color_us: int | None = None,
        depth_m: np.ndarray | None = None,
        pixels: np.ndarray | ImageError | None = None,
    ) -> None:
        self.handle, self.depth_us, self.color_us = handle, depth_us, color_us
        self._depth_m, self._pixels = depth_m, pixels

    def depth_m(self) -> np.ndarray | None:
        return self._depth_m

    def pixels(self, decode: object) -> np.ndarray | None:
        if isinstance(self._pixels, ImageError):
            raise self._pixels
        return self._pixels


class FakeCaptures:
    """A device or recording that yields what it is given, None for silence, and then fails."""

    name = 'fake'
    dropped = 0

    def __init__(self, items: list[Any], *, live: bool, failure: str = '') -> None:
        self.live = live
        self.closed = 0
        self._items = items
        self._failure = failure
        self._handles = Handles()

    def open(self) -> K4aCalibration:
        lens = Lens(Intrinsics((100.0, 100.0), (79.5, 59.5)))
        turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        return K4aCalibration(
            self._handles.calibration, lens, (120, 160), lens, (120, 160), turn, np.zeros(3)
        )

    def captures(self) -> Iterator[Any]:
        yield from self._items
        if self._failure:
            raise SourceError(self._failure)

    def close(self) -> None:
        self.closed += 1


def depth_captures(count: int, live: bool, failure: str = '') -> FakeCaptures:
    handles = Handles()
    items = [FakeCapture(handles.capture(), 1_000_000 + 33_333 * n) for n in range(count)]
    captures = FakeCaptures(items, live=live, failure=failure)
    captures.handles = handles  # type: ignore[attr-defined]  # they live as long
    return captures


def test_a_recording_is_tracked_whole_with_the_devices_own_time(make_tracker: MakeTracker) -> None:
    captures = depth_captures(5, live=False)
    source = TrackedSource(captures, make_tracker, AzureKinectConfig())
    scenes = list(source.scenes())
    assert not source.live
    assert [scene.stamp_ns for scene in scenes] == [
        1_000_000_000 + 33_333_000 * n for n in range(5)
    ]
    body = scenes[2].skeletons[1]
    assert (body.layout, body.body_id) == ('k4abt_32', 12)
    np.testing.assert_allclose(body.joints_m[7], (0.07, -0.14, 1.502), atol=1e-6)  # mm to m
    assert body.confidence[6:9].tolist() == [0.0, 0.5, 1.0]
    assert captures.closed >= 1


def test_a_live_device_has_the_robots_time_by_the_device_steps(make_tracker: MakeTracker) -> None:
    delays_ms = iter([30, 80, 35])
    clock = iter([NOW_NS + 33 * MS * n + next(delays_ms) * MS for n in range(3)])
    source = TrackedSource(
        depth_captures(3, live=True), make_tracker, AzureKinectConfig(), now_ns=lambda: next(clock)
    )
    stamps = [scene.stamp_ns for scene in source.scenes()]
    assert stamps[0] == NOW_NS + 30 * MS
    assert np.diff(stamps).tolist() == [33_333_000, 33_333_000]


def test_nobody_in_view_are_empty_scenes(make_tracker: MakeTracker, fail: Fail) -> None:
    fail('no_body')
    source = TrackedSource(depth_captures(3, live=True), make_tracker, AzureKinectConfig())
    assert [scene.skeletons for scene in source.scenes()] == [(), (), ()]


def test_a_live_tracker_that_is_behind_drops_and_counts(
    make_tracker: MakeTracker, fail: Fail
) -> None:
    fail('queue_full')
    source = TrackedSource(depth_captures(8, live=True), make_tracker, AzureKinectConfig())
    assert len(list(source.scenes())) == 3
    assert source.refused == {'tracker_busy': 5}


def test_silence_and_captures_without_depth_do_not_end_it(make_tracker: MakeTracker) -> None:
    handles = Handles()
    items = [None, FakeCapture(handles.capture(), None), None, FakeCapture(handles.capture(), 50)]
    source = TrackedSource(FakeCaptures(items, live=True), make_tracker, AzureKinectConfig())
    assert len(list(source.scenes())) == 1
    assert source.refused == {'no_depth_image': 1}


@pytest.mark.parametrize(
    ('what', 'words'),
    [('no_model', 'cannot be started'), ('enqueue_lost', 'refuses'), ('pop_lost', 'no results')],
)
def test_a_tracker_that_fails_ends_the_reading_and_frees_the_device(
    make_tracker: MakeTracker, fail: Fail, what: str, words: str
) -> None:
    fail(what)
    captures = depth_captures(5, live=True)
    with pytest.raises(SourceError, match=words):
        list(TrackedSource(captures, make_tracker, AzureKinectConfig()).scenes())
    assert captures.closed >= 1


def test_an_unplugged_device_ends_the_reading_after_what_came(make_tracker: MakeTracker) -> None:
    source = TrackedSource(
        depth_captures(2, live=True, failure='unplugged'), make_tracker, AzureKinectConfig()
    )
    scenes = source.scenes()
    assert len([next(scenes), next(scenes)]) == 2
    with pytest.raises(SourceError, match='unplugged'):
        next(scenes)


def test_closing_ends_a_silent_device(make_tracker: MakeTracker) -> None:
    captures = FakeCaptures([None] * 3, live=True)
    source = TrackedSource(captures, make_tracker, AzureKinectConfig())
    source.close()
    source.close()
    assert list(source.scenes()) == []


# --- colour and depth, without libk4abt


class FakeEstimator:
    """Sees somebody of 1.7 m wherever the red is."""

    layout = 'mediapipe_33'

    def estimate(self, image: np.ndarray) -> list[ImagePose]:
        rows, columns = np.nonzero(image[..., 0] > 200)
        if not len(rows):
            return []
        names = list(Mediapipe33.__members__)
        height_m = np.array(
            [-0.6 if i < 11 else -0.45 if 'SHOULDER' in n else 0.8 if i > 26 else 0.1 * (i % 5)
             for i, n in enumerate(names)]
        )  # fmt: skip
        side_m = np.array([-0.15 if 'RIGHT' in name else 0.15 for name in names])
        joints_m = np.stack([side_m, height_m, np.zeros(33)], axis=1)
        place = np.array([columns.mean(), rows.mean()])
        px_per_m = 100.0 / 1.5 / 2.0  # focal length, coarseness of the depth, distance
        return [
            ImagePose(
                (place + joints_m[:, :2] * px_per_m).astype(np.float32),
                joints_m.astype(np.float32),
                np.ones(33, np.float32),
                1.0,
            )
        ]

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def images_source(items: list[FakeCapture], live: bool = False) -> Any:
    pytest.importorskip('cv2', reason='needs OpenCV')
    from skeleton_action_ros.adapters.sources.azure_kinect_images import (
        DepthImages,
        EstimatedSource,
    )

    images = DepthImages(FakeCaptures(items, live=live), lambda packed: packed)
    config = RgbConfig(smoothing_hz=0.0)
    return EstimatedSource(images, FakeEstimator, config)


def seen(depth_us: int | None = 0, color_us: int = 0, person: bool = True) -> FakeCapture:
    pixels = np.zeros((120, 160, 3), np.uint8)
    if person:
        pixels[59:61, 79:81, 0] = 255
    depth_m = None if depth_us is None else np.full((120, 160), 2.0, np.float32)
    return FakeCapture(None, depth_us, color_us, depth_m, pixels)


def test_joints_from_colour_come_to_where_depth_is_in_the_axes_of_the_depth_camera() -> None:
    source = images_source([seen(33_000, 33_000)])
    (scene,) = source.scenes()
    (body,) = scene.skeletons
    assert (scene.stamp_ns, body.layout) == (33 * MS, 'mediapipe_33')
    # The colour camera is turned by a quarter: what it sees upright lies on its side for depth.
    head, ankle = body.joints_m[Mediapipe33.NOSE], body.joints_m[Mediapipe33.ANKLE_LEFT]
    assert ankle[0] - head[0] == pytest.approx(-1.4, abs=0.1)
    assert body.joints_m[:, 2] == pytest.approx(np.full(33, 2.05), abs=0.1)
    assert not source.refused


def test_nobody_in_the_picture_is_an_empty_scene() -> None:
    source = images_source([seen(33_000, 33_000, person=False)])
    assert [scene.skeletons for scene in source.scenes()] == [()]


def test_depth_and_colour_out_of_step_are_counted_and_the_stream_goes_on() -> None:
    source = images_source([seen(33_000, 99_000), seen(None, 133_000), seen(166_000, 166_000)])
    scenes = list(source.scenes())
    assert len(scenes) == 3
    assert source.refused['out_of_step'] == source.refused['no_depth_image'] == 1
    assert len(scenes[2].skeletons) == 1


def test_broken_and_missing_colour_images_are_counted() -> None:
    broken = FakeCapture(None, 0, 0, None, ImageError('damaged_image', 'half a JPEG'))
    items = [broken, FakeCapture(None, 33_000), seen(66_000, 66_000)]
    source = images_source(items)
    assert len(list(source.scenes())) == 1
    assert source.refused == {'damaged_image': 1, 'no_colour_image': 1}


# --- pyk4a itself


def test_the_real_recording_is_calibrated_as_the_sdk_says(recording: Path) -> None:
    captures = K4aRecording(recording)
    calibration = captures.open()
    theirs = captures._playback.calibration
    pixels = [(100.0, 80.0), (320.0, 300.0), (560.0, 400.0)]
    assert calibration.color is not None
    for camera, lens in (
        (pyk4a.CalibrationType.COLOR, calibration.color),
        (pyk4a.CalibrationType.DEPTH, calibration.depth),
    ):
        rays = [theirs.convert_2d_to_3d(pixel, 1000.0, camera)[:2] for pixel in pixels]
        np.testing.assert_allclose(lens.slopes(pixels), np.array(rays) / 1000, atol=1e-5)
    moved = calibration.rotation @ (0.1, 0.2, 1.5) + calibration.translation_m
    expected_mm = theirs.depth_to_color_3d((100.0, 200.0, 1500.0))
    np.testing.assert_allclose(moved * 1000, expected_mm, atol=0.01)
    captures.close()
    captures.close()


def test_the_real_recording_goes_through_the_tracker(
    recording: Path, make_tracker: MakeTracker
) -> None:
    source = TrackedSource(K4aRecording(recording), make_tracker, AzureKinectConfig())
    for _ in range(2):  # looped
        (scene,) = source.scenes()
        assert [body.body_id for body in scene.skeletons] == [11, 12]
        # The stub says the size of the depth image in the calibration that it was given.
        np.testing.assert_allclose(scene.skeletons[0].joints_m[31, :2], (0.64, 0.576), atol=1e-6)


def test_a_recording_that_is_looped_leaks_no_memory_and_no_file(
    recording: Path, make_tracker: MakeTracker
) -> None:
    source = TrackedSource(K4aRecording(recording), make_tracker, AzureKinectConfig())

    def held() -> tuple[int, float]:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        return len(list(Path('/proc/self/fd').iterdir())), pages * 4096 / 1e6

    for _ in range(5):
        list(source.scenes())
    files, before_mb = held()
    for _ in range(100):  # each opens a file of 1.7 MB and its images
        list(source.scenes())
    files_after, after_mb = held()
    assert files_after <= files
    assert after_mb - before_mb < 20.0


def test_nobody_is_found_in_the_real_recording(recording: Path) -> None:
    pytest.importorskip('mediapipe', reason='mediapipe 0.10.21 has no wheel for this Python')
    from skeleton_action_ros.adapters.jpeg import decoded
    from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
    from skeleton_action_ros.adapters.sources.azure_kinect_images import (
        DepthImages,
        EstimatedSource,
    )

    config = RgbConfig()
    images = DepthImages(K4aRecording(recording), decoded)
    source = EstimatedSource(images, lambda: MediapipePose(config.model), config)
    assert [scene.skeletons for scene in source.scenes()] == [()]
    assert not source.refused
    source.close()


def test_colour_and_depth_of_the_real_recording_show_the_same(recording: Path) -> None:
    pytest.importorskip('cv2', reason='needs OpenCV')
    from skeleton_action_ros.adapters.jpeg import decoded

    captures = K4aRecording(recording)
    registration = captures.open().registration()
    capture = next(captures.captures())
    assert capture is not None
    pixels, depth_m = capture.pixels(decoded), capture.depth_m()
    assert pixels is not None
    assert depth_m is not None
    straight, moved_m = registration.straighten(pixels), registration.register(depth_m)
    assert straight.shape[:2] == moved_m.shape
    # A white mug, half a metre away, before a wall in shadow two metres away.
    mug = (slice(235, 340), slice(250, 275))
    measured = moved_m[mug][moved_m[mug] > 0.0]
    assert 0.2 < np.median(measured) < 0.8
    wall = moved_m[100:200, 350:390]
    assert np.median(wall[wall > 0.0]) > 1.5
    captures.close()


def test_a_damaged_jpeg_is_refused() -> None:
    pytest.importorskip('cv2', reason='needs OpenCV')
    from skeleton_action_ros.adapters.jpeg import decoded

    with pytest.raises(ImageError, match='got 3 bytes'):
        decoded(np.array([1, 2, 3], np.uint8))
    with pytest.raises(ImageError, match='got 0 bytes'):
        decoded(np.zeros(0, np.uint8))


def test_what_is_no_recording_is_named(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(SourceError, match='found none'):
        K4aRecording(tmp_path / 'missing.mkv')
    (tmp_path / 'text.mkv').write_text('no recording')
    with pytest.raises(SourceError, match=r'text.mkv: is no recording'):
        K4aRecording(tmp_path / 'text.mkv').open()


def test_a_recording_that_was_cut_off_gives_what_is_whole_or_an_error(
    tmp_path: Path, recording: Path
) -> None:
    whole = recording.read_bytes()
    for share in (0.3, 0.7, 0.95):
        path = tmp_path / f'{share}.mkv'
        path.write_bytes(whole[: int(len(whole) * share)])
        captures, got, why = K4aRecording(path), 0, ''
        try:
            captures.open()
            got = sum(1 for _ in captures.captures())
        except SourceError as error:
            why = str(error)
        finally:
            captures.close()
        assert got <= 1
        assert not why or str(path) in why


class FakePyK4A:
    """A device on the bus: what `get_capture` does, in turn."""

    plugged: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    starts = True
    replies: ClassVar[deque[Any]]
    stopped = 0
    held: ClassVar[set[str]]

    def __init__(self, config: Any, device_id: int, thread_safe: bool) -> None:
        assert not thread_safe  # or nobody else runs while it waits
        self.config = config
        self.serial = type(self).plugged[device_id]

    def open(self) -> None:
        if self.serial in type(self).in_use:
            raise pyk4a.K4AException
        self.held.add(self.serial)

    def start(self) -> None:
        if not type(self).starts:
            raise pyk4a.K4AException

    def close(self) -> None:
        self.held.remove(self.serial)

    def stop(self) -> None:
        type(self).stopped += 1
        self.held.remove(self.serial)
        raise pyk4a.K4AException  # it is gone

    @property
    def calibration(self) -> str:
        return self.serial

    def get_capture(self, timeout_ms: int) -> Any:
        reply = type(self).replies.popleft() if type(self).replies else pyk4a.K4ATimeoutException
        if isinstance(reply, type):
            raise reply
        return reply


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> type[FakePyK4A]:
    class Bus(FakePyK4A):
        replies: ClassVar[deque[Any]] = deque()
        held: ClassVar[set[str]] = set()

    monkeypatch.setattr(k4a.pyk4a, 'PyK4A', Bus)
    monkeypatch.setattr(k4a.pyk4a, 'connected_device_count', lambda: len(Bus.plugged))
    monkeypatch.setattr(k4a, '_calibration', lambda calibration: calibration)
    return Bus


def test_a_missing_device_says_what_it_needs(bus: type[FakePyK4A]) -> None:
    with pytest.raises(SourceError, match=r'no Azure Kinect is connected: it needs USB 3'):
        K4aDevice(AzureKinectConfig(), with_color=False).open()
    bus.plugged = ('A',)
    with pytest.raises(SourceError, match='device 1 is not there: 1 connected'):
        K4aDevice(AzureKinectConfig(device=1), with_color=False).open()
    bus.in_use = ('A',)
    with pytest.raises(SourceError, match=r'cannot be opened: .* does another program use it\?'):
        K4aDevice(AzureKinectConfig(), with_color=False).open()


def test_the_reason_is_what_the_library_logged_of_it(
    bus: type[FakePyK4A], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / 'k4a.log'
    log.write_text('[2026-11-20 13:30:31.367] [error] [t=1] /s/old.c (1): of another time\n')
    monkeypatch.setattr(k4a, '_log', lambda: log)

    def start(_: FakePyK4A) -> None:
        at = '[2026-11-20 13:30:31.367] [error] [t=6216] /s/src'
        log.write_text(
            f'{at}/dewrapper.c (154): depth_engine_start_helper(). Depth engine create and '
            f'initialize failed with error code: 204.\n{at}/depth.c (398): returned failure\n'
        )
        raise pyk4a.K4AException

    monkeypatch.setattr(bus, 'start', start)
    bus.plugged = ('A',)
    device = K4aDevice(AzureKinectConfig(), with_color=False)
    with pytest.raises(SourceError, match=r'started: depth_engine_start.* error code: 204\.$'):
        device.open()
    assert log.read_text() == ''


def test_a_log_of_the_users_own_is_pointed_to(
    bus: type[FakePyK4A], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('K4A_ENABLE_LOG_TO_A_FILE', '/var/log/k4a.log')
    monkeypatch.setattr(k4a, '_log', k4a._log.__wrapped__)
    bus.plugged, bus.in_use = ('A',), ('A',)
    with pytest.raises(SourceError, match=r'device 0: see /var/log/k4a\.log$'):
        K4aDevice(AzureKinectConfig(), with_color=False).open()


def test_a_device_that_does_not_start_is_given_back(bus: type[FakePyK4A]) -> None:
    bus.plugged, bus.starts = ('A',), False
    device = K4aDevice(AzureKinectConfig(), with_color=False)
    with pytest.raises(SourceError, match=r'connected, but cannot be started'):
        device.open()
    device.close()
    assert not bus.held


def test_a_device_is_found_by_its_serial_number(bus: type[FakePyK4A]) -> None:
    bus.plugged = ('A', 'B', 'C')
    with pytest.raises(SourceError, match=r"serial number 'X': got A, B, C$"):
        K4aDevice(AzureKinectConfig(serial='X'), with_color=False).open()
    assert not bus.held
    assert K4aDevice(AzureKinectConfig(serial='B'), with_color=False).open() == 'B'
    assert bus.held == {'B'}


def test_a_device_that_others_use_does_not_hide_the_one_that_is_wanted(
    bus: type[FakePyK4A],
) -> None:
    bus.plugged, bus.in_use = ('A', 'B'), ('A',)
    assert K4aDevice(AzureKinectConfig(serial='B'), with_color=False).open() == 'B'
    with pytest.raises(SourceError, match=r"number 'A': got B, and could not open device 0"):
        K4aDevice(AzureKinectConfig(serial='A'), with_color=False).open()


def test_a_silent_device_lets_its_reader_look_up_and_an_unplugged_one_fails(
    bus: type[FakePyK4A],
) -> None:
    bus.plugged = ('A',)
    bus.replies += ['one', pyk4a.K4ATimeoutException, 'two', pyk4a.K4AException]
    device = K4aDevice(AzureKinectConfig(), with_color=False)
    device.open()
    captures = device.captures()
    assert [next(captures) is None for _ in range(3)] == [False, True, False]
    with pytest.raises(SourceError, match='is it unplugged'):
        next(captures)
    device.close()
    device.close()
    assert bus.stopped == 1


def test_of_a_device_with_colour_only_the_newest_counts(bus: type[FakePyK4A]) -> None:
    bus.plugged = ('A',)
    bus.replies += ['old', 'older', 'new', pyk4a.K4ATimeoutException]
    device = K4aDevice(AzureKinectConfig(), with_color=True)
    device.open()
    capture = next(device.captures())
    assert capture is not None
    assert capture._capture == 'new'
    assert device.dropped == 2
