"""What a robot would accept of an exam's questions, from the similarities that it would ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.calibrating import Calibrator, Evidence
from skeleton_action_ros.core.calibration import STRANGERS, confidence_of
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.similarity import Templates, describe_templates
from skeleton_action_ros.evaluation.exam.distances import Distances
from skeleton_action_ros.evaluation.exam.material import Material
from skeleton_action_ros.evaluation.exam.protocol import Draw, Plan
from skeleton_action_ros.evaluation.ranking import Reliability, reliability


@dataclass(frozen=True)
class Acceptance:
    """
    Half of the actions are taught and all are asked, as for the unknown; means over the draws.

    :param right: share of the taught actions' queries that are accepted under the right name.
    :param wrong: share of these that are accepted under a wrong one.
    :param unknown: share of the others' queries that are accepted.
    :param sure: how often what is accepted is right, by its confidence. Those of others count
        `STRANGERS` times, as the confidence presumes.
    """

    right: float
    wrong: float
    unknown: float
    sure: Reliability

    def to_json(self) -> dict[str, object]:
        """Return shares from 0 to 1."""
        error = self.sure.expected_calibration_error
        return {
            'accepted_right': round(self.right, 4),
            'accepted_wrong': round(self.wrong, 4),
            'accepted_unknown': round(self.unknown, 4),
            'confidence_calibration_error': None if error is None else round(error, 4),
            'confidence_reliability': [
                {'confidence': round(said, 4), 'right': round(true, 4), 'queries': count}
                for said, true, count in zip(
                    self.sure.confidence, self.sure.right, self.sure.count, strict=True
                )
            ],
        }


def acceptance(
    model: Model, material: Material, distances: Distances, plan: Plan, draws: Sequence[Draw]
) -> Acceptance:
    """
    Ask whether each query would be accepted, under which name, and how surely.

    :param distances: the model's, from all clips that teach.
    """
    rows = distances.rows
    joints, mask = material.prepared[model.preprocess]
    labels = [material.labels[row] for row in rows]
    templates = describe_templates(model, joints[rows], mask[rows], labels)
    calibrator = Calibrator(model, model.similarity)
    evidence = _measured(calibrator, templates, joints[rows], mask[rows])
    shares: list[tuple[float, float, float]] = []
    confidence: list[float] = []
    right: list[bool] = []
    for draw in draws:
        taught = draw.references[draw.half]
        places = np.searchsorted(rows, taught)
        names = plan.label_of[taught]
        found = calibrator.calibrations(
            [f'{place:09}' for place in places],
            names.tolist(),
            [evidence[place] for place in places],
            templates[places],
        )
        threshold_of = {one.label: one.threshold for one in found}
        thresholds = np.array([threshold_of[name] for name in names.tolist()])
        alike = 1.0 - distances.between(taught, draw.queries).astype(np.float64)
        above = (alike - thresholds[:, None]) / np.maximum(1.0 - thresholds[:, None], 1e-6)
        best = above.argmax(axis=0)
        accepted = above.max(axis=0) >= 0.0
        true = plan.label_of[draw.queries]
        known, hit = np.isin(true, names), names[best] == true
        shares.append(
            (
                float((accepted & hit)[known].mean()),
                float((accepted & ~hit)[known].mean()),
                float(accepted[~known].mean()),
            )
        )
        for query in np.flatnonzero(accepted):
            said = confidence_of(
                model.open_set, float(alike[best[query], query]), float(thresholds[best[query]])
            )
            times = 1 if known[query] else STRANGERS
            confidence += [said] * times
            right += [bool(hit[query])] * times
    accepted_right, accepted_wrong, accepted_unknown = np.mean(shares, axis=0).tolist()
    return Acceptance(
        accepted_right, accepted_wrong, accepted_unknown, reliability(confidence, right)
    )


def _measured(
    calibrator: Calibrator,
    templates: Templates,
    joints: NDArray[np.float32],
    mask: NDArray[np.float32],
) -> list[Evidence]:
    images = {int(place): row for row, place in enumerate(templates.image_of)}
    return [
        calibrator.measure(
            joints[place],
            mask[place],
            templates.described[[place]],
            templates.images[[images[place]]] if place in images else None,
        )
        for place in range(len(templates))
    ]
