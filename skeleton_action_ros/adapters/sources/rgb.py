"""Colour images as a source of skeletons."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from skeleton_action_ros.adapters.video import ImageStream
from skeleton_action_ros.core.pose_estimation import PoseEstimator
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.rgb import RgbConfig, SkeletonFinder
from skeleton_action_ros.core.skeleton import Scene


class RgbSource:
    """
    Finds skeletons in the images of a stream.

    `refused` counts, by reason, what could not be used, and images that were dropped because newer
    ones had come; `why_refused` has the last message of each reason.

    :param make_estimator: called in the thread that reads, at the first image: models take a while.
    """

    def __init__(
        self,
        stream: ImageStream,
        make_estimator: Callable[[], PoseEstimator],
        config: RgbConfig,
    ) -> None:
        self._stream = stream
        self._make_estimator = make_estimator
        self._config = config
        self._estimator: PoseEstimator | None = None
        self._reading = threading.Lock()
        self._closed = False
        self._refusals = Refusals()
        self._wanted_ns = 0
        self.why_refused = self._refusals.why

    @property
    def name(self) -> str:
        """What the images come from."""
        return self._stream.name

    @property
    def live(self) -> bool:
        """Whether the images are."""
        return self._stream.live

    @property
    def refused(self) -> Counter[str]:
        """Reasons, and how often."""
        counts = Counter(self._refusals.counts)
        if self._stream.dropped:
            counts['dropped_images'] += self._stream.dropped
        return counts

    def scenes(self) -> Iterator[Scene]:
        """
        Yield a scene for each image, or fewer where `skip_to` asks for that.

        :raises SourceError: there are no images, or no more of a live stream.
        """
        with self._reading:
            try:
                yield from self._find()
            finally:
                if self._closed:
                    self._release()

    def skip_to(self, stamp_ns: int) -> None:
        """Leave out the images of a recording that are older: whoever plays it is late."""
        self._wanted_ns = stamp_ns

    def close(self) -> None:
        """End the current reading, and any later one."""
        self._closed = True
        self._stream.close()
        if self._reading.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._reading.release()

    def _find(self) -> Iterator[Scene]:
        self._wanted_ns = 0
        finder: SkeletonFinder | None = None
        for image in self._stream.images(self._refusals.add):
            if self._closed:
                return
            if image.stamp_ns < self._wanted_ns:
                self._refusals.counts['dropped_images'] += 1
                continue
            finder = finder or self._begun()
            yield from finder.push(image)
        if finder is not None:
            yield from finder.finish()

    def _begun(self) -> SkeletonFinder:
        """Begin anew, now that there is an image: a camera that is missing costs no model."""
        if self._estimator is None:
            self._estimator = self._make_estimator()
        self._estimator.reset()
        return SkeletonFinder(self._estimator, self._config, self._refusals.add)

    def _release(self) -> None:
        if self._estimator is not None:
            self._estimator.close()
            self._estimator = None
