"""
Actions of the arms, written down as key poses for a right-hander.

Times are nominal seconds, places metres of a person of 1.7 m, directions (outward, up, forward).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skeleton_action_ros.core.simulation.action import Action, Cue
from skeleton_action_ros.core.simulation.poses import Arm, Key, Reach, Vector


def _wave(cue: Cue) -> list[Key]:
    upper: Vector = (cue.between(0.6, 1.0), cue.between(-0.5, 0.35), cue.between(0.15, 0.6))
    swing, beat = cue.between(0.4, 0.7), cue.between(0.18, 0.26)
    out = Arm(upper, (0.1 + swing, 1.0, 0.25), wrist_deg=-10.0)
    back = Arm(upper, (0.1 - swing, 1.0, 0.25), wrist_deg=15.0)
    keys = [Key(cue.between(0.5, 0.75), right=out)]
    for _ in range(cue.times(2, 4)):
        keys += [Key(beat, right=back), Key(beat, right=out)]
    return [*keys, Key(cue.between(0.55, 0.8))]


def _clap(cue: Cue) -> list[Key]:
    height, ahead = cue.between(-0.02, 0.16), cue.between(0.3, 0.38)
    gap, beat = cue.between(0.16, 0.28), cue.between(0.14, 0.22)
    apart = Reach('chest', (gap, height, ahead), elbow=(0.9, -1.0, -0.2))
    together = Reach('chest', (0.015, height, ahead + 0.02))
    keys = [Key(cue.between(0.45, 0.65), left=apart, right=apart)]
    for _ in range(cue.times(2, 5)):
        keys += [Key(beat, left=together, right=together), Key(beat, left=apart, right=apart)]
    return [*keys, Key(cue.between(0.45, 0.65))]


def _raise_both_arms(cue: Cue) -> list[Key]:
    up = Arm((cue.between(0.1, 0.45), 1.0, 0.1), shrug_deg=6.0)
    half = Arm((cue.between(0.3, 1.0), 0.0, cue.between(0.4, 1.0)))
    pace = cue.between(0.4, 0.55)
    return [
        Key(pace, left=half, right=half),
        Key(pace, left=up, right=up, spine_deg=(-4.0, 0.0, 0.0), head_deg=(-6.0, 0.0, 0.0)),
        Key(cue.between(0.25, 0.8), left=up, right=up, head_deg=(-6.0, 0.0, 0.0)),
        Key(pace, left=half, right=half),
        Key(pace),
    ]


def _point(cue: Cue) -> list[Key]:
    aside, level = cue.between(0.25, 0.75), cue.between(-0.05, 0.2)
    out = Key(
        cue.between(0.5, 0.7),
        right=Arm((aside, level, 1.0), (aside - 0.1, level + 0.05, 1.0)),
        head_deg=(0.0, 0.0, -25.0 * aside),
        spine_deg=(0.0, 0.0, -5.0),
    )
    return [out, replace(out, after_s=cue.between(0.6, 1.3)), Key(cue.between(0.5, 0.7))]


def _drink(cue: Cue) -> list[Key]:
    holding = Arm((0.15, -1.0, 0.25), (-0.15, 0.1, 1.0))
    tip = cue.between(8.0, 22.0)
    at_mouth = Reach('head', (0.02, cue.between(-0.03, 0.02), 0.2), elbow=(0.45, -1.0, 0.5))
    drinking = Key(cue.between(0.5, 0.75), right=at_mouth, head_deg=(-tip, 0.0, 0.0))
    return [
        Key(cue.between(0.45, 0.6), right=holding),
        drinking,
        replace(drinking, after_s=cue.between(0.6, 1.5), head_deg=(-1.3 * tip, 0.0, 0.0)),
        Key(cue.between(0.45, 0.65), right=holding),
        Key(cue.between(0.4, 0.55)),
    ]


def _phone_call(cue: Cue) -> list[Key]:
    at_ear = Reach('head', (0.12, cue.between(0.01, 0.07), 0.03), elbow=(0.75, -1.0, 0.1))
    lean, pace = cue.between(4.0, 14.0), cue.between(0.4, 1.0)
    talking = Key(cue.between(0.7, 1.0), right=at_ear, head_deg=(4.0, lean, 0.0))
    return [
        talking,
        replace(talking, after_s=pace, head_deg=(0.0, lean, 10.0)),
        replace(talking, after_s=pace, head_deg=(8.0, lean, -6.0), spine_deg=(2.0, 0.0, 3.0)),
        Key(cue.between(0.6, 0.9)),
    ]


def _salute(cue: Cue) -> list[Key]:
    at_brow = Reach(
        'head', (0.12, cue.between(0.09, 0.14), 0.1), elbow=(1.0, -0.4, 0.1), wrist_deg=8.0
    )
    up = Key(cue.between(0.4, 0.55), right=at_brow, spine_deg=(-3.0, 0.0, 0.0))
    return [up, replace(up, after_s=cue.between(0.5, 1.1)), Key(cue.between(0.4, 0.55))]


def _cross_arms(cue: Cue) -> list[Key]:
    height = cue.between(-0.06, 0.04)
    folded = Key(
        cue.between(0.6, 0.9),
        left=Reach('chest', (-0.17, height, 0.19), elbow=(0.8, -1.0, 0.1)),
        right=Reach('chest', (-0.14, height + 0.03, 0.24), elbow=(0.8, -1.0, 0.1)),
    )
    return [folded, replace(folded, after_s=cue.between(0.8, 1.7)), Key(cue.between(0.55, 0.8))]


def _arm_circles(cue: Cue) -> list[Key]:
    beat = cue.between(0.2, 0.28)
    around = [
        Arm((cue.between(0.0, 0.3), 0.0, 1.0)),
        Arm((cue.between(0.2, 0.5), 1.0, 0.15)),
        Arm((1.0, 0.05, -0.25)),
        Arm((0.35, -1.0, -0.15)),
    ]
    keys = [Key(1.3 * beat, left=around[0], right=around[0])]
    for _ in range(cue.times(1, 2)):
        keys += [Key(beat, left=arm, right=arm) for arm in (*around[1:], around[0])]
    keys += [Key(beat, left=arm, right=arm) for arm in around[1:]]
    return [*keys, Key(1.5 * beat)]


def _push(cue: Cue) -> list[Key]:
    height = cue.between(0.08, 0.24)
    near = Reach('chest', (0.17, height - 0.04, 0.2), elbow=(0.7, -1.0, -0.6))
    far = Reach('chest', (0.14, height, 0.8))
    lean = cue.between(6.0, 16.0)
    pushed = Key(
        cue.between(0.35, 0.55),
        left=far,
        right=far,
        spine_deg=(lean, 0.0, 0.0),
        pelvis=(0.0, -0.02, 0.05),
    )
    return [
        Key(cue.between(0.45, 0.6), left=near, right=near),
        pushed,
        replace(pushed, after_s=cue.between(0.15, 0.4)),
        Key(cue.between(0.5, 0.75)),
    ]


def _pull(cue: Cue) -> list[Key]:
    height, lean = cue.between(-0.06, 0.1), cue.between(6.0, 14.0)
    far = Reach('chest', (0.12, height, 0.75))
    near = Reach('chest', (0.2, height - 0.12, 0.14), elbow=(0.5, -0.5, -1.0))
    drawn = Key(
        cue.between(0.5, 0.8),
        left=near,
        right=near,
        spine_deg=(-lean, 0.0, 0.0),
        pelvis=(0.0, -0.03, -0.07),
    )
    return [
        Key(cue.between(0.5, 0.65), left=far, right=far, spine_deg=(lean, 0.0, 0.0)),
        Key(cue.between(0.15, 0.3), left=far, right=far, spine_deg=(lean, 0.0, 0.0)),
        drawn,
        replace(drawn, after_s=cue.between(0.1, 0.3)),
        Key(cue.between(0.45, 0.65)),
    ]


def _check_watch(cue: Cue) -> list[Key]:
    wrist = Reach(
        'chest', (0.02, cue.between(-0.02, 0.1), cue.between(0.24, 0.3)), (1.0, -0.5, 0.2)
    )
    looking = Key(
        cue.between(0.45, 0.65),
        left=wrist,
        head_deg=(cue.between(18.0, 32.0), 0.0, 8.0),
        spine_deg=(4.0, 0.0, 0.0),
    )
    return [looking, replace(looking, after_s=cue.between(0.6, 1.2)), Key(cue.between(0.45, 0.65))]


def _knock(cue: Cue) -> list[Key]:
    height, beat = cue.between(-0.05, 0.25), cue.between(0.11, 0.16)
    near = Arm((0.2, -0.3, 0.9), (-0.05, 1.0 + height, 0.3), wrist_deg=5.0)
    far = Arm((0.15, -0.15, 1.0), (-0.05, 0.55 + height, 0.8), wrist_deg=5.0)
    keys = [Key(cue.between(0.5, 0.65), right=near)]
    for _ in range(cue.times(2, 4)):
        keys += [Key(beat, right=far), Key(beat, right=near)]
    return [*keys, Key(cue.between(0.5, 0.7))]


def _swipe_left(cue: Cue) -> list[Key]:
    height, beat = cue.between(-0.1, 0.15), cue.between(0.28, 0.45)
    return [
        Key(cue.between(0.45, 0.6), right=Arm((1.0, height, 0.45), (0.8, height + 0.3, 0.8))),
        Key(0.5 * beat, right=Arm((0.35, height, 1.0), (0.1, height + 0.15, 1.0))),
        Key(
            0.5 * beat,
            right=Arm((-0.4, height, 0.9), (-0.9, height + 0.05, 0.5)),
            spine_deg=(0.0, 0.0, 8.0),
        ),
        Key(cue.between(0.55, 0.75)),
    ]


def _swipe_right(cue: Cue) -> list[Key]:
    height, beat = cue.between(-0.1, 0.15), cue.between(0.28, 0.45)
    return [
        Key(
            cue.between(0.45, 0.6),
            right=Arm((-0.4, height, 0.9), (-1.0, height + 0.1, 0.35)),
            spine_deg=(0.0, 0.0, 6.0),
        ),
        Key(0.5 * beat, right=Arm((0.3, height, 1.0), (0.1, height + 0.15, 1.0))),
        Key(
            0.5 * beat,
            right=Arm((1.0, height, 0.35), (1.0, height + 0.1, 0.4)),
            spine_deg=(0.0, 0.0, -6.0),
        ),
        Key(cue.between(0.55, 0.75)),
    ]


def _draw_circle(cue: Cue) -> list[Key]:
    radius, beat = cue.between(0.2, 0.32), cue.between(0.13, 0.19)
    height = cue.between(0.08, 0.2)
    steps = 8 * cue.times(1, 2)
    keys = []
    for step in range(steps + 1):
        angle = 2.0 * np.pi * step / 8
        at = (
            -0.1 + radius * float(np.sin(angle)),
            height + radius * float(np.cos(angle)),
            0.52,
        )
        keys.append(Key(beat if step else cue.between(0.5, 0.65), right=Reach('chest', at)))
    return [*keys, Key(cue.between(0.5, 0.7))]


def _arm_curl(cue: Cue) -> list[Key]:
    beat = cue.between(0.38, 0.52)
    down = Arm((0.12, -1.0, 0.1), (0.1, -1.0, cue.between(0.2, 0.7)))
    up = Arm((0.15, -1.0, 0.15), (0.05, 0.95, 0.4), wrist_deg=15.0)
    keys = [Key(0.8 * beat, left=up, right=up)]
    for _ in range(cue.times(1, 3)):
        keys += [Key(beat, left=down, right=down), Key(beat, left=up, right=up)]
    return [*keys, Key(1.1 * beat)]


def _catch(cue: Cue) -> list[Key]:
    height = cue.between(0.05, 0.3)
    ready = Reach('chest', (0.16, height, 0.5))
    closed = Reach('chest', (0.05, height, 0.46))
    held = Reach('chest', (0.06, -0.06, 0.2), elbow=(0.8, -1.0, -0.3))
    return [
        Key(cue.between(0.35, 0.5), left=ready, right=ready, spine_deg=(4.0, 0.0, 0.0)),
        Key(cue.between(0.12, 0.2), left=closed, right=closed),
        Key(cue.between(0.22, 0.32), left=held, right=held, pelvis=(0.0, -0.05, -0.02)),
        Key(cue.between(0.2, 0.5), left=held, right=held),
        Key(cue.between(0.45, 0.6)),
    ]


def _hands_on_hips(cue: Cue) -> list[Key]:
    at_hip = Reach('pelvis', (0.19, cue.between(0.03, 0.1), 0.05), elbow=(1.0, 0.0, -0.5))
    there = Key(cue.between(0.5, 0.7), left=at_hip, right=at_hip)
    return [there, replace(there, after_s=cue.between(0.7, 1.5)), Key(cue.between(0.45, 0.65))]


def _scratch_head(cue: Cue) -> list[Key]:
    beat = cue.between(0.14, 0.2)
    front = Reach('head', (0.03, 0.24, cue.between(0.02, 0.07)), elbow=(1.0, 0.3, 0.2))
    back = Reach('head', (0.05, 0.17, -0.1), elbow=(1.0, 0.4, 0.2))
    nod = (8.0, -4.0, 0.0)
    keys = [Key(cue.between(0.55, 0.75), right=front, head_deg=nod)]
    for _ in range(cue.times(2, 4)):
        keys += [
            Key(beat, right=back, head_deg=nod),
            Key(beat, right=front, head_deg=nod),
        ]
    return [*keys, Key(cue.between(0.55, 0.75))]


def _beckon(cue: Cue) -> list[Key]:
    beat = cue.between(0.22, 0.32)
    out = Arm((0.45, -0.7, 0.7), (0.3, -0.1, 1.0), wrist_deg=-10.0)
    back = Arm((0.35, -0.85, 0.45), (0.0, 1.0, -0.1), wrist_deg=35.0)
    keys = [Key(cue.between(0.45, 0.6), right=out)]
    for _ in range(cue.times(2, 3)):
        keys += [Key(beat, right=back), Key(beat, right=out)]
    return [*keys, Key(cue.between(0.45, 0.6))]


def _use_binoculars(cue: Cue) -> list[Key]:
    at_eye = Reach('head', (0.05, 0.09, 0.2), elbow=(cue.between(0.7, 1.3), -0.9, 0.3))
    sweep, pace = cue.between(8.0, 25.0), cue.between(0.5, 0.9)
    looking = Key(cue.between(0.6, 0.8), left=at_eye, right=at_eye)
    return [
        looking,
        replace(looking, after_s=pace, spine_deg=(0.0, 0.0, sweep)),
        replace(looking, after_s=1.5 * pace, spine_deg=(0.0, 0.0, -sweep)),
        replace(looking, after_s=pace),
        Key(cue.between(0.5, 0.7)),
    ]


def _steer(cue: Cue) -> list[Key]:
    turn, beat = cue.between(0.13, 0.2), cue.between(0.35, 0.5)

    def wheel(tilt: float) -> tuple[Reach, Reach]:
        return (
            Reach('chest', (0.2, -0.06 - tilt, 0.38)),
            Reach('chest', (0.2, -0.06 + tilt, 0.38)),
        )

    keys = []
    for step, tilt in enumerate((0.0, turn, -turn, turn, -turn, 0.0)[: 4 + 2 * cue.times(0, 1)]):
        left, right = wheel(tilt)
        keys.append(Key(beat if step else cue.between(0.5, 0.65), left=left, right=right))
    return [*keys, Key(cue.between(0.5, 0.65))]


def _hammer(cue: Cue) -> list[Key]:
    beat = cue.between(0.18, 0.26)
    up = Arm((0.4, 0.05, 0.8), (0.1, 1.0, -0.25))
    down = Arm((0.25, -0.6, 0.85), (0.0, -0.1, 1.0))
    keys = [Key(cue.between(0.45, 0.6), right=up)]
    for _ in range(cue.times(2, 4)):
        keys += [
            Key(beat, right=down, spine_deg=(8.0, 0.0, 4.0)),
            Key(1.2 * beat, right=up),
        ]
    return [*keys, Key(cue.between(0.5, 0.65))]


def _play_guitar(cue: Cue) -> list[Key]:
    beat = cue.between(0.16, 0.24)
    neck = Reach('chest', (0.36, cue.between(-0.04, 0.08), 0.28), elbow=(0.8, -1.0, 0.1))
    up = Reach('pelvis', (0.02, 0.2, 0.22), elbow=(1.0, -0.2, -0.5))
    down = Reach('pelvis', (-0.03, 0.02, 0.22), elbow=(1.0, -0.2, -0.5))
    nod = (14.0, 0.0, 10.0)
    keys = [Key(cue.between(0.55, 0.75), left=neck, right=up, head_deg=nod)]
    for _ in range(cue.times(3, 5)):
        keys += [
            Key(beat, left=neck, right=down, head_deg=nod),
            Key(beat, left=neck, right=up, head_deg=nod),
        ]
    return [*keys, Key(cue.between(0.5, 0.7))]


def _shrug(cue: Cue) -> list[Key]:
    out = Arm((0.35, -1.0, 0.1), (0.9, 0.15, 0.8), wrist_deg=-20.0, shrug_deg=22.0)
    up = Key(cue.between(0.35, 0.5), left=out, right=out, head_deg=(0.0, 8.0, 0.0))
    return [up, replace(up, after_s=cue.between(0.3, 0.7)), Key(cue.between(0.4, 0.55))]


ARM_ACTIONS = (
    Action('wave_right', _wave, 2.7, side='right'),
    Action('wave_left', _wave, 2.7, side='left'),
    Action('clap', _clap, 2.4),
    Action('raise_both_arms', _raise_both_arms, 2.4),
    Action('point_right', _point, 2.2, side='right'),
    Action('point_left', _point, 2.2, side='left'),
    Action('drink', _drink, 3.2, side='dominant'),
    Action('phone_call', _phone_call, 3.2, side='dominant'),
    Action('salute', _salute, 1.8, side='right'),
    Action('cross_arms', _cross_arms, 2.7),
    Action('arm_circles', _arm_circles, 3.0),
    Action('push', _push, 1.9),
    Action('pull', _pull, 2.3),
    Action('check_watch', _check_watch, 2.0, side='dominant'),
    Action('knock', _knock, 2.1, side='dominant'),
    Action('swipe_left', _swipe_left, 1.6, side='right'),
    Action('swipe_right', _swipe_right, 1.6, side='right'),
    Action('draw_circle', _draw_circle, 3.0, side='dominant'),
    Action('arm_curl', _arm_curl, 2.7),
    Action('catch', _catch, 1.8),
    Action('hands_on_hips', _hands_on_hips, 2.3),
    Action('scratch_head', _scratch_head, 2.4, side='dominant'),
    Action('beckon', _beckon, 2.4, side='dominant'),
    Action('use_binoculars', _use_binoculars, 3.8),
    Action('steer', _steer, 3.0),
    Action('hammer', _hammer, 2.4, side='dominant'),
    Action('play_guitar', _play_guitar, 3.0, side='dominant'),
    Action('shrug', _shrug, 1.4),
)
