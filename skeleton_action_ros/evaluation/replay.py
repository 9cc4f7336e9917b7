"""Scenes through the same core as the nodes, as fast as possible."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from skeleton_action_ros.core.skeleton import (
    END_OF_TIME_NS,
    ActionSpan,
    Clip,
    Scene,
    SkeletonFrame,
)
from skeleton_action_ros.core.streams import Timeline
from skeleton_action_ros.core.windows import WindowBuffer, WindowConfig


@dataclass(frozen=True)
class Replay:
    """
    What the recogniser did with a recording.

    :param events: in the order they were decided.
    :param scenes: how many scenes were replayed.
    :param frame_latency_ms: time spent on each scene, wall clock, milliseconds.
    :param refused: frames left out, by reason.
    """

    events: tuple[ActionEvent, ...]
    scenes: int
    frame_latency_ms: tuple[float, ...]
    refused: Counter[str]


def replay(
    scenes: Iterable[Scene],
    model: Model,
    gallery: Gallery,
    windows: WindowConfig | None = None,
    recognizer: RecognizerConfig | None = None,
) -> Replay:
    """
    Run scenes through windows and recogniser.

    The events depend on the scenes, the model, the gallery and the configuration alone; only
    `frame_latency_ms` differs from run to run. As in the nodes, everything begins anew where time
    jumps back, and what is open then ends.
    """
    buffer = WindowBuffer(windows or WindowConfig())
    engine = Recognizer(model, recognizer or RecognizerConfig())
    engine.set_gallery(gallery)
    events: list[ActionEvent] = []
    latency_ms: list[float] = []
    timeline = Timeline()
    for scene in scenes:
        began_s = time.perf_counter()
        if scene.skeletons and timeline.jumped_back(scene.stamp_ns):
            events += engine.expire(END_OF_TIME_NS).events
            buffer.clear()
        due = []
        for frame in scene.skeletons:
            try:
                window = buffer.push(frame)
            except BadSkeletonError:
                continue
            if window is not None:
                due.append(window)
        events += engine.update(due).events
        events += engine.expire(scene.stamp_ns).events
        latency_ms.append((time.perf_counter() - began_s) * 1e3)
    events += engine.expire(END_OF_TIME_NS).events
    return Replay(tuple(events), len(latency_ms), tuple(latency_ms), buffer.counts)


def scenes_of_clip(clip: Clip, body_id: int = 1) -> Iterator[Scene]:
    """Play a clip, or a whole recording, as the stream of one person."""
    for stamp_ns, joints_m, confidence in zip(
        clip.stamps_ns, clip.joints_m, clip.confidence, strict=True
    ):
        frame = SkeletonFrame(int(stamp_ns), body_id, clip.layout, joints_m, confidence)
        yield Scene(int(stamp_ns), (frame,))


def spans_of_events(events: Sequence[ActionEvent]) -> list[ActionSpan]:
    """
    Join each STARTED with its ENDED to a span, in order of their starts.

    A start without an end lasts until where it had been seen when it was reported.
    """
    spans: dict[tuple[int, str, int], ActionSpan] = {}
    for event in events:
        key = (event.body_id, event.label, event.start_ns)
        if event.kind is EventKind.STARTED or key in spans:
            spans[key] = ActionSpan(event.label, event.start_ns, event.end_ns, event.body_id)
    return sorted(spans.values(), key=lambda span: (span.start_ns, span.body_id, span.label))
