"""
The simulated body: limb lengths, and from pose channels over time to joints of `k4abt_32`.

The body frame is x to the person's left, y up, z forward, its origin on the floor between the
feet. A pose is a row of `Channel` values; `channels` (T, len(Channel)) is a motion. Arms and trunk
turn by angles; the feet are placed and the legs follow by two-link inverse kinematics, so that feet
stay where they stand. Bones keep their lengths whatever the channels say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.simulation.rotations import (
    Floats,
    about,
    apply,
    matrix_of,
    tilted,
)

LEFT, RIGHT = 1.0, -1.0
SIDES = (('left', LEFT), ('right', RIGHT))
MOST_FLEXED_RAD = np.radians(148.0)
_LONGEST_REACH = 0.9995
_TOE_DROP = 0.6
_FACE = np.array(
    [
        (0.0, 0.06, 0.15),
        (0.034, 0.096, 0.107),
        (0.081, 0.064, 0.0),
        (-0.034, 0.096, 0.107),
        (-0.081, 0.064, 0.0),
    ]
)
"""Nose, left eye and ear, right eye and ear, seen from the head of a person of 1.7 m."""


class Channel(IntEnum):
    """One number of a pose: radians, metres, or a quaternion's part; sides are mirror images."""

    TURN = 0
    PELVIS_LEFT = 1
    PELVIS_UP = 2
    PELVIS_FORWARD = 3
    PELVIS_PITCH = 4
    PELVIS_ROLL = 5
    PELVIS_YAW = 6
    SPINE_PITCH = 7
    SPINE_ROLL = 8
    SPINE_YAW = 9
    HEAD_PITCH = 10
    HEAD_ROLL = 11
    HEAD_YAW = 12
    LEFT_SHRUG = 13
    LEFT_ARM_W = 14
    LEFT_ARM_X = 15
    LEFT_ARM_Y = 16
    LEFT_ARM_Z = 17
    LEFT_ELBOW = 18
    LEFT_WRIST = 19
    LEFT_FOOT_OUT = 20
    LEFT_FOOT_UP = 21
    LEFT_FOOT_FORWARD = 22
    LEFT_FOOT_YAW = 23
    LEFT_FOOT_PITCH = 24
    LEFT_KNEE_OUT = 25
    RIGHT_SHRUG = 26
    RIGHT_ARM_W = 27
    RIGHT_ARM_X = 28
    RIGHT_ARM_Y = 29
    RIGHT_ARM_Z = 30
    RIGHT_ELBOW = 31
    RIGHT_WRIST = 32
    RIGHT_FOOT_OUT = 33
    RIGHT_FOOT_UP = 34
    RIGHT_FOOT_FORWARD = 35
    RIGHT_FOOT_YAW = 36
    RIGHT_FOOT_PITCH = 37
    RIGHT_KNEE_OUT = 38


def channel(side: str, part: str) -> int:
    """Return the place of a side's channel: `channel('left', 'ELBOW')`."""
    return int(Channel[f'{side.upper()}_{part}'])


@dataclass(frozen=True)
class Body:
    """Segment lengths, metres."""

    height: float
    pelvis_to_navel: float
    navel_to_chest: float
    chest_to_neck: float
    neck_to_head: float
    clavicle: float
    shoulder_drop: float
    upper_arm: float
    forearm: float
    palm: float
    fingers: float
    hip_half: float
    thigh: float
    shank: float
    ankle_height: float
    foot: float

    @property
    def leg(self) -> float:
        """Length of the straight leg, hip to ankle."""
        return self.thigh + self.shank


def make_body(
    height_m: float,
    arm_share: float = 1.0,
    leg_share: float = 1.0,
    shoulder_share: float = 1.0,
    hip_share: float = 1.0,
) -> Body:
    """
    Proportion a body of this standing height as the Azure Kinect's body tracking does.

    :param arm_share: arm length relative to the average person of that height; the others likewise.
        Longer legs make a shorter trunk.
    """
    leg = 0.475 * leg_share
    trunk = (0.84 - leg - 0.039) / 0.326
    return Body(
        height=height_m,
        pelvis_to_navel=0.108 * trunk * height_m,
        navel_to_chest=0.0865 * trunk * height_m,
        chest_to_neck=0.1315 * trunk * height_m,
        neck_to_head=0.0495 * height_m,
        clavicle=0.085 * shoulder_share * height_m,
        shoulder_drop=0.0165 * height_m,
        upper_arm=0.168 * arm_share * height_m,
        forearm=0.1405 * arm_share * height_m,
        palm=0.058 * arm_share * height_m,
        fingers=0.0655 * arm_share * height_m,
        hip_half=0.055 * hip_share * height_m,
        thigh=0.2427 * leg_share * height_m,
        shank=0.2323 * leg_share * height_m,
        ankle_height=0.039 * height_m,
        foot=0.1135 * height_m,
    )


@dataclass(frozen=True)
class Trunk:
    """Where trunk and head are at T instants: points (T, 3) and orientations (T, 3, 3)."""

    pelvis: Floats
    navel: Floats
    chest: Floats
    neck: Floats
    head: Floats
    hips: dict[str, Floats]
    feet: dict[str, Floats]
    turned: Floats
    pelvis_turn: Floats
    chest_turn: Floats
    head_turn: Floats


def place_trunk(body: Body, channels: Floats) -> Trunk:
    """Place pelvis, spine and head; the pelvis sinks where a leg would not reach the floor."""
    c = channels.T
    turned = about(1, c[Channel.TURN])
    pelvis = apply(
        turned,
        channels[:, [Channel.PELVIS_LEFT, Channel.PELVIS_UP, Channel.PELVIS_FORWARD]],
    )
    pelvis_turn = turned @ tilted(
        c[Channel.PELVIS_PITCH], c[Channel.PELVIS_ROLL], c[Channel.PELVIS_YAW]
    )
    hips = {
        side: pelvis + apply(pelvis_turn, (sign * body.hip_half, 0.0, 0.0)) for side, sign in SIDES
    }
    feet = {side: _foot_target(body, channels, side, sign, turned) for side, sign in SIDES}
    sink = np.zeros(len(channels))
    for side, _ in SIDES:
        sink = np.minimum(sink, _allowed_rise(body, hips[side], feet[side]))
    drop = sink[:, None] * np.array([0.0, 1.0, 0.0])
    pelvis = pelvis + drop
    hips = {side: hip + drop for side, hip in hips.items()}
    half_spine = tilted(
        0.5 * c[Channel.SPINE_PITCH], 0.5 * c[Channel.SPINE_ROLL], 0.5 * c[Channel.SPINE_YAW]
    )
    lower = pelvis_turn @ half_spine
    chest_turn = lower @ half_spine
    navel = pelvis + apply(pelvis_turn, (0.0, body.pelvis_to_navel, 0.0))
    chest = navel + apply(lower, (0.0, body.navel_to_chest, 0.0))
    neck = chest + apply(chest_turn, (0.0, body.chest_to_neck, 0.0))
    head_turn = chest_turn @ tilted(
        c[Channel.HEAD_PITCH], c[Channel.HEAD_ROLL], c[Channel.HEAD_YAW]
    )
    head = neck + apply(head_turn, (0.0, 0.96 * body.neck_to_head, 0.28 * body.neck_to_head))
    return Trunk(
        pelvis, navel, chest, neck, head, hips, feet, turned, pelvis_turn, chest_turn, head_turn
    )


def _foot_target(body: Body, channels: Floats, side: str, sign: float, turned: Floats) -> Floats:
    """Return where the ankle (T, 3) shall be: high enough to keep pointed toes off the floor."""
    ankle = channels[
        :, [channel(side, 'FOOT_OUT'), channel(side, 'FOOT_UP'), channel(side, 'FOOT_FORWARD')]
    ]
    pitch = channels[:, channel(side, 'FOOT_PITCH')]
    toes_below = _TOE_DROP * body.ankle_height * np.cos(pitch) + body.foot * np.sin(pitch)
    lowest = (1.0 - _TOE_DROP) * body.ankle_height + toes_below
    ankle[:, 1] = np.maximum(ankle[:, 1], lowest)
    return apply(turned, ankle * np.array([sign, 1.0, 1.0]))


def _allowed_rise(body: Body, hip: Floats, ankle: Floats) -> Floats:
    """Return how far the hip may rise (negative: must sink) for a foot on the floor to stay."""
    aside = np.hypot(hip[:, 0] - ankle[:, 0], hip[:, 2] - ankle[:, 2])
    reach = np.sqrt(np.maximum((_LONGEST_REACH * body.leg) ** 2 - aside**2, 0.0))
    lifted = np.clip((ankle[:, 1] - body.ankle_height) / 0.05, 0.0, 1.0)
    rise: Floats = ankle[:, 1] + reach - hip[:, 1] + lifted * body.leg
    return rise


def shoulder_of(
    body: Body, neck: Floats, chest_turn: Floats, side: str, shrug: Floats
) -> tuple[Floats, Floats]:
    """Return the clavicle and shoulder joints (T, 3) of one side."""
    sign = LEFT if side == 'left' else RIGHT
    clavicle = neck + apply(
        chest_turn, (sign * 0.22 * body.clavicle, -0.145 * body.chest_to_neck, 0.0)
    )
    arm_side = apply(
        chest_turn @ about(2, sign * shrug),
        (sign * body.clavicle, -body.shoulder_drop, 0.0),
    )
    return clavicle, clavicle + arm_side


def joints_of(body: Body, channels: Floats) -> Floats:
    """
    Run the forward kinematics.

    :param channels: (T, len(Channel)).
    :return: joints of `k4abt_32` (T, 32, 3), metres, in the body frame.
    """
    trunk = place_trunk(body, channels)
    out = np.empty((len(channels), len(K4abt32), 3))
    out[:, K4abt32.PELVIS] = trunk.pelvis
    out[:, K4abt32.SPINE_NAVEL] = trunk.navel
    out[:, K4abt32.SPINE_CHEST] = trunk.chest
    out[:, K4abt32.NECK] = trunk.neck
    out[:, K4abt32.HEAD] = trunk.head
    _place_face(out, body, trunk)
    for side, sign in SIDES:
        _place_arm(out, body, trunk, channels, side, sign)
        _place_leg(out, body, trunk, channels, side, sign)
    return out


def _place_face(out: Floats, body: Body, trunk: Trunk) -> None:
    places = _FACE * (body.height / 1.7)
    out[:, K4abt32.NOSE :] = trunk.head[:, None] + places @ trunk.head_turn.transpose(0, 2, 1)


def _place_arm(
    out: Floats, body: Body, trunk: Trunk, channels: Floats, side: str, sign: float
) -> None:
    clavicle, shoulder = shoulder_of(
        body, trunk.neck, trunk.chest_turn, side, channels[:, channel(side, 'SHRUG')]
    )
    first = channel(side, 'ARM_W')
    upper = trunk.chest_turn @ matrix_of(channels[:, first : first + 4])
    flexion = np.clip(channels[:, channel(side, 'ELBOW')], 0.0, MOST_FLEXED_RAD)
    fore = upper @ about(0, -flexion)
    hand = fore @ about(2, -sign * channels[:, channel(side, 'WRIST')])
    elbow = shoulder + apply(upper, (0.0, -body.upper_arm, 0.0))
    wrist = elbow + apply(fore, (0.0, -body.forearm, 0.0))
    palm = wrist + apply(hand, (0.0, -body.palm, 0.0))
    name = side.upper()
    out[:, K4abt32[f'CLAVICLE_{name}']] = clavicle
    out[:, K4abt32[f'SHOULDER_{name}']] = shoulder
    out[:, K4abt32[f'ELBOW_{name}']] = elbow
    out[:, K4abt32[f'WRIST_{name}']] = wrist
    out[:, K4abt32[f'HAND_{name}']] = palm
    out[:, K4abt32[f'HANDTIP_{name}']] = palm + apply(hand, (0.0, -body.fingers, 0.0))
    out[:, K4abt32[f'THUMB_{name}']] = wrist + apply(
        hand, (-sign * 0.25 * body.palm, -1.15 * body.palm, 0.7 * body.palm)
    )


def _place_leg(
    out: Floats, body: Body, trunk: Trunk, channels: Floats, side: str, sign: float
) -> None:
    hip, target = trunk.hips[side], trunk.feet[side]
    away = target - hip
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    along = away / np.maximum(distance, 1e-6)
    shortest = abs(body.thigh - body.shank) + 0.15 * body.leg
    distance = np.clip(distance, shortest, _LONGEST_REACH * body.leg)
    cos = (body.thigh**2 + distance**2 - body.shank**2) / (2.0 * body.thigh * distance)
    sin = np.sqrt(1.0 - np.clip(cos, -1.0, 1.0) ** 2)
    outward = sign * channels[:, channel(side, 'KNEE_OUT')]
    pole = apply(
        trunk.turned,
        np.stack([np.sin(outward), np.zeros_like(outward), np.cos(outward)], axis=1),
    )
    bend = _carried(pole, along)
    knee = hip + body.thigh * (cos * along + sin * bend)
    ankle = hip + distance * along
    foot_turn = (
        trunk.turned
        @ about(1, sign * channels[:, channel(side, 'FOOT_YAW')])
        @ about(0, channels[:, channel(side, 'FOOT_PITCH')])
    )
    name = side.upper()
    out[:, K4abt32[f'HIP_{name}']] = hip
    out[:, K4abt32[f'KNEE_{name}']] = knee
    out[:, K4abt32[f'ANKLE_{name}']] = ankle
    out[:, K4abt32[f'FOOT_{name}']] = ankle + apply(
        foot_turn, (0.0, -_TOE_DROP * body.ankle_height, body.foot)
    )


def _carried(pole: Floats, along: Floats) -> Floats:
    """Turn `pole` as the leg turns from hanging down to pointing `along`; both (T, 3)."""
    down = np.array([0.0, -1.0, 0.0])
    middle = down + along
    share = np.einsum('ti,ti->t', pole, middle) / np.maximum(1.0 + along @ down, 1e-6)
    turned = pole - share[:, None] * middle + 2.0 * (pole @ down)[:, None] * along
    bend: Floats = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    return bend
