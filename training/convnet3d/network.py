"""
The two networks: a 3D-ConvNet over nine frames, and an LSTM over its descriptors.

All convolutions are valid and all sub-sampling is in space, so a sequence of T frames is seen as
T - 8 windows of nine at once, each exactly as it would be seen alone.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 9
"""Frames that one descriptor sees."""
DESCRIPTOR = 120
"""5 maps of 3 x 8 x 1 values of layer C3."""
HIDDEN = 50
"""
Neurons of layer N1. The paper does not say how many: 50, as in its LSTM, gives its 17,169 weights.
"""
CELLS = 50
MAPS = 7


def convolved(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """
    Convolve in three dimensions where the kernel fits, as two-dimensional convolutions.

    The frames under the kernel are its channels, which on a CPU takes half the time.

    :param maps: (B, T, C, H, W).
    :param weight: (maps, C, frames, rows, columns).
    :param bias: (maps,).
    :return: (B, T - frames + 1, maps, H - rows + 1, W - columns + 1).
    """
    frames = weight.shape[2]
    windows = maps.shape[1] - frames + 1
    stacked = torch.stack([maps[:, first : first + windows] for first in range(frames)], dim=3)
    out = functional.conv2d(stacked.flatten(2, 3).flatten(0, 1), weight.flatten(1, 2), bias)
    return out.reshape(-1, windows, *out.shape[1:])


class Convolution(nn.Module):
    """
    A layer of maps, each connected to all maps below.

    :param kernel: frames, rows, columns.
    """

    def __init__(self, below: int, maps: int, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps, below, *kernel))
        self.bias = nn.Parameter(torch.zeros(maps))
        _draw(self.weight, self.weight[0].numel())

    def forward(self, maps: Tensor) -> Tensor:
        return convolved(maps, self.weight, self.bias)


class PairedConvolution(nn.Module):
    """
    Layer C2: which map is connected to which "follows the same principle" as in Garcia and
    Delakis' face finder (2004), where each map below has two maps of its own, and each pair of maps
    below has one that sums a convolution of both: of 7 maps, 7 x 2 + 21 = 35.

    :param kernel: frames, rows, columns.
    """

    places: Tensor
    """(56, 2): map and map below of each kernel."""

    def __init__(self, below: int, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        single = [(number, number // 2) for number in range(2 * below)]
        pairs = enumerate(combinations(range(below), 2), 2 * below)
        paired = [(number, one) for number, pair in pairs for one in pair]
        self.maps = 2 * below + len(paired) // 2
        self._below = below
        self.register_buffer('places', torch.tensor(single + paired), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(single + paired), *kernel))
        self.bias = nn.Parameter(torch.zeros(self.maps))
        _draw(self.weight[: len(single)], self.weight[0].numel())
        _draw(self.weight[len(single) :], 2 * self.weight[0].numel())

    def forward(self, maps: Tensor) -> Tensor:
        dense = self.weight.new_zeros(self.maps, self._below, *self.weight.shape[1:])
        dense = dense.index_put((self.places[:, 0], self.places[:, 1]), self.weight)
        return convolved(maps, dense, self.bias)


class Rectification(nn.Module):
    """
    What follows a convolution in layers R1 and R2: |g tanh(x)|.

    R "simply applies absolute value". Squashing and the gain g, one a map, are of the convolution
    layer of Jarrett et al. (2009) who propose it: F_CSG computes g tanh(k * x), R_abs its absolute
    value. The paper does not mention them; 42 gains are what its 17,169 weights are made up of
    beside all that it does mention.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(maps))

    def forward(self, maps: Tensor) -> Tensor:
        return (self.gain[:, None, None] * torch.tanh(maps)).abs()


class Subsampling(nn.Module):
    """
    Layers S1 and S2: the mean of 2 x 2 pixels times a weight plus a bias, one each a map.

    What comes from R is about 0.5, and differs little between clips: weights and biases start such
    that the next layer gets numbers about 0 that differ by about 1.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((maps,), 4.0))
        self.bias = nn.Parameter(torch.full((maps,), -2.0))

    def forward(self, maps: Tensor) -> Tensor:
        mean = functional.avg_pool2d(maps.flatten(0, 1), 2)
        out = mean * self.weight[:, None, None] + self.bias[:, None, None]
        return out.reshape(-1, maps.shape[1], *out.shape[1:])


class ConvNet3d(nn.Module):
    """
    The paper's Figure 1. Its 17,169 weights, for 6 actions, are:

    | layer | what | weights |
    |---|---|---|
    | C1 | 7 maps of 7 x 7 x 5, and a bias each | 7 (245 + 1) = 1,722 |
    | R1 | a gain each | 7 |
    | S1 | a weight and a bias each | 14 |
    | C2 | 14 maps of one kernel 5 x 5 x 3, 21 of two | 14 (75 + 1) + 21 (150 + 1) = 4,235 |
    | R2 | a gain each | 35 |
    | S2 | a weight and a bias each | 70 |
    | C3 | 5 maps of 3 x 3 x 3 over all 35 | 5 (945 + 1) = 4,730 |
    | N1 | 50 neurons | 50 (120 + 1) = 6,050 |
    | N2 | a neuron an action | 6 (50 + 1) = 306 |

    Neurons and C3 squash by tanh; N2 gives logits.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.c1 = Convolution(1, MAPS, (5, 7, 7))
        self.r1 = Rectification(MAPS)
        self.s1 = Subsampling(MAPS)
        self.c2 = PairedConvolution(MAPS, (3, 5, 5))
        self.r2 = Rectification(self.c2.maps)
        self.s2 = Subsampling(self.c2.maps)
        self.c3 = Convolution(self.c2.maps, 5, (3, 3, 3))
        self.n1 = nn.Linear(DESCRIPTOR, HIDDEN)
        self.n2 = nn.Linear(HIDDEN, classes)

    def descriptors(self, frames: Tensor) -> Tensor:
        """
        Describe every window of nine frames.

        :param frames: (B, T, 54, 34), T at least 9.
        :return: (B, T - 8, 120), from -1 to 1.
        """
        maps = self.s1(self.r1(self.c1(frames[:, :, None])))
        maps = self.s2(self.r2(self.c2(maps)))
        return torch.tanh(self.c3(maps)).flatten(2)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Name windows by their descriptors: logits (B, T - 8, classes)."""
        logits: Tensor = self.n2(torch.tanh(self.n1(descriptors)))
        return logits


class SequenceLabeller(nn.Module):
    """
    "One hidden layer of LSTM cells", which read a descriptor a step, and a neuron an action, which
    read them at every step (section 3).

    The paper describes Constant Error Carousel and the gates that control the access to it, and
    counts "about 25,000" weights: those are the cells of Hochreiter and Schmidhuber (1997), with
    an input and an output gate and no forget gate: 3 x 50 (120 + 50 + 1) + 6 (50 + 1) = 25,956.
    With a forget gate there would be 34,506.

        i = sigma(W_i x + U_i h + b_i)       o = sigma(W_o x + U_o h + b_o)
        s <- s + i tanh(W x + U h + b)       h <- o tanh(s)
    """

    def __init__(self, cells: int, classes: int) -> None:
        super().__init__()
        self._cells = cells
        self.inward = nn.Linear(DESCRIPTOR, 3 * cells)
        self.across = nn.Linear(cells, 3 * cells, bias=False)
        self.out = nn.Linear(cells, classes)

    def forward(self, descriptors: Tensor) -> Tensor:
        """
        Name a sequence after each of its descriptors.

        :param descriptors: (B, W, 120).
        :return: logits (B, W, classes).
        """
        inward = self.inward(descriptors)
        state = hidden = torch.zeros_like(inward[:, 0, : self._cells])
        given = []
        for step in range(descriptors.shape[1]):
            enters, leaves, new = (inward[:, step] + self.across(hidden)).chunk(3, dim=1)
            state = state + torch.sigmoid(enters) * torch.tanh(new)
            hidden = torch.sigmoid(leaves) * torch.tanh(state)
            given.append(hidden)
        logits: Tensor = self.out(torch.stack(given, dim=1))
        return logits


class TwoSteps(nn.Module):
    """
    A 3D-ConvNet, and what makes one answer of its windows (Figure 3).

    :param cells: of the LSTM; 0 lets the windows vote instead.
    """

    def __init__(self, classes: int, cells: int) -> None:
        super().__init__()
        self.convnet = ConvNet3d(classes)
        self.labeller = SequenceLabeller(cells, classes) if cells else None

    def forward(self, frames: Tensor) -> Tensor:
        """
        Name sequences of one length.

        The LSTM's answers at all steps are accumulated: the mean of their log-probabilities.

        :param frames: (B, T, 54, 34), T at least 9.
        :return: logits (B, classes).
        """
        descriptors = self.convnet.descriptors(frames)
        if self.labeller is None:
            return voted(self.convnet(descriptors))
        return functional.log_softmax(self.labeller(descriptors), dim=2).mean(1)


def voted(logits: Tensor) -> Tensor:
    """
    Let windows vote, each for the action it finds likeliest; of equal numbers of votes the action
    wins that all together find likelier.

    :param logits: (B, W, classes).
    :return: (B, classes), logarithms of what sums to 1: votes and mean probability, over W + 1.
    """
    votes = functional.one_hot(logits.argmax(2), logits.shape[2]).sum(1)
    return torch.log((votes + logits.softmax(2).mean(1)) / (logits.shape[1] + 1))


def _draw(weight: Tensor, inputs: int) -> None:
    """Draw weights evenly, of variance 1 / inputs, as LeCun et al. do under tanh."""
    edge = (3.0 / inputs) ** 0.5
    with torch.no_grad():
        weight.uniform_(-edge, edge)
