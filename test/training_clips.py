"""Clips and a recipe small enough to train on within a test."""

from __future__ import annotations

import numpy as np

from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from training.config import (
    AugmentConfig,
    BatchConfig,
    DataConfig,
    EncoderRecipe,
    ModelConfig,
    OptimizerConfig,
)
from training.data import Sample

REST_M = {
    'HEAD': (0.0, -0.7),
    'NECK': (0.0, -0.5),
    'TORSO': (0.0, -0.2),
    'SHOULDER_LEFT': (0.2, -0.5),
    'ELBOW_LEFT': (0.25, -0.2),
    'HAND_LEFT': (0.25, 0.05),
    'SHOULDER_RIGHT': (-0.2, -0.5),
    'ELBOW_RIGHT': (-0.25, -0.2),
    'HAND_RIGHT': (-0.25, 0.05),
    'HIP_LEFT': (0.1, 0.0),
    'KNEE_LEFT': (0.1, 0.45),
    'FOOT_LEFT': (0.1, 0.9),
    'HIP_RIGHT': (-0.1, 0.0),
    'KNEE_RIGHT': (-0.1, 0.45),
    'FOOT_RIGHT': (-0.1, 0.9),
}
"""Somebody standing two metres in front of the camera and facing it: x and y, metres."""


def standing_clip(frames: int = 30, label: str = 'stand', subject: str = 's1') -> Clip:
    """Nobody moves."""
    pose = np.array([(*REST_M[joint.name], 2.0) for joint in Common15], np.float32)
    return Clip(
        joints_m=np.repeat(pose[None], frames, axis=0),
        confidence=np.ones((frames, 15), np.float32),
        stamps_ns=1 + np.arange(frames, dtype=np.int64) * NS_PER_S // 30,
        layout='common_15',
        label=label,
        subject=subject,
    )


def lifting_clip(
    joint: str, height_m: float, subject: str, rng: np.random.Generator, label: str = ''
) -> Clip:
    """One joint is lifted and lowered again, on a body that shivers a little."""
    clip = standing_clip(int(rng.integers(24, 40)), label or f'lift_{joint.lower()}', subject)
    phase = np.linspace(0.0, np.pi, len(clip))
    clip.joints_m[:, Common15[joint], 1] -= (height_m * np.sin(phase)).astype(np.float32)
    clip.joints_m[:] += rng.normal(0.0, 0.005, clip.joints_m.shape).astype(np.float32)
    return clip


LIFTED = ('HAND_LEFT', 'HAND_RIGHT', 'FOOT_LEFT', 'FOOT_RIGHT', 'HEAD', 'ELBOW_RIGHT')


def lifting_samples(people: int = 4, repeats: int = 2) -> list[Sample]:
    """Six actions, one a joint, by some people."""
    rng = np.random.default_rng(0)
    return [
        Sample(lifting_clip(joint, 0.5, f's{person}', rng), 'made')
        for person in range(people)
        for joint in LIFTED
        for _ in range(repeats)
    ]


def tiny_recipe(steps: int = 6, validation_stride: int = 0) -> EncoderRecipe:
    """A recipe that trains in seconds."""
    return EncoderRecipe(
        'tiny',
        data=DataConfig(train=('made',), validation_stride=validation_stride, simulated_people=0),
        preprocess=PreprocessConfig(frames=8),
        augment=AugmentConfig(
            crop=0.05,
            idle=0.05,
            warp=0.2,
            bones=0.03,
            ends=0.05,
            hips=0.05,
            tilt_deg=5.0,
            turn_deg=5.0,
            noise=0.02,
            drop_joint=0.0,
            drop_part=0.0,
            size=0.05,
        ),
        batch=BatchConfig(classes=6, clips_per_class=3),
        model=ModelConfig(width=24, dilations=(1, 2), local=1, stretches=2, embedding=8, token=6),
        optimizer=OptimizerConfig(
            steps=steps,
            learning_rate=5e-3,
            warm_up_steps=2,
            average=0.5,
            validate_steps=max(steps // 2, 1),
            threads=1,
        ),
    )
