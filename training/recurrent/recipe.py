"""What a recipe of a recurrent network says: the thesis' values, and what is chosen here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from training.config import OptimizerConfig, Recipe
from training.ranges import limited


@dataclass(frozen=True)
class PoseConfig:
    """
    What of a sequence the network sees.

    :param frames: each clip is resampled to so many, evenly in time; the thesis does not say how
        long its sequences are.
    :param fill_in: 'spline' bridges what the sensor lost by a cubic spline through what it saw
        (section 3.1.1), 'linear' leaves that to `prepare`.
    :param stream: 'pose', 'motion' (section 3.3.2), or 'both', side by side at each time.
    :param joints: 15, or 13: without neck and torso. The thesis' 25 hold these and the fingers and
        toes of one sensor.
    :param aligned: each frame from its torso, turned by the first frame, bones as long as the
        average of the training set (section 4.2.2); otherwise from the torso of the first frame.
    """

    frames: int = limited(32, low=4, high=512)
    fill_in: str = limited('spline', choices=('spline', 'linear'))
    stream: str = limited('pose', choices=('pose', 'motion', 'both'))
    joints: int = limited(15, low=13, high=15)
    aligned: bool = False

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.joints == 14:
            yield 'joints must be 15, or 13 without neck and torso, got 14'


@dataclass(frozen=True)
class TransformerConfig:
    """
    Virtual joints (section 3.3.1).

    :param combination: 'none', or of the joints 'linear' (equation 8), 'affine' (9), 'positive' or
        'convex' (10).
    :param positivity: lambda of -lambda min(0, min W), where weights are to be positive.
    :param sparsity: mu of mu |W|_{1,2}^2.
    """

    combination: str = limited('none', choices=('none', 'linear', 'affine', 'positive', 'convex'))
    positivity: float = 0.01
    sparsity: float = 0.0


@dataclass(frozen=True)
class NetworkConfig:
    """
    Recurrent layers, and how they name an action.

    :param cell: 'rnn' (equation 1), 'lstm' (3) or 'gru' (4).
    :param units: of a layer, and of each direction of one with two.
    :param keep: probability that dropout keeps a number of a layer's output.
    :param relu_scores: pass the scores of the actions through a rectified linear unit before the
        softmax, as figure 11 has it. An action whose scores are negative for all clips is then
        learned no more; so not here, unless asked for, as the rows as published do.
    :param every_step: name the action at every time and average (equation 11), rather than at the
        last time only.
    :param hardest: share of the times that the loss looks at, those where the action is named
        worst: |S| / T of the inattention loss (equation 12); 1 looks at all.
    """

    cell: str = limited('gru', choices=('rnn', 'lstm', 'gru'))
    units: int = limited(100, low=1, high=65536)
    layers: int = limited(3, low=1, high=64)
    bidirectional: bool = False
    keep: float = limited(0.5, low=0.001, high=1.0)
    relu_scores: bool = False
    every_step: bool = False
    hardest: float = limited(1.0, low=0.001, high=1.0)

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.hardest < 1.0 and not self.every_step:
            yield (
                'hardest chooses among the times that name an action: it must be 1 without '
                f'every_step, got {self.hardest:g}'
            )


@dataclass(frozen=True)
class RecurrentRecipe(Recipe):
    """
    The thesis' improved baseline: three layers of 100 GRU in one direction.

    Adam with epsilon 1e-4 and a rate of 5e-3, as section 3.1.1 has it. Gradients are clipped to a
    norm of 1, one over all parameters; the thesis "normalizes the gradients of a parameter vector".
    `optimizer.weight_decay` is the weight of the L2 regularisation, about whose size the thesis is
    silent.

    :param batch: sequences in a batch; the thesis has 256, of a far larger data set.
    """

    system: str = 'recurrent'
    pose: PoseConfig = field(default_factory=PoseConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    batch: int = limited(64, low=1)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            steps=450,
            learning_rate=5e-3,
            weight_decay=1e-4,
            warm_up_steps=20,
            average=0.97,
            validate_steps=75,
        )
    )
