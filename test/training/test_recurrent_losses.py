from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.recurrent.losses import averaged, named_at_every_step
from training.recurrent.recipe import TransformerConfig
from training.recurrent.transformer import SkeletonTransformer

SCORES = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 5, 4)).astype(np.float32)) * 2
CLASSES = torch.tensor([2, 0])


def probabilities(row: int) -> list[list[float]]:
    """Return p_t^c by the definition of the softmax."""
    out = []
    for scores in SCORES[row].tolist():
        total = sum(math.exp(score) for score in scores)
        out.append([math.exp(score) / total for score in scores])
    return out


def test_loss_over_all_times_is_equation_11() -> None:
    wanted = 0.0
    for row, right in enumerate(CLASSES.tolist()):
        wanted += sum(-math.log(p[right]) for p in probabilities(row)) / 5 / 2

    assert float(named_at_every_step(SCORES, CLASSES, 1.0)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(('hardest', 'size'), [(0.2, 1), (0.4, 2), (0.5, 3), (1.0, 5)])
def test_inattention_weighs_the_worst_times_alike(hardest: float, size: int) -> None:
    wanted = 0.0
    for row, right in enumerate(CLASSES.tolist()):
        worst = sorted(p[right] for p in probabilities(row))[:size]
        wanted += sum(-math.log(p) / size for p in worst) / 2

    found = float(named_at_every_step(SCORES, CLASSES, hardest))

    assert found == pytest.approx(wanted, rel=1e-5)
    assert found >= float(named_at_every_step(SCORES, CLASSES, 1.0)) - 1e-6


@pytest.mark.parametrize('percent', [14, 28, 55])
def test_share_of_the_times_is_rounded_up_to_whole_ones_and_not_to_one_more(percent: int) -> None:
    scores = torch.zeros(1, 100, 2)
    scores[0, :, 0] = torch.arange(100.0)

    found = float(named_at_every_step(scores, torch.tensor([0]), percent / 100))

    wanted = sum(math.log(1.0 + math.exp(-score)) for score in range(percent)) / percent
    assert found == pytest.approx(wanted, rel=1e-5)


def test_final_prediction_is_the_average_of_the_probabilities_over_time() -> None:
    found = averaged(SCORES)

    for row in range(2):
        for label in range(4):
            mean = sum(p[label] for p in probabilities(row)) / 5
            assert float(found[row, label]) == pytest.approx(math.log(mean), rel=1e-4)


def transformer(combination: str, sparsity: float = 0.0) -> SkeletonTransformer:
    made = SkeletonTransformer(TransformerConfig(combination, 0.01, sparsity), 3)
    weight = torch.tensor([[1.0, 2.0, 1.0], [0.5, -0.25, 0.25], [3.0, 0.0, -1.0]])
    made.weight.data.copy_(weight)
    return made


POSE = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0], [4.0, 0.0, 0.0]])


def test_linear_combination_is_equation_8() -> None:
    found = transformer('linear')(POSE[None, None])

    wanted = [[5.0, 2.0, 6.0], [1.5, -0.25, 0.5], [-1.0, 0.0, 6.0]]
    np.testing.assert_allclose(found[0, 0].detach().numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize('combination', ['affine', 'convex'])
def test_rows_sum_to_one_in_equations_9_and_10(combination: str) -> None:
    made = transformer(combination)

    found = made(POSE[None, None])

    # Row sums of W are 4, 0.5 and 2.
    wanted = [[1.25, 0.5, 1.5], [3.0, -0.5, 1.0], [-0.5, 0.0, 3.0]]
    np.testing.assert_allclose(found[0, 0].detach().numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(made.combined().sum(dim=1).detach().numpy(), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ('combination', 'wanted'),
    [('linear', 0.0), ('affine', 0.0), ('positive', 0.01 * 1.0), ('convex', 0.01 * 0.5)],
)
def test_negative_weights_cost_lambda_where_they_are_to_be_positive(
    combination: str, wanted: float
) -> None:
    penalty = transformer(combination).penalty().item()

    assert penalty == pytest.approx(wanted, abs=1e-7)


def test_sparsity_is_mu_times_the_squared_mixed_norm() -> None:
    made = transformer('linear', sparsity=0.1)

    wanted = 0.0
    for row in made.weight.tolist():
        wanted += sum(abs(weight) for weight in row) ** 2

    assert wanted == 16.0 + 1.0 + 16.0
    assert made.penalty().item() == pytest.approx(0.1 * wanted, rel=1e-6)


def test_transformer_starts_near_the_joints_themselves() -> None:
    torch.manual_seed(0)
    made = SkeletonTransformer(TransformerConfig('affine'), 15)

    np.testing.assert_allclose(made.combined().detach().numpy(), np.eye(15), atol=0.15)
