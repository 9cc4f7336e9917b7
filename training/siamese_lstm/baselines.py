"""
The baselines of Table I: an SVM and softmax regression on whole sequences, and LSTM classifiers.

They see what Siamese-LSTM sees: the same prepared sequences, in training changed by chance alike;
only the SVM learns from them unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from training.config import Recipe
from training.data import Sample
from training.siamese_lstm.classification import SupportVectors
from training.siamese_lstm.naming import NamingSystem
from training.siamese_lstm.network import VALUES, SequenceEncoder
from training.siamese_lstm.recipe import BaselineRecipe, ClassificationConfig
from training.siamese_lstm.sequences import ClassBatch, ClassBatches, Sequences
from training.siamese_lstm.system import FLORENCE, PAPER, PLAIN, RECORDED, UTD
from training.system import Arrays, Variant, tensors

_SVM = ('model=svm', 'optimizer.steps=0')
_SOFTMAX = ('model=softmax',)
_LSTM_1 = ('lstm.layers=1',)

VARIANTS = {
    'svm': Variant('SVM', _SVM, 'Table I', {FLORENCE: 23.30}, (UTD,)),
    'softmax': Variant('Softmax', _SOFTMAX, 'Table I', {FLORENCE: 61.61}, (UTD,)),
    'lstm-1': Variant('1-layer LSTM', _LSTM_1, 'Table I', {FLORENCE: 76.99}, (UTD,)),
    'lstm-2': Variant('2-layer LSTM', ('lstm.layers=2',), 'Table I', {FLORENCE: 72.32}, (UTD,)),
    'softmax-plain': Variant('Softmax, no augmentation', (*_SOFTMAX, *PLAIN), also=(FLORENCE,)),
    'lstm-1-plain': Variant('1-layer LSTM, no augmentation', (*_LSTM_1, *PLAIN), also=(FLORENCE,)),
    'svm-recorded': Variant('SVM, coordinates as recorded', (*_SVM, *RECORDED), also=(FLORENCE,)),
    'softmax-recorded': Variant(
        'Softmax, no augmentation, coordinates as recorded',
        (*_SOFTMAX, *RECORDED),
        also=(FLORENCE,),
    ),
    'lstm-1-recorded': Variant(
        '1-layer LSTM, no augmentation, coordinates as recorded',
        (*_LSTM_1, *RECORDED),
        also=(FLORENCE,),
    ),
}
"""The SVM is fitted on the sequences as they are, so that of it no row lacks augmentation alone."""


class SequenceSvm(nn.Module):
    """A linear SVM on all numbers of a sequence."""

    def __init__(self, config: ClassificationConfig, classes: int) -> None:
        super().__init__()
        self.classification = SupportVectors(config, classes)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, classes) of prepared clips (B, T, 15, 3), (B, T, 15)."""
        logits: Tensor = self.classification(joints.flatten(1))
        return logits


class SoftmaxRegression(nn.Module):
    """One linear layer on all numbers of a sequence, each scaled to a like spread."""

    def __init__(self, frames: int, classes: int) -> None:
        super().__init__()
        self.scaled = nn.BatchNorm1d(frames * VALUES, affine=False)
        self.named = nn.Linear(frames * VALUES, classes)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, classes) of prepared clips (B, T, 15, 3), (B, T, 15)."""
        logits: Tensor = self.named(self.scaled(joints.flatten(1)))
        return logits


class LstmClassifier(nn.Module):
    """The encoder of Siamese-LSTM, and one linear layer on what it holds after the last frame."""

    def __init__(self, encoder: SequenceEncoder, cells: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.named = nn.Linear(cells, classes)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, classes) of prepared clips (B, T, 15, 3), (B, T, 15)."""
        logits: Tensor = self.named(self.encoder(joints))
        return logits


class SequenceBaselineSystem(NamingSystem[BaselineRecipe]):
    """A sequence is named by itself, and compared with none."""

    name: ClassVar[str] = 'sequence-baseline'
    about: ClassVar[str] = 'baselines of Siamese-LSTM: SVM, softmax, LSTM of one or two layers'
    recipe_type: ClassVar[type[Recipe]] = BaselineRecipe
    paper: ClassVar[str] = PAPER
    variants: ClassVar[Mapping[str, Variant]] = VARIANTS

    def network(self, classes: Sequence[str]) -> nn.Module:
        recipe = self.recipe
        if recipe.model == 'svm':
            return SequenceSvm(ClassificationConfig(penalty=recipe.penalty), len(classes))
        if recipe.model == 'softmax':
            return SoftmaxRegression(recipe.preprocess.frames, len(classes))
        encoder = SequenceEncoder(recipe.lstm)
        return LstmClassifier(encoder, recipe.lstm.cells, len(classes))

    def batches(self, samples: Sequence[Sample]) -> ClassBatches:
        sequences = Sequences(samples, self.recipe)
        return ClassBatches(sequences, self.recipe.clips_per_class, self.recipe.seed)

    def loss(self, network: nn.Module, batch: ClassBatch) -> Tensor:
        joints, mask, classes = tensors(network, (batch.joints, batch.mask, batch.classes))
        return functional.cross_entropy(network(joints, mask), classes)

    def finish(self, network: nn.Module, samples: Sequence[Sample]) -> None:
        """Let the SVM learn, which has nothing else to learn by."""
        if isinstance(network, SequenceSvm):
            names = sorted({sample.action for sample in samples})
            classes = np.array([names.index(sample.action) for sample in samples])
            joints, _ = self.inputs(samples)
            network.classification.fit(joints.reshape(len(joints), -1), classes)

    def describe(self, network: nn.Module, inputs: Arrays) -> Descriptors:
        raise ConfigError(f'{self.name} names sequences and does not compare them')
