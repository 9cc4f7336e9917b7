"""Annotated recordings: teach from some, replay others, and pool the figures of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from skeleton_action_ros.core.decision import ActionEvent
from skeleton_action_ros.core.errors import GalleryError, SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery, Template, template_id
from skeleton_action_ros.core.skeleton import (
    NS_PER_S,
    ActionSpan,
    Scene,
    SkeletonFrame,
    clip_from_frames,
)
from skeleton_action_ros.evaluation.metrics import event_f1, match_events, onset_latencies_s
from skeleton_action_ros.evaluation.replay import Replay, spans_of_events
from skeleton_action_ros.evaluation.summary import Outcomes

IOUS = (0.1, 0.25, 0.5)
_FEWEST_FRAMES = 4
_RECORDINGS_APART = 1 << 32


@dataclass(frozen=True)
class Recording:
    """
    One replayed recording.

    :param name: for tables, such as the file's name.
    :param truth: everything annotated, taught or not.
    """

    name: str
    truth: tuple[ActionSpan, ...]
    replay: Replay
    duration_s: float


def teach(
    gallery: Gallery, name: str, scenes: Iterable[Scene], spans: Sequence[ActionSpan]
) -> tuple[Gallery, list[str]]:
    """
    Enrol every annotated action of a recording, as `/enroll_action` does with raw clips.

    :param name: of the recording, kept as the templates' source.
    :return: the gallery with the new templates, and one message for each span that gave none.
    """
    frames: dict[int, list[SkeletonFrame]] = {}
    for scene in scenes:
        for frame in scene.skeletons:
            frames.setdefault(frame.body_id, []).append(frame)
    problems = []
    for span in spans:
        shown = [
            frame
            for frame in frames.get(span.body_id, [])
            if span.start_ns <= frame.stamp_ns <= span.end_ns
        ]
        what = f'{span.label!r} at {span.start_ns / NS_PER_S:.2f} s of {name}'
        if len(shown) < _FEWEST_FRAMES:
            problems.append(f'{what} is not taught: it has {len(shown)} frames')
            continue
        try:
            clip = clip_from_frames(shown, label=span.label)
            identity = template_id(span.label, clip, span.start_ns)
            gallery = gallery.add(
                Template(identity, span.label, clip, 0.0, span.start_ns, f'annotated in {name}')
            )
        except SkeletonActionError as error:
            problems.append(f'{what} is not taught: {error}')
    if not gallery.labels:
        raise GalleryError(f'nothing is taught by {name}: {"; ".join(problems) or "no spans"}')
    return gallery, problems


def figures(recordings: Sequence[Recording], taught: Collection[str]) -> dict[str, object]:
    """
    Pool recordings into one set of figures: those of `Summary`, and how well events fit in time.

    Actions of different recordings are different persons' whatever their ids.
    """
    truth: list[ActionSpan] = []
    spans: list[ActionSpan] = []
    events: list[ActionEvent] = []
    for index, recording in enumerate(recordings):
        truth += [_apart(span, index) for span in recording.truth]
        own = [
            replace(event, body_id=event.body_id + index * _RECORDINGS_APART)
            for event in recording.replay.events
        ]
        events += own
        spans += spans_of_events(own)
    frame_ms = [value for item in recordings for value in item.replay.frame_latency_ms]
    labels = tuple(taught)
    matching = match_events(truth, spans, labels)
    onset_s = onset_latencies_s(matching.verdicts, events)
    summary = asdict(Outcomes(truth, spans, labels).summary(frame_ms))
    summary.pop('latency_ms')
    hours = sum(recording.duration_s for recording in recordings) / 3600.0
    return {
        **summary,
        'event_f1': {
            str(threshold): round(event_f1(truth, spans, labels, threshold).value, 4)
            for threshold in IOUS
        },
        'false_events_per_hour': round(len(matching.false_events) / hours, 2) if hours else 0.0,
        'onset_latency_s': _percentiles(onset_s, (50, 90)),
        'frame_latency_ms': _percentiles(frame_ms, (50, 99)),
        'frames': sum(recording.replay.scenes for recording in recordings),
        'refused': dict(sum((recording.replay.refused for recording in recordings), Counter())),
        'recordings': len(recordings),
    }


def _apart(span: ActionSpan, index: int) -> ActionSpan:
    return replace(span, body_id=span.body_id + index * _RECORDINGS_APART)


def _percentiles(values: Sequence[float], percents: Sequence[int]) -> dict[str, float | None]:
    if not values:
        return {f'p{percent}': None for percent in percents}
    return {f'p{percent}': round(float(np.percentile(values, percent)), 3) for percent in percents}
