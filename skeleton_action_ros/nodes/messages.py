"""What the nodes say, from the core's values to this installation's ROS messages."""

from __future__ import annotations

from collections.abc import Sequence

from builtin_interfaces.msg import Time

from skeleton_action_msgs.msg import (
    ActionCalibration,
    ActionEvent,
    ActionHypothesis,
    ActionSummary,
    RecognizedAction,
    RecognizedActionArray,
)
from skeleton_action_ros.adapters.msg_conversions import (
    calibration_to_msg,
    header_to_msg,
    ros_message_types,
    time_to_msg,
)
from skeleton_action_ros.core import decision
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.recognition import Recognition

TYPES = ros_message_types()


def time_of(stamp_ns: int) -> Time:
    """Convert nanoseconds, from 0, to a Time."""
    return time_to_msg(stamp_ns, TYPES)


def recognitions_to_msg(
    recognitions: Sequence[Recognition], frame_id: str
) -> RecognizedActionArray:
    """Put what persons do at one instant, at least one of them, into a message."""
    return RecognizedActionArray(
        header=header_to_msg(recognitions[-1].stamp_ns, frame_id, TYPES),
        actions=[
            RecognizedAction(
                body_id=recognition.body_id,
                label=recognition.label,
                confidence=recognition.confidence,
                hypotheses=[
                    ActionHypothesis(
                        label=item.label, similarity=item.similarity, threshold=item.threshold
                    )
                    for item in recognition.hypotheses
                ],
            )
            for recognition in recognitions
        ],
    )


def event_to_msg(event: decision.ActionEvent, latency_s: float, frame_id: str) -> ActionEvent:
    """Put an event into a message; a STARTED one has no end yet."""
    ended = event.kind == decision.EventKind.ENDED
    return ActionEvent(
        header=header_to_msg(event.stamp_ns, frame_id, TYPES),
        body_id=event.body_id,
        label=event.label,
        kind=int(event.kind),
        start=time_of(event.start_ns),
        end=time_of(event.end_ns if ended else 0),
        confidence=event.confidence,
        latency=latency_s,
    )


def summaries_of(gallery: Gallery) -> list[ActionSummary]:
    """Sum up a gallery, one entry per label in alphabetical order."""
    summaries = []
    for label in sorted(gallery.labels):
        shots = gallery.shots(label)
        calibration = gallery.calibration(label)
        summaries.append(
            ActionSummary(
                label=label,
                shots=len(shots),
                template_ids=[shot.id for shot in shots],
                threshold=gallery.threshold(label),
                own_threshold=gallery.own_threshold(label) > 0.0,
                calibration=calibration_to_msg(calibration, TYPES)
                if calibration
                else ActionCalibration(),
                taught=time_of(max(shot.taught_ns for shot in shots)),
            )
        )
    return summaries
