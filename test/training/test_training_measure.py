from __future__ import annotations

import numpy as np
from training_clips import LIFTED, lifting_samples

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.measure import LAYOUTS, invariances, one_shot, rounded

CONFIG = PreprocessConfig()


def as_unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def joints_as_embedding(joints: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return as_unit(joints.reshape(len(joints), -1))


def test_clear_actions_are_told_apart_by_joints_and_not_by_a_constant() -> None:
    samples = lifting_samples()

    good = one_shot(joints_as_embedding, samples, CONFIG)
    blind = one_shot(lambda joints, mask: np.eye(1, 5)[[0] * len(joints)], samples, CONFIG)

    assert set(good) == {'embedder', 'raw', 'canonical', 'dtw'}
    assert good['embedder']['accuracy_mean'] > 0.95
    assert good['canonical']['accuracy_mean'] > 0.95
    assert good['embedder']['classes'] == len(LIFTED)
    assert good['embedder']['clips'] == len(samples)
    assert blind['embedder']['accuracy_mean'] == round(1 / len(LIFTED), 4)
    assert blind['dtw'] == good['dtw']


def test_invariances_of_plain_joints_order_as_motions_do() -> None:
    found = invariances(joints_as_embedding, CONFIG, people=2)

    assert set(found) == {
        *(f'k4abt_32 and {layout}' for layout in LAYOUTS),
        '30 Hz and 10 Hz',
        'one-sided and mirrored',
        'same action, other person',
        'different actions',
    }
    assert found['30 Hz and 10 Hz'] > 0.98
    assert found['one-sided and mirrored'] < found['30 Hz and 10 Hz']
    assert found['different actions'] < found['same action, other person'] < 1.0


def test_numbers_are_rounded_wherever_they_stand() -> None:
    assert rounded({'a': [1.23456789, {'b': 2.0}], 'c': 'text', 'd': 3}) == {
        'a': [1.2346, {'b': 2.0}],
        'c': 'text',
        'd': 3,
    }
