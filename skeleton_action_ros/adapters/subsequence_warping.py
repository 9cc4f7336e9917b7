"""Where a motion occurs within a long recording: subsequence time warping, by dtaidistance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dtaidistance.subsequence.dtw import subsequence_alignment
from numpy.typing import NDArray

_SAME_PATH = 3


@dataclass(frozen=True)
class Occurrence:
    """
    Frames `first` to `last` of a series, both included, that a query was found in.

    :param distance: root of the mean squared distance of the query's frames, per frame of it.
    """

    first: int
    last: int
    distance: float


def find_occurrences(
    query: NDArray[np.float64],
    series: NDArray[np.float64],
    *,
    shortest: int,
    longest: int,
    most: int,
) -> list[Occurrence]:
    """
    Find where a query occurs, nearest first; occurrences do not overlap.

    :param query: (Q, K), K numbers a frame, 2 frames at least.
    :param series: (T, K).
    :param shortest: frames that an occurrence has at least, and `longest` at most.
    :param most: occurrences to look for.
    """
    alignment = subsequence_alignment(
        np.ascontiguousarray(query, np.float64),
        np.ascontiguousarray(series, np.float64),
        penalty=0.0,
        use_c=True,
    )
    distances = np.array(alignment.matching_function(), np.float64)
    found: list[Occurrence] = []
    taken = np.zeros(len(series), bool)
    tried = np.zeros(len(series), bool)
    for end in np.argsort(distances, kind='stable').tolist():
        if len(found) >= most:
            break
        if taken[end] or tried[end]:
            continue
        first, last = map(int, alignment.get_match(end).segment)
        if shortest <= last - first + 1 <= longest and not taken[first : last + 1].any():
            value = float(distances[end]) * len(query) ** 0.5
            found.append(Occurrence(first, last, value))
            taken[first : last + 1] = True
        else:  # its neighbours end the same path
            tried[max(end - _SAME_PATH, 0) : end + _SAME_PATH + 1] = True
    return found
