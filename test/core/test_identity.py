"""Who is who where ids vanish, change hands, or are given anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import SECOND, standing

from skeleton_action_ros.core.identity import IdentityConfig, IdentityTracker
from skeleton_action_ros.core.simulation import SimulationConfig, source_from_config
from skeleton_action_ros.core.skeleton import Scene, SkeletonFrame

RATE_HZ = 30.0
ADULT, CHILD = 1.0, 0.7
HIDDEN = None


def body(
    x_m: float, z_m: float = 3.0, size: float = ADULT, noise_m: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return (15, 3): somebody who stands with the hips at x, z, so much larger than usual."""
    middle = np.array([0.0, 0.0, 3.0])
    joints = (standing() - middle) * size + np.array([x_m, 0.0, z_m])
    joints += np.random.default_rng(seed).normal(0.0, noise_m, joints.shape)
    return joints.astype(np.float32)


def scene(index: int, *bodies: tuple[int, np.ndarray], rate_hz: float = RATE_HZ) -> Scene:
    """Return what is seen in frame `index`: bodies by the tracker's id."""
    stamp_ns = round((1.0 + index / rate_hz) * SECOND)
    ones = np.ones(15, np.float32)
    frames = tuple(SkeletonFrame(stamp_ns, name, 'common_15', at, ones) for name, at in bodies)
    return Scene(stamp_ns, frames)


def numbers(tracker: IdentityTracker, scenes: Iterable[Scene]) -> list[list[int]]:
    return [[frame.body_id for frame in tracker.push(one).skeletons] for one in scenes]


def walk(x_m: float, speed_mps: float, index: int) -> float:
    return x_m + speed_mps * index / RATE_HZ


@pytest.fixture
def tracker() -> IdentityTracker:
    return IdentityTracker(IdentityConfig())


def test_ids_stay_where_nothing_happens(tracker: IdentityTracker) -> None:
    seen = numbers(
        tracker,
        [
            scene(index, (7, body(walk(-2.0, 1.2, index))), (3, body(walk(2.0, -1.0, index), 4.5)))
            for index in range(100)
        ],
    )
    assert seen == [[7, 3]] * 100
    assert not tracker.counts


@pytest.mark.parametrize('away_frames', [1, 10, 29])
def test_new_id_near_where_somebody_vanished_takes_the_number_over(
    tracker: IdentityTracker, away_frames: int
) -> None:
    before = [scene(index, (1, body(walk(0.0, 0.8, index)))) for index in range(30)]
    back = range(30 + away_frames - 1, 60 + away_frames)
    after = [scene(index, (9, body(walk(0.0, 0.8, index)))) for index in back]
    seen = numbers(tracker, before + after)
    assert seen == [[1]] * len(seen)
    assert tracker.counts == {'taken_over': 1}


def test_who_was_away_for_longer_is_somebody_new(tracker: IdentityTracker) -> None:
    before = [scene(index, (1, body(0.0))) for index in range(30)]
    after = [scene(index, (9, body(0.0))) for index in range(60, 70)]
    assert numbers(tracker, before + after)[30:] == [[9]] * 10
    assert not tracker.counts


def test_same_id_comes_back_as_it_was(tracker: IdentityTracker) -> None:
    shown = [*range(30), *range(55, 80)]
    seen = numbers(tracker, [scene(index, (4, body(walk(0.0, 0.5, index)))) for index in shown])
    assert seen == [[4]] * 55
    assert not tracker.counts


def test_who_appears_far_from_where_somebody_vanished_is_somebody_new(
    tracker: IdentityTracker,
) -> None:
    before = [scene(index, (1, body(0.0))) for index in range(30)]
    after = [scene(index, (9, body(2.5))) for index in range(45, 50)]
    assert numbers(tracker, before + after)[30:] == [[9]] * 5


def test_who_appears_there_and_is_built_otherwise_is_somebody_new(
    tracker: IdentityTracker,
) -> None:
    before = [scene(index, (1, body(0.0))) for index in range(30)]
    after = [scene(index, (9, body(0.1, size=CHILD))) for index in range(45, 50)]
    assert numbers(tracker, before + after)[30:] == [[9]] * 5


@pytest.mark.parametrize('apart_m', [0.35, 0.8, 2.5])
@pytest.mark.parametrize('rate_hz', [10.0, 30.0])
def test_ids_that_swap_are_swapped_back(
    tracker: IdentityTracker, apart_m: float, rate_hz: float
) -> None:
    here, there = body(0.0, noise_m=0.005), body(apart_m, noise_m=0.005, seed=1)
    before = [scene(index, (1, here), (2, there), rate_hz=rate_hz) for index in range(30)]
    after = [scene(index, (2, here), (1, there), rate_hz=rate_hz) for index in range(30, 60)]
    assert numbers(tracker, before + after) == [[1, 2]] * 60
    assert tracker.counts == {'swapped_back': 2}


def test_id_that_jumps_to_somebody_who_loses_the_own_one(tracker: IdentityTracker) -> None:
    before = [scene(index, (1, body(0.0)), (2, body(1.0))) for index in range(30)]
    after = [scene(index, (1, body(1.0))) for index in range(30, 40)]
    assert numbers(tracker, before + after)[30:] == [[2]] * 10
    assert tracker.counts == {'swapped_back': 1}


def test_body_that_jumps_farther_than_anybody_can_is_somebody_else(
    tracker: IdentityTracker,
) -> None:
    before = [scene(index, (1, body(0.0))) for index in range(30)]
    after = [scene(index, (1, body(1.5))) for index in range(30, 40)]
    seen = numbers(tracker, before + after)
    assert seen[:30] == [[1]] * 30
    assert seen[30:] == [[1_000_000_000]] * 10
    assert tracker.counts == {'split': 1}


def test_glitch_of_one_frame_does_not_cost_the_number(tracker: IdentityTracker) -> None:
    places = [0.0] * 30 + [1.5] + [0.0] * 10
    seen = numbers(tracker, [scene(index, (1, body(x_m))) for index, x_m in enumerate(places)])
    assert seen[29:] == [[1], [1_000_000_000]] + [[1]] * 10


def test_two_new_ids_between_two_who_vanished_are_new_persons(tracker: IdentityTracker) -> None:
    before = [scene(index, (1, body(0.0)), (2, body(0.4))) for index in range(30)]
    after = [scene(index, (8, body(0.2)), (9, body(0.6))) for index in range(50, 60)]
    assert numbers(tracker, before + after)[30:] == [[8, 9]] * 10
    assert tracker.counts == {'split': 2}


def test_two_who_vanished_and_come_back_under_new_ids_are_told_by_build(
    tracker: IdentityTracker,
) -> None:
    before = [scene(index, (1, body(0.0)), (2, body(0.4, size=CHILD))) for index in range(30)]
    after = [scene(index, (8, body(0.05, size=CHILD)), (9, body(0.5))) for index in range(50, 60)]
    assert numbers(tracker, before + after)[30:] == [[2, 1]] * 10


def crossing(
    gap_m: float, first: Sequence[float | None], ids_after: tuple[int, int], sizes: Sequence[float]
) -> list[Scene]:
    """
    Show 1, from the left, and 2, from the right, passing each other 2 s after the beginning.

    :param gap_m: how far behind the other the second passes.
    :param first: from when to when the second is hidden, seconds.
    :param ids_after: the ids of the two once they have passed.
    """
    scenes = []
    for index in range(120):
        time_s = index / RATE_HZ
        ids = (1, 2) if time_s < 2.0 else ids_after
        bodies = [(ids[0], body(time_s - 2.0, size=sizes[0], noise_m=0.003, seed=index))]
        start_s, end_s = first
        if start_s is None or end_s is None or not start_s < time_s < end_s:
            at = body(2.0 - time_s, 3.0 + gap_m, sizes[1], noise_m=0.003, seed=index + 500)
            bodies.append((ids[1], at))
        scenes.append(scene(index, *bodies))
    return scenes


def truth(scenes: list[Scene]) -> list[list[str]]:
    """Name who is who: the first of a crossing is always shown first."""
    return [['left', 'right'][: len(one.skeletons)] for one in scenes]


@pytest.mark.parametrize('ids_after', [(1, 2), (1, 9), (2, 1)])
def test_who_is_hidden_while_they_cross_keeps_the_number(
    tracker: IdentityTracker, ids_after: tuple[int, int]
) -> None:
    seen = numbers(tracker, crossing(0.8, (1.7, 2.3), ids_after, (ADULT, ADULT)))
    assert seen[0] == seen[-1] == [1, 2]
    assert {number for now in seen for number in now} == {1, 2}


@pytest.mark.parametrize('ids_after', [(1, 2), (2, 1)])
def test_persons_of_different_build_come_out_of_one_place_as_who_they_are(
    tracker: IdentityTracker, ids_after: tuple[int, int]
) -> None:
    seen = numbers(tracker, crossing(0.0, (HIDDEN, HIDDEN), ids_after, (ADULT, CHILD)))
    assert seen[0] == seen[-1] == [1, 2]


@pytest.mark.parametrize('ids_after', [(1, 2), (2, 1)])
@pytest.mark.parametrize('hidden', [(HIDDEN, HIDDEN), (1.9, 2.1), (1.95, 2.4)])
def test_look_alikes_who_have_been_in_one_place_get_new_numbers(
    tracker: IdentityTracker,
    ids_after: tuple[int, int],
    hidden: tuple[float | None, float | None],
) -> None:
    scenes = crossing(0.0, hidden, ids_after, (ADULT, ADULT))
    seen = numbers(tracker, scenes)
    assert seen[0] == [1, 2]
    assert not {1, 2} & set(seen[-1])
    owners: dict[int, set[str]] = {}
    for one, named, who in zip(scenes, seen, truth(scenes), strict=True):
        middles = [float(frame.joints_m[:, 0].mean()) for frame in one.skeletons]
        if len(middles) == 2 and abs(middles[0] - middles[1]) > 0.5:
            for number, name in zip(named, who, strict=True):
                owners.setdefault(number, set()).add(name)
    assert all(len(names) == 1 for names in owners.values())


def test_second_skeleton_on_a_person_for_a_moment_costs_no_number(
    tracker: IdentityTracker,
) -> None:
    scenes = [
        scene(index, (1, body(0.0)), *([(5, body(0.05))] if 30 <= index < 40 else []))
        for index in range(80)
    ]
    seen = numbers(tracker, scenes)
    assert [now[0] for now in seen] == [1] * 80
    assert not tracker.counts


def test_number_that_is_taken_is_not_given_to_a_new_id(tracker: IdentityTracker) -> None:
    before = [scene(index, (1, body(0.0))) for index in range(10)]
    handed_on = [scene(index, (2, body(0.0))) for index in range(10, 20)]
    both = [scene(index, (2, body(0.0)), (1, body(2.0))) for index in range(20, 30)]
    seen = numbers(tracker, before + handed_on + both)
    assert seen[:20] == [[1]] * 20
    assert seen[20:] == [[1, 1_000_000_000]] * 10


def test_late_scene_goes_by_its_ids_and_changes_nothing(tracker: IdentityTracker) -> None:
    scenes = [scene(index, (1, body(0.0)), (2, body(1.0))) for index in range(20)]
    late = scene(5, (1, body(1.0)), (2, body(0.0)))
    seen = numbers(tracker, [*scenes, late, scene(20, (1, body(0.0)), (2, body(1.0)))])
    assert seen == [[1, 2]] * 22
    assert numbers(tracker, [scene(21, (1, body(1.0)), (2, body(0.0)))]) == [[2, 1]]
    assert tracker.counts == {'swapped_back': 2}


def test_persons_of_one_instant_in_several_scenes(tracker: IdentityTracker) -> None:
    scenes = []
    for index in range(40):
        here, there = (1, 2) if index < 20 else (1, 9)
        scenes += [scene(index, (here, body(0.0))), scene(index, (there, body(0.7)))]
    seen = numbers(tracker, scenes)
    assert seen == [[1], [2]] * 40
    assert tracker.counts == {'taken_over': 1}


def test_forgets_everybody_when_cleared(tracker: IdentityTracker) -> None:
    numbers(tracker, [scene(index, (1, body(0.0))) for index in range(10)])
    tracker.clear()
    assert numbers(tracker, [scene(10, (9, body(0.0)))]) == [[9]]


@pytest.mark.parametrize('hidden', [slice(0, 3), slice(3, 9), slice(9, 15), slice(0, 9)])
def test_hidden_joints_are_no_way_that_a_body_moves(
    tracker: IdentityTracker, hidden: slice
) -> None:
    scenes = []
    for index in range(30):
        (frame,) = scene(index, (1 if index < 20 else 9, body(0.0))).skeletons
        confidence = np.ones(15, np.float32)
        confidence[hidden] = float(index < 10)
        frame = SkeletonFrame(
            frame.stamp_ns, frame.body_id, 'openni_15', frame.joints_m, confidence
        )
        scenes.append(Scene(frame.stamp_ns, (frame,)))
    assert numbers(tracker, scenes) == [[1]] * 30
    assert tracker.counts == {'taken_over': 1}


def test_simulated_persons_keep_their_ids() -> None:
    config = SimulationConfig(persons=4, layout='kinect_v2_25', duration_s=20.0, seed=5)
    tracker = IdentityTracker(IdentityConfig())
    for one in source_from_config(config).scenes():
        assert tracker.push(one).skeletons == one.skeletons
    assert not tracker.counts


def test_simulated_persons_whose_ids_are_dealt_anew_every_second() -> None:
    config = SimulationConfig(persons=3, duration_s=15.0, seed=2)
    tracker = IdentityTracker(IdentityConfig())
    first: dict[int, int] = {}
    for one in source_from_config(config).scenes():
        turn = one.stamp_ns // SECOND
        dealt = tuple(
            SkeletonFrame(
                each.stamp_ns,
                (each.body_id + turn) % 3 + 1,
                each.layout,
                each.joints_m,
                each.confidence,
            )
            for each in one.skeletons
        )
        steady = tracker.push(Scene(one.stamp_ns, dealt)).skeletons
        for each, given_frame in zip(one.skeletons, steady, strict=True):
            assert first.setdefault(each.body_id, given_frame.body_id) == given_frame.body_id
    assert tracker.counts['swapped_back'] >= 30
    assert tracker.counts['split'] == 0


@st.composite
def streams(draw: st.DrawFn) -> list[Scene]:
    """Anything at all: bodies come, go, jump and change ids; stamps stand still or run back."""
    stamp_ns, scenes = SECOND, []
    for _ in range(draw(st.integers(1, 12))):
        stamp_ns += draw(st.sampled_from([0, 33, 33, 33, 400, 1500, -33])) * SECOND // 1000
        ids = draw(st.lists(st.integers(1, 5), max_size=4, unique=True))
        frames = []
        for name in ids:
            place = draw(st.sampled_from([0.0, 0.1, 0.5, 2.0]))
            size = draw(st.sampled_from([ADULT, CHILD]))
            confidence = np.array(
                draw(st.sampled_from([[1.0] * 15, [1.0] * 3 + [0.0] * 12, [0.0] * 14 + [1.0]])),
                np.float32,
            )
            frames.append(
                SkeletonFrame(stamp_ns, name, 'common_15', body(place, size=size), confidence)
            )
        scenes.append(Scene(stamp_ns, tuple(frames)))
    return scenes


@settings(max_examples=60, deadline=None)
@given(streams())
def test_no_two_bodies_share_a_number_and_no_frame_is_lost_or_changed(
    scenes: list[Scene],
) -> None:
    tracker = IdentityTracker(IdentityConfig())
    for one in scenes:
        steady = tracker.push(one)
        given_numbers = [frame.body_id for frame in steady.skeletons]
        assert len(set(given_numbers)) == len(given_numbers)
        assert steady.stamp_ns == one.stamp_ns
        for before, after in zip(one.skeletons, steady.skeletons, strict=True):
            assert after.joints_m is before.joints_m
            assert after.confidence is before.confidence
            assert (after.stamp_ns, after.layout) == (before.stamp_ns, before.layout)
