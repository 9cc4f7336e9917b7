from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.background_file import (
    BACKGROUND_FILE,
    read_background,
    write_background,
)
from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import BundleError


def descriptors(count: int = 7, tokens: int = 4, width: int = 96) -> Descriptors:
    rng = np.random.default_rng(0)

    def unit(*shape: int) -> np.ndarray:
        vectors = rng.normal(size=shape).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

    extents = rng.uniform(0.2, 2.0, count).astype(np.float32)
    return Descriptors(unit(count, width), unit(count, tokens, width), extents)


def test_background_comes_back_nearly_as_it_was(tmp_path: Path) -> None:
    written = descriptors()
    sha256 = write_background(tmp_path, written)
    found = read_background(tmp_path, sha256, 96, (4, 96))
    assert sha256 == hashlib.sha256((tmp_path / BACKGROUND_FILE).read_bytes()).hexdigest()
    for ours, theirs in (
        (found.embeddings, written.embeddings),
        (found.tokens, written.tokens),
    ):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(ours, axis=-1), 1.0, atol=1e-5)
        assert float((ours * theirs).sum(axis=-1).min()) > 0.9995
    np.testing.assert_allclose(found.extents, written.extents, rtol=1e-3)


def test_background_of_a_model_without_tokens(tmp_path: Path) -> None:
    vectors = descriptors().embeddings
    sha256 = write_background(tmp_path, Descriptors.without_tokens(vectors))
    found = read_background(tmp_path, sha256, 96, (0, 0))
    assert found.tokens.shape == (7, 0, 0)
    assert len(found) == 7


def test_too_large_a_background_is_refused_and_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'has \d+ bytes, allowed are 300000'):
        write_background(tmp_path, descriptors(count=900))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('width', 'tokens', 'message'),
    [
        (95, (4, 96), r'embeddings must be \(7, 95\), got \(7, 96\)'),
        (96, (5, 96), r'tokens must be \(7, 5, 96\), got \(7, 4, 96\)'),
    ],
)
def test_background_of_another_model_is_refused(
    tmp_path: Path, width: int, tokens: tuple[int, int], message: str
) -> None:
    sha256 = write_background(tmp_path, descriptors())
    with pytest.raises(BundleError, match=message):
        read_background(tmp_path, sha256, width, tokens)


def test_damaged_background_is_refused(tmp_path: Path) -> None:
    data = b'PK\x03\x04 and then nothing'
    (tmp_path / BACKGROUND_FILE).write_bytes(data)
    with pytest.raises(BundleError, match=r'background\.npz is damaged'):
        read_background(tmp_path, hashlib.sha256(data).hexdigest(), 96, (4, 96))
    with pytest.raises(BundleError, match='the card says 0123'):
        read_background(tmp_path, '0123', 96, (4, 96))


def test_empty_background_is_refused(tmp_path: Path) -> None:
    sha256 = write_background(tmp_path, descriptors()[:0])
    with pytest.raises(BundleError, match='embeddings must be'):
        read_background(tmp_path, sha256, 96, (4, 96))
