"""The recogniser: windows of any number of persons in, labels and events out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.decision import (
    ActionEvent,
    DecisionConfig,
    Match,
    PersonDecision,
    Phase,
    weight_of,
)
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.matching import (
    ClassifierMatcher,
    Hypothesis,
    Matcher,
    MatchingConfig,
    TemplateIndex,
)
from skeleton_action_ros.core.motion import Motion, MotionConfig, find_motions
from skeleton_action_ros.core.posture import AWAY_M, POSTURE_NS, Postures, distance_m
from skeleton_action_ros.core.repetition import REPEATED_NS, repeats
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from skeleton_action_ros.core.windows import Window

IDLE = 'idle'
UNKNOWN = 'unknown'
_MOST_HYPOTHESES = 5
_SAME = 0.1
"""Pieces whose lengths differ by less than this share look the same to a model."""


@dataclass(frozen=True)
class RecognizerConfig:
    """How motion is cut, compared and decided on."""

    threshold: float = setting(
        0.0,
        'similarity from which a match counts, where an action has no threshold of its own; 0: '
        'what each action, or for a classifier the model, was calibrated to',
        low=0.0,
        high=1.0,
    )
    forget_s: float = setting(
        1.3, 'a person not seen for this long has left', unit='s', low=0.1, high=60.0
    )
    motion: MotionConfig = field(default_factory=MotionConfig)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)


@dataclass(frozen=True)
class Recognition:
    """
    What one person seems to do at the end of a window.

    :param label: an enrolled action, 'unknown' for other movement, 'idle' for none.
    :param confidence: 0 to 1.
    :param hypotheses: the most similar actions, best first.
    """

    body_id: int
    stamp_ns: int
    label: str
    confidence: float
    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True)
class Update:
    """What came of one batch of windows."""

    recognitions: tuple[Recognition, ...]
    events: tuple[ActionEvent, ...]


@dataclass
class _Person:
    decision: PersonDecision
    seen_ns: int


@dataclass(frozen=True)
class _Cut:
    """
    The pieces of one window that may be an action, and what the person is about.

    :param clip: the window, as `common_15`.
    """

    clip: Clip
    pieces: tuple[Clip, ...]
    phase: Phase


class Recognizer:
    """
    Compares the motions in each person's window with the known actions.

    Whatever moves is cut into pieces that end now (or where the motion has just ended) and begin
    where a motion began, or as long ago as a demonstration lasted. All pieces of all persons go
    through the model in one batch; `decision.PersonDecision` turns the similarities into events.

    `counts` says how many windows were taken (`windows`), refused as not later than the last one
    (`out_of_order`), and how many pieces were compared (`pieces`).
    """

    def __init__(self, model: Model, config: RecognizerConfig) -> None:
        self._config = config
        self._index = TemplateIndex(model, config.motion, config.matching, config.threshold)
        self._matcher: Matcher = self._index
        if model.kind == 'classifier':
            self._matcher = ClassifierMatcher(model, config.threshold or model.threshold)
        self._people: dict[int, _Person] = {}
        self.counts: Counter[str] = Counter()

    @property
    def labels(self) -> tuple[str, ...]:
        """The actions that can be recognised."""
        return self._matcher.labels

    def set_gallery(self, gallery: Gallery) -> list[str]:
        """
        Follow a gallery that has changed; a classifier ignores it.

        :return: one message for each template that cannot be used; the others are.
        """
        return self._index.set_gallery(gallery) if self._matcher is self._index else []

    def update(self, windows: Sequence[Window]) -> Update:
        """
        Take windows of different persons that end at about the same time.

        A window that does not end later than the last one of its person is counted and left out.
        """
        fresh = [window for window in windows if self._is_later(window)]
        self.counts['windows'] += len(fresh)
        cuts = [self._cut(window) for window in fresh]
        pieces = [piece for cut in cuts for piece in cut.pieces]
        self.counts['pieces'] += len(pieces)
        similarities = self._matcher.similarities(pieces)
        recognitions = []
        events: list[ActionEvent] = []
        first = 0
        for window, cut in zip(fresh, cuts, strict=True):
            rows = similarities[first : first + len(cut.pieces)]
            first += len(cut.pieces)
            recognition, some = self._decide(window, cut, rows)
            recognitions.append(recognition)
            events += some
        return Update(tuple(recognitions), tuple(events))

    def expire(self, now_ns: int) -> Update:
        """End what is open for persons who have not been seen for `forget_s`, and forget them."""
        events: list[ActionEvent] = []
        for body_id, person in list(self._people.items()):
            if now_ns - person.seen_ns > self._config.forget_s * NS_PER_S:
                events += person.decision.end(person.seen_ns)
                del self._people[body_id]
        return Update((), tuple(events))

    def clear(self) -> None:
        """Forget all persons: time has jumped back. The gallery stays."""
        self._people.clear()

    def _is_later(self, window: Window) -> bool:
        stamp_ns = int(window.clip.stamps_ns[-1])
        person = self._people.get(window.body_id)
        if person is None:
            decision = PersonDecision(window.body_id, self._config.decision)
            self._people[window.body_id] = _Person(decision, stamp_ns)
            return True
        if stamp_ns <= person.seen_ns:
            self.counts['out_of_order'] += 1
            return False
        person.seen_ns = stamp_ns
        return True

    def _cut(self, window: Window) -> _Cut:
        clip = window.clip.in_common_15()
        motions = find_motions(clip, self._config.motion)
        if not motions or motions[-1].finished:
            held = bool(motions) and self._holds(clip, motions)
            return _Cut(clip, (), Phase.HOLDING if held else Phase.STILL)
        end_ns = motions[-1].end_ns
        free_ns = self._people[window.body_id].decision.free_from_ns
        starts = sorted({max(motion.start_ns, free_ns) for motion in motions})
        shortest_ns = round(self._config.motion.shortest_s * NS_PER_S)
        for scale_s in self._matcher.scales_s:
            length_ns = round(scale_s * NS_PER_S)
            near = any(abs(end_ns - length_ns - start) < _SAME * length_ns for start in starts)
            if end_ns - length_ns > starts[0] and not near:
                starts.append(end_ns - length_ns)
        pieces = (
            clip.between(start_ns, end_ns)
            for start_ns in starts
            if end_ns - start_ns >= shortest_ns
        )
        return _Cut(clip, tuple(piece for piece in pieces if len(piece) > 1), Phase.MOVING)

    def _holds(self, clip: Clip, motions: Sequence[Motion]) -> bool:
        """Say whether the person has stopped in a posture unlike all those before the motions."""
        now_ns = int(clip.stamps_ns[-1])
        if now_ns - motions[-1].end_ns > self._config.decision.hold_s * NS_PER_S:
            return False
        postures = Postures(clip)
        now = postures.median(now_ns - POSTURE_NS, now_ns)
        return all(
            distance_m(postures.median(one.start_ns - POSTURE_NS, one.start_ns), now) > AWAY_M
            for one in motions
        )

    def _decide(
        self, window: Window, cut: _Cut, similarities: NDArray[np.float32]
    ) -> tuple[Recognition, list[ActionEvent]]:
        now_ns = int(window.clip.stamps_ns[-1])
        decision = self._people[window.body_id].decision
        best = self._best_of_each(cut, similarities)
        events = decision.update(
            now_ns,
            {match.label: match for match in best if match.similarity >= match.threshold},
            self._ongoing(decision.open, cut, similarities),
            cut.phase,
        )
        hypotheses = tuple(
            Hypothesis(match.label, match.similarity, match.threshold, match.start_ns, match.end_ns)
            for match in best[:_MOST_HYPOTHESES]
        )
        label, confidence = self._label(decision, best, cut.phase)
        return Recognition(window.body_id, now_ns, label, confidence, hypotheses), events

    def _best_of_each(self, cut: _Cut, similarities: NDArray[np.float32]) -> list[Match]:
        """Return the strongest piece of each label near its threshold or among the first."""
        if not cut.pieces:
            return []
        weights = [weight_of(int(np.ptp(piece.stamps_ns[[0, -1]]))) for piece in cut.pieces]
        above = similarities - self._matcher.thresholds
        strength = np.where(above > 0.0, above * np.array(weights)[:, None], above)
        rows = strength.argmax(axis=0)
        peaks = similarities[rows, np.arange(len(rows))]
        near = peaks >= self._matcher.thresholds - self._config.decision.hysteresis
        near[np.argsort(-peaks)[:_MOST_HYPOTHESES]] = True
        matches = [
            self._match(cut.pieces[rows[column]], column, peaks[column])
            for column in np.flatnonzero(near & (peaks >= 0.0))
        ]
        return sorted(matches, key=lambda match: -match.similarity)

    def _ongoing(
        self, opened: Match | None, cut: _Cut, similarities: NDArray[np.float32]
    ) -> list[Match]:
        """
        Return the pieces that are similar enough for the open action to go on.

        Whoever repeats what they have just done goes on with it, too: a demonstration has a
        beginning and an end, and the middle of a long wave is like neither.
        """
        if opened is None or opened.label not in self._matcher.labels or not cut.pieces:
            return []
        column = self._matcher.labels.index(opened.label)
        threshold = float(self._matcher.thresholds[column])
        ongoing = [
            self._match(piece, column, similarity)
            for piece, similarity in zip(cut.pieces, similarities[:, column], strict=True)
            if similarity >= threshold - self._config.decision.hysteresis
        ]
        if repeats(cut.clip, opened.start_ns):
            end_ns = int(cut.clip.stamps_ns[-1])
            confidence = self._matcher.confidence(threshold, threshold)
            ongoing.append(
                Match(opened.label, threshold, threshold, confidence, end_ns - REPEATED_NS, end_ns)
            )
        return ongoing

    def _match(self, piece: Clip, column: int, similarity: float) -> Match:
        threshold = float(self._matcher.thresholds[column])
        return Match(
            self._matcher.labels[column],
            float(similarity),
            threshold,
            self._matcher.confidence(float(similarity), threshold),
            int(piece.stamps_ns[0]),
            int(piece.stamps_ns[-1]),
        )

    @staticmethod
    def _label(decision: PersonDecision, best: Sequence[Match], phase: Phase) -> tuple[str, float]:
        if decision.open:
            return decision.open.label, decision.open.confidence
        if phase is not Phase.MOVING:
            return IDLE, 1.0
        if best and best[0].similarity >= best[0].threshold:
            return best[0].label, best[0].confidence
        return UNKNOWN, 1.0 - best[0].confidence if best else 1.0
