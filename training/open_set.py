"""
Per-action thresholds and confidence, settled on what models do on data sets left out.

`python -m training.open_set` asks every trained `lodo` model: some actions of one person are
taught, all clips of all others are asked, most of them of actions never taught, and pieces between
actions too. It chooses how much each kind of evidence moves a threshold, and says what that is
worth beside one threshold for all: on each data set by what was chosen on the others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from skeleton_action_ros.adapters.bundle_card import TOKENS
from skeleton_action_ros.core.calibrating import Calibrator, Evidence
from skeleton_action_ros.core.calibration import (
    STRANGERS,
    CalibrationConfig,
    ConfidenceCurve,
    Measured,
    OpenSet,
    calibrate,
)
from skeleton_action_ros.core.embedding import Descriptors, prepare_clips
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents
from skeleton_action_ros.core.similarity import (
    SimilarityConfig,
    describe_templates,
    similarities,
)
from skeleton_action_ros.evaluation.ranking import reliability
from training.background import FINDINGS, describe, everyday_pieces
from training.bundle import run_network
from training.calibrate import FALSE_ACCEPT, background
from training.checkpoints import Checkpoint, load_checkpoint
from training.command import check_writable, one_line, seed_number
from training.data import CHECKOUT, load_samples
from training.protocols import POOL
from training.provenance import commit, machine
from training.results import write_json

Floats = NDArray[np.float32]

MOST_CLIPS = 500
DRAWS = 60
TAUGHT = (3, 9)
BASES = np.round(np.arange(0.6, 0.96, 0.005), 3)
WEIGHTS = {
    'background': (0.0, 0.2, 0.35, 0.5),
    'spliced': (0.0, 0.1, 0.2, 0.3),
    'others': (0.0, 0.1, 0.2, 0.3),
}
_AT_ONCE = 256
_MIDDLE = 0.5
_NEAR = 0.2
"""The confidence is fitted to matches this far below their thresholds, and above."""


class CheckpointModel:
    """A trained embedder as the recogniser sees one: the `Model` of core/embedding.py."""

    kind = 'embedder'
    labels: tuple[str, ...] = ()
    threshold = 0.0

    def __init__(self, state: Checkpoint) -> None:
        system = state.system()
        self._network = system.exported(state.model()).eval()
        self.name = state.recipe.name
        self.preprocess: PreprocessConfig = system.preprocess
        self.similarity: SimilarityConfig = system.similarity()
        self.open_set = OpenSet()

    def infer(self, joints: Floats, mask: Floats) -> Descriptors:
        """Describe prepared clips."""
        parts = []
        for first in range(0, max(len(joints), 1), _AT_ONCE):
            some, seen = joints[first : first + _AT_ONCE], mask[first : first + _AT_ONCE]
            found = run_network(self._network, some, seen, self.kind)
            tokens = found.get(TOKENS, np.zeros((len(some), 0, 0), np.float32))
            parts.append(Descriptors(found['embedding'], tokens, extents(some, seen)))
        return Descriptors.joined(parts)

    def classify(self, joints: Floats, mask: Floats) -> Floats:
        """Refuse: an embedder knows no closed set."""
        raise SkeletonActionError(f'{self.name} is an embedder and knows no closed set')


@dataclass(frozen=True)
class Asked:
    """
    One left-out data set in the eyes of a model that has not learned from it.

    :param labels: (N,) of the clips.
    :param persons: (N,) who shows them.
    :param alike: (N, N) clips to clips that teach.
    :param between: (P, N) pieces between actions to clips that teach.
    :param measured: (N,) of each clip as the one demonstration of its action.
    """

    labels: NDArray[np.str_]
    persons: NDArray[np.str_]
    alike: Floats
    between: Floats
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Trial:
    """
    One person teaches some actions, and everybody else is asked.

    :param references: (K,) places of the clips that teach.
    :param known: (Q,) whether an action asked is taught.
    :param right: (Q, K) whether it is that of a reference.
    :param alike: (Q, K).
    :param between: (P, K) pieces between actions.
    :param others: (K,) how similar the other references are to each, on average.
    """

    references: NDArray[np.intp]
    known: NDArray[np.bool_]
    right: NDArray[np.bool_]
    alike: Floats
    between: Floats
    others: Floats


@dataclass(frozen=True)
class Point:
    """
    What thresholds do, as shares.

    :param true_accept: of taught actions, accepted under the right name.
    :param wrong_name: of taught actions, accepted under a wrong one.
    :param false_accept: of actions never taught, accepted.
    :param false_background: of pieces between actions, accepted.
    """

    true_accept: float
    wrong_name: float
    false_accept: float
    false_background: float

    @property
    def false(self) -> float:
        """The mean of both kinds of false accepts."""
        return (self.false_accept + self.false_background) / 2


def look(state: Checkpoint, dataset: str) -> Asked:
    """Compare the clips of a data set with all there is to compare them with."""
    model = CheckpointModel(state)
    samples = load_samples([dataset])
    chosen = np.sort(np.random.default_rng(0).permutation(len(samples))[:MOST_CLIPS])
    clips = [samples[place].clip for place in chosen]
    labels = [clip.label for clip in clips]
    rng = np.random.default_rng(0)
    pieces = everyday_pieces([name for name in POOL if name != dataset], rng)
    model.open_set = OpenSet(background=describe(model, pieces))
    prepared = prepare_clips(clips, model.preprocess)
    joints, mask = prepared.joints, prepared.mask
    templates = describe_templates(model, joints, mask, labels)
    between = describe(model, {'': background(np.random.default_rng(0))})
    calibrator = Calibrator(model, model.similarity)
    images = {int(of): row for row, of in enumerate(templates.image_of)}
    evidence: list[Evidence] = []
    for place in tqdm(range(len(clips)), desc=dataset, disable=None, leave=False):
        image = templates.images[[images[place]]] if place in images else None
        evidence.append(
            calibrator.measure(joints[place], mask[place], templates.described[[place]], image)
        )
    side = model.similarity.other_side
    measured = tuple(
        Measured.of(
            one.altered.of(label, side),
            one.spliced.of(label, side)[None],
            one.background.of(label, side),
        )
        for one, label in zip(evidence, labels, strict=True)
    )
    return Asked(
        np.array(labels, np.str_),
        np.array([clip.subject for clip in clips], np.str_),
        similarities(templates.described, templates, model.similarity),
        similarities(between, templates, model.similarity),
        measured,
    )


def trials(asked: Asked, rng: np.random.Generator, count: int = DRAWS) -> list[Trial]:
    """Draw a person who shows many actions, and some of these, each time."""
    shown = {one: np.unique(asked.labels[asked.persons == one]) for one in set(asked.persons)}
    most = max(map(len, shown.values()))
    teachers = sorted(one for one, own in shown.items() if len(own) >= 0.8 * most)
    drawn = []
    for _ in range(count):
        teacher = teachers[rng.integers(len(teachers))]
        taught = rng.permutation(shown[teacher])
        taught = taught[: min(int(rng.integers(*TAUGHT)), max(len(taught) // 2, 2))]
        own = asked.persons == teacher
        references = np.array(
            [rng.choice(np.flatnonzero(own & (asked.labels == label))) for label in taught], np.intp
        )
        queries = np.flatnonzero(~own)
        among = asked.alike[np.ix_(references, references)]
        apart = ~np.eye(len(references), dtype=bool)
        drawn.append(
            Trial(
                references,
                np.isin(asked.labels[queries], taught),
                asked.labels[queries][:, None] == taught,
                asked.alike[np.ix_(queries, references)],
                asked.between[:, references],
                np.asarray((among * apart).sum(axis=0) / (len(references) - 1), np.float32),
            )
        )
    return drawn


def usual_of(asked: Asked, drawn: Sequence[Trial]) -> dict[str, float]:
    """Return what is usual of actions: the `usual_` values of a `CalibrationConfig`."""
    return {
        'usual_background': float(np.mean([one.background_similarity for one in asked.measured])),
        'usual_spliced': float(np.mean([one.spliced_similarity for one in asked.measured])),
        'usual_others': float(np.mean([trial.others.mean() for trial in drawn])),
    }


def moves(asked: Asked, trial: Trial, config: CalibrationConfig) -> Floats:
    """Return (K,) how far each threshold of a trial is from the model's, by `calibrate`."""
    count = len(trial.references)
    open_set = OpenSet(calibration=config)
    found = [
        calibrate(
            '',
            replace(asked.measured[place], altered=0),
            count - 1,
            float(trial.others[at]),
            _MIDDLE,
            open_set,
        ).threshold
        for at, place in enumerate(trial.references)
    ]
    return np.array(found, np.float32) - np.float32(_MIDDLE)


Curve = NDArray[np.float64]
"""(bases, 4): a `Point` for each of `BASES`."""


def curve_of(asked: Asked, drawn: Sequence[Trial], config: CalibrationConfig) -> Curve:
    """Return what all bases do, the mean over trials."""
    rows = []
    for trial in drawn:
        moved = moves(asked, trial, config)
        margins = trial.alike - moved
        named, best = margins.argmax(axis=1), margins.max(axis=1)
        right = trial.right[np.arange(len(named)), named]
        groups = (
            np.where(right, best, -np.inf)[trial.known],
            np.where(right, -np.inf, best)[trial.known],
            best[~trial.known],
            (trial.between - moved).max(axis=1),
        )
        rows.append([_accepted(group) for group in groups])
    return np.asarray(np.mean(rows, axis=0).T)


def _accepted(margins: Floats) -> NDArray[np.float64]:
    """Return (bases,) what share of margins over no threshold reaches each base."""
    below = np.searchsorted(np.sort(margins), BASES, 'left')
    return np.asarray(1.0 - below / max(len(margins), 1))


def chosen_base(curve: Curve) -> int:
    """Return the place of the lowest base at which `FALSE_ACCEPT` is accepted falsely."""
    low_enough = (curve[:, 2] + curve[:, 3]) / 2 <= FALSE_ACCEPT
    return int(np.argmax(low_enough)) if low_enough.any() else len(BASES) - 1


def configurations(usual: Mapping[str, float]) -> Iterator[CalibrationConfig]:
    """Yield every combination of weights, that of no weight first."""
    rounded = {name: round(value, 4) for name, value in usual.items()}
    for weights in product(*WEIGHTS.values()):
        yield CalibrationConfig(**dict(zip(WEIGHTS, weights, strict=True)), **rounded)


@dataclass(frozen=True)
class Chosen:
    """Weights, and the threshold that goes with them."""

    config: CalibrationConfig
    base: int

    @property
    def threshold(self) -> float:
        """The model's threshold."""
        return float(BASES[self.base])


def choose(curves: Mapping[CalibrationConfig, Mapping[Any, Curve]], of: Sequence[Any]) -> Chosen:
    """
    Choose the weights that accept most of what was taught at the same rate of false accepts.

    :param curves: by configuration and run.
    :param of: the runs that count, each as much as another.
    """
    best = None
    for config, by_run in curves.items():
        curve = np.mean([by_run[run] for run in of], axis=0)
        base = chosen_base(curve)
        if best is None or curve[base, 0] > best[0] + 1e-9:
            best = (float(curve[base, 0]), Chosen(config, base))
    assert best is not None, 'there are configurations'
    return best[1]


def margins_of(
    asked: Asked, drawn: Sequence[Trial], chosen: Chosen, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Return the margin of what each motion is taken for, and whether that is right.

    To each motion of a taught action come `STRANGERS` others: half of them of actions never taught,
    half of them pieces between actions.
    """
    values, hits = [], []
    for trial in drawn:
        thresholds = moves(asked, trial, chosen.config) + np.float32(chosen.threshold)
        strange = trial.alike[~trial.known]
        half = round(int(trial.known.sum()) * STRANGERS / 2)
        parts = (
            (trial.alike[trial.known], trial.right[trial.known]),
            _some(strange, np.zeros(strange.shape, bool), half, rng),
            _some(trial.between, np.zeros(trial.between.shape, bool), half, rng),
        )
        for alike, right in parts:
            margins = alike - thresholds
            named = margins.argmax(axis=1)
            rows = np.arange(len(named))
            values.append(margins[rows, named])
            hits.append(right[rows, named])
    return np.concatenate(values).astype(np.float64), np.concatenate(hits)


def _some(
    alike: Floats, right: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    places = rng.choice(len(alike), count, replace=count > len(alike))
    return alike[places], right[places]


def fitted_curve(margins: NDArray[np.float64], right: NDArray[np.bool_]) -> ConfidenceCurve:
    """Fit a logistic curve to matches near their thresholds and above, by Newton's method."""
    near = margins >= -_NEAR
    inputs = np.stack((margins[near], np.ones(int(near.sum()))), axis=1)
    weights = np.zeros(2)
    for _ in range(25):
        chance = 1.0 / (1.0 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chance - right[near])
        bend = (inputs * (chance * (1.0 - chance))[:, None]).T @ inputs
        weights -= np.linalg.solve(bend + 1e-6 * np.eye(2), slope)
    return ConfidenceCurve(round(float(weights[0]), 3), round(float(weights[1]), 3))


def worth_of(
    curve: ConfidenceCurve, margins: NDArray[np.float64], right: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return the reliability of the confidence of accepted matches, and its calibration error."""
    accepted = margins >= 0.0
    confidence = [curve.at(margin) for margin in margins[accepted]]
    found = reliability(confidence, right[accepted].tolist())
    error = found.expected_calibration_error
    return {
        'expected_calibration_error': None if error is None else round(error, 4),
        'matches': len(confidence),
        'reliability': [
            {'confidence': round(said, 4), 'right': round(true, 4), 'count': count}
            for said, true, count in zip(found.confidence, found.right, found.count, strict=True)
        ],
    }


def settle(runs: Mapping[tuple[str, int], Asked]) -> dict[str, Any]:
    """
    Choose weights, thresholds and confidence, and say what they are worth.

    :param runs: by data set left out and seed.
    :return: what was chosen on all of them, and under 'left_out' by data set what was chosen on the
        others and does on this one, beside one threshold for all.
    """
    drawn = {run: trials(asked, np.random.default_rng(1)) for run, asked in runs.items()}
    usual = [usual_of(asked, drawn[run]) for run, asked in runs.items()]
    means = {name: float(np.mean([one[name] for one in usual])) for name in usual[0]}
    tried = list(configurations(means))
    curves = {
        config: {run: curve_of(asked, drawn[run], config) for run, asked in runs.items()}
        for config in tqdm(tried, desc='weights', disable=None, leave=False)
    }
    one_for_all = {tried[0]: curves[tried[0]]}
    margins = {}

    def fit(chosen: Chosen, of: Sequence[tuple[str, int]]) -> ConfidenceCurve:
        for run in of:
            if (chosen, run) not in margins:
                rng = np.random.default_rng(2)
                margins[chosen, run] = margins_of(runs[run], drawn[run], chosen, rng)
        parts = [margins[chosen, run] for run in of]
        return fitted_curve(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    every = list(runs)
    chosen = choose(curves, every)
    left_out = {}
    for name in dict.fromkeys(name for name, _ in runs):
        others = [run for run in every if run[0] != name]
        own = [run for run in every if run[0] == name]
        plain, moved = choose(one_for_all, others), choose(curves, others)
        curve = fit(moved, others)
        fit(moved, own)
        asked_margins = [margins[moved, run] for run in own]
        left_out[name] = {
            **_found(moved, curve),
            'seeds': [seed for _, seed in own],
            'one_threshold': {
                'threshold': plain.threshold,
                'runs': [asdict(Point(*curves[plain.config][run][plain.base])) for run in own],
            },
            'per_action': [asdict(Point(*curves[moved.config][run][moved.base])) for run in own],
            'confidence_on_it': worth_of(
                curve, *(np.concatenate(values) for values in zip(*asked_margins, strict=True))
            ),
        }
    return {**_found(chosen, fit(chosen, every)), 'left_out': left_out, **_gain(left_out)}


def _found(chosen: Chosen, curve: ConfidenceCurve) -> dict[str, Any]:
    return {
        'threshold': round(chosen.threshold, 4),
        'calibration': asdict(chosen.config),
        'confidence': asdict(curve),
    }


def _gain(left_out: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return means over data sets, and the spread of the gain over seeds."""
    plain = [one['one_threshold']['runs'] for one in left_out.values()]
    moved = [one['per_action'] for one in left_out.values()]
    found = {
        name: {
            key: round(float(np.mean([[run[key] for run in runs] for runs in ways])), 4)
            for key in ways[0][0]
        }
        for name, ways in (('one_threshold', plain), ('per_action', moved))
    }
    seeds = min(len(runs) for runs in plain)
    gains = [
        np.mean(
            [
                own[seed]['true_accept'] - all_[seed]['true_accept']
                for own, all_ in zip(moved, plain, strict=True)
            ]
        )
        for seed in range(seeds)
    ]
    errors = [one['confidence_on_it']['expected_calibration_error'] for one in left_out.values()]
    return {
        'left_out_means': found,
        'gain_by_seed': [round(float(gain), 4) for gain in gains],
        'worst_false_accepts': {
            name: round(
                max(
                    float(
                        np.mean(
                            [(run['false_accept'] + run['false_background']) / 2 for run in runs]
                        )
                    )
                    for runs in ways
                ),
                4,
            )
            for name, ways in (('one_threshold', plain), ('per_action', moved))
        },
        'expected_calibration_error': round(float(np.mean(errors)), 4),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Settle per-action thresholds and confidence on all data sets left out."""
    parser = argparse.ArgumentParser(prog='python -m training.open_set', description=main.__doc__)
    parser.add_argument(
        '--trained',
        type=Path,
        default=CHECKOUT / 'out' / 'training',
        help='where training.run has left its checkpoints (out/training)',
    )
    parser.add_argument('--system', default='encoder')
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0])
    parser.add_argument('--out', type=Path, default=FINDINGS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with one_line(parser):
        check_writable(options.out.parent)
        runs = {}
        for name in POOL:
            for seed in options.seeds:
                folder = options.trained / f'lodo-{name}-{options.system}' / f'seed-{seed}'
                runs[name, seed] = look(load_checkpoint(folder / 'checkpoint.pt'), name)
        seeds = ' '.join(map(str, options.seeds))
        found = {
            **settle(runs),
            'system': options.system,
            'command': f'{parser.prog} --system {options.system} --seeds {seeds}',
            'commit': commit(),
            'machine': machine(),
        }
        write_json(options.out, found)
        shown = {key: value for key, value in found.items() if key != 'left_out'}
        print(json.dumps(shown, indent=1))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
