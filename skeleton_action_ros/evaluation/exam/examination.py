"""The whole exam: every method answers the same questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.evaluation.exam.acceptance import Acceptance, acceptance
from skeleton_action_ros.evaluation.exam.distances import (
    BASELINES,
    Distances,
    baseline_distances,
    model_distances,
)
from skeleton_action_ros.evaluation.exam.figures import Figures, measure
from skeleton_action_ros.evaluation.exam.material import Material
from skeleton_action_ros.evaluation.exam.protocol import Plan, make_draws

_WARPINGS = 2


@dataclass(frozen=True)
class Examination:
    """
    What came of an exam.

    :param model: figures of the model examined.
    :param acceptance: what a robot with it would accept.
    :param baselines: those of `BASELINES`, by name.
    :param against: those of the other models, by the names given.
    :param embeddings: (N, D) of the model examined.
    """

    plan: Plan
    model: Figures
    acceptance: Acceptance
    baselines: Mapping[str, Figures]
    against: Mapping[str, Figures]
    embeddings: NDArray[np.float32]

    def to_json(self) -> dict[str, object]:
        """Return the figures of the model, and of the others below `baselines` and `against`."""
        return {
            **self.model.to_json(),
            **self.acceptance.to_json(),
            'baselines': {name: found.to_json() for name, found in self.baselines.items()},
            'against': {name: found.to_json() for name, found in self.against.items()},
        }


def examine(
    model: Model,
    material: Material,
    plan: Plan,
    *,
    draws: int,
    seed: int,
    against: Mapping[str, Model] | None = None,
    begin: Callable[[int], object] = lambda total: None,
    advance: Callable[[int], object] = lambda count: None,
) -> Examination:
    """
    Ask every method the same questions.

    :param material: prepared for the models, and for the baselines.
    :param against: other models, by name.
    :param begin: told how many rows the slowest methods will compute.
    :param advance: told how many rows are done, each time some are.
    :raises ExamError: one of the models is a classifier.
    """
    drawn = make_draws(plan, draws, np.random.default_rng(seed))
    rows = np.unique(np.concatenate([draw.references for draw in drawn]))
    own, described = model_distances(model, material, rows)
    others = {
        name: model_distances(other, material, rows)[0] for name, other in (against or {}).items()
    }
    begin(_WARPINGS * len(rows))
    plain = baseline_distances(material, rows, advance)

    def figures(distances: Distances) -> Figures:
        return measure(distances, plan, drawn)

    return Examination(
        plan=plan,
        model=figures(own),
        acceptance=acceptance(model, material, own, plan, drawn),
        baselines={name: figures(plain[name]) for name in BASELINES},
        against={name: figures(distances) for name, distances in others.items()},
        embeddings=described.embeddings,
    )
