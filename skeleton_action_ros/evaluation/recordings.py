"""Teach from annotated recordings, and put what was found in several of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import GalleryError, SkeletonActionError
from skeleton_action_ros.core.gallery import Gallery, Template, template_id
from skeleton_action_ros.core.skeleton import (
    NS_PER_S,
    ActionSpan,
    SkeletonFrame,
    clip_from_frames,
)
from skeleton_action_ros.evaluation.evidence import Evidence
from skeleton_action_ros.evaluation.metrics import Detection, answered
from skeleton_action_ros.evaluation.replay import Replay, detections_of
from skeleton_action_ros.evaluation.streams import Stream

_FEWEST_FRAMES = 4
_RECORDINGS_APART = 1 << 32
_ROUNDS_APART = 1 << 64
_AWAY_NS = NS_PER_S
"""Who is not seen for longer is not in view."""


@dataclass(frozen=True)
class Lesson:
    """
    What recordings have taught.

    :param shown: the demonstrations, by the path of the recording.
    :param problems: one message for each demonstration that taught nothing.
    """

    gallery: Gallery
    shown: Mapping[Path, tuple[ActionSpan, ...]]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """
    One replayed recording.

    :param stream: its truth is everything annotated that counts, taught or not.
    :param ignored: stretches that do not count: demonstrations.
    """

    stream: Stream
    replay: Replay
    ignored: tuple[ActionSpan, ...] = ()

    def counts(self, event: ActionSpan) -> bool:
        """Say whether an event counts: it does not where it answers what does not."""
        truth = self.stream.truth
        answer = answered(event, [*truth, *self.ignored])
        return answer is None or answer < len(truth)


def teach(
    streams: Sequence[Stream], *, shots: int = 0, actions: Collection[str] | None = None
) -> Lesson:
    """
    Enrol annotated actions of recordings, as `/enroll_action` does with raw clips.

    :param shots: the first so many demonstrations of each action; 0: all.
    :param actions: which are taught; None: all.
    :raises GalleryError: nothing is taught.
    """
    gallery = Gallery()
    shown: dict[Path, list[ActionSpan]] = {stream.path: [] for stream in streams}
    problems = []
    for stream in streams:
        frames = _frames_by_person(stream)
        for span in stream.truth:
            if actions is not None and span.label not in actions:
                continue
            if shots and len(gallery.shots(span.label)) >= shots:
                continue
            try:
                gallery = gallery.add(_template(span, frames.get(span.body_id, ()), stream.name))
                shown[stream.path].append(span)
            except SkeletonActionError as error:
                place = f'{span.label!r} at {span.start_ns / NS_PER_S:.2f} s of {stream.name}'
                problems.append(f'{place} is not taught: {error}')
    if not gallery.labels:
        names = ', '.join(stream.name for stream in streams)
        raise GalleryError(f'nothing is taught by {names}: {"; ".join(problems) or "no spans"}')
    return Lesson(gallery, {path: tuple(spans) for path, spans in shown.items()}, tuple(problems))


@dataclass(frozen=True)
class Pool:
    """
    Several recordings as if they were one: persons of different ones are different persons.

    :param truth: what was performed and counts.
    :param detections: what was found, without answers to what does not count.
    :param stamps_ns: when each person was seen, nanoseconds.
    :param ignored: stretches that do not count.
    :param evidence: what each window spoke for; empty where it is not known.
    :param hours: length of all recordings.
    :param hours_of_nothing: how long persons, added up, are in view and do nothing annotated.
    """

    truth: tuple[ActionSpan, ...]
    detections: tuple[Detection, ...]
    stamps_ns: Mapping[int, NDArray[np.int64]]
    ignored: tuple[ActionSpan, ...]
    evidence: tuple[Evidence, ...]
    hours: float
    hours_of_nothing: float

    @property
    def spans(self) -> list[ActionSpan]:
        """The stretches of the detections."""
        return [detection.span for detection in self.detections]


def pool(
    recordings: Sequence[Recording], found: Sequence[Sequence[Detection]] | None = None
) -> Pool:
    """
    Pool recordings.

    :param found: what another method found in each; None: the events of the replays.
    """
    truth: list[ActionSpan] = []
    detections: list[Detection] = []
    stamps_ns: dict[int, NDArray[np.int64]] = {}
    ignored: list[ActionSpan] = []
    evidence: list[Evidence] = []
    quiet_ns = 0
    for index, recording in enumerate(recordings):
        apart = index * _RECORDINGS_APART
        stream = recording.stream
        own = detections_of(recording.replay.events) if found is None else found[index]
        counted = [*stream.truth, *recording.ignored]
        detections += [
            replace(detection, span=_moved(detection.span, apart))
            for detection in own
            if recording.counts(detection.span)
        ]
        truth += [_moved(span, apart) for span in stream.truth]
        ignored += [_moved(span, apart) for span in recording.ignored]
        stamps_ns |= {body + apart: own for body, own in recording.replay.stamps_ns.items()}
        if found is None:
            evidence += [
                replace(one, body_id=one.body_id + apart) for one in recording.replay.evidence
            ]
        for body_id, seen_ns in recording.replay.stamps_ns.items():
            own_spans = [span for span in counted if span.body_id == body_id]
            quiet_ns += _quiet_ns(seen_ns, own_spans)
    return Pool(
        truth=tuple(truth),
        detections=tuple(detections),
        stamps_ns=stamps_ns,
        ignored=tuple(ignored),
        evidence=tuple(evidence),
        hours=sum(recording.stream.duration_s for recording in recordings) / 3600.0,
        hours_of_nothing=quiet_ns / NS_PER_S / 3600.0,
    )


def merged(pools: Sequence[Pool], taught: Sequence[Collection[str]]) -> Pool:
    """
    Put the pools of several rounds into one.

    :param taught: the labels of each round; what was performed of others counts as never taught,
        whatever another round has taught: its label becomes empty.
    """
    truth: list[ActionSpan] = []
    detections: list[Detection] = []
    stamps_ns: dict[int, NDArray[np.int64]] = {}
    ignored: list[ActionSpan] = []
    evidence: list[Evidence] = []
    for index, (one, labels) in enumerate(zip(pools, taught, strict=True)):
        apart = index * _ROUNDS_APART
        truth += [
            _moved(span if span.label in labels else replace(span, label=''), apart)
            for span in one.truth
        ]
        detections += [replace(each, span=_moved(each.span, apart)) for each in one.detections]
        stamps_ns |= {body_id + apart: stamps for body_id, stamps in one.stamps_ns.items()}
        ignored += [_moved(span, apart) for span in one.ignored]
        evidence += [replace(each, body_id=each.body_id + apart) for each in one.evidence]
    return Pool(
        truth=tuple(truth),
        detections=tuple(detections),
        stamps_ns=stamps_ns,
        ignored=tuple(ignored),
        evidence=tuple(evidence),
        hours=sum(one.hours for one in pools),
        hours_of_nothing=sum(one.hours_of_nothing for one in pools),
    )


def recording_of(body_id: int) -> tuple[int, int]:
    """Return which recording of a pool a person is in, and the body id there."""
    return divmod(body_id, _RECORDINGS_APART)


def _moved(span: ActionSpan, apart: int) -> ActionSpan:
    return replace(span, body_id=span.body_id + apart)


def _quiet_ns(stamps_ns: NDArray[np.int64], spans: Sequence[ActionSpan]) -> int:
    """Return how long a person is in view and does nothing of `spans`, nanoseconds."""
    if len(stamps_ns) == 0:
        return 0
    quiet = 0
    gaps = np.flatnonzero(np.diff(stamps_ns) > _AWAY_NS) + 1
    for stay in np.split(stamps_ns, gaps):
        at_ns, last_ns = int(stay[0]), int(stay[-1])
        for span in sorted(spans, key=lambda span: span.start_ns):
            quiet += max(min(span.start_ns, last_ns) - at_ns, 0)
            at_ns = max(at_ns, span.end_ns)
        quiet += max(last_ns - at_ns, 0)
    return quiet


def _frames_by_person(stream: Stream) -> dict[int, list[SkeletonFrame]]:
    frames: dict[int, list[SkeletonFrame]] = {}
    for scene in stream.scenes:
        for frame in scene.skeletons:
            frames.setdefault(frame.body_id, []).append(frame)
    return frames


def _template(span: ActionSpan, frames: Sequence[SkeletonFrame], source: str) -> Template:
    shown = [frame for frame in frames if span.start_ns <= frame.stamp_ns <= span.end_ns]
    if len(shown) < _FEWEST_FRAMES:
        raise GalleryError(f'it has {len(shown)} frames, {_FEWEST_FRAMES} are wanted')
    clip = clip_from_frames(shown, label=span.label)
    identity = template_id(span.label, clip, span.start_ns)
    return Template(identity, span.label, clip, 0.0, span.start_ns, f'annotated in {source}')
