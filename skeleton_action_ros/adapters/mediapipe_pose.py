"""
MediaPipe's pose models (BlazePose), the two that its wheel carries, as a `PoseEstimator`.

The first model finds persons in the whole image; the second, far faster, finds the joints of one
person in the region given. From then on each image's joints give the region for the next, and the
first model runs when the person is lost, and from time to time to see whether that is still right.
Both run as graphs of their own, because MediaPipe's ready one follows whomever it detects first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Before the import: its C++ part would tell about every graph that it starts.
os.environ.setdefault('GLOG_minloglevel', '2')

from mediapipe.framework.formats.rect_pb2 import NormalizedRect
from mediapipe.python.solution_base import SolutionBase

from skeleton_action_ros.core.following import (
    Region,
    could_be,
    is_same,
    nearest_to,
    region_around,
)
from skeleton_action_ros.core.images import checked_image
from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.pose_estimation import ImagePose
from skeleton_action_ros.core.rgb import PoseModelConfig

LAYOUT = 'mediapipe_33'

_DETECTION = """
input_stream: "image"
output_stream: "detections"
node {
  calculator: "PoseDetectionCpu"
  input_stream: "IMAGE:image"
  output_stream: "DETECTIONS:detections"
}
"""
_LANDMARKS = """
input_stream: "image"
input_stream: "region"
output_stream: "joints"
output_stream: "circle"
output_stream: "world"
node {
  calculator: "PoseLandmarkByRoiCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  output_stream: "LANDMARKS:joints"
  output_stream: "AUXILIARY_LANDMARKS:circle"
  output_stream: "WORLD_LANDMARKS:world"
}
"""
_MOST_HYPOTHESES = 3


class MediapipePose:
    """
    Follows one person: at first the one nearest to the place that the configuration gives.

    Who is lost is looked for where they were, until `reset`.
    """

    layout = LAYOUT

    def __init__(self, config: PoseModelConfig) -> None:
        self._config = config
        self._detection = SolutionBase(graph_config=_DETECTION)
        self._landmarks = SolutionBase(graph_config=_LANDMARKS)
        self._canvas = np.zeros((0, 0, 3), np.uint8)
        self._last: Region | None = None
        self._lost = True
        self._since_detection = 0
        self._size = (0, 0)

    def estimate(self, image: NDArray[np.uint8]) -> Sequence[ImagePose]:
        """
        Return what the followed person's pose may be, the most certain first.

        :param image: (H, W, 3) red, green, blue.
        :raises ImageError: it is no such image.
        """
        checked_image(image)
        canvas = self._squared(image)
        found: list[tuple[ImagePose, Region]] = []
        if self._last is not None and not self._lost:
            found += self._pose_in(canvas, self._last)
        self._since_detection += 1
        if not found or self._since_detection >= self._config.detect_every_frames:
            for region in self._candidates(canvas, found):
                found += self._pose_in(canvas, region)
                if found and self._last is None:
                    break
        self._lost = not found
        if found:
            self._last = found[0][1]
        return [pose for pose, _ in found]

    def reset(self) -> None:
        """Forget whom it followed."""
        self._last = None
        self._lost = True
        self._since_detection = 0

    def close(self) -> None:
        """Release both models."""
        self._detection.close()
        self._landmarks.close()

    def _squared(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Return the image in the upper left of a square.

        MediaPipe counts in widths and heights of the image, and turns regions as if both were the
        same. After a change of size whoever was followed may be anywhere.
        """
        height, width = image.shape[:2]
        if (height, width) != self._size:
            self._size = (height, width)
            self._canvas = np.zeros((max(height, width), max(height, width), 3), np.uint8)
            self.reset()
        self._canvas[:height, :width] = image
        return self._canvas

    def _candidates(
        self, canvas: NDArray[np.uint8], found: Sequence[tuple[ImagePose, Region]]
    ) -> list[Region]:
        """
        Detect persons; return where the followed one may be besides where it was found.

        Where nobody is followed yet these are all, the nearest to the place wanted first: what is
        detected there may turn out to be a coat.
        """
        self._since_detection = 0
        side = float(len(canvas))
        regions = []
        for detection in self._detection.process({'image': canvas}).detections or ():
            if detection.score[0] >= self._config.least_certainty:
                middle, rim = detection.location_data.relative_keypoints[:2]
                regions.append(
                    region_around((middle.x * side, middle.y * side), (rim.x * side, rim.y * side))
                )
        if self._last is None:
            height, width = self._size
            place_px = (self._config.place_x * width, self._config.place_y * height)
            return nearest_to(place_px, regions)[:_MOST_HYPOTHESES]
        others = [
            region
            for region in could_be(self._last, regions)
            if not any(is_same(region, known) for _, known in found)
        ]
        return others[: _MOST_HYPOTHESES - len(found)]

    def _pose_in(self, canvas: NDArray[np.uint8], region: Region) -> list[tuple[ImagePose, Region]]:
        """Find one person's joints, and where to look in the next image; empty: nobody is there."""
        side = float(len(canvas))
        rectangle = NormalizedRect(
            x_center=region.x_px / side,
            y_center=region.y_px / side,
            width=region.side_px / side,
            height=region.side_px / side,
            rotation=region.rotation,
        )
        found = self._landmarks.process({'image': canvas, 'region': rectangle})
        if found.joints is None or found.world is None or found.circle is None:
            return []
        joints, world = _numbers(found.joints), _numbers(found.world)
        circle = _numbers(found.circle)[:, :2] * side
        count = LAYOUTS[LAYOUT].joint_count
        visibility = self._visible(joints[:count], side)
        if float(np.median(joints[:count, 4])) < self._config.least_certainty:
            return []
        pose = ImagePose(
            image_px=np.asarray(joints[:count, :2] * side, np.float32),
            joints_m=np.asarray(world[:count, :3], np.float32),
            visibility=visibility,
            certainty=float(visibility.mean()),
        )
        around = region_around((circle[0, 0], circle[0, 1]), (circle[1, 0], circle[1, 1]))
        return [(pose, around)]

    def _visible(self, joints: NDArray[np.float32], side: float) -> NDArray[np.float32]:
        """Return how surely each joint is seen; none is outside the image."""
        height, width = self._size
        columns, rows = joints[:, 0] * side, joints[:, 1] * side
        inside = (columns >= 0.0) & (columns < width) & (rows >= 0.0) & (rows < height)
        return np.asarray(np.clip(joints[:, 3], 0.0, 1.0) * inside, np.float32)


def _numbers(landmarks: Any) -> NDArray[np.float32]:
    """Return x, y, z, visibility and presence of each landmark: (N, 5)."""
    return np.array(
        [(each.x, each.y, each.z, each.visibility, each.presence) for each in landmarks.landmark],
        np.float32,
    )
