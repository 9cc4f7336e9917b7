"""What decides a run of Skeleton-DML, and what the paper or its published code say for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.config import OptimizerConfig, Recipe
from training.ranges import limited
from training.skeleton_dml.images import REPRESENTATIONS


@dataclass(frozen=True)
class ImageConfig:
    """
    What the network sees.

    :param representation: a key of `images.REPRESENTATIONS`.
    :param size: rows and columns of the network's input, which ResNet18 halves five times. The
        paper gives none, its code has 256; 64 has a sixteenth of the pixels.
    :param rotation_deg: training images are turned by up to so much, either way; 0 turns none.
    :param prepared: draw the joints that `core.preprocess.prepare` gives, which is what a bundle
        gets; the paper draws those of the camera.
    """

    representation: str = limited('skeleton-dml', choices=tuple(REPRESENTATIONS))
    size: int = limited(64, low=32, high=4096)
    rotation_deg: float = 5.0
    prepared: bool = False


@dataclass(frozen=True)
class EmbedderConfig:
    """
    The network.

    :param embedding: length of the embedding; Table III has 128, 256 and 512.
    :param hidden: width between the embedder's two layers, about which the paper is silent.
    :param weights: file of weights of a ResNet18, with torchvision's names, that training starts
        from, and that must be there where it starts or goes on; '' starts from random weights.
        "Weights are initialized with a pre-trained model" (section III.C): ImageNet's, in
        the code.
    """

    embedding: int = limited(512, low=1, high=65536)
    hidden: int = limited(512, low=1, high=65536)
    weights: str = ''


@dataclass(frozen=True)
class MetricConfig:
    """
    The losses; where the paper's text and its published code differ, the text is followed.

    :param loss: 'multi-similarity' or 'triplet-margin'.
    :param alpha: of multi-similarity; with the next two "fixed hyper-parameters" (section III.D),
        to which the paper gives no value; these are the code's.
    :param beta: of the negative pairs.
    :param base: lambda in equation 3.
    :param miner_epsilon: paper 0.05, code 0.1.
    :param margin: of the triplets: paper 0.1, code 0.2.
    :param classifier: share of the classifier's loss; the metric's has the rest. "In contrast to
        SL-DML we do not apply weighting to the classifier- and embedder loss" (section III.D):
        the halves, which the code has too, are that sum but for a factor of two.
    """

    loss: str = limited('multi-similarity', choices=('multi-similarity', 'triplet-margin'))
    alpha: float = limited(0.1, low=0.001)
    beta: float = limited(40.0, low=0.001)
    base: float = limited(0.5, low=-1.0, high=1.0)
    miner_epsilon: float = 0.05
    margin: float = 0.1
    classifier: float = limited(0.5, high=1.0)


@dataclass(frozen=True)
class DrawConfig:
    """
    What stands in a batch: "a batch size of 32" (section III.E), of which the code has 4 images of
    each class. Here all are of one data set, since actions of two might be the same.

    :param classes: classes in it, or as many as the data set has.
    :param clips_per_class: images of each.
    """

    classes: int = limited(8, low=2)
    clips_per_class: int = limited(4, low=1)


@dataclass(frozen=True)
class SkeletonDmlRecipe(Recipe):
    """
    A complete configuration of Skeleton-DML.

    The paper trains 100 epochs of NTU RGB+D 120 by RMSprop with a rate of 1e-6, from pretrained
    weights. RMSprop moves a weight by about its rate in a step, which in 450 steps of 1e-6 comes to
    half a thousandth: too little from random weights, so the rate is the best of `rates` on the
    validation classes. RMSprop's first step is ten times its rate, hence the warm-up; that the rate
    falls, gradients are clipped and weights are averaged is the framework's.

    `preprocess` is of images of prepared joints; its frames are about as many as the recordings
    have, and a multiple of the three times that a pixel of the paper's image holds.
    """

    system: str = 'skeleton-dml'
    images: ImageConfig = field(default_factory=ImageConfig)
    preprocess: PreprocessConfig = field(default_factory=lambda: PreprocessConfig(frames=48))
    embedder: EmbedderConfig = field(default_factory=EmbedderConfig)
    metric: MetricConfig = field(default_factory=MetricConfig)
    draw: DrawConfig = field(default_factory=DrawConfig)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            steps=450,
            learning_rate=3e-4,
            rates=(1e-3, 3e-4, 1e-4),
            rate_steps=100,
            weight_decay=0.0,
            warm_up_steps=20,
            average=0.97,
            validate_steps=150,
        )
    )
