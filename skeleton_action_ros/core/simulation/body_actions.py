"""
Actions of the whole body, written down as key poses for a right-hander.

Times are nominal seconds, places metres of a person of 1.7 m, directions (outward, up, forward).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skeleton_action_ros.core.simulation.action import Action, Cue
from skeleton_action_ros.core.simulation.poses import Arm, Foot, Key, Reach

_BALANCING = Arm((0.7, -1.0, 0.2), (0.4, -1.0, 0.5))


def _hanging(stoop_deg: float) -> Arm:
    """Let an arm hang from a chest that is bent forward."""
    stoop = np.radians(stoop_deg)
    down = (0.12, -float(np.cos(stoop)), float(np.sin(stoop)))
    return Arm(down, (0.05, down[1], down[2] + 0.2))


def _punch(cue: Cue) -> list[Key]:
    level, twist = cue.between(-0.05, 0.2), cue.between(15.0, 30.0)
    guard = Arm((0.35, -1.0, 0.0), (-0.25, 0.75, 0.8))
    cocked = Arm((0.4, -0.9, -0.6), (-0.05, 0.6, 1.0))
    out = Arm((-0.12, level, 1.0), (-0.15, level + 0.08, 1.0))
    hit = Key(
        cue.between(0.18, 0.26),
        right=out,
        left=guard,
        spine_deg=(8.0, 0.0, twist),
        pelvis=(0.0, -0.02, 0.06),
    )
    return [
        Key(cue.between(0.4, 0.55), right=cocked, left=guard, spine_deg=(4.0, 0.0, -0.6 * twist)),
        hit,
        replace(hit, after_s=cue.between(0.06, 0.15)),
        Key(cue.between(0.25, 0.35), right=cocked, left=guard, spine_deg=(4.0, 0.0, 0.0)),
        Key(cue.between(0.45, 0.6)),
    ]


def _boxing(cue: Cue) -> list[Key]:
    guard = Arm((0.35, -1.0, 0.25), (-0.25, 1.0, 0.55))
    out = Arm((-0.1, 0.05, 1.0), (-0.15, 0.15, 1.0))
    beat = cue.between(0.2, 0.28)
    ready = Key(cue.between(0.4, 0.55), left=guard, right=guard, pelvis=(0.0, -0.03, 0.0))
    keys = [ready]
    for _ in range(cue.times(2, 3)):
        keys += [
            replace(ready, after_s=beat, left=out, spine_deg=(4.0, 0.0, -18.0)),
            replace(ready, after_s=beat, right=out, spine_deg=(4.0, 0.0, 22.0)),
        ]
    return [*keys, replace(ready, after_s=beat), Key(cue.between(0.5, 0.65))]


def _kick(cue: Cue) -> list[Key]:
    height, lean = cue.between(0.22, 0.6), cue.between(4.0, 12.0)
    return [
        Key(
            cue.between(0.35, 0.5),
            left=_BALANCING,
            right=_BALANCING,
            right_foot=Foot((0.0, 0.14, -0.32), pitch_deg=45.0),
            pelvis=(0.05, -0.02, 0.0),
            spine_deg=(6.0, 0.0, -6.0),
        ),
        Key(
            cue.between(0.25, 0.34),
            left=_BALANCING,
            right=_BALANCING,
            right_foot=Foot((-0.04, height, 0.62 + 0.3 * height), pitch_deg=-30.0),
            pelvis=(0.06, -0.02, 0.03),
            tilt_deg=(-lean, 0.0, 6.0),
            spine_deg=(6.0, 0.0, 8.0),
        ),
        Key(cue.between(0.3, 0.4), right_foot=Foot((0.0, 0.1, 0.12)), pelvis=(0.04, -0.02, 0.0)),
        Key(cue.between(0.3, 0.4)),
    ]


def _bow(cue: Cue) -> list[Key]:
    depth = cue.between(0.7, 1.25)
    down = Key(
        cue.between(0.8, 1.1),
        left=_hanging(40.0 * depth),
        right=_hanging(40.0 * depth),
        pelvis=(0.0, -0.02, -0.12 * depth),
        tilt_deg=(35.0 * depth, 0.0, 0.0),
        spine_deg=(25.0 * depth, 0.0, 0.0),
        head_deg=(12.0, 0.0, 0.0),
    )
    return [down, replace(down, after_s=cue.between(0.2, 0.6)), Key(cue.between(0.8, 1.1))]


def _toe_touch(cue: Cue) -> list[Key]:
    down = Reach('floor', (0.1, cue.between(0.02, 0.15), 0.25), elbow=(0.6, 0.3, 0.3))
    pace = cue.between(0.9, 1.2)
    bent = Key(
        pace,
        left=down,
        right=down,
        pelvis=(0.0, -0.02, -0.2),
        tilt_deg=(60.0, 0.0, 0.0),
        spine_deg=(40.0, 0.0, 0.0),
        head_deg=(10.0, 0.0, 0.0),
    )
    return [bent, replace(bent, after_s=cue.between(0.2, 0.7)), Key(pace)]


def _squat(cue: Cue) -> list[Key]:
    depth, pace = cue.between(0.24, 0.45), cue.between(0.75, 1.1)
    upright = cue.between(15.0, 60.0)
    ahead = Arm((0.1, 0.015 * upright * depth, 1.0))
    down = Key(
        pace,
        left=ahead,
        right=ahead,
        left_foot=Foot(knee_out_deg=15.0),
        right_foot=Foot(knee_out_deg=15.0),
        pelvis=(0.0, -depth, -0.4 * depth),
        tilt_deg=(upright * depth, 0.0, 0.0),
        spine_deg=(0.8 * upright * depth, 0.0, 0.0),
        head_deg=(-20.0 * depth, 0.0, 0.0),
    )
    return [down, replace(down, after_s=cue.between(0.1, 0.5)), Key(pace)]


def _jump(cue: Cue) -> list[Key]:
    height = cue.between(0.14, 0.32)
    back = Arm((0.3, -1.0, -0.4))
    ahead = Arm((0.2, cue.between(-0.4, 0.5), 1.0), (0.1, 0.5, 1.0))
    crouch = Key(
        cue.between(0.45, 0.6),
        left=back,
        right=back,
        pelvis=(0.0, -0.2, -0.06),
        tilt_deg=(20.0, 0.0, 0.0),
        spine_deg=(18.0, 0.0, 0.0),
        head_deg=(-12.0, 0.0, 0.0),
    )
    toes = Foot((0.0, 0.05, -0.02), pitch_deg=35.0)
    air = Foot((0.0, height, -0.03), pitch_deg=40.0)
    flight = 0.42 * height**0.5
    rising = Key(
        0.29, left=ahead, right=ahead, left_foot=toes, right_foot=toes, pelvis=(0.0, 0.06, 0.0)
    )
    landing = replace(crouch, after_s=0.16, pelvis=(0.0, -0.14, -0.03), left=None, right=None)
    return [
        crouch,
        rising,
        replace(
            rising, after_s=flight, left_foot=air, right_foot=air, pelvis=(0.0, height + 0.03, 0.0)
        ),
        replace(rising, after_s=flight, left=_BALANCING, right=_BALANCING),
        landing,
        Key(cue.between(0.4, 0.55)),
    ]


def _jumping_jack(cue: Cue) -> list[Key]:
    beat, wide = cue.between(0.2, 0.27), cue.between(0.2, 0.3)
    side, up = Arm((1.0, 0.0, 0.1)), Arm((0.25, 1.0, 0.1))
    hop = Key(
        beat,
        left=side,
        right=side,
        left_foot=Foot((0.5 * wide, 0.08, 0.0), pitch_deg=20.0),
        right_foot=Foot((0.5 * wide, 0.08, 0.0), pitch_deg=20.0),
        pelvis=(0.0, 0.06, 0.0),
    )
    apart = Key(
        beat,
        left=up,
        right=up,
        left_foot=Foot((wide, 0.0, 0.0)),
        right_foot=Foot((wide, 0.0, 0.0)),
        pelvis=(0.0, -0.06, 0.0),
    )
    dip = Key(beat, pelvis=(0.0, -0.06, 0.0))
    keys = [replace(dip, after_s=0.3)]
    for _ in range(cue.times(2, 3)):
        keys += [hop, apart, hop, dip]
    return [*keys, Key(0.3)]


def _sit_down(cue: Cue) -> list[Key]:
    ahead = Arm((0.15, -1.0, 0.55), (0.05, -0.5, 1.0))
    return [
        Key(
            cue.between(0.7, 0.95),
            left=ahead,
            right=ahead,
            pelvis=(0.0, -0.22, -0.24),
            tilt_deg=(22.0, 0.0, 0.0),
            spine_deg=(22.0, 0.0, 0.0),
            head_deg=(-10.0, 0.0, 0.0),
        ),
        Key(cue.between(0.45, 0.6), seated=True, tilt_deg=(12.0, 0.0, 0.0)),
        Key(cue.between(0.35, 0.5), seated=True),
    ]


def _stand_up(cue: Cue) -> list[Key]:
    ahead = Arm((0.15, -1.0, 0.7), (0.05, -0.6, 1.0))
    return [
        Key(
            cue.between(0.4, 0.55),
            seated=True,
            left=ahead,
            right=ahead,
            tilt_deg=(28.0, 0.0, 0.0),
            spine_deg=(14.0, 0.0, 0.0),
        ),
        Key(
            cue.between(0.4, 0.55),
            left=ahead,
            right=ahead,
            pelvis=(0.0, -0.24, -0.22),
            tilt_deg=(28.0, 0.0, 0.0),
            spine_deg=(18.0, 0.0, 0.0),
            head_deg=(-8.0, 0.0, 0.0),
        ),
        Key(cue.between(0.65, 0.9)),
    ]


def _pick_up(cue: Cue) -> list[Key]:
    aside, ahead = cue.between(-0.05, 0.2), cue.between(0.25, 0.4)
    stoop, sink = cue.between(0.8, 1.1), cue.between(0.15, 0.38)
    down = Key(
        cue.between(0.85, 1.15),
        right=Reach('floor', (aside, 0.1, ahead), elbow=(0.6, 0.3, 0.0)),
        left=_hanging(75.0 * stoop),
        pelvis=(0.0, -sink, -0.18),
        tilt_deg=(52.0 * stoop, 0.0, 6.0),
        spine_deg=(38.0 * stoop, 8.0, 10.0),
        head_deg=(-5.0, 0.0, 0.0),
    )
    holding = Arm((0.15, -1.0, 0.2), (-0.1, 0.15, 1.0))
    return [
        down,
        replace(down, after_s=cue.between(0.15, 0.4)),
        Key(cue.between(0.8, 1.1), right=holding),
        Key(cue.between(0.2, 0.5), right=holding, head_deg=(10.0, 0.0, 0.0)),
        Key(cue.between(0.4, 0.55)),
    ]


def _throw(cue: Cue) -> list[Key]:
    twist, stoop = cue.between(8.0, 35.0), cue.between(6.0, 20.0)
    step = Foot((0.0, 0.0, cue.between(0.0, 0.3)))
    aims = cue.between(0.0, 1.0) < 0.5
    aim = Arm((0.2, -0.2, 1.0), (0.0, 0.2, 1.0)) if aims else None
    balance = _BALANCING if aims else None
    release = Key(
        cue.between(0.18, 0.24),
        right=Arm((0.35, cue.between(0.1, 0.55), 1.0), (0.1, 0.75, 1.0)),
        left=balance,
        left_foot=step,
        spine_deg=(0.4 * stoop, -4.0, 0.5 * twist),
        tilt_deg=(4.0, 0.0, 8.0),
        pelvis=(0.0, -0.03, 0.08),
    )
    return [
        Key(
            cue.between(0.5, 0.7),
            right=Arm((1.0, cue.between(-0.2, 0.4), -0.35), (0.15, 1.0, -0.4)),
            left=aim,
            spine_deg=(-6.0, 4.0, -twist),
            tilt_deg=(0.0, 0.0, -8.0),
        ),
        release,
        replace(
            release,
            after_s=cue.between(0.16, 0.24),
            right=Arm((-0.35, cue.between(-0.7, -0.2), 0.8), (-0.5, -0.7, 0.6)),
            spine_deg=(stoop, -4.0, twist),
            tilt_deg=(0.4 * stoop, 0.0, 8.0),
            pelvis=(0.0, -0.05, 0.12),
        ),
        Key(cue.between(0.65, 0.9)),
    ]


def _basketball_shot(cue: Cue) -> list[Key]:
    ball = Reach('chest', (0.1, 0.02, 0.28), elbow=(0.7, -1.0, -0.2))
    hop = cue.between(0.0, 0.14)
    toes = Foot((0.0, 0.03 + hop, 0.0), pitch_deg=30.0)
    up = Key(
        cue.between(0.28, 0.36),
        right=Arm((0.05, 0.85, 0.6), (0.0, 1.0, 0.5), wrist_deg=35.0),
        left=Arm((0.25, 0.75, 0.6), (-0.05, 1.0, 0.4)),
        left_foot=toes,
        right_foot=toes,
        pelvis=(0.0, 0.03 + hop, 0.0),
        head_deg=(-8.0, 0.0, 0.0),
    )
    return [
        Key(
            cue.between(0.55, 0.75),
            left=ball,
            right=ball,
            pelvis=(0.0, -0.14, -0.04),
            tilt_deg=(12.0, 0.0, 0.0),
            spine_deg=(8.0, 0.0, 0.0),
        ),
        up,
        Key(
            cue.between(0.25, 0.35),
            left=replace(_BALANCING, upper=(0.5, 0.1, 1.0)),
            right=Arm((0.1, 0.5, 0.9), wrist_deg=35.0),
            pelvis=(0.0, -0.06, 0.0),
        ),
        Key(cue.between(0.5, 0.65)),
    ]


def _bowling(cue: Cue) -> list[Key]:
    stride = cue.between(0.4, 0.6)
    front, rear = Foot((-0.05, 0.0, stride)), Foot((0.05, 0.04, -0.1), pitch_deg=30.0)
    low = Key(
        cue.between(0.28, 0.36),
        right=Arm((0.05, -0.9, 0.55)),
        left=_BALANCING,
        left_foot=front,
        right_foot=rear,
        pelvis=(0.04, -0.2, 0.6 * stride),
        tilt_deg=(28.0, 0.0, 6.0),
        spine_deg=(28.0, 4.0, 8.0),
        head_deg=(-25.0, 0.0, 0.0),
    )
    return [
        Key(cue.between(0.4, 0.5), right=Arm((0.2, -0.8, 0.5), (0.0, 0.2, 1.0)), left=_BALANCING),
        replace(
            low,
            after_s=cue.between(0.45, 0.6),
            right=Arm((0.35, -0.6, -0.8)),
            pelvis=(0.02, -0.1, 0.4 * stride),
            spine_deg=(18.0, 0.0, -12.0),
        ),
        low,
        replace(low, after_s=cue.between(0.2, 0.3), right=Arm((-0.1, 0.35, 1.0), (-0.2, 0.8, 0.7))),
        Key(cue.between(0.75, 1.0)),
    ]


def _golf_swing(cue: Cue) -> list[Key]:
    coil, pace = cue.between(25.0, 40.0), cue.between(0.8, 1.1)
    address = Key(
        cue.between(0.55, 0.7),
        right=Reach('pelvis', (-0.02, -0.12, 0.4)),
        left=Reach('pelvis', (0.0, -0.08, 0.4)),
        pelvis=(0.0, -0.05, -0.05),
        tilt_deg=(16.0, 0.0, 0.0),
        spine_deg=(14.0, 0.0, 0.0),
        head_deg=(16.0, 0.0, 0.0),
    )
    return [
        address,
        replace(
            address,
            after_s=0.75 * pace,
            right=Reach('chest', (0.3, 0.3, 0.1), elbow=(0.8, -1.0, 0.0)),
            left=Reach('chest', (-0.28, 0.27, 0.14), elbow=(0.2, -1.0, 0.3)),
            spine_deg=(14.0, 4.0, -coil),
            tilt_deg=(12.0, 0.0, -20.0),
        ),
        replace(address, after_s=0.22 * pace, tilt_deg=(14.0, 0.0, 12.0)),
        replace(
            address,
            after_s=0.26 * pace,
            right=Reach('chest', (-0.26, 0.32, 0.18), elbow=(0.2, -1.0, 0.3)),
            left=Reach('chest', (0.28, 0.35, 0.1), elbow=(0.8, -1.0, 0.0)),
            spine_deg=(4.0, -6.0, coil),
            tilt_deg=(4.0, 0.0, 35.0),
            head_deg=(0.0, 0.0, 15.0),
            right_foot=Foot((0.0, 0.05, 0.0), pitch_deg=35.0),
        ),
        Key(cue.between(0.8, 1.05)),
    ]


def _tennis_swing(cue: Cue) -> list[Key]:
    coil, height = cue.between(20.0, 40.0), cue.between(-0.35, 0.1)
    step = Foot((-0.05, 0.0, cue.between(0.1, 0.3)))
    return [
        Key(
            cue.between(0.5, 0.7),
            right=Arm((1.0, height - 0.1, -0.5), (1.0, height, -0.2)),
            left=Arm((0.0, -0.3, 1.0), (-0.4, 0.1, 1.0)),
            pelvis=(-0.05, -0.05, 0.0),
            spine_deg=(4.0, 2.0, -coil),
            tilt_deg=(0.0, 0.0, -12.0),
        ),
        Key(
            cue.between(0.2, 0.27),
            right=Arm((0.6, height, 0.9), (0.4, height + 0.1, 1.0)),
            left=_BALANCING,
            left_foot=step,
            pelvis=(0.05, -0.06, 0.08),
            spine_deg=(8.0, 0.0, 0.3 * coil),
            tilt_deg=(4.0, 0.0, 10.0),
        ),
        Key(
            cue.between(0.22, 0.3),
            right=Arm((-0.6, 0.2, 0.8), (-0.6, 0.7, -0.2)),
            left=_BALANCING,
            left_foot=step,
            pelvis=(0.06, -0.04, 0.1),
            spine_deg=(6.0, 0.0, coil),
            tilt_deg=(4.0, 0.0, 18.0),
        ),
        Key(cue.between(0.65, 0.9)),
    ]


def _lunge(cue: Cue) -> list[Key]:
    stride, sink = cue.between(0.5, 0.7), cue.between(0.2, 0.32)
    pace = cue.between(0.3, 0.42)
    lifted = Key(
        pace,
        right_foot=Foot((0.0, 0.14, 0.5 * stride), pitch_deg=-10.0),
        pelvis=(0.05, -0.03, 0.15 * stride),
    )
    down = Key(
        1.5 * pace,
        right_foot=Foot((0.0, 0.0, stride)),
        left_foot=Foot((0.0, 0.09, -0.05), pitch_deg=50.0),
        pelvis=(0.0, -sink, 0.5 * stride),
        spine_deg=(6.0, 0.0, 0.0),
    )
    return [
        lifted,
        down,
        replace(down, after_s=cue.between(0.15, 0.6)),
        replace(lifted, after_s=1.3 * pace),
        Key(pace),
    ]


def _walk_on_the_spot(cue: Cue) -> list[Key]:
    lift, beat = cue.between(0.1, 0.24), cue.between(0.24, 0.32)
    swing = cue.between(0.3, 0.7)
    ahead, back = Arm((0.12, -1.0, swing), (0.0, -0.8, 1.0)), Arm((0.2, -1.0, -0.7 * swing))
    step = Key(
        beat,
        left=ahead,
        right=back,
        right_foot=Foot((0.0, lift, 0.1), pitch_deg=20.0),
        pelvis=(0.03, -0.01, 0.0),
    )
    middle = Key(beat, pelvis=(0.0, -0.015, 0.0))
    keys = []
    for _ in range(cue.times(2, 3)):
        keys += [step, middle, step.mirrored(), middle]
    return [*keys[:-1], Key(1.2 * beat)]


def _jog_on_the_spot(cue: Cue) -> list[Key]:
    lift, beat = cue.between(0.2, 0.34), cue.between(0.14, 0.19)
    ahead = Arm((0.15, -1.0, 0.45), (-0.25, 0.6, 1.0))
    back = Arm((0.3, -1.0, -0.65), (-0.1, -0.2, 1.0))
    step = Key(
        beat,
        left=ahead,
        right=back,
        right_foot=Foot((0.0, lift, -0.12), pitch_deg=50.0),
        left_foot=Foot((0.0, 0.03, 0.0), pitch_deg=15.0),
        pelvis=(0.015, 0.02, 0.0),
        spine_deg=(6.0, 0.0, 0.0),
    )
    middle = Key(
        beat,
        left=Arm((0.2, -1.0, -0.1), (-0.15, 0.1, 1.0)),
        right=Arm((0.2, -1.0, -0.1), (-0.15, 0.1, 1.0)),
        pelvis=(0.0, -0.05, 0.0),
        spine_deg=(6.0, 0.0, 0.0),
    )
    keys = []
    for _ in range(cue.times(3, 4)):
        keys += [step, middle, step.mirrored(), middle]
    return [*keys, Key(2.0 * beat)]


def _turn_around(cue: Cue) -> list[Key]:
    beat, steps = cue.between(0.17, 0.23), 4
    keys = []
    for step in range(1, steps + 1):
        turned = 360.0 * step / steps
        keys += [
            Key(
                beat,
                turn_deg=turned - 270.0 / steps,
                left_foot=Foot((0.02, 0.07, 0.02), yaw_deg=15.0),
                pelvis=(-0.03, -0.01, 0.0),
                head_deg=(0.0, 0.0, 15.0),
            ),
            Key(beat, turn_deg=turned - 180.0 / steps, pelvis=(0.0, -0.015, 0.0)),
            Key(
                beat,
                turn_deg=turned - 90.0 / steps,
                right_foot=Foot((0.02, 0.07, 0.02), yaw_deg=-10.0),
                pelvis=(0.03, -0.01, 0.0),
                head_deg=(0.0, 0.0, 10.0),
            ),
            Key(beat, turn_deg=turned, pelvis=(0.0, -0.015, 0.0)),
        ]
    return [*keys, Key(0.3, turn_deg=360.0)]


def _stretch(cue: Cue) -> list[Key]:
    lean, pace = cue.between(14.0, 26.0), cue.between(0.6, 0.85)
    up = Reach('head', (0.03, cue.between(0.38, 0.5), 0.02), elbow=(1.0, 0.2, 0.0))
    tall = Key(cue.between(0.8, 1.05), left=up, right=up, spine_deg=(-4.0, 0.0, 0.0))
    aside = replace(
        tall, after_s=pace, spine_deg=(-2.0, lean, 0.0), tilt_deg=(0.0, 0.2 * lean, 0.0)
    )
    return [
        tall,
        aside,
        replace(aside.mirrored(), after_s=1.5 * pace),
        replace(tall, after_s=pace),
        Key(cue.between(0.75, 1.0)),
    ]


BODY_ACTIONS = (
    Action('punch_right', _punch, 1.5, side='right'),
    Action('punch_left', _punch, 1.5, side='left'),
    Action('boxing', _boxing, 2.4, side='dominant'),
    Action('kick_right', _kick, 1.4, side='right'),
    Action('kick_left', _kick, 1.4, side='left'),
    Action('bow', _bow, 2.3),
    Action('toe_touch', _toe_touch, 2.5),
    Action('squat', _squat, 2.2),
    Action('jump', _jump, 1.8),
    Action('jumping_jack', _jumping_jack, 2.9),
    Action('sit_down', _sit_down, 1.8, ends_seated=True),
    Action('stand_up', _stand_up, 1.7, starts_seated=True),
    Action('pick_up', _pick_up, 3.0, side='dominant'),
    Action('throw', _throw, 1.8, side='dominant'),
    Action('basketball_shot', _basketball_shot, 1.9, side='dominant'),
    Action('bowling', _bowling, 2.4, side='dominant'),
    Action('golf_swing', _golf_swing, 2.8, side='dominant'),
    Action('tennis_swing', _tennis_swing, 1.9, side='dominant'),
    Action('lunge', _lunge, 2.1, side='dominant'),
    Action('walk_on_the_spot', _walk_on_the_spot, 2.8, side='dominant'),
    Action('jog_on_the_spot', _jog_on_the_spot, 2.5, side='dominant'),
    Action('turn_around', _turn_around, 3.5, side='dominant'),
    Action('stretch', _stretch, 4.3),
)
