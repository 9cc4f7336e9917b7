"""Images as a model wants them; the newest one waits; colour and depth find each other."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import ImageError, SourceError
from skeleton_action_ros.core.image_pairs import ImagePairs
from skeleton_action_ros.core.images import ColourImage, Latest, checked_image

MS = 1_000_000
CAMERA = Intrinsics((50.0, 50.0), (32.0, 24.0))


@pytest.mark.parametrize(
    ('pixels', 'said'),
    [
        (np.zeros((48, 64), np.uint8), r'got \(48, 64\) uint8'),
        (np.zeros((48, 64, 4), np.uint8), r'got \(48, 64, 4\)'),
        (np.zeros((48, 64, 3), np.float32), 'float32'),
        (np.zeros((8, 64, 3), np.uint8), 'got 64 x 8'),
    ],
)
def test_image_of_another_shape_is_refused_with_what_came(pixels: np.ndarray, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        checked_image(pixels)


def test_newest_waits_and_the_others_are_counted() -> None:
    latest: Latest[int] = Latest()
    for item in (1, 2, 3):
        latest.put(item)
    assert (latest.take(), latest.dropped) == (3, 2)
    latest.put(4)
    latest.end()
    assert (latest.take(), latest.take(), latest.dropped) == (4, None, 2)


def test_taking_waits_for_the_next_item() -> None:
    latest: Latest[int] = Latest()
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(latest.take()))
    thread.start()
    latest.put(7)
    thread.join(5.0)
    assert taken == [7]


def test_failure_comes_after_what_still_waited() -> None:
    latest: Latest[int] = Latest()
    latest.put(1)
    latest.end(SourceError('the cable is out'))
    assert latest.take() == 1
    with pytest.raises(SourceError, match='the cable is out'):
        latest.take()


def colour(stamp_ms: int, camera: Intrinsics | None = CAMERA) -> ColourImage:
    return ColourImage(stamp_ms * MS, np.zeros((48, 64, 3), np.uint8), camera)


DEPTH = np.full((48, 64), 2.0, np.float32)


def taken(pairs: ImagePairs) -> tuple[int | None, bool, str]:
    image, error = pairs.take()
    stamp_ms = None if image is None else image.stamp_ns // MS
    return (
        stamp_ms,
        image is not None and image.depth_m is not None,
        '' if error is None else error.reason,
    )


def test_without_depth_a_colour_image_does_not_wait() -> None:
    pairs = ImagePairs(0.02, with_depth=False)
    pairs.push_colour(colour(100))
    assert taken(pairs) == (100, False, '')
    assert taken(pairs) == (None, False, '')


@pytest.mark.parametrize('first', ['depth', 'colour'])
def test_pair_within_reach_is_found_whichever_comes_first(first: str) -> None:
    pairs = ImagePairs(0.02, with_depth=True)
    if first == 'depth':
        pairs.push_depth(115 * MS, DEPTH)
        pairs.push_colour(colour(100))
    else:
        pairs.push_colour(colour(100))
        assert taken(pairs) == (None, False, '')
        pairs.push_depth(115 * MS, DEPTH)
    assert taken(pairs) == (100, True, '')


def test_depth_out_of_step_is_told_with_how_far_it_is_off_and_colour_goes_on() -> None:
    pairs = ImagePairs(0.02, with_depth=True)
    pairs.push_colour(colour(100))
    pairs.push_depth(150 * MS, DEPTH)
    image, error = pairs.take()
    assert image is not None
    assert image.depth_m is None
    assert error is not None
    assert error.reason == 'out_of_step'
    assert 'the nearest is 50 ms off' in str(error)


def test_depth_that_never_comes_holds_nothing_up() -> None:
    pairs = ImagePairs(0.02, with_depth=True)
    pairs.push_colour(colour(100))
    assert taken(pairs) == (None, False, '')
    pairs.push_colour(colour(133))
    assert taken(pairs) == (133, False, 'out_of_step')
    assert pairs.counts['dropped_images'] == 1


def test_depth_without_calibration_is_told() -> None:
    pairs = ImagePairs(0.02, with_depth=True)
    pairs.push_depth(100 * MS, DEPTH)
    pairs.push_colour(colour(100, camera=None))
    assert taken(pairs) == (100, False, 'calibration_missing')


def test_depth_of_another_size_is_told_with_both() -> None:
    pairs = ImagePairs(0.02, with_depth=True)
    pairs.push_depth(100 * MS, DEPTH[:24])
    pairs.push_colour(colour(100))
    _, error = pairs.take()
    assert str(error).endswith('got 64 x 24 for 64 x 48')
