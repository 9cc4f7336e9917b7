from __future__ import annotations

import numpy as np
import pytest
from training_clips import lifting_clip, standing_clip

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip
from training.calibrate import (
    OperatingPoint,
    background_pieces,
    choose,
    mean_curve,
    operating_curve,
)
from training.evaluate import (
    Draw,
    accuracy,
    baselines,
    canonical_distance,
    dtw_distance,
    embedding_distance,
    make_draws,
)

#         place: 0       1       2       3       4       5       6
LABELS = ['wave', 'wave', 'clap', 'wave', 'clap', 'wave', 'bow']
PEOPLE = ['ann', 'ann', 'ann', 'bob', 'bob', 'cid', 'cid']


def test_references_are_one_a_class_of_one_person_and_queries_everybody_elses() -> None:
    draws = make_draws(LABELS, PEOPLE, 60, np.random.default_rng(0))

    queries = {frozenset(draw.references.tolist()): draw.queries.tolist() for draw in draws}

    assert queries == {
        frozenset({0, 2}): [3, 4, 5],
        frozenset({1, 2}): [3, 4, 5],
        frozenset({3, 4}): [0, 1, 2, 5],
        frozenset({5, 6}): [0, 1, 3],
    }


def test_only_those_who_show_the_most_classes_teach() -> None:
    draws = make_draws([*LABELS, 'bow'], [*PEOPLE, 'bob'], 40, np.random.default_rng(0))

    assert {tuple(sorted(draw.references.tolist())) for draw in draws} == {(3, 4, 7)}


@pytest.mark.parametrize(
    ('labels', 'people'), [(['wave', 'clap'], ['ann', 'ann']), (['wave', 'wave'], ['ann', 'bob'])]
)
def test_one_person_or_one_class_is_refused(labels: list[str], people: list[str]) -> None:
    with pytest.raises(SkeletonActionError, match='two persons and two classes at least'):
        make_draws(labels, people, 5, np.random.default_rng(0))


def test_accuracy_is_the_share_of_queries_nearest_to_their_own_class() -> None:
    distance = np.full((7, 7), 9.0, np.float32)
    distance[3, [0, 2]] = (1.0, 2.0)
    distance[4, [0, 2]] = (1.0, 2.0)
    distance[5, [0, 2]] = (3.0, 2.0)
    distance[[0, 1, 3], 5] = 1.0
    first = Draw(np.array([0, 2]), np.array([3, 4, 5]))
    second = Draw(np.array([5, 6]), np.array([0, 1, 3]))

    found = accuracy(distance, LABELS, [first, second])

    assert found.mean == pytest.approx((1 / 3 + 1) / 2)
    assert found.std == pytest.approx(1 / 3)
    assert (found.draws, found.classes, found.clips) == (2, 3, 7)


def test_embedding_distance_is_one_less_cosine() -> None:
    clips = [standing_clip(9), standing_clip(9), standing_clip(9)]
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)

    distance = embedding_distance(lambda joints, mask: vectors, clips, PreprocessConfig())

    np.testing.assert_allclose(distance, [[0, 1, 0.4], [1, 0, 0.2], [0.4, 0.2, 0]], atol=1e-6)


def naive_dtw(first: np.ndarray, second: np.ndarray, band: int) -> float:
    """Least root of summed squared distances over paths with |i - j| < band."""
    cost = np.full((len(first) + 1, len(second) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(len(first)):
        for j in range(len(second)):
            if abs(i - j) < band:
                step = ((first[i] - second[j]) ** 2).sum()
                cost[i + 1, j + 1] = step + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(np.sqrt(cost[-1, -1]))


def test_time_warping_agrees_with_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    clips = [lifting_clip(joint, 0.5, 's1', rng) for joint in ('HEAD', 'HAND_LEFT', 'HEAD')]
    config = PreprocessConfig(frames=12)
    # Canonical joints by hand: origin between the hips, 0.5 m of trunk are 1 long.
    hips = [Common15.HIP_LEFT, Common15.HIP_RIGHT]
    series = []
    for clip in clips:
        at = np.linspace(clip.stamps_ns[0], clip.stamps_ns[-1], 12)
        flat = clip.joints_m.reshape(len(clip), 45)
        joints = np.stack([np.interp(at, clip.stamps_ns, column) for column in flat.T], 1)
        joints = joints.reshape(12, 15, 3)
        series.append(joints - np.median(joints[:, hips].mean(axis=1), axis=0))

    distance = dtw_distance(clips, config, band=4)

    for i in range(3):
        for j in range(3):
            by_hand = naive_dtw(series[i] / 0.5, series[j] / 0.5, band=4)
            assert distance[i, j] == pytest.approx(by_hand, rel=0.05)


def test_canonical_joints_do_not_care_where_somebody_stands_and_raw_ones_do() -> None:
    near = standing_clip()
    far = Clip(near.joints_m + np.float32([0.5, 0.0, 2.0]), near.confidence, near.stamps_ns,
               near.layout)  # fmt: skip

    found = baselines([near, far], PreprocessConfig())

    assert found['canonical'][0, 1] == pytest.approx(0.0, abs=1e-3)
    assert found['dtw'][0, 1] == pytest.approx(0.0, abs=1e-3)
    assert found['raw'][0, 1] == pytest.approx(np.sqrt(32 * 15 * (0.5**2 + 2.0**2)), rel=1e-4)
    assert canonical_distance([near, far], PreprocessConfig()).shape == (2, 2)


def unit(degrees: float) -> list[float]:
    return [np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))]


def test_operating_curve_of_hand_placed_embeddings() -> None:
    # Only ann shows both actions, so she teaches: wave at 0 and clap at 90 degrees. Bob's waves lie
    # at 10 and 60 degrees: cosines 0.985 to wave, and 0.866 to clap, which is the nearer one.
    labels = ['wave', 'clap', 'wave', 'wave']
    people = ['ann', 'ann', 'bob', 'bob']
    embeddings = np.array([unit(0), unit(90), unit(10), unit(60)], np.float32)
    noise = np.array([unit(45), unit(5), unit(-80), unit(180)], np.float32)

    curve = operating_curve(
        embeddings,
        labels,
        people,
        noise,
        taught=2,
        draws=3,
        rng=np.random.default_rng(0),
        thresholds=(0.5, 0.9, 0.99),
    )

    # Nothing is left untaught, so there is nothing to accept falsely but noise, at 0.707, 0.996,
    # 0.174 and 0.
    assert curve == [
        OperatingPoint(0.5, 0.5, 0.5, 0.0, 0.5),
        OperatingPoint(0.9, 0.5, 0.0, 0.0, 0.25),
        OperatingPoint(0.99, 0.0, 0.0, 0.0, 0.25),
    ]


def test_classes_left_untaught_count_as_false_accepts() -> None:
    # One of two classes is taught; the other lies in the same place, so all of it is accepted.
    labels = ['wave', 'clap', 'wave', 'clap']
    people = ['ann', 'ann', 'bob', 'bob']
    embeddings = np.array([unit(0)] * 4, np.float32)

    (point,) = operating_curve(
        embeddings,
        labels,
        people,
        np.array([unit(90)], np.float32),
        taught=1,
        draws=5,
        rng=np.random.default_rng(0),
        thresholds=(0.8,),
    )

    assert point == OperatingPoint(0.8, 1.0, 0.0, 1.0, 0.0)


def points(*falses: tuple[float, float]) -> list[OperatingPoint]:
    return [
        OperatingPoint(0.1 * place, 0.5, 0.0, actions, background)
        for place, (actions, background) in enumerate(falses)
    ]


def test_threshold_is_the_lowest_that_keeps_false_accepts_in_bounds() -> None:
    curve = points((0.3, 0.1), (0.03, 0.01), (0.0, 0.0))

    assert choose(curve, 0.02).threshold == pytest.approx(0.1)
    assert choose(points((0.3, 0.1), (0.2, 0.1)), 0.02).threshold == pytest.approx(0.1)


def test_mean_curve_averages_point_by_point() -> None:
    (point,) = mean_curve([points((0.2, 0.4)), points((0.4, 0.0))])

    assert point.false_accept == pytest.approx(0.3)
    assert point.false_background == pytest.approx(0.2)


def test_background_pieces_are_not_on_an_action() -> None:
    clip = standing_clip(600)
    spans = tuple(
        ActionSpan('wave', start * NS_PER_S, (start + 2) * NS_PER_S) for start in (3, 9, 15)
    )
    recording = Clip(clip.joints_m, clip.confidence, clip.stamps_ns, clip.layout, annotations=spans)

    pieces = background_pieces([recording], np.random.default_rng(0), per_recording=80)

    assert 10 < len(pieces) < 80
    for piece in pieces:
        assert 0.7 <= piece.duration_s <= 3.0
        for span in spans:
            shared = min(piece.stamps_ns[-1], span.end_ns) - max(piece.stamps_ns[0], span.start_ns)
            assert shared <= 1.06 * NS_PER_S
            assert shared <= 0.55 * piece.duration_s * NS_PER_S + 0.1 * NS_PER_S
