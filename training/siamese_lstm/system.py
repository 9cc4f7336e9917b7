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
from training.siamese_lstm.references import reference_places, without_itself
from training.siamese_lstm.sequences import Sequences
from training.system import Arrays, Variant, in_parts, tensors

PAPER = 'Siamese-LSTM (Yucer and Akgul, 2018)'
PLAIN = ('changed=False',)
RECORDED = (*PLAIN, 'prepared=False')
"""Settings of what the paper has: no augmentation; nor any preparation but the number of frames."""

FLORENCE, UTD, NW_UCLA = 'florence3d-loao', 'utd-cross-subject', 'nw-ucla-cross-view'


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
            (f'data.train={POOL!r}', 'pairs.clips_per_class=4', 'optimizer.steps=500'),
            also=(FLORENCE, UTD),
        ),
        'plain': Variant('Siamese-LSTM DML, no augmentation', PLAIN, also=(FLORENCE,)),
        'recorded': Variant(
            'Siamese-LSTM DML, no augmentation, coordinates as recorded',
            RECORDED,
            also=(FLORENCE,),
        ),
        'gtu': Variant(
            'Siamese-LSTM DML as for GTU Action 3D, which has 97.06 there',
            ('lstm.cells=200', 'lstm.layers=2', 'hidden=(300, 150, 50)', 'optimizer.steps=2000'),
            'Table II',
            also=(UTD,),
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
        # The mean over the data sets of the mean of each, however many pairs it has.
        counts = list(batch.counts)
        parts = zip(torch.split(logits, counts), torch.split(wanted, counts), strict=True)
        return torch.stack([functional.cross_entropy(*part) for part in parts]).mean()

    def finish(self, network: nn.Module, samples: Sequence[Sample]) -> None:
        """
        Keep sequences to compare with, and let SVM or KNN learn from the matches of all.

        All are those of the data set that the protocol asks about, or every one where it asks about
        none. Where that data set is not learned from (`lodo-...`) nothing is kept: there the match
        compares clips, and none is named.
        """
        assert isinstance(network, SiameseLstm)
        names = sorted({sample.action for sample in samples})
        asked_on = protocol_named(self.recipe.protocol).asked_on
        own = [sample for sample in samples if sample.dataset == asked_on or not asked_on]
        if not own:
            return
        classes = np.array([names.index(sample.action) for sample in own])
        rng = np.random.default_rng(self.recipe.seed)
        places = reference_places(own, self.recipe.classification.references, rng)
        inputs = self.inputs(own)
        # A copy, because what comes of inference can be part of no later computation.
        network.references = self._read(network, tuple(one[places] for one in inputs)).clone()
        vectors = in_parts(inputs, lambda part: network.vectors(read(network, part)), network)
        matches = torch.cat(vectors).cpu().numpy().reshape(len(own), len(places), 2)
        learned = without_itself(matches, places, classes)
        network.classification.fit(learned.reshape(len(own), -1), classes)

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} compares pairs of sequences and describes none by itself')

    def distances(
        self, network: nn.Module, queries: Arrays, taught: Arrays, labels: Sequence[str]
    ) -> NDArray[np.float32]:
        """Return how likely each clip that is asked about is no match of each that teaches."""
        assert isinstance(network, SiameseLstm)
        known = self._read(network, taught)

        def matched(part: Arrays) -> Tensor:
            return network.match.table(read(network, part), known).softmax(2)

        match = torch.cat(in_parts(queries, matched, network))
        return np.asarray(1.0 - match[..., MATCH].T.cpu().numpy(), np.float32)

    def _read(self, network: SiameseLstm, inputs: Arrays) -> Tensor:
        """Return o (N, M) of any number of clips."""
        return torch.cat(in_parts(inputs, lambda part: read(network, part), network))


def read(network: SiameseLstm, inputs: Arrays) -> Tensor:
    """Return o (N, M) of some hundred clips."""
    (joints,) = tensors(network, inputs[:1])
    encoded: Tensor = network.encoder(joints)
    return encoded
