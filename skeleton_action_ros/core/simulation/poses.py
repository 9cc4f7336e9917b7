"""
Key poses: how an action is written down, and how one person's body takes them.

All directions and places are (outward, up, forward), so that left and right are mirror images; an
action is written for the right hand and mirrored for the left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from skeleton_action_ros.core.simulation.body import (
    MOST_FLEXED_RAD,
    SIDES,
    Body,
    Channel,
    Trunk,
    channel,
    place_trunk,
    shoulder_of,
)
from skeleton_action_ros.core.simulation.rotations import (
    Floats,
    multiply,
    part_way,
    quaternion_of,
    small_turn,
    unit,
)

Vector = tuple[float, float, float]
_REFERENCE_HEIGHT_M = 1.7
_ELBOW_POINTS: Vector = (0.3, -0.6, -0.7)


@dataclass(frozen=True)
class Arm:
    """
    An arm by the directions of its bones, seen from the chest.

    :param upper: of the upper arm (outward, up, forward), any length.
    :param fore: of the forearm; None is a straight arm.
    :param wrist_deg: how far the hand is bent towards its palm.
    :param shrug_deg: how far the shoulder is lifted.
    """

    upper: Vector
    fore: Vector | None = None
    wrist_deg: float = 0.0
    shrug_deg: float = 0.0


@dataclass(frozen=True)
class Reach:
    """
    An arm by where its palm is.

    :param anchor: 'head', 'chest', 'pelvis' or 'floor' (between the feet).
    :param at: (outward, up, forward) of the anchor, metres for a person of 1.7 m.
    :param elbow: the direction that the elbow points to, seen from the chest.
    """

    anchor: str
    at: Vector
    elbow: Vector = (0.6, -1.0, -0.2)
    wrist_deg: float = 0.0
    shrug_deg: float = 0.0


@dataclass(frozen=True)
class Foot:
    """
    A foot away from where it rests.

    :param at: (outward, up, forward) of its resting place, metres for a person of 1.7 m.
    :param pitch_deg: how far the toes point down.
    """

    at: Vector = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    knee_out_deg: float = 0.0


@dataclass(frozen=True)
class Key:
    """
    A pose to be in, some time after the one before; what is not given is at rest.

    :param after_s: time since the previous key at nominal speed.
    :param pelvis: (left, up, forward) of its resting place, metres for a person of 1.7 m.
    :param tilt_deg: pelvis forward, to the right, and turned to the left; spine and head likewise.
    :param turn_deg: the whole person, feet and all, turned to the left.
    """

    after_s: float
    left: Arm | Reach | None = None
    right: Arm | Reach | None = None
    left_foot: Foot = Foot()
    right_foot: Foot = Foot()
    pelvis: Vector = (0.0, 0.0, 0.0)
    tilt_deg: Vector = (0.0, 0.0, 0.0)
    spine_deg: Vector = (0.0, 0.0, 0.0)
    head_deg: Vector = (0.0, 0.0, 0.0)
    turn_deg: float = 0.0
    seated: bool = False

    def mirrored(self) -> Key:
        """Return the same pose with the sides exchanged."""

        def flip(turn: Vector) -> Vector:
            return turn[0], -turn[1], -turn[2]

        return replace(
            self,
            left=self.right,
            right=self.left,
            left_foot=self.right_foot,
            right_foot=self.left_foot,
            pelvis=(-self.pelvis[0], self.pelvis[1], self.pelvis[2]),
            tilt_deg=flip(self.tilt_deg),
            spine_deg=flip(self.spine_deg),
            head_deg=flip(self.head_deg),
            turn_deg=-self.turn_deg,
        )


@dataclass(frozen=True)
class Manner:
    """
    How somebody does an action: what is added to every arm that is not at rest, and scaled.

    :param amplitude: 1 as written.
    :param arm_turn_rad: turn of each upper arm, 'left' and 'right', (3,) each.
    :param arm_shake_rad: standard deviation of a further turn that differs from key to key.
    :param spine_rad: added to the spine where a key moves the body, (3,).
    """

    amplitude: float
    arm_turn_rad: dict[str, Floats]
    arm_shake_rad: float
    spine_rad: Floats


def resolve(
    keys: Sequence[Key],
    body: Body,
    rests: dict[bool, Floats],
    manner: Manner,
    rng: np.random.Generator,
) -> Floats:
    """
    Work out the channels of each key for one body.

    :param rests: the resting pose (len(Channel),), standing under False and seated under True.
    :return: (keys, len(Channel)); a quaternion is the nearer of its two forms to the key before.
    """
    scale = body.height / _REFERENCE_HEIGHT_M
    out = np.stack([rests[key.seated] for key in keys])
    for row, key in zip(out, keys, strict=True):
        _pose_trunk(row, key, scale, manner)
    trunk = place_trunk(body, out)
    for side, sign in SIDES:
        for index, key in enumerate(keys):
            arm = key.left if side == 'left' else key.right
            if arm is not None:
                row, rest = out[index], rests[key.seated]
                shake = manner.arm_shake_rad * rng.standard_normal(3)
                _pose_arm(row, rest, arm, side, sign, body, trunk, index, manner, shake)
        first = channel(side, 'ARM_W')
        for before, row in pairwise(out):
            if float(np.dot(before[first : first + 4], row[first : first + 4])) < 0.0:
                row[first : first + 4] *= -1.0
    return out


def _pose_trunk(row: Floats, key: Key, scale: float, manner: Manner) -> None:
    """Add to the resting pose in `row` what the key moves of trunk, head and feet."""
    size = scale * manner.amplitude
    row[Channel.TURN] = np.radians(key.turn_deg)
    row[Channel.PELVIS_LEFT : Channel.PELVIS_PITCH] += size * np.array(key.pelvis)
    row[Channel.PELVIS_PITCH : Channel.SPINE_PITCH] += manner.amplitude * np.radians(key.tilt_deg)
    row[Channel.SPINE_PITCH : Channel.HEAD_PITCH] += manner.amplitude * np.radians(key.spine_deg)
    row[Channel.HEAD_PITCH : Channel.LEFT_SHRUG] += manner.amplitude * np.radians(key.head_deg)
    if any(key.spine_deg) or key.left is not None or key.right is not None:
        row[Channel.SPINE_PITCH : Channel.HEAD_PITCH] += manner.spine_rad
    for side, foot in (('left', key.left_foot), ('right', key.right_foot)):
        first = channel(side, 'FOOT_OUT')
        row[first : first + 3] += size * np.array(foot.at)
        row[first + 3 : first + 6] += np.radians((foot.yaw_deg, foot.pitch_deg, foot.knee_out_deg))


def _pose_arm(
    row: Floats,
    rest: Floats,
    arm: Arm | Reach,
    side: str,
    sign: float,
    body: Body,
    trunk: Trunk,
    index: int,
    manner: Manner,
    shake_rad: Floats,
) -> None:
    first, elbow = channel(side, 'ARM_W'), channel(side, 'ELBOW')
    if isinstance(arm, Arm):
        upper = _mirror(arm.upper, sign)
        fore = upper if arm.fore is None else _mirror(arm.fore, sign)
        lift = math.radians(arm.shrug_deg) + _natural_shrug(upper)
        quaternion, flexion = _arm_turn(upper, fore, _mirror(_ELBOW_POINTS, sign))
        quaternion = part_way(rest[first : first + 4], quaternion, min(manner.amplitude, 1.05))
        flexion = rest[elbow] + manner.amplitude * (flexion - rest[elbow])
        turn = manner.arm_turn_rad[side] + shake_rad
    else:
        upper, fore, lift = _reaching(arm, side, sign, body, trunk, index)
        quaternion, flexion = _arm_turn(upper, fore, _mirror(arm.elbow, sign))
        turn = 0.3 * manner.arm_turn_rad[side] + 0.5 * shake_rad
    turned = multiply(small_turn(turn[None]), quaternion[None])[0]
    row[first : first + 4] = turned if turned[0] >= 0.0 else -turned
    row[elbow] = min(max(flexion, 0.0), MOST_FLEXED_RAD)
    row[channel(side, 'WRIST')] = math.radians(arm.wrist_deg)
    row[channel(side, 'SHRUG')] += lift


def _mirror(vector: Vector, sign: float) -> Floats:
    return unit((sign * vector[0], vector[1], vector[2]))


def _natural_shrug(upper: Floats) -> float:
    """Shoulders rise with the upper arm, beyond the horizontal above all."""
    return 0.35 * min(max(float(upper[1]) + 0.2, 0.0), 1.2)


def _arm_turn(upper: Floats, fore: Floats, elbow: Floats) -> tuple[Floats, float]:
    """
    Turn bone directions into the upper arm's quaternion and the elbow's flexion, radians.

    A nearly straight arm shows no plane; the direction the elbow points to then tells it.
    """
    cos = min(max(float(upper @ fore), -1.0), 1.0)
    flexion = math.acos(cos)
    bend = fore - cos * upper
    if flexion < 0.05:
        bend = float(elbow @ upper) * upper - elbow
    bend = unit(bend)
    (ux, uy, uz), (bx, by, bz) = upper.tolist(), bend.tolist()
    across = (uz * by - uy * bz, ux * bz - uz * bx, uy * bx - ux * by)
    return quaternion_of(np.array((across, -upper, bend)).T), flexion


def _reaching(
    reach: Reach, side: str, sign: float, body: Body, trunk: Trunk, index: int
) -> tuple[Floats, Floats, float]:
    """Solve two-link inverse kinematics; directions of upper arm and forearm, and the shrug."""
    chest_turn = trunk.chest_turn[index]
    origin, turn = {
        'head': (trunk.head, trunk.head_turn),
        'chest': (trunk.chest, trunk.chest_turn),
        'pelvis': (trunk.pelvis, trunk.pelvis_turn),
        'floor': (np.zeros_like(trunk.neck), trunk.turned),
    }[reach.anchor]
    at = np.array(reach.at) * (sign, 1.0, 1.0) * body.height / _REFERENCE_HEIGHT_M
    target = origin[index] + turn[index] @ at
    lift = math.radians(reach.shrug_deg)
    upper = fore = np.zeros(3)
    fore_length = body.forearm + body.palm
    for _ in range(2):
        shoulder = shoulder_of(
            body, trunk.neck[[index]], trunk.chest_turn[[index]], side, np.array([lift])
        )[1][0]
        away = chest_turn.T @ (target - shoulder)
        nearest = abs(body.upper_arm - fore_length) + 0.12 * body.upper_arm
        farthest = 0.998 * (body.upper_arm + fore_length)
        distance = min(max(math.sqrt(float(away @ away)), nearest), farthest)
        along = unit(away)
        pole = _mirror(reach.elbow, sign)
        pole = unit(pole - float(pole @ along) * along)
        cos = (body.upper_arm**2 + distance**2 - fore_length**2) / (2 * body.upper_arm * distance)
        cos = min(max(cos, -1.0), 1.0)
        upper = cos * along + math.sqrt(1.0 - cos**2) * pole
        fore = unit(distance * along - body.upper_arm * upper)
        lift = math.radians(reach.shrug_deg) + _natural_shrug(upper)
    return upper, fore, lift


def resting(
    body: Body,
    seated: bool,
    arms_out_deg: float,
    elbow_deg: float,
    stance_m: float,
    toes_out_deg: float,
    stoop_deg: float,
    seat_share: float,
) -> Floats:
    """
    Return the channels (len(Channel),) of somebody who just stands or sits there.

    :param seat_share: height of the hips on the seat, in lengths of the shank.
    """
    row = np.zeros(len(Channel))
    row[Channel.PELVIS_UP] = body.ankle_height + 0.994 * body.leg
    row[Channel.SPINE_PITCH] = np.radians(stoop_deg)
    row[Channel.HEAD_PITCH] = np.radians(3.0 - 0.5 * stoop_deg)
    out, forward = np.radians(arms_out_deg), np.radians(2.0 + 0.3 * stoop_deg)
    if seated:
        row[Channel.PELVIS_UP] = body.ankle_height + seat_share * body.shank
        row[Channel.PELVIS_FORWARD] = -0.95 * body.thigh
        row[Channel.PELVIS_PITCH] = np.radians(-8.0)
        row[Channel.SPINE_PITCH] += np.radians(10.0)
        forward, elbow_deg = np.radians(22.0), 45.0
    for side, sign in SIDES:
        upper = unit((sign * np.sin(out), -np.cos(out) * np.cos(forward), np.sin(forward)))
        inward = np.array((-sign * 0.25, 0.0, 1.0))
        bend = unit(inward - float(np.dot(inward, upper)) * upper)
        flexion = np.radians(elbow_deg)
        fore = np.cos(flexion) * upper + np.sin(flexion) * bend
        first = channel(side, 'ARM_W')
        row[first : first + 4], row[channel(side, 'ELBOW')] = _arm_turn(upper, fore, -bend)
        row[channel(side, 'WRIST')] = np.radians(8.0)
        row[channel(side, 'FOOT_OUT')] = body.hip_half + stance_m
        row[channel(side, 'FOOT_UP')] = body.ankle_height
        row[channel(side, 'FOOT_YAW')] = np.radians(toes_out_deg)
        row[channel(side, 'KNEE_OUT')] = np.radians(0.7 * toes_out_deg)
    return row
