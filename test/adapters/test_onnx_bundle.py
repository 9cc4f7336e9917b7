from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from skeleton_action_ros.adapters import onnx_bundle
from skeleton_action_ros.adapters.bundle_card import find_bundle
from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.core.calibration import CalibrationConfig
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig

FRAMES = 4
WIDTH = 3
GPU = 'CUDAExecutionProvider'


def weights(count: int) -> np.ndarray:
    """What the tiny model multiplies each clip's joints with: (T * 45, count)."""
    return np.random.default_rng(5).normal(size=(FRAMES * 45, count)).astype(np.float32)


def tiny_onnx(kind: str, width: int = WIDTH, batch: str | int = 'B', bias: float = 0.5) -> bytes:
    """A model of one matrix: clip -> joints * mask -> weights -> (embedder) unit length."""
    out = {'embedder': 'embedding', 'classifier': 'logits'}[kind]
    nodes = [
        helper.make_node('Unsqueeze', ['mask', 'axis'], ['wide']),
        helper.make_node('Mul', ['joints', 'wide'], ['seen']),
        helper.make_node('Flatten', ['seen'], ['flat'], axis=1),
        helper.make_node('MatMul', ['flat', 'weights'], ['product']),
        helper.make_node('Add', ['product', 'bias'], ['logits' if kind == 'classifier' else 'sum']),
    ]
    if kind == 'embedder':
        nodes.append(helper.make_node('LpNormalization', ['sum'], ['embedding'], axis=1, p=2))
    graph = helper.make_graph(
        nodes,
        'tiny',
        [
            helper.make_tensor_value_info('joints', TensorProto.FLOAT, [batch, FRAMES, 15, 3]),
            helper.make_tensor_value_info('mask', TensorProto.FLOAT, [batch, FRAMES, 15]),
        ],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, [batch, width])],
        [
            numpy_helper.from_array(np.array([3], np.int64), 'axis'),
            numpy_helper.from_array(weights(width), 'weights'),
            numpy_helper.from_array(np.full(width, bias, np.float32), 'bias'),
        ],
    )
    opset = [helper.make_opsetid('', 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def expected(kind: str, joints: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The tiny model, clip by clip in numpy."""
    rows = []
    for clip, seen in zip(joints, mask, strict=True):
        row = (clip * seen[..., None]).ravel() @ weights(WIDTH) + 0.5
        rows.append(row / np.linalg.norm(row) if kind == 'embedder' else row)
    return np.array(rows, np.float32)


def inputs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(count, FRAMES, 15, 3)).astype(np.float32)
    return joints, (rng.random((count, FRAMES, 15)) < 0.8).astype(np.float32)


def write(folder: Path, kind: str = 'embedder', **changes: Any) -> Path:
    """A whole bundle, with changes to its card."""
    folder.mkdir(parents=True)
    out = 'embedding' if kind == 'embedder' else 'logits'
    model = tiny_onnx(kind)
    (folder / 'model.onnx').write_bytes(model)
    card = {
        'format': 1,
        'kind': kind,
        'layout': 'common_15',
        'labels': [] if kind == 'embedder' else ['wave', 'clap', 'bow'],
        'preprocess': {'frames': FRAMES, 'min_confidence': 0.2, 'turn': True, 'scale': False},
        'shapes': {
            'joints': ['B', FRAMES, 15, 3],
            'mask': ['B', FRAMES, 15],
            out: ['B', WIDTH],
        },
        'threshold': 0.75,
        'sha256': hashlib.sha256(model).hexdigest(),
        **changes,
    }
    (folder / 'card.json').write_text(json.dumps(card))
    joints, mask = inputs(2, seed=9)
    golden = {'joints': joints, 'mask': mask, out: expected(kind, joints, mask)}
    np.savez(folder / 'golden.npz', **golden)
    return folder


def change_card(bundle: Path, **changes: Any) -> None:
    """Set entries of the card; None takes one out."""
    card = {**json.loads((bundle / 'card.json').read_text()), **changes}
    kept = {key: value for key, value in card.items() if value is not None}
    (bundle / 'card.json').write_text(json.dumps(kept))


def replace_model(bundle: Path, model: bytes) -> None:
    (bundle / 'model.onnx').write_bytes(model)
    change_card(bundle, sha256=hashlib.sha256(model).hexdigest())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path / 'tiny')


@pytest.mark.parametrize('count', [1, 2, 6, 65, 130])
def test_embedder_gives_what_its_matrix_gives_for_any_batch(bundle: Path, count: int) -> None:
    joints, mask = inputs(count)

    found = load_bundle(bundle).infer(joints, mask).embeddings

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected('embedder', joints, mask), atol=1e-5)


def test_empty_batch_gives_an_empty_array(bundle: Path) -> None:
    found = load_bundle(bundle).infer(*inputs(0))

    assert found.embeddings.shape == (0, WIDTH)
    assert len(found.tokens) == 0


def test_embedder_says_what_its_card_says(bundle: Path) -> None:
    model = load_bundle(bundle)

    assert (model.name, model.kind, model.labels) == ('tiny', 'embedder', ())
    assert model.preprocess == PreprocessConfig(
        frames=FRAMES, min_confidence=0.2, turn=True, scale=False
    )
    assert (model.threshold, model.similarity) == (
        0.75,
        SimilarityConfig(tokens=0.0, band=0, other_side=2.0),
    )


def test_classifier_gives_logits_and_labels(tmp_path: Path) -> None:
    joints, mask = inputs(5)

    model = load_bundle(write(tmp_path / 'closed', 'classifier'))

    assert (model.kind, model.labels) == ('classifier', ('wave', 'clap', 'bow'))
    np.testing.assert_allclose(
        model.classify(joints, mask), expected('classifier', joints, mask), rtol=1e-4, atol=1e-4
    )


def test_arrays_of_another_shape_are_refused_with_both_shapes(bundle: Path) -> None:
    model = load_bundle(bundle)
    joints, mask = inputs(2)

    with pytest.raises(
        BundleError, match=r'joints of tiny must be \(2, 4, 15, 3\), got \(2, 4, 14'
    ):
        model.infer(joints[:, :, :14], mask)
    with pytest.raises(BundleError, match=r'mask of tiny must be \(2, 4, 15\), got \(1, 4, 15\)'):
        model.infer(joints, mask[:1])


def test_io_binding_gives_the_same(bundle: Path) -> None:
    plain = load_bundle(bundle)
    bound = OnnxModel(
        plain.name, plain._card, plain._session, plain.provider, plain.provider_notes, bind=True
    )
    joints, mask = inputs(7)

    np.testing.assert_array_equal(
        bound.infer(joints, mask).embeddings, plain.infer(joints, mask).embeddings
    )


def test_providers_that_are_not_there_are_passed_over_with_a_reason(bundle: Path) -> None:
    if GPU in ort.get_available_providers():
        pytest.skip('this onnxruntime is built with CUDA')

    model = load_bundle(bundle)

    assert model.provider == 'CPUExecutionProvider'
    assert list(model.provider_notes) == ['TensorrtExecutionProvider', GPU]
    assert 'is built without it' in model.provider_notes[GPU]


class FakeOnnxRuntime:
    """ONNX Runtime on a machine with the CUDA build: the CPU does the work."""

    __version__ = '1.0'
    SessionOptions = ort.SessionOptions

    def __init__(self, start: Callable[[list[str]], list[str]], *, offset: float = 0.0) -> None:
        self._start = start
        self._offset = offset

    def get_available_providers(self) -> list[str]:
        return [GPU, 'CPUExecutionProvider']

    def InferenceSession(  # noqa: N802
        self, data: bytes, options: ort.SessionOptions, providers: list[str]
    ) -> Any:
        runs = self._start(providers)
        if self._offset and runs[0] == GPU:
            data = tiny_onnx('embedder', bias=0.5 + self._offset)
        session = ort.InferenceSession(data, options, providers=['CPUExecutionProvider'])
        session.get_providers = lambda: runs
        return session


def test_gpu_that_starts_is_taken(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_bundle, 'ort', FakeOnnxRuntime(lambda wanted: wanted))
    joints, mask = inputs(3)

    model = load_bundle(bundle)

    assert model.provider == GPU
    assert list(model.provider_notes) == ['TensorrtExecutionProvider']
    np.testing.assert_allclose(
        model.infer(joints, mask).embeddings, expected('embedder', joints, mask), atol=1e-5
    )


def test_gpu_that_silently_falls_back_is_noted(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_bundle, 'ort', FakeOnnxRuntime(lambda wanted: wanted[-1:]))

    model = load_bundle(bundle)

    assert model.provider == 'CPUExecutionProvider'
    assert 'it does not start here' in model.provider_notes[GPU]


def test_gpu_that_raises_is_noted_with_its_first_line(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(wanted: list[str]) -> list[str]:
        if wanted[0] == GPU:
            raise RuntimeError('no kernel image for this GPU\nstack ...')
        return wanted

    monkeypatch.setattr(onnx_bundle, 'ort', FakeOnnxRuntime(start))

    assert load_bundle(bundle).provider_notes[GPU] == 'no kernel image for this GPU'


def test_gpu_with_wrong_outputs_is_not_used(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_bundle, 'ort', FakeOnnxRuntime(lambda wanted: wanted, offset=3.0))

    model = load_bundle(bundle)

    assert model.provider == 'CPUExecutionProvider'
    assert 'differs from golden.npz by up to' in model.provider_notes[GPU]


def test_no_provider_at_all_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match='no execution provider runs it: QuantumProvider: the'):
        load_bundle(bundle, providers=['QuantumProvider'])
    with pytest.raises(BundleError, match='none was given'):
        load_bundle(bundle, providers=[])


def test_no_threads_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match='threads must be at least 1, got 0'):
        load_bundle(bundle, threads=0)


@pytest.mark.parametrize('missing', ['model.onnx', 'golden.npz'])
def test_missing_file_is_named(bundle: Path, missing: str) -> None:
    (bundle / missing).unlink()

    with pytest.raises(BundleError, match=f'{missing} cannot be read: No such file'):
        load_bundle(bundle)


def test_one_damaged_byte_of_the_model_is_refused(bundle: Path) -> None:
    data = bytearray((bundle / 'model.onnx').read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / 'model.onnx').write_bytes(data)

    with pytest.raises(BundleError, match=r'model.onnx is not the model of its card: sha256 is'):
        load_bundle(bundle)


def test_wrong_hash_in_the_card_is_refused(bundle: Path) -> None:
    change_card(bundle, sha256='0' * 64)

    with pytest.raises(BundleError, match='the card says 0000'):
        load_bundle(bundle)


def test_file_that_is_no_model_is_refused(bundle: Path) -> None:
    replace_model(bundle, b'this is not onnx')

    with pytest.raises(BundleError, match='is not a model that ONNX Runtime can run'):
        load_bundle(bundle)


def test_another_model_is_refused_by_the_golden_outputs(bundle: Path) -> None:
    replace_model(bundle, tiny_onnx('embedder', bias=-0.5))

    with pytest.raises(BundleError, match=r'embedding differs from golden\.npz by up to'):
        load_bundle(bundle)


def test_changed_golden_output_is_refused(bundle: Path) -> None:
    with np.load(bundle / 'golden.npz') as file:
        golden = dict(file)
    golden['embedding'][1, 0] += 0.001
    np.savez(bundle / 'golden.npz', **golden)

    with pytest.raises(BundleError, match=r'up to 0\.001, allowed 0\.0001'):
        load_bundle(bundle)


def test_golden_output_that_is_not_a_number_is_refused(bundle: Path) -> None:
    with np.load(bundle / 'golden.npz') as file:
        golden = dict(file)
    golden['embedding'][0, 0] = np.nan
    np.savez(bundle / 'golden.npz', **golden)

    with pytest.raises(BundleError, match=r'differs from golden\.npz by up to nan'):
        load_bundle(bundle)


@pytest.mark.parametrize(
    'golden',
    [
        {},
        {'joints': np.zeros(3, np.float32)},
        {
            'joints': np.zeros((0, FRAMES, 15, 3), np.float32),
            'mask': np.zeros((0, FRAMES, 15), np.float32),
            'embedding': np.zeros((0, WIDTH), np.float32),
        },
        {
            'joints': np.zeros((2, FRAMES, 15, 3), np.float32),
            'mask': np.zeros((2, FRAMES, 15), np.float32),
            'embedding': np.zeros((2, WIDTH + 1), np.float32),
        },
    ],
    ids=['nothing', 'flat', 'empty', 'wide'],
)
def test_golden_arrays_of_other_shapes_are_refused(
    bundle: Path, golden: dict[str, np.ndarray]
) -> None:
    np.savez(bundle / 'golden.npz', **golden)

    with pytest.raises(BundleError, match=r'golden.npz: \w+ must be \(B, \*'):
        load_bundle(bundle)


def test_damaged_golden_file_is_refused(bundle: Path) -> None:
    data = (bundle / 'golden.npz').read_bytes()
    (bundle / 'golden.npz').write_bytes(data[: len(data) // 2])

    with pytest.raises(BundleError, match=r'golden\.npz is damaged'):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ('model', 'message'),
    [
        (tiny_onnx('embedder', batch=2), 'with any B, got'),
        (tiny_onnx('classifier'), "outputs must have 'embedding', got \\['logits'\\]"),
        (tiny_onnx('embedder', width=WIDTH + 1), r"embedding must be \['B', 3\] with any B"),
    ],
    ids=['fixed batch', 'other output', 'other width'],
)
def test_model_of_other_shapes_than_its_card_is_refused(
    bundle: Path, model: bytes, message: str
) -> None:
    replace_model(bundle, model)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_embedder_without_unit_length_is_refused(bundle: Path, tmp_path: Path) -> None:
    data = tiny_onnx('classifier')
    model = onnx.load_from_string(data)
    for node in model.graph.node:
        node.output[:] = ['embedding' if name == 'logits' else name for name in node.output]
    model.graph.output[0].name = 'embedding'
    replace_model(bundle, bytes(model.SerializeToString()))
    joints, mask = inputs(2, seed=9)
    rows = expected('classifier', joints, mask)
    np.savez(bundle / 'golden.npz', joints=joints, mask=mask, embedding=rows)

    with pytest.raises(BundleError, match='embeddings must have length 1, got'):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'format': 2}, 'format must be 1, got 2'),
        ({'kind': 'oracle'}, "kind must be one of .*, got 'oracle'"),
        ({'kind': None}, 'kind must be one of .*, got None'),
        ({'layout': 'k4abt_32'}, "layout must be 'common_15', got 'k4abt_32'"),
        ({'labels': ['wave']}, 'an embedder none'),
        ({'labels': [1]}, 'labels must be different strings'),
        ({'threshold': 'high'}, "threshold must be a number from -1 to 1, got 'high'"),
        ({'threshold': 75}, 'threshold must be from -1 to 1, got 75'),
        ({'threshold': True}, 'threshold must be a number'),
        ({'preprocess': {'frames': 4}}, r"preprocess must give .*, got \['frames'\]"),
        (
            {'preprocess': {'frames': 1, 'min_confidence': 0.1, 'turn': True, 'scale': True}},
            'frames must be from 4 to 512',
        ),
        ({'shapes': {}}, 'shapes must give embedding'),
        ({'shapes': {'embedding': ['B', 3], 'mask': ['B', 4, 15]}}, 'shapes must give joints'),
        ({'sha256': None}, 'sha256 must be a string, got None'),
    ],
)
def test_card_with_a_wrong_entry_is_refused_with_its_value(
    bundle: Path, changes: dict[str, Any], message: str
) -> None:
    change_card(bundle, **changes)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_classifier_with_fewer_labels_than_logits_is_refused(tmp_path: Path) -> None:
    bundle = write(tmp_path / 'closed', 'classifier', labels=['wave', 'clap'])

    with pytest.raises(BundleError, match='2 labels but 3 logits'):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('{"format": 1,', 'is not JSON'), ('[]', 'must hold a JSON object, got list')],
)
def test_card_that_is_no_object_is_refused(bundle: Path, text: str, message: str) -> None:
    (bundle / 'card.json').write_text(text)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_bundle_is_found_by_path_and_by_name_in_an_installed_share_folder(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / 'prefix'
    installed = prefix / 'share' / 'skeleton_action_ros' / 'models' / 'mine'
    shutil.copytree(bundle, installed)
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "other"}:{prefix}')

    assert find_bundle(bundle) == bundle
    assert find_bundle('mine') == installed
    assert load_bundle('mine').name == 'mine'


def test_bundle_that_is_nowhere_is_refused_with_the_places_and_what_is_there(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / 'share' / 'skeleton_action_ros' / 'models'
    shutil.copytree(bundle, models / 'mine')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))

    with pytest.raises(BundleError) as caught:
        find_bundle('yours')

    assert "no model bundle 'yours'" in str(caught.value)
    assert str(models / 'yours') in str(caught.value)
    assert 'mine' in str(caught.value).rsplit('there are', 1)[1]


def floor(clip: np.ndarray) -> np.ndarray:
    """Where the hips stand on the floor, at each frame: (T, 1, 3)."""
    middle = (clip[:, Common15.HIP_LEFT] + clip[:, Common15.HIP_RIGHT]) / 2
    return (middle * np.float32([1, 0, 1]))[:, None]


UNMOVED = asdict(CalibrationConfig())
NOTHING = {'tokens': 0.0, 'band': 0, 'other_side': 2.0}


def tokens_bundle(folder: Path, tokens: np.ndarray | None = None, **changes: Any) -> Path:
    """The tiny bundle with tokens beside it: the unit-length first joints of every frame."""
    write(folder)
    model = onnx.load_from_string(tiny_onnx('embedder'))
    constants = {'from': [0], 'to': [1], 'joint axis': [2], 'flat joint': [0, FRAMES, 3]}
    for name, values in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    nodes = [
        helper.make_node('Slice', ['joints', 'from', 'to', 'joint axis'], ['heads']),
        helper.make_node('Reshape', ['heads', 'flat joint'], ['head']),
        helper.make_node('LpNormalization', ['head'], ['tokens'], axis=2, p=2),
    ]
    model.graph.node.extend(nodes)
    model.graph.output.append(
        helper.make_tensor_value_info('tokens', TensorProto.FLOAT, ['B', FRAMES, 3])
    )
    onnx.checker.check_model(model)
    replace_model(folder, bytes(model.SerializeToString()))
    with np.load(folder / 'golden.npz') as file:
        golden = dict(file)
    heads = golden['joints'][:, :, 0]
    golden['tokens'] = heads / np.linalg.norm(heads, axis=2, keepdims=True)
    np.savez(folder / 'golden.npz', **{**golden, **({} if tokens is None else {'tokens': tokens})})
    shapes = json.loads((folder / 'card.json').read_text())['shapes']
    change_card(
        folder,
        **{
            'shapes': {**shapes, 'tokens': ['B', FRAMES, 3]},
            'similarity': {'tokens': 0.25, 'band': 2, 'other_side': 0.1},
            **changes,
        },
    )
    return folder


@pytest.mark.parametrize('count', [0, 1, 65])
def test_tokens_come_beside_the_embedding(tmp_path: Path, count: int) -> None:
    joints, mask = inputs(count)

    model = load_bundle(tokens_bundle(tmp_path / 'aligned'))

    assert model.similarity == SimilarityConfig(tokens=0.25, band=2, other_side=0.1)
    found = model.infer(joints, mask)
    assert found.tokens.shape == (count, FRAMES, 3)
    for clip, tokens in zip(joints, found.tokens, strict=True):
        for frame, token in zip(clip, tokens, strict=True):
            np.testing.assert_allclose(token, frame[0] / np.linalg.norm(frame[0]), atol=1e-5)
    spread = [
        np.sort(np.linalg.norm(np.ptp(clip - floor(clip), axis=0)[seen.any(axis=0)], axis=1))
        for clip, seen in zip(joints, mask, strict=True)
    ]
    np.testing.assert_allclose(found.extents, [reach[-2:].mean() for reach in spread], rtol=1e-5)
    if count:
        np.testing.assert_allclose(found.embeddings, expected('embedder', joints, mask), atol=1e-5)


def test_tokens_are_bound_to_outputs_in_the_order_of_the_card(tmp_path: Path) -> None:
    plain = load_bundle(tokens_bundle(tmp_path / 'aligned'))
    bound = OnnxModel(
        plain.name, plain._card, plain._session, plain.provider, plain.provider_notes, bind=True
    )
    found, wanted = (model.infer(*inputs(3)) for model in (bound, plain))

    np.testing.assert_array_equal(found.tokens, wanted.tokens)
    np.testing.assert_array_equal(found.embeddings, wanted.embeddings)


def test_wrong_golden_tokens_are_refused(tmp_path: Path) -> None:
    bundle = tokens_bundle(tmp_path / 'aligned', np.zeros((2, FRAMES, 3), np.float32))

    with pytest.raises(BundleError, match=r'tokens differs from golden\.npz by up to'):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ('tokens', 'message'),
    [
        (['B', FRAMES + 1, 3], r'tokens must be \(B, \*\(5, 3\)\)'),
        (['B', FRAMES], r"shapes must give tokens as \['B', 'K', 'd'\], got \['B', 4\]"),
        (['B', 0, 3], r"tokens as \['B', 'K', 'd'\], got \['B', 0, 3\]"),
        (['B', 4.0, 3], r"tokens as \['B', 'K', 'd'\], got \['B', 4.0, 3\]"),
        ('many', r"tokens as \['B', 'K', 'd'\], got 'many'"),
    ],
)
def test_tokens_of_other_shapes_than_the_card_says_are_refused(
    tmp_path: Path, tokens: Any, message: str
) -> None:
    bundle = tokens_bundle(tmp_path / 'aligned')
    shapes = json.loads((bundle / 'card.json').read_text())['shapes']
    change_card(bundle, shapes={**shapes, 'tokens': tokens})

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_model_without_the_tokens_of_its_card_is_refused(tmp_path: Path) -> None:
    bundle = tokens_bundle(tmp_path / 'aligned')
    replace_model(bundle, tiny_onnx('embedder'))

    with pytest.raises(BundleError, match=r"outputs must have 'tokens', got \['embedding'\]"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'similarity': {**NOTHING, 'tokens': 0.5}}, 'tokens the share 0.5, but shapes has none'),
        (
            {'similarity': {'tokens': 0.5}},
            r"similarity must give \['band', 'other_side', 't",
        ),
        ({'similarity': {**NOTHING, 'tokens': 2.0}}, 'similarity: tokens must be from 0.0 to 1.0'),
        ({'similarity': 0.5}, 'similarity must be an object, got 0.5'),
        ({'golden_tolerance': 0}, 'golden_tolerance must be above 0 and at most 1, got 0'),
        ({'golden_tolerance': True}, 'golden_tolerance must be above 0 and at most 1, got True'),
        ({'int8': 'yes'}, "int8 must be an object, got 'yes'"),
        ({'int8': {}}, 'int8: sha256 must be a string, got None'),
        ({'int8': {'sha256': '', 'golden_tolerance': 7}}, 'int8: golden_tolerance must be above 0'),
        ({'calibration': {'others': 0.2}}, r"calibration must give \['background', 'most', 'oth"),
        ({'calibration': []}, r'calibration must be an object, got \[\]'),
        ({'calibration': {**UNMOVED, 'others': 2.0}}, 'calibration: others must be from 0.0 to 1'),
        ({'calibration': {**UNMOVED, 'background': 0.2}}, 'the weight 0.2, but there is none'),
        ({'confidence': {'slope': 9.0}}, r"confidence must be an object with \['offset', 'slope'"),
        ({'confidence': {'slope': 0.0, 'offset': 0.0}}, 'a slope above 0 and an offset'),
        ({'confidence': {'slope': 9.0, 'offset': 'low'}}, 'a slope above 0 and an offset'),
        ({'background': {}}, r'background must be an object with sha256, got {}'),
    ],
)
def test_card_with_a_wrong_comparison_or_precision_is_refused(
    bundle: Path, changes: dict[str, Any], message: str
) -> None:
    change_card(bundle, **changes)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_classifier_with_tokens_is_refused(tmp_path: Path) -> None:
    bundle = write(tmp_path / 'closed', 'classifier')
    shapes = json.loads((bundle / 'card.json').read_text())['shapes']
    change_card(bundle, shapes={**shapes, 'tokens': ['B', 4, 3]})

    with pytest.raises(BundleError, match='a classifier has no tokens'):
        load_bundle(bundle)


def test_each_kind_refuses_what_the_other_gives(bundle: Path, tmp_path: Path) -> None:
    closed = load_bundle(write(tmp_path / 'closed', 'classifier'))

    with pytest.raises(BundleError, match='closed is a classifier: it gives logits, no embedding'):
        closed.infer(*inputs(1))
    with pytest.raises(BundleError, match='tiny is an embedder: it gives embeddings, no logits'):
        load_bundle(bundle).classify(*inputs(1))


def add_int8(bundle: Path, offset: float = 0.001, tolerance: float = 0.01) -> None:
    """A second model whose outputs are slightly others, as the int8 one."""
    model = tiny_onnx('embedder', bias=0.5 + offset)
    (bundle / 'model_int8.onnx').write_bytes(model)
    entry = {'sha256': hashlib.sha256(model).hexdigest(), 'golden_tolerance': tolerance}
    change_card(bundle, int8=entry)


def test_int8_model_is_taken_when_asked_for(bundle: Path) -> None:
    add_int8(bundle)
    joints, mask = inputs(3)

    whole, small = load_bundle(bundle), load_bundle(bundle, precision='int8')

    assert (whole.precision, small.precision) == ('fp32', 'int8')
    assert small.sha256 == hashlib.sha256((bundle / 'model_int8.onnx').read_bytes()).hexdigest()
    difference = np.abs(small.infer(joints, mask).embeddings - whole.infer(joints, mask).embeddings)
    assert 0.0 < difference.max() < 0.01


def test_int8_model_runs_on_cpus_only(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_int8(bundle)
    monkeypatch.setattr(onnx_bundle, 'ort', FakeOnnxRuntime(lambda wanted: wanted))

    model = load_bundle(bundle, precision='int8')

    assert model.provider == 'CPUExecutionProvider'
    assert model.provider_notes[GPU] == 'the int8 model is for CPUs'


def test_int8_model_farther_from_the_golden_outputs_than_promised_is_refused(bundle: Path) -> None:
    add_int8(bundle, offset=1.0)

    with pytest.raises(BundleError, match=r'embedding differs from golden\.npz by up to .* 0\.01'):
        load_bundle(bundle, precision='int8')
    assert load_bundle(bundle).precision == 'fp32'


def test_precision_that_is_not_there_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match='tiny has no int8 model, only fp32'):
        load_bundle(bundle, precision='int8')
    with pytest.raises(BundleError, match=r"precision must be one of \['fp32', 'int8'\], got 'f'"):
        load_bundle(bundle, precision='f')


def test_damaged_or_missing_int8_model_is_named(bundle: Path) -> None:
    add_int8(bundle)
    (bundle / 'model_int8.onnx').write_bytes(b'damaged')
    with pytest.raises(BundleError, match=r'model_int8\.onnx is not the model of its card'):
        load_bundle(bundle, precision='int8')

    (bundle / 'model_int8.onnx').unlink()
    with pytest.raises(BundleError, match=r'model_int8\.onnx cannot be read: No such file'):
        load_bundle(bundle, precision='int8')


def test_golden_tolerance_of_the_card_is_the_one_that_counts(bundle: Path) -> None:
    with np.load(bundle / 'golden.npz') as file:
        golden = dict(file)
    golden['embedding'][1, 0] += 0.001
    np.savez(bundle / 'golden.npz', **golden)
    change_card(bundle, golden_tolerance=0.01)

    assert load_bundle(bundle).precision == 'fp32'
