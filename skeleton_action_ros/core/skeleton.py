"""One skeleton at one instant, all that is seen at one instant, and one person's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skeleton_action_ros.core.errors import BadClipError, BadSkeletonError
from skeleton_action_ros.core.layouts import LAYOUTS, Layout, get_layout, to_common_15

NS_PER_S = 1_000_000_000
END_OF_TIME_NS = 2**62
"""Later than every stamp."""
FARTHEST_M = 100.0
"""No body tracker sees this far: larger coordinates are millimetres or garbage."""
LARGEST_BODY_ID = 2**32 - 1
"""Messages have 32 bits for it."""
LONGEST_MOTION_S = 100.0
"""No window and no demonstration lasts so long: one that does has a broken stamp in it."""


@dataclass(frozen=True)
class SkeletonFrame:
    """
    One person at one instant, as checked by `checked_frame`.

    :param stamp_ns: when the sensor saw it, nanoseconds.
    :param body_id: the tracker's number for this person.
    :param layout: name in `layouts.LAYOUTS`.
    :param joints_m: (J, 3) float32, metres, optical frame; 0 where confidence is 0.
    :param confidence: (J,) float32, 0 (not seen) to 1.
    """

    stamp_ns: int
    body_id: int
    layout: str
    joints_m: NDArray[np.float32]
    confidence: NDArray[np.float32]


def checked_frame(
    stamp_ns: int,
    body_id: int,
    layout_name: str,
    positions_m: ArrayLike,
    confidence: ArrayLike,
) -> SkeletonFrame:
    """
    Check what a sensor or another program says, and make it a frame.

    A joint with NaN or infinite coordinates, or exactly at the origin (inside the sensor), is a
    joint not seen: its confidence becomes 0.

    :param positions_m: 3 J numbers, flat or (J, 3), metres, optical frame.
    :param confidence: J numbers from 0 to 1.
    :raises UnknownLayoutError: there is no such layout.
    :raises BadSkeletonError: wrong joint count, confidence out of range, a stamp that is not
        positive, an id that no message can carry, coordinates that cannot be metres, or a body
        without any joint seen.
    """
    layout = get_layout(layout_name)
    if stamp_ns <= 0:
        raise BadSkeletonError('stamp', f'stamp must be positive, got {stamp_ns} ns')
    if not 0 <= body_id <= LARGEST_BODY_ID:
        raise BadSkeletonError(
            'body_id', f'the id of a body must be from 0 to {LARGEST_BODY_ID}, got {body_id}'
        )
    joints = np.array(positions_m, np.float32)
    if joints.size != 3 * layout.joint_count or joints.shape[-1:] == (0,):
        raise BadSkeletonError(
            'joint_count',
            f'positions of {layout.name} must be {layout.joint_count} x 3 numbers, got '
            f'{joints.size}{_guess(joints.size, layout)}',
        )
    joints = joints.reshape(layout.joint_count, 3)
    seen = np.array(confidence, np.float32)
    if seen.shape != (layout.joint_count,):
        raise BadSkeletonError(
            'confidence_count',
            f'confidences of {layout.name} must be {layout.joint_count} numbers, got {seen.size}',
        )
    if not bool(np.all((seen >= 0.0) & (seen <= 1.0))):
        joint = int(np.argmin((seen >= 0.0) & (seen <= 1.0)))
        raise BadSkeletonError(
            'confidence_range',
            f'confidence must be from 0 to 1, got {seen[joint]} at '
            f'{layout.joints(joint).name.lower()} of body {body_id}',
        )
    given = np.isfinite(joints).all(axis=1) & joints.any(axis=1)
    joints[~given | (seen == 0.0)] = 0.0
    seen[~given] = 0.0
    if not bool(np.any(seen > 0.0)):
        raise BadSkeletonError(
            'empty_body',
            f'body {body_id} has no joint that is seen: all coordinates are 0 or not finite, or '
            'all confidences are 0',
        )
    farthest = float(np.abs(joints).max())
    if farthest > FARTHEST_M:
        raise BadSkeletonError(
            'not_metres',
            f'coordinates must be metres, got {farthest:g} in body {body_id}: millimetres?',
        )
    return SkeletonFrame(int(stamp_ns), int(body_id), layout.name, joints, seen)


def _guess(size: int, layout: Layout) -> str:
    fitting = [
        other.name
        for other in LAYOUTS.values()
        if 3 * other.joint_count == size and other is not layout
    ]
    return f': is it {" or ".join(fitting)}?' if fitting else ''


@dataclass(frozen=True)
class ActionSpan:
    """Ground truth or annotation: one person does one action from start to end."""

    label: str
    start_ns: int
    end_ns: int
    body_id: int = 0


@dataclass(frozen=True)
class Scene:
    """
    Everything a sensor sees at one instant; nobody in view is an empty scene.

    :param finished: ground truth that became complete with this scene, where the source knows it.
    """

    stamp_ns: int
    skeletons: tuple[SkeletonFrame, ...]
    finished: tuple[ActionSpan, ...] = ()


@dataclass(frozen=True)
class Clip:
    """
    One person's motion: a demonstration, a dataset's sequence, or a whole recording.

    :param joints_m: (T, J, 3) float32, metres, optical frame.
    :param confidence: (T, J) float32, 0 to 1.
    :param stamps_ns: (T,) int64, strictly rising.
    :param layout: name in `layouts.LAYOUTS`.
    :param annotations: what happens when, for a whole recording.
    :raises BadClipError: shapes disagree, stamps do not rise, or a number is not finite.
    """

    joints_m: NDArray[np.float32]
    confidence: NDArray[np.float32]
    stamps_ns: NDArray[np.int64]
    layout: str
    label: str = ''
    subject: str = ''
    annotations: tuple[ActionSpan, ...] = field(default=())

    def __post_init__(self) -> None:
        count = get_layout(self.layout).joint_count
        frames = len(self.stamps_ns)
        if self.joints_m.shape != (frames, count, 3) or self.confidence.shape != (frames, count):
            raise BadClipError(
                f'a {self.layout} clip of {frames} stamps must have joints ({frames}, {count}, 3) '
                f'and confidence ({frames}, {count}), got {self.joints_m.shape} and '
                f'{self.confidence.shape}'
            )
        if frames == 0:
            raise BadClipError('a clip must have at least one frame, got none')
        if not bool(np.all(np.diff(self.stamps_ns) > 0)):
            at = int(np.argmin(np.diff(self.stamps_ns)))
            raise BadClipError(
                f'stamps must rise, got {self.stamps_ns[at]} then {self.stamps_ns[at + 1]} ns at '
                f'frame {at + 1}'
            )
        if not (np.isfinite(self.joints_m).all() and np.isfinite(self.confidence).all()):
            raise BadClipError('joints and confidences of a clip must be finite: mask what is not')
        if self.confidence.min() < 0.0 or self.confidence.max() > 1.0:
            raise BadClipError(
                'confidence must be from 0 to 1, got '
                f'{self.confidence.min():g} to {self.confidence.max():g}'
            )

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last frame, seconds."""
        return float(self.stamps_ns[-1] - self.stamps_ns[0]) / NS_PER_S

    def between(self, start_ns: int, end_ns: int) -> Clip:
        """
        Return the frames from `start_ns` to `end_ns`, both included, without annotations.

        :raises BadClipError: there is no frame in between.
        """
        first, last = np.searchsorted(self.stamps_ns, (start_ns, end_ns + 1))
        return replace(
            self,
            joints_m=self.joints_m[first:last],
            confidence=self.confidence[first:last],
            stamps_ns=self.stamps_ns[first:last],
            annotations=(),
        )

    def in_common_15(self) -> Clip:
        """Return the same motion with the joints of `common_15`."""
        joints_m, confidence = to_common_15(self.joints_m, self.confidence, self.layout)
        return replace(self, joints_m=joints_m, confidence=confidence, layout='common_15')


def clip_from_frames(frames: Sequence[SkeletonFrame], label: str = '', subject: str = '') -> Clip:
    """
    Join one person's frames.

    :raises BadClipError: no frames, or frames of several layouts, or stamps that do not rise.
    """
    layouts = {frame.layout for frame in frames}
    if len(layouts) != 1:
        raise BadClipError(f'a clip needs frames of one layout, got {sorted(layouts) or "none"}')
    return Clip(
        joints_m=np.stack([frame.joints_m for frame in frames]),
        confidence=np.stack([frame.confidence for frame in frames]),
        stamps_ns=np.array([frame.stamp_ns for frame in frames], np.int64),
        layout=layouts.pop(),
        label=label,
        subject=subject,
    )
