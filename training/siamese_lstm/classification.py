"""
The multi-class classification module (section II.B): names vectors of matches by SVM or KNN.

scikit-learn fits the SVM; KNN, which has nothing to fit, answers as scikit-learn's does. What
either knows is kept in buffers, so that it is part of a checkpoint and of a bundle's graph.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC
from torch import Tensor, nn

from skeleton_action_ros.core.errors import ConfigError
from training.siamese_lstm.recipe import ClassificationConfig

NEVER = -30.0
"""Logit of a class without example: e^-30 is as good as never, and exact in float32."""


_LEAST_SHARE = 1e-6
"""Keeps the logarithm finite; far below the share that one neighbour has."""

_NEARER = 1e-3
"""So much more the nearest neighbour counts; half as much the next, and so on."""


class Classification(nn.Module, ABC):
    """
    Names vectors (B, D) by logits (B, classes); nothing before `fit`.

    :param classes: how many; those without an example are never named.
    """

    _grown: tuple[str, ...]
    """Buffers whose shapes `fit` decides."""

    def __init__(self, config: ClassificationConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.classes = classes
        for name in self._grown:
            self.register_buffer(name, torch.zeros(0))

    @abstractmethod
    def fit(self, vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> None:
        """
        Learn from examples.

        :param vectors: (N, D).
        :param classes: (N,) class numbers.
        :raises ConfigError: they are of one class only.
        """

    def _keep(self, name: str, values: NDArray[Any]) -> None:
        place = getattr(self, name).device
        setattr(self, name, torch.from_numpy(values.astype(np.float32)).to(place))


class SupportVectors(Classification):
    """A linear SVM, one class against the rest; logits are its decision values, times a factor."""

    _grown = ('weight', 'bias')
    weight: Tensor
    bias: Tensor

    def fit(self, vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> None:
        _check(classes)
        kernel = SVC(kernel='linear', C=self.config.penalty)
        found = OneVsRestClassifier(kernel).fit(vectors, classes)
        weight = np.concatenate([one.coef_ for one in found.estimators_])
        bias = np.concatenate([one.intercept_ for one in found.estimators_])
        if len(found.classes_) == 2:
            weight, bias = np.concatenate((-weight, weight)), np.concatenate((-bias, bias))
        every = np.zeros((self.classes, vectors.shape[1]))
        offset = np.full(self.classes, NEVER)
        every[found.classes_] = self.config.sharpness * weight
        offset[found.classes_] = self.config.sharpness * bias
        self._keep('weight', every)
        self._keep('bias', offset)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits (B, classes) of vectors (B, D)."""
        return nn.functional.linear(vectors, self.weight, self.bias)


class Neighbours(Classification):
    """
    The k nearest examples by Euclidean distance; logits are the logarithms of their shares.

    Of classes with equal shares the one that has the nearest example comes first: the neighbour of
    rank r, from 0, counts 1 + 0.001 / 2^r.
    """

    _grown = ('examples', 'marks')
    examples: Tensor
    marks: Tensor

    def fit(self, vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> None:
        _check(classes)
        self._keep('examples', vectors)
        self._keep('marks', np.eye(self.classes)[classes])

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits (B, classes) of vectors (B, D)."""
        # |a - b|^2 but for a^2, which orders nothing; from the middle, so that little cancels out.
        centre = self.examples.mean(0)
        asked, known = vectors - centre, self.examples - centre
        squared = known.square().sum(1) - 2.0 * asked @ known.T
        count = self._count(len(self.examples))
        nearest = squared.topk(count, dim=1, largest=False).indices
        weights = 1.0 + _NEARER * 0.5 ** torch.arange(count, device=squared.device)
        shares = (weights[:, None] * self.marks[nearest]).mean(1)
        return torch.where(shares > 0.0, shares.clamp(min=_LEAST_SHARE).log(), NEVER)

    def _count(self, examples: int) -> int:
        return min(self.config.neighbours, examples)


METHODS: dict[str, type[Classification]] = {'svm': SupportVectors, 'knn': Neighbours}


def make_classification(config: ClassificationConfig, classes: int) -> Classification:
    """Return a module that has learned nothing yet."""
    return METHODS[config.method](config, classes)


def _check(classes: NDArray[np.int64]) -> None:
    if len(np.unique(classes)) < 2:
        raise ConfigError(
            f'an SVM or KNN learns to tell two classes or more apart, got {len(np.unique(classes))}'
        )
