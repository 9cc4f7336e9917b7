"""Dynamic time warping between many motions, in C, by dtaidistance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from dtaidistance import dtw_ndim
from numpy.typing import NDArray

_ROWS_AT_ONCE = 8


def warped_distances(
    series: NDArray[np.float32],
    rows: NDArray[np.intp],
    *,
    band: int,
    advance: Callable[[int], object] = lambda count: None,
) -> NDArray[np.float32]:
    """
    Compare some motions with all, each pair once.

    The distance of two motions is the root of the least sum of squared distances between frames
    that a warping path pairs; the path pairs frames less than `band` apart.

    :param series: (N, T, K), K numbers a frame.
    :param rows: (R,) places of the motions to compare with all, each once.
    :param advance: told how many rows are done, each time some are.
    :return: (R, N).
    """
    first = np.asarray(rows, np.intp)
    count, total = len(first), len(series)
    order = np.concatenate([first, np.setdiff1d(np.arange(total), first)])
    frames = list(np.ascontiguousarray(series[order], np.float64))
    sorted_columns = np.zeros((count, total), np.float32)
    for start in range(0, count, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, count)
        found = np.asarray(
            dtw_ndim.distance_matrix_fast(
                frames, window=band, block=((start, stop), (0, total)), compact=True, parallel=False
            ),
            np.float32,
        )
        for row in range(start, stop):
            later, found = np.split(found, [total - row - 1])
            sorted_columns[row, row + 1 :] = later
            sorted_columns[row + 1 :, row] = later[: count - row - 1]
        advance(stop - start)
    out = np.empty_like(sorted_columns)
    out[:, order] = sorted_columns
    return out
