"""What is written as a bundle, on networks small enough to follow."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from people import FakeModel, circling
from torch import Tensor, nn
from torch.nn import functional

from skeleton_action_ros.adapters.bundle_card import read_card
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip
from training import bundle, quantize
from training.bundle import Promise, run_network, write_bundle
from training.quantize import points_lost

FRAMES, TOKENS, WIDTH = 8, 4, 6
CONFIG = PreprocessConfig(frames=FRAMES)
SIMILARITY = SimilarityConfig(tokens=0.5, band=1)
EMBEDDER = Promise(CONFIG, 0.6, SIMILARITY)
CLASSIFIER = Promise(CONFIG, 0.5, labels=('bow', 'clap', 'wave'))


class Network(nn.Module):
    """One convolution in time; its parts are tokens, its mean the embedding, or logits."""

    def __init__(self, gives: str = 'tokens') -> None:
        super().__init__()
        self.gives = gives
        self.conv = nn.Conv1d(60, 32, 3, padding=1)
        self.head = nn.Linear(32, 3 if gives == 'logits' else WIDTH)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = torch.cat((joints.flatten(2), mask), 2).transpose(1, 2)
        x = functional.relu(self.conv(x))
        if self.gives == 'logits':
            return self.head(x.mean(2))
        embedding = functional.normalize(self.head(x.mean(2)), dim=1)
        parts = self.head(x.unflatten(2, (TOKENS, -1)).mean(3).transpose(1, 2))
        if self.gives == 'embedding':
            return embedding
        return embedding, functional.normalize(parts, dim=2)


@pytest.fixture(autouse=True)
def few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrate on one simulated person: these networks are small."""
    monkeypatch.setattr(quantize, '_PEOPLE', 1)


def network(gives: str = 'tokens', seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network(gives).eval()


def inputs(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    joints = rng.normal(size=(count, FRAMES, 15, 3)).astype(np.float32)
    return joints, (rng.random((count, FRAMES, 15)) < 0.8).astype(np.float32)


def judges() -> dict[str, list[Clip]]:
    """Two persons circle either hand, twice each."""
    clips = [
        replace(
            circling([(0.5, 1.5)], 2.0, hand=hand, noise_m=0.003, seed=seed),
            label=hand.name,
            subject=subject,
        )
        for subject in ('ann', 'bob')
        for hand in (Joint.HAND_LEFT, Joint.HAND_RIGHT)
        for seed in range(2)
    ]
    return {'circles': clips}


@pytest.mark.parametrize('gives', ['tokens', 'embedding', 'logits'])
def test_bundle_gives_what_pytorch_gives_for_any_batch(tmp_path: Path, gives: str) -> None:
    promise = {'tokens': EMBEDDER, 'embedding': Promise(CONFIG, 0.6), 'logits': CLASSIFIER}[gives]

    write_bundle(tmp_path / 'made', network(gives), promise, about={'limits': ['none']})

    made = load_bundle(tmp_path / 'made')
    assert (made.kind, made.threshold, made.labels) == (
        promise.kind,
        promise.threshold,
        promise.labels,
    )
    assert (made.preprocess, made.similarity) == (CONFIG, promise.similarity)
    for count in (1, 2, 7, 100):
        joints, mask = inputs(count)
        with torch.inference_mode():
            out = network(gives)(torch.from_numpy(joints), torch.from_numpy(mask))
        expected = [part.numpy() for part in (out if gives == 'tokens' else (out,))]
        if gives == 'logits':
            np.testing.assert_allclose(made.classify(joints, mask), expected[0], atol=1e-5)
            continue
        found = made.infer(joints, mask)
        np.testing.assert_allclose(found.embeddings, expected[0], atol=1e-5)
        assert found.tokens.shape == (
            (count, TOKENS, WIDTH) if gives == 'tokens' else (count, 0, 0)
        )
        if gives == 'tokens':
            np.testing.assert_allclose(found.tokens, expected[1], atol=1e-5)


def test_large_logits_may_differ_by_their_rounding(tmp_path: Path) -> None:
    loud = network('logits')
    with torch.no_grad():
        loud.head.weight *= 3000.0

    made = write_bundle(tmp_path / 'made', loud, CLASSIFIER, about={})

    joints, mask = inputs(5)
    with torch.inference_mode():
        wanted = loud(torch.from_numpy(joints), torch.from_numpy(mask)).numpy()
    largest = np.abs(wanted).max()
    assert largest > 100.0
    np.testing.assert_allclose(made.classify(joints, mask), wanted, atol=1e-5 * largest)
    assert read_card(tmp_path / 'made')['golden_tolerance'] > 1e-3


def test_card_and_golden_outputs_tell_of_the_tokens(tmp_path: Path) -> None:
    write_bundle(tmp_path / 'made', network(), EMBEDDER, about={'limits': ['none']})

    card = read_card(tmp_path / 'made')
    assert card['shapes'] == {
        'joints': ['B', FRAMES, 15, 3],
        'mask': ['B', FRAMES, 15],
        'embedding': ['B', WIDTH],
        'tokens': ['B', TOKENS, WIDTH],
    }
    assert card['similarity'] == {'tokens': 0.5, 'band': 1, 'other_side': 2.0}
    assert card['limits'] == ['none']
    assert 'int8' not in card
    with np.load(tmp_path / 'made' / 'golden.npz') as golden:
        assert golden['tokens'].shape == (4, TOKENS, WIDTH)
        np.testing.assert_allclose(np.linalg.norm(golden['tokens'], axis=2), 1.0, atol=1e-5)
    assert sorted(file.name for file in (tmp_path / 'made').iterdir()) == [
        'card.json',
        'golden.npz',
        'model.onnx',
    ]


@pytest.mark.parametrize('gives', ['tokens', 'logits'])
def test_int8_stays_near_fp32_and_the_card_says_how_near(tmp_path: Path, gives: str) -> None:
    promise = EMBEDDER if gives == 'tokens' else CLASSIFIER

    write_bundle(tmp_path / 'made', network(gives), promise, about={}, int8_judges=judges())

    whole, small = (
        load_bundle(tmp_path / 'made', precision=precision) for precision in ('fp32', 'int8')
    )
    assert (whole.precision, small.precision) == ('fp32', 'int8')
    assert whole.sha256 != small.sha256
    entry = read_card(tmp_path / 'made')['int8']
    assert entry['points_lost'].keys() == {'circles'}
    assert entry['points_lost']['circles'] < 0.5
    assert 0.0 < entry['golden_tolerance'] < 0.2
    with np.load(tmp_path / 'made' / 'golden.npz') as golden:
        found = small.outputs(golden['joints'], golden['mask'])
        for name, array in found.items():
            differences = np.abs(array - golden[name])
            assert 0.0 < differences.max() <= entry['golden_tolerance']


def test_int8_that_loses_too_much_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, 'MOST_LOST', -1.0)

    write_bundle(tmp_path / 'made', network(), EMBEDDER, about={}, int8_judges=judges())

    assert 'int8: left out' in capsys.readouterr().out
    assert 'int8' not in read_card(tmp_path / 'made')
    assert not (tmp_path / 'made' / 'model_int8.onnx').exists()
    with pytest.raises(BundleError, match='has no int8 model, only fp32'):
        load_bundle(tmp_path / 'made', precision='int8')


def test_points_lost_are_those_of_the_exam() -> None:
    class Blind(FakeModel):
        """Sees no motion: every clip is the same to it, and the first reference wins."""

        def infer(self, joints: np.ndarray, mask: np.ndarray):
            return super().infer(np.zeros_like(joints), mask)

    # FakeModel tells the two hands apart always; of two actions, Blind names one rightly.
    assert points_lost(FakeModel(), Blind(), judges()) == {'circles': pytest.approx(50.0)}


def test_points_lost_by_a_classifier_are_the_clips_named_otherwise() -> None:
    class Wavering(FakeModel):
        """Names every second clip after its second label."""

        def classify(self, joints: np.ndarray, mask: np.ndarray) -> np.ndarray:
            logits = super().classify(joints, mask)
            logits[::2, 1] = 9.0
            return logits

    sure, wavering = (
        kind(kind='classifier', labels=('a', 'b'), output=np.array([1.0, 0.0], np.float32))
        for kind in (FakeModel, Wavering)
    )
    assert points_lost(sure, wavering, judges()) == {'circles': pytest.approx(50.0)}


def test_calibration_needs_no_recordings() -> None:
    clips = quantize.calibration_clips(CONFIG)

    assert clips.joints.shape[1:] == (FRAMES, 15, 3)
    assert len(clips.joints) > 10
    assert not clips.failures


@pytest.mark.parametrize(
    ('gives', 'kind', 'message'),
    [
        ('tokens', 'classifier', r'kind classifier gives logits in 2 dimensions, got \[\(2, 6\)'),
        ('flat tokens', 'embedder', r'tokens in 3 dimensions, got \[\(2, 6\), \(2, 6\)\]'),
        ('one token', 'embedder', r'embedding in 2 dimensions.*got \[\(2, 4, 6\)\]'),
    ],
)
def test_network_with_other_outputs_is_refused(gives: str, kind: str, message: str) -> None:
    class Other(Network):
        def forward(self, joints: Tensor, mask: Tensor) -> Tensor | tuple[Tensor, ...]:
            out = super().forward(joints, mask)
            assert isinstance(out, tuple)
            return {
                'tokens': out,
                'flat tokens': (out[0], out[0]),
                'one token': out[1],
            }[gives]

    with pytest.raises(BundleError, match=message):
        run_network(Other(), *inputs(2), kind)


def test_bundle_that_differs_from_pytorch_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(tmp_path / 'made', network(), EMBEDDER, about={})
    before = (tmp_path / 'made' / 'model.onnx').read_bytes()
    monkeypatch.setattr(bundle, 'to_onnx', lambda *_: before)

    with pytest.raises(BundleError, match='no execution provider runs it'):
        write_bundle(tmp_path / 'made', network(seed=1), EMBEDDER, about={})

    assert (tmp_path / 'made' / 'model.onnx').read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ['made']


def test_network_that_is_exported_otherwise_than_it_computes_is_refused(tmp_path: Path) -> None:
    class Drifting(Network):
        """Five times as far off in the bundle as is allowed, and less than a robot minds."""

        def forward(self, joints: Tensor, mask: Tensor) -> Tensor | tuple[Tensor, ...]:
            out = super().forward(joints, mask)
            return out + 5e-5 if torch.compiler.is_exporting() else out

    with pytest.raises(BundleError, match=r'ONNX Runtime differs from PyTorch by 5.*, allowed 1e-'):
        write_bundle(tmp_path / 'made', Drifting('embedding'), Promise(CONFIG, 0.6), about={})

    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / 'mine'
    (place / 'chapters').mkdir(parents=True)
    (place / 'thesis.txt').write_text('x')

    with pytest.raises(BundleError, match=r'mine must be a bundle.*there is chapters, thesis\.txt'):
        write_bundle(place, network(), EMBEDDER, about={})

    assert (place / 'thesis.txt').read_text() == 'x'
    assert [one.name for one in tmp_path.iterdir()] == ['mine']


def test_bundle_whose_replacing_is_broken_off_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    place = tmp_path / 'made'
    place.mkdir()  # an empty folder is as good as none
    write_bundle(place, network(), EMBEDDER, about={'limits': ['old']})
    model, rename = (place / 'model.onnx').read_bytes(), Path.rename
    monkeypatch.setattr(bundle, 'to_onnx', lambda *_: model)  # which takes its time

    def only_aside_and_back(self: Path, target: Path) -> Path:
        if self.parent != tmp_path:
            raise KilledError
        return rename(self, target)

    # The new one cannot be put there: the old one comes back.
    with monkeypatch.context() as broken:
        broken.setattr(Path, 'rename', only_aside_and_back)
        with pytest.raises(KilledError):
            write_bundle(place, network(), EMBEDDER, about={'limits': ['new']})
    assert limits(place) == ['old']
    assert [one.name for one in tmp_path.iterdir()] == ['made']

    # Killed in between, before anything could be brought back: the next run does.
    place.rename(tmp_path / '.made.replaced')
    with pytest.raises(BundleError, match='allowed less than 1000'):
        write_bundle(place, network(), EMBEDDER, about={'limits': ['new']}, largest_bytes=1000)
    assert limits(place) == ['old']

    # Killed before the old one was deleted: the next run deletes it.
    shutil.copytree(place, tmp_path / '.made.replaced')
    write_bundle(place, network(), EMBEDDER, about={'limits': ['new']})
    assert limits(place) == ['new']
    assert [one.name for one in tmp_path.iterdir()] == ['made']


def limits(place: Path) -> list[str]:
    """Return what the card of a bundle that can be loaded says it is bad at."""
    load_bundle(place)
    found: list[str] = read_card(place)['limits']
    return found


def test_bundle_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'the bundle has \d+ bytes, allowed less than 1000'):
        write_bundle(tmp_path / 'made', network(), EMBEDDER, about={}, largest_bytes=1000)

    assert list(tmp_path.iterdir()) == []


def test_card_is_json_that_ends_in_a_line_break(tmp_path: Path) -> None:
    write_bundle(tmp_path / 'made', network('logits'), CLASSIFIER, about={})

    text = (tmp_path / 'made' / 'card.json').read_text(encoding='utf-8')
    assert text.endswith('}\n')
    card = json.loads(text)
    assert card['labels'] == ['bow', 'clap', 'wave']
    assert 'similarity' not in card
