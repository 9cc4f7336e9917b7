"""Persons in images without a model: estimators that say what a test wants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.camera import guessed_intrinsics
from skeleton_action_ros.core.errors import ImageError
from skeleton_action_ros.core.images import ColourImage, checked_image
from skeleton_action_ros.core.layouts import Mediapipe33
from skeleton_action_ros.core.pose_estimation import ImagePose

WIDTH, HEIGHT = 64, 48
VIEW_DEG = 60.0


def upright() -> NDArray[np.float32]:
    """Joints of `mediapipe_33` about the middle of the hips, metres; the left side at +x."""
    heights = {'SHOULDER': -0.5, 'ELBOW': -0.25, 'HIP': 0.0, 'KNEE': 0.45, 'ANKLE': 0.85}
    joints = np.zeros((33, 3), np.float32)
    for joint in Mediapipe33:
        part, _, side = joint.name.rpartition('_')
        joints[joint, 0] = {'LEFT': 0.15, 'RIGHT': -0.15}.get(side, 0.0)
        joints[joint, 1] = heights.get(part, -0.65 if joint < 11 else 0.1 if joint < 23 else 0.9)
    return joints


def seen_at(place: tuple[float, float, float], certainty: float = 0.9) -> ImagePose:
    """Return somebody upright at a place, as a camera of `VIEW_DEG` sees them."""
    camera = guessed_intrinsics(WIDTH, HEIGHT, VIEW_DEG)
    joints = upright()
    there = joints + np.array(place, np.float32)
    pixels = there[:, :2] / there[:, 2:] * np.array(camera.focal_px) + np.array(camera.centre_px)
    return ImagePose(pixels.astype(np.float32), joints, np.full(33, 0.9, np.float32), certainty)


def image_at(stamp_ns: int, shade: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> ColourImage:
    """Return an image of one shade of grey."""
    return ColourImage(stamp_ns, np.full((size[1], size[0], 3), shade, np.uint8))


class FakeEstimator:
    """
    Says for each image in turn what it was given; at the end the last again.

    `shades` are the upper left pixels that it was shown.
    """

    layout = 'mediapipe_33'

    def __init__(self, *answers: Sequence[ImagePose] | ImageError) -> None:
        self._answers = list(answers)
        self.shades: list[int] = []
        self.resets = 0
        self.closed = 0

    def estimate(self, image: NDArray[np.uint8]) -> Sequence[ImagePose]:
        checked_image(image)
        self.shades.append(int(image[0, 0, 0]))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed += 1
