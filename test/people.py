"""Hand-made people for tests: a person of known size who moves one hand in a known way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skeleton_action_ros.core.calibration import OpenSet
from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.preprocess import PreprocessConfig, extents
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

SECOND = NS_PER_S


def standing() -> np.ndarray:
    """Return (15, 3): trunk 0.5 m, facing the camera 3 m away, so the right side has smaller x."""
    joints = np.zeros((15, 3), np.float32)
    joints[Joint.HEAD], joints[Joint.NECK], joints[Joint.TORSO] = (
        (0, -0.75, 3),
        (0, -0.5, 3),
        (0, -0.25, 3),
    )
    for sign, side in ((1, 'LEFT'), (-1, 'RIGHT')):
        joints[Joint[f'SHOULDER_{side}']] = (0.2 * sign, -0.5, 3)
        joints[Joint[f'ELBOW_{side}']] = (0.25 * sign, -0.2, 3)
        joints[Joint[f'HAND_{side}']] = (0.25 * sign, 0.1, 3)
        joints[Joint[f'HIP_{side}']] = (0.1 * sign, 0.0, 3)
        joints[Joint[f'KNEE_{side}']] = (0.1 * sign, 0.4, 3)
        joints[Joint[f'FOOT_{side}']] = (0.1 * sign, 0.8, 3)
    return joints


def circling(
    moving_s: list[tuple[float, float]],
    duration_s: float,
    *,
    hand: Joint = Joint.HAND_RIGHT,
    rate_hz: float = 30.0,
    start_s: float = 1.0,
    radius_m: float = 0.3,
    noise_m: float = 0.0,
    seed: int = 0,
) -> Clip:
    """
    Make a person who circles one hand (with half of it the elbow) once a second at the given times.

    :param moving_s: from and to, seconds from the beginning of the clip.
    """
    frames = round(duration_s * rate_hz) + 1
    times_s = np.arange(frames) / rate_hz
    joints = np.repeat(standing()[None], frames, axis=0)
    for begin_s, end_s in moving_s:
        phase = np.clip(times_s - begin_s, 0.0, end_s - begin_s) * 2 * np.pi
        for joint, share in ((hand, 1.0), (Joint(hand - 1), 0.5)):
            joints[:, joint, 0] += share * radius_m * np.sin(phase)
            joints[:, joint, 1] += share * radius_m * (np.cos(phase) - 1.0)
    joints += np.random.default_rng(seed).normal(0.0, noise_m, joints.shape)
    stamps_ns = np.round((start_s + times_s) * NS_PER_S).astype(np.int64)
    return Clip(
        joints.astype(np.float32), np.ones((frames, 15), np.float32), stamps_ns, 'common_15'
    )


def mirror_image(clip: Clip) -> Clip:
    """Show a clip of `common_15` in a mirror: what the left did, the right does."""
    swap = {'LEFT': 'RIGHT', 'RIGHT': 'LEFT'}
    joints = clip.joints_m.copy()
    for joint in Joint:
        name, _, side = joint.name.rpartition('_')
        twin = Joint[f'{name}_{swap[side]}'] if side in swap else joint
        joints[:, joint] = clip.joints_m[:, twin] * np.float32([-1, 1, 1])
    return replace(clip, joints_m=joints)


class FakeModel:
    """
    A model without weights: the embedding is how each joint moves relative to the hips.

    The tokens, of which it has as many as it is asked for, are the same of each stretch of time.

    :param output: the logits of every clip, one row, for a classifier.
    :param tokens: how many tokens a clip has; they divide 16 frames.
    """

    def __init__(
        self,
        kind: str = 'embedder',
        labels: tuple[str, ...] = (),
        output: np.ndarray | None = None,
        threshold: float = 0.7,
        tokens: int = 0,
        similarity: SimilarityConfig | None = None,
        open_set: OpenSet | None = None,
    ) -> None:
        self.name = 'fake'
        self.kind = kind
        self.labels = labels
        self.threshold = threshold
        self.preprocess = PreprocessConfig(frames=16)
        self.similarity = similarity or SimilarityConfig()
        self.open_set = open_set or OpenSet()
        self.batches: list[int] = []
        self._output = output
        self._tokens = tokens

    def infer(self, joints: np.ndarray, mask: np.ndarray) -> Descriptors:
        self.batches.append(len(joints))
        hips = joints[:, :, [Joint.HIP_LEFT, Joint.HIP_RIGHT]].mean(axis=2, keepdims=True)
        steps = np.diff(joints - hips, axis=1) * mask[:, 1:, :, None]
        whole = steps.reshape(len(joints), int(np.prod(steps.shape[1:])))
        if self._tokens == 0:
            return Descriptors.without_tokens(_unit(whole), extents(joints, mask))
        steps = np.concatenate([steps, steps[:, -1:]], axis=1)
        width = int(np.prod(steps.shape[1:])) // self._tokens
        parts = steps.reshape(len(joints), self._tokens, width)
        return Descriptors(_unit(whole), _unit(parts), extents(joints, mask))

    def classify(self, joints: np.ndarray, mask: np.ndarray) -> np.ndarray:
        self.batches.append(len(joints))
        assert self._output is not None
        return np.tile(self._output, (len(joints), 1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Bring vectors to length 1; where nothing moves, the first number is all."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    out = vectors / np.maximum(length, 1e-6)
    out[..., 0] += length[..., 0] <= 1e-6
    return out.astype(np.float32)
