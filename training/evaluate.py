"""One-shot accuracy of a model that is no bundle yet, by the protocol of `skeleton-action exam`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    RAW,
    Distances,
    Examination,
    Figures,
    Item,
    examine,
    make_draws,
    measure,
    plan_exam,
    prepare_items,
)

Floats = NDArray[np.float32]
Embed = Callable[[Floats, Floats], Floats]
"""Prepared joints (B, T, 15, 3) and mask (B, T, 15) to unit-length embeddings (B, D)."""

_AT_ONCE = 256


@dataclass(frozen=True)
class Candidate:
    """A function that embeds, as the `Model` that an exam asks for."""

    embed: Embed
    preprocess: PreprocessConfig
    name: str = 'embedder'
    kind: str = 'embedder'
    labels: tuple[str, ...] = ()
    threshold: float = 0.0
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)

    def infer(self, joints: Floats, mask: Floats) -> Descriptors:
        """Describe prepared clips, some hundred at a time."""
        parts = [
            self.embed(joints[first : first + _AT_ONCE], mask[first : first + _AT_ONCE])
            for first in range(0, len(joints), _AT_ONCE)
        ]
        return Descriptors.without_tokens(np.concatenate(parts))

    def classify(self, joints: Floats, mask: Floats) -> Floats:
        """Refuse: this embeds."""
        raise BundleError(f'{self.name} is an {self.kind}: it gives embeddings, no logits')


def embed_clips(embed: Embed, clips: Sequence[Clip], config: PreprocessConfig) -> Floats:
    """Prepare and embed clips, (N, D)."""
    prepared = [prepare(clip, config) for clip in clips]
    joints, mask = (np.stack(arrays) for arrays in zip(*prepared, strict=True))
    return Candidate(embed, config).infer(joints, mask).embeddings


DistancesFrom = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""Places of R clips -> distances (R, N) from them to all."""


def examined(
    distances_from: DistancesFrom,
    labels: Sequence[str],
    subjects: Sequence[str],
    *,
    draws: int,
    seed: int,
) -> Figures:
    """
    Examine a way to compare clips.

    :param labels: (N) of each clip.
    :param subjects: (N) of each clip.
    :raises ExamError: fewer than two persons or actions.
    """
    plan = plan_exam(labels, subjects)
    drawn = make_draws(plan, draws, np.random.default_rng(seed))
    rows = np.unique(np.concatenate([draw.references for draw in drawn]))
    return measure(Distances(rows, distances_from(rows)), plan, drawn)


def examined_with_baselines(
    embed: Embed, clips: Sequence[Clip], config: PreprocessConfig, *, draws: int, seed: int
) -> Examination:
    """
    Examine an embedder and the baselines on the same draws.

    :raises ExamError: fewer than two persons or actions.
    """
    items = [Item(str(place), replace(clip, annotations=())) for place, clip in enumerate(clips)]
    material = prepare_items(items, [RAW, CANONICAL, config])
    plan = plan_exam(material.labels, material.subjects)
    return examine(Candidate(embed, config), material, plan, draws=draws, seed=seed)
