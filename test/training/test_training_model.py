from __future__ import annotations

import numpy as np
import torch

from skeleton_action_ros.core.layouts import Common15
from training.config import ModelConfig
from training.model import BONES, Embedder, MotionFeatures, PoseTokens

TINY = ModelConfig(width=16, dilations=(1, 2), local=1, stretches=2, embedding=8, token=6)
FRAMES = 8


def model() -> Embedder:
    """Untrained, with statistics that are not those of a fresh layer."""
    torch.manual_seed(0)
    made = Embedder(TINY, FRAMES)
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(16, FRAMES, 15, 3), torch.rand(16, FRAMES, 15).round())
    return made.eval()


def inputs(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    joints = rng.normal(size=(count, FRAMES, 15, 3)).astype(np.float32)
    return joints, (rng.random((count, FRAMES, 15)) < 0.8).astype(np.float32)


def test_features_agree_with_naive_loops() -> None:
    joints, mask = inputs(2)
    hips = (Common15.HIP_LEFT, Common15.HIP_RIGHT)
    expected = np.zeros((2, MotionFeatures.channels, FRAMES))
    for b in range(2):
        for t in range(FRAMES):
            seen = sum(mask[b, t, hip] for hip in hips)
            root = sum(mask[b, t, hip] * joints[b, t, hip] for hip in hips) / max(seen, 1e-3)
            middle = min(max(t, 1), FRAMES - 2)
            row = [(joints[b, t, j] - root) * mask[b, t, j] for j in range(15)]
            row.append(root)
            for near, far in BONES:
                both = mask[b, t, near] * mask[b, t, far]
                row.append((joints[b, t, far] - joints[b, t, near]) * both)
            for j in range(15):
                step = joints[b, middle + 1, j] - joints[b, middle - 1, j]
                row.append(5.0 * step * mask[b, middle + 1, j] * mask[b, middle - 1, j])
            row.append(mask[b, t])
            expected[b, :, t] = np.concatenate(row)

    found = MotionFeatures()(torch.from_numpy(joints), torch.from_numpy(mask))

    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def seen(joints: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and tokens of an untrained network."""
    with torch.inference_mode():
        embeddings, tokens = model()(torch.from_numpy(joints), torch.from_numpy(mask))
    return embeddings.numpy(), tokens.numpy()


def test_embeddings_and_tokens_have_length_1_and_do_not_see_what_is_masked() -> None:
    joints, mask = inputs(6)
    mask[:, :, Common15.HEAD] = 0.0
    moved = joints.copy()
    moved[:, :, Common15.HEAD] += 3.0

    embeddings, tokens = seen(joints, mask)
    again = seen(moved, mask)

    assert embeddings.shape == (6, 8)
    assert tokens.shape == (6, FRAMES // 2, 6 + PoseTokens.size)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(tokens, axis=2), 1.0, atol=1e-5)
    np.testing.assert_allclose(again[0], embeddings, atol=1e-5)
    np.testing.assert_allclose(again[1], tokens, atol=1e-5)


def test_order_of_events_counts() -> None:
    joints, mask = inputs(4)

    forward, _ = seen(joints, mask)
    backward, _ = seen(joints[:, ::-1].copy(), mask[:, ::-1].copy())

    assert np.abs(forward - backward).max() > 0.05


def test_pose_tokens_are_nearer_the_nearer_the_poses_are() -> None:
    poses = PoseTokens(2)
    standing = torch.zeros(15, 3)
    standing[poses.joints] = poses.standing
    joints = standing.repeat(3, 4, 1, 1)
    joints[1, :, Common15.HAND_LEFT, 1] -= 0.3
    joints[2, :, Common15.HAND_LEFT, 1] -= 1.0

    tokens = poses(joints, torch.ones(3, 4, 15))

    alike = (tokens[:, 0] @ tokens[:, 0].T).numpy()
    assert tokens.shape == (3, 2, PoseTokens.size)
    # A deviation of d beside a constant of 2, both of unit length after: cosine 2 / sqrt(4 + d^2).
    np.testing.assert_allclose(alike[0, 1:], [2 / 4.09**0.5, 2 / 5.0**0.5], rtol=1e-5)
    np.testing.assert_allclose(alike.diagonal(), 1.0, rtol=1e-5)


def test_joint_that_is_not_seen_counts_as_that_of_somebody_standing() -> None:
    poses = PoseTokens(2)
    standing = torch.zeros(15, 3)
    standing[poses.joints] = poses.standing
    joints = standing.repeat(2, 4, 1, 1)
    joints[1, :, Common15.HAND_LEFT] = 5.0
    mask = torch.ones(2, 4, 15)
    mask[1, :, Common15.HAND_LEFT] = 0.0

    plain, hidden = poses(joints, mask)

    np.testing.assert_allclose(hidden.numpy(), plain.numpy(), atol=1e-6)


def test_the_pose_weighs_more_where_clips_are_compared_than_where_they_are_learned() -> None:
    network = model()
    arrays = [torch.from_numpy(array) for array in inputs(4)]

    with torch.no_grad():
        _, compared = network(*arrays)
        _, learned = network.train()(*arrays)

    # Squared lengths: 1 for the learned numbers, and 2, or 1, for the pose.
    pose = slice(TINY.token, None)
    np.testing.assert_allclose((compared[:, :, pose] ** 2).sum(2).numpy(), 2 / 3, rtol=1e-5)
    np.testing.assert_allclose((learned[:, :, pose] ** 2).sum(2).numpy(), 1 / 2, rtol=1e-5)
