"""The Azure Kinect, live or recorded, where its body tracking is not installed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from skeleton_action_ros.adapters.k4a import Decode, K4aCalibration, K4aCapture, K4aCaptures
from skeleton_action_ros.adapters.sources.azure_kinect import Stamps, no_depth_image
from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.core.depth_registration import DepthRegistration
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.images import ColourImage
from skeleton_action_ros.core.pose_estimation import PoseEstimator
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.skeleton import Scene

_OUT_OF_STEP_US = 20_000

OnRefused = Callable[[ImageError], None]


class DepthImages:
    """
    Colour images with depth, as one straightened camera sees both: a stream for `RgbSource`.

    A colour image whose depth image was taken at another time comes without it.

    :param decode: makes red, green and blue of a JPEG.
    """

    def __init__(
        self,
        captures: K4aCaptures,
        decode: Decode,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._captures = captures
        self._decode = decode
        self._now_ns = now_ns
        self._closed = threading.Event()
        self.calibration: K4aCalibration | None = None
        self.live = captures.live
        self.name = f'{captures.name} (mediapipe)'

    @property
    def dropped(self) -> int:
        """How many captures were left out because newer ones had come."""
        return self._captures.dropped

    def images(self, on_refused: OnRefused) -> Iterator[ColourImage]:
        """
        Yield images until the recording ends.

        :param on_refused: told of each capture that cannot be used.
        :raises SourceError: the device or recording fails.
        """
        if self._closed.is_set():
            return
        try:
            self.calibration = self._captures.open()
            registration = self.calibration.registration()
            stamps = Stamps(self.live, self._now_ns)
            for capture in self._captures.captures():
                if self._closed.is_set():
                    return
                if capture is None:
                    continue
                try:
                    yield self._image(capture, registration, stamps, on_refused)
                except ImageError as error:
                    on_refused(error)
        finally:
            self._captures.close()

    def close(self) -> None:
        """End the reading, within a second."""
        self._closed.set()

    def _image(
        self,
        capture: K4aCapture,
        registration: DepthRegistration,
        stamps: Stamps,
        on_refused: OnRefused,
    ) -> ColourImage:
        """:raises ImageError: there is no colour image that can be used."""
        pixels, taken_us = capture.pixels(self._decode), capture.color_us
        if pixels is None or taken_us is None:
            raise ImageError('no_colour_image', 'a capture must have a colour image, got none')
        stamps.saw(taken_us)
        straight = registration.straighten(pixels)
        depth_m, depth_us = capture.depth_m(), capture.depth_us
        if depth_m is None or depth_us is None:
            on_refused(no_depth_image())
            depth_m = None
        elif abs(depth_us - taken_us) > _OUT_OF_STEP_US:
            on_refused(
                ImageError(
                    'out_of_step',
                    f'colour and depth must be taken within {_OUT_OF_STEP_US} us, got {taken_us} '
                    f'and {depth_us} us',
                )
            )
            depth_m = None
        else:
            depth_m = registration.register(depth_m)
        return ColourImage(stamps.of(taken_us), straight, registration.camera, depth_m)


class EstimatedSource:
    """
    Has a pose estimator find one person in the colour images, and the depth images say where.

    Joints are given as the depth camera sees them, like libk4abt's.
    """

    def __init__(
        self, images: DepthImages, make_estimator: Callable[[], PoseEstimator], config: RgbConfig
    ) -> None:
        self._images = images
        self._source = RgbSource(images, make_estimator, config)

    @property
    def name(self) -> str:
        """The device or recording."""
        return self._source.name

    @property
    def live(self) -> bool:
        """Whether it is a device."""
        return self._source.live

    @property
    def refused(self) -> Counter[str]:
        """What was left out, by reason."""
        return self._source.refused

    @property
    def why_refused(self) -> dict[str, str]:
        """The last message of each reason."""
        return self._source.why_refused

    def scenes(self) -> Iterator[Scene]:
        """
        Yield a scene for each image.

        :raises SourceError: the device or recording fails.
        """
        for scene in self._source.scenes():
            yield self._as_depth_camera_sees(scene)

    def skip_to(self, stamp_ns: int) -> None:
        """Leave out the images of a recording that are older: whoever plays it is late."""
        self._source.skip_to(stamp_ns)

    def close(self) -> None:
        """End the reading."""
        self._source.close()

    def _as_depth_camera_sees(self, scene: Scene) -> Scene:
        calibration = self._images.calibration
        assert calibration is not None
        moved = []
        for body in scene.skeletons:
            seen = body.confidence[:, None] > 0.0
            joints_m = (body.joints_m - calibration.translation_m) @ calibration.rotation
            moved.append(replace(body, joints_m=np.where(seen, joints_m, 0.0).astype(np.float32)))
        return replace(scene, skeletons=tuple(moved))
