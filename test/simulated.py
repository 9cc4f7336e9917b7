"""Simulated persons for tests: seen by a perfect sensor, or drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from skeleton_action_ros.core.simulation import Person, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip

PERFECT = Sensor(
    noise_m=0.0,
    occluded_share=0.0,
    self_occlusion=False,
    dropped_share=0.0,
    jitter_s=0.0,
    view_deg=(170.0, 170.0),
    farthest_m=50.0,
)


def clean_clip(name: str, seed: int = 0, person: Person | None = None, **arguments: Any) -> Clip:
    """Record a drawn person, right-handed and seen from a level camera, without any error."""
    rng = np.random.default_rng(seed)
    person = person or draw_person(rng, handedness='right', camera_tilt_deg=0.0)
    return simulate_action(name, person, PERFECT, rng, **arguments)
