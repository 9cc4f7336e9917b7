"""What an estimator of poses in colour images gives, whichever model is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ImagePose:
    """
    One person in one image.

    :param image_px: (J, 2) float32: column and row of each joint; may lie outside the image.
    :param joints_m: (J, 3) float32, metres, about the middle between the hips, with the axes of
        the optical frame (x right, y down, z away from the camera). True up to scale: no image
        tells a child near by from a giant far away.
    :param visibility: (J,) float32, 0 (hidden or outside the image) to 1.
    :param certainty: 0 to 1: that this is a person at all.
    """

    image_px: NDArray[np.float32]
    joints_m: NDArray[np.float32]
    visibility: NDArray[np.float32]
    certainty: float


class PoseEstimator(Protocol):
    """Finds persons in images that follow one another; made for one stream, and not shared."""

    @property
    def layout(self) -> str:
        """Name in `layouts.LAYOUTS` of the joints that it gives."""

    def estimate(self, image: NDArray[np.uint8]) -> Sequence[ImagePose]:
        """
        Return the hypotheses for the person that is followed, best first; none: nobody is there.

        :param image: (H, W, 3) red, green, blue. Its size may change from one to the next.
        :raises ImageError: it is no such image.
        """

    def reset(self) -> None:
        """Forget whom it followed: another stream begins."""

    def close(self) -> None:
        """Release the model; `estimate` must not follow."""
