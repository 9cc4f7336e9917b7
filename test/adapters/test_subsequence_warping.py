"""Subsequence time warping, against a naive table."""

from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.adapters.subsequence_warping import find_occurrences


def naive(query: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Return the least sum of squared distances of any path that ends at each place, as a root."""
    table = np.full((len(query) + 1, len(series) + 1), np.inf)
    table[0] = 0.0
    for row, one in enumerate(query, 1):
        for column, other in enumerate(series, 1):
            before = min(table[row - 1, column - 1], table[row - 1, column], table[row, column - 1])
            table[row, column] = before + float(((one - other) ** 2).sum())
    return np.sqrt(table[-1, 1:])


def test_a_query_is_found_where_it_is_at_another_speed_too() -> None:
    query = np.array([[0.0], [1.0], [2.0]])
    series = np.array([[5.0], [0.0], [1.0], [1.0], [2.0], [5.0], [0.0], [1.0], [3.0], [9.0]])
    first, second = find_occurrences(query, series, shortest=2, longest=6, most=2)
    assert (first.first, first.last, first.distance) == (1, 4, 0.0)
    # 0 and 1 are there, 3 or 1 stands for 2: one squared distance of 1 over three frames.
    assert (second.first, second.distance) == (6, pytest.approx(np.sqrt(1 / 3)))


def test_distances_are_those_of_the_naive_table() -> None:
    rng = np.random.default_rng(3)
    query, series = rng.normal(size=(6, 4)), rng.normal(size=(60, 4))
    found = find_occurrences(query, series, shortest=2, longest=20, most=5)
    expected = naive(query, series) / np.sqrt(len(query))
    assert found
    assert found[0].distance == pytest.approx(expected.min())
    for one in found:
        assert one.distance == pytest.approx(expected[one.last])


def test_occurrences_are_nearest_first_do_not_overlap_and_keep_to_the_lengths() -> None:
    rng = np.random.default_rng(4)
    query, series = rng.normal(size=(8, 3)), rng.normal(size=(200, 3))
    found = find_occurrences(query, series, shortest=4, longest=12, most=50)
    assert len(found) > 3
    distances = [one.distance for one in found]
    assert distances == sorted(distances)
    assert all(4 <= one.last - one.first + 1 <= 12 for one in found)
    covered = [place for one in found for place in range(one.first, one.last + 1)]
    assert len(covered) == len(set(covered))


def test_no_more_are_looked_for_than_asked() -> None:
    series = np.tile(np.array([[0.0], [1.0]]), (20, 1))
    assert len(find_occurrences(series[:2], series, shortest=2, longest=4, most=3)) == 3
