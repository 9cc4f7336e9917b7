"""What distances are worth: accuracy, who is taken for whom, and whether strangers stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.evaluation.exam.distances import Distances
from skeleton_action_ros.evaluation.exam.protocol import Draw, Plan
from skeleton_action_ros.evaluation.open_set import auroc, fpr_at_tpr


@dataclass(frozen=True)
class Figures:
    """
    One method over all draws.

    :param accuracy: (draws,) share of queries whose nearest reference has their label.
    :param unknown_auroc: (draws,) with half of the actions taught: chance that a query of these is
        nearer to its nearest reference than a query of the others is.
    :param unknown_fpr: (draws,) share of the others' queries that are accepted where 95 % of the
        taught ones' are.
    :param classes: names of rows and columns of the confusion.
    :param confusion: (C, C) how often a query of each row was named after each column.
    :param right: (N,) share of the times that each clip was named rightly; NaN if never asked.
    :param clips: how many clips show these classes.
    """

    accuracy: NDArray[np.float64]
    unknown_auroc: NDArray[np.float64]
    unknown_fpr: NDArray[np.float64]
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    right: NDArray[np.float64]
    clips: int

    @property
    def per_class(self) -> dict[str, float]:
        """Share of each asked action's queries, over all draws, that were named rightly."""
        asked = self.confusion.sum(axis=1).tolist()
        right = self.confusion.diagonal().tolist()
        return {
            label: shown / count
            for label, shown, count in zip(self.classes, right, asked, strict=True)
            if count
        }

    def to_json(self) -> dict[str, object]:
        """Return means and standard deviations over the draws, as shares from 0 to 1."""
        return {
            'accuracy_mean': round(float(self.accuracy.mean()), 4),
            'accuracy_std': round(float(self.accuracy.std()), 4),
            'draws': len(self.accuracy),
            'classes': len(self.classes),
            'clips': self.clips,
            'unknown_auroc': round(float(self.unknown_auroc.mean()), 4),
            'unknown_auroc_std': round(float(self.unknown_auroc.std()), 4),
            'unknown_fpr_at_95_tpr': round(float(self.unknown_fpr.mean()), 4),
            'unknown_fpr_at_95_tpr_std': round(float(self.unknown_fpr.std()), 4),
            'per_class': {label: round(value, 4) for label, value in self.per_class.items()},
        }


def measure(distances: Distances, plan: Plan, draws: Sequence[Draw]) -> Figures:
    """Name every query of every draw after its nearest reference; the first of equally near."""
    classes = np.array(plan.classes, np.str_)
    # Clips of actions that are left out are in no draw: where they sort in does not matter.
    class_of = np.searchsorted(classes, plan.label_of)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    right, asked = np.zeros(len(class_of)), np.zeros(len(class_of))
    rows = []
    for draw in draws:
        between = distances.between(draw.references, draw.queries)
        true, named = class_of[draw.queries], class_of[draw.references[between.argmin(axis=0)]]
        np.add.at(confusion, (true, named), 1)
        right[draw.queries] += true == named
        asked[draw.queries] += 1
        nearest = between[draw.half].min(axis=0)
        known = np.isin(true, class_of[draw.references[draw.half]])
        rows.append(
            (
                float((true == named).mean()),
                auroc(-nearest[known], -nearest[~known]),
                fpr_at_tpr(-nearest[known], -nearest[~known]),
            )
        )
    accuracy, area, fpr = np.array(rows, np.float64).T
    shares = np.divide(right, asked, out=np.full(len(right), np.nan), where=asked > 0)
    clips = int(np.isin(plan.label_of, classes).sum())
    return Figures(accuracy, area, fpr, plan.classes, confusion, shares, clips)
