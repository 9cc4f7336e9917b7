"""From colour images to skeletons: placing, smoothing and numbering the person that is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import Intrinsics, guessed_intrinsics, placed
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.depth_lifting import lift
from skeleton_action_ros.core.errors import BadSkeletonError, ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.layouts import get_layout
from skeleton_action_ros.core.one_euro import OneEuroFilter
from skeleton_action_ros.core.pose_choice import ChoiceConfig, PoseChooser
from skeleton_action_ros.core.pose_estimation import ImagePose, PoseEstimator
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame, checked_frame


@dataclass(frozen=True)
class PoseModelConfig:
    """Whom to look for in images, and how."""

    place_x: float = setting(
        0.5, 'who is nearest to this place is followed; from the left', unit='widths', low=0, high=1
    )
    place_y: float = setting(0.5, 'the same, from the top', unit='heights', low=0, high=1)
    least_certainty: float = setting(
        0.5, 'what is less surely a person is none', low=0.05, high=0.99
    )
    detect_every_frames: int = setting(
        30,
        'the whole image is searched again after so many, whether or not somebody is followed',
        unit='frames',
        low=1,
        high=10_000,
    )


@dataclass(frozen=True)
class RgbConfig:
    """The source `rgb`: a camera, a video, a folder of images, a stream, or an image topic."""

    device: int = setting(0, 'number of the camera, where path and input_topic are empty', low=0)
    width: int = setting(640, 'asked of the camera', unit='pixels', low=32, high=8192)
    height: int = setting(480, 'asked of the camera', unit='pixels', low=32, high=8192)
    rate_hz: float = setting(
        30.0,
        'asked of the camera; of a folder of images; and of a video that does not say its own',
        unit='Hz',
        low=0.1,
        high=1000.0,
    )
    view_deg: float = setting(
        60.0,
        'angle that the width of the image spans, where there is no calibration',
        unit='degrees',
        low=5.0,
        high=170.0,
    )
    depth_topic: str = setting(
        '', 'sensor_msgs/Image of depth, registered to the colour image; empty: none'
    )
    camera_info_topic: str = setting(
        '', 'sensor_msgs/CameraInfo of the colour image; empty: camera_info beside the image topic'
    )
    sync_s: float = setting(
        0.02,
        'colour and depth images that are farther apart in time do not belong together',
        unit='s',
        low=0.0,
        high=1.0,
    )
    gone_after_s: float = setting(
        1.0,
        'somebody not found for longer has left: whoever comes next is another body',
        unit='s',
        low=0.0,
        high=60.0,
    )
    smoothing_hz: float = setting(
        2.0,
        "cut-off of the joints' smoothing at rest; it rises with their speed; 0: none",
        unit='Hz',
        low=0.0,
        high=1000.0,
    )
    distance_hz: float = setting(
        0.1,
        'cut-off of the smoothing of the distance where there is no depth; 0: none. An image tells '
        'distance badly: who bows seems to step back by a metre',
        unit='Hz',
        low=0.0,
        high=1000.0,
    )
    model: PoseModelConfig = field(default_factory=PoseModelConfig)
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)


_JOINTS_PER_SPEED = 4.0
_PLACE_CUTOFF_SHARE = 0.5
_PLACE_PER_SPEED = 1.0


class SkeletonFinder:
    """
    Turns images of one stream into scenes.

    :param on_refused: told of each image, person and depth image that could not be used.
    """

    def __init__(
        self,
        estimator: PoseEstimator,
        config: RgbConfig,
        on_refused: Callable[[ImageError | BadSkeletonError], None],
    ) -> None:
        self._estimator = estimator
        self._config = config
        self._on_refused = on_refused
        self._chooser = PoseChooser(config.choice, estimator.layout)
        self._joints = OneEuroFilter(config.smoothing_hz, _JOINTS_PER_SPEED)
        self._place = OneEuroFilter(config.smoothing_hz * _PLACE_CUTOFF_SHARE, _PLACE_PER_SPEED)
        joints = get_layout(estimator.layout).joints
        self._hips = [int(joints['HIP_LEFT']), int(joints['HIP_RIGHT'])]
        self._distance = OneEuroFilter(config.distance_hz, 0.0)
        self._waiting: dict[int, ColourImage] = {}
        self._size = (0, 0)
        self._body_id = 1
        self._seen_ns: int | None = None
        self._last_ns = 0

    def push(self, image: ColourImage) -> list[Scene]:
        """
        Look at the next image.

        :return: the scenes that are settled with it: its own, unless `lookahead_frames` asks to
            wait; none for an image that is not later than the last.
        """
        if image.stamp_ns <= self._last_ns:
            self._on_refused(
                ImageError(
                    'out_of_order',
                    f'images must rise in time, got {image.stamp_ns} after {self._last_ns} ns',
                )
            )
            return []
        self._last_ns = image.stamp_ns
        self._note_size(image)
        try:
            hypotheses = self._estimator.estimate(image.pixels)
        except ImageError as error:
            self._on_refused(error)
            return []
        if not hypotheses:
            return [*self.finish(), *self._nobody(image.stamp_ns)]
        before = []
        if self._has_left(image.stamp_ns):
            before = self.finish()
            self._forget()
        self._seen_ns = image.stamp_ns
        self._waiting[image.stamp_ns] = image
        return [*before, *self._scenes(self._chooser.push(image.stamp_ns, hypotheses))]

    def finish(self) -> list[Scene]:
        """Return the scenes that still waited for later images."""
        return self._scenes(self._chooser.finish())

    def _note_size(self, image: ColourImage) -> None:
        """Tell of a change of size; the camera, and so the places, may be another."""
        height, width = image.pixels.shape[:2]
        if self._size not in ((0, 0), (width, height)):
            self._on_refused(
                ImageError(
                    'size_changed',
                    f'images were {self._size[0]} x {self._size[1]}, now one is '
                    f'{width} x {height}: the person is looked for anew',
                )
            )
            self._calm()
        self._size = (width, height)

    def _nobody(self, stamp_ns: int) -> list[Scene]:
        if self._has_left(stamp_ns):
            self._forget()
        return [Scene(stamp_ns, ())]

    def _has_left(self, stamp_ns: int) -> bool:
        return (
            self._seen_ns is not None
            and stamp_ns - self._seen_ns > self._config.gone_after_s * NS_PER_S
        )

    def _forget(self) -> None:
        self._body_id += 1
        self._seen_ns = None
        self._estimator.reset()
        self._calm()

    def _calm(self) -> None:
        """Smooth anew from what comes next."""
        self._joints.reset()
        self._place.reset()
        self._distance.reset()

    def _scenes(self, settled: list[tuple[int, ImagePose]]) -> list[Scene]:
        return [self._scene(self._waiting.pop(stamp_ns), pose) for stamp_ns, pose in settled]

    def _scene(self, image: ColourImage, pose: ImagePose) -> Scene:
        try:
            return Scene(image.stamp_ns, (self._frame(image, pose),))
        except (ImageError, BadSkeletonError) as error:
            self._on_refused(error)
            return Scene(image.stamp_ns, ())

    def _frame(self, image: ColourImage, pose: ImagePose) -> SkeletonFrame:
        height, width = image.pixels.shape[:2]
        camera = image.camera or guessed_intrinsics(width, height, self._config.view_deg)
        joints_m, confidence = self._lifted(image, pose, camera)
        middle = joints_m[self._hips].mean(axis=0)
        about = self._joints.push(image.stamp_ns, np.asarray(joints_m - middle, np.float32))
        place = self._place.push(image.stamp_ns, np.asarray(middle, np.float32))
        return checked_frame(
            image.stamp_ns, self._body_id, self._estimator.layout, about + place, confidence
        )

    def _lifted(
        self, image: ColourImage, pose: ImagePose, camera: Intrinsics
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """
        Return the joints where depth shows them, else where the image suggests.

        :raises BadSkeletonError: depth shows that this is no person: a poster, a doll.
        """
        if image.depth_m is not None:
            try:
                return lift(pose, image.depth_m, camera)
            except BadSkeletonError as error:
                if error.reason != 'no_depth':
                    raise
                self._on_refused(error)
        place = placed(pose, camera)
        distance = self._distance.push(image.stamp_ns, place[2:])
        return pose.joints_m + place * (distance / place[2:]), pose.visibility
