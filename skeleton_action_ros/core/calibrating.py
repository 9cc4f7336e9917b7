"""Measures for `calibration` what the actions of a gallery are similar to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.calibration import (
    Calibration,
    Floats,
    Measured,
    altered,
    calibrate,
    chosen_others,
    spliced,
)
from skeleton_action_ros.core.embedding import Descriptors, Model
from skeleton_action_ros.core.similarity import (
    SimilarityConfig,
    Templates,
    names_side,
    similarities,
)


@dataclass(frozen=True)
class _Alike:
    """
    How similar things are to one template.

    :param plain: (N,) to what was shown.
    :param image: (N,) to its mirror image; None where the other side never counts.
    """

    plain: Floats
    image: Floats | None

    def of(self, label: str, other_side: float) -> Floats:
        """Return (N,) as the template counts under a label."""
        if self.image is None or names_side(label):
            return self.plain
        return np.maximum(self.plain, self.image - np.float32(other_side))


@dataclass(frozen=True)
class Evidence:
    """What one template is similar to, whatever it is called."""

    altered: _Alike
    spliced: _Alike
    background: _Alike


class Calibrator:
    """
    Measures templates once each, and works thresholds out of it whenever the gallery changes.

    :param similarity: how descriptors are compared.
    """

    def __init__(self, model: Model, similarity: SimilarityConfig) -> None:
        self._model = model
        self._similarity = similarity
        self._settled: dict[tuple[str, ...], Measured] = {}

    def measure(
        self, joints: Floats, mask: Floats, described: Descriptors, image: Descriptors | None
    ) -> Evidence:
        """
        Compare one template with its altered copies, its splices, and the background.

        :param joints: (T, 15, 3) as from `prepare`.
        :param mask: (T, 15).
        :param described: (1) of the template.
        :param image: (1) of its mirror image; None where the other side never counts.
        """
        copies, splices = altered(joints, mask, np.random.default_rng(0)), spliced(joints, mask)
        made = self._model.infer(
            np.concatenate((copies[0], splices[0])), np.concatenate((copies[1], splices[1]))
        )
        count = len(copies[0])
        background = self._model.open_set.background
        found = [self._alike(part, described, image) for part in (made[:count], made[count:])]
        nothing = _Alike(np.zeros(0, np.float32), None)
        ambient = nothing if background is None else self._alike(background, described, image)
        return Evidence(found[0], found[1], ambient)

    def calibrations(
        self,
        ids: Sequence[str],
        labels: Sequence[str],
        evidence: Sequence[Evidence],
        templates: Templates,
    ) -> list[Calibration]:
        """
        Work out from what similarity each action counts.

        :param ids: (N,) of the templates.
        :param labels: (N,) theirs.
        :param evidence: (N,) theirs.
        :param templates: (N) the same.
        :return: one a label, in alphabetical order.
        """
        names = sorted(set(labels))
        order = sorted(range(len(labels)), key=lambda place: labels[place])
        own: dict[str, list[int]] = {name: [] for name in names}
        for place in order:
            own[labels[place]].append(place)
        self._settled = {
            key: self._settled.get(key)
            or self._summed([evidence[place] for place in own[name]], name)
            for name in names
            for key in [(name, *(ids[place] for place in own[name]))]
        }
        counts, means = self._others(chosen_others(ids, labels), labels, own, templates)
        base, open_set = self._model.threshold, self._model.open_set
        return [
            calibrate(name, measured, int(counts[row]), float(means[row]), base, open_set)
            for row, (name, measured) in enumerate(zip(names, self._settled.values(), strict=True))
        ]

    def _summed(self, evidence: Sequence[Evidence], label: str) -> Measured:
        return Measured.of(
            altered=np.concatenate([self._of(one.altered, label) for one in evidence]),
            spliced=np.stack([self._of(one.spliced, label) for one in evidence]),
            background=np.max([self._of(one.background, label) for one in evidence], axis=0),
        )

    def _others(
        self,
        cohort: Sequence[int],
        labels: Sequence[str],
        own: Mapping[str, Sequence[int]],
        templates: Templates,
    ) -> tuple[NDArray[np.intp], Floats]:
        """Return with how many of a cohort of other actions each is compared, and their mean."""
        if not own:
            return np.zeros(0, np.intp), np.zeros(0, np.float32)
        between = similarities(templates.described[cohort], templates, self._similarity)
        places = [place for group in own.values() for place in group]
        firsts = np.cumsum([0, *(len(group) for group in own.values())])[:-1]
        alike = np.maximum.reduceat(between[:, places], firsts, axis=1)
        apart = np.array([[labels[place] != name for name in own] for place in cohort])
        counts = apart.sum(axis=0)
        means = (alike * apart).sum(axis=0) / np.maximum(counts, 1)
        return np.asarray(counts, np.intp), np.asarray(means, np.float32)

    def _alike(
        self, queries: Descriptors, described: Descriptors, image: Descriptors | None
    ) -> _Alike:
        both = Descriptors.joined([described] if image is None else [described, image])
        # The comparison is the same both ways round; so it is faster with few queries.
        found = similarities(both, Templates.of(queries, [''] * len(queries)), self._similarity)
        return _Alike(found[0], None if image is None else found[1])

    def _of(self, alike: _Alike, label: str) -> Floats:
        return alike.of(label, self._similarity.other_side)
