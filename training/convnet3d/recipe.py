"""What a recipe of the 3D-ConvNet and LSTM consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.config import DataConfig, OptimizerConfig, Recipe
from training.convnet3d.network import CELLS, WINDOW
from training.ranges import limited
from training.system import Variant


@dataclass(frozen=True)
class FramesConfig:
    """
    What the 3D-ConvNet sees.

    :param source: 'video', or 'drawn': prepared joints as lines, so that the robot can use it.
    :param contrast: normalise local contrast; a drawing does without, whose greys are depth.
    :param flips: half of the training clips upside down. "We also generated vertically flipped and
        mirrored versions of each training sample."
    :param mirrors: half of them mirrored, left and right.
    """

    source: str = limited('video', choices=('video', 'drawn'))
    contrast: bool = True
    flips: bool = True
    mirrors: bool = True


@dataclass(frozen=True)
class StretchConfig:
    """
    What stands in a batch; the paper learns online, a window or a sequence at a time.

    :param clips: stretches of different clips as far as there are.
    :param frames: length of a stretch at most, while the 3D-ConvNet learns: neighbouring windows
        are much alike, and twelve frames have four.
    :param sequence_frames: the same, while the LSTM learns.
    """

    clips: int = limited(16, low=1)
    frames: int = 12
    sequence_frames: int = 256


@dataclass(frozen=True)
class LabellerConfig:
    """
    What makes one answer of many windows, learned after the 3D-ConvNet, which stays as it is.

    :param cells: of the LSTM; 0 lets the windows vote, and nothing more is learned.
    :param steps: of the optimizer's steps the last so many.
    :param learning_rate: its highest while the LSTM learns; that of the 3D-ConvNet is the
        optimizer's.
    """

    cells: int = CELLS
    steps: int = 150
    learning_rate: float = 5e-3


@dataclass(frozen=True)
class ConvNet3dRecipe(Recipe):
    """
    A complete configuration of the 3D-ConvNet and LSTM.

    "No overtraining is observed without any validation sequence and stopping when performances on
    training set no longer rise": nothing is held out, and the number of steps is settled. The paper
    has back-propagation with momentum, on one sample at a time; here it is AdamW on batches.

    :param preprocess: of the joints that are drawn; a video is seen as it was filmed.
    """

    system: str = 'convnet3d'
    data: DataConfig = field(
        default_factory=lambda: DataConfig(validation_stride=0, simulated_people=0)
    )
    preprocess: PreprocessConfig = field(default_factory=lambda: PreprocessConfig(frames=20))
    frames: FramesConfig = field(default_factory=FramesConfig)
    stretch: StretchConfig = field(default_factory=StretchConfig)
    labeller: LabellerConfig = field(default_factory=LabellerConfig)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            steps=650,
            learning_rate=5e-3,
            weight_decay=1e-3,
            warm_up_steps=20,
            average=0.95,
            validate_steps=130,
        )
    )

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        steps, labeller = self.optimizer.steps, self.labeller
        if self.frames.source == 'video' and not self.frames.contrast:
            yield (
                'frames.contrast must be True where frames.source is video: boxes are normalised '
                'when they are read, got False'
            )
        if self.frames.source == 'drawn' and self.preprocess.frames < WINDOW:
            yield f'preprocess.frames must be {WINDOW} or more, got {self.preprocess.frames}'
        if labeller.cells and steps and not 0 < labeller.steps < steps:
            yield (
                f'labeller.steps must be from 1 to {steps - 1}, less than optimizer.steps, '
                f'got {labeller.steps}'
            )
        if self.optimizer.rates:
            yield (
                'optimizer.rates must be (): the 3D-ConvNet has optimizer.learning_rate and the '
                f'LSTM labeller.learning_rate, got {self.optimizer.rates}'
            )
        if self.optimizer.schedule == 'plateau':
            yield "optimizer.schedule must be cosine or constant for each network, got 'plateau'"


_VOTING = ('labeller.cells=0', 'optimizer.steps=500')
_DRAWN = (
    'frames.source=drawn',
    'frames.contrast=False',
    'frames.flips=False',
    'frames.mirrors=False',
)

VARIANTS = {
    '': Variant(
        '3D-ConvNet + LSTM',
        table='Table 1',
        published={'kth1': 94.39, 'kth2': 92.17},
        also=('florence3d-video',),
    ),
    'voting': Variant(
        '3D-ConvNet + Voting',
        _VOTING,
        table='Table 1',
        published={'kth1': 91.04},
        also=('kth2', 'florence3d-video'),
    ),
    'drawn': Variant(
        '3D-ConvNet + LSTM on drawn skeletons',
        _DRAWN,
        also=('utd-cross-subject', 'florence3d-loao'),
    ),
    'drawn-voting': Variant(
        '3D-ConvNet + Voting on drawn skeletons',
        (*_DRAWN, *_VOTING),
        also=('utd-cross-subject', 'florence3d-loao'),
    ),
}
