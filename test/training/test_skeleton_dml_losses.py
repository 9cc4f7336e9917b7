from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from training.skeleton_dml.losses import JointLoss
from training.skeleton_dml.recipe import MetricConfig

CLASSES = [0, 0, 0, 1, 1, 1, 2, 2, 2]
OTHERS = 2
"""Classes of another data set, after those of the batch."""


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of any length, near one another within a class, and logits of five classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, 4))[CLASSES]
    rows = centres + rng.normal(0.0, 0.8, (9, 4))
    return torch.from_numpy(rows), torch.from_numpy(rng.normal(size=(9, 3 + OTHERS)))


def unit(rows: torch.Tensor) -> np.ndarray:
    numbers = rows.numpy()
    return np.stack([row / math.sqrt(sum(x * x for x in row)) for row in numbers])


def mined(
    rows: torch.Tensor, epsilon: float
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The pairs of equations 1 and 2, anchor by anchor."""
    similarity = unit(rows) @ unit(rows).T
    near, far = [], []
    for a in range(9):
        positives = [k for k in range(9) if k != a and CLASSES[k] == CLASSES[a]]
        negatives = [k for k in range(9) if CLASSES[k] != CLASSES[a]]
        most = max(similarity[a, k] for k in negatives)
        least = min(similarity[a, k] for k in positives)
        near += [(a, k) for k in positives if similarity[a, k] < most + epsilon]
        far += [(a, k) for k in negatives if similarity[a, k] > least - epsilon]
    return near, far


def multi_similarity(
    rows: torch.Tensor,
    config: MetricConfig,
    near: list[tuple[int, int]],
    far: list[tuple[int, int]],
) -> float:
    """Equation 3."""
    similarity = unit(rows) @ unit(rows).T
    total = 0.0
    for i in range(9):
        pulled = sum(
            math.exp(-config.alpha * (similarity[i, k] - config.base)) for a, k in near if a == i
        )
        pushed = sum(
            math.exp(config.beta * (similarity[i, k] - config.base)) for a, k in far if a == i
        )
        total += math.log(1 + pulled) / config.alpha + math.log(1 + pushed) / config.beta
    return total / 9


def triplet_margin(
    rows: torch.Tensor,
    config: MetricConfig,
    near: list[tuple[int, int]],
    far: list[tuple[int, int]],
) -> float:
    places = unit(rows)
    terms = [
        math.dist(places[a], places[p]) - math.dist(places[a], places[n]) + config.margin
        for (a, p), (b, n) in itertools.product(near, far)
        if a == b
    ]
    wrong = [term for term in terms if term > 0]
    return sum(wrong) / len(wrong) if wrong else 0.0


def cross_entropy(logits: torch.Tensor) -> float:
    """Among the three classes of the batch's data set."""
    total = 0.0
    for row, own in zip(logits.tolist(), CLASSES, strict=True):
        total -= math.log(math.exp(row[own]) / sum(math.exp(row[k]) for k in range(3)))
    return total / 9


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    ('name', 'naive'), [('multi-similarity', multi_similarity), ('triplet-margin', triplet_margin)]
)
def test_loss_is_the_share_of_both_losses_over_mined_pairs(
    name: str, naive: object, seed: int
) -> None:
    config = MetricConfig(loss=name, alpha=2.0, beta=10.0, margin=0.3, classifier=0.3)
    rows, logits = batch(seed)
    possible = torch.tensor([True] * 3 + [False] * OTHERS)

    loss = JointLoss(config)(rows, logits, torch.tensor(CLASSES), possible)

    metric = naive(rows, config, *mined(rows, config.miner_epsilon))  # type: ignore[operator]
    wanted = 0.7 * metric + 0.3 * cross_entropy(logits)
    assert float(loss) == pytest.approx(wanted, rel=1e-5)
    assert metric > 0.0
