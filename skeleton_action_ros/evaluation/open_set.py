"""How well similarity tells what was taught from what was not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TPR = 0.95
"""The share of what was taught that must be accepted, where nothing else is said."""


def auroc(positive: NDArray[np.floating[Any]], negative: NDArray[np.floating[Any]]) -> float:
    """
    Return the area under the ROC curve: the chance that a positive beats a negative.

    :param positive: similarities of what should be accepted, at least one.
    :param negative: of what should not, at least one; a tie counts as half.
    """
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, 'left') + np.searchsorted(ordered, positive, 'right')
    return float(below.mean() / (2 * len(negative)))


def fpr_at_tpr(
    positive: NDArray[np.floating[Any]], negative: NDArray[np.floating[Any]], tpr: float = TPR
) -> float:
    """
    Return the share of negatives accepted at the highest threshold that accepts enough positives.

    :param positive: similarities; accepted where they are no lower than the threshold.
    :param tpr: least share of positives to accept.
    """
    return float((negative >= threshold_at_tpr(positive, tpr)).mean())


def threshold_at_tpr(positive: NDArray[np.floating[Any]], tpr: float = TPR) -> float:
    """Return the highest threshold that accepts at least `tpr` of the positives."""
    wanted = int(np.ceil(tpr * len(positive) - 1e-9))
    return float(np.sort(positive)[len(positive) - wanted])
