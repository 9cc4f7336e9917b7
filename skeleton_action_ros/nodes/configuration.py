"""Every node's parameters, as dataclasses; the defaults are the product's."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from skeleton_action_ros.adapters.bundle_card import PRECISIONS
from skeleton_action_ros.adapters.sources.k4abt_json import K4abtJsonConfig
from skeleton_action_ros.core.acquisition import AcquisitionConfig
from skeleton_action_ros.core.axes import AUTO, AXES
from skeleton_action_ros.core.azure_kinect import AzureKinectConfig
from skeleton_action_ros.core.body_frames import NAMINGS, NONE
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.enrollment import EnrollmentConfig
from skeleton_action_ros.core.gallery import GalleryConfig
from skeleton_action_ros.core.identity import IdentityConfig
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.simulation import SimulationConfig
from skeleton_action_ros.core.tracked_frames import TrackedFramesConfig
from skeleton_action_ros.core.windows import WindowConfig

SOURCES = (
    'simulated',
    'clips',
    'bag',
    'azure_kinect',
    'k4abt_json',
    'rgb',
    'markers',
    'topic',
    'tf',
    'yolo',
)


@dataclass(frozen=True)
class NodeParameters:
    """What every node has."""

    autostart: bool = setting(
        True, 'configure and activate without being told to by a lifecycle manager'
    )


@dataclass(frozen=True)
class BodyOutputsConfig:
    """What skeleton_source tells other programs besides."""

    frames: str = setting(
        NONE,
        'coordinate frames of the joints on /tf: tracker (left_hand_3) or rep_155 (l_wrist_3 and '
        'body_3, with the ids of those in view on /humans/bodies/tracked)',
        choices=NAMINGS,
    )
    ids_message: str = setting(
        'hri_msgs/msg/IdsList', 'rep_155: type of the message on /humans/bodies/tracked'
    )


@dataclass(frozen=True)
class SkeletonSourceParameters(NodeParameters):
    """Node skeleton_source."""

    source: str = setting('simulated', 'where skeletons come from', choices=SOURCES)
    path: str = setting(
        '',
        'clips: a folder or file of clips; bag: a rosbag2; azure_kinect: a recording (.mkv), empty '
        'for a device; k4abt_json: a dump or a folder of dumps; rgb: a video, a folder of images, '
        'the address of a stream or the number of a camera',
    )
    input_topic: str = setting(
        '',
        'what markers, topic, tf and yolo subscribe to; empty: body_tracking_data, skeletons_in, '
        '/tf, yolo/detections_3d; rgb: an image topic instead of path',
    )
    frame_id: str = setting(
        'camera_depth_optical_frame',
        'optical frame of what is published; what is subscribed to keeps the one that arrives, if '
        'it is an optical one',
    )
    axes: str = setting(
        AUTO,
        'axes of what tf and yolo give: optical (x right, y down, z forward) or body (x forward, '
        'y left, z up); auto: by the name of the frame, ..._optical_frame or another',
        choices=AXES,
    )
    yolo_message: str = setting(
        'yolo_msgs/msg/DetectionArray', 'yolo: type of the message; forks name their package anew'
    )
    rate: float = setting(1.0, 'how many times faster than it was recorded', low=0.01, high=100.0)
    loop: bool = setting(False, 'begin again at the end')
    restamp: bool = setting(
        True, 'move the stamps of what was recorded to now; false keeps them as they are'
    )
    max_lag_s: float = setting(
        0.5,
        'a scene that would be published later than this is dropped, as a sensor would',
        unit='s',
        low=0.0,
        high=3600.0,
    )
    outputs: BodyOutputsConfig = field(default_factory=BodyOutputsConfig)
    tf: TrackedFramesConfig = field(default_factory=TrackedFramesConfig)
    azure_kinect: AzureKinectConfig = field(default_factory=AzureKinectConfig)
    k4abt_json: K4abtJsonConfig = field(default_factory=K4abtJsonConfig)
    rgb: RgbConfig = field(default_factory=RgbConfig)
    acquisition: AcquisitionConfig = field(default_factory=AcquisitionConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)


@dataclass(frozen=True)
class WindowBufferParameters(NodeParameters):
    """Node window_buffer."""

    windows: WindowConfig = field(default_factory=WindowConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)


@dataclass(frozen=True)
class ModelParameters(NodeParameters):
    """What the two nodes that run a model have."""

    model: str = setting('default', 'model bundle: a name under models/, or a folder')
    precision: str = setting(
        'fp32',
        'which model of the bundle; int8 is smaller and faster on a CPU, where a bundle has it',
        choices=PRECISIONS,
    )
    providers: str = setting(
        'TensorrtExecutionProvider,CUDAExecutionProvider,CPUExecutionProvider',
        'ONNX Runtime execution providers by preference, separated by commas; the first that runs '
        'the bundle is taken',
    )
    threads: int = setting(1, 'threads within one call of the model on the CPU', low=1, high=256)


@dataclass(frozen=True)
class ActionRecognizerParameters(ModelParameters):
    """Node action_recognizer."""

    batch_wait_s: float = setting(
        0.005,
        'longest wait for the windows of the other persons in a scene',
        unit='s',
        low=0.001,
        high=1.0,
    )
    watchdog_period_s: float = setting(
        0.1,
        'how often to look whether persons have left or the skeletons have stopped',
        unit='s',
        low=0.01,
        high=10.0,
    )
    recognition: RecognizerConfig = field(default_factory=RecognizerConfig)


@dataclass(frozen=True)
class ActionEnrollerParameters(ModelParameters):
    """Node action_enroller."""

    gallery: str = setting(
        '', 'gallery file; empty: skeleton_action_ros/gallery.sqlite3 in $ROS_HOME, or ~/.ros'
    )
    limits: GalleryConfig = field(default_factory=GalleryConfig)
    enrollment: EnrollmentConfig = field(default_factory=EnrollmentConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)


PARAMETERS: dict[str, type[NodeParameters]] = {
    'skeleton_source': SkeletonSourceParameters,
    'window_buffer': WindowBufferParameters,
    'action_recognizer': ActionRecognizerParameters,
    'action_enroller': ActionEnrollerParameters,
}
"""The parameters of each node, by the node's name."""


def default_gallery() -> Path:
    """Return where the gallery is kept when no parameter says so."""
    home = os.environ.get('ROS_HOME') or '~/.ros'
    return Path(home).expanduser() / 'skeleton_action_ros' / 'gallery.sqlite3'
