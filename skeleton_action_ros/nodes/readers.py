"""Which source is read for which parameters, and which is subscribed to. Needs no ROS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from skeleton_action_ros.adapters.sources.availability import AZURE_KINECT_REMEDY, RGB_REMEDY
from skeleton_action_ros.core.azure_kinect import K4ABT, MEDIAPIPE
from skeleton_action_ros.core.errors import ConfigError, SourceError
from skeleton_action_ros.core.pose_estimation import PoseEstimator
from skeleton_action_ros.core.simulation import source_from_config
from skeleton_action_ros.core.source import SkeletonSource
from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters


def _clips(parameters: SkeletonSourceParameters) -> SkeletonSource:
    from skeleton_action_ros.adapters.sources.clips import ClipsSource

    return ClipsSource(path_of(parameters))


def _bag(parameters: SkeletonSourceParameters) -> SkeletonSource:
    try:
        from skeleton_action_ros.adapters.sources.bag import BagSource
    except ImportError as error:
        raise SourceError(f'bags need the Python package rosbags (pip install): {error}') from error

    return BagSource(path_of(parameters))


def _rgb(parameters: SkeletonSourceParameters) -> SkeletonSource:
    try:
        from skeleton_action_ros.adapters.sources.rgb import RgbSource
        from skeleton_action_ros.adapters.video import open_images
    except ImportError as error:
        raise SourceError(f'rgb needs OpenCV ({error}): {RGB_REMEDY}') from error

    return RgbSource(
        open_images(parameters.path, parameters.rgb),
        pose_estimator_maker(parameters),
        parameters.rgb,
    )


def pose_estimator_maker(parameters: SkeletonSourceParameters) -> Callable[[], PoseEstimator]:
    """
    Return what makes the estimator of poses in images.

    :raises SourceError: MediaPipe is not installed.
    """
    try:
        from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
    except ImportError as error:
        raise SourceError(
            f'poses in images need MediaPipe 0.10.21 ({error}): {RGB_REMEDY}'
        ) from error

    return lambda: MediapipePose(parameters.rgb.model)


def _k4abt_json(parameters: SkeletonSourceParameters) -> SkeletonSource:
    from skeleton_action_ros.adapters.sources.k4abt_json import K4abtJsonSource

    return K4abtJsonSource(path_of(parameters), parameters.k4abt_json)


def _azure_kinect(parameters: SkeletonSourceParameters) -> SkeletonSource:
    try:
        from skeleton_action_ros.adapters.k4a import K4aDevice, K4aRecording
    except ImportError as error:
        raise SourceError(f'azure_kinect needs pyk4a ({error}): {AZURE_KINECT_REMEDY}') from error
    from skeleton_action_ros.adapters.k4abt import BodyTracker, load_library
    from skeleton_action_ros.adapters.sources.azure_kinect import TrackedSource

    config = parameters.azure_kinect
    library, why = None, 'azure_kinect.tracker is mediapipe'
    if config.tracker != MEDIAPIPE:
        try:
            library, _ = load_library(config.library)
        except SourceError as error:
            if config.tracker == K4ABT or config.library:
                raise
            why = str(error)
    captures = (
        K4aRecording(path_of(parameters))
        if parameters.path
        else K4aDevice(config, with_color=library is None)
    )
    if library is not None:
        return TrackedSource(captures, partial(BodyTracker, library), config)
    try:
        make_estimator = pose_estimator_maker(parameters)
        from skeleton_action_ros.adapters.jpeg import decoded
        from skeleton_action_ros.adapters.sources.azure_kinect_images import (
            DepthImages,
            EstimatedSource,
        )
    except (ImportError, SourceError) as error:
        raise SourceError(f'nobody can find bodies: {why}; and {error}') from error
    return EstimatedSource(DepthImages(captures, decoded), make_estimator, parameters.rgb)


READERS: dict[str, Callable[[SkeletonSourceParameters], SkeletonSource]] = {
    'simulated': lambda parameters: source_from_config(parameters.simulation),
    'clips': _clips,
    'bag': _bag,
    'rgb': _rgb,
    'azure_kinect': _azure_kinect,
    'k4abt_json': _k4abt_json,
}
"""
What makes each source that is read; the others are subscribed to.

A maker raises for what can never work: a parameter, a library that is missing. A source that is
`live` opens its device in `scenes`, and is made anew for each attempt to reach it.
"""


def path_of(parameters: SkeletonSourceParameters) -> Path:
    """
    Return the parameter `path`, where a source needs one.

    :raises ConfigError: there is none.
    """
    if not parameters.path:
        raise ConfigError(f'source {parameters.source!r} needs the parameter path, got none')
    return Path(parameters.path).expanduser()
