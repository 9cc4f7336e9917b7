"""
What programs wrote down of the Azure Kinect's body tracking, in the forms in which it is found.

- JSON, a list of bodies: `timestamp` (ISO 8601, UTC unless it says otherwise), `body_id`, and 32
  `joints` with `position` in millimetres and `confidence_level`. One that was cut off gives what is
  whole.
- JSON of Microsoft's offline processor: `frames` with `timestamp_usec` and `bodies`, each with
  `body_id` and 32 `joint_positions` in millimetres, in the order of `joint_names`.
- JSON of gestures: `gestureName` and `samples` of `frames` with 96 `values` and 32 `weights`, about
  the pelvis, in body sizes, x to the person's right, y up, z where she faces. The person is put in
  front of the camera, facing it, at a usual size.
- CSV: a header of joint names in any order, and rows of `x y z` in metres or millimetres. A joint
  without a column, or with an empty cell, is not seen.

The last two know no time of day, and the last one no time at all.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.sources.joining import attach_spans
from skeleton_action_ros.core.errors import BadSkeletonError, SkeletonActionError, SourceError
from skeleton_action_ros.core.k4abt import frame_from_mm
from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.skeleton import (
    NS_PER_S,
    ActionSpan,
    Scene,
    SkeletonFrame,
    checked_frame,
)

SUFFIXES = ('.json', '.csv')
USUAL_RATE_HZ = 30.0
PAUSE_NS = 3 * NS_PER_S // 2
"""Between what is played one after the other."""

_JOINTS = len(K4abt32)
_SEEN_LEVEL = 2
_START_NS = NS_PER_S
_END_NS = 2**31 * NS_PER_S
_BODY_SIZE_M = 0.33
_IN_FRONT_M = (0.0, 0.0, 2.5)
_SEEN_WEIGHT = 0.75
_SURELY_MM = 50.0
_NAMES = {joint.name.replace('_', ''): joint for joint in K4abt32}
_LONGEST_QUOTE = 80

Refuse = Callable[[SkeletonActionError], None]


def read_dump(path: Path, refuse: Refuse, rate_hz: float = USUAL_RATE_HZ) -> Iterator[Scene]:
    """
    Yield the scenes of a dump, in order of time; those of gestures with the gesture as truth.

    :param refuse: told of each body that cannot be used, and of what was cut off.
    :param rate_hz: frames a second, where the dump does not say.
    :raises SourceError: the file cannot be read, or is no such dump; names it.
    """
    try:
        text = path.read_text('utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{path}: cannot be read: {error}') from error
    try:
        if path.suffix.lower() == '.csv':
            yield from _rising(_csv_scenes(text, rate_hz, refuse), refuse)
        else:
            yield from _rising(_json_scenes(text, refuse), refuse)
    except SourceError as error:
        raise SourceError(f'{path}: {error}') from error


def _rising(scenes: Iterator[Scene], refuse: Refuse) -> Iterator[Scene]:
    """Leave out scenes that are not later than the one before, or later than messages can say."""
    last_ns = 0
    for scene in scenes:
        if scene.stamp_ns >= _END_NS:
            refuse(
                BadSkeletonError('stamp', f'stamps must be before 2038, got {scene.stamp_ns} ns')
            )
        elif scene.stamp_ns > last_ns:
            last_ns = scene.stamp_ns
            yield scene
        else:
            refuse(
                BadSkeletonError(
                    'out_of_order', f'stamps must rise, got {last_ns} then {scene.stamp_ns} ns'
                )
            )


def _json_scenes(text: str, refuse: Refuse) -> Iterator[Scene]:
    if text.lstrip().startswith('['):
        yield from _listed(text, refuse)
        return
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f'is no JSON, or was cut off: {error}') from error
    if isinstance(document, dict) and isinstance(document.get('samples'), list):
        yield from _gestures(document, refuse)
    elif isinstance(document, dict) and isinstance(document.get('frames'), list):
        yield from _offline(document, refuse)
    else:
        raise SourceError(
            'expected a list of bodies, or an object with frames or samples, got '
            f'{_quoted(list(document) if isinstance(document, dict) else document)}'
        )


def _listed(text: str, refuse: Refuse) -> Iterator[Scene]:
    """Yield scenes of the list of bodies; bodies of one time follow one another."""
    stamp_ns, bodies, found = 0, dict[int, SkeletonFrame](), False
    for item in _items(text, refuse):
        found = True
        try:
            taken_ns = _stamp_of(item)
            if taken_ns != stamp_ns:
                if stamp_ns:
                    yield Scene(stamp_ns, tuple(bodies.values()))
                stamp_ns, bodies = taken_ns, {}
            frame = _listed_body(item, taken_ns)
            if frame.body_id in bodies:
                raise BadSkeletonError(
                    'duplicate_body', f'body {frame.body_id} comes twice at {item["timestamp"]!r}'
                )
            bodies[frame.body_id] = frame
        except BadSkeletonError as error:
            refuse(error)
    if stamp_ns:
        yield Scene(stamp_ns, tuple(bodies.values()))
    elif not found:
        raise SourceError('holds no body')


def _items(text: str, refuse: Refuse) -> Iterator[Any]:
    """Yield the items of a JSON list, as far as it is whole."""
    decoder = json.JSONDecoder()
    at = text.index('[') + 1
    while True:
        while at < len(text) and text[at] in ' \t\r\n,':
            at += 1
        if text[at : at + 1] == ']':
            return
        try:
            item, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            refuse(BadSkeletonError('cut_off', f'the list is whole up to character {at}: {error}'))
            return
        yield item


def _stamp_of(item: Any) -> int:
    """:raises BadSkeletonError: there is no time in it."""
    try:
        taken = datetime.fromisoformat(str(item['timestamp']).replace('Z', '+00:00'))
    except (KeyError, TypeError, ValueError):
        raise BadSkeletonError(
            'stamp', f'expected a body with an ISO 8601 timestamp, got {_quoted(item)}'
        ) from None
    if taken.tzinfo is None:
        taken = taken.replace(tzinfo=timezone.utc)
    since = taken - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _listed_body(item: dict[str, Any], stamp_ns: int) -> SkeletonFrame:
    """:raises BadSkeletonError: it is no body."""
    joints = item.get('joints')
    if not isinstance(joints, list) or len(joints) != _JOINTS:
        raise BadSkeletonError(
            'joint_count',
            f'a body must have {_JOINTS} joints, got '
            f'{len(joints) if isinstance(joints, list) else _quoted(joints)} at '
            f'{item["timestamp"]!r}',
        )
    try:
        positions = [[joint['position'][axis] for axis in 'xyz'] for joint in joints]
        levels = [joint.get('confidence_level', _SEEN_LEVEL) for joint in joints]
        return _frame(stamp_ns, item['body_id'], positions, levels)
    except (KeyError, TypeError, AttributeError) as error:
        raise _malformed(error, item) from error


def _offline(document: dict[str, Any], refuse: Refuse) -> Iterator[Scene]:
    """Yield scenes of the offline processor; the device's time begins at one second."""
    order = _order(document.get('joint_names', list(_NAMES)))
    begin_us: int | None = None
    for frame in document['frames']:
        try:
            taken_us = _whole(frame['timestamp_usec'])
            bodies = list(frame.get('bodies', []))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            refuse(_malformed(error, frame))
            continue
        begin_us = taken_us if begin_us is None else begin_us
        stamp_ns = _START_NS + (taken_us - begin_us) * 1000
        seen = []
        for body in bodies:
            try:
                seen.append(_offline_body(body, stamp_ns, order))
            except BadSkeletonError as error:
                refuse(error)
        yield Scene(stamp_ns, tuple(seen))


def _offline_body(body: Any, stamp_ns: int, order: list[K4abt32]) -> SkeletonFrame:
    """:raises BadSkeletonError: it is no body."""
    try:
        given = body['joint_positions']
        if len(given) != len(order):
            raise BadSkeletonError(
                'joint_count', f'a body must have {len(order)} joint_positions, got {len(given)}'
            )
        levels = list(body.get('joint_confidences', [_SEEN_LEVEL] * len(order)))
        positions_mm, sorted_levels = [[0.0] * 3] * _JOINTS, [0] * _JOINTS
        for joint, position, level in zip(order, given, levels, strict=True):
            positions_mm[joint], sorted_levels[joint] = position, level
        return _frame(stamp_ns, body['body_id'], positions_mm, sorted_levels)
    except BadSkeletonError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(error, body) from error


def _gestures(document: dict[str, Any], refuse: Refuse) -> Iterator[Scene]:
    """Yield the samples of a gesture one after the other, each with the gesture as truth."""
    begin_ns = _START_NS
    for sample in document['samples']:
        try:
            frames = list(sample['frames'])
            step_ns = _step_ns(sample, len(frames))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            refuse(_malformed(error, sample))
            continue
        scenes, stamp_ns = [], begin_ns
        for frame in frames:
            try:
                scenes.append(Scene(stamp_ns, (_gesture_body(frame, stamp_ns),)))
            except BadSkeletonError as error:
                refuse(error)
            stamp_ns += step_ns
        label = str(document.get('gestureName', ''))
        spans = []
        if scenes and label:
            spans = [ActionSpan(label, scenes[0].stamp_ns, scenes[-1].stamp_ns, 1)]
        yield from attach_spans(iter(scenes), spans)
        begin_ns = stamp_ns + PAUSE_NS


def _step_ns(sample: dict[str, Any], frames: int) -> int:
    """
    Return the time from frame to frame of a sample: its duration counts before its nominal rate.

    :raises ValueError: it says neither, or nonsense.
    """
    duration_s = float(sample.get('durationSeconds', 0.0))
    if frames > 1 and 0.0 < duration_s < float('inf'):
        return max(round(duration_s * NS_PER_S / (frames - 1)), 1)
    rate_hz = float(sample['sampleRate'])
    if not 0.0 < rate_hz < float('inf'):
        raise ValueError(f'sampleRate must be positive, got {rate_hz!r}')
    return max(round(NS_PER_S / rate_hz), 1)


def _gesture_body(frame: Any, stamp_ns: int) -> SkeletonFrame:
    """:raises BadSkeletonError: it is no body."""
    try:
        values = np.array(frame['values'], np.float64)
        weights = np.array(frame.get('weights', [1.0] * _JOINTS), np.float64)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(error, frame) from error
    if values.shape != (3 * _JOINTS,) or weights.shape != (_JOINTS,):
        raise BadSkeletonError(
            'joint_count',
            f'a frame must have {3 * _JOINTS} values and {_JOINTS} weights, got {values.size} and '
            f'{weights.size}',
        )
    # The person's right, up and forward are the camera's left, up and towards it.
    positions_m = -_BODY_SIZE_M * values.reshape(_JOINTS, 3) + _IN_FRONT_M
    confidence = np.minimum(weights / _SEEN_WEIGHT, 1.0)
    return checked_frame(stamp_ns, 1, 'k4abt_32', positions_m, confidence)


def _csv_scenes(text: str, rate_hz: float, refuse: Refuse) -> Iterator[Scene]:
    try:
        header, *rows = [row for row in csv.reader(text.splitlines()) if row] or [[]]
    except csv.Error as error:
        raise SourceError(f'is no CSV: {error}') from error
    order = _order(header)
    bodies: list[NDArray[np.float64] | None] = []
    for number, row in enumerate(rows, start=1):
        try:
            bodies.append(_csv_body(row, order, number))
        except BadSkeletonError as error:
            refuse(error)
            bodies.append(None)
    whole = [np.nanmedian(body[:, 2]) for body in bodies if body is not None]
    per_mm = 1.0 if whole and np.median(whole) > _SURELY_MM else 1000.0
    for index, body in enumerate(bodies):
        stamp_ns = _START_NS + round(index * NS_PER_S / rate_hz)
        if body is None:
            continue
        levels = np.where(np.isnan(body).any(axis=1), 0, _SEEN_LEVEL)
        try:
            yield Scene(stamp_ns, (frame_from_mm(stamp_ns, 1, body * per_mm, levels),))
        except BadSkeletonError as error:
            refuse(error)


def _csv_body(row: list[str], order: list[K4abt32], number: int) -> NDArray[np.float64]:
    """
    Return (32, 3) of one row, NaN where a joint is not seen.

    :raises BadSkeletonError: it is no body.
    """
    if len(row) != len(order):
        raise BadSkeletonError(
            'joint_count', f'row {number} must have {len(order)} joints, got {len(row)}'
        )
    body = np.full((_JOINTS, 3), np.nan)
    for joint, cell in zip(order, row, strict=True):
        if not cell.strip():
            continue
        try:
            x, y, z = (float(part) for part in cell.split())
        except ValueError:
            raise BadSkeletonError(
                'malformed',
                f'row {number}: {joint.name.lower()} must be "x y z", got {_quoted(cell)}',
            ) from None
        body[joint] = (x, y, z)
    if np.isnan(body).all():
        raise BadSkeletonError('empty_body', f'row {number} has no joint that is seen')
    return body


def _order(names: Any) -> list[K4abt32]:
    """
    Return which joint each name is: `HandTipLeft`, `HANDTIP_LEFT`, `hand tip left`.

    :raises SourceError: a name is none, or comes twice.
    """
    names = names if isinstance(names, list) else [names]
    order = []
    for name in names:
        joint = _NAMES.get(''.join(filter(str.isalnum, str(name))).upper())
        if joint is None or joint in order:
            raise SourceError(
                f'expected names of the {_JOINTS} joints such as {", ".join(list(_NAMES)[:2])}, '
                f'each once, got {_quoted(name)}'
            )
        order.append(joint)
    if not order:
        raise SourceError('expected a header with names of joints, got nothing')
    return order


def _frame(stamp_ns: int, body_id: Any, positions_mm: Any, levels: Any) -> SkeletonFrame:
    """:raises BadSkeletonError: what should be numbers is something else, or no body."""
    try:
        number = _whole(body_id)
        positions = np.array(positions_mm, np.float64)
        given = np.array(levels, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadSkeletonError(
            'malformed', f'body {_quoted(body_id)} holds what are no numbers: {error}'
        ) from error
    return frame_from_mm(stamp_ns, number, positions, given)


def _whole(value: Any) -> int:
    """:raises ValueError: it is no whole number from 0 to the largest there is in a message."""
    number = int(value)
    if number != value or not 0 <= number < 2**63:
        raise ValueError(f'expected a whole number from 0, got {value!r}')
    return number


def _malformed(error: Exception, what: Any) -> BadSkeletonError:
    return BadSkeletonError(
        'malformed', f'{type(error).__name__} {error} in what should be a body: {_quoted(what)}'
    )


def _quoted(what: Any) -> str:
    text = repr(what)
    return text if len(text) <= _LONGEST_QUOTE else f'{text[:_LONGEST_QUOTE]}...'
