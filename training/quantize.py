"""
The int8 model of a bundle: products in 8 bits, for robots' CPUs.

Static, with the ranges that simulated persons reach: that halves the time of fp32 on a CPU with
8-bit instructions, while ranges found anew in every run cost more than they save. Weights are kept
to 7 bits, so that a CPU without such instructions, where sums of products saturate, gives the same.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from skeleton_action_ros.core.embedding import Model, Prepared, prepare_clips
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import (
    Item,
    make_draws,
    measure,
    model_distances,
    plan_exam,
    prepare_items,
)
from training.data import simulated_samples

QUANTISED = ('Conv', 'Gemm', 'MatMul')
MOST_LOST = 0.5
"""An int8 model that loses more than this, in points of accuracy, is not shipped."""
_PEOPLE = 10
_AT_ONCE = 16
_DRAWS = 50


def calibration_clips(preprocess: PreprocessConfig) -> Prepared:
    """Return the motions whose ranges the int8 model can represent: simulated, no recordings."""
    samples = simulated_samples(_PEOPLE, seed=1)
    return prepare_clips([sample.clip for sample in samples], preprocess)


def quantised(model: bytes, clips: Prepared) -> bytes:
    """
    Return an ONNX model whose products are in 8 bits, each output channel with its own scale.

    :param model: with inputs `joints` and `mask`.
    :param clips: motions that reach the ranges to be represented; at least one.
    """
    loaded = onnx.load_from_string(model)
    # Shapes that the exporter noted, and that optimising then makes wrong, end in an error.
    del loaded.graph.value_info[:]
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix='quantise-') as folder:
            plain, ready, made = (Path(folder) / f'{name}.onnx' for name in ('plain', 'ready', 'q'))
            onnx.save(loaded, plain)
            quant_pre_process(plain, ready, skip_symbolic_shape=True)
            optimised = onnx.load(ready)
            del optimised.graph.value_info[:]
            onnx.save(optimised, ready)
            quantize_static(
                ready,
                made,
                _Reader(clips),
                op_types_to_quantize=list(QUANTISED),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            out = onnx.load(made)
    finally:
        logging.root.setLevel(level)
    del out.graph.value_info[:]
    del out.metadata_props[:]
    return bytes(out.SerializeToString())


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands the clips out, some at a time."""

    def __init__(self, clips: Prepared) -> None:
        self._parts = iter(
            {
                'joints': clips.joints[first : first + _AT_ONCE],
                'mask': clips.mask[first : first + _AT_ONCE],
            }
            for first in range(0, len(clips.joints), _AT_ONCE)
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._parts, None)


def points_lost(
    whole: Model, small: Model, groups: Mapping[str, Sequence[Clip]]
) -> dict[str, float]:
    """
    Say how much accuracy the small model loses against the whole one.

    Of embedders it is the one-shot accuracy by the protocol of `skeleton-action exam`, on the same
    draws; of classifiers the share of clips that they name otherwise.

    :param groups: clips with label and subject, by the name of their data set; each of two persons
        and two actions at least.
    :return: percentage points, for each group.
    """
    return {name: _points_lost(whole, small, clips) for name, clips in groups.items()}


def _points_lost(whole: Model, small: Model, clips: Sequence[Clip]) -> float:
    items = [Item(str(place), replace(clip, annotations=())) for place, clip in enumerate(clips)]
    material = prepare_items(items, [whole.preprocess])
    if whole.kind == 'classifier':
        arrays = material.prepared[whole.preprocess]
        named = [model.classify(*arrays).argmax(axis=1) for model in (whole, small)]
        return float(100.0 * (named[0] != named[1]).mean())
    plan = plan_exam(material.labels, material.subjects)
    drawn = make_draws(plan, _DRAWS, np.random.default_rng(0))
    rows = np.unique(np.concatenate([draw.references for draw in drawn]))
    reached = [
        measure(model_distances(model, material, rows)[0], plan, drawn).accuracy.mean()
        for model in (whole, small)
    ]
    return float(100.0 * (reached[0] - reached[1]))
