"""Images in, scenes out, as a source of skeletons."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

pytest.importorskip('cv2', reason='requirements/rgb.txt is not installed')

from image_people import FakeEstimator, image_at, seen_at

from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.pose_choice import ChoiceConfig
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.source import SkippingSource

MS = 1_000_000
PERSON = [seen_at((0.0, 0.0, 3.0))]


class FakeStream:
    """Images at stamps, each of a shade that is its number; live or recorded."""

    name = 'fake'
    dropped = 0

    def __init__(self, stamps_ms: Sequence[int], *, live: bool = False) -> None:
        self.live = live
        self._stamps_ms = stamps_ms
        self.closed = threading.Event()

    def images(self, on_refused: Callable[[ImageError], None]) -> Iterator[ColourImage]:
        for number, stamp_ms in enumerate(self._stamps_ms):
            yield image_at(stamp_ms * MS, shade=number)
        if self.live:
            self.closed.wait(10.0)
        on_refused(ImageError('truncated', 'a test'))

    def close(self) -> None:
        self.closed.set()


def source_of(
    stream: FakeStream, estimator: FakeEstimator, config: RgbConfig | None = None
) -> RgbSource:
    return RgbSource(stream, lambda: estimator, config or RgbConfig())


def test_each_image_is_a_scene_and_what_is_refused_is_counted() -> None:
    estimator = FakeEstimator(PERSON, [], PERSON)
    source = source_of(FakeStream([100, 133, 166]), estimator)
    scenes = list(source.scenes())
    assert [(scene.stamp_ns // MS, len(scene.skeletons)) for scene in scenes] == [
        (100, 1),
        (133, 0),
        (166, 1),
    ]
    assert source.refused == {'truncated': 1}
    assert source.why_refused == {'truncated': 'a test'}


def test_every_reading_begins_anew_with_one_model_for_all() -> None:
    estimator = FakeEstimator(PERSON)
    made: list[int] = []

    def make() -> FakeEstimator:
        made.append(1)
        return estimator

    source = RgbSource(FakeStream([100, 133]), make, RgbConfig())
    stamps = [[scene.stamp_ns // MS for scene in source.scenes()] for _ in range(3)]
    assert stamps == [[100, 133]] * 3
    assert (len(made), estimator.resets) == (1, 3)
    source.close()
    source.close()
    assert estimator.closed == 1


def test_late_player_gets_no_stale_images_and_they_are_counted() -> None:
    estimator = FakeEstimator(PERSON)
    source = source_of(FakeStream(range(100, 1100, 100)), estimator)
    assert isinstance(source, SkippingSource)
    reading = source.scenes()
    next(reading)
    source.skip_to(650 * MS)
    assert next(reading).stamp_ns == 700 * MS
    assert estimator.shades == [0, 6]
    assert source.refused == {'dropped_images': 5}


def test_closing_while_it_reads_releases_the_model_once_the_reading_has_ended() -> None:
    estimator = FakeEstimator(PERSON)
    source = source_of(FakeStream([100, 133, 166]), estimator)
    reading = source.scenes()
    next(reading)
    source.close()
    assert estimator.closed == 0
    assert list(reading) == []
    assert estimator.closed == 1


def test_closing_ends_a_blocked_live_stream() -> None:
    estimator = FakeEstimator(PERSON)
    source = source_of(FakeStream([100], live=True), estimator)
    scenes = []
    first = threading.Event()

    def read() -> None:
        for scene in source.scenes():
            scenes.append(scene)
            first.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(5.0)
    source.close()
    thread.join(5.0)
    assert not thread.is_alive()
    assert (len(scenes), estimator.closed) == (1, 1)


def test_scenes_that_wait_for_later_images_come_at_the_end() -> None:
    config = RgbConfig(choice=ChoiceConfig(lookahead_frames=10))
    source = source_of(FakeStream([100, 133, 166]), FakeEstimator(PERSON), config)
    assert [scene.stamp_ns // MS for scene in source.scenes()] == [100, 133, 166]
