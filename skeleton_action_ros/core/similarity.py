"""
How alike two motions are, by what a model says about them: the one comparison that there is.

The recogniser, the verdict on a new demonstration, the exam and training all compare by
`similarities`, with the settings of the bundle, so that a threshold means the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.embedding import Descriptors

_LARGEST_PART = 1 << 22
"""Most tokens paired along one diagonal at a time: keeps the working memory under 100 MB."""


@dataclass(frozen=True)
class SimilarityConfig:
    """How descriptors are compared; travels in the card of the bundle that it was chosen for."""

    tokens: float = setting(
        0.0, 'share of the tokens in the similarity; the embedding has the rest', low=0.0, high=1.0
    )
    band: int = setting(
        0, 'tokens this far apart in their order may be alike', unit='tokens', low=0, high=512
    )


def similarities(
    queries: Descriptors, templates: Descriptors, config: SimilarityConfig
) -> NDArray[np.float32]:
    """
    Compare every query with every template.

    It is the cosine of the embeddings and the similarity of the tokens aligned in time, weighted by
    `config.tokens`. Descriptors without tokens are compared by their embeddings alone.

    :param queries: (Q) of the same model as `templates`.
    :param templates: (N).
    :return: (Q, N), from -1 to 1, larger is more alike.
    """
    cosine = queries.embeddings @ templates.embeddings.T
    count = queries.tokens.shape[1]
    if count == 0 or config.tokens == 0.0:
        return cosine
    at_once = max(1, _LARGEST_PART // max(1, count * len(templates)))
    out = np.empty_like(cosine)
    for first in range(0, len(queries), at_once):
        part = slice(first, first + at_once)
        out[part] = aligned_tokens(queries.tokens[part], templates.tokens, config.band)
    return np.asarray((1.0 - config.tokens) * cosine + config.tokens * out, np.float32)


def aligned_tokens(
    queries: NDArray[np.float32], templates: NDArray[np.float32], band: int
) -> NDArray[np.float32]:
    """
    Compare token sequences that may run ahead of, or behind, each other.

    Every token is as similar as the most similar one of the other sequence no more than `band`
    places away; the result is the mean over the tokens of both sequences.

    :param queries: (Q, K, d), each token of unit length.
    :param templates: (N, K, d), likewise.
    :return: (Q, N), from -1 to 1.
    """
    count = queries.shape[1]
    ours, theirs = queries.transpose(1, 0, 2), templates.transpose(1, 2, 0)
    forward = np.full((count, len(queries), len(templates)), -np.inf, np.float32)
    backward = forward.copy()
    reach = min(band, count - 1)
    for shift in range(-reach, reach + 1):
        rows = slice(max(0, -shift), count - max(0, shift))
        columns = slice(max(0, shift), count - max(0, -shift))
        alike = ours[rows] @ theirs[columns]
        np.maximum(forward[rows], alike, out=forward[rows])
        np.maximum(backward[columns], alike, out=backward[columns])
    return np.asarray((forward.mean(axis=0) + backward.mean(axis=0)) / 2.0, np.float32)
