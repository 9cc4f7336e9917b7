"""Accuracy and rejection of the unknown, by hand and by naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.evaluation.exam import (
    Distances,
    Draw,
    measure,
    plan_exam,
)

#         place: 0       1       2       3       4       5
LABELS = ['wave', 'clap', 'wave', 'clap', 'wave', 'jump']
PEOPLE = ['ann', 'ann', 'bob', 'bob', 'bob', 'ann']


def test_queries_are_named_after_their_nearest_reference() -> None:
    plan = plan_exam(LABELS, PEOPLE)  # nobody else jumps: left out
    half = np.array([False, True])
    draws = [
        Draw(np.array([1, 0]), np.array([2, 3, 4]), half),
        Draw(np.array([3, 4]), np.array([0, 1]), half),
    ]
    values = np.full((4, 6), 9.0, np.float32)
    #          from    to  2    3    4
    values[0, [2, 3, 4]] = 1.0, 6.0, 3.0  # wave 0
    values[1, [2, 3, 4]] = 2.0, 5.0, 2.0  # clap 1
    values[2, [0, 1]] = 1.0, 1.0  # clap 3
    values[3, [0, 1]] = 4.0, 2.0  # wave 4

    found = measure(Distances(np.array([0, 1, 3, 4]), values), plan, draws)

    assert found.classes == ('clap', 'wave')
    # First draw: 2 is a wave, 3 is a clap, 4 is taken for a clap. Second: 0 for a clap, 1 is one.
    np.testing.assert_allclose(found.accuracy, [2 / 3, 1 / 2])
    np.testing.assert_array_equal(found.confusion, [[2, 0], [2, 1]])
    np.testing.assert_allclose(found.right, [0, 1, 1, 1, 0, np.nan])
    assert found.per_class == {'clap': 1.0, 'wave': pytest.approx(1 / 3)}
    # Only wave is taught. First draw: waves at 1 and 3 and a clap at 6. Second: a wave at 4 is
    # farther than the clap at 2.
    np.testing.assert_allclose(found.unknown_auroc, [1.0, 0.0])
    np.testing.assert_allclose(found.unknown_fpr, [0.0, 1.0])
    assert found.to_json() == {
        'accuracy_mean': 0.5833,
        'accuracy_std': 0.0833,
        'draws': 2,
        'classes': 2,
        'clips': 5,
        'unknown_auroc': 0.5,
        'unknown_auroc_std': 0.5,
        'unknown_fpr_at_95_tpr': 0.5,
        'unknown_fpr_at_95_tpr_std': 0.5,
        'per_class': {'clap': 1.0, 'wave': 0.3333},
    }


def test_of_several_shots_the_nearest_counts() -> None:
    labels = ['wave', 'wave', 'clap', 'clap', 'wave', 'clap']
    plan = plan_exam(labels, ['ann'] * 4 + ['bob'] * 2, shots=2)
    draw = Draw(np.array([2, 3, 0, 1]), np.array([4, 5]), np.array([False, False, True, True]))
    values = np.full((4, 6), 9.0, np.float32)
    values[:, 4] = 8.0, 1.0, 2.0, 2.0  # farther from one wave than from both claps
    values[:, 5] = 3.0, 3.0, 7.0, 2.0

    found = measure(Distances(np.arange(4), values), plan, [draw])

    assert found.accuracy.tolist() == [1.0]
    assert found.unknown_auroc.tolist() == [1.0]
