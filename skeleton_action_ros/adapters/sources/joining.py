"""Clips one after the other as one stream, with the truth of what happens when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip, Scene, SkeletonFrame

AWAY = 'away'
"""Between two clips nobody is in view."""

BLEND = 'blend'
"""Between two clips of a person the pose goes from the last of one to the first of the next."""

BETWEEN = (AWAY, BLEND)
_USUAL_STEP_NS = NS_PER_S // 30


@dataclass(frozen=True)
class Joining:
    """
    How clips follow one another.

    :param gap_s: time between the last frame of one and the first of the next, above 0.
    :param between: 'away' or 'blend', for two clips of one person; another person always comes
        after a gap with nobody in view. Blended frames are made up: half as sure as the ones
        around them.
    :param start_ns: stamp of the first frame, positive.
    :raises ConfigError: a value is outside its range.
    """

    gap_s: float = 1.0
    between: str = AWAY
    start_ns: int = NS_PER_S

    def __post_init__(self) -> None:
        if not 0.0 < self.gap_s <= 3600.0:
            raise ConfigError(f'gap_s must be above 0 and at most 3600 s, got {self.gap_s!r}')
        if self.between not in BETWEEN:
            raise ConfigError(f'between must be one of {list(BETWEEN)}, got {self.between!r}')
        if self.start_ns <= 0:
            raise ConfigError(f'start_ns must be positive, got {self.start_ns}')


def join_clips(clips: Iterable[Clip], joining: Joining) -> Iterator[Scene]:
    """
    Yield the scenes of clips one after the other; clips keep their own frame times.

    Each subject is a body of its own, numbered from 1 as they first come. A clip's annotations, or
    where it has none and a label its whole length, are in `finished` of the first scene at or after
    their end. Gaps are filled with scenes at the frame rate of the clip before.
    """
    bodies: dict[str, int] = {}
    last: Clip | None = None
    stamp_ns = joining.start_ns
    for clip in clips:
        body_id = bodies.setdefault(clip.subject, len(bodies) + 1)
        if last is not None:
            first_ns = stamp_ns + round(joining.gap_s * NS_PER_S)
            yield from _gap(last, clip, body_id, stamp_ns, first_ns, joining)
            stamp_ns = first_ns
        moved = replace(clip, stamps_ns=clip.stamps_ns - clip.stamps_ns[0] + stamp_ns)
        spans = _spans(clip, stamp_ns, body_id)
        yield from attach_spans(_scenes(moved, body_id), spans)
        stamp_ns = int(moved.stamps_ns[-1])
        last = clip


def attach_spans(scenes: Iterable[Scene], spans: Sequence[ActionSpan]) -> Iterator[Scene]:
    """
    Yield scenes with the spans that finish with them; the last one has those that end later.

    :param scenes: without spans of their own. An error that ends them is passed on.
    """
    waiting = sorted(spans, key=lambda span: (span.end_ns, span.start_ns))
    held: Scene | None = None
    try:
        for scene in scenes:
            if held is not None:
                yield held
            done = sum(span.end_ns <= scene.stamp_ns for span in waiting)
            held = replace(scene, finished=tuple(waiting[:done])) if done else scene
            del waiting[:done]
    except SkeletonActionError:
        if held is not None:
            yield held
        raise
    if held is not None:
        yield replace(held, finished=(*held.finished, *waiting))


def _spans(clip: Clip, first_ns: int, body_id: int) -> list[ActionSpan]:
    begin_ns, end_ns = int(clip.stamps_ns[0]), int(clip.stamps_ns[-1])
    spans = clip.annotations
    if not spans and clip.label:
        spans = (ActionSpan(clip.label, begin_ns, end_ns),)
    shift_ns = first_ns - begin_ns
    return [
        ActionSpan(
            span.label, max(span.start_ns + shift_ns, 1), max(span.end_ns + shift_ns, 1), body_id
        )
        for span in spans
    ]


def _scenes(clip: Clip, body_id: int) -> Iterator[Scene]:
    for stamp_ns, joints_m, confidence in zip(
        clip.stamps_ns.tolist(), clip.joints_m, clip.confidence, strict=True
    ):
        frame = SkeletonFrame(stamp_ns, body_id, clip.layout, joints_m, confidence)
        yield Scene(stamp_ns, (frame,) if confidence.any() else ())


def _gap(
    before: Clip, after: Clip, body_id: int, last_ns: int, next_ns: int, joining: Joining
) -> Iterator[Scene]:
    """Yield the scenes between two clips, none at either end."""
    steps = np.diff(before.stamps_ns)
    step_ns = int(np.median(steps)) if len(steps) else _USUAL_STEP_NS
    stamps = range(last_ns + step_ns, next_ns, step_ns)
    blended = (
        joining.between == BLEND
        and before.subject == after.subject
        and before.layout == after.layout
    )
    confidence = np.minimum(before.confidence[-1], after.confidence[0]) / 2
    if not blended or not confidence.any():
        yield from (Scene(stamp_ns, ()) for stamp_ns in stamps)
        return
    for stamp_ns in stamps:
        time = (stamp_ns - last_ns) / (next_ns - last_ns)
        share = np.float32(time * time * (3.0 - 2.0 * time))  # starts and ends at rest
        joints_m = before.joints_m[-1] * (1 - share) + after.joints_m[0] * share
        frame = SkeletonFrame(stamp_ns, body_id, after.layout, joints_m, confidence)
        yield Scene(stamp_ns, (frame,))
