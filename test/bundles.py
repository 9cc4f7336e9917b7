"""Tiny model bundles for tests, made of how the joints move from frame to frame."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skeleton_action_ros.core.layouts import Common15

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
    joints = np.random.default_rng(0).normal(size=(2, FRAMES, 15, 3)).astype(np.float32)
    flat = np.diff(joints, axis=1).reshape(2, -1)
    golden = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return _write(folder, model, joints, 'embedding', golden, threshold=threshold)


def hands_bundle(folder: Path) -> Path:
    """Write a closed-set classifier: which hand travels farther, 'left hand' or 'right hand'."""
    folder.mkdir(parents=True)
    weights = np.zeros((FRAMES - 1, 15, 3, 2), np.float32)
    weights[:, Common15.HAND_LEFT, :, 0] = 2.0
    weights[:, Common15.HAND_RIGHT, :, 1] = 2.0
    weights = weights.reshape(-1, 2)
    graph = helper.make_graph(
        [
            helper.make_node('Slice', ['joints', 'one', 'frames', 'axis'], ['later']),
            helper.make_node('Slice', ['joints', 'zero', 'steps', 'axis'], ['earlier']),
            helper.make_node('Sub', ['later', 'earlier'], ['moves']),
            helper.make_node('Abs', ['moves'], ['ways']),
            helper.make_node('Flatten', ['ways'], ['flat'], axis=1),
            # The mask is an input of every bundle; here it takes no part.
            helper.make_node('ReduceSum', ['mask', 'axes'], ['seen'], keepdims=0),
            helper.make_node('Mul', ['seen', 'nothing'], ['none']),
            helper.make_node('Unsqueeze', ['none', 'axis'], ['column']),
            helper.make_node('MatMul', ['flat', 'weights'], ['product']),
            helper.make_node('Add', ['product', 'column'], ['logits']),
        ],
        'hands',
        [
            helper.make_tensor_value_info('joints', TensorProto.FLOAT, ['B', FRAMES, 15, 3]),
            helper.make_tensor_value_info('mask', TensorProto.FLOAT, ['B', FRAMES, 15]),
        ],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['B', 2])],
        [
            numpy_helper.from_array(np.array(values, np.int64), name)
            for name, values in {
                'zero': [0],
                'one': [1],
                'steps': [FRAMES - 1],
                'frames': [FRAMES],
                'axis': [1],
                'axes': [1, 2],
            }.items()
        ]
        + [
            numpy_helper.from_array(np.zeros(1, np.float32), 'nothing'),
            numpy_helper.from_array(weights, 'weights'),
        ],
    )
    joints = np.random.default_rng(0).normal(size=(2, FRAMES, 15, 3)).astype(np.float32)
    golden = np.abs(np.diff(joints, axis=1)).reshape(2, -1) @ weights
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    labels = ['left hand', 'right hand']
    return _write(folder, model, joints, 'logits', golden, labels=labels, golden_tolerance=1e-3)


def _write(
    folder: Path,
    model: onnx.ModelProto,
    joints: np.ndarray,
    output: str,
    golden: np.ndarray,
    **changes: Any,
) -> Path:
    """Write model, golden outputs and card; a card without labels is an embedder's."""
    data = model.SerializeToString()
    (folder / 'model.onnx').write_bytes(data)
    mask = np.ones(joints.shape[:3], np.float32)
    np.savez(folder / 'golden.npz', joints=joints, mask=mask, **{output: golden})
    card = {
        'format': 1,
        'kind': 'classifier' if 'labels' in changes else 'embedder',
        'layout': 'common_15',
        'labels': [],
        'preprocess': {'frames': FRAMES, 'min_confidence': 0.1, 'turn': True, 'scale': True},
        'threshold': 0.7,
        'shapes': {
            'joints': ['B', FRAMES, 15, 3],
            'mask': ['B', FRAMES, 15],
            output: ['B', golden.shape[1]],
        },
        'sha256': hashlib.sha256(data).hexdigest(),
        **changes,
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
