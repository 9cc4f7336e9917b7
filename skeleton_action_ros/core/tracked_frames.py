"""Persons out of coordinate frames: one frame for each joint, named after joint and person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from skeleton_action_ros.core.axes import is_optical, optical_from_body
from skeleton_action_ros.core.body_ids import BodyIds
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError
from skeleton_action_ros.core.frame_tree import FrameTransform, FrameTree
from skeleton_action_ros.core.layouts import OpenNI15
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene, SkeletonFrame, checked_frame

LAYOUT = 'openni_15'
_MOST_NAMED = 5
_MOST_OTHERS = 1000

_SIDES = {'left': 'LEFT', 'l': 'LEFT', 'right': 'RIGHT', 'r': 'RIGHT'}
_PARTS = {
    'head': 'HEAD',
    'neck': 'NECK',
    'torso': 'TORSO',
    'shoulder': 'SHOULDER',
    'elbow': 'ELBOW',
    'hand': 'HAND',
    'wrist': 'HAND',
    'hip': 'HIP',
    'knee': 'KNEE',
    'foot': 'FOOT',
    'ankle': 'FOOT',
}
_STAND_INS = ('wrist', 'ankle')


@dataclass(frozen=True)
class TrackedFramesConfig:
    """How a tracker names the frames of joints."""

    pattern: str = setting(
        '{joint}_{user}',
        "name of a joint's frame, such as left_hand_1; {joint} and {user} stand for the two",
    )
    frame: str = setting(
        '', "frame in which the joints are wanted; empty: the one that the tracker's hang on"
    )
    swap_sides: bool = setting(
        False, 'the tracker calls left what is right, as one that sees a mirror image does'
    )
    settle_s: float = setting(
        0.02,
        'transforms of one image come no farther apart than this',
        unit='s',
        low=0.001,
        high=1.0,
    )


@dataclass(frozen=True)
class _Joint:
    user: str
    name: str


class TrackedFrames:
    """
    Collects transforms, which come one by one or together, into scenes.

    A scene is whole when every joint of the last one is in it, when a joint comes again, when the
    next stamp is later by `settle_s`, or that long after its first transform arrived (`flush`).

    A person's name has a digit in it: no frame of a robot (`l_wrist_link`) is taken for a joint.

    :param axes: of the frame wanted, as `axes.is_optical`.
    :raises ConfigError: the pattern is none.
    """

    def __init__(self, config: TrackedFramesConfig, axes: str) -> None:
        self._config = config
        self._axes = axes
        self._pattern = _compiled(config.pattern)
        self._tree = FrameTree()
        self._ids = BodyIds()
        self._round: dict[_Joint, FrameTransform] = {}
        self._expected: set[_Joint] = set()
        self._began_ns = 0
        self._others: Counter[str] = Counter()
        self._frame = ''

    @property
    def frame_id(self) -> str:
        """The frame of the last scene; empty where its axes are not those that scenes have."""
        return self._frame if is_optical(self._frame, self._axes) else ''

    @property
    def waiting(self) -> bool:
        """Whether joints wait for others: `flush` is to be called in `settle_s`."""
        return bool(self._round)

    def note(self) -> str:
        """Say what came that is no joint, for whoever waits in vain; empty: nothing did."""
        if not self._others:
            return ''
        names = ', '.join(name for name, _ in self._others.most_common(_MOST_NAMED))
        return (
            f'{sum(self._others.values())} transforms came, none of a frame named like '
            f'{self._config.pattern!r}: {names}'
        )

    def push(
        self, transforms: Iterable[FrameTransform], arrived_ns: int
    ) -> list[tuple[Scene, list[SkeletonActionError]]]:
        """
        Take transforms that came together; return the scenes that are whole, earlier ones first.

        :param arrived_ns: when, positive; it stands in for a stamp of 0.
        """
        done = []
        for transform in transforms:
            joint = self._joint_of(transform.child)
            if joint is None:
                self._tree.set(transform)
                self._count_other(transform.child)
                continue
            if self._round and (joint in self._round or self._is_later(transform)):
                done.append(self._scene(arrived_ns))
            if not self._round:
                self._began_ns = arrived_ns
            self._tree.set(transform)
            self._round[joint] = transform
        if self._round and self._round.keys() >= self._expected and self._expected:
            done.append(self._scene(arrived_ns))
        return done

    def flush(self, now_ns: int) -> list[tuple[Scene, list[SkeletonActionError]]]:
        """Return what has waited for longer than `settle_s`, if anything has."""
        waited_ns = abs(now_ns - self._began_ns)
        if not self._round or waited_ns < self._config.settle_s * NS_PER_S:
            return []
        return [self._scene(now_ns)]

    def clear(self) -> None:
        """Forget what waits: time has jumped back."""
        self._round.clear()
        self._expected.clear()

    def _joint_of(self, frame: str) -> _Joint | None:
        found = self._pattern.fullmatch(frame)
        if found is None or not places([found['joint']]):
            return None
        return _Joint(found['user'], found['joint'])

    def _count_other(self, frame: str) -> None:
        if frame in self._others or len(self._others) < _MOST_OTHERS:
            self._others[frame] += 1

    def _is_later(self, transform: FrameTransform) -> bool:
        first_ns = next(iter(self._round.values())).stamp_ns
        return abs(transform.stamp_ns - first_ns) > self._config.settle_s * NS_PER_S

    def _scene(self, arrived_ns: int) -> tuple[Scene, list[SkeletonActionError]]:
        """End the round: make a scene of it."""
        joints, self._round = self._round, {}
        self._expected = set(joints)
        self._others.clear()
        stamp_ns = max(transform.stamp_ns for transform in joints.values()) or arrived_ns
        self._frame = self._config.frame or self._root_of(next(iter(joints.values())))
        people: dict[str, dict[str, str]] = {}
        for joint, transform in joints.items():
            people.setdefault(joint.user, {})[joint.name] = transform.child
        frames: list[SkeletonFrame] = []
        errors: list[SkeletonActionError] = []
        for user, names in people.items():
            try:
                frames.append(self._person(stamp_ns, user, names))
            except SkeletonActionError as error:
                errors.append(error)
        return Scene(stamp_ns, tuple(frames)), errors

    def _root_of(self, transform: FrameTransform) -> str:
        """Return the first frame above a joint's that is no joint's."""
        at, met = transform.parent, set()
        while self._pattern.fullmatch(at) and at not in met and self._tree.parent(at):
            met.add(at)
            at = self._tree.parent(at)
        return at

    def _person(self, stamp_ns: int, user: str, frames: Mapping[str, str]) -> SkeletonFrame:
        positions = np.zeros((len(OpenNI15), 3))
        confidence = np.zeros(len(OpenNI15), np.float32)
        for name, joint in places(frames, swap_sides=self._config.swap_sides).items():
            positions[joint] = self._tree.position_m(frames[name], self._frame)
            confidence[joint] = 1.0
        if not is_optical(self._frame, self._axes):
            positions = optical_from_body(positions)
        with np.errstate(over='ignore'):  # beyond float32 is as good as infinite: masked
            return checked_frame(stamp_ns, self._ids.number(user), LAYOUT, positions, confidence)


def places(names: Iterable[str], *, swap_sides: bool = False) -> dict[str, OpenNI15]:
    """
    Return the joint that each name means; names of other places, as `waist`, are left out.

    Sides may be written left, l, right or r, before or after the part. A wrist stands in for a
    hand, and an ankle for a foot, where there is none.
    """
    found: dict[OpenNI15, str] = {}
    for name in sorted(names, key=lambda name: any(word in name.lower() for word in _STAND_INS)):
        words = [word for word in re.split(r'[_\W]+', name.lower()) if word]
        parts = [_PARTS[word] for word in words if word in _PARTS]
        sides = [_SIDES[word] for word in words if word in _SIDES]
        other = len(words) - len(parts) - len(sides)
        if len(parts) != 1 or len(sides) > 1 or other > words.count('joint'):
            continue
        if swap_sides and sides:
            sides = ['RIGHT' if sides == ['LEFT'] else 'LEFT']
        joint = OpenNI15.__members__.get('_'.join([parts[0], *sides]))
        if joint is not None:
            found.setdefault(joint, name)
    return {name: joint for joint, name in found.items()}


def _compiled(pattern: str) -> re.Pattern[str]:
    """
    Make an expression of a pattern with {joint} and {user}.

    :raises ConfigError: one of the two is not in it exactly once.
    """
    if pattern.count('{joint}') != 1 or pattern.count('{user}') != 1:
        raise ConfigError(
            f'tf.pattern must have {{joint}} and {{user}} in it, once each, got {pattern!r}'
        )
    text = re.escape(pattern)
    text = text.replace(re.escape('{joint}'), r'(?P<joint>[A-Za-z_]*[A-Za-z])')
    text = text.replace(re.escape('{user}'), r'(?P<user>[A-Za-z]*\d[A-Za-z0-9]*)')
    return re.compile(text)
