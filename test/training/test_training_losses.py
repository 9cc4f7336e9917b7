from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.config import LossConfig
from training.losses import ComparablePairsLoss, WarpingDistillation

CONFIG = LossConfig(alpha=2.0, beta=10.0, base=0.5, miner_epsilon=0.1)


def unit_rows(count: int, seed: int) -> torch.Tensor:
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 4)))
    return torch.nn.functional.normalize(rows, dim=1)


def naive(rows: torch.Tensor, classes: list[int], comparable: np.ndarray) -> float:
    """Multi-similarity with its miner, as in its paper (equations 11 to 15), anchor by anchor."""
    similarity = (rows @ rows.T).numpy()
    total = 0.0
    for a, own in enumerate(classes):
        others = [i for i in range(len(classes)) if i != a]
        positives = [i for i in others if classes[i] == own]
        negatives = [i for i in others if classes[i] != own]
        hardest_positive = min((similarity[a, i] for i in positives), default=math.inf)
        hardest_negative = max((similarity[a, i] for i in negatives), default=-math.inf)
        kept_positives = [
            i for i in positives if similarity[a, i] - CONFIG.miner_epsilon < hardest_negative
        ]
        kept_negatives = [
            i
            for i in negatives
            if similarity[a, i] + CONFIG.miner_epsilon > hardest_positive and comparable[a, i]
        ]
        near = sum(math.exp(-CONFIG.alpha * (similarity[a, i] - 0.5)) for i in kept_positives)
        far = sum(math.exp(CONFIG.beta * (similarity[a, i] - 0.5)) for i in kept_negatives)
        total += math.log1p(near) / CONFIG.alpha + math.log1p(far) / CONFIG.beta
    return total / len(classes)


@pytest.mark.parametrize('seed', range(4))
def test_multi_similarity_agrees_with_its_formula(seed: int) -> None:
    rows, classes = unit_rows(9, seed), [0, 0, 0, 1, 1, 1, 2, 2, 3]
    comparable = np.ones((9, 9), bool)

    loss = ComparablePairsLoss(CONFIG)(rows, torch.tensor(classes), torch.from_numpy(comparable))

    assert float(loss) == pytest.approx(naive(rows, classes, comparable), rel=1e-5)


@pytest.mark.parametrize('seed', range(4))
def test_pairs_that_may_be_the_same_action_are_left_out(seed: int) -> None:
    rows, classes = unit_rows(9, seed), [0, 0, 0, 1, 1, 1, 2, 2, 3]
    comparable = np.ones((9, 9), bool)
    comparable[:3, 3:6] = comparable[3:6, :3] = False

    loss = ComparablePairsLoss(CONFIG)(rows, torch.tensor(classes), torch.from_numpy(comparable))

    assert float(loss) == pytest.approx(naive(rows, classes, comparable), rel=1e-5)
    assert float(loss) != pytest.approx(naive(rows, classes, np.ones((9, 9), bool)), rel=1e-3)


def test_distillation_agrees_with_a_naive_loop() -> None:
    rows = unit_rows(5, 7)
    warped = np.random.default_rng(8).random((5, 5))
    warped = warped + warped.T
    warped[0, 3] = warped[3, 0] = np.inf
    config = LossConfig(teacher_temperature=0.2, temperature=0.3)

    loss = WarpingDistillation(config)(rows, torch.from_numpy(warped))

    similarity = (rows @ rows.T).numpy()
    total = 0.0
    for a in range(5):
        others = [i for i in range(5) if i != a and np.isfinite(warped[a, i])]
        teacher = [math.exp(-warped[a, i] / 0.2) for i in others]
        student = [math.exp(similarity[a, i] / 0.3) for i in others]
        for p, q in zip(teacher, student, strict=True):
            share = p / sum(teacher)
            total += share * math.log(share / (q / sum(student)))
    assert float(loss) == pytest.approx(total / 5, rel=1e-4)
