"""One-shot accuracy of a model that is no bundle yet, by the protocol of `skeleton-action exam`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    RAW,
    Examination,
    Figures,
    Item,
    embedding_distances,
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

    def infer(self, joints: Floats, mask: Floats) -> Floats:
        """Embed prepared clips, (B, D), some hundred at a time."""
        parts = [
            self.embed(joints[first : first + _AT_ONCE], mask[first : first + _AT_ONCE])
            for first in range(0, len(joints), _AT_ONCE)
        ]
        return np.concatenate(parts)


def embed_clips(embed: Embed, clips: Sequence[Clip], config: PreprocessConfig) -> Floats:
    """Prepare and embed clips, (N, D)."""
    prepared = [prepare(clip, config) for clip in clips]
    joints, mask = (np.stack(arrays) for arrays in zip(*prepared, strict=True))
    return Candidate(embed, config).infer(joints, mask)


def examined(
    embed: Embed, clips: Sequence[Clip], config: PreprocessConfig, *, draws: int, seed: int
) -> Figures:
    """
    Examine an embedder alone.

    :raises ExamError: fewer than two persons or actions.
    """
    plan = plan_exam([clip.label for clip in clips], [clip.subject for clip in clips])
    drawn = make_draws(plan, draws, np.random.default_rng(seed))
    rows = np.unique(np.concatenate([draw.references for draw in drawn]))
    return measure(embedding_distances(embed_clips(embed, clips, config), rows), plan, drawn)


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
