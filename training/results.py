"""
Results files: what one recipe was measured to be worth, over all its seeds.

Each run leaves an entry of its own beside its checkpoint; the file in `training/results` is made of
all entries of one recipe, again and again, until none has come in meanwhile. So any number of
processes may train seeds of one recipe at a time.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.errors import SkeletonActionError
from training.calibrate import FALSE_ACCEPT, OperatingPoint, choose, mean_curve
from training.config import Recipe, completed
from training.data import CHECKOUT
from training.files import written_whole
from training.provenance import each_once
from training.recipes import SYSTEMS

RESULTS = CHECKOUT / 'training' / 'results'
ENTRY = 'figures.json'
_OF_A_RUN = (
    *('seed', 'accuracy_mean', 'accuracy_std', 'unknown_auroc', 'unknown_fpr_at_95_tpr'),
    *('validation_accuracy', 'learning_rate', 'tried', 'steps', 'minutes', 'commit', 'machine'),
)
_OF_AN_ENTRY = (
    *('system', 'protocol', 'paper', 'goal', 'seed', 'figures', 'baselines', 'tried', 'steps'),
    *('validation_accuracy', 'learning_rate', 'minutes', 'command', 'settings', 'commit'),
    *('machine', 'data', 'recipe'),
)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """
    Write a file; whole or not at all.

    :raises SkeletonActionError: a figure is not a number, or infinite, which JSON does not know.
    """
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
    except ValueError as error:
        raise SkeletonActionError(f'{path} cannot be written: {error}') from None
    with written_whole(path) as part:
        part.write_text(text + '\n', 'utf-8')


def read_json(path: Path) -> dict[str, Any]:
    """
    Read what `write_json` wrote.

    :raises SkeletonActionError: it is cut short, or something else.
    """
    try:
        found = json.loads(path.read_text('utf-8'))
    except ValueError as error:
        raise SkeletonActionError(f'{path} is no JSON: {error}') from None
    if not isinstance(found, dict):
        raise SkeletonActionError(f'{path} must hold an object, got {type(found).__name__}')
    return found


def read_entry(path: Path) -> dict[str, Any]:
    """
    Read what one run left.

    :raises SkeletonActionError: it is no entry, or of a system that is not there.
    """
    entry = read_json(path)
    lacking = [key for key in _OF_AN_ENTRY if key not in entry]
    if lacking:
        raise SkeletonActionError(f'{path} is no entry of a run: it lacks {", ".join(lacking)}')
    if entry['system'] not in SYSTEMS:
        raise SkeletonActionError(
            f'{path} is an entry of system {entry["system"]!r}, expected one of '
            f'{", ".join(SYSTEMS)}'
        )
    return entry


def read_entries(folder: Path, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the entries of all runs of a recipe, whatever their seed, by their seed."""
    entries = [read_entry(path) for path in sorted(folder.glob(f'seed-*/{ENTRY}'))]
    return sorted(
        (entry for entry in entries if is_of(entry, recipe)), key=lambda entry: entry['seed']
    )


def is_of(entry: Mapping[str, Any], recipe: Mapping[str, Any]) -> bool:
    """
    Say whether an entry is of a recipe, though the entry may be older than some of its values.

    :param recipe: as in the entries: without a seed.
    """
    kind = SYSTEMS[entry['system']].recipe_type
    first, second = (
        json.loads(json.dumps(completed(kind, one))) for one in (entry['recipe'], recipe)
    )
    return bool(first == second)


def without_seed(recipe: Recipe) -> dict[str, Any]:
    """Return what all runs of a recipe have in common."""
    values = asdict(recipe)
    del values['seed']
    return values


def is_on(entry: Mapping[str, Any], learned: str, asked: str) -> bool:
    """
    Say whether an entry was measured on these clips.

    :param learned: fingerprint of the clips learned from; `asked` of those asked about.
    """
    data = entry['data']
    return (data.get('fingerprint'), data.get('asked_fingerprint')) == (learned, asked)


def joined(entries: Mapping[str, Mapping[str, Any]], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """
    Make one entry of those of all folds of a seed.

    :param entries: by the name of the fold.
    :param recipe: of the whole, without a seed.
    :return: its accuracy is the share of all queries of all folds that are named rightly; beside it
        are those of each fold, and their mean.
    """
    last = list(entries.values())[-1]
    counts = [entry['queries'] for entry in entries.values()]
    figures = joined_figures([entry['figures'] for entry in entries.values()], counts)
    shares = {fold: entry['figures']['accuracy_mean'] for fold, entry in entries.items()}
    baselines = {
        name: joined_figures([one['baselines'][''][name] for one in entries.values()], counts)
        for name in last['baselines']['']
    }
    return {
        **last,
        'protocol': recipe['protocol'],
        'figures': {**figures, 'folds': shares, 'fold_mean': _mean(list(shares.values()))},
        'baselines': {'': baselines},
        'queries': dict(sum(map(Counter, counts), Counter())),
        'validation_accuracy': _mean([one['validation_accuracy'] for one in entries.values()]),
        'tried': {fold: entry['tried'] for fold, entry in entries.items()},
        'steps': sum(entry['steps'] for entry in entries.values()),
        'minutes': round(sum(entry['minutes'] for entry in entries.values()), 2),
        'commit': each_once(one['commit'] for one in entries.values()),
        'data': _data_of(list(entries.values())),
        'recipe': dict(recipe),
    }


def joined_figures(
    figures: Sequence[Mapping[str, Any]], queries: Sequence[Mapping[str, int]]
) -> dict[str, Any]:
    """
    Bring the figures of folds together, each weighing as much as it has queries.

    :param queries: of each fold, how many by the action.
    """
    sizes = [sum(count.values()) for count in queries]
    labels = sorted({label for count in queries for label in count})

    def mean(name: str) -> float:
        parts = [size * float(one[name]) for one, size in zip(figures, sizes, strict=True)]
        return round(sum(parts) / sum(sizes), 4)

    def share(label: str) -> float:
        asked = sum(count.get(label, 0) for count in queries)
        right = [
            count[label] * float(one['per_class'][label])
            for one, count in zip(figures, queries, strict=True)
            if count.get(label)
        ]
        return round(sum(right) / asked, 4)

    return {
        'accuracy_mean': mean('accuracy_mean'),
        'accuracy_std': 0.0,
        'draws': 1,
        'classes': max(one['classes'] for one in figures),
        'clips': sum(sizes),
        'unknown_auroc': mean('unknown_auroc'),
        'unknown_fpr_at_95_tpr': mean('unknown_fpr_at_95_tpr'),
        'per_class': {label: share(label) for label in labels},
    }


def merge_until_complete(folder: Path, recipe: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """
    Write the results file of a recipe from the entries of its runs.

    A run that ends while this one merges may have been overlooked, and its own merge overwritten:
    so the entries are read again after writing. Where the file has seeds of which there is no
    entry, measured in another checkout, it stays as it is; that is told in one line.

    :param folder: has a folder `seed-N` for each run, one at least with an entry.
    :param recipe: as in the entries: without a seed.
    :return: what is made of the entries, whether it was written or not.
    """
    while True:
        entries = read_entries(folder, recipe)
        merged = merge(entries)
        there = read_json(path).get('seeds', []) if path.is_file() else []
        lost = sorted(set(there) - set(merged['seeds']))
        if lost:
            others = ' '.join(map(str, lost))
            print(
                f'{path} stays as it is, or it would lose seeds measured elsewhere: run also '
                f'--seeds {others}, or name another folder by --results',
                file=sys.stderr,
            )
            return merged
        write_json(path, merged)
        if read_entries(folder, recipe) == entries:
            return merged


def merge(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Make the content of a results file from entries of one recipe.

    :param entries: one at least; baselines are those of the last.
    :return: 'mean' and 'std' are of the accuracy over seeds, shares from 0 to 1; the standard
        deviation is the sample's, 0 for a single seed. 'clips' are those of the data set, 'asked'
        the queries of one draw; entries of older versions do not tell these. 'commit' and the
        fingerprints in 'data' are those of all runs, each once in the order of the seeds.
    """
    last = entries[-1]
    seeds = [entry['seed'] for entry in entries]
    out: dict[str, Any] = {key: last[key] for key in ('system', 'protocol', 'paper', 'goal')}
    out |= {'name': last['recipe']['name'], **spread(entries), 'seeds': seeds}
    out |= {key: last[key] for key in ('variant', 'about', 'table', 'published') if key in last}
    out |= {key: last['figures'][key] for key in ('draws', 'classes', 'clips')}
    if 'queries' in last:
        out['asked'] = sum(last['queries'].values())
    out['baselines'] = {name: _brief(found) for name, found in last['baselines'][''].items()}
    if 'folds' in last['figures']:
        out['fold_mean'] = _mean([entry['figures']['fold_mean'] for entry in entries])
        out['folds'] = {
            fold: _mean([entry['figures']['folds'][fold] for entry in entries])
            for fold in last['figures']['folds']
        }
    also = last['figures'].get('also', {})
    if also:
        out['also'] = {
            question: {
                **spread([{'figures': entry['figures']['also'][question]} for entry in entries]),
                'baselines': {
                    name: _brief(found) for name, found in last['baselines'][question].items()
                },
            }
            for question in also
        }
    out['per_class'] = {
        label: _mean([entry['figures']['per_class'][label] for entry in entries])
        for label in last['figures']['per_class']
    }
    out['runs'] = [
        {
            **{key: {**entry['figures'], **entry}[key] for key in _OF_A_RUN},
            **({'processes': entry['processes']} if 'processes' in entry else {}),
            'fingerprint': entry['data']['fingerprint'],
        }
        for entry in entries
    ]
    if 'altered' in last['figures']:
        out['altered'] = {
            name: _mean([entry['figures']['altered'][name] for entry in entries])
            for name in last['figures']['altered']
        }
    if 'operating_curve' in last['figures']:
        out['operating_curve'] = [
            vars(point) for point in mean_curve([_curve(entry['figures']) for entry in entries])
        ]
    command = f'{last["command"]} --seeds {" ".join(map(str, seeds))}'
    out |= {'minutes': _mean([entry['minutes'] for entry in entries]), 'command': command}
    out |= {key: last[key] for key in ('settings', 'machine', 'recipe')}
    return out | {
        'commit': each_once(entry['commit'] for entry in entries),
        'data': _data_of(entries),
    }


def spread(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation over seeds of what each seed's draws have as mean."""
    found = [entry['figures'] for entry in entries]
    shares = [one['accuracy_mean'] for one in found]
    return {
        'mean': _mean(shares),
        'std': round(statistics.stdev(shares), 4) if len(shares) > 1 else 0.0,
        'accuracy_mean': _mean(shares),
        'accuracy_std': _mean([one['accuracy_std'] for one in found]),
        'unknown_auroc': _mean([one['unknown_auroc'] for one in found]),
    }


def read_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Read all results files of protocols, by name."""
    found = [read_json(path) for path in sorted(folder.glob('*.json'))]
    return [result for result in found if 'runs' in result]


def row_of(recipe: Recipe) -> str:
    """Name the system and the variant of a recipe, as names of results end: 'SYSTEM-VARIANT'."""
    name, protocol = recipe.name.partition('/')[0], recipe.protocol.partition('/')[0]
    start = f'{protocol}-'
    return name.removeprefix(start) if name.startswith(start) else recipe.system


def card_results(
    results: Iterable[Mapping[str, Any]], row: str = 'encoder'
) -> dict[str, dict[str, Any]]:
    """
    Return what the card of a bundle says about all protocols, by the protocol.

    :param results: from `read_results`; those of other systems, and ablations, are left out.
    :param row: from `row_of`.
    """
    kept = (
        *('mean', 'std', 'seeds', 'accuracy_mean', 'accuracy_std', 'draws', 'classes', 'clips'),
        *('unknown_auroc', 'baselines', 'also', 'altered', 'command', 'commit'),
    )
    return {
        result['protocol']: {key: result[key] for key in kept if key in result}
        for result in results
        if result['name'] == f'{result["protocol"]}-{row}'
    }


def pooled_curve(
    results: Iterable[Mapping[str, Any]], row: str = 'encoder'
) -> list[OperatingPoint]:
    """Return the operating curve of a system, the mean over data sets left out; [] where none."""
    curves = [
        _curve(result)
        for result in results
        if 'operating_curve' in result and result['name'] == f'{result["protocol"]}-{row}'
    ]
    return mean_curve(curves) if curves else []


def chosen_point(curve: Sequence[OperatingPoint]) -> OperatingPoint:
    """Return the point of a curve at which `FALSE_ACCEPT` is accepted falsely."""
    return choose(curve, FALSE_ACCEPT)


def _data_of(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all entries say about their data; fingerprints that differ are joined."""
    return {
        key: each_once(entry['data'][key] for entry in entries) if isinstance(value, str) else value
        for key, value in entries[-1]['data'].items()
    }


def _curve(found: Mapping[str, Any]) -> list[OperatingPoint]:
    return [OperatingPoint(**point) for point in found['operating_curve']]


def _brief(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if key != 'per_class'}


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 4)
