"""Image topics as scenes: colour, and where there is one a depth image registered to it."""

from __future__ import annotations

import posixpath

from sensor_msgs.msg import CameraInfo, Image

from skeleton_action_ros.adapters.image_messages import (
    colour_from_msg,
    depth_from_msg,
    intrinsics_from_msg,
)
from skeleton_action_ros.adapters.msg_conversions import time_from_msg
from skeleton_action_ros.core.camera import Intrinsics
from skeleton_action_ros.core.errors import BadSkeletonError, ImageError
from skeleton_action_ros.core.image_pairs import ImagePairs
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.rgb import SkeletonFinder
from skeleton_action_ros.core.streams import Step, Timeline
from skeleton_action_ros.nodes import qos
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters
from skeleton_action_ros.nodes.readers import pose_estimator_maker
from skeleton_action_ros.nodes.topic_inputs import Forward, TopicInput


class ImagesInput(TopicInput):
    """
    `sensor_msgs/Image` on `input_topic`, with depth and calibration where they are asked for.

    Callbacks only keep the newest images; after all that waits was taken, the person is looked for
    in the newest pair. So nothing is ever done for an image that a newer one has followed, and the
    dropped ones are counted.
    """

    def __init__(self, parameters: SkeletonSourceParameters) -> None:
        self._config = parameters.rgb
        self._estimator = pose_estimator_maker(parameters)()

    def listen(self, node: ActionNode, topic: str, forward: Forward) -> None:
        stream = _Stream(self, node, forward)
        config = self._config
        node.listen(Image, topic, stream.on_colour, qos.IMAGES)
        if config.depth_topic:
            node.listen(Image, config.depth_topic, stream.on_depth, qos.IMAGES)
        beside = posixpath.join(posixpath.dirname(topic), 'camera_info')
        node.listen(
            CameraInfo, config.camera_info_topic or beside, stream.on_camera_info, qos.SENSOR
        )

    def close(self) -> None:
        """Release the model."""
        self._estimator.close()

    def finder(self, stream: _Stream) -> SkeletonFinder:
        """Make what begins anew with the next image."""
        self._estimator.reset()
        return SkeletonFinder(self._estimator, self._config, stream.refuse)

    def pairs(self) -> ImagePairs:
        """Make what pairs colour and depth."""
        return ImagePairs(self._config.sync_s, bool(self._config.depth_topic))


class _Stream:
    """What is subscribed to from one activation of the node to its end."""

    def __init__(self, images: ImagesInput, node: ActionNode, forward: Forward) -> None:
        self._images = images
        self._node = node
        self._forward = forward
        self._camera: Intrinsics | None = None
        self._frame_id = ''
        self._timeline = Timeline()
        self._errors: list[ImageError | BadSkeletonError] = []
        self._look = node.deferred(self.look)
        self._begin()

    def refuse(self, error: ImageError | BadSkeletonError) -> None:
        """Keep what is wrong with an image for its scene."""
        self._errors.append(error)

    def on_colour(self, message: Image) -> None:
        stamp_ns = time_from_msg(message.header.stamp)
        if stamp_ns <= 0:
            raise ImageError('stamp', f'an image needs a stamp, got {stamp_ns} ns')
        step = self._timeline.take(stamp_ns)
        if step is Step.STRAY:
            raise ImageError('stray_stamp', f'a stamp far ahead of the last: {stamp_ns} ns')
        if step is Step.BACK:
            self._begin()
        self._frame_id = message.header.frame_id
        self._pairs.push_colour(ColourImage(stamp_ns, colour_from_msg(message), self._camera))
        self._look()

    def on_depth(self, message: Image) -> None:
        self._pairs.push_depth(time_from_msg(message.header.stamp), depth_from_msg(message))
        self._look()

    def on_camera_info(self, message: CameraInfo) -> None:
        self._camera = intrinsics_from_msg(message)

    def look(self) -> None:
        """Find the person in the newest image, if one has come that can be used."""
        image, error = self._pairs.take()
        self._node.health.counts['dropped_images'] = self._pairs.counts['dropped_images']
        if image is None:
            return
        if error is not None:
            self._errors.append(error)
        scenes = self._finder.push(image)
        errors, self._errors = self._errors, []
        for scene in scenes:
            self._forward(scene, errors, self._frame_id)
            errors = []
        for late in errors:
            self._node.refuse(late)

    def _begin(self) -> None:
        self._finder = self._images.finder(self)
        self._pairs = self._images.pairs()
