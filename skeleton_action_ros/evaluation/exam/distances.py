"""How far each clip that may teach lies from all clips: by a model, and by what needs none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.time_warping import warped_distances
from skeleton_action_ros.core.body import hip_centres
from skeleton_action_ros.core.embedding import Descriptors, Model
from skeleton_action_ros.core.errors import ExamError
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.similarity import describe_templates, similarities
from skeleton_action_ros.evaluation.exam.material import Material

Floats = NDArray[np.float32]

RAW = PreprocessConfig(turn=False, scale=False)
"""Joints of `common_15` as the sensor gives them, resampled, from the median hip centre."""

CANONICAL = PreprocessConfig()
"""The same, turned to face the camera and divided by the length of the trunk."""

DTW_BAND = 10
"""A warping path pairs frames less than this apart, of 32."""

BASELINES = ('raw', 'canonical', 'dtw', 'dtw_hips')
"""
The nearest on raw joints, on canonical joints, and by time warping on these: as they are, from
where the hips are on average, and with each frame's joints from the hips of that frame, these
beside them. The last is better where people stand, the other where they walk about.
"""


@dataclass(frozen=True)
class Distances:
    """
    Distances from some clips to all.

    :param rows: (R,) places of the clips, rising.
    :param values: (R, N), smaller is nearer.
    """

    rows: NDArray[np.intp]
    values: Floats

    def between(self, references: NDArray[np.intp], queries: NDArray[np.intp]) -> Floats:
        """Return (references, queries); the references must be among `rows`."""
        rows = np.searchsorted(self.rows, references)
        return np.asarray(self.values[rows][:, queries])


def embed(model: Model, material: Material) -> Descriptors:
    """
    Return what the model says about all clips.

    :raises ExamError: the model is a classifier.
    """
    if model.kind != 'embedder':
        raise ExamError(
            f'{model.name} is a {model.kind}, which knows its own labels only: an exam teaches new '
            'actions and wants an embedder'
        )
    joints, mask = material.prepared[model.preprocess]
    return model.infer(joints, mask)


def model_distances(
    model: Model, material: Material, rows: NDArray[np.intp]
) -> tuple[Distances, Descriptors]:
    """
    Return 1 - similarity, and what the model says about all clips.

    The clips of `rows` are the templates, with their mirror images where the model compares with
    these, as in the recogniser.

    :raises ExamError: the model is a classifier.
    """
    described = embed(model, material)
    joints, mask = material.prepared[model.preprocess]
    labels = [material.labels[row] for row in rows]
    templates = describe_templates(model, joints[rows], mask[rows], labels)
    alike = similarities(described, templates, model.similarity)
    return Distances(rows, np.asarray(1.0 - alike.T, np.float32)), described


def baseline_distances(
    material: Material, rows: NDArray[np.intp], advance: Callable[[int], object]
) -> Mapping[str, Distances]:
    """
    Return the distances of `BASELINES`, by name.

    :param material: prepared for `RAW` and `CANONICAL`.
    :param advance: told how many rows of time warping, which is slow, are done, each time some are.
    """
    canonical = material.prepared[CANONICAL].joints
    hips = hip_centres(canonical)[:, :, None]
    from_hips = np.concatenate((canonical - hips, hips), axis=2)

    def warped(joints: Floats) -> Distances:
        frames = joints.reshape(*joints.shape[:2], -1)
        return Distances(rows, warped_distances(frames, rows, band=DTW_BAND, advance=advance))

    return {
        'raw': Distances(rows, _euclidean(material.prepared[RAW].joints, rows)),
        'canonical': Distances(rows, _euclidean(canonical, rows)),
        'dtw': warped(canonical),
        'dtw_hips': warped(from_hips),
    }


def _euclidean(joints: Floats, rows: NDArray[np.intp]) -> Floats:
    """Return (R, N) distances between whole motions, from (N, T, J, 3)."""
    vectors = joints.reshape(len(joints), -1).astype(np.float64)
    square = (vectors**2).sum(axis=1)
    squared = square[rows, None] + square - 2.0 * vectors[rows] @ vectors.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)), np.float32)
