from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import ConfigError
from training.siamese_lstm.classification import make_classification
from training.siamese_lstm.network import MATCH, MatchNetwork, SequenceEncoder, SiameseLstm
from training.siamese_lstm.recipe import ClassificationConfig, LstmConfig


def weights(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def shaken(network: MatchNetwork) -> MatchNetwork:
    """Give it weights that it could have after training."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return network


def equation_2(
    network: MatchNetwork, first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """V = softmax(b3 + W3 Re(b2 + W2 Re(b1 + W1 [o_T; o_R]))), one number at a time."""
    values = [*first.tolist(), *second.tolist()]
    for depth, layer in enumerate(network.layers):
        assert isinstance(layer, torch.nn.Linear)
        weight, bias = layer.weight.tolist(), layer.bias.tolist()
        out = []
        for row, offset in zip(weight, bias, strict=True):
            total = offset
            for w, value in zip(row, values, strict=True):
                total += w * value
            out.append(max(total, 0.0) if depth < len(network.layers) - 1 else total)
        values = out
    powers = [np.exp(value) for value in values]
    return np.array(powers) / sum(powers)


def test_match_of_every_pair_is_that_of_equation_2() -> None:
    network = shaken(MatchNetwork(3, (5, 4)))
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))

    with torch.no_grad():
        found = network.table(
            torch.tensor(first, dtype=torch.float32), torch.tensor(second, dtype=torch.float32)
        ).softmax(2)

    for q in range(2):
        for k in range(4):
            wanted = equation_2(network, first[q], second[k])
            np.testing.assert_allclose(found[q, k], wanted, rtol=1e-5)


def test_pairs_are_entries_of_the_table_and_have_an_order() -> None:
    network = shaken(MatchNetwork(3, (5, 4)))
    sequences = torch.randn(4, 3)

    table = network.table(sequences, sequences)
    found = network.pairs(sequences, torch.tensor([[0, 3], [3, 0], [2, 2]]))

    torch.testing.assert_close(found, torch.stack((table[0, 3], table[3, 0], table[2, 2])))
    assert not torch.allclose(found[0], found[1])


def test_before_training_only_the_difference_of_two_sequences_counts() -> None:
    network = MatchNetwork(3, (5, 4))
    first, second = torch.randn(1, 3), torch.randn(1, 3)

    torch.testing.assert_close(
        network.table(first + 2.0, second + 2.0), network.table(first, second)
    )


def test_layers_are_those_of_florence_and_gtu() -> None:
    florence = MatchNetwork(128, (128, 64))
    gtu = MatchNetwork(200, (300, 150, 50))

    shapes = [tuple(layer.weight.shape) for layer in florence.layers]
    assert shapes == [(128, 256), (64, 128), (2, 64)]
    assert weights(florence) == 256 * 128 + 128 + 128 * 64 + 64 + 64 * 2 + 2
    shapes = [tuple(layer.weight.shape) for layer in gtu.layers]
    assert shapes == [(300, 400), (150, 300), (50, 150), (2, 50)]


def test_lstms_are_those_of_florence_and_gtu() -> None:
    florence, gtu = SequenceEncoder(LstmConfig()), SequenceEncoder(LstmConfig(200, 2))

    # Four gates, each of all inputs and cells; PyTorch has two biases a gate, and they add up.
    assert weights(florence) == 4 * 128 * (45 + 128 + 2)
    assert weights(gtu) == 4 * 200 * (45 + 200 + 2) + 4 * 200 * (200 + 200 + 2)
    assert gtu(torch.randn(3, 6, 15, 3)).shape == (3, 200)


def test_match_network_starts_with_glorot_s_weights_and_the_difference() -> None:
    torch.manual_seed(0)

    match = MatchNetwork(200, (300, 150, 50))

    for layer, widths in zip(match.layers, pairwise((400, 300, 150, 50, 2)), strict=True):
        limit = (6.0 / sum(widths)) ** 0.5
        assert 0.9 * limit < float(layer.weight.detach().abs().max()) <= limit
    first = match.layers[0].weight
    assert torch.equal(first[:, 200:], -first[:, :200])
    assert not any(layer.bias.any() for layer in match.layers)
    # What it says of a pair depends on the pair; by PyTorch's own weights by 0.02.
    found = match.table(torch.randn(9, 200), torch.randn(9, 200)).detach()
    assert float(found.std(dim=(0, 1)).min()) > 0.1


def test_lstm_is_the_published_one_and_gives_its_last_output() -> None:
    torch.manual_seed(0)
    encoder = SequenceEncoder(LstmConfig(cells=4)).eval()
    joints = torch.randn(1, 5, 15, 3)
    w_x, w_h, b_x, b_h = (parameter.detach().numpy() for parameter in encoder.lstm.parameters())

    hidden, cell = np.zeros(4), np.zeros(4)
    for frame in joints[0].flatten(1).numpy():
        scaled = frame / np.sqrt(1.0 + encoder.scaled.eps)
        gates = w_x @ scaled + b_x + w_h @ hidden + b_h
        enter, forget, new, leave = np.split(gates, 4)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
        hidden = sigmoid(leave) * np.tanh(cell)

    with torch.no_grad():
        np.testing.assert_allclose(encoder(joints)[0], hidden, atol=1e-6)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def test_lstm_starts_by_remembering() -> None:
    encoder = SequenceEncoder(LstmConfig(cells=4, layers=2))

    for layer in range(2):
        assert getattr(encoder.lstm, f'bias_ih_l{layer}')[4:8].tolist() == [1.0] * 4


def test_vector_of_matches_has_two_numbers_for_each_reference() -> None:
    torch.manual_seed(0)
    classification = make_classification(ClassificationConfig(), 2)
    network = SiameseLstm(LstmConfig(cells=4), (3,), classification).eval()
    shaken(network.match)
    network.references = torch.randn(3, 4)
    sequences = torch.randn(2, 4)

    with torch.no_grad():
        found = network.vectors(sequences)

    assert found.shape == (2, 6)
    for q in range(2):
        for k in range(3):
            wanted = equation_2(
                network.match, sequences[q].double().numpy(), network.references[k].double().numpy()
            )
            np.testing.assert_allclose(found[q, 2 * k + MATCH], wanted[MATCH], rtol=1e-5)
            np.testing.assert_allclose(found[q, 2 * k + 1 - MATCH], wanted[1 - MATCH], rtol=1e-5)


def test_nothing_is_named_without_references() -> None:
    classification = make_classification(ClassificationConfig(), 2)
    network = SiameseLstm(LstmConfig(cells=4), (3,), classification)

    with pytest.raises(ConfigError, match='before it has sequences to compare with'):
        network(torch.randn(1, 5, 15, 3), torch.ones(1, 5, 15))
