"""A tiny model bundle for tests: the embedding is how the joints move from frame to frame."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

FRAMES = 16


def motion_bundle(folder: Path, threshold: float = 0.7) -> Path:
    """Write a complete bundle without weights: unit-length differences of successive frames."""
    folder.mkdir(parents=True)
    steps = FRAMES - 1

    def constant(name: str, values: list[int]) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    graph = helper.make_graph(
        [
            helper.make_node('Slice', ['joints', 'one', 'frames', 'axis'], ['later']),
            helper.make_node('Slice', ['joints', 'zero', 'steps', 'axis'], ['earlier']),
            helper.make_node('Sub', ['later', 'earlier'], ['moves']),
            helper.make_node('Slice', ['mask', 'one', 'frames', 'axis'], ['seen']),
            helper.make_node('Unsqueeze', ['seen', 'last'], ['shown']),
            helper.make_node('Mul', ['moves', 'shown'], ['masked']),
            helper.make_node('Flatten', ['masked'], ['flat'], axis=1),
            helper.make_node('LpNormalization', ['flat'], ['embedding'], axis=1, p=2),
        ],
        'motion',
        [
            helper.make_tensor_value_info('joints', TensorProto.FLOAT, ['B', FRAMES, 15, 3]),
            helper.make_tensor_value_info('mask', TensorProto.FLOAT, ['B', FRAMES, 15]),
        ],
        [helper.make_tensor_value_info('embedding', TensorProto.FLOAT, ['B', steps * 45])],
        [
            constant('zero', [0]),
            constant('one', [1]),
            constant('steps', [steps]),
            constant('frames', [FRAMES]),
            constant('axis', [1]),
            constant('last', [3]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    data = model.SerializeToString()
    (folder / 'model.onnx').write_bytes(data)
    joints = np.random.default_rng(0).normal(size=(2, FRAMES, 15, 3)).astype(np.float32)
    flat = np.diff(joints, axis=1).reshape(2, -1)
    np.savez(
        folder / 'golden.npz',
        joints=joints,
        mask=np.ones((2, FRAMES, 15), np.float32),
        embedding=flat / np.linalg.norm(flat, axis=1, keepdims=True),
    )
    card = {
        'format': 1,
        'kind': 'embedder',
        'layout': 'common_15',
        'labels': [],
        'preprocess': {'frames': FRAMES, 'min_confidence': 0.1, 'turn': True, 'scale': True},
        'threshold': threshold,
        'shapes': {
            'joints': ['B', FRAMES, 15, 3],
            'mask': ['B', FRAMES, 15],
            'embedding': ['B', steps * 45],
        },
        'sha256': hashlib.sha256(data).hexdigest(),
    }
    (folder / 'card.json').write_text(json.dumps(card), encoding='utf-8')
    return folder


def with_int8(bundle: Path) -> Path:
    """Give a bundle its own model again under the name of the int8 one."""
    shutil.copy(bundle / 'model.onnx', bundle / 'model_int8.onnx')
    card = json.loads((bundle / 'card.json').read_text(encoding='utf-8'))
    card['int8'] = {'sha256': card['sha256'], 'golden_tolerance': 0.01}
    (bundle / 'card.json').write_text(json.dumps(card), encoding='utf-8')
    return bundle
