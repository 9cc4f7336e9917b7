"""
Measure a checkpoint: `python -m training.measure CHECKPOINT`, into `training/results/RECIPE.json`.

One-shot accuracy on data sets it was not trained on, beside the baselines; the operating curve and
the threshold chosen on it; and how little an embedding cares for sensor, rate and side.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.simulation import ACTIONS, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip
from training.augment import mirror
from training.calibrate import (
    OperatingPoint,
    background_pieces,
    choose,
    mean_curve,
    operating_curve,
)
from training.checkpoints import load_checkpoint
from training.data import CHECKOUT, Sample, as_sample, data_root, load_samples
from training.evaluate import Embed, embed_clips, examined_with_baselines
from training.model import embed_with
from training.provenance import commit, machine

TESTS = ('g3d-clips', 'florence3d')
EXAM_DRAWS = 200
CURVE_DRAWS = 50
TAUGHT = 5
FALSE_ACCEPT = 0.06
SHOWN = ('one_shot', 'validation_accuracy', 'invariances', 'threshold')
LAYOUTS = ('kinect_v2_25', 'mediapipe_33', 'common_15')
SIDED = ('wave_right', 'punch_right', 'kick_right', 'swipe_left', 'point_right', 'throw', 'drink')


def one_shot(embed: Embed, samples: Sequence[Sample], config: PreprocessConfig) -> dict[str, Any]:
    """Examine the embedder and the baselines; the keys are those of `skeleton-action exam`."""
    clips = [sample.clip for sample in samples]
    done = examined_with_baselines(embed, clips, config, draws=EXAM_DRAWS, seed=0)
    found = {'embedder': done.model, **done.baselines}
    return {name: figures.to_json() for name, figures in found.items()}


def background(rng: np.random.Generator) -> list[Clip]:
    """Return pieces of the UTKinect recordings between and across their actions."""
    recordings = [item.clip for item in DATASETS['utkinect'].read(data_root() / 'utkinect')]
    pieces = background_pieces(recordings, rng)
    made = (as_sample(piece, 'background') for piece in pieces)
    return [sample.clip for sample in made if sample is not None]


def calibrate(
    embed: Embed, groups: Sequence[Sequence[Sample]], config: PreprocessConfig
) -> list[OperatingPoint]:
    """Return the mean operating curve over some data sets."""
    noise = embed_clips(embed, background(np.random.default_rng(0)), config)
    curves = []
    for samples in groups:
        clips = [sample.clip for sample in samples]
        curves.append(
            operating_curve(
                embed_clips(embed, clips, config),
                [clip.label for clip in clips],
                [clip.subject for clip in clips],
                noise,
                taught=TAUGHT,
                draws=CURVE_DRAWS,
                rng=np.random.default_rng(0),
            )
        )
    return mean_curve(curves)


def invariances(embed: Embed, config: PreprocessConfig, *, people: int = 6) -> dict[str, float]:
    """
    Compare embeddings of one simulated motion seen in different ways.

    :return: mean cosine similarity of the same motion in another layout, at 10 Hz, and mirrored
        (for one-sided actions), and, for scale, of different actions and of the same by another
        person.
    """
    seen: dict[str, list[Clip]] = {name: [] for name in ('plain', 'slow', *LAYOUTS)}
    sided, actions = [], []
    for person in range(people):
        body = draw_person(np.random.default_rng((1, person)), handedness='right')
        for number, action in enumerate(ACTIONS):
            for name in seen:
                sensor = Sensor(rate_hz=10.0 if name == 'slow' else 30.0)
                layout = name if name in LAYOUTS else 'k4abt_32'
                rng = np.random.default_rng((2, person, number))
                seen[name].append(simulate_action(action, body, sensor, rng, layout))
            sided.append(action in SIDED)
            actions.append(action)
    vectors = {name: embed_clips(embed, clips, config) for name, clips in seen.items()}
    images = [clip for clip, one in zip(seen['common_15'], sided, strict=True) if one]
    mirrored = [_mirrored(clip) for clip in images]
    plain = embed_clips(embed, images, config)
    alike = np.array(actions)[:, None] == np.array(actions)
    among = vectors['plain'] @ vectors['plain'].T
    others = ~np.eye(len(actions), dtype=bool)
    out = {
        f'k4abt_32 and {name}': _mean_similarity(vectors['plain'], vectors[name])
        for name in LAYOUTS
    }
    out['30 Hz and 10 Hz'] = _mean_similarity(vectors['plain'], vectors['slow'])
    out['one-sided and mirrored'] = _mean_similarity(plain, embed_clips(embed, mirrored, config))
    out['same action, other person'] = float(among[alike & others].mean())
    out['different actions'] = float(among[~alike].mean())
    return out


def _mirrored(clip: Clip) -> Clip:
    joints, confidence = mirror(clip.joints_m, clip.confidence)
    return replace(clip, joints_m=joints, confidence=confidence)


def _mean_similarity(first: Any, second: Any) -> float:
    return float((first * second).sum(axis=1).mean())


def rounded(value: Any) -> Any:
    """Round all numbers of a result to four places."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def measure(checkpoint: Path, command: str) -> dict[str, Any]:
    """Measure everything about a checkpoint; the entries of a results file."""
    state = load_checkpoint(checkpoint)
    recipe, model = state.recipe, state.model()

    def embed(joints: Any, mask: Any) -> Any:
        return embed_with(model, joints, mask)

    unseen = [name for name in TESTS if name not in recipe.data.train]
    groups = {name: load_samples([name]) for name in tqdm(unseen, desc='loading', disable=None)}
    results: dict[str, Any] = {
        'system': recipe.name,
        'protocol': 'one-shot, one clip a class from one person, all others asked',
        'one_shot': {
            name: one_shot(embed, samples, recipe.preprocess) for name, samples in groups.items()
        },
        'validation_accuracy': state.best,
        'invariances': invariances(embed, recipe.preprocess),
    }
    if groups:
        curve = calibrate(embed, list(groups.values()), recipe.preprocess)
        results['threshold'] = asdict(choose(curve, FALSE_ACCEPT))
        results['operating_curve'] = [asdict(point) for point in curve]
    return {
        **rounded(results),
        'command': command,
        'trained_with': f'python -m training.train {recipe.name}',
        'recipe': asdict(recipe),
        'steps': state.step,
        'seed': recipe.seed,
        'commit': state.commit,
        'measured_at_commit': commit(),
        'machine': machine(),
        'data': state.data,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a checkpoint on data it has not seen."""
    parser = argparse.ArgumentParser(prog='python -m training.measure', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--out', type=Path, help='default: training/results/RECIPE.json')
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        results = measure(options.checkpoint, f'{parser.prog} {_beside(options.checkpoint)}')
    except SkeletonActionError as error:
        parser.exit(1, f'{parser.prog}: {error}\n')
    out = options.out or CHECKOUT / 'training' / 'results' / f'{results["system"]}.json'
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + '\n', encoding='utf-8')
    print(json.dumps({key: results.get(key) for key in SHOWN}, indent=1))
    return 0


def _beside(path: Path) -> Path:
    """Name a path from the checkout's root, so that results do not depend on where that is."""
    whole = path.resolve()
    return whole.relative_to(CHECKOUT) if whole.is_relative_to(CHECKOUT) else Path(path.name)


if __name__ == '__main__':
    raise SystemExit(main())
