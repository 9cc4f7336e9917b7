"""What has been taught: demonstrations with their labels, and the rules for changing them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.skeleton import LONGEST_MOTION_S, Clip

RESERVED_LABELS = frozenset({'unknown', 'idle'})
"""What the recogniser says itself when nothing taught fits."""

MAX_LABEL_LENGTH = 64
LONGEST_LABEL_ANYWHERE = 256
"""The largest `max_label_length` that a gallery may be configured to."""
ON_CONFLICT = ('keep', 'replace')

_JOINERS = frozenset('\u200c\u200d')
_UNPRINTABLE = frozenset({'Cc', 'Cf', 'Cs', 'Zl', 'Zp'})


@dataclass(frozen=True)
class GalleryConfig:
    """How much a gallery may hold; one that already holds more keeps it, but takes no more."""

    max_templates: int = setting(
        1000, 'demonstrations of all actions together', unit='templates', low=1, high=100_000
    )
    max_shots_per_label: int = setting(
        50, 'demonstrations of one action', unit='templates', low=1, high=10_000
    )
    max_label_length: int = setting(
        MAX_LABEL_LENGTH,
        'longest name of an action',
        unit='characters',
        low=1,
        high=LONGEST_LABEL_ANYWHERE,
    )


@dataclass(frozen=True)
class Template:
    """
    One demonstration of one action: the raw clip, so that any model can embed it.

    :param id: identity of this demonstration, as from `template_id`.
    :param label: the action's name; in a gallery the clip carries the same one.
    :param threshold: the user's own: the least similarity that accepts this action, whatever the
        calibration says; 0: none.
    :param taught_ns: when it was taught, nanoseconds.
    :param source: from what it was taught, for people to read.
    """

    id: str
    label: str
    clip: Clip = field(compare=False, repr=False)
    threshold: float
    taught_ns: int
    source: str


def template_id(label: str, clip: Clip, taught_ns: int) -> str:
    """
    Make the identity of a demonstration: 16 hexadecimal digits of what was taught and when.

    It is the same on every robot the demonstration is shared with, whatever it is renamed to there.
    """
    digest = hashlib.sha256(f'{label}\n{taught_ns}\n{clip.layout}\n'.encode())
    for array, kind in ((clip.stamps_ns, '<i8'), (clip.joints_m, '<f4'), (clip.confidence, '<f4')):
        digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()[:16]


def checked_label(label: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """
    Return the label without surrounding space, in Unicode's composed form (NFC).

    :raises GalleryError: it is empty, too long, reserved, or has control or other characters that
        cannot be seen (the joiners of some scripts are allowed).
    """
    for character in label:
        if unicodedata.category(character) in _UNPRINTABLE and character not in _JOINERS:
            raise GalleryError(
                f'a label must have no control characters, got {character!r} in {_quoted(label)}'
            )
    checked = _normal(label)
    if not checked:
        raise GalleryError(f'a label must not be empty, got {label!r}')
    if len(checked) > max_length:
        raise GalleryError(
            f'a label must have at most {max_length} characters, got {len(checked)}: '
            f'{_quoted(checked)}'
        )
    if checked.casefold() in RESERVED_LABELS:
        raise GalleryError(
            f'the label {label!r} is reserved: the recogniser says it where nothing taught fits'
        )
    return checked


@dataclass(frozen=True)
class MergeCounts:
    """What a merge did, in templates: taken over, left out, and own ones given up."""

    added: int
    skipped: int
    removed: int


@dataclass(frozen=True)
class Merge:
    """The outcome of `Gallery.merge`: the new gallery and its differences to the old one."""

    gallery: Gallery
    added: tuple[Template, ...]
    removed: tuple[Template, ...]
    counts: MergeCounts


@dataclass(frozen=True)
class Gallery:
    """
    Everything taught, in the order of teaching. Changes return a new gallery, one revision later.

    :param revision: grows by one with every change.
    :param calibrations: from what similarity each action counts, as a model has measured it on
        these very templates, at most one a label: a change of the templates drops all of them.
    """

    templates: tuple[Template, ...] = ()
    revision: int = 0
    config: GalleryConfig = GalleryConfig()
    calibrations: tuple[Calibration, ...] = ()

    def __len__(self) -> int:
        return len(self.templates)

    @property
    def labels(self) -> tuple[str, ...]:
        """Each action's name once, in the order first taught."""
        return tuple(dict.fromkeys(template.label for template in self.templates))

    def shots(self, label: str) -> tuple[Template, ...]:
        """Return the demonstrations of one action, oldest first; none where it is not taught."""
        wanted = _normal(label)
        return tuple(template for template in self.templates if template.label == wanted)

    def calibration(self, label: str) -> Calibration | None:
        """Return what was measured of one action; None where nothing was."""
        wanted = _normal(label)
        return next((one for one in self.calibrations if one.label == wanted), None)

    def own_threshold(self, label: str) -> float:
        """Return the user's own threshold of an action, the least of its shots'; 0: none."""
        return min(
            (shot.threshold for shot in self.shots(label) if shot.threshold > 0.0), default=0.0
        )

    def threshold(self, label: str) -> float:
        """Return the user's own threshold of an action, else the measured one; 0: neither."""
        calibration = self.calibration(label)
        return self.own_threshold(label) or (calibration.threshold if calibration else 0.0)

    def calibrated(self, calibrations: Iterable[Calibration]) -> Gallery:
        """Return the same revision with what a model has measured of its actions."""
        return replace(self, calibrations=tuple(calibrations))

    def with_threshold(self, label: str, threshold: float) -> Gallery:
        """
        Set the user's own threshold of an action; 0 gives it back to the calibration.

        :raises GalleryError: the action is not taught, or the threshold is not from 0 to 1.
        """
        self._known(label)
        _check_threshold(threshold)
        label = _normal(label)
        return self._next(
            replace(template, threshold=threshold) if template.label == label else template
            for template in self.templates
        )

    def check_room(self, label: str, replace: bool = False) -> str:
        """
        Check whether one more demonstration of `label` could be added; return the label as stored.

        :raises GalleryError: the label is unfit, or the gallery or this action's share is full.
        """
        label = checked_label(label, self.config.max_label_length)
        shots = len(self.shots(label))
        if replace:
            kept, shots = len(self) - shots, 0
        else:
            kept = len(self)
        if kept >= self.config.max_templates:
            raise GalleryError(
                f'the gallery is full: it holds {kept} demonstrations, max_templates is '
                f'{self.config.max_templates}: remove some, or raise it'
            )
        if shots >= self.config.max_shots_per_label:
            raise GalleryError(
                f'the gallery is full for {label!r}: it holds {shots} demonstrations of it, '
                f'max_shots_per_label is {self.config.max_shots_per_label}: replace them, remove '
                'some, or raise it'
            )
        return label

    def add(self, template: Template, replace: bool = False) -> Gallery:
        """
        Add a demonstration, to those of its label or, with `replace`, instead of them: one that
        brings no threshold of its own then takes over theirs.

        :raises GalleryError: as `check_room` says, or the id is empty or taken, or the threshold is
            not from 0 to 1, or the clip lasts too long.
        """
        label = self.check_room(template.label, replace)
        kept = self.templates
        if replace:
            kept = tuple(other for other in kept if other.label != label)
            template = _with_own(template, self.own_threshold(label))
        if not template.id or any(other.id == template.id for other in kept):
            raise GalleryError(
                f'a template needs an id of its own, got {template.id!r}'
                f'{": already in the gallery" if template.id else ""}'
            )
        _check_threshold(template.threshold)
        if template.clip.duration_s > LONGEST_MOTION_S:
            raise GalleryError(
                f'a demonstration must last at most {LONGEST_MOTION_S:g} s, got '
                f'{template.clip.duration_s:g} s'
            )
        return self._next((*kept, _relabelled(template, label)))

    def rename(self, label: str, new_label: str) -> Gallery:
        """
        Give all demonstrations of one action another name.

        :raises GalleryError: `label` is not taught, `new_label` is unfit, or another action already
            has that name (two actions are never joined by accident).
        """
        self._known(label)
        new_label = checked_label(new_label, self.config.max_label_length)
        label = _normal(label)
        if self.shots(new_label):
            raise GalleryError(
                f'cannot rename {label!r} to {new_label!r}: {new_label!r} is already taught; '
                'remove it first, or take another name'
            )
        return self._next(
            _relabelled(template, new_label) if template.label == label else template
            for template in self.templates
        )

    def remove(self, label: str, template_id: str = '') -> Gallery:
        """
        Forget one demonstration of an action, or with no id all of them.

        :raises GalleryError: the action is not taught, or has no such demonstration.
        """
        shots = self._known(label)
        gone = {shot.id for shot in shots if template_id in ('', shot.id)}
        if not gone:
            raise GalleryError(
                f'{_normal(label)!r} has no demonstration {_quoted(template_id)}: it has '
                f'{", ".join(shot.id for shot in shots)}'
            )
        return self._next(template for template in self.templates if template.id not in gone)

    def merge(self, other: Gallery, on_conflict: str = 'keep') -> Merge:
        """
        Take over what another gallery holds, all of it or, on an error, nothing.

        The conflict is an action taught in both, or a demonstration (its id) held by both. 'keep'
        leaves those here as they are; 'replace' gives them up for the other gallery's.

        :raises GalleryError: `on_conflict` is neither, or the result would break a limit or rule.
        """
        if on_conflict not in ON_CONFLICT:
            raise GalleryError(f'on_conflict must be one of {ON_CONFLICT}, got {on_conflict!r}')
        labels, ids = set(self.labels), {template.id for template in self.templates}
        added = other.templates
        removed: tuple[Template, ...] = ()
        if on_conflict == 'keep':
            added = tuple(new for new in added if new.label not in labels and new.id not in ids)
        else:
            their_labels, their_ids = set(other.labels), {new.id for new in added}
            removed = tuple(
                own for own in self.templates if own.label in their_labels or own.id in their_ids
            )
        counts = MergeCounts(len(added), len(other) - len(added), len(removed))
        if not added:
            return Merge(self, (), (), counts)
        gone = {own.id for own in removed}
        merged = replace(self, templates=tuple(own for own in self.templates if own.id not in gone))
        for new in added:
            merged = merged.add(new)
        added = merged.templates[len(merged) - len(added) :]
        return Merge(self._next(merged.templates), added, removed, counts)

    def _known(self, label: str) -> tuple[Template, ...]:
        shots = self.shots(label)
        if not shots:
            raise GalleryError(
                f'no action {_quoted(label)} is taught: '
                f'{"there are " + ", ".join(self.labels) if self.labels else "there is none yet"}'
            )
        return shots

    def _next(self, templates: Iterable[Template]) -> Gallery:
        return replace(
            self, templates=tuple(templates), revision=self.revision + 1, calibrations=()
        )


def _normal(label: str) -> str:
    return unicodedata.normalize('NFC', label).strip()


def _relabelled(template: Template, label: str) -> Template:
    clip = replace(template.clip, label=label, annotations=())
    return replace(template, label=label, clip=clip)


def _with_own(template: Template, threshold: float) -> Template:
    return template if template.threshold > 0.0 else replace(template, threshold=threshold)


def _check_threshold(threshold: float) -> None:
    if not 0.0 <= threshold <= 1.0:
        raise GalleryError(f'a threshold must be from 0 to 1, got {threshold!r}')


def _quoted(label: str) -> str:
    return repr(label) if len(label) <= 80 else f'{label[:77]!r}...'
