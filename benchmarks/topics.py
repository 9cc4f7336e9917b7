"""From what another program publishes to `skeletons`, over DDS, for each source of that kind."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import Point, TransformStamped
from visualization_msgs.msg import Marker, MarkerArray

from benchmarks.listening import listening, wait_until
from benchmarks.results import Row, distribution
from skeleton_action_msgs.msg import SkeletonArray
from skeleton_action_ros.adapters.msg_conversions import scene_to_msg
from skeleton_action_ros.core.body_frames import TRACKER, body_frames
from skeleton_action_ros.core.layouts import Coco17
from skeleton_action_ros.core.simulation import SimulationConfig, source_from_config
from skeleton_action_ros.core.skeleton import Scene, SkeletonFrame
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.messages import TYPES, time_of

_RATE_HZ = 30.0
_WARM_UP = 30
_LAST_WITHIN_S = 1.0
_FRAME = 'camera_optical_frame'
_YOLO = ('yolo_msgs', 'skeleton_action_test_msgs')


@dataclass(frozen=True)
class _Sender:
    """
    How another program publishes what a source hears.

    :param kind: class of the message.
    :param messages: what it publishes of one scene.
    :param parameters: of skeleton_source.
    """

    kind: type[Any]
    topic: str
    profile: Any
    messages: Callable[[Scene], Sequence[Any]]
    parameters: dict[str, Any]


def topics(seconds: float) -> list[Row]:
    """
    Publish a simulated person at 30 Hz for each source, and time until its skeletons are heard.

    :raises SourceError: the node does not find the publisher.
    """
    return [_measured(name, sender, seconds) for name, sender in _senders().items()]


def _measured(name: str, sender: _Sender, seconds: float) -> Row:
    sent: dict[int, float] = {}
    given = {'source': name, 'input_topic': sender.topic, **sender.parameters}
    with listening(given) as heard:
        publisher = heard.node.create_publisher(sender.kind, sender.topic, sender.profile)
        wait_until(lambda: publisher.get_subscription_count() > 0, f'source {name}')
        scenes = source_from_config(SimulationConfig(dropped_share=0.0)).scenes()
        begun_s = time.monotonic()
        for number in range(_WARM_UP + round(seconds * _RATE_HZ)):
            time.sleep(max(begun_s + number / _RATE_HZ - time.monotonic(), 0.0))
            stamp_ns = heard.node.get_clock().now().nanoseconds
            messages = sender.messages(_at(next(scenes), stamp_ns))
            sent[stamp_ns] = time.monotonic()
            for message in messages:
                publisher.publish(message)
        time.sleep(_LAST_WITHIN_S)
    counted = list(sent)[_WARM_UP:]
    came = [stamp for stamp in counted if stamp in heard.scenes]
    latencies = [(heard.scenes[stamp][0] - sent[stamp]) * 1e3 for stamp in came]
    name = f'{name}: published to skeletons received, {len(counted)} sent'
    return distribution(name, latencies, 'ms')


def _at(scene: Scene, stamp_ns: int) -> Scene:
    return Scene(
        stamp_ns,
        tuple(
            SkeletonFrame(stamp_ns, one.body_id, one.layout, one.joints_m, one.confidence)
            for one in scene.skeletons
        ),
    )


def _senders() -> dict[str, _Sender]:
    senders = {
        'topic': _Sender(
            SkeletonArray,
            'bench_skeletons',
            qos.SENSOR,
            lambda scene: [scene_to_msg(scene, _FRAME, TYPES)],
            {},
        ),
        'markers': _Sender(MarkerArray, 'bench_markers', qos.MARKERS, _markers, {}),
    }
    if (frames := _module('tf2_msgs')) is not None:
        # As trackers publish: each frame in a message of its own.
        senders['tf'] = _Sender(
            frames.TFMessage,
            '/bench_tf',
            qos.FRAMES,
            lambda scene: [frames.TFMessage(transforms=[one]) for one in _transforms(scene)],
            {},
        )
    package = next((name for name in _YOLO if _module(name) is not None), '')
    if package:
        msg = _module(package)
        senders['yolo'] = _Sender(
            msg.DetectionArray,
            'bench_yolo',
            qos.EVENTS,
            lambda scene: [_detections(scene, msg)],
            {'yolo_message': f'{package}/msg/DetectionArray', 'axes': 'optical'},
        )
    return senders


def _module(package: str) -> Any:
    """Return the messages of a package, None where it is not installed."""
    try:
        return importlib.import_module(f'{package}.msg')
    except ImportError:
        return None


def _markers(scene: Scene) -> list[Any]:
    markers = []
    for person in scene.skeletons:
        for joint, (x, y, z) in enumerate(person.joints_m.tolist()):
            marker = Marker(id=person.body_id * 100 + joint, type=Marker.SPHERE, action=Marker.ADD)
            marker.header.stamp = time_of(scene.stamp_ns)
            marker.pose.position = Point(x=x, y=y, z=z)
            markers.append(marker)
    return [MarkerArray(markers=markers)]


def _transforms(scene: Scene) -> list[Any]:
    transforms = []
    for person in scene.skeletons:
        for frame in body_frames(person, TRACKER):
            item = TransformStamped(child_frame_id=frame.name)
            item.header.stamp, item.header.frame_id = time_of(scene.stamp_ns), _FRAME
            at = item.transform.translation
            at.x, at.y, at.z = frame.position_m.tolist()
            transforms.append(item)
    return transforms


def _detections(scene: Scene, msg: Any) -> Any:
    """Return persons with every joint of COCO, the first seventeen joints standing in for them."""
    detections = []
    for person in scene.skeletons:
        points = [
            msg.KeyPoint3D(id=joint + 1, point=Point(x=x, y=y, z=z), score=0.9)
            for joint, (x, y, z) in enumerate(person.joints_m[: len(Coco17)].tolist())
        ]
        one = msg.Detection(id=str(person.body_id), class_name='person')
        one.keypoints3d = msg.KeyPoint3DArray(data=points, frame_id=_FRAME)
        detections.append(one)
    message = msg.DetectionArray(detections=detections)
    message.header.stamp = time_of(scene.stamp_ns)
    return message
