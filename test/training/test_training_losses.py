from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skeleton_action_ros.core import similarity
from training.config import LossConfig
from training.losses import ComparablePairsLoss, aligned_tokens

CONFIG = LossConfig(alpha=2.0, beta=10.0, base=0.5, miner_epsilon=0.1)


def unit_rows(count: int, seed: int) -> torch.Tensor:
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 4)))
    return torch.nn.functional.normalize(rows, dim=1)


def naive(rows: torch.Tensor, classes: list[int], comparable: np.ndarray) -> float:
    """Multi-similarity with its miner, as in its paper (equations 11 to 15), anchor by anchor."""
    alike = (rows @ rows.T).numpy()
    total = 0.0
    for a, own in enumerate(classes):
        others = [i for i in range(len(classes)) if i != a]
        positives = [i for i in others if classes[i] == own]
        negatives = [i for i in others if classes[i] != own]
        hardest_positive = min((alike[a, i] for i in positives), default=math.inf)
        hardest_negative = max((alike[a, i] for i in negatives), default=-math.inf)
        kept_positives = [
            i for i in positives if alike[a, i] - CONFIG.miner_epsilon < hardest_negative
        ]
        kept_negatives = [
            i
            for i in negatives
            if alike[a, i] + CONFIG.miner_epsilon > hardest_positive and comparable[a, i]
        ]
        near = sum(math.exp(-CONFIG.alpha * (alike[a, i] - 0.5)) for i in kept_positives)
        far = sum(math.exp(CONFIG.beta * (alike[a, i] - 0.5)) for i in kept_negatives)
        total += math.log1p(near) / CONFIG.alpha + math.log1p(far) / CONFIG.beta
    return total / len(classes)


def computed(rows: torch.Tensor, classes: list[int], comparable: np.ndarray) -> float:
    loss = ComparablePairsLoss(CONFIG)
    return float(loss(rows @ rows.T, torch.tensor(classes), torch.from_numpy(comparable)))


@pytest.mark.parametrize('seed', range(4))
def test_multi_similarity_agrees_with_its_formula(seed: int) -> None:
    rows, classes = unit_rows(9, seed), [0, 0, 0, 1, 1, 1, 2, 2, 3]
    comparable = np.ones((9, 9), bool)

    loss = ComparablePairsLoss(CONFIG)(
        rows @ rows.T, torch.tensor(classes), torch.from_numpy(comparable)
    )

    assert loss == pytest.approx(naive(rows, classes, comparable), rel=1e-5)


@pytest.mark.parametrize('seed', range(4))
def test_pairs_that_may_be_the_same_action_are_left_out(seed: int) -> None:
    rows, classes = unit_rows(9, seed), [0, 0, 0, 1, 1, 1, 2, 2, 3]
    comparable = np.ones((9, 9), bool)
    comparable[:3, 3:6] = comparable[3:6, :3] = False

    loss = ComparablePairsLoss(CONFIG)(
        rows @ rows.T, torch.tensor(classes), torch.from_numpy(comparable)
    )

    assert loss == pytest.approx(naive(rows, classes, comparable), rel=1e-5)
    assert loss != pytest.approx(naive(rows, classes, np.ones((9, 9), bool)), rel=1e-3)


def unit_tokens(count: int, tokens: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, tokens, 5)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=2, keepdims=True))


@pytest.mark.parametrize('band', [0, 1, 3, 9])
def test_training_aligns_tokens_as_the_robot_does(band: int) -> None:
    tokens = unit_tokens(7, 6, band)

    found = aligned_tokens(torch.from_numpy(tokens), band).numpy()

    np.testing.assert_allclose(found, similarity.aligned_tokens(tokens, tokens, band), atol=1e-6)


def test_aligned_tokens_by_a_naive_loop() -> None:
    tokens, band = unit_tokens(3, 4, 1), 1
    expected = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            near = [
                max(tokens[a, i] @ tokens[b, j] for j in range(4) if abs(i - j) <= band)
                for i in range(4)
            ]
            back = [
                max(tokens[a, i] @ tokens[b, j] for i in range(4) if abs(i - j) <= band)
                for j in range(4)
            ]
            expected[a, b] = (np.mean(near) + np.mean(back)) / 2

    found = aligned_tokens(torch.from_numpy(tokens), band).numpy()

    np.testing.assert_allclose(found, expected, atol=1e-6)
