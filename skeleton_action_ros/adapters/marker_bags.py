"""Bags that somebody else's driver recorded, besides our own: which of the two a bag is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from skeleton_action_ros.adapters.bags import (
    SKELETONS_TOPIC,
    read_messages,
    read_scenes,
    topic_types,
)
from skeleton_action_ros.adapters.body_tracking_markers import BodyTrackingReader
from skeleton_action_ros.core.errors import BagError, SkeletonActionError
from skeleton_action_ros.core.skeleton import Scene

MARKERS_TOPIC = 'body_tracking_data'
MARKER_ARRAY = 'visualization_msgs/msg/MarkerArray'


def read_marker_scenes(
    path: str | Path,
    topic: str = MARKERS_TOPIC,
    on_refused: Callable[[SkeletonActionError], None] | None = None,
) -> Iterator[Scene]:
    """
    Yield the scenes of a bag that was recorded from the Azure Kinect ROS driver: MarkerArrays.

    The log time stands in for the time of arrival. Parameters and errors are those of
    `bags.read_scenes`.
    """
    reader = BodyTrackingReader()
    for logged_ns, message in read_messages(path, topic, MARKER_ARRAY):
        scene, errors = reader.read(message, logged_ns)
        for error in errors:
            if on_refused is not None:
                on_refused(error)
        yield scene


def read_any_scenes(
    path: str | Path,
    topic: str = '',
    on_refused: Callable[[SkeletonActionError], None] | None = None,
) -> Iterator[Scene]:
    """
    Yield the scenes of a bag of ours or, by the type of its topic, of the Azure Kinect ROS driver.

    :param topic: as for `bags.read_scenes`; empty: `skeletons`, else `body_tracking_data`.
    :raises BagError: as `bags.read_scenes`, and where neither topic is there.
    """
    wanted = [topic] if topic else [SKELETONS_TOPIC, MARKERS_TOPIC]
    for name in wanted:
        types = set(topic_types(path, name).values())
        if types == {MARKER_ARRAY} or (types and name == MARKERS_TOPIC):
            return read_marker_scenes(path, name, on_refused)
        if types or name == topic:
            return read_scenes(path, name, on_refused)
    others = ', '.join(sorted(topic_types(path))) or 'no topic at all'
    raise BagError(f'{path}: expected a topic {" or ".join(map(repr, wanted))}, got {others}')
