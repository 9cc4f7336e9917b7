"""
NTU RGB+D and NTU RGB+D 120: raw `.skeleton` text, Kinect v2 at 30 fps; one clip a body.

The text: the number of frames; per frame the number of bodies; per body a line of 10 values
(tracking id first), the joint count 25, and 25 lines of 12 values: x y z, depth x y, colour x y,
orientation w x y z, tracking state. Metres, axes of the Kinect SDK (y up), Kinect v2 joint order.

The name `S001C002P003R002A013` gives setup, camera (`view`), performer (`subject`), replication
and action; `trial` is setup and replication, 'S001R002'. Files without any body (535 of them in
the whole set) yield nothing. Trackers also report furniture: choosing the main person is the
reader's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    even_stamps,
    label_of,
    make_clip,
    numbered,
    numbers_in,
    read_text,
)
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import KinectV2

LABELS = dict(
    enumerate(
        (
            'drink_water',
            'eat_meal_or_snack',
            'brush_teeth',
            'brush_hair',
            'drop',
            'pick_up',
            'throw',
            'sit_down',
            'stand_up',
            'clap',
            'read',
            'write',
            'tear_up_paper',
            'put_on_jacket',
            'take_off_jacket',
            'put_on_shoe',
            'take_off_shoe',
            'put_on_glasses',
            'take_off_glasses',
            'put_on_hat',
            'take_off_hat',
            'cheer_up',
            'hand_wave',
            'kick_something',
            'reach_into_pocket',
            'hop_on_one_foot',
            'jump_up',
            'phone_call',
            'play_with_phone_or_tablet',
            'type_on_keyboard',
            'point_to_something',
            'take_selfie',
            'check_time_from_watch',
            'rub_hands_together',
            'nod_head_or_bow',
            'shake_head',
            'wipe_face',
            'salute',
            'put_palms_together',
            'cross_hands_in_front',
            'sneeze_or_cough',
            'stagger',
            'fall',
            'touch_head',
            'touch_chest',
            'touch_back',
            'touch_neck',
            'nausea_or_vomiting',
            'use_fan_or_feel_warm',
            'punch_or_slap_other_person',
            'kick_other_person',
            'push_other_person',
            'pat_on_back_of_other_person',
            'point_finger_at_other_person',
            'hug_other_person',
            'give_something_to_other_person',
            'touch_pocket_of_other_person',
            'shake_hands',
            'walk_towards_each_other',
            'walk_apart_from_each_other',
            'put_on_headphone',
            'take_off_headphone',
            'shoot_at_basket',
            'bounce_ball',
            'tennis_bat_swing',
            'juggle_table_tennis_balls',
            'hush',
            'flick_hair',
            'thumb_up',
            'thumb_down',
            'make_ok_sign',
            'make_victory_sign',
            'staple_book',
            'count_money',
            'cut_nails',
            'cut_paper',
            'snap_fingers',
            'open_bottle',
            'sniff',
            'squat_down',
            'toss_coin',
            'fold_paper',
            'ball_up_paper',
            'play_magic_cube',
            'apply_cream_on_face',
            'apply_cream_on_hand_back',
            'put_on_bag',
            'take_off_bag',
            'put_something_into_bag',
            'take_something_out_of_bag',
            'open_box',
            'move_heavy_objects',
            'shake_fist',
            'throw_up_cap',
            'hands_up',
            'cross_arms',
            'arm_circles',
            'arm_swings',
            'run_on_the_spot',
            'butt_kicks',
            'cross_toe_touch',
            'side_kick',
            'yawn',
            'stretch_oneself',
            'blow_nose',
            'hit_other_person_with_something',
            'wield_knife_towards_other_person',
            'knock_over_other_person',
            'grab_stuff_of_other_person',
            'shoot_at_other_person_with_gun',
            'step_on_foot',
            'high_five',
            'cheers_and_drink',
            'carry_something_with_other_person',
            'take_photo_of_other_person',
            'follow_other_person',
            'whisper_in_ear_of_other_person',
            'exchange_things_with_other_person',
            'support_somebody_with_hand',
            'rock_paper_scissors',
        ),
        start=1,
    )
)
RATE_HZ = 30.0
LAYOUT = 'kinect_v2_25'
_NAME = re.compile(
    r'S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<performer>\d{3})R(?P<replication>\d{3})'
    r'A(?P<action>\d{3})\.skeleton'
)
_CONFIDENCE = {0.0: 0.0, 1.0: 0.5, 2.0: 1.0}
"""Of a joint not tracked, inferred and tracked."""
_JOINTS = len(KinectV2)
_BODY_VALUES = 10
_JOINT_VALUES = 12


def read_file(path: Path) -> Iterator[DatasetClip]:
    """
    Yield one clip a body, in the order in which they come into view.

    :raises DatasetError: the name or content does not follow the format; quotes file and line.
    """
    name = numbered(_NAME, path)
    label = label_of(LABELS, name['action'], path)
    for body, (stamps_ns, joints) in enumerate(_bodies(path).values()):
        clip = make_clip(
            joints[..., :3],
            stamps_ns,
            LAYOUT,
            path,
            label=label,
            subject=f's{name["performer"]}',
            confidence=joints[..., 3],
        )
        if clip is not None:
            yield DatasetClip(
                clip,
                name['action'],
                name['performer'],
                f'S{name["setup"]:03}R{name["replication"]:03}',
                path,
                view=name['camera'],
                body=body,
            )


class _Lines:
    """The lines of a file, one after the other, with their numbers for messages."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = read_text(path).splitlines()
        self._next = 0

    @property
    def where(self) -> str:
        """File and the line taken last."""
        return f'{self._path}, line {self._next}'

    def take(self, expected: str) -> str:
        self._next += 1
        if self._next > len(self._lines):
            raise DatasetError(f'{self.where}: expected {expected}, got the end of the file')
        return self._lines[self._next - 1]

    def count(self, expected: str) -> int:
        text = self.take(expected).strip()
        if not re.fullmatch(r'\d{1,6}', text, re.ASCII):
            raise DatasetError(f'{self.where}: expected {expected}, got {text[:60]!r}')
        return int(text)

    def end(self) -> None:
        rest = [line for line in self._lines[self._next :] if line.strip()]
        if rest:
            raise DatasetError(
                f'{self._path}, line {self._next + 1}: expected the end of the file, got '
                f'{rest[0][:60]!r}'
            )


def _bodies(path: Path) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return for each tracking id its stamps (T,) and x, y, z, confidence (T, 25, 4)."""
    lines = _Lines(path)
    frames = lines.count('the number of frames')
    seen: dict[str, dict[int, list[list[float]]]] = {}
    for frame in range(frames):
        for _ in range(lines.count('the number of bodies')):
            values = lines.take('a body').split()
            if len(values) != _BODY_VALUES:
                raise DatasetError(
                    f'{lines.where}: expected {_BODY_VALUES} values of a body, got {len(values)}'
                )
            joints = _joints(lines)
            if frame in seen.setdefault(values[0], {}):
                raise DatasetError(
                    f'{lines.where}: body {values[0][:30]!r} is twice in frame {frame}'
                )
            seen[values[0]][frame] = joints
    lines.end()
    stamps_ns = even_stamps(frames, RATE_HZ)
    return {
        body: (stamps_ns[list(by_frame)], np.array(list(by_frame.values())))
        for body, by_frame in seen.items()
    }


def _joints(lines: _Lines) -> list[list[float]]:
    count = lines.count('the number of joints')
    if count != _JOINTS:
        raise DatasetError(f'{lines.where}: expected {_JOINTS} joints, got {count}')
    joints = []
    for _ in range(_JOINTS):
        line = lines.take('a joint')
        values = numbers_in(line, _JOINT_VALUES, lines.where)
        if values[-1] not in _CONFIDENCE:
            raise DatasetError(
                f'{lines.where}: tracking state must be 0, 1 or 2, got {values[-1]:g}'
            )
        joints.append([*values[:3], _CONFIDENCE[values[-1]]])
    return joints


DATASET = Dataset(
    name='ntu',
    title='NTU RGB+D 120 Action Recognition Dataset',
    layout=LAYOUT,
    rate_hz=RATE_HZ,
    labels=LABELS,
    pattern=_NAME,
    example='S001C001P001R001A001.skeleton',
    read_file=read_file,
)
