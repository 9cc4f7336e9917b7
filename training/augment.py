"""
The same motion as another body, camera, rate or tracker would have shown it.

Works on many prepared clips at a time: `Motions` are prepared finer in time than the model wants,
and `augmented` resamples, changes and places them anew as `prepare` would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.body import hip_centres, shoulder_centres
from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from skeleton_action_ros.core.preprocess import mirrored
from training.config import AugmentConfig

Floats = NDArray[np.float32]
Places = NDArray[np.intp]

LAYOUT = LAYOUTS['common_15']
_PARTS = (
    (Common15.NECK, Common15.TORSO),
    (Common15.NECK, Common15.TORSO),
    (Common15.HEAD,),
    (Common15.HEAD, Common15.NECK, Common15.TORSO),
    (Common15.KNEE_LEFT, Common15.FOOT_LEFT, Common15.KNEE_RIGHT, Common15.FOOT_RIGHT),
    (Common15.FOOT_LEFT, Common15.FOOT_RIGHT),
)
_SHOULDERS = [Common15.SHOULDER_LEFT, Common15.SHOULDER_RIGHT]
_HIPS = [Common15.HIP_LEFT, Common15.HIP_RIGHT]
_CORNERS = [*_SHOULDERS, *_HIPS]
_ENDS = (
    [Common15.HAND_LEFT, Common15.HAND_RIGHT],
    [Common15.FOOT_LEFT, Common15.FOOT_RIGHT],
    [Common15.HEAD],
)
_FEWEST_FRAMES, _MOST_FRAMES = 8, 200
_SMALLEST_TRUNK = 0.2
_SLOW_FRAMES = 8
_MISPLACED = 0.05
"""Standard deviation of where the hips are put, in trunk lengths."""


def _bone_tables() -> tuple[Floats, Floats]:
    """
    Return how bones come from joints and joints from bones, both (15, 15).

    Row j of the first is joint j minus its parent; the root, torso, keeps its place.
    """
    to_bones = np.eye(len(Common15), dtype=np.float32)
    for parent, child in LAYOUT.bones:
        to_bones[child, parent] = -1.0
    return to_bones, np.linalg.inv(to_bones).astype(np.float32)


_TO_BONES, _TO_JOINTS = _bone_tables()

_BONE_OF = np.minimum(np.arange(len(Common15)), LAYOUT.mirror())
"""For each joint the number of its bone, the same on both sides, so that both scale alike."""


@dataclass(frozen=True)
class Motions:
    """
    Prepared clips.

    :param joints: (N, S, 15, 3), trunk lengths, S frames spread evenly over each clip.
    :param mask: (N, S, 15), 1 where a joint was seen.
    :param durations_s: (N,) how long each clip lasts.
    """

    joints: Floats
    mask: Floats
    durations_s: NDArray[np.float64]

    def chosen(self, places: Places, flipped: NDArray[np.bool_]) -> Motions:
        """Return the clips at some places, those `flipped` as their mirror images."""
        joints, mask = self.joints[places], self.mask[places]
        joints[flipped], mask[flipped] = mirrored(joints[flipped], mask[flipped])
        return Motions(joints, mask, self.durations_s[places])


def augmented(
    motions: Motions, frames: int, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """
    Show each motion as another body, camera, rate and tracker would have.

    :param frames: T, of the result.
    :return: joints (N, T, 15, 3) and mask (N, T, 15), as from `prepare`.
    """
    joints, mask = retimed(motions, frames, config, rng)
    joints = resized(anchored(joints, mask), config, rng)
    joints = with_hips_shifted(joints, config, rng)
    joints = np.matmul(joints, _turns(len(joints), config, rng)[:, None])
    joints = joints + _noise(joints.shape, config.noise, rng)
    joints = placed(joints, config, rng)
    mask = with_joints_lost(mask, config, rng)
    ever_seen = (mask > 0.0).any(axis=1)[:, None, :, None]
    return np.where(ever_seen, joints, 0.0).astype(np.float32), mask


def retimed(
    motions: Motions, frames: int, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """
    Cut both ends, hold them still, let time run unevenly, and sample at another rate.

    A low rate is a sensor's: between the frames that it gives, motion is a straight line.
    """
    count, last = len(motions.joints), motions.joints.shape[1] - 1
    cut = config.crop * rng.random((count, 1)) * _shares(count, rng)
    hold = np.where(rng.random((count, 2)) < 0.5, config.idle * _shares(count, rng), 0.0)
    bend = config.warp * rng.uniform(-1.0, 1.0, (count, 2))
    kept = 1.0 - cut.sum(axis=1, keepdims=True)
    length = 1.0 + hold.sum(axis=1, keepdims=True)

    def source(share: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return which frame, with fraction, is seen at each share (N, T) of the new clip."""
        at = np.clip(share * length - hold[:, :1], 0.0, 1.0)
        at = at + bend[:, :1] * np.sin(np.pi * at) / (2 * np.pi)
        at = at + bend[:, 1:] * np.sin(2 * np.pi * at) / (4 * np.pi)
        frame: NDArray[np.float64] = last * (cut[:, :1] + kept * np.clip(at, 0.0, 1.0))
        return frame

    sampled = (
        motions.durations_s[:, None] * kept * length * rng.uniform(*config.rate_hz, (count, 1))
    )
    steps = np.clip(np.round(sampled), _FEWEST_FRAMES, _MOST_FRAMES) - 1.0
    at = np.linspace(0.0, 1.0, frames) * steps
    before = np.minimum(np.floor(at), steps - 1.0)
    part = (at - before).astype(np.float32)
    first, second = source(before / steps), source((before + 1.0) / steps)
    joints, mask = (
        _at(values, first) * _like(1.0 - part, values) + _at(values, second) * _like(part, values)
        for values in (motions.joints, motions.mask)
    )
    return joints, mask


def anchored(joints: Floats, mask: Floats) -> Floats:
    """
    Put joints that were not seen where their parents are, so that bones hang on the body.

    :param joints: (N, T, 15, 3).
    :param mask: (N, T, 15).
    """
    seen = (mask > 0.0)[..., None]
    if bool(seen.all()):
        return joints
    out = joints.copy()
    middle = joints[:, :, _CORNERS].mean(axis=2)
    torso = int(Common15.TORSO)
    out[:, :, torso] = np.where(seen[:, :, torso], out[:, :, torso], middle)
    for parent, child in LAYOUT.bones:
        out[:, :, child] = np.where(seen[:, :, child], out[:, :, child], out[:, :, parent])
    return out


def resized(joints: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Give each body other proportions, the same on both sides and all the time.

    :param joints: (N, T, 15, 3).
    """
    count = len(joints)
    factor = 1.0 + config.bones * rng.uniform(-1.0, 1.0, (count, len(Common15)))
    factor = factor[:, _BONE_OF]
    for ends in _ENDS:
        factor[:, ends] *= 1.0 - config.ends * rng.random((count, 1))
    factor[:, Common15.TORSO] = 1.0
    change = (_TO_JOINTS * factor[:, None]) @ _TO_BONES
    return np.asarray(np.matmul(change[:, None].astype(np.float32), joints), np.float32)


def with_hips_shifted(joints: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Move both hips along the trunk: a Kinect v1 sees them 10 cm higher than later sensors do.

    :param joints: (N, T, 15, 3).
    """
    trunk = hip_centres(joints) - shoulder_centres(joints)
    share = config.hips * rng.uniform(-1.0, 1.0, (len(joints), 1, 1))
    out = joints.copy()
    out[:, :, _HIPS] += (share * trunk).astype(np.float32)[:, :, None]
    return out


def placed(joints: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Put the hips at the origin and scale by the trunk, as `prepare` does, with some error.

    :param joints: (N, T, 15, 3).
    """
    count = len(joints)
    hips = hip_centres(joints)
    trunk = np.linalg.norm(hips - shoulder_centres(joints), axis=2)
    length = np.maximum(np.median(trunk, axis=1), _SMALLEST_TRUNK)
    factor = (1.0 + config.size * rng.uniform(-1.0, 1.0, count)) / length
    origin = np.median(hips, axis=1)[:, None, None]
    error = _MISPLACED * rng.standard_normal((count, 1, 1, 3))
    return np.asarray((joints - origin) * factor[:, None, None, None] + error, np.float32)


def with_joints_lost(mask: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Hide joints; both shoulders and both hips stay, so that the body could still be placed.

    :param mask: (N, T, 15).
    """
    count, frames, joints = mask.shape
    lost = rng.random((count, joints)) < config.drop_joint
    first, last = np.sort(rng.integers(0, frames + 1, (2, count, joints)), axis=0)
    always = rng.random((count, joints)) < 0.5
    at = np.arange(frames)[:, None]
    while_lost = ((at >= first[:, None]) & (at < last[:, None])) | always[:, None]
    hidden = lost[:, None] & while_lost
    for clip in np.flatnonzero(rng.random(count) < config.drop_part):
        hidden[clip][:, list(_PARTS[rng.integers(len(_PARTS))])] = True
    hidden[:, :, _CORNERS] = False
    return np.where(hidden, np.float32(0.0), mask).astype(np.float32)


def _shares(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw (N, 2) shares for start and end, with a sum of at most 1."""
    return rng.dirichlet((1.0, 1.0, 1.0), count)[:, :2]


def _at(values: Floats, frames: NDArray[np.float64]) -> Floats:
    """Interpolate values (N, S, ...) linearly at frames (N, T)."""
    low = np.clip(np.floor(frames).astype(np.intp), 0, values.shape[1] - 2)
    part = _like(np.clip(frames - low, 0.0, 1.0).astype(np.float32), values)
    rows = np.arange(len(values))[:, None]
    return np.asarray(values[rows, low] * (1.0 - part) + values[rows, low + 1] * part, np.float32)


def _like(part: Floats, values: Floats) -> Floats:
    return part.reshape(*part.shape, *[1] * (values.ndim - 2))


def _turns(count: int, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """Draw rotations (N, 3, 3), applied from the right: about a level axis, then the vertical."""
    angle = np.deg2rad(config.tilt_deg) * rng.uniform(-1.0, 1.0, count)
    way = rng.uniform(0.0, np.pi, count)
    x, z, nil, one = np.cos(way), np.sin(way), np.zeros(count), np.ones(count)
    cross = np.stack((nil, -z, nil, z, nil, -x, nil, x, nil), 1).reshape(count, 3, 3)
    sine, rest = np.sin(angle)[:, None, None], (1.0 - np.cos(angle))[:, None, None]
    tilt = np.eye(3) + sine * cross + rest * cross @ cross
    turn = np.deg2rad(config.turn_deg) * rng.uniform(-1.0, 1.0, count)
    cos, sin = np.cos(turn), np.sin(turn)
    about = np.stack((cos, nil, -sin, nil, one, nil, sin, nil, cos), 1).reshape(count, 3, 3)
    return np.asarray(tilt @ about, np.float32)


def _noise(shape: Sequence[int], deviation: float, rng: np.random.Generator) -> Floats:
    """Draw noise (N, T, 15, 3), half of it independent and half slow: knots every eighth frame."""
    count, frames = shape[:2]
    fast = rng.standard_normal(shape, np.float32)
    knots = (count, frames // _SLOW_FRAMES + 2, *shape[2:])
    at = np.tile(np.arange(frames) / _SLOW_FRAMES, (count, 1))
    slow = _at(rng.standard_normal(knots, np.float32), at)
    share = deviation * np.sqrt(0.5) * rng.random((count, *[1] * (len(shape) - 1)))
    return np.asarray((fast + slow) * share, np.float32)
