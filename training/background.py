"""
The background of a bundle: what its model says about pieces of everyday movement.

`python -m training.background BUNDLE` puts it into a bundle, with what `training.open_set` found.
Pieces are of simulated persons, who move as everybody does, and of clips learned from; only their
descriptors go with the bundle.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skeleton_action_ros.adapters.background_file import write_background
from skeleton_action_ros.adapters.bundle_card import find_bundle, read_card
from skeleton_action_ros.adapters.onnx_bundle import CPU, load_bundle
from skeleton_action_ros.core.embedding import Descriptors, Model, prepare_clips
from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.simulation import ACTIONS, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip
from training.command import one_line
from training.data import CHECKOUT, SIMULATED, SIMULATED_LAYOUTS, as_sample, load_samples
from training.files import written_whole
from training.protocols import POOL
from training.results import read_json

FINDINGS = CHECKOUT / 'training' / 'results' / 'open-set.json'
WORTH = ('left_out_means', 'gain_by_seed', 'worst_false_accepts', 'expected_calibration_error')
"""What a card quotes of the findings: figures of data sets left out."""
FOUND = ('threshold', 'calibration', 'confidence')
"""What a card takes from the findings."""
PIECES = 80
"""So many are of simulated persons, and as many of clips learned from."""
_PEOPLE = 4
_SHORTEST = 0.4
_WHOLE = 0.3


def everyday_pieces(datasets: Sequence[str], rng: np.random.Generator) -> dict[str, list[Clip]]:
    """
    Cut pieces of everyday movement.

    :param datasets: whose clips are taken, the same number of each.
    :return: by data set, and of simulated persons.
    """
    found = {SIMULATED: _pieces(_simulated(), PIECES, rng)}
    for name, count in _shares(datasets, PIECES):
        found[name] = _pieces([sample.clip for sample in load_samples([name])], count, rng)
    return found


def describe(model: Model, pieces: Mapping[str, Sequence[Clip]]) -> Descriptors:
    """Return what a model says about pieces that can be placed."""
    clips = [clip for own in pieces.values() for clip in own]
    prepared = prepare_clips(clips, model.preprocess)
    return model.infer(prepared.joints, prepared.mask)


def read_findings(path: Path, without: str | None) -> dict[str, Any]:
    """
    Read what `training.open_set` found.

    :param without: a data set: what was found without it.
    :raises SkeletonActionError: it is no JSON, or something is not there.
    """
    found: Any = read_json(path)
    if without:
        left_out = found.get('left_out')
        found = left_out.get(without) if isinstance(left_out, dict) else None
    lacking = [key for key in FOUND if not isinstance(found, dict) or key not in found]
    if lacking:
        raise SkeletonActionError(
            f'{path} is not from training.open_set: expected {", ".join(lacking)} in it'
            f'{f", found without {without!r}" if without else ""}'
        )
    return dict(found)


def put_into(bundle: Path, findings: Mapping[str, Any], datasets: Sequence[str]) -> int:
    """
    Put a background into a bundle, and what was found with such ones into its card.

    :param findings: from `read_findings`.
    :param datasets: whose clips are taken.
    :return: the number of pieces.
    :raises BundleError: the bundle cannot be used, as it was or as it is now.
    """
    model = load_bundle(bundle, providers=[CPU])
    pieces = everyday_pieces(datasets, np.random.default_rng(0))
    described = describe(model, pieces)
    card = read_card(bundle)
    card['background'] = {
        'sha256': write_background(bundle, described),
        'pieces': {name: len(own) for name, own in pieces.items()},
    }
    card |= {key: findings[key] for key in FOUND}
    card.setdefault('results', {})['open_set'] = {
        key: findings[key] for key in WORTH if key in findings
    }
    with written_whole(bundle / 'card.json') as part:
        part.write_text(json.dumps(card, indent=2) + '\n', encoding='utf-8')
    load_bundle(bundle, providers=[CPU])
    return len(described)


def _simulated() -> list[Clip]:
    """Let some persons do every action of the simulation once, each before another sensor."""
    clips = []
    for person in range(_PEOPLE):
        rng = np.random.default_rng((11, person))
        body = draw_person(rng)
        for action in ACTIONS:
            layout = SIMULATED_LAYOUTS[person % len(SIMULATED_LAYOUTS)]
            clips.append(simulate_action(action, body, Sensor(), rng, layout))
    return clips


def _pieces(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> list[Clip]:
    """Cut `count` pieces, each of another clip: three in ten whole, the others of any part."""
    found: list[Clip] = []
    for place in rng.permutation(len(clips)):
        clip = clips[place]
        first, length = rng.uniform(0.0, 0.5), rng.uniform(_SHORTEST, 1.0)
        if rng.random() < _WHOLE:
            first, length = 0.0, 1.0
        begin = int(first * len(clip))
        end = max(int(min(first + length, 1.0) * len(clip)), begin + 6)
        if end > len(clip):
            continue
        piece = replace(
            clip,
            joints_m=clip.joints_m[begin:end],
            confidence=clip.confidence[begin:end],
            stamps_ns=clip.stamps_ns[begin:end],
            annotations=(),
        )
        sample = as_sample(piece, 'background')
        if sample is not None:
            found.append(sample.clip)
        if len(found) == count:
            break
    return found


def _shares(names: Sequence[str], count: int) -> list[tuple[str, int]]:
    """Divide a number among names as evenly as can be."""
    return [
        (name, count // len(names) + (place < count % len(names)))
        for place, name in enumerate(names)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Put a background, thresholds and the confidence curve into bundles of embedders."""
    parser = argparse.ArgumentParser(prog='python -m training.background', description=main.__doc__)
    parser.add_argument('bundle', nargs='+', help='a name under models/, or a folder')
    parser.add_argument(
        '--without',
        choices=POOL,
        help='of a model that has not learned from this data set: use what was found without it',
    )
    parser.add_argument('--findings', type=Path, default=FINDINGS, help='of training.open_set')
    options = parser.parse_args(arguments)
    with one_line(parser):
        findings = read_findings(options.findings, options.without)
        datasets = [name for name in POOL if name != options.without]
        for name in options.bundle:
            bundle = find_bundle(name)
            count = put_into(bundle, findings, datasets)
            size = (bundle / 'background.npz').stat().st_size
            print(f'{bundle}: {count} pieces, {size / 1e3:.0f} kB')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
