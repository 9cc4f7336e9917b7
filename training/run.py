"""
One command a protocol: `python -m training.run PROTOCOL [--system SYSTEM] [--seeds 0 1 2]`.

Trains once a seed, and once a fold where the protocol has such, measures each, and the baselines on
the same questions, and writes it all into `training/results/PROTOCOL-SYSTEM.json`. Several seeds
may be run by as many processes at a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.evaluation.exam import BASELINES, CANONICAL, DTW_BAND, RAW
from training import parallel
from training.checkpoints import check_finished, load_checkpoint
from training.command import check_writable, one_line, seed_number
from training.config import Recipe
from training.curves import check_tensorboard
from training.data import CHECKOUT, Sample, fingerprint, load_samples
from training.evaluate import Exercise, baseline_figures, check_askable, evaluated, exercise
from training.kept import check_replaceable
from training.protocols import protocol_named
from training.provenance import each_once, machine
from training.recipes import ABLATION, SYSTEMS, make_system, variant_named
from training.results import (
    ENTRY,
    RESULTS,
    is_of,
    is_on,
    joined,
    merge_until_complete,
    read_entries,
    read_entry,
    read_json,
    without_seed,
    write_json,
)
from training.train import add_recipe_options, chosen_recipe, device_of, train

RUNS = CHECKOUT / 'out' / 'training'


@dataclass(frozen=True)
class Asked:
    """
    What a protocol, or a fold of it, asks.

    :param baselines: the figures of what needs no training, by question and name.
    """

    exercise: Exercise
    baselines: dict[str, dict[str, Any]]


def asked_by(protocol: str) -> dict[str, Asked]:
    """
    Load what a protocol asks about in each of its folds, under '' where it has none.

    :raises SkeletonActionError: it asks nothing, the data is missing, or lacks a reference.
    """
    out = {}
    for fold in protocol_named(protocol).folds or ('',):
        name = f'{protocol}/{fold}' if fold else protocol
        asked = exercise(name)
        out[fold] = Asked(asked, known_baselines(asked, RUNS / 'baselines' / name))
    return out


def run_seed(
    recipe: Recipe,
    asked: Mapping[str, Asked],
    folder: Path,
    about: Mapping[str, Any],
    *,
    resume: bool,
    device: str,
    tensorboard: bool = False,
    weights_of: str = '',
) -> None:
    """
    Train and measure one seed; leaves an entry in `folder/seed-N`.

    :param asked: by the fold: each is trained for, and their entries are joined.
    :param about: further parts of the entry: the command, the settings, the row of a table.
    :param resume: go on from a checkpoint; where there is an entry of the recipe, and of the data
        that is there now, nothing is left to be done.
    :param weights_of: name of a recipe that has been run; its weights are measured, and nothing is
        trained.
    :raises SkeletonActionError: data is missing, or a checkpoint is of another recipe.
    """
    place = folder / f'seed-{recipe.seed}'
    seedless = without_seed(recipe)
    if resume and any(
        entry['seed'] == recipe.seed and is_on_these(entry, recipe, asked)
        for entry in read_entries(folder, seedless)
    ):
        return
    entries = {}
    for fold, one in asked.items():
        own, at = recipe, place
        if fold:
            name, protocol = f'{recipe.name}/{fold}', f'{recipe.protocol}/{fold}'
            own, at = replace(recipe, name=name, protocol=protocol), place / f'fold-{fold}'
        from_run = RUNS / weights_of / at.relative_to(folder) if weights_of else None
        entries[fold] = run_once(
            own,
            one,
            at,
            about,
            resume=resume,
            device=device,
            tensorboard=tensorboard,
            weights_from=from_run,
        )
    if '' not in entries:
        write_json(place / ENTRY, joined(entries, seedless))


def run_once(
    recipe: Recipe,
    asked: Asked,
    place: Path,
    about: Mapping[str, Any],
    *,
    resume: bool,
    device: str,
    tensorboard: bool,
    weights_from: Path | None,
) -> dict[str, Any]:
    """Train and measure; leaves a checkpoint and an entry in a folder, and returns the entry."""
    seedless = without_seed(recipe)
    path = place / ENTRY
    if resume and path.is_file():
        known = read_entry(path)
        if is_of(known, seedless) and is_on_these(known, recipe, {'': asked}):
            return known
    if weights_from:
        source = weights_from / 'checkpoint.pt'
        state = load_checkpoint(source)
        check_finished(state, source)
        state = state.compared_as(recipe)
    else:
        wanted = check_askable(make_system(recipe), asked.exercise)
        train(recipe, place, resume=resume, device=device, tensorboard=tensorboard, asked=wanted)
        state = load_checkpoint(place / 'checkpoint.pt')
    torch.set_num_threads(recipe.optimizer.threads)
    protocol = protocol_named(recipe.protocol)
    entry = {
        'system': recipe.system,
        'protocol': recipe.protocol,
        'paper': SYSTEMS[recipe.system].paper or protocol.paper,
        'goal': protocol.goal,
        'seed': recipe.seed,
        'figures': evaluated(state, asked.exercise, device=device),
        'baselines': asked.baselines,
        'queries': asked.exercise.query_counts,
        'validation_accuracy': round(state.best, 4),
        'learning_rate': state.recipe.optimizer.learning_rate,
        'tried': state.tried,
        'steps': state.step,
        **({'processes': state.processes} if state.processes > 1 else {}),
        'minutes': round(state.minutes, 2),
        **about,
        'commit': state.commit,
        'machine': machine(device),
        'data': {
            'learned': list(recipe.data.train),
            'fingerprint': state.data,
            'asked': protocol.asked_on,
            'asked_fingerprint': fingerprint_for(recipe, asked.exercise.samples),
        },
        'recipe': seedless,
    }
    write_json(path, entry)
    return entry


def is_on_these(entry: Mapping[str, Any], recipe: Recipe, asked: Mapping[str, Asked]) -> bool:
    """Say whether an entry was measured on the clips that are there now."""
    samples = load_samples(
        recipe.data.train, simulated_people=recipe.data.simulated_people, seed=recipe.seed
    )
    exercises = each_once(fingerprint_for(recipe, one.exercise.samples) for one in asked.values())
    return is_on(entry, fingerprint_for(recipe, samples), exercises)


def fingerprint_for(recipe: Recipe, samples: Sequence[Sample]) -> str:
    """Return the fingerprint of clips, and of the files of theirs that a recipe's system reads."""
    return fingerprint(samples, make_system(recipe).files(samples))


def known_baselines(asked: Exercise, folder: Path) -> dict[str, dict[str, Any]]:
    """
    Return the baselines' figures, from `folder` where they stand there for these very questions.

    They are the same for all systems and seeds, and time warping takes its time.
    """
    if asked.material is None:
        return baseline_figures(asked)
    digest = hashlib.sha256(f'{BASELINES} {DTW_BAND}'.encode())
    for way in (RAW, CANONICAL):
        digest.update(asked.material.prepared[way].joints.tobytes())
    for questions in asked.questions.values():
        for draw in questions.draws:
            for array in (draw.references, draw.queries, draw.half):
                digest.update(array.tobytes())
    path = folder / f'{digest.hexdigest()[:16]}.json'
    if not path.is_file():
        write_json(path, baseline_figures(asked))
    return read_json(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and measure a system by a protocol, once a seed."""
    parser = argparse.ArgumentParser(prog='python -m training.run', description=main.__doc__)
    add_recipe_options(parser)
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--ablation',
        type=ablation_name,
        metavar='NAME',
        help='write ablation-NAME-PROTOCOL-SYSTEM.json instead',
    )
    parser.add_argument(
        '--weights-of',
        metavar='RECIPE',
        default='',
        help='train nothing: measure what RECIPE left, where only the comparison or fusion differs',
    )
    parser.add_argument('--results', type=Path, default=RESULTS, help='default: training/results')
    options = parser.parse_args(arguments)
    with one_line(parser, 'stopped; --resume goes on'):
        processes = parallel.started()
        if processes > 1:
            raise SkeletonActionError(
                f'expected one process, got WORLD_SIZE={processes}: several train by torchrun '
                '-m training.train, and training.run --resume measures what they leave'
            )
        recipe = chosen_recipe(options)
        device = device_of(options.device)
        if options.ablation:
            recipe = replace(recipe, name=f'{ABLATION}{options.ablation}-{recipe.name}')
        folder, path = RUNS / recipe.name, options.results / f'{recipe.name}.json'
        for place in (folder, options.results):
            check_writable(place)
        if options.tensorboard:
            check_tensorboard()
        check_replaceable(path, folder, recipe, options.seeds, options.set)
        if not options.weights_of:
            make_system(recipe).weights_file()  # before data is read, which takes long
        asked = asked_by(recipe.protocol)
        row = variant_named(recipe.system, options.variant)
        about = {
            'command': command_of(options),
            'settings': [*row.settings, *options.set],
            'variant': options.variant,
            'about': row.about,
            'table': row.table,
            'published': row.published.get(recipe.protocol),
        }
        for seed in options.seeds:
            run_seed(
                replace(recipe, seed=seed),
                asked,
                folder,
                about,
                resume=options.resume,
                device=device,
                tensorboard=options.tensorboard,
                weights_of=options.weights_of,
            )
        merged = merge_until_complete(folder, without_seed(recipe), path)
        keys = ('name', 'mean', 'std', 'seeds', 'minutes', 'published', 'fold_mean')
        shown = {key: merged[key] for key in keys if merged.get(key) is not None}
        shown['baselines'] = {
            name: found['accuracy_mean'] for name, found in merged['baselines'].items()
        }
        print(json.dumps(shown))
    return 0


def ablation_name(text: str) -> str:
    """Read the name of an ablation from the command line, as a type of `argparse`."""
    if not re.fullmatch('[a-z0-9.-]+', text):
        raise argparse.ArgumentTypeError(
            f"a name is one word of the letters a to z, digits, '.' and '-', got {text!r}"
        )
    return text


def command_of(options: argparse.Namespace) -> str:
    """Write down the command that was given, but for the seeds."""
    words = ['python -m training.run', options.protocol, '--system', options.system]
    words += [f'--variant {options.variant}'] if options.variant else []
    words += ['--alone'] if options.alone else []
    words += [f'--set {setting!r}' for setting in options.set]
    words += [f'--ablation {options.ablation}'] if options.ablation else []
    words += [f'--weights-of {options.weights_of}'] if options.weights_of else []
    return ' '.join(words)


if __name__ == '__main__':
    raise SystemExit(main())
