"""What a body tracker makes of a body: noise, guesses for hidden joints, lost frames, jitter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.simulation.rotations import Floats
from skeleton_action_ros.core.skeleton import NS_PER_S

_BOUT_S = 0.5
_GUESS_S = 0.6
_FADE_S = 0.07
_SHAKING = 0.08
_JITTER_LIMIT = 0.4
_SEEN_FROM_SHARE = 0.4

_HAND = ('WRIST_{}', 'HAND_{}', 'HANDTIP_{}', 'THUMB_{}')
_LIMBS: tuple[tuple[str, ...], ...] = (
    _HAND,
    ('ELBOW_{}', *_HAND),
    ('ANKLE_{}', 'FOOT_{}'),
    ('KNEE_{}', 'ANKLE_{}', 'FOOT_{}'),
)


@dataclass(frozen=True)
class Sensor:
    """
    A depth camera with a body tracker.

    :param rate_hz: nominal frames per second.
    :param noise_m: standard deviation of a trunk joint's position at 2.5 m; hands and feet have up
        to 3.2 times as much, and it grows with distance.
    :param noise_correlation_s: how long an error lasts; trackers smooth, so that most of it wanders
        and a small part shakes.
    :param occluded_share: share of the time that a limb is lost at random.
    :param self_occlusion: whether the trunk, the head and the legs hide what is behind them.
    :param dropped_share: share of the frames that are lost.
    :param jitter_s: standard deviation of a stamp around its nominal time.
    :param view_deg: horizontal and vertical field of view.
    :param farthest_m: nothing is seen beyond.
    """

    rate_hz: float = 30.0
    noise_m: float = 0.005
    noise_correlation_s: float = 0.4
    occluded_share: float = 0.02
    self_occlusion: bool = True
    dropped_share: float = 0.01
    jitter_s: float = 0.002
    view_deg: tuple[float, float] = (75.0, 65.0)
    farthest_m: float = 6.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ('rate_hz', 1.0, 240.0),
            ('noise_m', 0.0, 1.0),
            ('noise_correlation_s', 0.0, 60.0),
            ('occluded_share', 0.0, 0.9),
            ('dropped_share', 0.0, 0.95),
            ('jitter_s', 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f'{name} of a simulated sensor must be from {low} to {high}, got {value!r}'
                )

    def sample(
        self, first: int, count: int, rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """
        Draw when the frames `first` to `first + count` are taken, and which of them arrive.

        :return: times (count,), seconds from frame 0's nominal time, rising strictly, and arrived
            (count,).
        """
        late = np.clip(
            rng.standard_normal(count) * self.jitter_s,
            -_JITTER_LIMIT / self.rate_hz,
            _JITTER_LIMIT / self.rate_hz,
        )
        times = (first + np.arange(count)) / self.rate_hz + late
        return times, rng.random(count) >= self.dropped_share


def to_stamps(times_s: Floats, start_ns: int) -> NDArray[np.int64]:
    """Turn seconds into nanosecond stamps counted from `start_ns`."""
    stamps: NDArray[np.int64] = start_ns + np.round(times_s * NS_PER_S).astype(np.int64)
    return stamps


class _Wander:
    """
    Smooth noise of unit variance: white noise through two equal low-pass filters.

    One filter alone would give errors that shake like white noise from frame to frame.
    """

    def __init__(
        self, shape: tuple[int, ...], lasts_s: float, period_s: float, rng: np.random.Generator
    ) -> None:
        keep = float(np.exp(-2.0 * period_s / lasts_s)) if lasts_s > 0.0 else 0.0
        self._keep = keep
        self._rng = rng
        self._scale = np.sqrt((1.0 - keep**2) ** 3 / (1.0 + keep**2))
        self._first = rng.standard_normal(shape) / np.sqrt(1.0 - keep**2)
        self._second = rng.standard_normal(shape) / self._scale

    def walk(self, count: int) -> Floats:
        """Return the next `count` values (count, ...)."""
        out = self._rng.standard_normal((count, *self._first.shape))
        for at in range(count):
            self._first = self._keep * self._first + out[at]
            self._second = out[at] = self._keep * self._second + self._first
        return out * float(self._scale)


class Tracker:
    """Follows one person with one sensor; errors and losses last from call to call."""

    def __init__(self, sensor: Sensor, rng: np.random.Generator) -> None:
        self._sensor = sensor
        self._rng = rng
        period_s = 1.0 / sensor.rate_hz
        self._error = _Wander((len(K4abt32), 3), sensor.noise_correlation_s, period_s, rng)
        self._guess = _Wander((len(K4abt32), 3), _GUESS_S, period_s, rng)
        self._hidden = np.zeros(len(K4abt32))
        self._lost = rng.random(len(_LIMB_JOINTS)) < self._loss_share

    @property
    def _loss_share(self) -> float:
        """Two of the groups in a limb overlap: each is lost half as often."""
        return 0.5 * self._sensor.occluded_share

    def observe(self, joints_m: Floats) -> tuple[Floats, Floats]:
        """
        Look at the body at consecutive frames of the sensor.

        :param joints_m: true joints (T, 32, 3), optical frame.
        :return: joints (T, 32, 3) and confidence (T, 32): 1 seen, 0.05 to 0.35 guessed, 0 out of
            view (the joint is then 0). A body mostly out of view has confidence 0 throughout.
        """
        sensor, rng, count = self._sensor, self._rng, len(joints_m)
        noise = self._error.walk(count) + _SHAKING * rng.standard_normal(joints_m.shape)
        guess = self._guess.walk(count)
        chance = rng.random((count, len(_LIMB_JOINTS)))
        covered = (
            _self_occluded(joints_m)
            if sensor.self_occlusion
            else np.zeros(joints_m.shape[:2], np.bool_)
        )
        step = 1.0 / sensor.rate_hz
        fade = float(np.exp(-step / _FADE_S))
        found = min(step / _BOUT_S, 1.0)
        lose = found * self._loss_share / (1.0 - self._loss_share)
        guessed = np.empty(joints_m.shape[:2])
        lost = np.empty(joints_m.shape[:2], np.bool_)
        for at in range(count):
            self._lost = np.where(self._lost, chance[at] >= found, chance[at] < lose)
            lost[at] = covered[at] | (self._lost @ _LIMB_JOINTS > 0)
            self._hidden = guessed[at] = fade * self._hidden + (1.0 - fade) * lost[at]
        spread = sensor.noise_m * _NOISE_FACTOR[:, None] * _depth_factor(joints_m)
        out = joints_m + spread * noise
        out += (guessed * _GUESS_SPREAD_M)[:, :, None] * guess
        confidence = np.where(lost, 0.05 + 0.3 / (1.0 + np.exp(guess[:, :, 0])), 1.0)
        visible = self._in_view(joints_m)
        visible &= visible.mean(axis=1, keepdims=True) >= _SEEN_FROM_SHARE
        out[~visible] = 0.0
        confidence[~visible] = 0.0
        return out, confidence

    def _in_view(self, joints_m: Floats) -> NDArray[np.bool_]:
        x, y, z = np.moveaxis(joints_m, -1, 0)
        across, up = np.tan(0.5 * np.radians(self._sensor.view_deg))
        ahead = (z > 0.25) & (z < self._sensor.farthest_m)
        seen: NDArray[np.bool_] = ahead & (np.abs(x) < across * z) & (np.abs(y) < up * z)
        return seen


def _depth_factor(joints_m: Floats) -> Floats:
    """Noise grows with distance, and is larger along the view as across."""
    distance = np.maximum(joints_m[:, :, 2:], 0.5) / 2.5
    factor: Floats = np.sqrt(distance) * np.array([0.8, 0.8, 1.3])
    return factor


def _limb_joints() -> NDArray[np.int64]:
    out = np.zeros((2 * len(_LIMBS), len(K4abt32)), np.int64)
    for row, limb in enumerate(limb for limb in _LIMBS for _ in range(2)):
        side = ('LEFT', 'RIGHT')[row % 2]
        out[row, [K4abt32[joint.format(side)] for joint in limb]] = 1
    return out


def _factors(trunk: float, by_part: dict[str, float]) -> Floats:
    factors = [by_part.get(joint.name.split('_')[0], trunk) for joint in K4abt32]
    return np.array(factors)


_LIMB_JOINTS = _limb_joints()
_NOISE_FACTOR = _factors(
    1.0,
    {'ELBOW': 1.4, 'WRIST': 2.0, 'HAND': 2.6, 'HANDTIP': 3.2, 'THUMB': 3.2, 'KNEE': 1.4}
    | {'ANKLE': 1.7, 'FOOT': 2.4},
)
_GUESS_SPREAD_M = _factors(
    0.02,
    {'ELBOW': 0.06, 'WRIST': 0.09, 'HAND': 0.1, 'HANDTIP': 0.11, 'THUMB': 0.11, 'KNEE': 0.06}
    | {'ANKLE': 0.09, 'FOOT': 0.1, 'SHOULDER': 0.03, 'HIP': 0.03},
)
_BALLS: tuple[tuple[K4abt32, K4abt32, float], ...] = (
    (K4abt32.PELVIS, K4abt32.PELVIS, 0.13),
    (K4abt32.SPINE_NAVEL, K4abt32.PELVIS, 0.12),
    (K4abt32.SPINE_NAVEL, K4abt32.SPINE_CHEST, 0.12),
    (K4abt32.SPINE_CHEST, K4abt32.NECK, 0.13),
    (K4abt32.HEAD, K4abt32.EAR_LEFT, 0.08),
    (K4abt32.HIP_LEFT, K4abt32.KNEE_LEFT, 0.07),
    (K4abt32.HIP_RIGHT, K4abt32.KNEE_RIGHT, 0.07),
    (K4abt32.KNEE_LEFT, K4abt32.KNEE_LEFT, 0.055),
    (K4abt32.KNEE_RIGHT, K4abt32.KNEE_RIGHT, 0.055),
    (K4abt32.KNEE_LEFT, K4abt32.ANKLE_LEFT, 0.05),
    (K4abt32.KNEE_RIGHT, K4abt32.ANKLE_RIGHT, 0.05),
)
_LIMB_OUTLINE = [
    int(joint)
    for joint in K4abt32
    if joint.name.split('_')[0]
    in ('ELBOW', 'WRIST', 'HAND', 'HANDTIP', 'THUMB', 'SHOULDER', 'KNEE', 'ANKLE', 'FOOT')
]


def _self_occluded(joints_m: Floats) -> NDArray[np.bool_]:
    """Find the limb joints (T, 32) whose line of sight passes through a ball well before them."""
    first, second, radius = zip(*_BALLS, strict=True)
    centres = 0.5 * (joints_m[:, list(first)] + joints_m[:, list(second)])
    points = joints_m[:, _LIMB_OUTLINE]
    distance = np.linalg.norm(points, axis=2)
    rays = points / np.maximum(distance, 1e-6)[:, :, None]
    along = np.einsum('tjc,tbc->tjb', rays, centres)
    aside = np.einsum('tbc,tbc->tb', centres, centres)[:, None, :] - along**2
    reach = np.array(radius)
    hit = (aside < reach**2) & (along > 0.0) & (along < distance[:, :, None] - reach - 0.05)
    out = np.zeros(joints_m.shape[:2], np.bool_)
    out[:, _LIMB_OUTLINE] = hit.any(axis=2)
    return out
