"""How alike a piece of motion is to every action the robot knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.calibrating import Calibrator, Evidence
from skeleton_action_ros.core.calibration import Calibration, confidence_of
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.embedding import Descriptors, Model, prepare_clips
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.motion import MotionConfig, trim_to_motion
from skeleton_action_ros.core.preprocess import mirrored
from skeleton_action_ros.core.similarity import NEVER, Templates, shortlist, similarities
from skeleton_action_ros.core.skeleton import Clip

_NO_MATCH = -1.0
_SCALE_STEP = 1.44
_CLASSIFIER_SCALES_S = (1.0, 1.5, 2.2, 3.2)
_EMBED_AT_ONCE = 64
_SHORTLIST = 50
"""So many templates, the nearest by their embeddings, are compared with a piece token by token."""


@dataclass(frozen=True)
class Hypothesis:
    """
    One action that a piece of motion may be; larger similarity is better.

    :param start_ns: when the piece begins; 0 where it is no piece of a stream.
    :param end_ns: when it ends, likewise.
    """

    label: str
    similarity: float
    threshold: float
    start_ns: int = 0
    end_ns: int = 0


class Matcher(Protocol):
    """Compares pieces of motion with the known actions."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The known actions, sorted."""

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """(labels,) similarity from which a match counts."""

    @property
    def scales_s(self) -> tuple[float, ...]:
        """Lengths of the pieces worth comparing, rising."""

    def confidence(self, similarity: float, threshold: float) -> float:
        """Return the chance that a match of this similarity is right, from 0 to 1."""

    def similarities(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """
        Compare pieces with all actions in one batch.

        :return: (clips, labels), -1 where a piece is far too short, long, small or large for the
            action.
        """


@dataclass(frozen=True)
class MatchingConfig:
    """How unlike its demonstration a performance may be and still be compared with it."""

    stretch: float = setting(2.0, 'it may be this many times slower or faster', low=1.0, high=10.0)
    growth: float = setting(
        2.2, 'it may be this many times larger or smaller, by body size', low=1.0, high=100.0
    )
    other_side: bool = setting(
        True,
        'an action counts, somewhat less, with the other hand or foot too, where its name does not '
        'say left or right and the model allows it',
    )


@dataclass(frozen=True)
class _Known:
    described: Descriptors
    image: Descriptors | None
    joints: NDArray[np.float32]
    mask: NDArray[np.float32]
    duration_s: float
    evidence: Evidence | None = None


class TemplateIndex:
    """
    The gallery in the eyes of one embedder.

    Templates are trimmed to their motion and embedded once; a gallery that changes costs only its
    new templates.

    :param threshold: similarity from which a match counts, for actions of which no template brings
        a threshold of its own; 0: it is calibrated for each action, unless the gallery says what
        this model was calibrated to.
    """

    def __init__(
        self, model: Model, motion: MotionConfig, limits: MatchingConfig, threshold: float = 0.0
    ) -> None:
        self._model = model
        self._motion = motion
        self._threshold = threshold
        self._limits = limits
        similarity = model.similarity
        if not limits.other_side:
            similarity = replace(similarity, other_side=NEVER)
        self._similarity = similarity
        self._calibrator = Calibrator(model, similarity)
        self._known: dict[str, _Known] = {}
        self._arrange(Gallery())

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def thresholds(self) -> NDArray[np.float32]:
        return self._thresholds

    @property
    def scales_s(self) -> tuple[float, ...]:
        return self._scales_s

    def set_gallery(self, gallery: Gallery) -> list[str]:
        """
        Follow a gallery that has changed.

        :return: one message for each template that cannot be used; the others are.
        """
        fresh = [item for item in gallery.templates if item.id not in self._known]
        wanted = {item.id for item in gallery.templates}
        known = {key: entry for key, entry in self._known.items() if key in wanted}
        problems = []
        for first in range(0, len(fresh), _EMBED_AT_ONCE):
            part = fresh[first : first + _EMBED_AT_ONCE]
            clips = [trim_to_motion(item.clip, self._motion) for item in part]
            prepared = prepare_clips(clips, self._model.preprocess)
            described = self._model.infer(prepared.joints, prepared.mask)
            images = None
            if self._similarity.other_side < NEVER:
                images = self._model.infer(*mirrored(prepared.joints, prepared.mask))
            for row, index in enumerate(prepared.usable):
                known[part[index].id] = _Known(
                    described[[row]],
                    images[[row]] if images is not None else None,
                    prepared.joints[row],
                    prepared.mask[row],
                    clips[index].duration_s,
                )
            problems += [
                f'template {part[index].id} of {part[index].label!r} is not used: {failure}'
                for index, failure in prepared.failures.items()
            ]
        self._known = known
        self._arrange(gallery)
        return problems

    def calibrations(self) -> list[Calibration]:
        """
        Measure from what similarity each action counts, whatever its threshold is now.

        :return: one a label, in alphabetical order; of templates that can be used.
        """
        self._measure()
        return self._calibrator.calibrations(
            [template.id for template in self._ordered],
            [template.label for template in self._ordered],
            [evidence for one in self._ordered if (evidence := self._known[one.id].evidence)],
            self._templates,
        )

    def confidence(self, similarity: float, threshold: float) -> float:
        return confidence_of(self._model.open_set, similarity, threshold)

    def similarities(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        out = np.full((len(clips), len(self._labels)), _NO_MATCH, np.float32)
        if not self._labels or not clips:
            return out
        prepared = prepare_clips(clips, self._model.preprocess)
        described = self._model.infer(prepared.joints, prepared.mask)
        rows = shortlist(described, self._templates, self._similarity, _SHORTLIST)
        alike = np.full((len(described), len(self._templates)), _NO_MATCH, np.float32)
        alike[:, rows] = similarities(described, self._templates[rows], self._similarity)
        lengths_s = np.array([clips[index].duration_s for index in prepared.usable])
        alike[_apart(lengths_s, self._durations_s, self._limits.stretch)] = _NO_MATCH
        alike[_apart(described.extents, self._extents, self._limits.growth)] = _NO_MATCH
        out[prepared.usable] = np.maximum.reduceat(alike, self._firsts, axis=1)
        return out

    def nearest(self, clip: Clip, exclude_label: str = '') -> Hypothesis | None:
        """
        Return the known action most like a clip, whatever its length; None when there is none.

        :param exclude_label: an action to leave out: the one that is being taught.
        """
        others = [label != exclude_label for label in self._labels]
        prepared = prepare_clips([trim_to_motion(clip, self._motion)], self._model.preprocess)
        if prepared.failures or not any(others):
            return None
        described = self._model.infer(prepared.joints, prepared.mask)
        every = similarities(described, self._templates, self._similarity)
        alike = np.maximum.reduceat(every, self._firsts, axis=1)[0]
        best = int(np.argmax(np.where(others, alike, -np.inf)))
        return Hypothesis(self._labels[best], float(alike[best]), float(self._thresholds[best]))

    def _arrange(self, gallery: Gallery) -> None:
        """Lay the descriptors out label by label."""
        usable = (template for template in gallery.templates if template.id in self._known)
        self._ordered = sorted(usable, key=lambda template: template.label)
        names = [template.label for template in self._ordered]
        entries = [self._known[template.id] for template in self._ordered]
        self._labels = tuple(sorted(set(names)))
        self._firsts = np.array([names.index(label) for label in self._labels], np.intp)
        nothing = Descriptors.without_tokens(np.zeros((0, 0), np.float32))
        described = Descriptors.joined([entry.described for entry in entries] or [nothing])
        images = [entry.image for entry in entries if entry.image is not None]
        self._templates = Templates.of(
            described, names, Descriptors.joined(images) if images else None
        )
        self._durations_s = np.array([max(entry.duration_s, 1e-3) for entry in entries])
        self._extents = np.maximum(described.extents, 1e-3)
        self._scales_s = _scales(self._durations_s)
        given = {label: self._given(gallery, label) for label in self._labels}
        unsettled = [label for label, value in given.items() if value == 0.0]
        if unsettled and not self._model.open_set.calibration.moves:
            given |= dict.fromkeys(unsettled, self._model.threshold)
        elif unsettled:
            measured = {one.label: one.threshold for one in self.calibrations()}
            given |= {label: measured[label] for label in unsettled}
        self._thresholds = np.array([given[label] for label in self._labels], np.float32)

    def _given(self, gallery: Gallery, label: str) -> float:
        """Return the threshold of an action that needs no measuring; 0: there is none."""
        own = gallery.own_threshold(label) or self._threshold
        calibration = gallery.calibration(label)
        if own or calibration is None or calibration.model != self._model.open_set.model:
            return own
        return calibration.threshold

    def _measure(self) -> None:
        """Measure the templates that have not been measured."""
        for template in self._ordered:
            known = self._known[template.id]
            if known.evidence is None:
                evidence = self._calibrator.measure(
                    known.joints, known.mask, known.described, known.image
                )
                self._known[template.id] = replace(known, evidence=evidence)


def _apart(values: NDArray[Any], others: NDArray[Any], factor: float) -> NDArray[np.bool_]:
    """Say which pairs (values, others) differ by more than a factor."""
    ratio = values[:, None] / others
    return np.asarray((ratio > factor) | (ratio < 1.0 / factor))


def _scales(durations_s: NDArray[np.float64]) -> tuple[float, ...]:
    """Space lengths evenly, by ratio, between the shortest and the longest template."""
    if len(durations_s) == 0:
        return ()
    shortest, longest = float(durations_s.min()), float(durations_s.max())
    steps = round(np.log(longest / shortest) / np.log(_SCALE_STEP))
    return tuple(float(scale) for scale in np.geomspace(shortest, longest, steps + 1))


class ClassifierMatcher:
    """A closed-set classifier: the similarity is the probability of each of its labels."""

    def __init__(self, model: Model, threshold: float) -> None:
        order = np.argsort(np.array(model.labels))
        self._model = model
        self._order = order
        self._labels = tuple(model.labels[index] for index in order)
        self._thresholds = np.full(len(order), threshold, np.float32)

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def thresholds(self) -> NDArray[np.float32]:
        return self._thresholds

    @property
    def scales_s(self) -> tuple[float, ...]:
        return _CLASSIFIER_SCALES_S

    def confidence(self, similarity: float, threshold: float) -> float:
        return confidence_of(self._model.open_set, similarity, threshold)

    def similarities(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        out = np.full((len(clips), len(self._labels)), _NO_MATCH, np.float32)
        prepared = prepare_clips(clips, self._model.preprocess)
        if len(prepared.usable):
            logits = self._model.classify(prepared.joints, prepared.mask)
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            out[prepared.usable] = (odds / odds.sum(axis=1, keepdims=True))[:, self._order]
        return out
