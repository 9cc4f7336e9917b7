from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.recurrent.cells import CELLS, Cell, Gru, Lstm, StandardRnn, TwoWay

Floats = NDArray[np.float64]
SEQUENCES = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32))


def sigmoid(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


def gate(cell: Cell, number: int, now: Floats, state: Floats) -> Floats:
    """Multiply a gate's matrix W with H_t = [x_t; h_{t-1}; 1], row by row."""
    columns = slice(number * cell.units, (number + 1) * cell.units)
    weight = np.concatenate(
        [
            cell.from_input.detach().numpy()[:, columns],
            cell.from_state.detach().numpy()[:, columns],
            cell.bias.detach().numpy()[None, columns],
        ]
    )
    return np.array([(column * np.array([*now, *state, 1.0])).sum() for column in weight.T])


def random_biases(cell: Cell) -> Cell:
    torch.nn.init.normal_(cell.bias)
    return cell


def test_standard_rnn_is_equation_1() -> None:
    torch.manual_seed(0)
    cell = random_biases(StandardRnn(3, 4))
    found = cell(SEQUENCES).detach().numpy()

    for row, sequence in enumerate(SEQUENCES.numpy().astype(np.float64)):
        state = np.zeros(4)
        for time, now in enumerate(sequence):
            state = np.tanh(gate(cell, 0, now, state))
            np.testing.assert_allclose(found[row, time], state, atol=1e-5)


def test_lstm_is_equation_3() -> None:
    torch.manual_seed(1)
    cell = random_biases(Lstm(3, 4))
    found = cell(SEQUENCES).detach().numpy()

    for row, sequence in enumerate(SEQUENCES.numpy().astype(np.float64)):
        state, memory = np.zeros(4), np.zeros(4)
        for time, now in enumerate(sequence):
            forget, take, give = (sigmoid(gate(cell, n, now, state)) for n in range(3))
            memory = forget * memory + take * np.tanh(gate(cell, 3, now, state))
            state = give * np.tanh(memory)
            np.testing.assert_allclose(found[row, time], state, atol=1e-5)


def test_gru_is_equation_4_and_resets_before_the_matrix() -> None:
    torch.manual_seed(2)
    cell = random_biases(Gru(3, 4))
    found = cell(SEQUENCES).detach().numpy()

    for row, sequence in enumerate(SEQUENCES.numpy().astype(np.float64)):
        state = np.zeros(4)
        for time, now in enumerate(sequence):
            reset, keep = (sigmoid(gate(cell, n, now, state)) for n in range(2))
            state = keep * state + (1.0 - keep) * np.tanh(gate(cell, 2, now, state * reset))
            np.testing.assert_allclose(found[row, time], state, atol=1e-5)


@pytest.mark.parametrize(('name', 'gates'), [('rnn', 1), ('lstm', 4), ('gru', 3)])
def test_each_gate_has_a_matrix_of_inputs_units_and_one(name: str, gates: int) -> None:
    cell = CELLS[name](45, 100)

    assert sum(weight.numel() for weight in cell.parameters()) == gates * 100 * (45 + 100 + 1)


def test_matrices_start_by_xaviers_rule_gate_by_gate_and_gates_with_a_bias_of_one() -> None:
    torch.manual_seed(0)
    gru, lstm = Gru(30, 20), Lstm(30, 20)

    # Xavier: uniform up to the root of 6 / (inputs + outputs), of one gate and not of all three.
    assert gru.from_input.abs().max().item() == pytest.approx((6 / (30 + 20)) ** 0.5, rel=0.02)
    assert gru.from_state.abs().max().item() == pytest.approx((6 / (20 + 20)) ** 0.5, rel=0.02)
    assert gru.bias.tolist() == [1.0] * 40 + [0.0] * 20
    assert lstm.bias.tolist() == [1.0] * 20 + [0.0] * 60


def test_second_direction_reads_from_the_end() -> None:
    torch.manual_seed(0)
    layer = TwoWay(Gru, 3, 4)

    found = layer(SEQUENCES)

    assert found.shape == (2, 5, 8)
    torch.testing.assert_close(found[..., :4], layer.onward(SEQUENCES))
    reverse = torch.stack([SEQUENCES[:, 4 - time] for time in range(5)], dim=1)
    at_last = layer.backward_(reverse)[:, 0]
    torch.testing.assert_close(found[:, -1, 4:], at_last)
    torch.testing.assert_close(found[:, 0, 4:], layer.backward_(reverse)[:, -1])
