"""Bags for tests as the Azure Kinect ROS driver's users record them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from skeleton_action_ros.core.layouts import Common15, K4abt32
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

TOPIC = '/body_tracking_data'
_TYPE = 'visualization_msgs/msg/MarkerArray'
_STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
_JOINTS = {
    Common15.HEAD: K4abt32.HEAD,
    Common15.NECK: K4abt32.NECK,
    Common15.TORSO: K4abt32.SPINE_NAVEL,
    Common15.SHOULDER_LEFT: K4abt32.SHOULDER_LEFT,
    Common15.ELBOW_LEFT: K4abt32.ELBOW_LEFT,
    Common15.HAND_LEFT: K4abt32.HAND_LEFT,
    Common15.SHOULDER_RIGHT: K4abt32.SHOULDER_RIGHT,
    Common15.ELBOW_RIGHT: K4abt32.ELBOW_RIGHT,
    Common15.HAND_RIGHT: K4abt32.HAND_RIGHT,
    Common15.HIP_LEFT: K4abt32.HIP_LEFT,
    Common15.KNEE_LEFT: K4abt32.KNEE_LEFT,
    Common15.FOOT_LEFT: K4abt32.FOOT_LEFT,
    Common15.HIP_RIGHT: K4abt32.HIP_RIGHT,
    Common15.KNEE_RIGHT: K4abt32.KNEE_RIGHT,
    Common15.FOOT_RIGHT: K4abt32.FOOT_RIGHT,
}


def write_marker_bag(
    path: Path,
    clip: Clip,
    *,
    body_id: int = 1,
    storage: str = 'mcap',
    empty: tuple[int, int] = (0, 0),
    delay_ns: int = 0,
) -> None:
    """
    Write a `common_15` clip as arrays of the joints that k4abt_32 has too.

    :param empty: nobody is in view from the first of these frames to before the second.
    :param delay_ns: messages are logged this much later than they are stamped.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=_STORAGES[storage]) as writer:
        connection = writer.add_connection(TOPIC, _TYPE, typestore=store)
        for index, stamp_ns in enumerate(clip.stamps_ns.tolist()):
            shown = not empty[0] <= index < empty[1]
            markers = [
                _marker(store.types, body_id * 100 + theirs, stamp_ns, clip.joints_m[index, ours])
                for ours, theirs in _JOINTS.items()
                if shown
            ]
            message = store.types[_TYPE](markers=markers)
            data = store.serialize_cdr(message, _TYPE)
            writer.write(connection, stamp_ns + delay_ns, data)


def _marker(types: Any, identity: int, stamp_ns: int, position: Any) -> Any:
    duration = types['builtin_interfaces/msg/Duration'](sec=0, nanosec=0)
    stamp = types['builtin_interfaces/msg/Time'](
        sec=stamp_ns // NS_PER_S, nanosec=stamp_ns % NS_PER_S
    )
    point = types['geometry_msgs/msg/Point'](*map(float, position))
    turn = types['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0)
    zero = types['geometry_msgs/msg/Vector3'](0.05, 0.05, 0.05)
    colour = types['std_msgs/msg/ColorRGBA'](0.0, 0.0, 0.0, 1.0)
    return types['visualization_msgs/msg/Marker'](
        header=types['std_msgs/msg/Header'](stamp=stamp, frame_id='depth_camera_link'),
        ns='',
        id=identity,
        type=2,
        action=0,
        pose=types['geometry_msgs/msg/Pose'](position=point, orientation=turn),
        scale=zero,
        color=colour,
        lifetime=duration,
        frame_locked=False,
        points=[],
        colors=[],
        texture_resource='',
        texture=types['sensor_msgs/msg/CompressedImage'](
            header=types['std_msgs/msg/Header'](stamp=stamp, frame_id=''),
            format='',
            data=np.zeros(0, np.uint8),
        ),
        uv_coordinates=[],
        text='',
        mesh_resource='',
        mesh_file=types['visualization_msgs/msg/MeshFile'](filename='', data=np.zeros(0, np.uint8)),
        mesh_use_embedded_materials=False,
    )
