"""
Make a checked bundle: `python -m training.export CHECKPOINT --results RESULTS --out models/NAME`.

The bundle is written under a temporary name, loaded the way the robot loads it, compared with
PyTorch, and only then put in its place.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skeleton_action_ros.adapters.onnx_bundle import FORMAT, LAYOUT, OnnxModel, load_bundle
from skeleton_action_ros.core.errors import BundleError, SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.checkpoints import Checkpoint, load_checkpoint
from training.model import JOINTS, Embedder, embed_with

GOLDEN_CLIPS = 4
PARITY = 1e-5
OPSET = 18
TERMS = {
    'utd-mhad': "UTD-MHAD, University of Texas at Dallas; its owners' research terms",
    'msr-action3d': "MSR Action3D, Microsoft Research; its owners' research terms",
    'utkinect': "UTKinect-Action3D, University of Texas at Austin; its owners' research terms",
    'nw-ucla': "Northwestern-UCLA Multiview Action 3D; its owners' research terms",
    'florence3d': "Florence 3D Actions, University of Florence; its owners' research terms",
    'g3d-clips': "G3D gaming actions, Kingston University; its owners' research terms",
    'simulated': 'the simulated person of this package; Apache-2.0',
}
MEASURED_ON = (
    'the model that `python -m training.train {}` makes; where that is not this one, it is trained '
    'alike, but not on the data sets it is asked on'
)
LICENCE_NOTES = (
    'The weights are Apache-2.0 like this package. No recording is part of the bundle: the golden '
    "inputs are made up. The recordings learned from are under their owners' research terms."
)
LIMITS = [
    'one person at a time: what two persons do with each other is not seen as such',
    'no fingers, no face, no objects: drinking and phoning differ only by where the hand goes',
    'left and right are different actions: teach both hands where both should count',
    'small motions of one hand near the head or chest are told apart least',
    'seconds, not minutes: a clip is resampled to a fixed number of frames',
]


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


def to_onnx(model: Embedder, preprocess: PreprocessConfig) -> bytes:
    """Export with dynamic batch and weights inside: `joints` and `mask` to `embedding`."""
    joints, mask = golden_inputs(preprocess, np.random.default_rng(0))
    batch = torch.export.Dim('B', min=1, max=4096)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        program = torch.onnx.export(
            model.eval(),
            (torch.from_numpy(joints), torch.from_numpy(mask)),
            input_names=['joints', 'mask'],
            output_names=['embedding'],
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


def write_bundle(
    folder: Path,
    model: Embedder,
    preprocess: PreprocessConfig,
    *,
    threshold: float,
    about: Mapping[str, Any],
) -> OnnxModel:
    """
    Write a bundle and return it as the robot sees it.

    :param about: further entries of the card: training data, recipe, results, licence, limits.
    :raises BundleError: ONNX Runtime does not give PyTorch's outputs to 1e-5; nothing is replaced.
    """
    onnx = to_onnx(model, preprocess)
    joints, mask = golden_inputs(preprocess, np.random.default_rng(1))
    expected = embed_with(model, joints, mask)
    shapes = {
        'joints': ['B', preprocess.frames, JOINTS, 3],
        'mask': ['B', preprocess.frames, JOINTS],
        'embedding': ['B', expected.shape[1]],
    }
    card = {
        'format': FORMAT,
        'name': folder.name,
        'kind': 'embedder',
        'layout': LAYOUT,
        'labels': [],
        'preprocess': asdict(preprocess),
        'shapes': shapes,
        'threshold': threshold,
        'sha256': hashlib.sha256(onnx).hexdigest(),
        **about,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.bundle-') as place:
        made = Path(place) / folder.name
        made.mkdir()
        (made / 'model.onnx').write_bytes(onnx)
        (made / 'card.json').write_text(json.dumps(card, indent=2) + '\n', encoding='utf-8')
        np.savez_compressed(made / 'golden.npz', joints=joints, mask=mask, embedding=expected)
        loaded = load_bundle(made, providers=['CPUExecutionProvider'])
        farthest = float(np.abs(loaded.infer(joints, mask) - expected).max())
        if farthest > PARITY:
            raise BundleError(
                f'ONNX Runtime differs from PyTorch by {farthest:.3g}, allowed {PARITY:g}'
            )
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return loaded


def card_entries(state: Checkpoint, results: Mapping[str, Any]) -> dict[str, Any]:
    """Tell where a model comes from, what it may be used for, and what it is bad at."""
    names = state.recipe.data.train
    kept = ('protocol', 'one_shot', 'validation_accuracy', 'invariances', 'threshold')
    return {
        'about': "Embeds one person's motion of up to some seconds; near embeddings, same action.",
        'training': {
            'data': {name: TERMS[name] for name in names},
            'fingerprint': state.data,
            'recipe': asdict(state.recipe),
            'command': f'python -m training.train {state.recipe.name}',
            'seed': state.recipe.seed,
            'steps': state.step,
            'commit': state.commit,
            'machine': results['machine'],
        },
        'results': {
            **{key: results[key] for key in kept if key in results},
            'measured_with': results['command'],
            'system': results['system'],
            'measured_on': MEASURED_ON.format(results['system']),
            'commit': results['measured_at_commit'],
        },
        'operating_curve': results['operating_curve'],
        'licence_notes': LICENCE_NOTES,
        'limits': LIMITS,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a bundle of a checkpoint, with the results of `training.measure` in its card."""
    parser = argparse.ArgumentParser(prog='python -m training.export', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--results', type=Path, required=True, help='written by training.measure')
    parser.add_argument(
        '--out', type=Path, required=True, help='the bundle, such as models/default'
    )
    options = parser.parse_args(arguments)
    try:
        state = load_checkpoint(options.checkpoint)
        results = json.loads(options.results.read_text(encoding='utf-8'))
        if 'threshold' not in results:
            raise SkeletonActionError(
                f'{options.results} has no threshold: its model has seen all test data'
            )
        bundle = write_bundle(
            options.out,
            state.model(),
            state.recipe.preprocess,
            threshold=results['threshold']['threshold'],
            about=card_entries(state, results),
        )
    except (OSError, ValueError) as error:
        parser.exit(1, f'{parser.prog}: {error}\n')
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f'{options.out}: {size / 1e6:.2f} MB, sha256 {bundle.sha256}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
