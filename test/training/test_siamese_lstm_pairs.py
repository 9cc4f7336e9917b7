from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from training_clips import lifting_samples

from skeleton_action_ros.core.preprocess import PreprocessConfig
from training.siamese_lstm.pairs import PairBatches, make_pairs
from training.siamese_lstm.recipe import PairsConfig, SiameseRecipe
from training.siamese_lstm.sequences import Sequences

RECIPE = SiameseRecipe('any', preprocess=PreprocessConfig(frames=6))


@pytest.mark.parametrize(
    ('actions', 'each', 'ratio'),
    [(9, 8, 1 / 9), (4, 6, 1 / 27), (3, 2, 1.0)],
)
def test_ratio_of_matches_is_kept(actions: int, each: int, ratio: float) -> None:
    classes = np.repeat(np.arange(actions), each)

    _, match = make_pairs(classes, ratio, np.random.default_rng(0))

    assert match.sum() / (~match).sum() == pytest.approx(ratio, rel=0.05)
    # No pair is left out but for the ratio: all of the matches, or all of the others.
    matches = actions * each * (each - 1)
    others = actions * each * (actions - 1) * each
    assert match.sum() == matches or (~match).sum() == others


def test_a_pair_is_of_two_sequences_and_comes_once() -> None:
    classes = np.repeat(np.arange(3), 4)

    pairs, match = make_pairs(classes, 1 / 3, np.random.default_rng(0))

    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    for (first, second), alike in zip(pairs.tolist(), match.tolist(), strict=True):
        assert alike == (classes[first] == classes[second])


def test_batches_depend_on_the_step_alone() -> None:
    batches = PairBatches(Sequences(lifting_samples(2), RECIPE), PairsConfig(), seed=3)

    first, again, other = batches.at(5), batches.at(5), batches.at(6)

    np.testing.assert_array_equal(first.joints, again.joints)
    np.testing.assert_array_equal(first.pairs, again.pairs)
    assert not np.array_equal(first.joints, other.joints)
    assert first.joints.shape == (6 * 8, 6, 15, 3)
    assert first.match.sum() / (~first.match).sum() == pytest.approx(1 / 6, rel=0.05)


def test_sequences_of_two_data_sets_make_no_pair() -> None:
    # Six actions here, two there.
    here = lifting_samples(2)
    hands = [sample for sample in here if 'hand' in sample.clip.label]
    there = [replace(sample, dataset='other') for sample in hands]
    sequences = Sequences([*here, *there], RECIPE)
    config = PairsConfig(classes=4, clips_per_class=3)

    batch = PairBatches(sequences, config, seed=0).at(0)

    # Twelve sequences of one data set, then six of the other.
    assert len(batch.joints) == 4 * 3 + 2 * 3
    one, other = batch.pairs[: batch.counts[0]], batch.pairs[batch.counts[0] :]
    assert len(other) == batch.counts[1] < len(one)
    assert (one < 12).all()
    assert (other >= 12).all()
    for part, actions in zip(np.split(batch.match, batch.counts[:1]), (6, 2), strict=True):
        assert part.sum() / (~part).sum() == pytest.approx(1 / actions, rel=0.05)


def test_small_classes_repeat_their_sequences() -> None:
    sequences = Sequences(lifting_samples(1, 2), RECIPE)

    places = sequences.drawn(np.array([2, 4]), 5, np.random.default_rng(0))

    assert sequences.classes[places].tolist() == [2] * 5 + [4] * 5
    assert len(set(places[:5].tolist())) == 2
