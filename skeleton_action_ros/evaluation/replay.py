"""Scenes through the same core as the nodes, as fast as possible."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.identity import IdentityConfig, IdentityTracker
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from skeleton_action_ros.core.skeleton import (
    END_OF_TIME_NS,
    ActionSpan,
    Clip,
    Scene,
    SkeletonFrame,
)
from skeleton_action_ros.core.streams import Step, Timeline
from skeleton_action_ros.core.windows import WindowBuffer, WindowConfig
from skeleton_action_ros.evaluation.evidence import Evidence, evidence_of
from skeleton_action_ros.evaluation.metrics import Detection


@dataclass(frozen=True)
class Replay:
    """
    What the recogniser did with a recording.

    :param events: in the order they were decided.
    :param evidence: what each window spoke for, in the order of the windows.
    :param stamps_ns: when each person was seen, rising, of the frames that were not refused.
    :param scenes: how many scenes were replayed.
    :param frame_latency_ms: time spent on each scene, wall clock, milliseconds.
    :param event_latency_ms: time from the frame that decided it to each started event.
    :param refused: frames left out, by reason, and scenes with a stray stamp.
    """

    events: tuple[ActionEvent, ...]
    evidence: tuple[Evidence, ...]
    stamps_ns: Mapping[int, NDArray[np.int64]]
    scenes: int
    frame_latency_ms: tuple[float, ...]
    event_latency_ms: tuple[float, ...]
    refused: Counter[str]


def replay(
    scenes: Iterable[Scene],
    model: Model,
    gallery: Gallery,
    windows: WindowConfig | None = None,
    recognizer: RecognizerConfig | None = None,
    identity: IdentityConfig | None = None,
) -> Replay:
    """
    Run scenes through identities, windows and recogniser.

    The result depends on the scenes, the model, the gallery and the configuration alone; only the
    latencies differ from run to run. As in the nodes, everything begins anew where time jumps back,
    and what is open then ends.
    """
    identities = IdentityTracker(identity or IdentityConfig())
    buffer = WindowBuffer(windows or WindowConfig())
    engine = Recognizer(model, recognizer or RecognizerConfig())
    engine.set_gallery(gallery)
    events: list[ActionEvent] = []
    evidence: list[Evidence] = []
    seen: dict[int, list[int]] = {}
    frame_ms: list[float] = []
    event_ms: list[float] = []
    timeline = Timeline()
    strays = 0
    for scene in scenes:
        began_s = time.perf_counter()
        before = len(events)
        step = timeline.take(scene.stamp_ns, bool(scene.skeletons))
        if step is Step.STRAY:
            strays += 1
            continue
        if step is Step.BACK:
            events += engine.expire(END_OF_TIME_NS).events
            identities.clear()
            buffer.clear()
        due = []
        for frame in identities.push(scene).skeletons:
            try:
                window = buffer.push(frame)
            except BadSkeletonError:
                continue
            seen.setdefault(frame.body_id, []).append(frame.stamp_ns)
            if window is not None:
                due.append(window)
        update = engine.update(due)
        events += update.events
        events += engine.expire(scene.stamp_ns).events
        took_ms = (time.perf_counter() - began_s) * 1e3
        frame_ms.append(took_ms)
        event_ms += [took_ms for one in events[before:] if one.kind is EventKind.STARTED]
        evidence += [evidence_of(recognition) for recognition in update.recognitions]
    events += engine.expire(END_OF_TIME_NS).events
    refused = buffer.counts
    if strays:
        refused['stray_stamp'] = strays
    return Replay(
        events=tuple(events),
        evidence=tuple(evidence),
        stamps_ns={body_id: np.sort(np.array(stamps)) for body_id, stamps in seen.items()},
        scenes=len(frame_ms),
        frame_latency_ms=tuple(frame_ms),
        event_latency_ms=tuple(event_ms),
        refused=refused,
    )


def scenes_of_clip(clip: Clip, body_id: int = 1) -> Iterator[Scene]:
    """Play a clip, or a whole recording, as the stream of one person."""
    for stamp_ns, joints_m, confidence in zip(
        clip.stamps_ns, clip.joints_m, clip.confidence, strict=True
    ):
        frame = SkeletonFrame(int(stamp_ns), body_id, clip.layout, joints_m, confidence)
        yield Scene(int(stamp_ns), (frame,))


def detections_of(events: Sequence[ActionEvent]) -> list[Detection]:
    """
    Join each STARTED with its ENDED, in order of their starts.

    A start without an end lasts until where it had been seen when it was reported.
    """
    found: dict[tuple[int, str, int], Detection] = {}
    for event in events:
        key = (event.body_id, event.label, event.start_ns)
        span = ActionSpan(event.label, event.start_ns, event.end_ns, event.body_id)
        if event.kind is EventKind.STARTED:
            found[key] = Detection(span, event.stamp_ns, event.confidence)
        elif key in found:
            found[key] = replace(found[key], span=span)
    return sorted(
        found.values(), key=lambda one: (one.span.start_ns, one.span.body_id, one.span.label)
    )


def spans_of_events(events: Sequence[ActionEvent]) -> list[ActionSpan]:
    """Return the stretches of `detections_of`."""
    return [detection.span for detection in detections_of(events)]
