"""
How alike two motions are, by what a model says about them: the one comparison that there is.

The recogniser, the verdict on a new demonstration, the exam and training all compare by
`similarities`, with the settings of the bundle, so that a threshold means the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.embedding import Descriptors, Model
from skeleton_action_ros.core.preprocess import mirrored

NEVER = 2.0
"""As `other_side`: what the other side does is another action."""

_SIDE = re.compile('left|(?<!up)(?<!b)(?<!f)right', re.IGNORECASE)
"""Upright, bright and fright have no side."""
_LARGEST_PART = 1 << 22
"""Most tokens of queries and templates paired at a time: keeps the working memory under 100 MB."""


@dataclass(frozen=True)
class SimilarityConfig:
    """How descriptors are compared; travels in the card of the bundle that it was chosen for."""

    tokens: float = setting(
        0.0, 'share of the tokens in the similarity; the embedding has the rest', low=0.0, high=1.0
    )
    band: int = setting(
        0, 'tokens this far apart in their order may be alike', unit='tokens', low=0, high=512
    )
    other_side: float = setting(
        NEVER,
        'what a motion loses that was taught with the other hand or foot; 2: it is another action',
        low=0.0,
        high=NEVER,
    )


@dataclass(frozen=True)
class Templates:
    """
    What motions are compared with.

    :param described: (N).
    :param images: (M), the mirror images of those of which the other side counts too.
    :param image_of: (M,) places of these among the N, each once.
    """

    described: Descriptors
    images: Descriptors
    image_of: NDArray[np.intp]

    @classmethod
    def of(
        cls, described: Descriptors, labels: Sequence[str], images: Descriptors | None = None
    ) -> Templates:
        """
        Take the images of those whose labels do not name a side.

        :param labels: (N).
        :param images: (N) of the mirror images; None where the other side never counts.
        """
        if images is None:
            return cls(described, described[:0], np.zeros(0, np.intp))
        places = [place for place, label in enumerate(labels) if not names_side(label)]
        image_of = np.array(places, np.intp)
        return cls(described, images[image_of], image_of)

    def __len__(self) -> int:
        return len(self.described)

    def __getitem__(self, rows: NDArray[np.intp]) -> Templates:
        """Return some, by their places, with their images."""
        image_at = np.full(len(self), -1, np.intp)
        image_at[self.image_of] = np.arange(len(self.image_of))
        images = image_at[rows]
        image_of = np.flatnonzero(images >= 0)
        return Templates(self.described[rows], self.images[images[image_of]], image_of)


def describe_templates(
    model: Model, joints: NDArray[np.float32], mask: NDArray[np.float32], labels: Sequence[str]
) -> Templates:
    """
    Describe prepared clips that teach, and their mirror images where the model compares with these.

    :param joints: (N, T, 15, 3) as from `prepare`.
    :param mask: (N, T, 15).
    :param labels: (N).
    """
    images = None
    if model.similarity.other_side < NEVER:
        images = model.infer(*mirrored(joints, mask))
    return Templates.of(model.infer(joints, mask), labels, images)


def names_side(label: str) -> bool:
    """Say whether a label has the word left or right in it: then the side matters."""
    return _SIDE.search(label) is not None


def similarities(
    queries: Descriptors, templates: Templates, config: SimilarityConfig
) -> NDArray[np.float32]:
    """
    Compare every query with every template.

    The cosine of the embeddings and the similarity of the tokens aligned in time are weighted by
    `config.tokens`; descriptors without tokens are compared by their embeddings alone. Where the
    mirror image of a template is more alike by more than `config.other_side`, it counts in its
    place, less that.

    :param queries: (Q) of the same model as `templates`.
    :param templates: (N).
    :return: (Q, N), from -1 to 1, larger is more alike.
    """
    out = _alike(queries, templates.described, config)
    if len(templates.image_of) and config.other_side < NEVER:
        other = _alike(queries, templates.images, config) - np.float32(config.other_side)
        out[:, templates.image_of] = np.maximum(out[:, templates.image_of], other)
    return out


def shortlist(
    queries: Descriptors, templates: Templates, config: SimilarityConfig, count: int
) -> NDArray[np.intp]:
    """
    Return the places of the templates that are worth comparing, rising.

    These are, for each query, the `count` whose embeddings, or whose mirror images', are nearest;
    all where tokens, which take the time, do not count.
    """
    if len(templates) <= count or len(queries) == 0 or config.tokens == 0.0:
        return np.arange(len(templates))
    cosine = queries.embeddings @ templates.described.embeddings.T
    other = queries.embeddings @ templates.images.embeddings.T
    places = templates.image_of
    cosine[:, places] = np.maximum(cosine[:, places], other)
    nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
    return np.asarray(np.unique(nearest), np.intp)


def _alike(
    queries: Descriptors, templates: Descriptors, config: SimilarityConfig
) -> NDArray[np.float32]:
    """Return (Q, N) by embedding and tokens, of motions as they are."""
    cosine: NDArray[np.float32] = queries.embeddings @ templates.embeddings.T
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
    theirs = templates.transpose(1, 2, 0)
    forward = np.full((len(queries), count, len(templates)), -np.inf, np.float32)
    backward = np.empty((len(queries), count, len(templates)), np.float32)
    for place in range(count):
        near = slice(max(0, place - band), place + band + 1)
        ours = np.ascontiguousarray(queries[:, near])
        alike = ours.reshape(-1, queries.shape[2]) @ theirs[place]
        alike = alike.reshape(*ours.shape[:2], len(templates))
        np.maximum(forward[:, near], alike, out=forward[:, near])
        alike.max(axis=1, out=backward[:, place])
    return np.asarray((forward.mean(axis=1) + backward.mean(axis=1)) / 2.0, np.float32)
