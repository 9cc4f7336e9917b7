"""The recordings of an evaluation as the player shows them, and who was taken for what in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from skeleton_action_ros.core.decision import EventKind
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.page import NONE, Bar, Confusion, Footage
from skeleton_action_ros.evaluation.recordings import Recording
from skeleton_action_ros.evaluation.replay import detections_of
from skeleton_action_ros.evaluation.rounds import Round
from skeleton_action_ros.evaluation.summary import NEVER_TAUGHT, NOTHING, Outcomes


def views(rounds: Sequence[Round]) -> dict[Path, tuple[str, Footage]]:
    """Return name and footage of each recording, each from the first round that has it."""
    found: dict[Path, tuple[str, Footage]] = {}
    for one in rounds:
        for recording in one.recordings:
            if recording.stream.path not in found:
                name = recording.stream.name
                if len(rounds) > 1:
                    name = f'{name}, taught by {one.teaching.teacher}'
                found[recording.stream.path] = (name, footage(recording, one.taught))
    return found


def footage(recording: Recording, taught: Sequence[str]) -> Footage:
    """Return what to play of one recording."""
    stream = recording.stream
    detections = detections_of(recording.replay.events)
    counted = [one.span for one in detections if recording.counts(one.span)]
    outcomes = Outcomes(stream.truth, counted, taught)
    ended_ns = {
        (event.body_id, event.label, event.start_ns): event.stamp_ns
        for event in recording.replay.events
        if event.kind is EventKind.ENDED
    }
    lessons = [
        Bar(span.body_id, span.label, span.start_ns, span.end_ns, 'taught')
        for span in recording.ignored
    ]
    events = []
    for one in detections:
        span = one.span
        until_ns = ended_ns.get((span.body_id, span.label, span.start_ns), span.end_ns)
        events.append(
            Bar(
                span.body_id,
                span.label,
                span.start_ns,
                span.end_ns,
                _worth(span, recording, outcomes),
                open_ns=(one.decided_ns, max(until_ns, one.decided_ns)),
                note=f'confidence {one.confidence:.2f}',
            )
        )
    people = {body_id: f'person {body_id}' for body_id in stream.people}
    return Footage(people, stream.scenes, [*lessons, *outcomes.shown_bars()], events)


def _worth(event: ActionSpan, recording: Recording, outcomes: Outcomes) -> str:
    """Return the key of `OUTCOMES` that an event is drawn with; nobody knows without a truth."""
    if not recording.stream.annotated:
        return NEVER_TAUGHT
    return outcomes.worth_of(event) if recording.counts(event) else 'taught'


def confusion(rounds: Sequence[Round]) -> Confusion:
    """Count over all rounds who was taken for what."""
    counts: Counter[tuple[str, str]] = Counter()
    taught: dict[str, None] = {}
    for one in rounds:
        taught |= dict.fromkeys(one.taught)
        part = Outcomes(one.pooled.truth, one.pooled.spans, one.taught).confusion()
        for row, values in zip(part.rows, part.counts, strict=True):
            for column, value in zip(part.columns, values, strict=True):
                counts[row, column] += value
    rows, columns = (*taught, NEVER_TAUGHT, NOTHING), (*taught, NONE)
    return Confusion(
        rows, columns, tuple(tuple(counts[row, column] for column in columns) for row in rows)
    )
