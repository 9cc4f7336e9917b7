"""Telling what was taught from what was not, by hand and by naive loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeleton_action_ros.evaluation.open_set import auroc, fpr_at_tpr, threshold_at_tpr

NUMBERS = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


@given(positive=NUMBERS, negative=NUMBERS)
def test_auroc_is_the_share_of_pairs_in_order(positive: list[float], negative: list[float]) -> None:
    pairs = [(one > other) + 0.5 * (one == other) for one in positive for other in negative]

    assert auroc(np.array(positive), np.array(negative)) == pytest.approx(sum(pairs) / len(pairs))


@given(positive=NUMBERS, negative=NUMBERS)
def test_fpr_is_that_of_the_highest_threshold_that_accepts_enough(
    positive: list[float], negative: list[float]
) -> None:
    enough = [
        threshold
        for threshold in positive
        if 20 * sum(value >= threshold for value in positive) >= 19 * len(positive)
    ]
    accepted = sum(value >= max(enough) for value in negative)

    assert fpr_at_tpr(np.array(positive), np.array(negative)) == pytest.approx(
        accepted / len(negative)
    )


def test_fpr_gives_up_one_of_twenty() -> None:
    positive = np.arange(20.0)

    assert fpr_at_tpr(positive, np.array([0.0, 0.5, 1.0, 7.5])) == 0.5
    assert fpr_at_tpr(positive[:19], np.array([-1.0, 0.0, 1.0, 7.5])) == 0.75


def test_threshold_accepts_just_enough() -> None:
    assert threshold_at_tpr(np.array([0.9, 0.1, 0.5, 0.7]), 0.5) == 0.7
    assert threshold_at_tpr(np.array([0.9, 0.1, 0.5, 0.7]), 0.51) == 0.5
    assert threshold_at_tpr(np.array([0.9, 0.1, 0.5, 0.7])) == 0.1
