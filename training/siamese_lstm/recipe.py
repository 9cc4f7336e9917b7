"""What decides a run of Siamese-LSTM and of its baselines, and what the paper says for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.config import AugmentConfig, DataConfig, OptimizerConfig, Recipe
from training.ranges import limited

CHANGES = AugmentConfig(
    crop=0.1,
    idle=0.1,
    warp=0.3,
    rate_hz=(10.0, 60.0),
    tilt_deg=8.0,
    turn_deg=15.0,
    bones=0.1,
    ends=0.05,
    hips=0.05,
    noise=0.03,
    drop_joint=0.0,
    drop_part=0.0,
    size=0.1,
)
"""
Small changes of body, camera and pace, and no joint lost; the paper mentions none.
"""


@dataclass(frozen=True)
class LstmConfig:
    """
    The LSTM.

    :param cells: of each layer; M in the paper.
    :param layers: Florence 1 of 128 cells, GTU 2 of 200.
    """

    cells: int = limited(128, low=1, high=65536)
    layers: int = limited(1, low=1, high=64)


@dataclass(frozen=True)
class PairsConfig:
    """
    What stands in a batch.

    :param clips_per_class: sequences of each class; pairs are made of all of them.
    :param classes: classes of each data set in a batch, at most.
    :param ratio: of match to no-match pairs; 0 is 1/U of each data set's U classes, as in
        section II.C.
    """

    clips_per_class: int = limited(8, low=1)
    classes: int = limited(12, low=1)
    ratio: float = 0.0


@dataclass(frozen=True)
class ClassificationConfig:
    """
    The multi-class classification module, of which the paper names KNN and SVM and no parameter.

    :param method: 'svm' (linear, one against the rest) or 'knn'.
    :param penalty: of the SVM, C.
    :param sharpness: what the SVM's decision values are multiplied with, to be logits.
    :param neighbours: of KNN.
    :param references: training sequences to compare with, at most, from every class and person in
        turn; the paper compares with all, of which Florence has 215 less those of the person asked.
        What is named by matches with these is learned from all training sequences.
    """

    method: str = limited('svm', choices=('svm', 'knn'))
    penalty: float = limited(1.0, low=1e-6)
    sharpness: float = limited(4.0, low=1e-6)
    neighbours: int = limited(5, low=1)
    references: int = limited(512, low=1)


@dataclass(frozen=True)
class SequenceRecipe(Recipe):
    """
    What Siamese-LSTM and its baselines have in common.

    The paper gives its networks the sensor's coordinates, a sequence as long as it was recorded.
    Here every sequence passes through `prepare`, as on the robot: resampled to as many frames as
    the longer ones of Florence have (19 on average), from the hips, and scaled by the trunk. It is
    not turned: people face the camera in Florence, and estimating their heading only adds noise.

    :param prepared: whether sequences pass through `prepare`; else they are resampled only, to as
        many frames evenly in time: metres, the camera's frame, what was not seen as it was written.
    :param changed: whether they are changed in training, as `augment` says; prepared ones only.
    """

    prepared: bool = True
    changed: bool = True
    data: DataConfig = field(default_factory=lambda: DataConfig(validation_stride=0))
    preprocess: PreprocessConfig = field(
        default_factory=lambda: PreprocessConfig(frames=24, turn=False)
    )
    augment: AugmentConfig = field(default_factory=lambda: CHANGES)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            steps=2000,
            learning_rate=5e-3,
            weight_decay=0.01,
            warm_up_steps=20,
            average=0.98,
            validate_steps=250,
        )
    )

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.changed and not self.prepared:
            yield 'changed must be False where prepared is: what is changed is prepared joints'
        if self.changed and not self.preprocess.scale:
            yield 'preprocess.scale must be True where changed is: what is changed is scaled'


@dataclass(frozen=True)
class SiameseRecipe(SequenceRecipe):
    """
    A complete configuration of Siamese-LSTM.

    The paper trains for 400 epochs of the persons 2, 3 and 7 and 500 of the others, which it calls
    early stopping, on what it does not say. Here the number of steps is the same for all persons,
    and was settled on three of them, as README.md says.

    :param hidden: widths of the match network between 2 M and 2.
    """

    system: str = 'siamese-lstm'
    lstm: LstmConfig = field(default_factory=LstmConfig)
    hidden: tuple[int, ...] = limited((128, 64), low=1, high=65536)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    classification: ClassificationConfig = field(default_factory=ClassificationConfig)


@dataclass(frozen=True)
class BaselineRecipe(SequenceRecipe):
    """
    A complete configuration of a baseline.

    :param model: 'svm', 'softmax' or 'lstm'.
    :param penalty: of the SVM, C.
    :param clips_per_class: sequences of each class in a batch.
    """

    system: str = 'sequence-baseline'
    model: str = limited('lstm', choices=('svm', 'softmax', 'lstm'))
    lstm: LstmConfig = field(default_factory=LstmConfig)
    penalty: float = limited(1.0, low=1e-6)
    clips_per_class: int = limited(8, low=1)
