from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from training_clips import standing_clip

from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip
from skeleton_action_ros.evaluation.exam import Distances, Draw, Plan
from training.calibrate import (
    OperatingPoint,
    background_pieces,
    choose,
    mean_curve,
    operating_curve,
)


def plan_of(labels: list[str], subjects: list[str]) -> Plan:
    return Plan(np.array(labels), np.array(subjects), {'ann': tuple(sorted(set(labels)))}, 1, ())


def apart(references: list[float], others: list[float], rows: list[int]) -> Distances:
    """1 - cosine between unit vectors at some angles, degrees."""
    angles = np.deg2rad(np.subtract.outer(references, others))
    return Distances(np.array(rows), (1.0 - np.cos(angles)).astype(np.float32))


def test_operating_curve_of_hand_placed_embeddings() -> None:
    # Ann teaches wave at 0 and clap at 90 degrees. Bob's waves lie at 10 and 60 degrees: cosines
    # 0.985 to wave, and 0.866 to clap, which is the nearer one. Cid's clap lies at 100 degrees,
    # 0.985 from hers.
    plan = plan_of(['wave', 'clap', 'wave', 'wave', 'clap'], ['ann', 'ann', 'bob', 'bob', 'cid'])
    draw = Draw(np.array([0, 1]), np.array([2, 3, 4]), np.array([True, False]))
    pieces = [45.0, 5.0, -80.0, 180.0]
    distances = apart([0.0, 90.0], [0.0, 90.0, 10.0, 60.0, 100.0, *pieces], [0, 1])

    curve = operating_curve(
        distances,
        5,
        plan,
        [draw] * 3,
        np.random.default_rng(0),
        taught=2,
        thresholds=(0.5, 0.9, 0.99),
    )

    # Nothing is left untaught, so there is nothing to accept falsely but noise, at 0.707, 0.996,
    # 0.174 and 0.
    by_hand = [
        OperatingPoint(0.5, 2 / 3, 1 / 3, 0.0, 0.5),
        OperatingPoint(0.9, 2 / 3, 0.0, 0.0, 0.25),
        OperatingPoint(0.99, 0.0, 0.0, 0.0, 0.25),
    ]
    for point, expected in zip(curve, by_hand, strict=True):
        assert astuple(point) == pytest.approx(astuple(expected))


def test_classes_left_untaught_count_as_false_accepts() -> None:
    # One of two classes is taught; the other lies in the same place, so all of it is accepted.
    plan = plan_of(['wave', 'clap', 'wave', 'clap'], ['ann', 'ann', 'bob', 'bob'])
    draw = Draw(np.array([0, 1]), np.array([2, 3]), np.array([True, False]))

    (point,) = operating_curve(
        apart([0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 90.0], [0, 1]),
        4,
        plan,
        [draw] * 5,
        np.random.default_rng(0),
        taught=1,
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
