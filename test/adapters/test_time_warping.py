from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.adapters.time_warping import warped_distances


def naive(one: np.ndarray, other: np.ndarray, band: int) -> float:
    cost = np.full((len(one) + 1, len(other) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(len(one)):
        for j in range(len(other)):
            if abs(i - j) < band:
                step = ((one[i] - other[j]) ** 2).sum()
                cost[i + 1, j + 1] = step + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return float(np.sqrt(cost[-1, -1]))


@pytest.mark.parametrize('rows', [[5], [11, 0, 7], list(range(12)), [9, 1, 2, 3, 4, 5, 6, 7, 8, 0]])
def test_some_motions_against_all_agree_with_a_naive_loop(rows: list[int]) -> None:
    series = np.random.default_rng(0).normal(size=(12, 9, 6)).astype(np.float32)

    found = warped_distances(series, np.array(rows), band=3)

    by_hand = [[naive(series[row], other, 3) for other in series] for row in rows]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


def test_a_pause_at_the_start_costs_nothing_within_the_band() -> None:
    moving = np.linspace(0.0, 1.0, 8, dtype=np.float32)[:, None]
    late = np.concatenate([moving[:1], moving[:1], moving[:-2]])
    series = np.stack([moving, late])

    wide, narrow = (warped_distances(series, np.array([0]), band=band) for band in (3, 1))

    # In the wide band only the end costs, where `moving` is at 6/7 and 1 and `late` still at 5/7.
    # In the narrow one each frame meets its own: 0, then 1/7, then six times 2/7 apart.
    assert wide[0, 1] == pytest.approx(np.sqrt(1 + 4) / 7, rel=1e-5)
    assert narrow[0, 1] == pytest.approx(np.sqrt(1 + 6 * 4) / 7, rel=1e-5)


def test_progress_adds_up_to_the_rows() -> None:
    done: list[int] = []
    series = np.zeros((20, 4, 3), np.float32)

    warped_distances(series, np.arange(19), band=2, advance=done.append)

    assert sum(done) == 19
    assert len(done) > 1
