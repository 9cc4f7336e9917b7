"""Results of several seeds in one file, by any number of processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skeleton_action_ros.core.errors import SkeletonActionError
from training import results
from training.results import (
    card_results,
    is_on,
    merge,
    merge_until_complete,
    pooled_curve,
    read_entries,
    read_results,
    write_json,
)

RECIPE = {'name': 'lodo-x-encoder', 'batch': [1, 2]}


def figures(accuracy: float) -> dict[str, Any]:
    return {
        'accuracy_mean': accuracy,
        'accuracy_std': 0.02,
        'draws': 200,
        'classes': 2,
        'clips': 9,
        'unknown_auroc': 0.7,
        'unknown_fpr_at_95_tpr': 0.5,
        'per_class': {'wave': accuracy, 'clap': 1.0},
    }


def point(accepted: float) -> dict[str, float]:
    return {
        'threshold': 0.5,
        'true_accept': accepted,
        'wrong_name': 0.0,
        'false_accept': 0.0,
        'false_background': 0.0,
    }


def test_entry_that_was_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'seed-0' / 'figures.json'
    write_json(path, entry(0, 0.5))
    path.write_text(path.read_text()[:100])

    with pytest.raises(SkeletonActionError, match=r'figures\.json is no JSON: '):
        read_entries(tmp_path, RECIPE)


def entry(seed: int, accuracy: float) -> dict[str, Any]:
    return {
        'system': 'encoder',
        'protocol': 'lodo-x',
        'paper': 'somebody',
        'goal': None,
        'seed': seed,
        'figures': {
            **figures(accuracy),
            'also': {'across views': figures(accuracy / 2)},
            'altered': {'10 Hz': accuracy - 0.02},
            'operating_curve': [point(accuracy)],
        },
        'baselines': {'': {'dtw': figures(0.4)}, 'across views': {'dtw': figures(0.3)}},
        'queries': {'wave': 3, 'clap': 4},
        'validation_accuracy': 0.8,
        'learning_rate': 0.001,
        'tried': {},
        'steps': 10,
        'minutes': 2.0 + seed,
        'command': 'python -m training.run lodo-x',
        'settings': [],
        'commit': 'abc',
        'machine': 'two cores',
        'data': {'fingerprint': '1'},
        'recipe': RECIPE,
    }


def put(folder: Path, seed: int, accuracy: float) -> None:
    write_json(folder / f'seed-{seed}' / 'figures.json', entry(seed, accuracy))


def test_mean_and_spread_over_seeds_by_hand() -> None:
    merged = merge([entry(0, 0.5), entry(1, 0.6), entry(2, 0.7)])

    assert merged['mean'] == merged['accuracy_mean'] == 0.6
    assert merged['std'] == 0.1
    assert merged['accuracy_std'] == 0.02
    assert merged['seeds'] == [0, 1, 2]
    assert merged['minutes'] == 3.0
    assert (merged['clips'], merged['asked']) == (9, 7)
    assert merged['baselines']['dtw']['accuracy_mean'] == 0.4
    assert merged['also']['across views']['mean'] == 0.3
    assert merged['also']['across views']['baselines']['dtw']['accuracy_mean'] == 0.3
    assert merged['altered'] == {'10 Hz': 0.58}
    assert merged['per_class'] == {'wave': 0.6, 'clap': 1.0}
    assert merged['operating_curve'][0]['true_accept'] == pytest.approx(0.6)
    assert [run['accuracy_mean'] for run in merged['runs']] == [0.5, 0.6, 0.7]
    assert merged['command'] == 'python -m training.run lodo-x --seeds 0 1 2'
    assert merge([entry(4, 0.5)])['std'] == 0.0


def test_what_differs_between_seeds_is_told_of_all() -> None:
    entries = [entry(seed, 0.5) for seed in range(4)]
    for one, commit, print_ in zip(entries, ('b', 'a, c', 'b', 'a'), '1211', strict=True):
        one['commit'] = commit
        one['data'] = {'learned': ['x'], 'fingerprint': print_, 'asked_fingerprint': '7'}

    merged = merge(entries)

    assert merged['commit'] == 'b, a, c'
    assert merged['data'] == {'learned': ['x'], 'fingerprint': '1, 2', 'asked_fingerprint': '7'}
    assert [run['commit'] for run in merged['runs']] == ['b', 'a, c', 'b', 'a']
    assert [run['fingerprint'] for run in merged['runs']] == ['1', '2', '1', '1']


def test_entry_that_says_nothing_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / 'seed-0' / 'figures.json'
    write_json(path, {})
    with pytest.raises(SkeletonActionError, match=r'figures\.json is no entry .*lacks system, pro'):
        read_entries(tmp_path, RECIPE)

    write_json(path, {**entry(0, 0.5), 'system': 'none'})
    with pytest.raises(SkeletonActionError, match=r"entry of system 'none', expected one of enc"):
        read_entries(tmp_path, RECIPE)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_what_is_no_number_is_not_written(tmp_path: Path, value: float) -> None:
    with pytest.raises(SkeletonActionError, match=r'one\.json cannot be written: .*not JSON'):
        write_json(tmp_path / 'one.json', {'loss': [value]})

    assert list(tmp_path.iterdir()) == []


def test_entry_is_of_the_data_that_it_was_measured_on() -> None:
    found = {**entry(0, 0.5), 'data': {'fingerprint': '1', 'asked_fingerprint': '7'}}

    assert is_on(found, '1', '7')
    assert not is_on(found, '2', '7')
    assert not is_on(found, '1', '8')


def test_entries_of_another_recipe_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, 1, 0.5)
    other = {**entry(0, 0.9), 'recipe': {**RECIPE, 'batch': [3]}}
    write_json(tmp_path / 'seed-0' / 'figures.json', other)

    assert [one['seed'] for one in read_entries(tmp_path, {**RECIPE, 'batch': (1, 2)})] == [1]


def test_entry_that_comes_in_while_another_is_merged_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 0, 0.5)
    path = tmp_path / 'results.json'
    written = []

    def write_and_be_overtaken(where: Path, content: dict[str, Any]) -> None:
        if where == path and not written:
            put(tmp_path, 1, 0.7)
        written.append(where)
        write_json(where, content)

    monkeypatch.setattr(results, 'write_json', write_and_be_overtaken)

    merged = merge_until_complete(tmp_path, RECIPE, path)

    assert merged['seeds'] == [0, 1]
    assert json.loads(path.read_text())['seeds'] == [0, 1]


def test_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / 'one.json'
    write_json(path, {'a': 1})

    with pytest.raises(TypeError):
        write_json(path, {'a': object()})

    assert json.loads(path.read_text()) == {'a': 1}
    assert [file.name for file in tmp_path.iterdir()] == ['one.json']


def test_card_has_the_protocols_of_its_system_and_no_ablation(tmp_path: Path) -> None:
    write_json(tmp_path / 'lodo-x-encoder.json', merge([entry(0, 0.5)]))
    ablation = {**entry(0, 0.4), 'recipe': {**RECIPE, 'name': 'ablation-a-lodo-x-encoder'}}
    write_json(tmp_path / 'ablation-a-lodo-x-encoder.json', merge([ablation]))
    write_json(tmp_path / 'default.card.json', {'system': 'encoder'})

    found = read_results(tmp_path)

    assert len(found) == 2
    assert list(card_results(found)) == ['lodo-x']
    assert card_results(found)['lodo-x']['mean'] == 0.5
    assert 'runs' not in card_results(found)['lodo-x']
    assert card_results(found, 'skeleton-dml') == {}
    assert [one.true_accept for one in pooled_curve(found)] == [0.5]
    assert pooled_curve(found, 'skeleton-dml') == []
