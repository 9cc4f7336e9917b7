"""Ways to see one motion worse than it was taught, which should not change what it is taken for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skeleton_action_ros.core.skeleton import NS_PER_S, Clip


def at_rate(clip: Clip, rate_hz: float) -> Clip:
    """Keep the first frame, and each that is due since the last one kept."""
    step_ns = round(NS_PER_S / rate_hz)
    kept = [0]
    for place, stamp_ns in enumerate(clip.stamps_ns):
        # A frame that comes a quarter of a step early counts: stamps jitter.
        if stamp_ns - clip.stamps_ns[kept[-1]] >= 0.75 * step_ns:
            kept.append(place)
    return replace(
        clip,
        joints_m=clip.joints_m[kept],
        confidence=clip.confidence[kept],
        stamps_ns=clip.stamps_ns[kept],
        annotations=(),
    )


def without_joints(clip: Clip, share: float, rng: np.random.Generator) -> Clip:
    """Lose each joint of each frame with probability `share`."""
    lost = rng.random(clip.confidence.shape) < share
    return replace(
        clip,
        joints_m=np.where(lost[..., None], np.float32(0.0), clip.joints_m),
        confidence=np.where(lost, np.float32(0.0), clip.confidence),
    )


def turned(clip: Clip, degrees: float) -> Clip:
    """Turn the person about the vertical through where they stand on average."""
    seen = clip.confidence > 0.0
    middle = clip.joints_m[seen].mean(axis=0)
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]], np.float32)
    moved = (clip.joints_m - middle) @ turn.T + middle
    return replace(clip, joints_m=np.where(seen[..., None], moved, clip.joints_m))


ALTERATIONS: dict[str, Callable[[Clip, np.random.Generator], Clip]] = {
    '10 Hz': lambda clip, rng: at_rate(clip, 10.0),
    '30 % of joints missing': lambda clip, rng: without_joints(clip, 0.3, rng),
    'turned by 60 degrees': lambda clip, rng: turned(clip, 60.0 * rng.choice((-1.0, 1.0))),
}
