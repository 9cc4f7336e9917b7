"""
Recordings of `skeletons` and their ground truth as rosbag2, with `rosbags`: no ROS is needed.

Ground truth is on `action_annotations`, an `ActionEvent` at the start and one at the end of each
span. The log time of each message is its stamp.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from skeleton_action_ros.adapters.bag_recovery import opened
from skeleton_action_ros.adapters.msg_conversions import (
    MessageTypes,
    scene_from_msg,
    scene_to_msg,
    span_from_msg,
    span_to_msgs,
    time_from_msg,
)
from skeleton_action_ros.core.errors import BagError, SkeletonActionError
from skeleton_action_ros.core.skeleton import ActionSpan, Scene

SKELETONS_TOPIC = 'skeletons'
ANNOTATIONS_TOPIC = 'action_annotations'
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
_PACKAGE = 'skeleton_action_msgs'
_SKELETON_ARRAY = f'{_PACKAGE}/msg/SkeletonArray'
_ACTION_EVENT = f'{_PACKAGE}/msg/ActionEvent'
_FORMAT_OF_JAZZY: Any = 9


@dataclass(frozen=True)
class BagContents:
    """What was written, or is there to read."""

    scenes: int
    spans: int
    start_ns: int
    end_ns: int


def write_bag(
    path: str | Path,
    scenes: Iterable[Scene],
    *,
    storage: str = 'mcap',
    frame_id: str = 'camera',
    skeletons_topic: str = '/' + SKELETONS_TOPIC,
    annotations_topic: str = '/' + ANNOTATIONS_TOPIC,
) -> BagContents:
    """
    Write scenes, and the ground truth they carry, as a new bag; it appears whole or not at all.

    :param path: the bag's folder, which must not exist; folders above are made.
    :param scenes: in order of their stamps, which are positive.
    :param storage: 'mcap' or 'sqlite3'.
    :param frame_id: the sensor's optical frame.
    :raises BagError: the path exists, there is no such storage, there is no scene, or a span is not
        positive in time.
    :raises OSError: it cannot be written.
    """
    target = Path(path)
    if storage not in STORAGES:
        raise BagError(f'storage must be one of {list(STORAGES)}, got {storage!r}')
    if target.exists():
        raise BagError(f'{target} exists already: a bag is never overwritten')
    target.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f'.{target.name}.', dir=target.parent))
    try:
        writer = Writer(
            workplace / target.name,
            version=_FORMAT_OF_JAZZY,
            storage_plugin=STORAGES[storage],
        )
        with writer:
            contents = _write(writer, scenes, frame_id, skeletons_topic, annotations_topic)
        if not contents.scenes:
            raise BagError(f'{target}: a bag needs scenes, got none')
        (workplace / target.name).rename(target)
    finally:
        shutil.rmtree(workplace)
    return contents


def read_scenes(
    path: str | Path,
    topic: str = SKELETONS_TOPIC,
    on_refused: Callable[[SkeletonActionError], None] | None = None,
) -> Iterator[Scene]:
    """
    Yield the scenes of a bag, in the order of their log times.

    :param path: a bag's folder, or one `.mcap` or `.db3` file.
    :param topic: '/robot/skeletons' is that topic; 'skeletons' is the one of that name, whatever
        its namespace.
    :param on_refused: told what is wrong with each body that is left out.
    :raises BagError: the bag is missing or has no such topic, or it holds another message; or,
        after the scenes that could be read, that the bag is cut off or damaged.
    """
    for _, message in read_messages(path, topic, _SKELETON_ARRAY):
        scene, errors = scene_from_msg(message)
        for error in errors:
            if on_refused is not None:
                on_refused(error)
        if scene.stamp_ns > 0:
            yield scene


def read_spans(path: str | Path, topic: str = ANNOTATIONS_TOPIC) -> list[ActionSpan]:
    """
    Return the ground truth of a bag, in order of the starts. A span that never ended is left out.

    :param topic: as for `read_scenes`.
    :raises BagError: as `read_scenes`.
    """
    return sorted(
        iterate_spans(path, topic), key=lambda span: (span.start_ns, span.body_id, span.label)
    )


def iterate_spans(path: str | Path, topic: str = ANNOTATIONS_TOPIC) -> Iterator[ActionSpan]:
    """Yield what `read_spans` returns in the order of the ends, before it raises."""
    for _, message in read_messages(path, topic, _ACTION_EVENT):
        span = span_from_msg(message)
        if span is not None:
            yield span


def has_topic(path: str | Path, topic: str) -> bool:
    """
    Tell whether a bag has a topic, named as for `read_scenes`.

    :raises BagError: there is no bag that could be opened.
    """
    return bool(topic_types(path, topic))


def topic_types(path: str | Path, topic: str = '') -> dict[str, str]:
    """
    Return the message type of each topic of a bag that `topic` may mean, or of all, by full name.

    :raises BagError: there is no bag that could be opened.
    """
    with opened(Path(path)) as bag:
        return {
            each.topic: each.msgtype
            for each in bag.connections
            if not topic or _matches(each.topic, topic)
        }


def read_messages(path: str | Path, topic: str, message_type: str) -> Iterator[tuple[int, Any]]:
    """
    Yield the log time, nanoseconds, and each message of a topic, in the order of log times.

    :param topic: as for `read_scenes`.
    :param message_type: one of ours or of Jazzy's own, as `visualization_msgs/msg/MarkerArray`.
    :raises BagError: as `read_scenes`.
    """
    store = _typestore()
    with opened(Path(path)) as bag:
        if bag.damage and not bag.connections:
            raise BagError(f'{path}: {bag.damage}')
        chosen = _choose(bag.connections, topic, message_type, Path(path))
        for number, (logged_ns, data) in enumerate(bag.payloads(chosen), 1):
            try:
                message = store.deserialize_cdr(data, message_type)
            except Exception as error:  # rosbags raises whatever damaged bytes lead it into
                raise BagError(
                    f'{path}: message {number} of {topic} is no {message_type}: '
                    f'{type(error).__name__}: {error}'
                ) from error
            yield logged_ns, message
        if bag.damage:
            raise BagError(f'{path}: {bag.damage}')


def bag_message_types() -> MessageTypes:
    """
    Return the classes that bags are written with.

    :raises BagError: the definitions of `skeleton_action_msgs` are not installed.
    """
    types = _typestore().types
    return MessageTypes(
        time=types['builtin_interfaces/msg/Time'],
        header=types['std_msgs/msg/Header'],
        skeleton=types[f'{_PACKAGE}/msg/Skeleton'],
        skeleton_array=types[_SKELETON_ARRAY],
        skeleton_window=types[f'{_PACKAGE}/msg/SkeletonWindow'],
        action_event=types[_ACTION_EVENT],
        action_calibration=types[f'{_PACKAGE}/msg/ActionCalibration'],
        action_template=types[f'{_PACKAGE}/msg/ActionTemplate'],
        action_gallery=types[f'{_PACKAGE}/msg/ActionGallery'],
        floats=lambda values: np.asarray(values, np.float32),
        integers=lambda values: np.asarray(values, np.int64),
    )


@cache
def _typestore() -> Typestore:
    """Return Jazzy's message types and our own, read from where `skeleton_action_msgs` has them."""
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    places = [Path(prefix, 'share', _PACKAGE, 'msg') for prefix in prefixes if prefix]
    places.append(Path(__file__).resolve().parents[2] / _PACKAGE / 'msg')
    for place in places:
        definitions = sorted(place.glob('*.msg'))
        if definitions:
            break
    else:
        raise BagError(
            f'the definitions of {_PACKAGE} are not installed: build it, or source the workspace '
            f'that has it; looked in {", ".join(map(str, places))}'
        )
    store = get_typestore(Stores.ROS2_JAZZY)
    for definition in definitions:
        name = f'{_PACKAGE}/msg/{definition.stem}'
        store.register(get_types_from_msg(definition.read_text('utf-8'), name))
    return store


def _write(
    writer: Writer,
    scenes: Iterable[Scene],
    frame_id: str,
    skeletons_topic: str,
    annotations_topic: str,
) -> BagContents:
    types, store = bag_message_types(), _typestore()
    skeletons = writer.add_connection(
        skeletons_topic,
        _SKELETON_ARRAY,
        typestore=store,
        offered_qos_profiles=[_qos(5, QosReliability.BEST_EFFORT)],
    )
    annotations = writer.add_connection(
        annotations_topic,
        _ACTION_EVENT,
        typestore=store,
        offered_qos_profiles=[_qos(10, QosReliability.RELIABLE)],
    )
    count, spans, start_ns, end_ns = 0, 0, 0, 0
    for scene in scenes:
        if scene.stamp_ns <= end_ns:
            raise BagError(
                f'stamps must be positive and rise, got {scene.stamp_ns} after {end_ns} ns'
            )
        message = scene_to_msg(scene, frame_id, types)
        writer.write(skeletons, scene.stamp_ns, store.serialize_cdr(message, _SKELETON_ARRAY))
        for span in scene.finished:
            for event in span_to_msgs(span, frame_id, types):
                stamp_ns = time_from_msg(event.header.stamp)
                if stamp_ns <= 0:
                    raise BagError(f'spans must be positive in time, got {span}')
                writer.write(annotations, stamp_ns, store.serialize_cdr(event, _ACTION_EVENT))
            spans += 1
        count, start_ns, end_ns = count + 1, start_ns or scene.stamp_ns, scene.stamp_ns
    return BagContents(count, spans, start_ns, end_ns)


def _qos(depth: int, reliability: QosReliability) -> Qos:
    forever = QosTime(9223372036, 854775807)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=QosDurability.VOLATILE,
        deadline=forever,
        lifespan=forever,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=forever,
        avoid_ros_namespace_conventions=False,
    )


def _choose(connections: Iterable[Connection], topic: str, message_type: str, path: Path) -> str:
    """Return the full name of the topic that `topic` means."""
    connections = list(connections)
    matching = [each for each in connections if _matches(each.topic, topic)]
    names = sorted({each.topic for each in matching})
    if not names:
        others = ', '.join(sorted({each.topic for each in connections})) or 'no topic at all'
        raise BagError(f'{path}: expected a topic {topic!r}, got {others}')
    if len(names) > 1:
        raise BagError(
            f'{path}: several topics are named {topic!r}: choose one of {", ".join(names)}'
        )
    types = {each.msgtype for each in matching}
    if types != {message_type}:
        raise BagError(
            f'{path}: topic {names[0]} must hold {message_type}, got {", ".join(sorted(types))}'
        )
    ours = _typestore().hash_rihs01(message_type)
    theirs = {_digest(each) for each in matching} - {ours, ''}
    if theirs:
        raise BagError(
            f'{path}: topic {names[0]} was recorded with another version of {message_type}: '
            f'expected {ours}, got {", ".join(sorted(theirs))}'
        )
    return names[0]


def _digest(connection: Connection) -> str:
    """Return the hash of a topic's type: as recorded, or of its definition; empty: neither."""
    if connection.digest or not connection.msgdef.data:
        return connection.digest
    theirs = get_typestore(Stores.EMPTY)
    try:
        theirs.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        return theirs.hash_rihs01(connection.msgtype)
    except Exception:  # noqa: BLE001 - rosbags raises whatever damaged text leads it into
        return ''


def _matches(name: str, topic: str) -> bool:
    return name == topic or (not topic.startswith('/') and name.endswith('/' + topic))
