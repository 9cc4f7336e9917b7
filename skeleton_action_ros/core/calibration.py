"""
From what similarity an action counts: measured, not guessed, after a single demonstration.

One demonstration is one positive and no negative. What else there is: the same demonstration
altered, halves of it put together otherwise, the other actions taught, and the background, pieces
of everyday movement that a model bundle brings along. An action that is like these needs a higher
similarity than others do before it is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.config import setting
from skeleton_action_ros.core.embedding import Descriptors

Floats = NDArray[np.float32]

ALTERED_REACH = 0.1
"""Nine in ten altered copies of a demonstration should be accepted."""
BACKGROUND_REACHES = 0.9
"""What one in ten pieces of background reaches says how like everyday movement an action is."""
MOST_OTHERS = 8
"""An action is compared with so many templates of others; with more, nothing much changes."""

STRANGERS = 3
"""
To each performance of a taught action a robot sees so many motions that are none, when its
confidence is to be right. This one number is from events in the recordings of UTKinect, replayed
with a model that has not learned from them; the slope of the curve, settled on single clips of
other data sets, was right there as it is.
"""

_ALTERED = 8
_CUT = 0.15
_BEND = 0.3
_TURN_RAD = 0.35
_GROWTH = 0.15
_NOISE = 0.02


@dataclass(frozen=True)
class CalibrationConfig:
    """
    How a threshold of its own follows for each action; travels in the card of the bundle.

    To the model's threshold comes, for each of three kinds of motion that are not the action, a
    weight times how much more similar they are to it than they usually are to an action. With all
    weights 0 every action has the model's threshold.
    """

    background: float = setting(0.0, 'weight of pieces of background', low=0.0, high=1.0)
    spliced: float = setting(
        0.0, 'weight of halves of demonstrations put together otherwise', low=0.0, high=1.0
    )
    others: float = setting(0.0, 'weight of the other actions taught', low=0.0, high=1.0)
    usual_background: float = setting(
        0.0, 'similarity that one in ten pieces of background usually reaches', low=-1.0, high=1.0
    )
    usual_spliced: float = setting(
        0.0, 'usual similarity of the most similar splice', low=-1.0, high=1.0
    )
    usual_others: float = setting(
        0.0, 'usual similarity of another action, on average', low=-1.0, high=1.0
    )
    most: float = setting(
        0.1, "no threshold is farther than this from the model's", low=0.0, high=1.0
    )

    @property
    def moves(self) -> bool:
        """Whether any action may have another threshold than the model's."""
        return max(self.background, self.spliced, self.others) > 0.0


@dataclass(frozen=True)
class ConfidenceCurve:
    """
    How sure a match is by its margin, similarity less threshold: a logistic curve.

    Fitted where it is known who was right: Platt, *Probabilistic outputs for support vector
    machines*, 1999.
    """

    slope: float
    offset: float

    def at(self, margin: float) -> float:
        """Return the share of matches with this margin that are right, from 0 to 1."""
        return float(1.0 / (1.0 + np.exp(-np.clip(self.slope * margin + self.offset, -30.0, 30.0))))


@dataclass(frozen=True)
class OpenSet:
    """
    What a bundle brings along to tell what was taught from all else.

    :param model: name and hash of the bundle: thresholds measured with another one mean nothing.
    :param background: pieces of everyday movement; None where the bundle has none.
    :param confidence: None where it was not measured.
    """

    model: str = ''
    background: Descriptors | None = None
    calibration: CalibrationConfig = CalibrationConfig()
    confidence: ConfidenceCurve | None = None


def confidence_of(open_set: OpenSet, similarity: float, threshold: float) -> float:
    """
    Return the chance that a match is right, from 0 to 1.

    Where none was measured it is 0.5 at the threshold and 1 for identical motion.
    """
    if open_set.confidence is not None:
        return open_set.confidence.at(similarity - threshold)
    excess = (similarity - threshold) / max(1.0 - threshold, 1e-6)
    return min(max(0.5 + 0.5 * excess, 0.0), 1.0)


@dataclass(frozen=True)
class Calibration:
    """
    From what similarity one action counts, and what that rests on.

    A count of 0 goes with the similarity 0: there was nothing to measure.

    :param threshold: the least similarity that accepts it.
    :param model: whose similarities these are: name and hash of the bundle.
    :param method: what the threshold was made of, for people to read.
    :param base: the model's own threshold, that of all actions.
    :param altered: how many altered copies of its demonstrations were compared with these: cut at
        the ends, in uneven time, larger and smaller, turned, with noise.
    :param altered_similarity: nine in ten of them reach it.
    :param spliced: how many halves of its demonstrations, put together otherwise, were compared.
    :param spliced_similarity: that of the most similar of each demonstration, on average.
    :param others: with how many templates of other actions it was compared.
    :param others_similarity: theirs, on average.
    :param background: with how many pieces of background it was compared.
    :param background_similarity: one in ten of them reaches it.
    """

    label: str
    threshold: float
    model: str
    method: str
    base: float
    altered: int = 0
    altered_similarity: float = 0.0
    spliced: int = 0
    spliced_similarity: float = 0.0
    others: int = 0
    others_similarity: float = 0.0
    background: int = 0
    background_similarity: float = 0.0


@dataclass(frozen=True)
class Measured:
    """
    What the demonstrations of one action are similar to, whatever else is taught.

    The fields are those of `Calibration`.
    """

    altered: int = 0
    altered_similarity: float = 0.0
    spliced: int = 0
    spliced_similarity: float = 0.0
    background: int = 0
    background_similarity: float = 0.0

    @classmethod
    def of(cls, altered: Floats, spliced: Floats, background: Floats) -> Measured:
        """
        Sum up similarities.

        :param altered: (A,) altered copies of the demonstrations, each to its own.
        :param spliced: (shots, S) splices of each demonstration, to this.
        :param background: (B,) pieces of background.
        """
        return cls(
            altered=altered.size,
            altered_similarity=_quantile(altered, ALTERED_REACH),
            spliced=spliced.size,
            spliced_similarity=float(spliced.max(axis=1).mean()) if spliced.size else 0.0,
            background=background.size,
            background_similarity=_quantile(background, BACKGROUND_REACHES),
        )


def calibrate(
    label: str,
    measured: Measured,
    others: int,
    others_similarity: float,
    base: float,
    open_set: OpenSet,
) -> Calibration:
    """
    Work out from what similarity an action counts.

    It is `base`, moved by what `CalibrationConfig` says, and no higher than what nine in ten
    altered copies reach, unless `base` is. Few others say less: of n the weight is n / (n + 2) of
    the whole one.

    :param others: with how many templates of other actions it was compared.
    :param others_similarity: theirs, on average; 0 where there are none.
    """
    config = open_set.calibration
    moves: Mapping[str, float] = {
        'background': config.background
        * (measured.background_similarity - config.usual_background)
        * (measured.background > 0),
        'spliced halves': config.spliced
        * (measured.spliced_similarity - config.usual_spliced)
        * (measured.spliced > 0),
        'other actions': config.others
        * (others_similarity - config.usual_others)
        * others
        / (others + 2),
    }
    made_of = [name for name, move in moves.items() if move != 0.0]
    move = min(max(sum(moves.values()), -config.most), config.most)
    threshold = base + move
    method = f"the model's, by {', '.join(made_of)}" if made_of else "the model's"
    if measured.altered and threshold > max(measured.altered_similarity, base):
        threshold = max(measured.altered_similarity, base)
        method = f'{method}; no more than altered copies reach'
    return Calibration(
        label=label,
        threshold=round(min(max(threshold, 0.0), 1.0), 4),
        model=open_set.model,
        method=method,
        base=round(base, 4),
        altered=measured.altered,
        altered_similarity=round(measured.altered_similarity, 4),
        spliced=measured.spliced,
        spliced_similarity=round(measured.spliced_similarity, 4),
        others=others,
        others_similarity=round(others_similarity, 4),
        background=measured.background,
        background_similarity=round(measured.background_similarity, 4),
    )


def altered(joints: Floats, mask: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """
    Show one motion as it might be shown again: cut at both ends, in uneven time, larger or smaller,
    turned a little, and with a sensor's noise.

    :param joints: (T, 15, 3) as from `prepare`.
    :param mask: (T, 15).
    :return: (A, T, 15, 3) and (A, T, 15).
    """
    frames = len(joints)
    cut = rng.uniform(0.0, _CUT, (_ALTERED, 2))
    bend = rng.uniform(-_BEND, _BEND, (_ALTERED, 1))
    share = np.linspace(0.0, 1.0, frames)
    share = share + bend * np.sin(2 * np.pi * share) / (2 * np.pi)
    at = (cut[:, :1] + (1.0 - cut.sum(axis=1, keepdims=True)) * share) * (frames - 1)
    shown, seen = _sampled(joints, at), _sampled(mask, at)
    angle = rng.uniform(-_TURN_RAD, _TURN_RAD, _ALTERED)
    turn = np.zeros((_ALTERED, 1, 3, 3))
    turn[:, 0, 1, 1] = 1.0
    turn[:, 0, 0, 0] = turn[:, 0, 2, 2] = np.cos(angle)
    turn[:, 0, 2, 0] = np.sin(angle)
    turn[:, 0, 0, 2] = -np.sin(angle)
    size = rng.uniform(1.0 - _GROWTH, 1.0 + _GROWTH, (_ALTERED, 1, 1, 1))
    shown = (shown @ turn) * size + rng.normal(0.0, _NOISE, shown.shape)
    ever_seen = (seen > 0.0).any(axis=1)[:, None, :, None]
    return np.where(ever_seen, shown, 0.0).astype(np.float32), seen


def spliced(joints: Floats, mask: Floats) -> tuple[Floats, Floats]:
    """
    Put halves of one motion together otherwise: the first half alone, the last alone, the last
    before the first, and the first out and back.

    :param joints: (T, 15, 3) as from `prepare`.
    :param mask: (T, 15).
    :return: (4, T, 15, 3) and (4, T, 15).
    """
    last = len(joints) - 1
    half = len(joints) // 2
    rest = len(joints) - half
    out = np.linspace(0.0, last / 2, half)
    at = np.stack(
        [
            np.linspace(0.0, last / 2, half + rest),
            np.linspace(last / 2, last, half + rest),
            np.concatenate((np.linspace(last / 2, last, half), np.linspace(0.0, last / 2, rest))),
            np.concatenate((out, np.linspace(last / 2, 0.0, rest))),
        ]
    )
    return _sampled(joints, at), _sampled(mask, at)


def chosen_others(ids: Sequence[str], labels: Sequence[str]) -> list[int]:
    """
    Return the places of the templates that stand for all others, at most one a label.

    Which they are hangs on their ids alone, which are hashes: so an action more hardly changes it.
    """
    first: dict[str, int] = {}
    for place in sorted(range(len(ids)), key=lambda place: ids[place]):
        first.setdefault(labels[place], place)
    return list(first.values())[: MOST_OTHERS + 1]


def _sampled(values: Floats, at: NDArray[np.float64]) -> Floats:
    """Return `values` (T, ...) at frames (N, T) with fractions, interpolated linearly."""
    before = np.clip(np.floor(at).astype(np.intp), 0, len(values) - 2)
    share = (at - before).astype(np.float32).reshape(*at.shape, *[1] * (values.ndim - 1))
    return np.asarray(values[before] * (1.0 - share) + values[before + 1] * share, np.float32)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else 0.0
