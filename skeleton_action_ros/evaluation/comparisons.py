"""
Two ways that others go, on the same streams and with the same demonstrations.

Both see the whole recording at once, and the one with a threshold gets the best there is for the
very recordings that it is measured on: they are flattered, if anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.subsequence_warping import find_occurrences
from skeleton_action_ros.core.body import hip_centres, trunk_length_m
from skeleton_action_ros.core.embedding import Model, prepare_clips
from skeleton_action_ros.core.errors import BadSkeletonError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.motion import MotionConfig, trim_to_motion
from skeleton_action_ros.core.similarity import Templates, describe_templates, similarities
from skeleton_action_ros.core.skeleton import (
    NS_PER_S,
    ActionSpan,
    Clip,
    SkeletonFrame,
    clip_from_frames,
)
from skeleton_action_ros.core.windows import Window, WindowBuffer, WindowConfig
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.ranking import precision_recall
from skeleton_action_ros.evaluation.recordings import Pool
from skeleton_action_ros.evaluation.streams import Stream

BEST_LABEL = 'best_label_per_window'
WARPING = 'subsequence_dtw'

_HOP_S = 0.1
_GAP_S = 0.7
_AT_ONCE = 64
_GRID_HZ = 15.0
_STRETCH = 2.0
_LEFT = (Common15.SHOULDER_LEFT, Common15.HIP_LEFT)
_RIGHT = (Common15.SHOULDER_RIGHT, Common15.HIP_RIGHT)


def best_label_per_window(stream: Stream, model: Model, gallery: Gallery) -> list[Detection]:
    """
    Label every window by what it is most like, whatever the person does.

    Windows are as long as the median demonstration. Windows in a row of one label are one event,
    from the middle of the first to the middle of the last, as sure as they are similar on average.
    """
    taught = [trim_to_motion(item.clip, MotionConfig()) for item in gallery.templates]
    length_s = float(np.median([clip.duration_s for clip in taught]))
    prepared = prepare_clips(taught, model.preprocess)
    labels = [gallery.templates[index].label for index in prepared.usable]
    templates = describe_templates(model, prepared.joints, prepared.mask, labels)
    found: list[Detection] = []
    for body_id, windows in _windows_by_person(stream, length_s).items():
        run: list[tuple[int, float]] = []
        run_label = ''
        for stamp_ns, label, alike in _named(windows, model, templates, labels):
            if run and (label != run_label or stamp_ns - run[-1][0] > _GAP_S * NS_PER_S):
                found += _event(body_id, run_label, run, length_s)
                run = []
            run_label = label
            run.append((stamp_ns, alike))
        found += _event(body_id, run_label, run, length_s)
    return sorted(found, key=lambda one: (one.span.start_ns, one.span.body_id))


def _windows_by_person(stream: Stream, length_s: float) -> dict[int, list[Window]]:
    buffer = WindowBuffer(
        WindowConfig(duration_s=length_s, hop_s=_HOP_S, shortest_s=0.9 * length_s, max_gap_s=_GAP_S)
    )
    windows: dict[int, list[Window]] = {}
    for scene in stream.scenes:
        for frame in scene.skeletons:
            with suppress(BadSkeletonError):
                window = buffer.push(frame)
                if window is not None:
                    windows.setdefault(frame.body_id, []).append(window)
    return windows


def _named(
    windows: Sequence[Window], model: Model, templates: Templates, labels: Sequence[str]
) -> Iterator[tuple[int, str, float]]:
    """Yield when each window ends, what it is most like, and how much."""
    for first in range(0, len(windows), _AT_ONCE):
        part = windows[first : first + _AT_ONCE]
        prepared = prepare_clips([window.clip for window in part], model.preprocess)
        described = model.infer(prepared.joints, prepared.mask)
        alike = similarities(described, templates, model.similarity)
        for index, row in zip(prepared.usable, alike, strict=True):
            best = int(row.argmax())
            yield int(part[index].clip.stamps_ns[-1]), labels[best], float(row[best])


def _event(
    body_id: int, label: str, run: Sequence[tuple[int, float]], length_s: float
) -> list[Detection]:
    if not run:
        return []
    half_ns = round(length_s / 2 * NS_PER_S)
    span = ActionSpan(label, run[0][0] - half_ns, run[-1][0] - half_ns, body_id)
    return [Detection(span, run[0][0], float(np.mean([alike for _, alike in run])))]


def warped_occurrences(stream: Stream, gallery: Gallery) -> list[Detection]:
    """
    Find each demonstration in each person's stream by subsequence time warping on joints.

    Joints are relative to the hips, turned to face the camera and divided by the trunk, 15 a
    second. Of occurrences that overlap, of any action, the nearest stays. How near one must be is
    left open: `at_best_threshold`. The confidence is the negative distance.
    """
    queries = [
        (item.label, _canonical(trim_to_motion(item.clip, MotionConfig()))[1])
        for item in gallery.templates
    ]
    found = []
    for body_id, frames in stays(stream):
        stamps_ns, series = _canonical(clip_from_frames(frames))
        for label, query in queries:
            shortest = max(round(len(query) / _STRETCH), 2)
            if len(query) > 1 and len(series) >= shortest:
                occurrences = find_occurrences(
                    query,
                    series,
                    shortest=shortest,
                    longest=round(len(query) * _STRETCH),
                    most=max(len(series) // shortest, 1),
                )
                for one in occurrences:
                    start_ns, end_ns = int(stamps_ns[one.first]), int(stamps_ns[one.last])
                    span = ActionSpan(label, start_ns, end_ns, body_id)
                    found.append(Detection(span, end_ns, -one.distance))
    return _apart(found)


def stays(stream: Stream) -> Iterator[tuple[int, list[SkeletonFrame]]]:
    """Yield the frames of each person, parted where they are not seen for a while."""
    stays: dict[int, list[SkeletonFrame]] = {}
    for scene in stream.scenes:
        for frame in scene.skeletons:
            stay = stays.get(frame.body_id)
            if stay and frame.stamp_ns <= stay[-1].stamp_ns:
                continue
            if stay and (
                frame.stamp_ns - stay[-1].stamp_ns > _GAP_S * NS_PER_S
                or frame.layout != stay[-1].layout
            ):
                yield frame.body_id, stay
                stay = None
            if stay is None:
                stay = stays[frame.body_id] = []
            stay.append(frame)
    yield from stays.items()


def _canonical(clip: Clip) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return stamps (T,) on an even grid and the joints at each, (T, 45)."""
    common = clip.in_common_15()
    seen = common.confidence > 0.0
    count = max(round(clip.duration_s * _GRID_HZ), 1) + 1
    stamps_ns = np.linspace(clip.stamps_ns[0], clip.stamps_ns[-1], count).astype(np.int64)
    joints = np.zeros((count, len(Common15), 3), np.float32)
    for joint in range(len(Common15)):
        shown = seen[:, joint]
        if shown.any():
            for axis in range(3):
                joints[:, joint, axis] = np.interp(
                    stamps_ns, common.stamps_ns[shown], common.joints_m[shown, joint, axis]
                )
    scale_m = trunk_length_m(common.joints_m, seen)
    joints = (joints - hip_centres(joints)[:, None]) / scale_m
    across = (joints[:, _RIGHT, :] - joints[:, _LEFT, :]).sum(axis=1)
    length = np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-6)
    cos, sin = (-across[:, 0] / length)[:, None], (-across[:, 2] / length)[:, None]
    x, z = joints[..., 0].copy(), joints[..., 2].copy()
    joints[..., 0], joints[..., 2] = x * cos + z * sin, z * cos - x * sin
    return stamps_ns, joints.reshape(count, -1).astype(np.float64)


def _apart(found: Sequence[Detection]) -> list[Detection]:
    """Leave out what overlaps something surer of the same person."""
    kept: list[Detection] = []
    for one in sorted(
        found, key=lambda one: (-one.confidence, one.span.start_ns, one.span.body_id)
    ):
        span = one.span
        if not any(
            other.span.body_id == span.body_id
            and min(other.span.end_ns, span.end_ns) > max(other.span.start_ns, span.start_ns)
            for other in kept
        ):
            kept.append(one)
    return sorted(kept, key=lambda one: (one.span.start_ns, one.span.body_id))


def best_threshold(pooled: Pool, taught: Sequence[str], least_iou: float) -> float:
    """Return the least confidence at which events have the best F1; the highest of several."""
    curve = precision_recall(pooled.truth, pooled.detections, taught, least_iou)
    if len(curve.confidence) == 0:
        return 0.0
    # A threshold takes all of equal confidence or none.
    ends = np.append(np.diff(curve.confidence) != 0.0, True)
    best = int(np.argmax(np.where(ends, curve.f1, -1.0)))
    return float(curve.confidence[best])


def surer_than(detections: Sequence[Detection], threshold: float) -> list[Detection]:
    """Return what is at least as sure as a threshold."""
    return [one for one in detections if one.confidence >= threshold]
