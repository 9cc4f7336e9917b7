"""What is to be set in TARM with CNN; the defaults are the skeleton branch of the third paper."""

from __future__ import annotations

from dataclasses import dataclass, field

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.config import DataConfig, OptimizerConfig, Recipe
from training.ranges import limited

FUSIONS = ('average', 'product', 'maximum')
IMAGES = ('nearest', 'motion')


@dataclass(frozen=True)
class NetworkConfig:
    """
    The network.

    :param modality: 'skeleton', 'depth', 'both' or 'stacked'. 'both' has a branch for each, with a
        trunk and a loss of its own; 'stacked' has one trunk over the outputs of all four modules.
    :param attention: whether temporal attention modules stand before the trunk; without them the
        trunk sees coordinates and depth as they are.
    :param trunk: 'resnet18', 'resnet50' or 'alexnet'.
    :param size: rows and columns of what the trunk sees, which it halves five times: "each skeleton
        sample is scaled to 50 x 50". That depth images are as large is ours.
    """

    modality: str = limited('skeleton', choices=('skeleton', 'depth', 'both', 'stacked'))
    attention: bool = True
    trunk: str = limited('resnet18', choices=('resnet18', 'resnet50', 'alexnet'))
    size: int = limited(50, low=32, high=4096)


@dataclass(frozen=True)
class DepthConfig:
    """
    The depth motion image.

    :param image: 'nearest' or 'motion', see `depth.depth_motion_image`.
    """

    image: str = limited('nearest', choices=IMAGES)


@dataclass(frozen=True)
class AlterConfig:
    """
    How far clips are changed in training, each the far end of an even range; 0 changes nothing.

    The paper says nothing of it; four persons are few to learn from.

    :param turn_deg: of the body about the vertical axis.
    :param tilt_deg: of the camera.
    :param size: of the body, relative.
    :param crop: share of the clip cut off, at either end.
    :param image_turn_deg: of the depth image.
    :param image_size: of the depth image, relative.
    :param image_shift: of the depth image, as a share of its side.
    """

    turn_deg: float = limited(15.0, high=180.0)
    tilt_deg: float = limited(5.0, high=180.0)
    size: float = limited(0.15, high=0.9)
    crop: float = limited(0.1, high=0.45)
    image_turn_deg: float = limited(5.0, high=180.0)
    image_size: float = limited(0.12, high=0.9)
    image_shift: float = limited(0.06, high=1.0)


@dataclass(frozen=True)
class TarmRecipe(Recipe):
    """
    A complete configuration of TARM with CNN.

    The paper optimises with Adam (0.9, 0.999, 1e-8, no decay) from a rate of 0.01 "with a 0.2
    factor reduction on plateau", of what it does not say; its validation persons are those that it
    reports on. Here nothing is selected: every odd person is learned from for a settled number of
    steps, while the rate falls as a cosine (`optimizer.schedule=plateau` with `optimizer.decay=0.2`
    reduces it by that factor). Rate, steps and changes were settled with person 7 kept out.

    Coordinates are those of `prepare` with its 15 joints, from the median hip centre of the clip,
    in metres and in the camera's directions; the paper has the 20 joints of the sensor "without any
    preprocessing". The 50 frames are the paper's.

    :param fusion: of the probabilities of both branches, where there are two: 'average', 'product'
        or 'maximum'. It does not change what is learned.
    :param batch: clips a step; batch normalisation wants two where the trunk leaves one row and
        column of an image.
    """

    system: str = 'tarm'
    data: DataConfig = field(default_factory=lambda: DataConfig(validation_stride=0))
    preprocess: PreprocessConfig = field(
        default_factory=lambda: PreprocessConfig(frames=50, turn=False, scale=False)
    )
    net: NetworkConfig = field(default_factory=NetworkConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    alter: AlterConfig = field(default_factory=AlterConfig)
    fusion: str = limited('average', choices=FUSIONS)
    batch: int = limited(32, low=2)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            steps=300,
            learning_rate=2e-3,
            weight_decay=0.0,
            warm_up_steps=20,
            average=0.97,
            validate_steps=100,
        )
    )
