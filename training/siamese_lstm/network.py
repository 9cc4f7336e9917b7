"""
Networks of the Siamese-LSTM paper: L and D of equations 1 and 2, and the module of Fig. 2.

Every pair of two sets of sequences is matched at once: a sequence is read once, whatever the number
of sequences it is paired with.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.errors import ConfigError
from training.siamese_lstm.classification import Classification
from training.siamese_lstm.recipe import LstmConfig

VALUES = 45
"""Numbers a frame: 15 joints, 3 coordinates each. The paper's 75 are a Kinect 2's 25 joints."""

MATCH = 0
"""Where in V the match stands: V tells (match, not match)."""


_FORGET = 1.0
"""Bias of the forget gates before training, as in TensorFlow, which the paper used."""


class SequenceEncoder(nn.Module):
    """
    One branch of L: LSTM layers, and what the last of them holds after the last frame.

    Each of the 45 numbers is first scaled to zero mean and unit spread over the training batches,
    about which the paper is silent.

    :param config: cells and layers; Florence has one of 128, GTU two of 200.
    """

    def __init__(self, config: LstmConfig) -> None:
        super().__init__()
        self.scaled = nn.BatchNorm1d(VALUES, affine=False)
        self.lstm = nn.LSTM(VALUES, config.cells, config.layers, batch_first=True)
        with torch.no_grad():
            for layer in range(config.layers):
                bias = getattr(self.lstm, f'bias_ih_l{layer}')
                bias[config.cells : 2 * config.cells] = _FORGET

    def forward(self, joints: Tensor) -> Tensor:
        """Map sequences (B, T, 15, 3) to o (B, M)."""
        values = self.scaled(joints.flatten(2).transpose(1, 2)).transpose(1, 2)
        hidden, _ = self.lstm(values)
        last: Tensor = hidden[:, -1]
        return last


class MatchNetwork(nn.Module):
    """
    D of equation 2, but for its softmax.

    V = softmax(b3 + W3 ReLU(b2 + W2 ReLU(b1 + W1 L(S_T, S_R)))), where L is the concatenation
    of o_T and o_R. The first product is computed by halves, W1 [o_T; o_R] = W1_T o_T + W1_R o_R, so
    that it is done once a sequence and not once a pair.

    Weights are drawn as Glorot and Bengio do, TensorFlow's default, which the paper used: PyTorch's
    own are smaller by half, and five layers of them tell no pair from another. But before training
    W1_R is -W1_T, so that what is seen first is how far o_T is from o_R; both are learned freely
    from there. The paper is silent about initial weights.

    :param cells: M, length of o_T and of o_R.
    :param hidden: widths between the concatenation (2 M) and the two outputs.
    """

    def __init__(self, cells: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self._cells = cells
        layers = [nn.Linear(*widths) for widths in pairwise((2 * cells, *hidden, 2))]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            layers[0].weight[:, cells:] = -layers[0].weight[:, :cells]
        self.layers = nn.ModuleList(layers)

    def halves(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return W1_T o_T and b1 + W1_R o_R; o_T and o_R are (..., M)."""
        layer = self.layers[0]
        assert isinstance(layer, nn.Linear)
        return (
            functional.linear(first, layer.weight[:, : self._cells]),
            functional.linear(second, layer.weight[:, self._cells :], layer.bias),
        )

    def joined(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the logits (..., 2) of V from both halves, (..., H) each; they broadcast."""
        x = first + second
        for layer in list(self.layers)[1:]:
            x = layer(functional.relu(x))
        return x

    def pairs(self, sequences: Tensor, pairs: Tensor) -> Tensor:
        """
        Return the logits (P, 2) of V for some pairs.

        :param sequences: o (B, M).
        :param pairs: (P, 2) places among them: of S_T, and of S_R.
        """
        first, second = self.halves(sequences, sequences)
        return self.joined(first[pairs[:, 0]], second[pairs[:, 1]])

    def table(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the logits (Q, K, 2) of V for every o_T of (Q, M) with every o_R of (K, M)."""
        left, right = self.halves(first, second)
        return self.joined(left[:, None], right[None])


class SiameseLstm(nn.Module):
    """
    Both modules: sequences are compared with `references`, and by that named.

    :param config: of the LSTM.
    :param hidden: of the match network.
    :param classification: what names a vector G; its classes are those of the logits.
    """

    references: Tensor

    def __init__(
        self, config: LstmConfig, hidden: Sequence[int], classification: Classification
    ) -> None:
        super().__init__()
        self.encoder = SequenceEncoder(config)
        self.match = MatchNetwork(config.cells, hidden)
        self.classification = classification
        self.register_buffer('references', torch.zeros(0, config.cells))

    def vectors(self, sequences: Tensor) -> Tensor:
        """
        Return G (Q, 2 K) of sequences o (Q, M): V with each of the K references, one after another.

        :raises ConfigError: there are no references yet.
        """
        if not len(self.references):
            raise ConfigError('siamese-lstm names nothing before it has sequences to compare with')
        return self.match.table(sequences, self.references).softmax(2).flatten(1)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Name prepared clips.

        :param joints: (B, T, 15, 3) as from `prepare`, gaps bridged.
        :param mask: (B, T, 15); the paper's network knows no joint that was not seen, nor does it.
        :return: logits (B, classes).
        """
        logits: Tensor = self.classification(self.vectors(self.encoder(joints)))
        return logits
