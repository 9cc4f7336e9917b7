from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.core.calibration import (
    MOST_OTHERS,
    Calibration,
    CalibrationConfig,
    ConfidenceCurve,
    Measured,
    OpenSet,
    altered,
    calibrate,
    chosen_others,
    spliced,
)

CONFIG = CalibrationConfig(
    background=0.5,
    spliced=0.2,
    others=0.3,
    usual_background=0.4,
    usual_spliced=0.6,
    usual_others=0.5,
    most=0.1,
)
OPEN_SET = OpenSet('model 1', None, CONFIG)
NONE = np.zeros(0, np.float32)


def row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def calibrated(
    altered: np.ndarray = NONE,
    spliced: np.ndarray = NONE,
    others: np.ndarray = NONE,
    background: np.ndarray = NONE,
    open_set: OpenSet = OPEN_SET,
) -> Calibration:
    measured = Measured.of(altered, spliced, background)
    mean = float(others.mean()) if len(others) else 0.0
    return calibrate('wave', measured, len(others), mean, 0.8, open_set)


def test_nothing_measured_leaves_the_threshold_of_the_model() -> None:
    found = calibrated()
    assert (found.threshold, found.base, found.method) == (0.8, 0.8, "the model's")
    assert (found.label, found.model) == ('wave', 'model 1')
    assert (found.altered, found.spliced, found.others, found.background) == (0, 0, 0, 0)


def test_action_like_the_background_needs_a_higher_similarity() -> None:
    # Of 11 from 0.0 to 0.5, one in ten reaches 0.45: 0.05 above the usual, with a weight of 0.5.
    background = np.linspace(0.0, 0.5, 11, dtype=np.float32)
    found = calibrated(background=background)
    assert found.threshold == pytest.approx(0.825)
    assert (found.background, found.background_similarity) == (11, 0.45)
    assert found.method == "the model's, by background"


def test_action_unlike_everything_needs_a_lower_similarity() -> None:
    found = calibrated(background=row(0.3))
    assert found.threshold == pytest.approx(0.75)


def test_splices_count_by_the_most_similar_of_each_shot() -> None:
    found = calibrated(spliced=np.stack([row(0.7, 0.1), row(0.2, 0.9)]))
    assert found.spliced_similarity == pytest.approx(0.8)
    assert found.spliced == 4
    assert found.threshold == pytest.approx(0.8 + 0.2 * (0.8 - 0.6))


def test_few_others_say_less_than_many() -> None:
    few, many = (calibrated(others=row(*[0.7] * count)) for count in (2, 8))
    assert few.threshold == pytest.approx(0.8 + 0.3 * 0.2 * 2 / 4)
    assert many.threshold == pytest.approx(0.8 + 0.3 * 0.2 * 8 / 10)
    assert many.others_similarity == pytest.approx(0.7)


def test_no_threshold_is_far_from_the_models() -> None:
    for similarity, expected in ((1.0, 0.9), (-1.0, 0.7)):
        found = calibrated(background=row(similarity))
        assert found.threshold == pytest.approx(expected)


def test_altered_copies_hold_a_threshold_down_but_not_under_the_models() -> None:
    for reached, expected in ((0.84, 0.84), (0.5, 0.8), (0.95, 0.85)):
        found = calibrated(altered=row(reached, reached), background=row(0.5))
        assert found.threshold == pytest.approx(expected)
        assert ('altered copies' in found.method) == (reached < 0.85)


def test_weights_of_nothing_measure_but_do_not_move() -> None:
    found = calibrated(background=row(0.9), open_set=OpenSet())
    assert (found.threshold, found.background_similarity, found.method) == (
        0.8,
        0.9,
        "the model's",
    )
    assert not CalibrationConfig().moves
    assert CONFIG.moves


def test_confidence_is_a_logistic_curve() -> None:
    curve = ConfidenceCurve(20.0, 0.5)
    assert curve.at(0.0) == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert curve.at(0.1) == pytest.approx(1 / (1 + np.exp(-2.5)))
    assert curve.at(-1e9) == pytest.approx(0.0, abs=1e-9)


def _motion(frames: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Every joint moves evenly along x from 0 to 1; the last joint is never seen."""
    joints = np.zeros((frames, 15, 3), np.float32)
    joints[:, :14, 0] = np.linspace(0.0, 1.0, frames)[:, None]
    mask = np.ones((frames, 15), np.float32)
    mask[:, 14] = 0.0
    return joints, mask


def test_splices_are_halves_of_the_motion_in_another_order() -> None:
    joints, mask = spliced(*_motion(8))
    found = joints[:, :, 0, 0]
    np.testing.assert_allclose(found[0], np.linspace(0.0, 0.5, 8), atol=1e-6)
    np.testing.assert_allclose(found[1], np.linspace(0.5, 1.0, 8), atol=1e-6)
    halves = [np.linspace(0.0, 0.5, 4), np.linspace(0.5, 1.0, 4)]
    np.testing.assert_allclose(found[2], np.concatenate(halves[::-1]), atol=1e-6)
    np.testing.assert_allclose(found[3], np.concatenate([halves[0], halves[0][::-1]]), atol=1e-6)
    assert mask.shape == (4, 8, 15)
    assert (mask[..., 14] == 0.0).all()


def test_altered_copies_differ_a_little_from_the_motion_and_from_each_other() -> None:
    joints, mask = _motion(32)
    copies, seen = altered(joints, mask, np.random.default_rng(0))
    assert (copies[:, :, 14] == 0.0).all()
    assert (seen[..., 14] == 0.0).all()
    first, last = copies[:, 0, :14, 0].mean(axis=1), copies[:, -1, :14, 0].mean(axis=1)
    assert (first > -0.02).all()
    assert (first < 0.2).all()
    assert (last > 0.65).all()
    assert (last < 1.2).all()
    assert len(set(np.round(last, 3).tolist())) == len(copies)
    again, _ = altered(joints, mask, np.random.default_rng(0))
    np.testing.assert_array_equal(copies, again)


def test_others_are_one_of_each_label_and_not_too_many() -> None:
    assert chosen_others(['d', 'b', 'c', 'a'], ['wave', 'wave', 'bow', 'bow']) == [3, 1]
    ids = [f'{number:03}' for number in range(100)]
    assert chosen_others(ids, ids) == list(range(MOST_OTHERS + 1))
