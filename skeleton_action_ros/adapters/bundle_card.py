"""
What a model bundle says about itself: finding it, and reading `card.json`.

A card that lacks a value, or gives one that cannot be, is refused with the value.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from skeleton_action_ros.core.calibration import CalibrationConfig, ConfidenceCurve
from skeleton_action_ros.core.config import build
from skeleton_action_ros.core.errors import BundleError, ConfigError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig

T = TypeVar('T')

FORMAT = 1
LAYOUT = 'common_15'
JOINTS = 15
INPUTS = ('joints', 'mask')
OUTPUTS = {'embedder': 'embedding', 'classifier': 'logits'}
TOKENS = 'tokens'
MODEL_FILES = {'fp32': 'model.onnx', 'int8': 'model_int8.onnx'}
"""The file of each precision; a bundle has the first always, the second where it is worth it."""
PRECISIONS = tuple(MODEL_FILES)
GOLDEN_TOLERANCE = 1e-4
"""How far outputs may be from the golden ones on a CPU where the card does not say."""
_PACKAGE = 'skeleton_action_ros'


@dataclass(frozen=True)
class ModelFile:
    """
    One of the files of a model.

    :param sha256: of the file, hexadecimal.
    :param golden_tolerance: how far any number of its outputs may be from `golden.npz` on a CPU.
    """

    sha256: str
    golden_tolerance: float


@dataclass(frozen=True)
class Card:
    """
    What a bundle says about its model: the part of `card.json` that running it depends on.

    :param kind: 'embedder' or 'classifier'.
    :param labels: of a classifier, in the order of its logits.
    :param width: numbers per clip that come out: embedding size, or the number of labels.
    :param threshold: similarity (embedder) or probability (classifier) from which a match counts.
    :param tokens: (K, d) of an embedder that gives tokens; K is 0 for one that does not.
    :param similarity: how its descriptors are compared.
    :param models: the files of the model, by precision: 'fp32' always, 'int8' in some bundles.
    :param calibration: how each action gets a threshold of its own; in bundles before there were
        such, none does.
    :param confidence: None where it was not measured.
    :param background: sha256 of the background's file; '' where there is none.
    """

    kind: str
    labels: tuple[str, ...]
    preprocess: PreprocessConfig
    width: int
    threshold: float
    tokens: tuple[int, int]
    similarity: SimilarityConfig
    models: Mapping[str, ModelFile]
    calibration: CalibrationConfig
    confidence: ConfidenceCurve | None
    background: str

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs without the batch."""
        frames = self.preprocess.frames
        return {'joints': (frames, JOINTS, 3), 'mask': (frames, JOINTS)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the outputs without the batch."""
        shapes: dict[str, tuple[int, ...]] = {OUTPUTS[self.kind]: (self.width,)}
        return {**shapes, TOKENS: self.tokens} if self.tokens[0] else shapes

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of inputs and outputs without the batch."""
        return {**self.inputs, **self.outputs}


def bundle_folders() -> Iterator[Path]:
    """Yield the folders that hold bundles by name: the checkout's, then the installed ones."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / 'package.xml').is_file():
        yield checkout / 'models'
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    for prefix in [*filter(None, prefixes), sys.prefix]:
        yield Path(prefix) / 'share' / _PACKAGE / 'models'


def find_bundle(name_or_path: str | Path) -> Path:
    """
    Find a bundle's folder by its path, or by its name among the models of this package.

    :raises BundleError: there is none; the message names the places looked at and what is there.
    """
    given = Path(name_or_path).expanduser()
    if (given / 'card.json').is_file():
        return given
    is_name = len(given.parts) == 1
    folders = list(bundle_folders()) if is_name else []
    for folder in folders:
        if (folder / given / 'card.json').is_file():
            return folder / given
    there = sorted({card.parent.name for folder in folders for card in folder.glob('*/card.json')})
    raise BundleError(
        f'no model bundle {str(name_or_path)!r}: looked for card.json in '
        f'{", ".join(str(folder / given) for folder in [Path(), *folders])}'
        + (f'; there are {", ".join(there)}' if there else '')
    )


def read_card(bundle: Path) -> dict[str, Any]:
    """
    Read the whole of `card.json`.

    :raises BundleError: it is missing, or not a JSON object of this format.
    """
    path = bundle / 'card.json'
    try:
        card = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise BundleError(f'{path} cannot be read: {error.strerror}') from None
    except ValueError as error:
        raise BundleError(f'{path} is not JSON: {error}') from None
    if not isinstance(card, dict):
        raise BundleError(f'{path} must hold a JSON object, got {type(card).__name__}')
    if card.get('format') != FORMAT:
        raise BundleError(f'{path}: format must be {FORMAT}, got {card.get("format")!r}')
    return card


def parse_card(card: Mapping[str, Any], path: Path) -> Card:
    """
    Take from a card what running the model needs.

    :raises BundleError: a value is missing or cannot be; the message quotes it.
    """

    def value(key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        got = card.get(key)
        if not isinstance(got, kind) or isinstance(got, bool):
            raise BundleError(f'{path}: {key} must be {expected}, got {got!r}')
        return got

    kind = value('kind', str, f'one of {list(OUTPUTS)}')
    if kind not in OUTPUTS:
        raise BundleError(f'{path}: kind must be one of {list(OUTPUTS)}, got {kind!r}')
    if card.get('layout') != LAYOUT:
        raise BundleError(f'{path}: layout must be {LAYOUT!r}, got {card.get("layout")!r}')
    labels = value('labels', list, 'a list of strings')
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) != len(labels):
        raise BundleError(f'{path}: labels must be different strings, got {labels!r}')
    if (kind == 'classifier') != bool(labels):
        raise BundleError(f'{path}: a classifier has labels and an embedder none, got {labels!r}')
    preprocess = _settings(
        PreprocessConfig, 'preprocess', value('preprocess', dict, 'an object'), path
    )
    similarity = SimilarityConfig()
    if 'similarity' in card:
        similarity = _settings(
            SimilarityConfig, 'similarity', value('similarity', dict, 'an object'), path
        )
    threshold = float(value('threshold', (int, float), 'a number from -1 to 1'))
    if not -1.0 <= threshold <= 1.0:
        raise BundleError(f'{path}: threshold must be from -1 to 1, got {threshold!r}')
    shapes = value('shapes', dict, 'an object')
    if not set(shapes) <= {*INPUTS, OUTPUTS[kind], TOKENS}:
        raise BundleError(f'{path}: shapes names an input or output unknown here: {shapes!r}')
    if kind == 'classifier' and TOKENS in shapes:
        raise BundleError(f'{path}: a classifier has no tokens, got {shapes!r}')
    (width,) = _sizes(shapes, OUTPUTS[kind], ('D',), path)
    tokens = _sizes(shapes, TOKENS, ('K', 'd'), path) if TOKENS in shapes else (0, 0)
    if similarity.tokens > 0.0 and TOKENS not in shapes:
        raise BundleError(
            f'{path}: similarity gives tokens the share {similarity.tokens:g}, but shapes has none'
        )
    calibration = CalibrationConfig()
    if 'calibration' in card:
        calibration = _settings(
            CalibrationConfig, 'calibration', value('calibration', dict, 'an object'), path
        )
    parsed = Card(
        kind=kind,
        labels=tuple(labels),
        preprocess=preprocess,
        width=width,
        threshold=threshold,
        tokens=(tokens[0], tokens[1]),
        similarity=similarity,
        models=_models(card, path),
        calibration=calibration,
        confidence=_confidence(card, path),
        background=_background(card, path),
    )
    if parsed.calibration.background > 0.0 and not parsed.background:
        raise BundleError(
            f'{path}: calibration gives the background the weight '
            f'{parsed.calibration.background:g}, but there is none'
        )
    for name, shape in parsed.shapes.items():
        if shapes.get(name) != ['B', *shape]:
            raise BundleError(
                f'{path}: shapes must give {name} as {["B", *shape]}, got {shapes.get(name)!r}'
            )
    if labels and width != len(labels):
        raise BundleError(f'{path}: {len(labels)} labels but {width} logits')
    return parsed


def _models(card: Mapping[str, Any], path: Path) -> dict[str, ModelFile]:
    """Return what the card says about each precision that the bundle has."""
    models = {'fp32': _model(card, '', path)}
    if 'int8' in card:
        if not isinstance(card['int8'], dict):
            raise BundleError(f'{path}: int8 must be an object, got {card["int8"]!r}')
        models['int8'] = _model(card['int8'], 'int8: ', path)
    return models


def _confidence(card: Mapping[str, Any], path: Path) -> ConfidenceCurve | None:
    if 'confidence' not in card:
        return None
    curve = card['confidence']
    names = {item.name for item in fields(ConfidenceCurve)}
    if not isinstance(curve, dict) or not names <= set(curve):
        raise BundleError(
            f'{path}: confidence must be an object with {sorted(names)}, got {curve!r}'
        )
    values = [curve[name] for name in ('slope', 'offset')]
    if not all(type(one) in (int, float) and abs(one) <= 1e3 for one in values) or values[0] <= 0:
        raise BundleError(
            f'{path}: confidence must give a slope above 0 and an offset, numbers up to 1000, '
            f'got {curve!r}'
        )
    return ConfidenceCurve(float(values[0]), float(values[1]))


def _background(card: Mapping[str, Any], path: Path) -> str:
    if 'background' not in card:
        return ''
    entry = card['background']
    sha256 = entry.get('sha256') if isinstance(entry, dict) else None
    if not isinstance(sha256, str) or not sha256:
        raise BundleError(f'{path}: background must be an object with sha256, got {entry!r}')
    return sha256


def _model(values: Mapping[str, Any], where: str, path: Path) -> ModelFile:
    sha256 = values.get('sha256')
    if not isinstance(sha256, str):
        raise BundleError(f'{path}: {where}sha256 must be a string, got {sha256!r}')
    tolerance = values.get('golden_tolerance', GOLDEN_TOLERANCE)
    if type(tolerance) not in (int, float) or not 0.0 < tolerance <= 1.0:
        raise BundleError(
            f'{path}: {where}golden_tolerance must be above 0 and at most 1, got {tolerance!r}'
        )
    return ModelFile(sha256, float(tolerance))


def _settings(kind: type[T], name: str, values: dict[str, Any], path: Path) -> T:
    """Build a configuration of which the card must give every value."""
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if set(values) != names:
        raise BundleError(f'{path}: {name} must give {sorted(names)}, got {sorted(values)}')
    try:
        return build(kind, values)
    except ConfigError as error:
        raise BundleError(f'{path}: {name}: {error}') from None


def _sizes(shapes: dict[str, Any], name: str, sizes: tuple[str, ...], path: Path) -> list[int]:
    """Return the sizes of an output after its batch."""
    got = shapes.get(name)
    wanted = ['B', *sizes]
    if not isinstance(got, list) or len(got) != len(wanted) or got[0] != 'B':
        raise BundleError(f'{path}: shapes must give {name} as {wanted}, got {got!r}')
    if not all(type(size) is int and size > 0 for size in got[1:]):
        raise BundleError(f'{path}: shapes must give {name} as {wanted}, got {got!r}')
    return got[1:]
