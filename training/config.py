"""What a recipe consists of, and how the command line changes one value of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_type_hints

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig

T = TypeVar('T')


@dataclass(frozen=True)
class DataConfig:
    """
    Which clips are learned from.

    :param train: names of data sets; 'simulated' is the simulated person.
    :param validation_stride: every so many-th class of each data set (counted from the second) is
        kept out of training and measured instead; 0 keeps none out.
    :param simulated_people: persons the simulation draws, each doing every action once.
    """

    train: tuple[str, ...] = ('utd-mhad', 'msr-action3d', 'utkinect', 'nw-ucla', 'simulated')
    validation_stride: int = 8
    simulated_people: int = 24


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

    crop: float = 0.3
    idle: float = 0.4
    warp: float = 0.8
    rate_hz: tuple[float, float] = (8.0, 60.0)
    tilt_deg: float = 18.0
    turn_deg: float = 25.0
    bones: float = 0.2
    ends: float = 0.3
    hips: float = 0.35
    noise: float = 0.06
    drop_joint: float = 0.08
    drop_part: float = 0.4
    size: float = 0.15


@dataclass(frozen=True)
class BatchConfig:
    """
    What stands in a batch.

    :param classes: classes in it; data sets take turns, so each has its share whatever its size.
    :param clips_per_class: clips of each, of different persons as far as there are.
    :param across: whether classes of different data sets are told apart from one another.
    """

    classes: int = 32
    clips_per_class: int = 4
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

    width: int = 128
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    local: int = 2
    stretches: int = 4
    embedding: int = 192
    token: int = 48
    pose: float = 2.0
    dropout: float = 0.1


@dataclass(frozen=True)
class LossConfig:
    """
    Multi-similarity loss and miner.

    :param tokens: share of the tokens' loss; the embedding's has the rest.
    """

    alpha: float = 2.0
    beta: float = 40.0
    base: float = 0.5
    miner_epsilon: float = 0.1
    tokens: float = 0.5


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
        package's own encoder also does on processors, of which some know it.
    :param threads: of the network.
    :param patience: measurements without a better one after which training stops.
    """

    steps: int = 3000
    learning_rate: float = 2e-3
    rates: tuple[float, ...] = ()
    rate_steps: int = 0
    weight_decay: float = 0.02
    warm_up_steps: int = 200
    average: float = 0.998
    validate_steps: int = 500
    patience: int = 6
    mixed_precision: bool = True
    threads: int = 1
    schedule: str = 'cosine'
    decay: float = 0.5
    decay_patience: int = 2


SCHEDULES = ('cosine', 'plateau', 'constant')


@dataclass(frozen=True)
class Recipe:
    """
    Everything that decides what comes out of a training run.

    Each system has a kind of its own, with what it wants to be told.

    :param system: a key of `training.recipes.SYSTEMS`.
    :param protocol: a key of `training.protocols.PROTOCOLS`: who may be learned from.
    """

    name: str
    system: str = ''
    protocol: str = 'default'
    seed: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


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
    out, types = dict(values), get_type_hints(kind)
    for item in fields(kind):
        value = values.get(item.name, MISSING)
        if isinstance(value, Mapping):
            out[item.name] = completed(types[item.name], value)
        elif value is MISSING and item.default is not MISSING:
            out[item.name] = item.default
        elif value is MISSING and callable(item.default_factory):
            made: Any = item.default_factory()
            nested = is_dataclass(made) and not isinstance(made, type)
            out[item.name] = asdict(made) if nested else made
    return out


def override(config: T, settings: Sequence[str]) -> T:
    """
    Change single values of a recipe.

    :param settings: 'dotted.name=value' each; tuples are written (1, 2).
    :raises ConfigError: no such name, or a value of another type.
    """
    for setting in settings:
        name, equals, text = setting.partition('=')
        if not equals:
            raise ConfigError(f'a setting is written name=value, got {setting!r}')
        config = _override(config, name.split('.'), text, name)
    return config


def _override(config: T, path: Sequence[str], text: str, name: str) -> T:
    names = [item.name for item in fields(config)]  # type: ignore[arg-type]
    if path[0] not in names:
        raise ConfigError(f'no setting {name!r}: {path[0]!r} is none of {", ".join(names)}')
    old = getattr(config, path[0])
    if is_dataclass(old) == (len(path) == 1):
        raise ConfigError(f'{name!r} is not one value of a recipe')
    new = _override(old, path[1:], text, name) if len(path) > 1 else _value(old, text, name)
    return replace(config, **{path[0]: new})  # type: ignore[type-var]


def _value(old: Any, text: str, name: str) -> Any:
    if isinstance(old, str):
        return text
    try:
        new = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        new = text
    if isinstance(old, float) and type(new) is int:
        new = float(new)
    if type(new) is not type(old):
        raise ConfigError(f'{name} must be {type(old).__name__} like {old!r}, got {text!r}')
    return new
