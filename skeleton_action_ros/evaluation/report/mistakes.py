"""The worst mistakes, each as the motion that was misjudged beside the one it was measured by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from skeleton_action_ros.core.layouts import to_common_15
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip, SkeletonFrame
from skeleton_action_ros.evaluation.evidence import excess_during
from skeleton_action_ros.evaluation.metrics import Outcome, answered, match_events
from skeleton_action_ros.evaluation.page.skeletons import drawn_layout, packed_track
from skeleton_action_ros.evaluation.recordings import Recording
from skeleton_action_ros.evaluation.replay import detections_of, scenes_of_clip
from skeleton_action_ros.evaluation.rounds import Round

_LAYOUT = 'common_15'
_AROUND_NS = NS_PER_S // 4
_MOST_NS = 6 * NS_PER_S
_APART_NS = NS_PER_S // 15
_SHARES = {'wrong': 5, 'false': 4, 'missed': 3}


@dataclass(frozen=True)
class Mistake:
    """
    One judgement that was wrong.

    :param kind: 'wrong': one taught action was taken for another; 'false': something that is none
        was taken for one; 'missed': a taught action was not recognised.
    :param done: what the person did, in words.
    :param taken_for: the label it was given; for 'missed' the one it should have had.
    :param weight: how bad it is among its kind: the confidence, or how far below the threshold.
    """

    kind: str
    done: str
    taken_for: str
    span: ActionSpan
    recording: Recording
    round: Round
    weight: float


def worst_mistakes(rounds: Sequence[Round], most: int = 12) -> list[Mistake]:
    """Return the worst of each kind, and of those left over the worst of any."""
    kinds: dict[str, list[Mistake]] = {kind: [] for kind in _SHARES}
    for one in rounds:
        for recording in one.recordings:
            if recording.stream.annotated:
                for mistake in _mistakes(one, recording):
                    kinds[mistake.kind].append(mistake)
    for found in kinds.values():
        found.sort(key=lambda one: (-one.weight, one.recording.stream.name, one.span.start_ns))
    chosen = [one for kind, share in _SHARES.items() for one in kinds[kind][:share]]
    rest = [one for kind, share in _SHARES.items() for one in kinds[kind][share:]]
    return [*chosen, *rest][:most]


def animation(mistake: Mistake) -> dict[str, Any]:
    """Return the two motions as report.js plays them; one where there is no demonstration."""
    start_ns = mistake.span.start_ns - _AROUND_NS
    end_ns = min(mistake.span.end_ns + _AROUND_NS, start_ns + _MOST_NS)
    frames = [
        frame
        for scene in mistake.recording.stream.scenes
        if start_ns <= scene.stamp_ns <= end_ns
        for frame in scene.skeletons
        if frame.body_id == mistake.span.body_id
    ]
    shots = mistake.round.teaching.gallery.shots(mistake.taken_for)
    shown = [_frames(shots[0].clip)] if shots else []
    return {
        'layouts': {_LAYOUT: drawn_layout(_LAYOUT)},
        'tracks': [_packed(part) for part in (frames, *shown) if part],
    }


def _mistakes(one: Round, recording: Recording) -> Iterator[Mistake]:
    truth = recording.stream.truth
    confidence = {
        detection.span: detection.confidence
        for detection in detections_of(recording.replay.events)
        if recording.counts(detection.span)
    }
    matching = match_events(truth, list(confidence), one.taught)
    for verdict in matching.verdicts:
        if verdict.outcome is Outcome.WRONG and verdict.event is not None:
            done, taken_for = verdict.truth.label, verdict.event.label
            weight = confidence[verdict.event]
            yield Mistake('wrong', done, taken_for, verdict.event, recording, one, weight)
        elif verdict.outcome is Outcome.MISSED:
            label = verdict.truth.label
            (best,) = excess_during([verdict.truth], recording.replay.evidence)
            yield Mistake('missed', label, label, verdict.truth, recording, one, -best)
    for event in matching.false_events:
        answer = answered(event, truth)
        done = 'nothing' if answer is None else truth[answer].label
        if answer is None or done != event.label:
            kind = 'wrong' if done in one.taught else 'false'
            yield Mistake(kind, done, event.label, event, recording, one, confidence[event])


def _frames(clip: Clip) -> list[SkeletonFrame]:
    return [frame for scene in scenes_of_clip(clip) for frame in scene.skeletons]


def _packed(frames: Sequence[SkeletonFrame]) -> dict[str, Any]:
    kept = [frames[0]]
    for frame in frames[1:]:
        if frame.stamp_ns - kept[-1].stamp_ns >= _APART_NS and frame.layout == kept[0].layout:
            kept.append(frame)
    common = [
        SkeletonFrame(frame.stamp_ns, frame.body_id, _LAYOUT, *_common(frame.layout, frame))
        for frame in kept
    ]
    return packed_track(kept[0].body_id, common, kept[0].stamp_ns)


def _common(layout: str, frame: SkeletonFrame) -> tuple[Any, Any]:
    joints, confidence = to_common_15(frame.joints_m[None], frame.confidence[None], layout)
    return joints[0], confidence[0]
