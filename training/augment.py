"""
The same motion as another body, camera, rate or tracker would have shown it.

`augment` changes a clip, before `prepare`; `jitter` changes what `prepare` made of it, where it
errs: heading, size and place; `mirror` makes another action of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.layouts import LAYOUTS, Common15
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from training.config import AugmentConfig

Floats = NDArray[np.float32]

LAYOUT = LAYOUTS['common_15']
MIRROR = np.array(LAYOUT.mirror())
_PARTS = (
    (Common15.NECK, Common15.TORSO),
    (Common15.NECK, Common15.TORSO),
    (Common15.HEAD,),
    (Common15.HEAD, Common15.NECK, Common15.TORSO),
    (Common15.KNEE_LEFT, Common15.FOOT_LEFT, Common15.KNEE_RIGHT, Common15.FOOT_RIGHT),
    (Common15.FOOT_LEFT, Common15.FOOT_RIGHT),
)
_CORNERS = [
    Common15.SHOULDER_LEFT,
    Common15.SHOULDER_RIGHT,
    Common15.HIP_LEFT,
    Common15.HIP_RIGHT,
]


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

_BONE_OF = np.minimum(np.arange(len(MIRROR)), MIRROR)
"""For each joint the number of its bone, the same on both sides, so that both scale alike."""


def augment(clip: Clip, config: AugmentConfig, rng: np.random.Generator) -> Clip:
    """
    Show a `common_15` clip as another body, camera, rate or tracker would have.

    :return: a clip of the same action, label and subject unchanged.
    """
    joints, confidence, times_s = _retimed(clip, config, rng)
    joints = resize_bones(anchored(joints, confidence), config, rng)
    joints = shift_hips(joints, config, rng)
    joints = joints @ _tilt(config.tilt_deg, rng)
    joints = joints + _noise(joints.shape, config.noise_m * rng.random(), rng)
    confidence = _dropped(confidence, config, rng)
    return replace(
        clip,
        joints_m=joints.astype(np.float32),
        confidence=confidence,
        stamps_ns=1 + np.round(times_s * NS_PER_S).astype(np.int64),
        annotations=(),
    )


def _retimed(
    clip: Clip, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Cut, hold, warp and resample in time; a joint is seen where both frames around show it."""
    times = (clip.stamps_ns - clip.stamps_ns[0]) / NS_PER_S
    length = max(float(times[-1]), 1e-3)
    share = rng.dirichlet((1.0, 1.0, 1.0))
    cut = config.crop * rng.random() * share[:2]
    share = rng.dirichlet((1.0, 1.0, 1.0))
    hold = np.where(rng.random(2) < 0.5, config.idle * share[:2], 0.0)
    first, last = length * cut[0], length * (1.0 - cut[1])
    total = (last - first) * (1.0 + float(hold.sum()))
    rate = rng.uniform(*config.rate_hz)
    count = int(np.clip(total * rate, 8, 120))
    at = np.linspace(0.0, 1.0, count)
    source = at * (1.0 + hold.sum()) - hold[0]
    source = np.clip(source, 0.0, 1.0)
    bend = config.warp * rng.uniform(-1.0, 1.0, 2)
    source = (
        source
        + bend[0] * np.sin(np.pi * source) / np.pi / 2
        + bend[1] * np.sin(2 * np.pi * source) / np.pi / 4
    )
    source = first + np.clip(source, 0.0, 1.0) * (last - first)
    after = np.clip(np.searchsorted(times, source), 1, max(len(times) - 1, 1))
    if len(times) == 1:
        before = after = np.zeros(count, np.int64)
        part = np.zeros((count, 1), np.float32)
    else:
        before = after - 1
        part = ((source - times[before]) / (times[after] - times[before])).astype(np.float32)
        part = np.clip(part, 0.0, 1.0)[:, None]
    joints = clip.joints_m[before] * (1 - part[..., None]) + clip.joints_m[after] * part[..., None]
    confidence = np.minimum(clip.confidence[before], clip.confidence[after])
    return joints, confidence, at * max(total, 0.1)


def anchored(joints: Floats, confidence: Floats) -> Floats:
    """
    Put joints that were not seen where their parents are, so that bones hang on the body.

    :param joints: (T, 15, 3).
    :param confidence: (T, 15); stays what it is.
    """
    if bool((confidence > 0.0).all()):
        return joints
    out = joints.copy()
    seen = (confidence > 0.0)[..., None]
    middle = joints[:, _CORNERS].mean(axis=1)
    out[:, Common15.TORSO] = np.where(seen[:, Common15.TORSO], out[:, Common15.TORSO], middle)
    for parent, child in LAYOUT.bones:
        out[:, child] = np.where(seen[:, child], out[:, child], out[:, parent])
    return out


def shift_hips(joints: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Move both hips along the trunk: a Kinect v1 sees them 10 cm higher than later sensors do.

    :param joints: (T, 15, 3).
    """
    trunk = joints[:, _CORNERS[2:]].mean(axis=1) - joints[:, _CORNERS[:2]].mean(axis=1)
    share = np.float32(config.hips * rng.uniform(-1.0, 1.0))
    out = joints.copy()
    out[:, _CORNERS[2:]] += share * trunk[:, None]
    return out


def resize_bones(joints: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Give the body other proportions, the same on both sides and all the time.

    :param joints: (T, 15, 3).
    """
    factor = 1.0 + config.bones * rng.uniform(-1.0, 1.0, len(Common15))
    factor = factor[_BONE_OF]
    for pair in (('HAND_LEFT', 'HAND_RIGHT'), ('FOOT_LEFT', 'FOOT_RIGHT'), ('HEAD',)):
        factor[[Common15[name] for name in pair]] *= 1.0 - config.ends * rng.random()
    factor[Common15.TORSO] = 1.0
    change = (_TO_JOINTS * factor) @ _TO_BONES
    return np.asarray(np.matmul(change.astype(np.float32), joints), np.float32)


def _tilt(degrees: float, rng: np.random.Generator) -> Floats:
    """Rotate about a level axis."""
    angle = np.deg2rad(degrees) * rng.uniform(-1.0, 1.0)
    way = rng.uniform(0.0, np.pi)
    x, z = np.cos(way), np.sin(way)
    cross = np.array([[0, -z, 0], [z, 0, -x], [0, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return np.asarray(rotation, np.float32)


def _noise(shape: tuple[int, ...], deviation_m: float, rng: np.random.Generator) -> Floats:
    """Draw noise, half of it independent and half slow: knots every eighth frame."""
    fast = rng.standard_normal(shape, np.float32)
    knots = rng.standard_normal((shape[0] // 8 + 2, *shape[1:]), np.float32)
    at = np.arange(shape[0]) / 8.0
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)[:, None, None]
    slow = knots[low] * (1 - part) + knots[low + 1] * part
    return np.asarray((fast + slow) * np.float32(deviation_m * np.sqrt(0.5)), np.float32)


def _dropped(confidence: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """Hide joints; both shoulders and both hips stay, so that the body can still be placed."""
    out = confidence.copy()
    frames = len(out)
    for joint in np.flatnonzero(rng.random(len(Common15)) < config.drop_joint):
        first, last = np.sort(rng.integers(0, frames + 1, 2))
        out[slice(None) if rng.random() < 0.5 else slice(first, last), joint] = 0.0
    if rng.random() < config.drop_part:
        out[:, list(_PARTS[rng.integers(len(_PARTS))])] = 0.0
    out[:, _CORNERS] = confidence[:, _CORNERS]
    return out


def mirror(joints: Floats, mask: Floats) -> tuple[Floats, Floats]:
    """
    Swap left and right: the mirror image of prepared or raw joints.

    :param joints: (..., 15, 3), optical axes.
    :param mask: (..., 15).
    """
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return joints[..., MIRROR, :] * flip, mask[..., MIRROR]


def jitter(joints: Floats, mask: Floats, config: AugmentConfig, rng: np.random.Generator) -> Floats:
    """
    Turn, scale and shift prepared clips as a wrong heading, trunk or hip centre would have.

    :param joints: (B, T, 15, 3).
    :param mask: (B, T, 15); joints never seen stay 0.
    """
    count = len(joints)
    angle = np.deg2rad(config.turn_deg) * rng.uniform(-1.0, 1.0, count)
    size = 1.0 + config.size * rng.uniform(-1.0, 1.0, count)
    cos, sin, zero = np.cos(angle) * size, np.sin(angle) * size, np.zeros(count)
    turn = np.stack((cos, zero, -sin, zero, size, zero, sin, zero, cos), 1).reshape(count, 1, 3, 3)
    shift = 0.05 * rng.standard_normal((count, 1, 1, 3))
    moved = np.matmul(joints, turn.astype(np.float32)) + shift.astype(np.float32)
    return np.asarray(moved * (mask.max(axis=1) > 0.0)[:, None, :, None], np.float32)
