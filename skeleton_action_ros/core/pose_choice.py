"""
Temporal consistency: which of several hypotheses for each image is the person's pose.

An estimator sees one image at a time. It may take another person for the one it followed, or the
back of a person for the front: then left and right change places and what reached forward reaches
back. Each hypothesis is therefore tried in every reading that such a mistake leaves possible, and
the path through them is taken on which the body moves least (Viterbi), image by image. A reading
other than the estimator's own costs a little for as long as it lasts: who really turns round, or
was seen wrongly at first, is believed soon.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.layouts import get_layout
from skeleton_action_ros.core.pose_estimation import ImagePose
from skeleton_action_ros.core.skeleton import NS_PER_S

_WELL_SEEN = 0.5
_LEGS = ('HIP', 'KNEE', 'ANKLE', 'HEEL', 'FOOT')
_LONGEST_STEP_S = 1.0


@dataclass(frozen=True)
class ChoiceConfig:
    """How hypotheses are weighed against one another."""

    lookahead_frames: int = setting(
        0,
        'a pose is settled when so many more images have come: repairs more, and comes later',
        unit='frames',
        low=0,
        high=300,
    )
    reading_cost_m: float = setting(
        0.4,
        'a second of another reading than the estimator gave costs as much as all joints jumping '
        'this far',
        unit='m/s',
        low=0.0,
        high=100.0,
    )
    doubt_cost_m: float = setting(
        0.05,
        'a hypothesis that is surely nobody costs as much as all joints jumping this far',
        unit='m',
        low=0.0,
        high=10.0,
    )
    farthest_jump: float = setting(
        0.8,
        'within a tenth of a second nobody gets farther across the image; who does is another '
        'person',
        unit='body heights',
        low=0.05,
        high=10.0,
    )


def readings(pose: ImagePose, layout_name: str) -> list[ImagePose]:
    """
    Return a pose as it was estimated, then as it may be meant.

    The others are: left and right exchanged; the same with front and back (what is nearer than the
    hips is as much farther away); left and right leg alone exchanged.
    """
    sides, legs = _exchanges(layout_name)
    swapped = _exchanged(pose, sides)
    turned = replace(swapped, joints_m=swapped.joints_m * np.array([1, 1, -1], np.float32))
    return [pose, swapped, turned, _exchanged(pose, legs)]


class PoseChooser:
    """
    Takes the hypotheses of one image after the other and gives one pose for each.

    :param layout_name: of all hypotheses.
    """

    def __init__(self, config: ChoiceConfig, layout_name: str) -> None:
        self._config = config
        self._layout = layout_name
        self._waiting: deque[_Step] = deque()
        self._newest: _Step | None = None

    def push(self, stamp_ns: int, hypotheses: Sequence[ImagePose]) -> list[tuple[int, ImagePose]]:
        """
        Add an image's hypotheses, at least one; return the poses that are settled with it.

        :param stamp_ns: later than the last.
        :return: stamp and pose, none or one, after `lookahead_frames` more images.
        """
        kept = self._near(stamp_ns, hypotheses)
        poses = [reading for pose in kept for reading in readings(pose, self._layout)]
        altered = [place > 0 for _ in kept for place in range(len(poses) // len(kept))]
        self._append(stamp_ns, poses, altered)
        return self._settled(self._config.lookahead_frames)

    def finish(self) -> list[tuple[int, ImagePose]]:
        """Return the poses that still waited, and begin anew with the next image."""
        settled = self._settled(0)
        self._newest = None
        return settled

    def _near(self, stamp_ns: int, hypotheses: Sequence[ImagePose]) -> Sequence[ImagePose]:
        """Leave out other persons, as long as anybody is left."""
        if self._newest is None:
            return hypotheses
        tenths = max((stamp_ns - self._newest.stamp_ns) / NS_PER_S * 10.0, 1.0)
        reach = self._config.farthest_jump * tenths
        near = [pose for pose in hypotheses if image_shift(self._newest.best, pose) <= reach]
        return near or hypotheses

    def _append(self, stamp_ns: int, poses: list[ImagePose], altered: list[bool]) -> None:
        before, step_s = self._newest, _LONGEST_STEP_S
        costs = np.array([self._config.doubt_cost_m * (1.0 - pose.certainty) for pose in poses])
        came_from = np.zeros(len(poses), np.int64)
        if before is not None:
            step_s = min((stamp_ns - before.stamp_ns) / NS_PER_S, _LONGEST_STEP_S)
            totals = before.costs[:, None] + jumps_m(before.poses, poses)
            came_from = totals.argmin(axis=0)
            costs += totals.min(axis=0)
        costs += np.array(altered) * self._config.reading_cost_m * step_s
        costs -= costs.min()  # only differences count; the sum would grow for ever
        self._newest = _Step(stamp_ns, poses, costs, came_from)
        self._waiting.append(self._newest)

    def _settled(self, lookahead: int) -> list[tuple[int, ImagePose]]:
        """Take out the steps that more than `lookahead` others follow."""
        path = best_path(
            [step.costs for step in self._waiting], [step.came_from for step in self._waiting]
        )
        ready = max(len(self._waiting) - lookahead, 0)
        steps = [self._waiting.popleft() for _ in range(ready)]
        return [
            (step.stamp_ns, step.poses[index]) for step, index in zip(steps, path, strict=False)
        ]


@dataclass(frozen=True)
class _Step:
    stamp_ns: int
    poses: list[ImagePose]
    costs: NDArray[np.float64]
    came_from: NDArray[np.int64]

    @property
    def best(self) -> ImagePose:
        return self.poses[int(self.costs.argmin())]


def best_path(
    costs: Sequence[NDArray[np.float64]], came_from: Sequence[NDArray[np.int64]]
) -> list[int]:
    """
    Follow the cheapest path back from the last step.

    :param costs: of each step, (N,): the cheapest way to each state, all before it included.
    :param came_from: of each step, (N,): the state of the step before on that way.
    :return: the state at each step.
    """
    if not costs:
        return []
    path = [int(costs[-1].argmin())]
    for back in reversed(came_from[1:]):
        path.append(int(back[path[-1]]))
    return path[::-1]


def jumps_m(before: Sequence[ImagePose], after: Sequence[ImagePose]) -> NDArray[np.float64]:
    """
    Return how far the joints move on average from each pose to each other, metres: (B, A).

    A joint counts as much as it is seen in both; where none is, all count.
    """
    first, second = (np.stack([pose.joints_m for pose in poses]) for poses in (before, after))
    seen, seen_after = (np.stack([pose.visibility for pose in p]) for p in (before, after))
    moved = np.linalg.norm(first[:, None] - second[None], axis=-1)
    weights = seen[:, None] * seen_after[None] + 1e-6
    return np.asarray((moved * weights).sum(axis=-1) / weights.sum(axis=-1), np.float64)


def image_shift(before: ImagePose, after: ImagePose) -> float:
    """Return the mean way of the joints across the image, in heights of the body before."""
    seen = (before.visibility >= _WELL_SEEN) & (after.visibility >= _WELL_SEEN)
    if not seen.any():
        seen = np.ones(len(before.visibility), np.bool_)
    height = max(float(np.ptp(before.image_px, axis=0).max()), 1.0)
    ways = np.linalg.norm(before.image_px - after.image_px, axis=1)[seen]
    return float(ways.mean()) / height


def _exchanges(layout_name: str) -> tuple[list[int], list[int]]:
    """Return the order of joints with all sides exchanged, and with those of the legs only."""
    layout = get_layout(layout_name)
    sides = list(layout.mirror())
    legs = [
        sides[joint] if layout.joints(joint).name.startswith(_LEGS) else joint
        for joint in range(layout.joint_count)
    ]
    return sides, legs


def _exchanged(pose: ImagePose, order: list[int]) -> ImagePose:
    return replace(
        pose,
        image_px=pose.image_px[order],
        joints_m=pose.joints_m[order],
        visibility=pose.visibility[order],
    )
