"""
Make a checked bundle: `python -m training.export CHECKPOINT --out models/NAME`.

The card says where the model comes from, what it may be used for, and what it is bad at.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.core.similarity import NEVER
from skeleton_action_ros.core.skeleton import Clip
from training.bundle import Promise, check_replaceable, write_bundle
from training.checkpoints import Checkpoint, check_finished, load_checkpoint
from training.command import check_writable, one_line
from training.config import Recipe
from training.data import SIMULATED, load_samples
from training.measure import beside, measure
from training.protocols import protocol_named
from training.recipes import ABLATION, SYSTEMS, recipe_for, recipe_name
from training.results import read_json, read_results
from training.settings import CHOSEN, differences
from training.system import System

CLASSIFIER_THRESHOLD = 0.5
"""A classifier names what is likelier than everything else together."""
TERMS = {
    'utd-mhad': "UTD-MHAD, University of Texas at Dallas; its owners' research terms",
    'msr-action3d': "MSR Action3D, Microsoft Research; its owners' research terms",
    'utkinect': "UTKinect-Action3D, University of Texas at Austin; its owners' research terms",
    'nw-ucla': "Northwestern-UCLA Multiview Action 3D; its owners' research terms",
    'florence3d': "Florence 3D Actions, University of Florence; its owners' research terms",
    'g3d-clips': "G3D gaming actions, Kingston University; its owners' research terms",
    'kth1': "KTH human actions, KTH Stockholm; its owners' research terms",
    'kth2': "KTH human actions, KTH Stockholm; its owners' research terms",
    'ntu': "NTU RGB+D and RGB+D 120, Nanyang Technological University; its owners' research terms",
    'simulated': 'the simulated person of this package; Apache-2.0',
}
UNKNOWN_TERMS = 'not known: a folder of clips; whoever gives the bundle away must know its terms'
PROTOCOLS_NOTE = (
    'each protocol is measured with models trained alike, with seeds of their own, that have not '
    'learned from what it asks about; where that leaves nothing out it is this very model'
)
LICENCE_NOTES = (
    'The weights are Apache-2.0 like this package. No recording is part of the bundle: the golden '
    "inputs are made up. The recordings learned from are under their owners' research terms."
)
ABOUT = {
    'embedder': "Embeds one person's motion of up to some seconds; near embeddings, same action.",
    'classifier': "Names one person's motion of up to some seconds after one of its own labels.",
}
_LIMITS = [
    'one person at a time: what two persons do with each other is not seen as such',
    'no fingers, no face, no objects: drinking and phoning differ only by where the hand goes',
    'small motions of one hand near the head or chest are told apart least',
    'seconds, not minutes: a clip is resampled to a fixed number of frames',
]
_OTHER_SIDE = (
    'what one hand or foot does is taken for the other, a little less surely, unless the label '
    'names a side'
)
_CLOSED_SET = 'a closed set: it cannot be taught, and takes what it does not know for what it knows'
_ONE_ROOM = 'learned from one sensor in one room'


def limits_of(system: System[Any]) -> list[str]:
    """Say what a model is bad at."""
    limits = list(_LIMITS)
    if system.kind == 'classifier':
        limits.append(_CLOSED_SET)
    elif system.similarity().other_side < NEVER:
        limits.append(_OTHER_SIDE)
    if len(system.recipe.data.train) == 1:
        limits.append(_ONE_ROOM)
    return limits


def card_entries(state: Checkpoint, results: Mapping[str, Any]) -> dict[str, Any]:
    """
    Tell where a model comes from, what it may be used for, and what it is bad at.

    :param results: from `training.measure`.
    """
    recipe = state.recipe
    measured = ('protocols', 'invariances', 'threshold')
    return {
        'about': ABOUT[state.system().kind],
        'training': {
            'data': {name: TERMS.get(name, UNKNOWN_TERMS) for name in recipe.data.train},
            'fingerprint': state.data,
            'recipe': asdict(recipe),
            'command': command_of(recipe, state.processes),
            'seed': recipe.seed,
            'steps': state.step,
            'minutes': round(state.minutes, 2),
            'commit': state.commit,
            'machine': results['machine'],
        },
        'results': {
            **{key: results[key] for key in measured if key in results},
            'note': PROTOCOLS_NOTE,
            'measured_with': results['command'],
            'commit': results['measured_at_commit'],
        },
        'operating_curve': results.get('operating_curve', []),
        'licence_notes': LICENCE_NOTES,
        'limits': limits_of(state.system()),
    }


def command_of(recipe: Recipe, processes: int = 1) -> str:
    """
    Return the line that trains a recipe again, with all that differs from its protocol's.

    An ablation has its name from `training.run`, which trains it.

    :param processes: that train it together.
    """
    row = _row_of(recipe)
    plain = recipe_for(recipe.protocol, recipe.system, row.variant, alone=row.alone)
    words = [recipe.protocol, '--system', recipe.system]
    words += ['--variant', row.variant] if row.variant else []
    words += ['--alone'] if row.alone else []
    for name, (_, value) in differences(asdict(plain), asdict(recipe)).items():
        chosen = name == 'optimizer.learning_rate' and recipe.optimizer.rates
        if name not in CHOSEN and not chosen:
            words += ['--set', shlex.quote(f'{name}={value}')]
    if row.ablation:
        words += ['--ablation', row.ablation, '--seeds', str(recipe.seed)]
        return ' '.join(['python -m training.run', *words])
    words += ['--seed', str(recipe.seed)]
    program = f'torchrun --nproc-per-node {processes}' if processes > 1 else 'python'
    return ' '.join([program, '-m training.train', *words])


@dataclass(frozen=True)
class _Row:
    """What the name of a recipe tells of how it was chosen."""

    variant: str = ''
    alone: bool = False
    ablation: str = ''


def _row_of(recipe: Recipe) -> _Row:
    """Find the words by which a recipe got its name; the plain ones where there are none such."""
    protocol = protocol_named(recipe.protocol)
    ways = (False, True) if protocol.asked_on in protocol.datasets else (False,)
    for variant, alone in product(('', *SYSTEMS[recipe.system].variants), ways):
        name = recipe_name(recipe.protocol, recipe.system, variant, alone=alone)
        if recipe.name == name:
            return _Row(variant, alone)
        if recipe.name.startswith(ABLATION) and recipe.name.endswith(f'-{name}'):
            ablation = recipe.name.removeprefix(ABLATION).removesuffix(f'-{name}')
            return _Row(variant, alone, ablation)
    return _Row(alone=True in ways and recipe.data.train == (protocol.asked_on,))


def way_on(state: Checkpoint, path: Path) -> str:
    """
    Return the line by which the run of a checkpoint goes on; '' where that is not known.

    :param path: of the checkpoint.
    """
    if _row_of(state.recipe).ablation:
        return ''
    command = command_of(state.recipe, state.processes)
    return f'{command} --out {shlex.quote(str(path.parent))} --resume'


def read_measured(path: Path) -> dict[str, Any]:
    """
    Read what `training.measure` wrote.

    :raises SkeletonActionError: it is no JSON, or something that the card needs is not there.
    """
    found = read_json(path)
    for key in ('machine', 'command', 'measured_at_commit'):
        if not isinstance(found.get(key), str):
            raise SkeletonActionError(
                f'{path} is not from training.measure: expected a text {key!r}, got '
                f'{found.get(key)!r}'
            )
    if 'threshold' in found:
        known = found['threshold']
        value = known.get('threshold') if isinstance(known, dict) else None
        if not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
            raise SkeletonActionError(
                f"{path} is not from training.measure: expected 'threshold' to hold a 'threshold' "
                f'from 0 to 1, got {known!r}'
            )
    return found


def promise_of(state: Checkpoint, results: Mapping[str, Any]) -> Promise:
    """
    Say what the bundle of a checkpoint promises to the recogniser.

    :raises SkeletonActionError: the results have no threshold for an embedder.
    """
    system = state.system()
    if system.kind == 'classifier':
        labels = tuple(name.partition('/')[2] for name in state.classes)
        if len(set(labels)) < len(labels):
            labels = state.classes
        return Promise(system.preprocess, CLASSIFIER_THRESHOLD, labels=labels)
    if 'threshold' not in results:
        raise SkeletonActionError(
            'the results have no threshold: it comes from data sets left out, by '
            f'training.run lodo-... --system {system.name}'
        )
    threshold = round(results['threshold']['threshold'], 4)
    return Promise(system.preprocess, threshold, system.similarity())


def judges_of(recipe: Recipe) -> dict[str, list[Clip]]:
    """Return the recordings learned from, by data set: on these int8 is compared with fp32."""
    return {
        name: [sample.clip for sample in load_samples([name])]
        for name in recipe.data.train
        if name != SIMULATED
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a bundle of a checkpoint, with the results of `training.measure` in its card."""
    parser = argparse.ArgumentParser(prog='python -m training.export', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument(
        '--results', type=Path, help='written by training.measure; made anew without'
    )
    parser.add_argument(
        '--out', type=Path, required=True, help='the bundle, such as models/default'
    )
    parser.add_argument(
        '--int8',
        action='store_true',
        help='add an int8 model, if it is as good on the data learned from',
    )
    options = parser.parse_args(arguments)
    with one_line(parser):
        check_writable(options.out)
        check_replaceable(options.out)
        state = load_checkpoint(options.checkpoint)
        check_finished(state, options.checkpoint, way_on(state, options.checkpoint))
        system = state.system()
        network = system.exported(state.model()).eval()
        if options.results:
            results = read_measured(options.results)
        else:
            command = f'python -m training.measure {beside(options.checkpoint)}'
            results = measure(state, read_results(), command)
        bundle = write_bundle(
            options.out,
            network,
            promise_of(state, results),
            about=card_entries(state, results),
            int8_judges=judges_of(state.recipe) if options.int8 else None,
            largest_bytes=system.largest_bytes,
        )
        size = sum(file.stat().st_size for file in options.out.iterdir())
        print(f'{options.out}: {size / 1e6:.2f} MB, sha256 {bundle.sha256}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
