"""The parts that take the time: the model, and a decision over many templates."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.results import Row, distribution, value
from skeleton_action_ros.adapters.bundle_card import find_bundle, read_card
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, Template, template_id
from skeleton_action_ros.core.recognition import Recognizer, RecognizerConfig
from skeleton_action_ros.core.similarity import SimilarityConfig, Templates, similarities
from skeleton_action_ros.core.simulation import (
    ACTIONS,
    Performance,
    Sensor,
    SimulatedSource,
    draw_person,
    shuffled,
    simulate_action,
)
from skeleton_action_ros.core.windows import Window, WindowBuffer, WindowConfig

_REPEATS = 500
_STREAM_S = 40.0
_FEW, _SOME, _MANY = 10, 100, 1000


def embedder(model_name: str) -> list[Row]:
    """Time the model alone on prepared windows, one thread, in each precision it has."""
    rows = []
    card = read_card(find_bundle(model_name))
    for precision in ('fp32', 'int8') if 'int8' in card else ('fp32',):
        model = load_bundle(model_name, threads=1, precision=precision)
        rng = np.random.default_rng(1)
        frames = model.preprocess.frames
        for batch, goal in ((1, 'p50 < 1 ms'), (6, 'p50 < 4 ms')):
            joints = rng.standard_normal((batch, frames, 15, 3)).astype(np.float32)
            mask = np.ones((batch, frames, 15), np.float32)
            taken = _timed(partial(model.outputs, joints, mask), _REPEATS)
            name = f'model in {precision}, {batch} window{"s" if batch > 1 else ""}, one thread'
            rows.append(distribution(name, taken, 'ms', goal))
    return rows


def matching() -> list[Row]:
    """Time the comparison alone: queries against templates, by embedding and tokens."""
    rng = np.random.default_rng(1)
    config = SimilarityConfig(tokens=0.8, band=5, other_side=0.05)
    labels = ['action'] * _SOME
    templates = Templates.of(_descriptors(_SOME, rng), labels, _descriptors(_SOME, rng))
    rows = []
    for count, goal in ((1, 'p50 < 1 ms'), (6, '')):
        taken = _timed(partial(similarities, _descriptors(count, rng), templates, config), _REPEATS)
        queries = 'query' if count == 1 else 'queries'
        name = f'matching {count} {queries} with {_SOME} templates'
        rows.append(distribution(name, taken, 'ms', goal))
    return rows


def _descriptors(count: int, rng: np.random.Generator) -> Descriptors:
    """Draw descriptors of the sizes that an embedder may have."""
    embeddings = rng.standard_normal((count, 192)).astype(np.float32)
    tokens = rng.standard_normal((count, 16, 88)).astype(np.float32)
    return Descriptors(
        embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True),
        tokens / np.linalg.norm(tokens, axis=-1, keepdims=True),
        np.ones(count, np.float32),
    )


def decision(model_name: str) -> list[Row]:
    """Time `Recognizer.update` on one person's windows, with few templates and with many."""
    model = load_bundle(model_name, threads=1)
    windows = _windows()
    templates = _templates(_MANY)
    config = GalleryConfig(max_templates=_MANY, max_shots_per_label=_MANY)
    times = {}
    for count in (_FEW, _MANY):
        recognizer = Recognizer(model, RecognizerConfig())
        gallery = Gallery(config=config)
        for template in templates[:count]:
            gallery = gallery.add(template)
        recognizer.set_gallery(gallery)
        taken = []
        for window in windows:
            taken += _timed(partial(recognizer.update, [window]), 1)
        times[count] = taken
    added = float(np.median(np.array(times[_MANY]) - np.array(times[_FEW])))
    return [
        *(
            distribution(f'decision on one window, {count} templates', taken, 'ms')
            for count, taken in times.items()
        ),
        value(
            f'{_MANY} templates instead of {_FEW} add (median)',
            added,
            'ms',
            len(windows),
            '< 1 ms',
        ),
    ]


def _timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Return how long each call took, milliseconds."""
    taken = []
    for _ in range(repeats):
        begun_ns = time.perf_counter_ns()
        call()
        taken.append((time.perf_counter_ns() - begun_ns) / 1e6)
    return taken


def _windows() -> list[Window]:
    """Return the windows of one person who is busy."""
    rng = np.random.default_rng(2)
    performance = Performance(draw_person(rng), 1, shuffled(list(ACTIONS), 2))
    source = SimulatedSource([performance], Sensor(), 'k4abt_32', 2, _STREAM_S)
    buffer = WindowBuffer(WindowConfig())
    pushed = (buffer.push(frame) for scene in source.scenes() for frame in scene.skeletons)
    return [window for window in pushed if window is not None]


def _templates(count: int) -> list[Template]:
    """Make demonstrations by many persons, the actions in turn."""
    rng = np.random.default_rng(3)
    names = list(ACTIONS)
    made = []
    for index in range(count):
        label = names[index % len(names)]
        clip = simulate_action(label, draw_person(rng), Sensor(), rng)
        identity = template_id(label, clip, index + 1)
        made.append(Template(identity, label, clip, 0.0, index + 1, 'benchmark'))
    return made
