from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.tarm.alexnet import AlexNet
from training.tarm.network import Branch, TarmNetwork, TemporalAttention, fused
from training.tarm.recipe import NetworkConfig


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def gru(rows: list[list[float]], weights: dict[str, np.ndarray], suffix: str) -> list[list[float]]:
    """A GRU as Cho et al. have it, cell by cell; torch's order of gates is r, z, n."""
    cells = len(rows[0])
    w, u = weights[f'memory.weight_ih_l0{suffix}'], weights[f'memory.weight_hh_l0{suffix}']
    b, c = weights[f'memory.bias_ih_l0{suffix}'], weights[f'memory.bias_hh_l0{suffix}']
    state, out = [0.0] * cells, []
    for row in rows:
        given = [sum(w[k, i] * row[i] for i in range(cells)) + b[k] for k in range(3 * cells)]
        kept = [sum(u[k, i] * state[i] for i in range(cells)) + c[k] for k in range(3 * cells)]
        following = []
        for cell in range(cells):
            reset = sigmoid(given[cell] + kept[cell])
            update = sigmoid(given[cells + cell] + kept[cells + cell])
            new = math.tanh(given[2 * cells + cell] + reset * kept[2 * cells + cell])
            following.append((1.0 - update) * new + update * state[cell])
        state = following
        out.append(state)
    return out


def test_attention_adds_what_the_gru_remembers_where_it_attends() -> None:
    torch.manual_seed(2)
    module, plane = TemporalAttention(3).eval(), torch.randn(1, 5, 3)
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    rows = plane[0].tolist()

    with torch.inference_mode():
        found = module(plane)[0].numpy()

    ahead = gru(rows, weights, '')
    back = gru(rows[::-1], weights, '_reverse')[::-1]
    for t in range(5):
        states = ahead[t] + back[t]
        for n in range(3):
            memory = ahead[t][n] + back[t][n]
            linear = sum(weights['attention.weight'][n, k] * states[k] for k in range(6))
            attention = sigmoid(linear + weights['attention.bias'][n])
            assert found[t, n] == pytest.approx(rows[t][n] + memory * attention, abs=1e-5)


def test_module_has_as_many_weights_as_its_equations_say() -> None:
    # Two directions of three gates, from 15 inputs and 15 cells, two biases; a linear layer.
    assert parameters(TemporalAttention(15)) == 2 * 3 * (15 * 15 + 15 * 15 + 2 * 15) + 31 * 15


@pytest.mark.parametrize(
    ('changes', 'count'),
    [
        ({}, 11_176_512 + 513 * 27 + 3 * 3_345),
        ({'attention': False}, 11_176_512 + 513 * 27),
        ({'modality': 'depth', 'attention': False}, 11_170_240 + 513 * 27),
        ({'modality': 'depth'}, 11_170_240 + 513 * 27 + 35_650),
        (
            {'modality': 'depth', 'attention': False, 'trunk': 'resnet50'},
            23_508_032 - 6_272 + 2049 * 27,
        ),
        ({'modality': 'depth', 'attention': False, 'trunk': 'alexnet'}, 4_576_091),
        ({'modality': 'both'}, 11_176_512 + 11_170_240 + 2 * 513 * 27 + 3 * 3_345 + 35_650),
        (
            {'modality': 'stacked'},
            11_176_512 + 64 * 49 + 513 * 27 + 3 * 3_345 + 35_650,
        ),
    ],
)
def test_each_row_of_the_tables_is_a_network(changes: dict[str, object], count: int) -> None:
    network = TarmNetwork(NetworkConfig(**changes), 15, 27).eval()  # type: ignore[arg-type]

    with torch.inference_mode():
        logits = network(torch.rand(2, 50, 15, 3), torch.rand(2, 50, 50))

    assert parameters(network) == count
    assert [tuple(one.shape) for one in logits.values()] == [(2, 27)] * len(network.branches)


def test_alexnet_takes_images_of_other_channels_and_sizes_too() -> None:
    assert AlexNet(5, 3, 64).eval()(torch.rand(2, 3, 64, 64)).shape == (2, 5)
    assert AlexNet(5, 1, 32).eval()(torch.rand(2, 1, 32, 32)).shape == (2, 5)


def test_planes_become_channels_in_their_order() -> None:
    branch = Branch((2, 3), NetworkConfig(attention=False, size=32), 4)
    first, second = torch.full((1, 8, 2), 0.25), torch.zeros(1, 32, 3)
    second[0, :, 2] = 1.0

    image = branch.image((first, second))

    assert image.shape == (1, 2, 32, 32)
    assert bool((image[0, 0] == 0.25).all())
    assert bool((image[0, 1, :, :5] == 0.0).all())
    assert bool((image[0, 1, :, -5:] == 1.0).all())


@pytest.mark.parametrize('rule', ['average', 'product', 'maximum'])
def test_fusion_is_of_probabilities(rule: str) -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.0, 2.0, (2, 6, 5))

    found = fused([torch.from_numpy(first), torch.from_numpy(second)], rule)

    for b in range(6):
        shares = []
        for logits in (first[b], second[b]):
            total = sum(math.exp(value) for value in logits)
            shares.append([math.exp(value) / total for value in logits])
        fusions = {
            'average': [(p + q) / 2 for p, q in zip(*shares, strict=True)],
            'product': [p * q for p, q in zip(*shares, strict=True)],
            'maximum': [max(p, q) for p, q in zip(*shares, strict=True)],
        }
        wanted = np.array(fusions[rule])
        scaled = torch.softmax(found[b], dim=0).numpy()
        np.testing.assert_allclose(scaled, wanted / wanted.sum(), rtol=1e-6)
