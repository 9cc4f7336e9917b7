"""From images to scenes: where the person stands, which number they have, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from image_people import HEIGHT, VIEW_DEG, WIDTH, FakeEstimator, image_at, seen_at, upright

from skeleton_action_ros.core.camera import Intrinsics, guessed_intrinsics
from skeleton_action_ros.core.errors import BadSkeletonError, ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.core.pose_choice import ChoiceConfig
from skeleton_action_ros.core.rgb import RgbConfig, SkeletonFinder
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene

PLACE = (0.3, 0.1, 3.0)


def found(
    estimator: FakeEstimator, images: list[ColourImage], **settings: object
) -> tuple[list[Scene], list[str]]:
    reasons: list[str] = []
    config = replace(RgbConfig(), **settings)  # type: ignore[arg-type]
    finder = SkeletonFinder(estimator, config, lambda error: reasons.append(error.reason))
    scenes = [scene for image in images for scene in finder.push(image)]
    return scenes + finder.finish(), reasons


def images(*stamps_ms: int) -> list[ColourImage]:
    return [image_at(stamp * 1_000_000) for stamp in stamps_ms]


def test_person_stands_where_the_image_shows_them_with_visibility_as_confidence() -> None:
    (scene,), reasons = found(FakeEstimator([seen_at(PLACE)]), images(100))
    (skeleton,) = scene.skeletons
    assert (scene.stamp_ns, skeleton.stamp_ns) == (100_000_000, 100_000_000)
    assert (skeleton.layout, skeleton.body_id, reasons) == ('mediapipe_33', 1, [])
    assert skeleton.joints_m == pytest.approx(upright() + np.array(PLACE), abs=0.01)
    assert skeleton.confidence == pytest.approx(np.full(33, 0.9))


def test_calibration_is_used_where_the_image_brings_one() -> None:
    guess = guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG)
    twice = Intrinsics((2 * guess.focal_px[0], 2 * guess.focal_px[1]), guess.centre_px)
    image = replace(images(100)[0], camera=twice)
    (scene,), _ = found(FakeEstimator([seen_at((0.0, 0.0, 3.0))]), [image])
    hips = scene.skeletons[0].joints_m[[Mediapipe33.HIP_LEFT, Mediapipe33.HIP_RIGHT]].mean(axis=0)
    assert hips[2] == pytest.approx(6.0, abs=0.05)  # twice the focal length: twice as far


def test_depth_makes_the_person_as_far_away_as_they_are() -> None:
    depth_m = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    image = replace(
        images(100)[0], camera=guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG), depth_m=depth_m
    )
    (scene,), reasons = found(FakeEstimator([seen_at((0.0, 0.0, 2.4))]), [image])
    assert reasons == []
    depths = scene.skeletons[0].joints_m[[Mediapipe33.SHOULDER_LEFT, Mediapipe33.HIP_RIGHT], 2]
    assert depths == pytest.approx(np.array([2.0, 2.0]), abs=0.15)


def test_depth_that_shows_nobody_is_counted_and_the_image_alone_is_used() -> None:
    empty = np.zeros((HEIGHT, WIDTH), np.float32)
    image = replace(
        images(100)[0], camera=guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG), depth_m=empty
    )
    (scene,), reasons = found(FakeEstimator([seen_at(PLACE)]), [image])
    assert reasons == ['no_depth']
    assert len(scene.skeletons) == 1


def test_what_depth_shows_to_be_no_person_is_nobody() -> None:
    poster_m = np.full((HEIGHT, WIDTH), 0.5, np.float32)  # six times as near, so six times smaller
    image = replace(
        images(100)[0], camera=guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG), depth_m=poster_m
    )
    scenes, reasons = found(FakeEstimator([seen_at((0.0, 0.0, 3.0))]), [image])
    assert (scenes, reasons) == ([Scene(100_000_000, ())], ['implausible_size'])


def test_nobody_is_an_empty_scene_at_its_stamp() -> None:
    scenes, reasons = found(FakeEstimator([]), images(100, 133))
    assert scenes == [Scene(100_000_000, ()), Scene(133_000_000, ())]
    assert reasons == []


def test_somebody_lost_for_a_moment_keeps_the_number() -> None:
    person = seen_at(PLACE)
    scenes, _ = found(FakeEstimator([person], [], [person]), images(100, 500, 900))
    assert [[one.body_id for one in scene.skeletons] for scene in scenes] == [[1], [], [1]]


@pytest.mark.parametrize('between', [[], [500]])
def test_who_comes_after_long_is_another_body_and_looked_for_anew(between: list[int]) -> None:
    person = seen_at(PLACE)
    answers = [[person], *([[]] if between else []), [person]]
    estimator = FakeEstimator(*answers)
    scenes, _ = found(estimator, images(100, *between, 1200), gone_after_s=1.0)
    assert [one.body_id for scene in scenes for one in scene.skeletons] == [1, 2]
    assert estimator.resets == 1


def test_image_that_is_not_later_is_refused() -> None:
    scenes, reasons = found(FakeEstimator([seen_at(PLACE)]), images(100, 100, 90, 133))
    assert [scene.stamp_ns // 1_000_000 for scene in scenes] == [100, 133]
    assert reasons == ['out_of_order', 'out_of_order']


def test_bad_image_is_refused_and_the_stream_goes_on() -> None:
    bad = ColourImage(133_000_000, np.zeros((HEIGHT, WIDTH), np.uint8))
    scenes, reasons = found(FakeEstimator([seen_at(PLACE)]), [*images(100), bad, *images(166)])
    assert [len(scene.skeletons) for scene in scenes] == [1, 1]
    assert reasons == ['image_shape']


def test_change_of_size_is_told_and_the_stream_goes_on() -> None:
    errors: list[ImageError | BadSkeletonError] = []
    finder = SkeletonFinder(FakeEstimator([seen_at(PLACE)]), RgbConfig(), errors.append)
    finder.push(image_at(NS_PER_S))
    (scene,) = finder.push(image_at(2 * NS_PER_S - 1, size=(128, 96)))
    assert len(scene.skeletons) == 1
    (error,) = errors
    assert 'were 64 x 48, now one is 128 x 96' in str(error)


def test_person_hardly_seen_is_refused_and_the_scene_is_empty() -> None:
    pose = replace(seen_at(PLACE), visibility=np.full(33, 0.1, np.float32))
    scenes, reasons = found(FakeEstimator([pose]), images(100))
    assert (scenes, reasons) == ([Scene(100_000_000, ())], ['hardly_seen'])


def test_lookahead_delays_scenes_and_loses_none() -> None:
    scenes, _ = found(
        FakeEstimator([seen_at(PLACE)]),
        images(100, 133, 166, 200),
        choice=ChoiceConfig(lookahead_frames=2),
    )
    assert [scene.stamp_ns // 1_000_000 for scene in scenes] == [100, 133, 166, 200]


def test_who_comes_after_a_gap_does_not_take_over_scenes_that_waited() -> None:
    scenes, _ = found(
        FakeEstimator([seen_at(PLACE)]),
        images(100, 133, 2_000, 2_033),
        choice=ChoiceConfig(lookahead_frames=2),
    )
    seen = [(scene.stamp_ns // 1_000_000, scene.skeletons[0].body_id) for scene in scenes]
    assert seen == [(100, 1), (133, 1), (2_000, 2), (2_033, 2)]


def test_distance_without_depth_changes_slowly_along_the_line_of_sight() -> None:
    near, far = seen_at((0.6, 0.0, 2.0)), seen_at((0.9, 0.0, 3.0))

    def distances(distance_hz: float) -> list[float]:
        scenes, _ = found(
            FakeEstimator([near], [far]),
            images(*range(33, 1033, 33)),
            distance_hz=distance_hz,
            smoothing_hz=0.0,
        )
        hips = [scene.skeletons[0].joints_m[[23, 24]].mean(axis=0) for scene in scenes]
        assert [x / z for x, _, z in hips] == pytest.approx([0.3] * len(hips), abs=0.01)
        return [float(z) for *_, z in hips]

    # One second of a low pass of 0.1 Hz: 1 - exp(-2 pi 0.1), nearly half of the way.
    assert distances(0.1)[-1] == pytest.approx(2.46, abs=0.03)
    assert distances(0.0)[1] == pytest.approx(3.0, abs=0.03)


def test_smoothing_calms_jitter() -> None:
    rng = np.random.default_rng(4)
    still = seen_at(PLACE)
    shaken = [
        [replace(still, joints_m=still.joints_m + rng.normal(0, 0.01, (33, 3)).astype(np.float32))]
        for _ in range(40)
    ]
    stamps = range(33, 33 * 41, 33)

    def jitter(smoothing_hz: float) -> float:
        scenes, _ = found(FakeEstimator(*shaken), images(*stamps), smoothing_hz=smoothing_hz)
        wrist = [scene.skeletons[0].joints_m[Mediapipe33.WRIST_LEFT] for scene in scenes]
        return float(np.abs(np.diff(wrist, axis=0)).mean())

    assert jitter(1.0) < 0.6 * jitter(0.0)
