"""An evaluation as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.decision import EventKind
from skeleton_action_ros.evaluation.figures import over_rounds
from skeleton_action_ros.evaluation.rounds import Round
from skeleton_action_ros.evaluation.streams import Stream


def document(
    model: str, rounds: Sequence[Round], streams: Sequence[Stream], problems: Sequence[str]
) -> dict[str, Any]:
    """
    Return all that is known of an evaluation, the figures of several rounds as one.

    :param model: the bundle's name.
    :param rounds: at least one.
    :param streams: what was to be replayed.
    :param problems: everything that could not be read.
    """
    return {
        'model': model,
        'taught': sorted({label for one in rounds for label in one.taught}),
        **_figures(rounds),
        'bags': _bags(rounds, streams),
        'problems': list(problems),
    }


def _figures(rounds: Sequence[Round]) -> dict[str, Any]:
    if len(rounds) == 1:
        return rounds[0].found
    total, spread = over_rounds([one.found for one in rounds])
    each = [
        {'teacher': one.teaching.teacher, 'taught': list(one.taught), **one.found} for one in rounds
    ]
    return {**total, 'spread': spread, 'rounds': each}


def _bags(rounds: Sequence[Round], streams: Sequence[Stream]) -> list[dict[str, Any]]:
    """Return what could be read of each bag."""
    events: dict[Path, int] = {}
    for one in rounds:
        for recording in one.recordings:
            started = sum(event.kind is EventKind.STARTED for event in recording.replay.events)
            path = recording.stream.path
            events[path] = events.get(path, 0) + started
    return [
        {
            'bag': stream.name,
            'scenes': len(stream.scenes),
            'duration_s': round(stream.duration_s, 3),
            'people': len(stream.people),
            'annotations': len(stream.truth),
            'events': events.get(stream.path, 0),
            'refused': dict(sorted(stream.refused.items())),
            'problems': list(stream.problems),
        }
        for stream in streams
    ]
