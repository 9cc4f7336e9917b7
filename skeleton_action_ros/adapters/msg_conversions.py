"""
Between the core and `skeleton_action_msgs`: one code for rclpy's classes and for those of
`rosbags`.

Reading takes any object with the message's fields. Writing takes the classes to fill as
`MessageTypes`. Joints travel as flat arrays in one step, never joint by joint.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import (
    BadClipError,
    BadSkeletonError,
    GalleryError,
    UnknownLayoutError,
)
from skeleton_action_ros.core.gallery import (
    LONGEST_LABEL_ANYWHERE,
    Gallery,
    Template,
    checked_label,
)
from skeleton_action_ros.core.layouts import get_layout
from skeleton_action_ros.core.skeleton import (
    FARTHEST_M,
    LONGEST_MOTION_S,
    NS_PER_S,
    ActionSpan,
    Clip,
    Scene,
    SkeletonFrame,
    checked_frame,
)
from skeleton_action_ros.core.windows import Window


@dataclass(frozen=True)
class MessageTypes:
    """
    The message classes to fill, from rclpy or from a bag's type store.

    :param floats: makes what a `float32[]` field takes of a flat float32 array.
    :param integers: makes what an `int64[]` field takes of a flat int64 array.
    """

    time: Callable[..., Any]
    header: Callable[..., Any]
    skeleton: Callable[..., Any]
    skeleton_array: Callable[..., Any]
    skeleton_window: Callable[..., Any]
    action_event: Any
    action_calibration: Callable[..., Any]
    action_template: Callable[..., Any]
    action_gallery: Callable[..., Any]
    floats: Callable[[NDArray[np.float32]], Any]
    integers: Callable[[NDArray[np.int64]], Any]


def ros_message_types() -> MessageTypes:
    """
    Return the classes that rclpy publishes.

    :raises ImportError: the messages are not built, or no ROS installation is sourced.
    """
    from builtin_interfaces.msg import Time
    from std_msgs.msg import Header

    from skeleton_action_msgs import msg

    return MessageTypes(
        time=Time,
        header=Header,
        skeleton=msg.Skeleton,
        skeleton_array=msg.SkeletonArray,
        skeleton_window=msg.SkeletonWindow,
        action_event=msg.ActionEvent,
        action_calibration=msg.ActionCalibration,
        action_template=msg.ActionTemplate,
        action_gallery=msg.ActionGallery,
        floats=lambda values: array.array('f', values.tobytes()),
        integers=lambda values: array.array('q', values.tobytes()),
    )


def time_to_msg(stamp_ns: int, types: MessageTypes) -> Any:
    """Return nanoseconds as builtin_interfaces/Time."""
    seconds, nanoseconds = divmod(stamp_ns, NS_PER_S)
    return types.time(sec=seconds, nanosec=nanoseconds)


def time_from_msg(time: Any) -> int:
    """Return builtin_interfaces/Time as nanoseconds."""
    return int(time.sec) * NS_PER_S + int(time.nanosec)


def header_to_msg(stamp_ns: int, frame_id: str, types: MessageTypes) -> Any:
    """Return a std_msgs/Header."""
    return types.header(stamp=time_to_msg(stamp_ns, types), frame_id=frame_id)


def scene_to_msg(scene: Scene, frame_id: str, types: MessageTypes) -> Any:
    """Return everybody in view as a SkeletonArray."""
    return types.skeleton_array(
        header=header_to_msg(scene.stamp_ns, frame_id, types),
        skeletons=[
            types.skeleton(
                body_id=frame.body_id,
                layout=frame.layout,
                positions=types.floats(_flat(frame.joints_m)),
                confidences=types.floats(_flat(frame.confidence)),
            )
            for frame in scene.skeletons
        ],
    )


def scene_from_msg(
    message: Any,
) -> tuple[Scene, list[BadSkeletonError | UnknownLayoutError]]:
    """
    Return everybody in a SkeletonArray who can be used, and what is wrong with each of the others.

    A body id that comes twice is used once, the first. A stamp that is not positive makes everybody
    unusable: the scene is empty, its stamp what arrived, and there is one error even where nobody
    was in view.
    """
    stamp_ns = time_from_msg(message.header.stamp)
    if stamp_ns <= 0:
        wrong = BadSkeletonError('stamp', f'stamp must be positive, got {stamp_ns} ns')
        return Scene(stamp_ns, ()), [wrong]
    frames: dict[int, SkeletonFrame] = {}
    errors: list[BadSkeletonError | UnknownLayoutError] = []
    for skeleton in message.skeletons:
        try:
            frame = checked_frame(
                stamp_ns,
                skeleton.body_id,
                skeleton.layout,
                np.asarray(skeleton.positions, np.float32),
                np.asarray(skeleton.confidences, np.float32),
            )
            if frame.body_id in frames:
                raise BadSkeletonError('duplicate_body', f'body {frame.body_id} is in view twice')
        except (BadSkeletonError, UnknownLayoutError) as error:
            errors.append(error)
        else:
            frames[frame.body_id] = frame
    return Scene(stamp_ns, tuple(frames.values())), errors


def window_to_msg(window: Window, frame_id: str, types: MessageTypes) -> Any:
    """Return one person's window as a SkeletonWindow."""
    clip = window.clip
    return types.skeleton_window(
        header=header_to_msg(int(clip.stamps_ns[-1]), frame_id, types),
        start=time_to_msg(int(clip.stamps_ns[0]), types),
        body_id=window.body_id,
        layout=clip.layout,
        frames=len(clip),
        stamps=types.integers(np.ascontiguousarray(clip.stamps_ns, np.int64)),
        positions=types.floats(_flat(clip.joints_m)),
        confidences=types.floats(_flat(clip.confidence)),
    )


def window_from_msg(message: Any) -> Window:
    """
    Return a SkeletonWindow as a window.

    :raises BadSkeletonError: lengths or stamps disagree, a stamp is not positive, or the clip lasts
        too long or breaks a rule of `Clip`; reason 'window'.
    :raises UnknownLayoutError: there is no such layout.
    """
    what = f'window of body {message.body_id}'
    try:
        clip = _clip(message, what)
        if message.frames != len(clip):
            raise BadClipError(
                f'{what}: frames is {message.frames}, but there are {len(clip)} stamps'
            )
        first_ns, last_ns = int(clip.stamps_ns[0]), int(clip.stamps_ns[-1])
        if first_ns <= 0:
            raise BadClipError(f'{what}: stamps must be positive, got {first_ns} ns')
        if time_from_msg(message.header.stamp) != last_ns:
            raise BadClipError(
                f'{what}: header.stamp is {time_from_msg(message.header.stamp)} ns, but the last '
                f'of its stamps is {last_ns} ns'
            )
    except BadClipError as error:
        raise BadSkeletonError('window', str(error)) from error
    return Window(int(message.body_id), clip)


def span_to_msgs(span: ActionSpan, frame_id: str, types: MessageTypes) -> tuple[Any, Any]:
    """Return ground truth as two ActionEvents: STARTED at its start and ENDED at its end."""
    start = time_to_msg(span.start_ns, types)
    return tuple(
        types.action_event(
            header=header_to_msg(stamp_ns, frame_id, types),
            body_id=span.body_id,
            label=span.label,
            kind=kind,
            start=start,
            end=time_to_msg(span.end_ns if kind == types.action_event.ENDED else 0, types),
            confidence=1.0,
            latency=0.0,
        )
        for stamp_ns, kind in (
            (span.start_ns, types.action_event.STARTED),
            (span.end_ns, types.action_event.ENDED),
        )
    )


def span_from_msg(message: Any) -> ActionSpan | None:
    """Return what an ENDED ActionEvent says happened; None for one that STARTED."""
    if message.kind != message.ENDED:
        return None
    return ActionSpan(
        str(message.label),
        time_from_msg(message.start),
        time_from_msg(message.end),
        int(message.body_id),
    )


def template_to_msg(template: Template, types: MessageTypes) -> Any:
    """Return one demonstration as an ActionTemplate."""
    clip = template.clip
    return types.action_template(
        id=template.id,
        label=template.label,
        layout=clip.layout,
        stamps=types.integers(np.ascontiguousarray(clip.stamps_ns, np.int64)),
        positions=types.floats(_flat(clip.joints_m)),
        confidences=types.floats(_flat(clip.confidence)),
        threshold=template.threshold,
        taught=time_to_msg(template.taught_ns, types),
        source=template.source,
    )


def template_from_msg(message: Any) -> Template:
    """
    Return an ActionTemplate as a demonstration.

    :raises GalleryError: the clip is malformed or lasts too long, the label is unfit, the id empty,
        or the threshold not from 0 to 1.
    """
    label = checked_label(str(message.label), LONGEST_LABEL_ANYWHERE)
    what = f'template {message.id!r} of {label!r}'
    if not message.id:
        raise GalleryError(f'{what}: the id must not be empty')
    try:
        clip = _clip(message, what, label)
    except (BadClipError, UnknownLayoutError) as error:
        raise GalleryError(str(error)) from error
    threshold = float(message.threshold)
    if not 0.0 <= threshold <= 1.0:
        raise GalleryError(f'{what}: threshold must be from 0 to 1, got {threshold}')
    return Template(
        id=str(message.id),
        label=label,
        clip=clip,
        threshold=threshold,
        taught_ns=time_from_msg(message.taught),
        source=str(message.source),
    )


def calibration_to_msg(calibration: Calibration, types: MessageTypes) -> Any:
    """Return what was measured of one action as an ActionCalibration."""
    return types.action_calibration(**asdict(calibration))


def calibration_from_msg(message: Any) -> Calibration:
    """
    Return an ActionCalibration as what was measured of one action.

    :raises GalleryError: the threshold is not from 0 to 1.
    """
    values = {item.name: getattr(message, item.name) for item in fields(Calibration)}
    calibration = Calibration(**values)
    if not 0.0 <= calibration.threshold <= 1.0:
        raise GalleryError(
            f'calibration of {calibration.label!r}: threshold must be from 0 to 1, got '
            f'{calibration.threshold}'
        )
    return calibration


def gallery_to_msg(gallery: Gallery, stamp_ns: int, types: MessageTypes) -> Any:
    """Return the whole gallery as an ActionGallery."""
    return types.action_gallery(
        header=header_to_msg(stamp_ns, '', types),
        revision=gallery.revision,
        templates=[template_to_msg(template, types) for template in gallery.templates],
        calibrations=[calibration_to_msg(one, types) for one in gallery.calibrations],
    )


def gallery_from_msg(message: Any) -> tuple[Gallery, list[GalleryError]]:
    """
    Return an ActionGallery's usable demonstrations and calibrations, and what is wrong with the
    others.
    """
    templates: dict[str, Template] = {}
    errors = []
    for item in message.templates:
        try:
            template = template_from_msg(item)
            if template.id in templates:
                raise GalleryError(f'template {template.id!r} of {template.label!r} comes twice')
        except GalleryError as error:
            errors.append(error)
        else:
            templates[template.id] = template
    calibrations = []
    for item in message.calibrations:
        try:
            calibrations.append(calibration_from_msg(item))
        except GalleryError as error:
            errors.append(error)
    gallery = Gallery(tuple(templates.values()), int(message.revision))
    return gallery.calibrated(calibrations), errors


def _flat(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32).reshape(-1)


def _clip(message: Any, what: str, label: str = '') -> Clip:
    """
    Make a clip of the `layout`, `stamps`, `positions` and `confidences` of a message.

    :raises BadClipError: lengths disagree, or the clip lasts too long or breaks a rule of `Clip`;
        names `what`.
    :raises UnknownLayoutError: there is no such layout.
    """
    joints = get_layout(message.layout).joint_count
    stamps = np.array(message.stamps, np.int64)
    positions = np.array(message.positions, np.float32)
    confidence = np.array(message.confidences, np.float32)
    _check_length(positions, (len(stamps), joints, 3), f'positions of the {what}')
    _check_length(confidence, (len(stamps), joints), f'confidences of the {what}')
    positions = positions.reshape(-1, joints, 3)
    if not bool((np.abs(positions) <= FARTHEST_M).all()):
        raise BadClipError(
            f'positions of the {what} must be metres and finite, got up to '
            f'{float(np.abs(positions).max()):g}'
        )
    try:
        clip = Clip(
            joints_m=positions,
            confidence=confidence.reshape(-1, joints),
            stamps_ns=stamps,
            layout=str(message.layout),
            label=label,
        )
    except BadClipError as error:
        raise BadClipError(f'{what}: {error}') from error
    if clip.duration_s > LONGEST_MOTION_S:
        raise BadClipError(
            f'{what}: it must last at most {LONGEST_MOTION_S:g} s, got {clip.duration_s:g} s'
        )
    return clip


def _check_length(values: NDArray[np.float32], shape: Sequence[int], what: str) -> None:
    expected = int(np.prod(shape))
    if values.size != expected:
        axes = ' x '.join(map(str, shape))
        raise BadClipError(f'{what} must be {axes} = {expected} numbers, got {values.size}')
