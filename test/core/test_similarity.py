"""The comparison of descriptors, against a loop that does what its docstring says."""

from __future__ import annotations

import numpy as np
import pytest

from skeleton_action_ros.core import similarity
from skeleton_action_ros.core.config import build
from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.similarity import (
    NEVER,
    SimilarityConfig,
    Templates,
    aligned_tokens,
    names_side,
    shortlist,
    similarities,
)


def unit(*shape: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def described(count: int, seed: int, tokens: int = 6, width: int = 5) -> Descriptors:
    extents = np.random.default_rng(seed).uniform(0.2, 3.0, count).astype(np.float32)
    return Descriptors(
        unit(count, 7, seed=seed), unit(count, tokens, width, seed=seed + 100), extents
    )


def plain(templates: Descriptors) -> Templates:
    return Templates.of(templates, ['action'] * len(templates))


def naive_aligned(query: np.ndarray, template: np.ndarray, band: int) -> float:
    """Pair the tokens of two motions one by one."""
    best = []
    for ours, theirs in ((query, template), (template, query)):
        for i, token in enumerate(ours):
            near = [other for j, other in enumerate(theirs) if abs(i - j) <= band]
            best.append(
                max(sum(a * b for a, b in zip(token, other, strict=True)) for other in near)
            )
    return float(np.mean(best))


@pytest.mark.parametrize('band', [0, 1, 3, 5, 500])
def test_tokens_are_aligned_as_a_loop_over_all_pairs_does(band: int) -> None:
    queries, templates = unit(3, 6, 5, seed=1), unit(4, 6, 5, seed=2)

    found = aligned_tokens(queries, templates, band)

    assert found.shape == (3, 4)
    assert found.dtype == np.float32
    for i, query in enumerate(queries):
        for j, template in enumerate(templates):
            assert found[i, j] == pytest.approx(naive_aligned(query, template, band), abs=1e-5)


def test_band_forgives_a_shift_up_to_its_width() -> None:
    # Six different tokens, and the same sequence one place later: without a band nothing matches.
    axes = np.eye(7, dtype=np.float32)
    early, late = axes[None, 0:6], axes[None, 1:7]

    assert aligned_tokens(early, late, 0)[0, 0] == 0.0
    # Five of six tokens find their like, in both directions.
    assert aligned_tokens(early, late, 1)[0, 0] == pytest.approx(5 / 6)


def test_reversed_motion_is_not_the_same() -> None:
    axes = np.eye(6, dtype=np.float32)[None]

    assert aligned_tokens(axes, axes, 1)[0, 0] == pytest.approx(1.0)
    # Of 0 1 2 3 4 5 against 5 4 3 2 1 0, only the two middle tokens lie one place apart.
    assert aligned_tokens(axes, axes[:, ::-1], 1)[0, 0] == pytest.approx(2 / 6)


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_embedding_and_tokens_have_their_shares(share: float) -> None:
    queries, templates = described(3, seed=3), described(5, seed=4)

    found = similarities(queries, plain(templates), SimilarityConfig(tokens=share, band=2))

    for i in range(3):
        for j in range(5):
            cosine = sum(queries.embeddings[i] * templates.embeddings[j])
            tokens = naive_aligned(queries.tokens[i], templates.tokens[j], 2)
            assert found[i, j] == pytest.approx((1 - share) * cosine + share * tokens, abs=1e-5)


def test_descriptors_without_tokens_are_compared_by_their_embeddings() -> None:
    queries = Descriptors.without_tokens(np.array([[1, 0], [0.6, 0.8]], np.float32))
    templates = Descriptors.without_tokens(np.array([[0, 1]], np.float32))

    found = similarities(queries, plain(templates), SimilarityConfig(tokens=0.5, band=2))

    np.testing.assert_allclose(found, [[0.0], [0.8]], atol=1e-6)


def test_many_queries_are_compared_in_parts_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, templates = described(7, seed=5), described(4, seed=6)
    config = SimilarityConfig(tokens=0.5, band=1)
    whole = similarities(queries, plain(templates), config)

    monkeypatch.setattr(similarity, '_LARGEST_PART', 2 * 6 * 4)

    np.testing.assert_allclose(similarities(queries, plain(templates), config), whole, atol=1e-6)


@pytest.mark.parametrize('share', [0.0, 0.5])
def test_no_queries_and_no_templates_give_empty_results(share: float) -> None:
    config = SimilarityConfig(tokens=share, band=1)

    assert similarities(described(0, seed=1), plain(described(3, seed=2)), config).shape == (0, 3)
    assert similarities(described(3, seed=1), plain(described(0, seed=2)), config).shape == (3, 0)


def test_mirror_images_count_less_and_only_where_the_label_names_no_side() -> None:
    queries, templates, images = (
        described(count, seed=seed) for count, seed in ((3, 1), (4, 2), (4, 3))
    )
    labels = ['drink', 'wave_left', 'wave', 'PunchRight']
    config = SimilarityConfig(tokens=0.8, band=1, other_side=0.05)

    found = similarities(queries, Templates.of(templates, labels, images), config)

    own = similarities(queries, plain(templates), config)
    other = similarities(queries, plain(images), config)
    for i in range(3):
        for j, label in enumerate(labels):
            wanted = own[i, j]
            if label in ('drink', 'wave'):
                wanted = max(wanted, other[i, j] - 0.05)
            assert found[i, j] == pytest.approx(wanted, abs=1e-6)
    assert (found > own + 0.01).any()


def test_other_side_never_counts_where_the_model_says_so() -> None:
    queries, templates, images = (described(3, seed=seed) for seed in (1, 2, 3))
    config = SimilarityConfig(tokens=0.8, band=1, other_side=NEVER)

    found = similarities(queries, Templates.of(templates, ['wave'] * 3, images), config)

    np.testing.assert_array_equal(found, similarities(queries, plain(templates), config))


def test_shortlist_has_the_nearest_of_every_query_and_their_mirror_images() -> None:
    axes = np.eye(6, dtype=np.float32)
    templates = Templates.of(
        Descriptors.without_tokens(axes),
        ['a', 'b', 'c_left', 'd', 'e', 'f'],
        Descriptors.without_tokens(axes[[5, 4, 3, 2, 1, 0]]),
    )
    # Nearest to 1 2 0 0 0 0 are template 1 and, by its mirror image, 4; then 0 and 5.
    query = np.array([[1, 2, 0, 0, 0, 0]], np.float32) / np.sqrt(5, dtype=np.float32)
    third = np.array([[0, 0, 0, 2, 1, 0]], np.float32) / np.sqrt(5, dtype=np.float32)

    config = SimilarityConfig(tokens=0.5)

    def found(vectors: np.ndarray, count: int) -> list[int]:
        return shortlist(Descriptors.without_tokens(vectors), templates, config, count).tolist()

    assert found(query, 2) == [1, 4]
    assert found(query, 4) == [0, 1, 4, 5]
    # The mirror image of template 2 lies on axis 3, but its label names a side.
    assert found(third, 1) == [3]
    assert found(np.concatenate([query, third]), 2) == [1, 3, 4]
    assert found(query, 6) == found(query[:0], 2) == [0, 1, 2, 3, 4, 5]


def test_all_are_compared_where_tokens_do_not_count() -> None:
    templates = plain(described(5, seed=1))

    assert len(shortlist(described(1, seed=2), templates, SimilarityConfig(), 2)) == 5


def test_some_templates_compare_as_among_all() -> None:
    queries, templates, images = (described(6, seed=seed) for seed in (1, 2, 3))
    labels = ['a', 'b_left', 'c', 'd', 'e_right', 'f']
    every = Templates.of(templates, labels, images)
    config = SimilarityConfig(tokens=0.5, band=1, other_side=0.01)
    rows = np.array([0, 1, 3, 4])

    found = similarities(queries, every[rows], config)

    np.testing.assert_allclose(found, similarities(queries, every, config)[:, rows], atol=1e-6)
    assert every[rows].image_of.tolist() == [0, 2]


@pytest.mark.parametrize(
    ('label', 'names'),
    [
        ('wave_left', True),
        ('PunchRight', True),
        ('right_hand_wave', True),
        ('KICK_RIGHT', True),
        ('baseball_swing_from_right', True),
        ('wave', False),
        ('stand_upright', False),
        ('Bright idea', False),
        ('FRIGHT', False),
    ],
)
def test_a_side_in_the_label_is_found(label: str, names: bool) -> None:
    assert names_side(label) is names


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'tokens': 1.5}, 'tokens must be from 0.0 to 1.0, got 1.5'),
        ({'band': -1}, 'band must be'),
        ({'other_side': 3.0}, 'other_side must be'),
    ],
)
def test_settings_outside_their_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(SimilarityConfig, values)


def test_descriptors_are_taken_and_joined_row_by_row() -> None:
    whole = described(5, seed=7)

    some = whole[np.array([4, 0])]
    joined = Descriptors.joined([whole[:2], whole[[2]], whole[np.arange(5) > 2]])

    assert len(some) == 2
    np.testing.assert_array_equal(some.embeddings, whole.embeddings[[4, 0]])
    np.testing.assert_array_equal(some.tokens, whole.tokens[[4, 0]])
    np.testing.assert_array_equal(joined.embeddings, whole.embeddings)
    np.testing.assert_array_equal(joined.tokens, whole.tokens)
    np.testing.assert_array_equal(joined.extents, whole.extents)
    np.testing.assert_array_equal(some.extents, whole.extents[[4, 0]])
