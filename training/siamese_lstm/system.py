"""Siamese-LSTM under the training framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from training.config import Recipe
from training.data import Sample
from training.protocols import POOL, protocol_named
from training.siamese_lstm.classification import make_classification
from training.siamese_lstm.naming import NamingSystem
from training.siamese_lstm.network import MATCH, SiameseLstm
from training.siamese_lstm.pairs import PairBatch, PairBatches
from training.siamese_lstm.recipe import SiameseRecipe
from training.siamese_lstm.sequences import Sequences
from training.system import Arrays, Variant, tensors

PAPER = 'Siamese-LSTM'
FLORENCE, UTD, NW_UCLA = 'florence3d-loao', 'utd-cross-subject', 'nw-ucla-cross-view'

_AT_ONCE = 256


class SiameseLstmSystem(NamingSystem[SiameseRecipe]):
    """
    A metric on pairs of sequences, learned by cross-entropy, and a classifier of its answers.

    The two modules are learned apart (section II.C): the first by gradient from pairs, which may be
    of several data sets; the second by `finish`, from the data set that is asked on alone.
    """

    name: ClassVar[str] = 'siamese-lstm'
    about: ClassVar[str] = 'Siamese-LSTM (2018): a learned match of two sequences, then SVM or KNN'
    recipe_type: ClassVar[type[Recipe]] = SiameseRecipe
    paper: ClassVar[str] = PAPER
    variants: ClassVar[Mapping[str, Variant]] = {
        '': Variant(
            'Siamese-LSTM DML', table='Table I', published={FLORENCE: 89.51}, also=(UTD, NW_UCLA)
        ),
        'knn': Variant(
            'Siamese-LSTM DML, KNN in place of SVM',
            ('classification.method=knn',),
            also=(FLORENCE, UTD),
        ),
        'pooled': Variant(
            'Siamese-LSTM DML, the metric learned from six data sets',
            (f'data.train={POOL!r}', 'pairs.clips_per_class=4'),
            also=(FLORENCE, UTD),
        ),
        'gtu': Variant(
            'Siamese-LSTM DML as for GTU Action 3D, which has 97.06 there',
            ('lstm.cells=200', 'lstm.layers=2', 'hidden=(300, 150, 50)'),
            'Table II',
            also=(UTD, FLORENCE),
        ),
    }

    def network(self, classes: Sequence[str]) -> SiameseLstm:
        recipe = self.recipe
        classification = make_classification(recipe.classification, len(classes))
        return SiameseLstm(recipe.lstm, recipe.hidden, classification)

    def batches(self, samples: Sequence[Sample]) -> PairBatches:
        sequences = Sequences(samples, self.recipe)
        return PairBatches(sequences, self.recipe.pairs, self.recipe.seed)

    def loss(self, network: nn.Module, batch: PairBatch) -> Tensor:
        assert isinstance(network, SiameseLstm)
        joints, pairs, match = tensors(network, (batch.joints, batch.pairs, batch.match))
        logits = network.match.pairs(network.encoder(joints), pairs)
        wanted = torch.where(match, MATCH, 1 - MATCH)
        return functional.cross_entropy(logits, wanted)

    def finish(self, network: nn.Module, samples: Sequence[Sample]) -> None:
        """Keep the sequences to compare with, and let SVM or KNN learn from their matches."""
        assert isinstance(network, SiameseLstm)
        names = sorted({sample.action for sample in samples})
        asked_on = protocol_named(self.recipe.protocol).asked_on
        own = [sample for sample in samples if sample.dataset == asked_on] or list(samples)
        classes = np.array([names.index(sample.action) for sample in own])
        kept = spread(classes, self.recipe.classification.references)
        references = self._read(network, self.inputs([own[place] for place in kept]))
        network.references = references
        vectors = network.vectors(references).cpu().numpy()
        network.classification.fit(vectors, classes[kept])

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} compares pairs of sequences and describes none by itself')

    def distances(
        self, network: nn.Module, queries: Arrays, taught: Arrays, labels: Sequence[str]
    ) -> NDArray[np.float32]:
        """Return how likely each clip that is asked about is no match of each that teaches."""
        assert isinstance(network, SiameseLstm)
        with torch.inference_mode():
            known = self._read(network, taught)
            asked = in_parts(self._read(network, queries))
            match = torch.cat([network.match.table(part, known).softmax(2) for part in asked])
        return np.asarray(1.0 - match[..., MATCH].T.cpu().numpy(), np.float32)

    def _read(self, network: SiameseLstm, inputs: Arrays) -> Tensor:
        """Return o (N, M) of any number of clips."""
        was_training = network.training
        network.eval()
        (joints,) = tensors(network, inputs[:1])
        read = torch.cat([network.encoder(part) for part in in_parts(joints)])
        network.train(was_training)
        return read


def in_parts(values: Tensor) -> list[Tensor]:
    """Split rows into some hundred at a time; at least one part, which may be empty."""
    return [values[at : at + _AT_ONCE] for at in range(0, max(len(values), 1), _AT_ONCE)]


def spread(classes: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """
    Choose places in turn from every class, the first of each first.

    :param classes: (N,).
    :param most: how many in all.
    :return: at most so many places, rising.
    """
    turn = np.zeros(len(classes), np.intp)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        turn[members] = np.arange(len(members))
    return np.sort(np.argsort(turn, kind='stable')[:most])
