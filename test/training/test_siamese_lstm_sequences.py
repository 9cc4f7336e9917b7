from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from training_clips import lifting_samples, standing_clip

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from training.data import Sample
from training.recipes import recipe_for
from training.siamese_lstm.baselines import SequenceBaselineSystem
from training.siamese_lstm.recipe import BaselineRecipe, SequenceRecipe
from training.siamese_lstm.sequences import Sequences, as_recorded

RECIPE = SequenceRecipe('any', preprocess=PreprocessConfig(frames=6, turn=False))


def test_sequences_that_are_not_to_be_changed_are_learned_as_they_are_prepared() -> None:
    samples = lifting_samples(1, 1)
    places = np.array([3, 0])

    joints, mask = Sequences(samples, replace(RECIPE, changed=False)).changed(
        places, np.random.default_rng(0)
    )
    changed, _ = Sequences(samples, RECIPE).changed(places, np.random.default_rng(0))

    for place, found, seen in zip(places, joints, mask, strict=True):
        wanted, wanted_mask = prepare(samples[place].clip, RECIPE.preprocess)
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(seen, wanted_mask)
    assert not np.allclose(changed, joints, atol=0.01)


def test_recorded_sequence_stays_where_it_was_seen() -> None:
    clip = standing_clip(3)
    clip.joints_m[:, Common15.HEAD] = [[0.0, 0.0, 2.0], [0.4, 0.0, 2.0], [0.4, 0.2, 3.0]]
    clip.confidence[2, Common15.HEAD] = 0.0

    joints, mask = as_recorded(clip, PreprocessConfig(frames=5))

    # Each other frame is in the middle of two of the recording.
    wanted = [[0.0, 0.0, 2.0], [0.2, 0.0, 2.0], [0.4, 0.0, 2.0], [0.4, 0.1, 2.5], [0.4, 0.2, 3.0]]
    np.testing.assert_allclose(joints[:, Common15.HEAD], wanted, atol=1e-5)
    np.testing.assert_allclose(mask[:, Common15.HEAD], [1.0, 1.0, 1.0, 0.5, 0.0], atol=1e-5)
    np.testing.assert_allclose(joints[:, Common15.HIP_LEFT], [[0.1, 0.0, 2.0]] * 5, atol=1e-6)


def test_recorded_sequences_are_not_changed_and_make_no_bundle() -> None:
    samples = [Sample(standing_clip(9), 'made')]
    recorded = recipe_for('florence3d-loao/3', 'sequence-baseline', 'svm-recorded')
    assert isinstance(recorded, BaselineRecipe)
    system = SequenceBaselineSystem(recorded)

    joints, _ = system.inputs(samples)

    assert joints[0, :, Common15.HEAD].tolist() == [pytest.approx([0.0, -0.7, 2.0])] * 24
    with pytest.raises(ConfigError, match=r'this recipe has prepared=False'):
        system.exported(system.network(['a']))
