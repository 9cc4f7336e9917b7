"""A plane to look at embeddings in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def map_of(
    embeddings: NDArray[np.float32], class_of: NDArray[np.intp]
) -> tuple[NDArray[np.float64], float]:
    """
    Project onto the plane in which the means of the classes lie farthest apart.

    That is a principal component analysis of the means: linear and the same each time, so that what
    is near in the map but far in truth is all that can mislead.

    :param embeddings: (N, D), D > 1.
    :param class_of: (N,) class numbers; at least two classes.
    :return: (N, 2) places, and the share of the spread of the means that the plane shows.
    """
    vectors = embeddings.astype(np.float64)
    means = np.stack([vectors[class_of == number].mean(axis=0) for number in np.unique(class_of)])
    centre = means.mean(axis=0)
    _, sizes, directions = np.linalg.svd(means - centre, full_matrices=False)
    spread = float((sizes**2).sum())
    shown = float((sizes[:2] ** 2).sum() / spread) if spread > 0.0 else 1.0
    return (vectors - centre) @ directions[:2].T, shown
