from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from training.convnet3d.network import (
    ConvNet3d,
    PairedConvolution,
    Rectification,
    SequenceLabeller,
    Subsampling,
    TwoSteps,
    convolved,
    voted,
)

KTH_ACTIONS = 6


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_convnet_has_the_weights_of_the_paper() -> None:
    network = ConvNet3d(KTH_ACTIONS)

    assert count(network) == 17_169
    layers = ('c1', 's1', 'c2', 's2', 'c3')
    assert [count(getattr(network, layer)) for layer in layers] == [1722, 14, 4235, 70, 4730]


def test_lstm_has_about_25000_weights() -> None:
    assert count(SequenceLabeller(50, KTH_ACTIONS)) == 25_956


def test_layers_have_the_sizes_of_the_paper() -> None:
    network = ConvNet3d(KTH_ACTIONS)
    frames = torch.randn(1, 9, 54, 34)

    c1 = network.c1(frames[:, :, None])
    s1 = network.s1(network.r1(c1))
    c2 = network.c2(s1)
    s2 = network.s2(network.r2(c2))
    c3 = network.c3(s2)

    # (batch, time, maps, rows, columns); the paper writes columns x rows x time.
    assert c1.shape == (1, 5, 7, 48, 28)
    assert s1.shape == (1, 5, 7, 24, 14)
    assert c2.shape[2] == 35
    assert c3.shape == (1, 1, 5, 8, 3)
    assert network.descriptors(frames).shape == (1, 1, 120)
    assert network(network.descriptors(frames)).shape == (1, 1, KTH_ACTIONS)


def test_convolution_is_the_sum_over_its_neighbourhood() -> None:
    maps, weight, bias = torch.randn(2, 4, 3, 6, 5), torch.randn(2, 3, 2, 3, 4), torch.randn(2)

    found = convolved(maps, weight, bias)

    assert found.shape == (2, 3, 2, 4, 2)
    for clip, time, out, row, column in ((0, 0, 0, 0, 0), (1, 2, 1, 3, 1), (0, 1, 1, 2, 0)):
        wanted = float(bias[out])
        for below in range(3):
            for t in range(2):
                for r in range(3):
                    for c in range(4):
                        wanted += float(
                            weight[out, below, t, r, c]
                            * maps[clip, time + t, below, row + r, column + c]
                        )
        assert float(found[clip, time, out, row, column]) == pytest.approx(wanted, abs=1e-5)


def test_each_map_has_two_of_its_own_above_and_one_with_each_other_map() -> None:
    layer = PairedConvolution(7, (3, 5, 5))
    sees = np.zeros((35, 7), bool)
    for below in range(7):
        maps = torch.zeros(1, 3, 7, 5, 5)
        maps[:, :, below] = torch.randn(3, 5, 5)
        sees[:, below] = ((layer(maps) - layer(torch.zeros_like(maps))).abs() > 1e-6).flatten()

    alone = sees[sees.sum(axis=1) == 1]
    paired = sees[sees.sum(axis=1) == 2]
    assert alone.sum(axis=0).tolist() == [2] * 7
    assert len(paired) == 21
    assert len(np.unique(paired, axis=0)) == 21


def test_map_of_two_sums_both_convolutions() -> None:
    layer = PairedConvolution(3, (1, 1, 1))
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 13.0).reshape(12, 1, 1, 1))
        layer.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0]))
    maps = torch.tensor([1.0, 10.0, 100.0]).reshape(1, 1, 3, 1, 1)

    found = layer(maps).flatten().tolist()

    # Kernels 1 to 6 are of single maps; 7, 8 of maps 0 and 1; 9, 10 of 0 and 2; 11, 12 of 1, 2.
    assert found == [1.0, 2.0, 30.0, 40.0, 500.0, 600.0, 87.5, 1009.0, 1310.0]


def test_rectification_and_subsampling_by_hand() -> None:
    maps = torch.tensor([[0.5, -0.5], [2.0, -1.0]]).reshape(1, 1, 1, 2, 2)
    rectify, subsample = Rectification(1), Subsampling(1)
    with torch.no_grad():
        rectify.gain.fill_(-2.0)
        subsample.weight.fill_(3.0)
        subsample.bias.fill_(0.25)

    found = subsample(rectify(maps))

    mean = 2.0 * (2 * math.tanh(0.5) + math.tanh(2.0) + math.tanh(1.0)) / 4
    assert found.shape == (1, 1, 1, 1, 1)
    assert found.item() == pytest.approx(3.0 * mean + 0.25)


def test_window_in_a_sequence_is_described_as_it_is_alone() -> None:
    network, frames = ConvNet3d(KTH_ACTIONS), torch.randn(2, 12, 54, 34)

    together = network.descriptors(frames)

    assert together.shape == (2, 4, 120)
    for first in range(4):
        alone = network.descriptors(frames[:, first : first + 9])
        torch.testing.assert_close(together[:, first], alone[:, 0])


def test_lstm_follows_its_equations() -> None:
    cells, steps = 4, 3
    labeller = SequenceLabeller(cells, 5)
    descriptors = torch.randn(1, steps, 120)

    found = labeller(descriptors)

    w, b = (part.detach().numpy() for part in (labeller.inward.weight, labeller.inward.bias))
    u, v = (part.detach().numpy() for part in (labeller.across.weight, labeller.out.weight))
    state, hidden = np.zeros(cells), np.zeros(cells)
    for step in range(steps):
        before = hidden.copy()
        for cell in range(cells):
            total = [
                sum(w[row, k] * float(descriptors[0, step, k]) for k in range(120))
                + sum(u[row, k] * before[k] for k in range(cells))
                + b[row]
                for row in (cell, cells + cell, 2 * cells + cell)
            ]
            enters, leaves = (1.0 / (1.0 + math.exp(-value)) for value in total[:2])
            state[cell] += enters * math.tanh(total[2])
            hidden[cell] = leaves * math.tanh(state[cell])
        wanted = v @ hidden + labeller.out.bias.detach().numpy()
        np.testing.assert_allclose(found[0, step].detach().numpy(), wanted, atol=1e-5)


def test_majority_wins_and_ties_go_to_the_likelier() -> None:
    sure, leaning = 4.0, 1.0
    logits = torch.tensor(
        [
            # One very sure window for the third action, two that lean to the first.
            [[leaning, 0.0, 0.0], [leaning, 0.0, 0.0], [0.0, 0.0, sure]],
            # One window each; the third is neither's.
            [[leaning, 0.0, 0.0], [0.0, sure, 0.0], [0.0, 0.0, 2.0]],
        ]
    )

    shares = voted(logits).exp()

    assert shares.argmax(1).tolist() == [0, 1]
    torch.testing.assert_close(shares.sum(1), torch.ones(2))
    first = (2 + (2 * math.e / (math.e + 2) + 1 / (2 + math.exp(sure))) / 3) / 4
    assert float(shares[0, 0]) == pytest.approx(first)


@pytest.mark.parametrize('cells', [0, 50])
def test_sequences_of_any_length_have_one_answer(cells: int) -> None:
    network = TwoSteps(3, cells)

    assert network(torch.randn(2, 9, 54, 34)).shape == (2, 3)
    assert network(torch.randn(1, 14, 54, 34)).shape == (1, 3)


def test_answer_of_the_lstm_is_accumulated_over_its_steps() -> None:
    network, frames = TwoSteps(3, 50), torch.randn(1, 11, 54, 34)
    assert network.labeller is not None

    steps = network.labeller(network.convnet.descriptors(frames))[0].softmax(1)

    wanted = (steps[0].log() + steps[1].log() + steps[2].log()) / 3
    torch.testing.assert_close(network(frames)[0], wanted)
