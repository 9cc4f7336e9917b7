"""What would be accepted, worked out by hand from similarities that are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import FakeModel, circling

from skeleton_action_ros.core.calibration import CalibrationConfig, ConfidenceCurve, OpenSet
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    RAW,
    Distances,
    Draw,
    Item,
    Material,
    Plan,
    prepare_items,
)
from skeleton_action_ros.evaluation.exam.acceptance import acceptance

LIMBS = {'a': Joint.HAND_RIGHT, 'b': Joint.HAND_LEFT, 'c': Joint.FOOT_LEFT}
LABELS = ['a', 'b', 'c', 'a', 'b', 'c', 'c']
# Of a, b and c, of which a and b are taught, to each of the queries a, b, c and c.
ALIKE = np.array([[0.9, 0.8, 0.65, 0.1], [0.2, 0.75, 0.6, 0.95], [0.0, 0.0, 0.99, 0.99]])
DRAW = Draw(np.arange(3), np.arange(3, 7), np.array([True, True, False]))


@pytest.fixture(scope='module')
def material() -> Material:
    items = []
    for number, label in enumerate(LABELS):
        clip = circling([(0.5, 1.5)], 2.0, hand=LIMBS[label])
        subject = 'ann' if number < 3 else 'bob'
        items.append(Item(str(number), replace(clip, label=label, subject=subject)))
    return prepare_items(items, [RAW, CANONICAL, FakeModel().preprocess])


def _asked(material: Material, model: FakeModel) -> dict[str, object]:
    values = np.ones((3, len(LABELS)), np.float32)
    values[:, 3:] = 1.0 - ALIKE
    plan = Plan(np.array(LABELS), np.array(material.subjects), {'ann': ('a', 'b', 'c')}, 1, ())
    found = acceptance(model, material, Distances(np.arange(3), values), plan, [DRAW])
    return found.to_json()


def test_queries_are_accepted_by_the_largest_excess_over_a_threshold(material: Material) -> None:
    found = _asked(material, FakeModel(threshold=0.7))
    # a is right; b is more like a; the first c is like nothing taught, the second like b.
    shares = [found[f'accepted_{name}'] for name in ('right', 'wrong', 'unknown')]
    assert shares == [0.5, 0.5, 0.5]


def test_strangers_count_as_often_as_the_confidence_presumes(material: Material) -> None:
    found = _asked(material, FakeModel(threshold=0.7))
    assert found['confidence_reliability'] == [
        {'confidence': 0.6667, 'right': 0.0, 'queries': 1},
        {'confidence': 0.8333, 'right': 1.0, 'queries': 1},
        {'confidence': 0.9167, 'right': 0.0, 'queries': 3},
    ]
    error = (2 / 3 + (1 - 5 / 6) + 3 * (11 / 12)) / 5
    assert found['confidence_calibration_error'] == pytest.approx(error, abs=1e-4)


def test_confidence_is_the_curve_of_the_bundle(material: Material) -> None:
    model = FakeModel(threshold=0.7, open_set=OpenSet(confidence=ConfidenceCurve(10.0, -1.0)))
    said = [one['confidence'] for one in _asked(material, model)['confidence_reliability']]
    expected = [1 / (1 + np.exp(1.0 - 10.0 * margin)) for margin in (0.1, 0.2, 0.25)]
    assert said == pytest.approx(expected, abs=1e-4)


def test_each_action_is_accepted_from_its_own_threshold_on(material: Material) -> None:
    # Two circles of different hands have nothing in common: both thresholds fall by 0.3 / 3.
    config = CalibrationConfig(others=0.3, usual_others=1.0)
    found = _asked(material, FakeModel(threshold=0.7, open_set=OpenSet(calibration=config)))
    assert found['accepted_unknown'] == 1.0


def test_nothing_accepted_has_no_reliability(material: Material) -> None:
    found = _asked(material, FakeModel(threshold=0.999))
    assert found['accepted_right'] == found['accepted_wrong'] == found['accepted_unknown'] == 0.0
    assert (found['confidence_calibration_error'], found['confidence_reliability']) == (None, [])
