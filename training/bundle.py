"""
Writing a checked bundle: model, card and golden outputs, each as the robot will read it.

The bundle is written under a temporary name, loaded the way the robot loads it, compared with
PyTorch, and only then put in its place. One that was there is moved aside for it, and deleted last:
whenever that is broken off, one of both is whole, and the next bundle written there sets it right.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skeleton_action_ros.adapters.bundle_card import (
    FORMAT,
    JOINTS,
    LAYOUT,
    MODEL_FILES,
    TOKENS,
)
from skeleton_action_ros.adapters.onnx_bundle import CPU, OnnxModel, load_bundle
from skeleton_action_ros.core.errors import BundleError, SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip
from training.quantize import MOST_LOST, calibration_clips, points_lost, quantised

GOLDEN_CLIPS = 4
PARITY = 1e-5
OPSET = 18
LARGEST_BYTES = 5_000_000
CARD = 'card.json'
_SHOWN = 3
_LEAST_TOLERANCE = 1e-3


def golden_inputs(
    preprocess: PreprocessConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw smooth made-up motions, one with missing joints: no recording leaves with a bundle."""
    knots = rng.normal(0.0, 0.5, (GOLDEN_CLIPS, 6, JOINTS, 3))
    at = np.linspace(0.0, 5.0, preprocess.frames)
    low = np.minimum(at.astype(np.int64), 4)
    part = (at - low)[None, :, None, None]
    joints = knots[:, low] * (1.0 - part) + knots[:, low + 1] * part
    mask = np.ones(joints.shape[:3])
    mask[1, :, :3] = 0.0
    mask[2, : preprocess.frames // 2, 5] = 0.0
    joints[1, :, :3] = 0.0
    return joints.astype(np.float32), mask.astype(np.float32)


def run_network(
    network: nn.Module, joints: NDArray[np.float32], mask: NDArray[np.float32], kind: str
) -> dict[str, NDArray[np.float32]]:
    """
    Return the outputs of a network by the names that a bundle gives them.

    :param network: gives logits (B, labels), embeddings (B, D), or these and tokens (B, K, d).
    :param kind: 'embedder' or 'classifier'.
    :raises BundleError: it gives something else.
    """
    with torch.inference_mode():
        out = network.eval()(torch.from_numpy(joints), torch.from_numpy(mask))
    arrays = [np.asarray(part.numpy()) for part in (out if isinstance(out, tuple) else (out,))]
    names = ('logits',) if kind == 'classifier' else ('embedding', TOKENS)
    dimensions = {'logits': 2, 'embedding': 2, TOKENS: 3}
    shapes = [array.shape for array in arrays]
    if len(arrays) > len(names) or any(
        array.ndim != dimensions[name] or len(array) != len(joints)
        for name, array in zip(names, arrays, strict=False)
    ):
        wanted = ', '.join(f'{name} in {dimensions[name]} dimensions' for name in names)
        raise BundleError(f'a network of a bundle of kind {kind} gives {wanted}, got {shapes}')
    return dict(zip(names, arrays, strict=False))


def to_onnx(network: nn.Module, preprocess: PreprocessConfig, outputs: Sequence[str]) -> bytes:
    """Export with dynamic batch and weights inside: `joints` and `mask` to the named outputs."""
    joints, mask = golden_inputs(preprocess, np.random.default_rng(0))
    batch = torch.export.Dim('B', min=1, max=4096)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        program = torch.onnx.export(
            network.eval(),
            (torch.from_numpy(joints), torch.from_numpy(mask)),
            input_names=['joints', 'mask'],
            output_names=list(outputs),
            dynamic_shapes={'joints': {0: batch}, 'mask': {0: batch}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise SkeletonActionError('the exporter returned no program')
    proto = program.model_proto
    del proto.metadata_props[:]
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    return bytes(proto.SerializeToString())


@dataclass(frozen=True)
class Promise:
    """
    What the card of a bundle promises to the recogniser.

    :param threshold: similarity, or probability of a classifier, from which a match counts.
    :param labels: of a classifier, in the order of its logits; empty for an embedder.
    """

    preprocess: PreprocessConfig
    threshold: float
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    labels: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """'embedder' or 'classifier'."""
        return 'classifier' if self.labels else 'embedder'


def write_bundle(
    folder: Path,
    network: nn.Module,
    promise: Promise,
    *,
    about: Mapping[str, Any],
    int8_judges: Mapping[str, Sequence[Clip]] | None = None,
    largest_bytes: int = LARGEST_BYTES,
) -> OnnxModel:
    """
    Write a bundle and return it as the robot sees it.

    :param folder: not there yet, empty, or a bundle, which is replaced.
    :param network: on the CPU; see `run_network` for what it gives.
    :param about: further entries of the card: training data, recipe, results, licence, limits.
    :param int8_judges: clips by the name of their data set: an int8 model is made too, and kept if
        on these it loses less than `MOST_LOST` points of accuracy on average.
    :raises BundleError: the folder is another one; ONNX Runtime does not give PyTorch's outputs to
        1e-5 of the largest; or the bundle is larger than allowed. Nothing is replaced.
    """
    check_replaceable(folder)
    folder = folder.resolve()
    joints, mask = golden_inputs(promise.preprocess, np.random.default_rng(1))
    expected = run_network(network, joints, mask, promise.kind)
    model = to_onnx(network, promise.preprocess, list(expected))
    # Logits may be large, and rounding grows with them.
    parity = PARITY * max(1.0, *(float(np.abs(array).max()) for array in expected.values()))
    card = {
        'format': FORMAT,
        'name': folder.name,
        'kind': promise.kind,
        'layout': LAYOUT,
        'labels': list(promise.labels),
        'preprocess': asdict(promise.preprocess),
        'similarity': asdict(promise.similarity),
        'shapes': {
            'joints': ['B', promise.preprocess.frames, JOINTS, 3],
            'mask': ['B', promise.preprocess.frames, JOINTS],
            **{name: ['B', *array.shape[1:]] for name, array in expected.items()},
        },
        'threshold': promise.threshold,
        'sha256': hashlib.sha256(model).hexdigest(),
        'golden_tolerance': 10 * parity,
        **about,
    }
    if promise.kind == 'classifier':
        del card['similarity']
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.bundle-') as place:
        made = Path(place) / folder.name
        made.mkdir()
        (made / MODEL_FILES['fp32']).write_bytes(model)
        _write_card(made, card)
        np.savez_compressed(made / 'golden.npz', joints=joints, mask=mask, **expected)
        loaded = load_bundle(made, providers=[CPU])
        farthest = _farthest(loaded, joints, mask, expected)
        if farthest > parity:
            raise BundleError(
                f'ONNX Runtime differs from PyTorch by {farthest:.3g}, allowed {parity:g}'
            )
        if int8_judges is not None:
            _add_int8(made, card, loaded, int8_judges)
        size = sum(file.stat().st_size for file in made.iterdir())
        if size >= largest_bytes:
            raise BundleError(f'the bundle has {size} bytes, allowed less than {largest_bytes}')
        _put_in_place(made, folder)
    return loaded


def check_replaceable(folder: Path) -> None:
    """
    Refuse to put a bundle in the place of anything but a bundle.

    One that was moved aside for another, which did not come, is brought back.

    :raises BundleError: the folder has something in it, and is no bundle.
    """
    whole = folder.resolve()
    aside = _aside(whole)
    if aside.is_dir() and not whole.exists():
        aside.rename(whole)
    there = sorted(place.name for place in whole.iterdir()) if whole.is_dir() else []
    if there and CARD not in there:
        shown = ', '.join(there[:_SHOWN]) + (', ...' if len(there) > _SHOWN else '')
        raise BundleError(
            f'{folder} must be a bundle, which is replaced, or an empty folder, or not be there: '
            f'got a folder without {CARD}, in which there is {shown}'
        )


def _aside(folder: Path) -> Path:
    """Return the place of the bundle that is being replaced."""
    return folder.with_name(f'.{folder.name}.replaced')


def _put_in_place(made: Path, folder: Path) -> None:
    aside = _aside(folder)
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    try:
        made.rename(folder)
    except BaseException:
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write_card(folder: Path, card: Mapping[str, Any]) -> None:
    (folder / CARD).write_text(json.dumps(card, indent=2) + '\n', encoding='utf-8')


def _farthest(
    model: OnnxModel,
    joints: NDArray[np.float32],
    mask: NDArray[np.float32],
    expected: Mapping[str, NDArray[np.float32]],
) -> float:
    """Return how far any number of any output is from what is expected."""
    found = model.outputs(joints, mask)
    return max(float(np.abs(found[name] - array).max()) for name, array in expected.items())


def _add_int8(
    made: Path, card: dict[str, Any], whole: OnnxModel, judges: Mapping[str, Sequence[Clip]]
) -> None:
    """Put an int8 model into a bundle if it is worth it, and into the card what it loses."""
    path = made / MODEL_FILES['int8']
    model = quantised(
        (made / MODEL_FILES['fp32']).read_bytes(), calibration_clips(whole.preprocess)
    )
    path.write_bytes(model)
    entry: dict[str, Any] = {'sha256': hashlib.sha256(model).hexdigest(), 'golden_tolerance': 1.0}
    _write_card(made, {**card, 'int8': entry})
    small = load_bundle(made, providers=[CPU], precision='int8')
    with np.load(made / 'golden.npz') as golden:
        arrays = dict(golden)
    joints, mask = arrays.pop('joints'), arrays.pop('mask')
    farthest = _farthest(small, joints, mask, arrays)
    # Another CPU rounds some sums otherwise: twice as far as here is still this model.
    entry['golden_tolerance'] = round(max(2.0 * farthest, _LEAST_TOLERANCE), 4)
    lost = points_lost(whole, small, judges)
    mean = float(np.mean(list(lost.values())))
    if mean < MOST_LOST:
        entry['points_lost'] = {name: round(points, 2) for name, points in lost.items()}
        card['int8'] = entry
        print(f'int8: loses {mean:.2f} points')
    else:
        path.unlink()
        print(f'int8: left out, it loses {mean:.2f} points, allowed {MOST_LOST:g}')
    _write_card(made, card)
