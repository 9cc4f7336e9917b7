"""How much a person moves, and which stretches of a clip are motions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.body import trunk_length_m
from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.layouts import to_common_15
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

_GRID_HZ = 30.0
_HALF_STEP = 3
_FASTEST = 2


@dataclass(frozen=True)
class MotionConfig:
    """When somebody counts as moving. A trunk, hip centre to shoulder centre, is about 0.5 m."""

    start_energy: float = setting(
        0.7, 'a motion starts above this energy', unit='trunk lengths/s', low=0.0, high=20.0
    )
    stop_energy: float = setting(
        0.5, 'a motion has paused below this energy', unit='trunk lengths/s', low=0.0, high=20.0
    )
    quiet_s: float = setting(
        0.6, 'a pause of this length ends a motion', unit='s', low=0.05, high=5.0
    )
    shortest_s: float = setting(
        0.3, 'motions shorter than this are twitches', unit='s', low=0.0, high=5.0
    )


@dataclass(frozen=True)
class Motion:
    """
    A stretch of movement, trimmed to where the energy is above `stop_energy`.

    :param finished: a pause of `quiet_s` has followed.
    """

    start_ns: int
    end_ns: int
    finished: bool

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / NS_PER_S


def motion_energy(clip: Clip) -> NDArray[np.float32]:
    """
    Return how fast the fastest limbs move at each frame: (T,) float32, trunk lengths per second.

    The two fastest seen joints count (root mean square), at positions averaged over 0.2 s, so that
    neither the sampling rate nor sensor noise of a centimetre passes for movement. At the ends,
    where the average has half its frames, it is that of the nearest full one.
    """
    times, energy = _energy_on_grid(clip)
    at = (clip.stamps_ns - clip.stamps_ns[0]) / NS_PER_S
    return np.interp(at, times, energy).astype(np.float32)


def find_motions(clip: Clip, config: MotionConfig) -> list[Motion]:
    """
    Split a clip into motions, in order of time.

    A motion starts where the energy rises above `start_energy`, goes back to where it left
    `stop_energy`, and ends where it falls below `stop_energy` for `quiet_s`.
    """
    times, energy = _energy_on_grid(clip)
    moving = np.flatnonzero(energy >= config.stop_energy)
    if len(moving) == 0:
        return []
    breaks = np.flatnonzero(np.diff(times[moving]) > config.quiet_s)
    firsts = moving[np.concatenate(([0], breaks + 1))]
    lasts = moving[np.concatenate((breaks, [len(moving) - 1]))]
    origin = int(clip.stamps_ns[0])
    found = []
    for first, last in zip(firsts, lasts, strict=True):
        long_enough = times[last] - times[first] >= config.shortest_s
        if long_enough and energy[first : last + 1].max() >= config.start_energy:
            found.append(
                Motion(
                    start_ns=origin + round(float(times[first]) * NS_PER_S),
                    end_ns=origin + round(float(times[last]) * NS_PER_S),
                    finished=bool(times[-1] - times[last] >= config.quiet_s),
                )
            )
    return found


def trim_to_motion(clip: Clip, config: MotionConfig) -> Clip:
    """Cut the stillness before the first and after the last motion; a still clip stays as it is."""
    motions = find_motions(clip, config)
    return clip.between(motions[0].start_ns, motions[-1].end_ns) if motions else clip


def _energy_on_grid(clip: Clip) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return times from the first frame, seconds, evenly spaced, and the energy at each."""
    joints, confidence = to_common_15(clip.joints_m, clip.confidence, clip.layout)
    steps = max(int(clip.duration_s * _GRID_HZ), 1)
    times = np.linspace(0.0, clip.duration_s, steps + 1)
    if steps <= 2 * _HALF_STEP:
        return times, np.zeros(steps + 1, np.float32)
    seen = confidence > 0.0
    smooth, weight = _smoothed(joints, seen, clip, times)
    step_s = _HALF_STEP * 2 * float(times[1])
    moved = smooth[2 * _HALF_STEP :] - smooth[: -2 * _HALF_STEP]
    speed = np.sqrt((moved * moved).sum(axis=2)) / step_s
    speed[(weight[2 * _HALF_STEP :] == 0.0) | (weight[: -2 * _HALF_STEP] == 0.0)] = 0.0
    fastest = np.sqrt((np.sort(speed, axis=1)[:, -_FASTEST:] ** 2).mean(axis=1))
    energy = fastest[np.clip(np.arange(steps + 1) - _HALF_STEP, 0, len(fastest) - 1)]
    return times, np.asarray(energy / trunk_length_m(joints, seen), np.float32)


def _smoothed(
    joints: NDArray[np.float32],
    seen: NDArray[np.bool_],
    clip: Clip,
    times: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Average each joint over 0.2 s around each time, seen frames only.

    :return: positions (N, 15, 3) and the number of seen frames behind each (N, 15).
    """
    frame_times = (clip.stamps_ns - clip.stamps_ns[0]) / NS_PER_S
    after = np.clip(np.searchsorted(frame_times, times), 1, len(frame_times) - 1)
    share = (times - frame_times[after - 1]) / np.diff(frame_times)[after - 1]
    share = share.astype(np.float32)[:, None]
    before = joints[after - 1]
    position = before + (joints[after] - before) * share[..., None]
    both = seen[after - 1] & seen[after]
    if bool(both.all()):
        count = _box_sum(np.ones((len(times), 1), np.float32))
        return _box_sum(position) / count[..., None], np.broadcast_to(count, both.shape)
    count = _box_sum(both.astype(np.float32))
    total = _box_sum(position * both[..., None])
    return total / np.maximum(count, 1.0)[..., None], count


def _box_sum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum over `_HALF_STEP` steps to either side; fewer at the ends."""
    running = np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))
    index = np.arange(len(values))
    upper = np.minimum(index + _HALF_STEP + 1, len(values))
    return np.asarray(running[upper] - running[np.maximum(index - _HALF_STEP, 0)])
