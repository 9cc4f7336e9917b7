"""
Model bundles, run by ONNX Runtime.

A bundle is a folder: `model.onnx`, `card.json` that says what the model is, and `golden.npz` with
inputs and the outputs they must give. One that is damaged, or does other things than its card says,
is refused: a model that is subtly wrong is worse than none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from skeleton_action_ros.adapters.background_file import read_background
from skeleton_action_ros.adapters.bundle_card import (
    INPUTS,
    MODEL_FILES,
    PRECISIONS,
    TOKENS,
    Card,
    find_bundle,
    parse_card,
    read_card,
)
from skeleton_action_ros.core.calibration import OpenSet
from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents
from skeleton_action_ros.core.similarity import SimilarityConfig

CPU = 'CPUExecutionProvider'
PROVIDERS = ('TensorrtExecutionProvider', 'CUDAExecutionProvider', CPU)
GOLDEN_TOLERANCE_GPU = 5e-3
"""A GPU rounds products to TF32; of a unit vector this is half a percent of its length."""
LARGEST_BATCH = 64
WARM_UP_BATCHES = (1, 2, 6)
_ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(
        kind
        for kind in vars(ort_errors).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
"""ONNX Runtime raises a class of its own for each kind of failure, with no common base."""


class OnnxModel:
    """A checked and warmed-up bundle: the `Model` of core/embedding.py."""

    def __init__(
        self,
        name: str,
        card: Card,
        session: ort.InferenceSession,
        provider: str,
        provider_notes: Mapping[str, str],
        *,
        precision: str = 'fp32',
        bind: bool,
        open_set: OpenSet | None = None,
    ) -> None:
        self._name = name
        self._card = card
        self._session = session
        self._provider = provider
        self._notes = dict(provider_notes)
        self._precision = precision
        self._bind = bind
        self._open_set = open_set or OpenSet()

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self._name

    @property
    def kind(self) -> str:
        """'embedder' or 'classifier'."""
        return self._card.kind

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of a classifier, in the order of its logits; empty for an embedder."""
        return self._card.labels

    @property
    def preprocess(self) -> PreprocessConfig:
        """How its inputs are prepared."""
        return self._card.preprocess

    @property
    def threshold(self) -> float:
        """Similarity (embedder) or probability (classifier) from which a match counts."""
        return self._card.threshold

    @property
    def similarity(self) -> SimilarityConfig:
        """How the descriptors of this embedder are compared."""
        return self._card.similarity

    @property
    def open_set(self) -> OpenSet:
        """What the bundle brings along to tell what was taught from all else."""
        return self._open_set

    @property
    def precision(self) -> str:
        """Which of the bundle's models it is, one of `PRECISIONS`."""
        return self._precision

    @property
    def sha256(self) -> str:
        """Hash of the model file, hexadecimal."""
        return self._card.models[self._precision].sha256

    @property
    def provider(self) -> str:
        """The execution provider that runs the model."""
        return self._provider

    @property
    def provider_notes(self) -> dict[str, str]:
        """For each provider that was preferred and does not run: why."""
        return dict(self._notes)

    def infer(self, joints: NDArray[np.float32], mask: NDArray[np.float32]) -> Descriptors:
        """
        Describe prepared clips; for embedders.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :raises BundleError: it is a classifier, or the arrays have other shapes than it takes.
        """
        if self.kind != 'embedder':
            raise BundleError(f'{self._name} is a {self.kind}: it gives logits, no embedding')
        found = self.outputs(joints, mask)
        sizes = extents(joints, mask)
        if TOKENS not in found:
            return Descriptors.without_tokens(found['embedding'], sizes)
        return Descriptors(found['embedding'], found[TOKENS], sizes)

    def classify(
        self, joints: NDArray[np.float32], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """
        Return logits (B, labels) of prepared clips; for classifiers.

        :param joints: (B, T, 15, 3) as from `prepare`; B may be 0.
        :param mask: (B, T, 15).
        :raises BundleError: it is an embedder, or the arrays have other shapes than it takes.
        """
        if self.kind != 'classifier':
            raise BundleError(f'{self._name} is an {self.kind}: it gives embeddings, no logits')
        return self.outputs(joints, mask)['logits']

    def outputs(
        self, joints: NDArray[np.float32], mask: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        """
        Run prepared clips through the model.

        :return: every output of the card by its name, (B, ...).
        :raises BundleError: the arrays have other shapes than the model takes.
        """
        given = {'joints': joints, 'mask': mask}
        for key, array in given.items():
            expected = (len(joints), *self._card.inputs[key])
            if array.shape != expected:
                raise BundleError(f'{key} of {self._name} must be {expected}, got {array.shape}')
        out = {
            name: np.empty((len(joints), *shape), np.float32)
            for name, shape in self._card.outputs.items()
        }
        for first in range(0, len(joints), LARGEST_BATCH):
            part = slice(first, first + LARGEST_BATCH)
            found = self._run(
                {key: np.ascontiguousarray(array[part], np.float32) for key, array in given.items()}
            )
            for array, values in zip(out.values(), found, strict=True):
                array[part] = values
        return out

    def warm_up(self) -> None:
        """Run batches of the usual sizes, so that no real one waits for set-up work."""
        for count in WARM_UP_BATCHES:
            self.outputs(
                *(np.zeros((count, *self._card.inputs[key]), np.float32) for key in INPUTS)
            )

    def _run(self, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return the outputs in the order of the card's."""
        names = list(self._card.outputs)
        if not self._bind:
            return self._session.run(names, feed)  # type: ignore[no-any-return]
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        for name in names:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()  # type: ignore[no-any-return]


def load_bundle(
    name_or_path: str | Path,
    *,
    providers: Sequence[str] = PROVIDERS,
    threads: int = 1,
    precision: str = 'fp32',
) -> OnnxModel:
    """
    Load, check and warm up a bundle on the first of `providers` that runs it.

    :param threads: threads within one call of the model on the CPU.
    :param precision: 'int8' takes the quantised model, which is for CPUs: no other provider is
        tried with it.
    :raises BundleError: a file is missing or damaged, the bundle has no such precision, the model's
        hash, inputs or outputs are not what the card says, or no provider gives the golden outputs.
        The message says which.
    """
    if threads < 1:
        raise BundleError(f'threads must be at least 1, got {threads}')
    if precision not in PRECISIONS:
        raise BundleError(f'precision must be one of {list(PRECISIONS)}, got {precision!r}')
    bundle = find_bundle(name_or_path)
    card = parse_card(read_card(bundle), bundle / 'card.json')
    if precision not in card.models:
        raise BundleError(f'{bundle} has no {precision} model, only {", ".join(card.models)}')
    path = bundle / MODEL_FILES[precision]
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.models[precision].sha256:
        raise BundleError(
            f'{path} is not the model of its card: sha256 is {digest}, '
            f'the card says {card.models[precision].sha256}'
        )
    golden = _read_golden(bundle / 'golden.npz', card)
    open_set = _open_set(bundle, card, digest)
    notes: dict[str, str] = {}
    for provider in providers:
        on_cpu = provider == CPU
        if precision == 'int8' and not on_cpu:
            notes[provider] = 'the int8 model is for CPUs'
            continue
        session = _session(data, provider, threads, notes, path)
        if session is None:
            continue
        _check_signature(session, card, path)
        model = OnnxModel(
            bundle.resolve().name,
            card,
            session,
            provider,
            notes,
            precision=precision,
            bind=not on_cpu,
            open_set=open_set,
        )
        wrong = _golden_fault(model, golden, card, provider)
        if not wrong:
            model.warm_up()
            return model
        notes[provider] = wrong
    reasons = '; '.join(f'{provider}: {note}' for provider, note in notes.items())
    raise BundleError(f'{bundle}: no execution provider runs it: {reasons or "none was given"}')


def _open_set(bundle: Path, card: Card, digest: str) -> OpenSet:
    """
    Return what a bundle brings along to tell what was taught from all else.

    :param digest: sha256 of the model that is used.
    """
    background = None
    if card.background:
        background = read_background(bundle, card.background, card.width, card.tokens)
    parts = (digest, card.background, card.threshold, card.similarity, card.calibration)
    version = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    return OpenSet(
        f'{bundle.resolve().name} {version}', background, card.calibration, card.confidence
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f'{path} cannot be read: {error.strerror}') from None


def _read_golden(path: Path, card: Card) -> dict[str, NDArray[np.float32]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise BundleError(f'{path} cannot be read: {error.strerror or error}') from None
    except (ValueError, BadZipFile, EOFError, KeyError) as error:
        raise BundleError(f'{path} is damaged: {error}') from None
    count = len(arrays['joints']) if arrays.get('joints', np.zeros(())).ndim else 0
    for name, shape in card.shapes.items():
        got = arrays[name].shape if name in arrays else None
        if got != (count, *shape) or count == 0:
            raise BundleError(f'{path}: {name} must be (B, *{shape}) with B > 0, got {got}')
    return {name: arrays[name].astype(np.float32) for name in card.shapes}


def _session(
    data: bytes, provider: str, threads: int, notes: dict[str, str], path: Path
) -> ort.InferenceSession | None:
    """Start the model on one provider; None, with the reason in `notes`, where that fails."""
    if provider not in ort.get_available_providers():
        hint = ': onnxruntime-gpu has it' if provider in PROVIDERS else ''
        notes[provider] = f'the installed onnxruntime {ort.__version__} is built without it{hint}'
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    wanted = [provider] if provider == CPU else [provider, PROVIDERS[-1]]
    try:
        session = ort.InferenceSession(data, options, providers=wanted)
    except _ORT_ERRORS as error:
        if provider == CPU:
            raise BundleError(
                f'{path} is not a model that ONNX Runtime can run: {_first_line(error)}'
            ) from None
        notes[provider] = _first_line(error)
        return None
    if provider not in session.get_providers():
        notes[provider] = (
            'it does not start here (no such GPU, or its driver or libraries are missing)'
        )
        return None
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_signature(session: ort.InferenceSession, card: Card, path: Path) -> None:
    inputs = {item.name: item.shape for item in session.get_inputs()}
    outputs = {item.name: item.shape for item in session.get_outputs()}
    if set(inputs) != set(INPUTS):
        raise BundleError(f'{path}: inputs must be {list(INPUTS)}, got {sorted(inputs)}')
    for name in card.outputs:
        if name not in outputs:
            raise BundleError(f'{path}: outputs must have {name!r}, got {sorted(outputs)}')
    for name, shape in card.shapes.items():
        got = {**inputs, **outputs}[name]
        if got[1:] != list(shape) or isinstance(got[0], int):
            raise BundleError(f'{path}: {name} must be {["B", *shape]} with any B, got {got}')


def _golden_fault(
    model: OnnxModel, golden: Mapping[str, NDArray[np.float32]], card: Card, provider: str
) -> str:
    """Say how the outputs differ from the golden ones; empty where they do not."""
    try:
        got = model.outputs(golden['joints'], golden['mask'])
    except _ORT_ERRORS as error:
        return f'it fails on golden.npz: {_first_line(error)}'
    tolerance = card.models[model.precision].golden_tolerance
    if provider != CPU:
        tolerance = max(tolerance, GOLDEN_TOLERANCE_GPU)
    for name, values in got.items():
        farthest = float(np.abs(values - golden[name]).max())
        if not farthest <= tolerance:
            return f'{name} differs from golden.npz by up to {farthest:.3g}, allowed {tolerance:g}'
        lengths = np.linalg.norm(values, axis=-1)
        if card.kind == 'embedder' and not bool(np.all(np.abs(lengths - 1.0) <= tolerance)):
            what = 'tokens' if name == TOKENS else 'embeddings'
            return f'{what} must have length 1, got {lengths.min():.4g} to {lengths.max():.4g}'
    return ''
