"""Who is simulated: size, proportions, habits, and where they stand before the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.simulation.body import Body, make_body
from skeleton_action_ros.core.simulation.rotations import Floats


@dataclass(frozen=True)
class Person:
    """
    One simulated person and where the camera sees them.

    :param name: becomes the `subject` of clips.
    :param arm_share: arm length relative to the average of that height; the other shares likewise.
    :param speed: 1 takes an action's nominal time, 2 half of it.
    :param amplitude: 1 makes movements as wide as they are written.
    :param handedness: 'left' or 'right'; the side that does what an action leaves open.
    :param habit_seed: fixes the small ways in which this person does everything.
    :param x_m: place on the floor, to the right of the camera's axis.
    :param z_m: place on the floor, ahead of the camera.
    :param heading_deg: 0 faces the camera, positive is turned to the person's own left.
    :param camera_height_m: height of the camera above the floor.
    :param camera_tilt_deg: how far the camera looks down.
    """

    name: str = 'person'
    height_m: float = 1.72
    arm_share: float = 1.0
    leg_share: float = 1.0
    shoulder_share: float = 1.0
    hip_share: float = 1.0
    speed: float = 1.0
    amplitude: float = 1.0
    handedness: str = 'right'
    habit_seed: int = 0
    x_m: float = 0.0
    z_m: float = 2.6
    heading_deg: float = 0.0
    camera_height_m: float = 1.1
    camera_tilt_deg: float = 3.0

    def __post_init__(self) -> None:
        if self.handedness not in ('left', 'right'):
            raise ConfigError(f"handedness must be 'left' or 'right', got {self.handedness!r}")
        for field_name, low, high in (
            ('height_m', 0.8, 2.5),
            ('speed', 0.2, 4.0),
            ('amplitude', 0.3, 1.5),
            ('z_m', 0.5, 20.0),
        ):
            value = getattr(self, field_name)
            if not low <= value <= high:
                raise ConfigError(
                    f'{field_name} of a simulated person must be from {low} to {high}, '
                    f'got {value!r}'
                )

    @property
    def body(self) -> Body:
        """Limb lengths of this person."""
        return make_body(
            self.height_m, self.arm_share, self.leg_share, self.shoulder_share, self.hip_share
        )


def draw_person(rng: np.random.Generator, **overrides: Any) -> Person:
    """
    Draw a person: 1.5 to 2.0 m tall, 1.5 to 4 m away, turned by up to 60 degrees.

    The same draws are made whatever is overridden, so that an override changes nothing else.

    :param overrides: fields of `Person` that are given, not drawn.
    """
    z_m = float(rng.uniform(1.5, 4.0))
    z_m = float(overrides.get('z_m', z_m))
    height_m = float(np.clip(rng.normal(1.72, 0.11), 1.5, 2.0))
    camera_height_m = float(rng.uniform(0.7, 1.8))
    camera_height_m = float(overrides.get('camera_height_m', camera_height_m))
    aim_deg = float(np.degrees(np.arctan2(camera_height_m - 0.95, z_m)))
    drawn = Person(
        name=f'simulated-{int(rng.integers(1 << 20)):05x}',
        height_m=height_m,
        arm_share=float(rng.normal(1.0, 0.03)),
        leg_share=float(rng.normal(1.0, 0.025)),
        shoulder_share=float(rng.normal(1.0, 0.05)),
        hip_share=float(rng.normal(1.0, 0.06)),
        speed=float(np.clip(rng.lognormal(0.05, 0.17), 0.65, 1.6)),
        amplitude=float(rng.uniform(0.85, 1.08)),
        handedness='left' if rng.random() < 0.1 else 'right',
        habit_seed=int(rng.integers(1 << 31)),
        x_m=float(rng.uniform(-0.22, 0.22)) * z_m,
        z_m=z_m,
        heading_deg=float(np.clip(rng.normal(0.0, 25.0), -60.0, 60.0)),
        camera_height_m=camera_height_m,
        camera_tilt_deg=aim_deg + float(rng.uniform(-5.0, 5.0)),
    )
    return replace(drawn, **overrides)


def to_optical(person: Person, joints: Floats) -> Floats:
    """
    Take joints (T, J, 3) from the person's body frame to the camera's optical frame.

    The body frame is x left, y up, z forward; a person of heading 0 looks at the camera.
    """
    yaw = np.arctan2(-person.x_m, person.z_m) + np.radians(person.heading_deg)
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    level = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]) @ turn
    down = np.radians(person.camera_tilt_deg)
    tilt = np.array(
        [[1.0, 0.0, 0.0], [0.0, np.cos(down), -np.sin(down)], [0.0, np.sin(down), np.cos(down)]]
    )
    place = tilt @ np.array([person.x_m, person.camera_height_m, person.z_m])
    out: Floats = joints @ (tilt @ level).T + place
    return out
