"""What a recipe consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any

from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig
from training.ranges import check, is_config, limited, types_of

SCHEDULES = ('cosine', 'plateau', 'constant')


@dataclass(frozen=True)
class DataConfig:
    """
    Which clips are learned from.

    :param train: names of data sets, or of folders of clips beside them, each once; 'simulated' is
        the simulated person.
    :param validation_stride: every so many-th class of each data set (counted from the second) is
        kept out of training and measured instead; 0 keeps none out. A closed set of actions keeps
        out persons that its protocol names, whatever the number, and none at 0; NTU RGB+D 120 keeps
        out the classes that its protocol names, even at 0.
    :param simulated_people: persons the simulation draws, each doing every action once.
    """

    train: tuple[str, ...] = limited(
        ('utd-mhad', 'msr-action3d', 'utkinect', 'nw-ucla', 'simulated'), fewest=1
    )
    validation_stride: int = 8
    simulated_people: int = limited(24, high=10_000)

    def contradictions(self) -> Iterator[str]:
        """Say which names are none of a data set, or are there twice."""
        for name in self.train:
            if not name or '/' in name or name in ('.', '..'):
                yield f"train must be names of folders, without '/', got {name!r} in {self.train}"
        if len(set(self.train)) < len(self.train):
            yield f'train must have each name once, got {self.train}'


@dataclass(frozen=True)
class AugmentConfig:
    """
    How far clips are changed; each is the far end of a uniform range, or a probability.

    :param crop: share of the clip cut off, start and end together.
    :param idle: stillness added, start and end together, as a share of the clip.
    :param warp: how unevenly time may run, 0 to 1.
    :param rate_hz: sampling rates, lowest and highest.
    :param tilt_deg: camera tilt about any level axis.
    :param turn_deg: error of the heading.
    :param bones: relative change of each bone's length.
    :param ends: hands, feet and head moved inwards along forearm, shin and neck, as a share of it:
        one sensor's hand is another's wrist.
    :param hips: hips moved along the trunk, as a share of it, up or down.
    :param noise: standard deviation of the joints' noise in trunk lengths, half of it slow.
    :param drop_joint: probability of a joint to be missing, all the time or for a while.
    :param drop_part: probability of neck and torso, head, or legs to be missing altogether.
    :param size: relative error of the size.
    """

    crop: float = limited(0.3, high=0.9)
    idle: float = limited(0.4, high=10.0)
    warp: float = limited(0.8, high=1.0)
    rate_hz: tuple[float, float] = limited((8.0, 60.0), low=0.1, high=1000.0)
    tilt_deg: float = limited(18.0, high=180.0)
    turn_deg: float = limited(25.0, high=180.0)
    bones: float = limited(0.2, high=0.9)
    ends: float = limited(0.3, high=0.9)
    hips: float = limited(0.35, high=0.9)
    noise: float = limited(0.06, high=10.0)
    drop_joint: float = limited(0.08, high=1.0)
    drop_part: float = limited(0.4, high=1.0)
    size: float = limited(0.15, high=0.9)

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.rate_hz[0] > self.rate_hz[1]:
            yield f'rate_hz must be the lowest and the highest rate, got {self.rate_hz}'


@dataclass(frozen=True)
class BatchConfig:
    """
    What stands in a batch.

    :param classes: classes in it; data sets take turns, so each has its share whatever its size.
    :param clips_per_class: clips of each, of different persons as far as there are.
    :param across: whether classes of different data sets are told apart from one another.
    """

    classes: int = limited(32, low=2)
    clips_per_class: int = limited(4, low=1)
    across: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """
    The network.

    :param width: channels of the convolutions.
    :param dilations: one block each, in steps of two frames.
    :param local: blocks that the tokens are taken after; the later ones see too much at a time.
    :param stretches: parts of the clip that the embedding also pools by themselves.
    :param embedding: length of the embedding vector.
    :param token: numbers learned for each token, beside those of the pose.
    :param pose: weight of the pose in a token where clips are compared, that of the learned numbers
        being 1; while they are learned both weigh the same. 0 leaves the pose out altogether.
    """

    width: int = limited(128, low=1, high=4096)
    kernel: int = limited(3, low=1, high=255)
    dilations: tuple[int, ...] = limited((1, 2, 4, 8), low=1, high=512, fewest=1)
    local: int = limited(2, high=64)
    stretches: int = limited(4, low=1, high=256)
    embedding: int = limited(192, low=1, high=4096)
    token: int = limited(48, low=1, high=4096)
    pose: float = 2.0
    dropout: float = limited(0.1, high=0.99)

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.kernel % 2 == 0:
            yield f'kernel must be odd, got {self.kernel}'


@dataclass(frozen=True)
class LossConfig:
    """
    Multi-similarity loss and miner.

    :param tokens: share of the tokens' loss; the embedding's has the rest.
    """

    alpha: float = limited(2.0, low=0.001)
    beta: float = limited(40.0, low=0.001)
    base: float = limited(0.5, low=-1.0, high=1.0)
    miner_epsilon: float = 0.1
    tokens: float = limited(0.5, high=1.0)


@dataclass(frozen=True)
class OptimizerConfig:
    """
    How weights move.

    :param steps: batches in all; 0 where nothing is learned by gradient.
    :param schedule: of the learning rate after it has warmed up: 'cosine' falls to nothing at the
        last step, 'plateau' falls where nothing improves, 'constant' stays.
    :param decay: what 'plateau' multiplies the learning rate by.
    :param decay_patience: measurements without a better one after which it does: of accuracy on
        what was kept to select on, or of the loss where nothing was.
    :param average: decay of the running average of weights, which is what is measured and exported.
    :param validate_steps: steps between two measurements on the validation classes.
    :param learning_rate: its highest; chosen among `rates` where these are given.
    :param rates: learning rates tried for `rate_steps` each before training; the best on the
        validation classes is taken, the first of equally good ones. Without such classes none is.
    :param mixed_precision: compute in bfloat16, which is several times faster on a GPU; the
        package's own encoder and TARM's trunks also do on processors, of which some know it.
    :param threads: of the network.
    :param patience: measurements without a better one after which training stops.
    """

    steps: int = 3000
    learning_rate: float = 2e-3
    rates: tuple[float, ...] = ()
    rate_steps: int = 0
    weight_decay: float = 0.02
    warm_up_steps: int = 200
    average: float = limited(0.998, high=0.99999)
    validate_steps: int = limited(500, low=1)
    patience: int = limited(6, low=1)
    mixed_precision: bool = True
    threads: int = limited(1, low=1, high=256)
    schedule: str = limited('cosine', choices=SCHEDULES)
    decay: float = limited(0.5, high=1.0)
    decay_patience: int = limited(2, low=1)

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.rates and not self.rate_steps:
            yield f'rate_steps must be 1 or more to try rates={self.rates}, got 0'


@dataclass(frozen=True)
class Recipe:
    """
    Everything that decides what comes out of a training run.

    Each system has a kind of its own, with what it wants to be told. Its values are checked
    (`ranges.check`) whenever one is made.

    :param system: a key of `training.recipes.SYSTEMS`.
    :param protocol: a key of `training.protocols.PROTOCOLS`: who may be learned from.
    :raises ConfigError: a value is of another type or out of its range.
    """

    name: str
    system: str = ''
    protocol: str = 'default'
    seed: int = limited(0, high=2**32 - 1)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class EncoderRecipe(Recipe):
    """
    The recipe of the package's own model.

    It learns every class it may, for a number of steps that is settled: nothing is selected.
    """

    system: str = 'encoder'
    data: DataConfig = field(default_factory=lambda: DataConfig(validation_stride=0))
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    similarity: SimilarityConfig = field(
        default_factory=lambda: SimilarityConfig(tokens=0.8, band=5, other_side=0.05)
    )
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(steps=1200, weight_decay=0.3, validate_steps=300)
    )

    def contradictions(self) -> Iterator[str]:
        """Say which values do not go together."""
        if self.preprocess.frames % (2 * self.model.stretches):
            yield (
                f'preprocess.frames must be a multiple of {2 * self.model.stretches}, twice '
                f'model.stretches, got {self.preprocess.frames}'
            )


@dataclass(frozen=True)
class ClassifierRecipe(EncoderRecipe):
    """
    The recipe of a closed-set classifier on the same encoder.

    :param metric: weight of the encoder's own loss beside the classifier's.
    """

    system: str = 'classifier'
    metric: float = 1.0


def completed(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Add what a configuration has come to have since it was written down, at the defaults.

    A new value's default is what was done before there was a choice, so that older results and
    checkpoints stay those of the same recipe.

    :param kind: the dataclass.
    :param values: what `asdict` made of an older version of it.
    """
    out, types = dict(values), types_of(kind)
    for item in fields(kind):
        value = values.get(item.name, MISSING)
        if isinstance(value, Mapping) and is_config(types[item.name]):
            out[item.name] = completed(types[item.name], value)
        elif value is MISSING and item.default is not MISSING:
            out[item.name] = item.default
        elif value is MISSING and callable(item.default_factory):
            made: Any = item.default_factory()
            nested = is_dataclass(made) and not isinstance(made, type)
            out[item.name] = asdict(made) if nested else made
    return out
