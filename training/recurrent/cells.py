"""
Recurrent layers, written as section 2.3 of the thesis writes them.

What depends on the input alone is computed for all times at once; H_t = [x_t; h_{t-1}; 1] of the
equations is therefore split, W H_t = (W_x x_t + b) + W_h h_{t-1}.

All matrices are drawn by Xavier's rule, each gate's by itself (section 3.1.2).
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    """
    A layer that reads a sequence forward.

    :cvar gates: how many matrices W its equation has.
    """

    gates: int

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.from_input = nn.Parameter(torch.empty(inputs, self.gates * units))
        self.from_state = nn.Parameter(torch.empty(units, self.gates * units))
        self.bias = nn.Parameter(torch.zeros(self.gates * units))
        for weight in (self.from_input, self.from_state):
            for part in weight.data.chunk(self.gates, dim=1):
                nn.init.xavier_uniform_(part)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map (B, T, inputs) to the outputs h_1 ... h_T, (B, T, units), from a state of zeros."""
        # Times first: each is then one contiguous block to add to, not a slice of each sequence.
        driven = (sequences.transpose(0, 1) @ self.from_input + self.bias).unbind(0)
        return torch.stack(self.unrolled(driven), dim=1)

    @abstractmethod
    def unrolled(self, driven: tuple[Tensor, ...]) -> list[Tensor]:
        """
        Run the recursion.

        :param driven: of each time W_x x_t + b, (B, gates * units).
        :return: of each time h_t, (B, units).
        """

    def zeros(self, driven: tuple[Tensor, ...]) -> Tensor:
        """Return the state before the first time, (B, units)."""
        return torch.zeros_like(driven[0][:, : self.units])


class StandardRnn(Cell):
    """h_t = tanh(W_x x_t + W_h h_{t-1} + b_h) (equation 1)."""

    gates = 1

    def unrolled(self, driven: tuple[Tensor, ...]) -> list[Tensor]:
        state, outputs = self.zeros(driven), []
        for now in driven:
            state = torch.tanh(torch.addmm(now, state, self.from_state))
            outputs.append(state)
        return outputs


class Lstm(Cell):
    """
    Equation 3, with gates f, i, o and the candidate in this order:

    f, i, o = sigmoid(W_f H_t), sigmoid(W_i H_t), sigmoid(W_o H_t);
    C_t = f * C_{t-1} + i * tanh(W_c H_t);  h_t = o * tanh(C_t).

    The bias of the forget gate starts at 1, as the thesis' framework had it; the thesis is silent.
    """

    gates = 4

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.bias.data[:units] = 1.0

    def unrolled(self, driven: tuple[Tensor, ...]) -> list[Tensor]:
        state = memory = self.zeros(driven)
        outputs = []
        for now in driven:
            both = torch.addmm(now, state, self.from_state)
            forget, take, give = torch.sigmoid(both[:, : 3 * self.units]).chunk(3, dim=1)
            memory = forget * memory + take * torch.tanh(both[:, 3 * self.units :])
            state = give * torch.tanh(memory)
            outputs.append(state)
        return outputs


class Gru(Cell):
    """
    Equation 4, with gates r, z and the candidate in this order:

    r, z = sigmoid(W_r H_t), sigmoid(W_z H_t);  c = tanh(W_h [x_t; h_{t-1} * r_t; 1]);
    h_t = z * h_{t-1} + (1 - z) * c.

    The reset gate acts on the state before its matrix, where `torch.nn.GRU` lets it act after. The
    biases of both gates start at 1 (section 3.1.2).
    """

    gates = 3

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.bias.data[: 2 * units] = 1.0

    def unrolled(self, driven: tuple[Tensor, ...]) -> list[Tensor]:
        both = 2 * self.units
        of_gates, of_candidate = self.from_state[:, :both], self.from_state[:, both:]
        state, outputs = self.zeros(driven), []
        for now in driven:
            gates = torch.sigmoid(torch.addmm(now[:, :both], state, of_gates))
            reset, keep = gates.chunk(2, dim=1)
            candidate = torch.tanh(torch.addmm(now[:, both:], state * reset, of_candidate))
            state = torch.lerp(candidate, state, keep)
            outputs.append(state)
        return outputs


CELLS: dict[str, type[Cell]] = {'rnn': StandardRnn, 'lstm': Lstm, 'gru': Gru}


class TwoWay(nn.Module):
    """A layer of two cells, one of which reads the sequence from its end (section 2.3.3)."""

    def __init__(self, cell: type[Cell], inputs: int, units: int) -> None:
        super().__init__()
        self.onward, self.backward_ = cell(inputs, units), cell(inputs, units)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map (B, T, inputs) to (B, T, 2 * units); the later units have seen what comes later."""
        backward = self.backward_(sequences.flip(1)).flip(1)
        return torch.cat((self.onward(sequences), backward), dim=2)
