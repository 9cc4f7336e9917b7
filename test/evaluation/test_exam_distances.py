"""Each method on motions of which it is known what it should say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import FakeModel, circling, mirror_image

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.errors import ExamError
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import (
    BASELINES,
    CANONICAL,
    RAW,
    Distances,
    Item,
    Material,
    baseline_distances,
    model_distances,
    prepare_items,
)


def material(*clips: Clip) -> Material:
    named = [replace(clip, label='circle', subject='ann') for clip in clips]
    items = [Item(str(number), clip) for number, clip in enumerate(named)]
    return prepare_items(items, [RAW, CANONICAL])


def moved(clip: Clip, matrix: np.ndarray, offset_m: tuple[float, float, float]) -> Clip:
    joints = clip.joints_m @ matrix.T + np.array(offset_m)
    return replace(clip, joints_m=joints.astype(np.float32))


def distances(*clips: Clip) -> dict[str, float]:
    """Return how far the second clip is from the first, by method."""
    found = baseline_distances(material(*clips), np.array([0]), lambda count: None)
    assert set(found) == set(BASELINES)
    return {name: float(item.values[0, 1]) for name, item in found.items()}


CIRCLE = circling([(0.5, 2.5)], 3.0)
TURN = np.array([[np.cos(0.7), 0, np.sin(0.7)], [0, 1, 0], [-np.sin(0.7), 0, np.cos(0.7)]])


class Saying(FakeModel):
    """Says what it is told, whatever it is shown; of mirror images nothing at all."""

    def __init__(self, described: Descriptors, similarity: SimilarityConfig) -> None:
        super().__init__(similarity=similarity)
        self._described = described

    def infer(self, joints: np.ndarray, mask: np.ndarray) -> Descriptors:
        places = np.round(joints[:, 0, Joint.HEAD, 1] / -0.1).astype(int)
        return self._described[places]


def compared(described: Descriptors, rows: list[int], similarity: SimilarityConfig) -> Distances:
    """Return the distances of a model that says this about as many clips, from some to all."""
    clips = []
    for place in range(len(described)):
        clip = replace(CIRCLE, label='circle', subject='ann', joints_m=CIRCLE.joints_m.copy())
        # Half a trunk of 0.5 m is one unit: the head tells which clip it is.
        clip.joints_m[:, Joint.HEAD, 1] = -0.05 * place
        clips.append(Item(str(place), clip))
    model = Saying(described, similarity)
    found, said = model_distances(model, prepare_items(clips, [model.preprocess]), np.array(rows))
    np.testing.assert_array_equal(said.embeddings, described.embeddings)
    return found


def test_no_baseline_minds_where_somebody_stands() -> None:
    found = distances(CIRCLE, moved(CIRCLE, np.eye(3), (1.0, 0.2, 2.0)))

    assert found == pytest.approx(dict.fromkeys(BASELINES, 0.0), abs=1e-3)


@pytest.mark.parametrize('matrix', [TURN, 1.3 * np.eye(3)], ids=['turned', 'taller'])
def test_raw_joints_alone_mind_heading_and_size(matrix: np.ndarray) -> None:
    found = distances(CIRCLE, moved(CIRCLE, matrix, (0.0, 0.0, 0.0)))

    assert found['canonical'] == pytest.approx(0.0, abs=1e-3)
    assert found['dtw'] == pytest.approx(0.0, abs=1e-3)
    assert found['raw'] > 1.0


def test_raw_joints_are_compared_in_metres_at_32_instants() -> None:
    lifted = replace(CIRCLE, joints_m=CIRCLE.joints_m.copy())
    lifted.joints_m[:, Joint.HEAD, 1] -= 0.25

    found = distances(CIRCLE, lifted)

    # One joint a quarter of a metre away, which is half a trunk, at each of 32 instants.
    assert found['raw'] == pytest.approx(0.25 * np.sqrt(32), rel=1e-4)
    assert found['canonical'] == pytest.approx(0.5 * np.sqrt(32), rel=1e-4)
    assert found['dtw'] == pytest.approx(0.5 * np.sqrt(32), rel=1e-4)


def test_time_warping_alone_forgives_a_late_start() -> None:
    late = circling([(0.9, 2.9)], 3.0)
    other = circling([(0.5, 2.5)], 3.0, hand=Joint.HAND_LEFT)

    late_by, other_by = distances(CIRCLE, late), distances(CIRCLE, other)

    assert late_by['dtw'] < 0.5 * late_by['canonical']
    assert late_by['dtw'] < 0.3 * other_by['dtw']


def test_swaying_hips_carry_the_joints_along_unless_these_are_taken_from_the_hips() -> None:
    swaying = replace(CIRCLE, joints_m=CIRCLE.joints_m.copy())
    sway = 0.3 * np.sin(np.linspace(0.0, 9.0, len(swaying)))
    swaying.joints_m[:, :, 0] += sway[:, None].astype(np.float32)

    by = distances(CIRCLE, swaying)

    # Sixteen points move as one, the hips and what they carry, or the hips alone.
    assert 0.2 * by['dtw'] < by['dtw_hips'] < 0.4 * by['dtw']


def test_embeddings_are_compared_by_their_angle() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)

    found = compared(Descriptors.without_tokens(vectors), [0, 2], SimilarityConfig())

    np.testing.assert_allclose(found.values, [[0, 1, 0.4], [0.4, 0.2, 0]], atol=1e-6)
    np.testing.assert_allclose(
        found.between(np.array([2, 0]), np.array([1, 0])), [[0.2, 0.4], [1, 0]], atol=1e-6
    )


def test_tokens_count_with_their_share() -> None:
    # Two clips with the same embedding whose second tokens are at right angles: each token of one
    # has its like in the other but one, in both directions.
    described = Descriptors(
        np.array([[1, 0], [1, 0]], np.float32),
        np.array([[[1, 0], [1, 0]], [[1, 0], [0, 1]]], np.float32),
        np.ones(2, np.float32),
    )

    found = compared(described, [1], SimilarityConfig(tokens=0.4, band=1))

    # Tokens: forward (1 + 1) / 2, backward (1 + 0) / 2; aligned 0.75; 0.6 * 1 + 0.4 * 0.75 = 0.9.
    np.testing.assert_allclose(found.values, [[0.1, 0.0]], atol=1e-6)


def test_references_are_compared_by_their_mirror_images_too() -> None:
    left = replace(mirror_image(CIRCLE), label='circle', subject='bob')
    right = replace(CIRCLE, label='circle', subject='ann')
    items = [Item('left', left), Item('right', right), Item('named', replace(right, label='right'))]

    for other_side, wanted in ((0.05, 0.05), (2.0, None)):
        model = FakeModel(similarity=SimilarityConfig(other_side=other_side))
        material = prepare_items(items, [model.preprocess])
        found, _ = model_distances(model, material, np.array([1, 2]))
        plain = 1.0 - float(embeddings(model, material)[0] @ embeddings(model, material)[1])
        assert plain > 0.2
        # The right hand's circle is the left one's mirror image; what is named right has none.
        assert found.values[0, 0] == pytest.approx(plain if wanted is None else wanted, abs=1e-4)
        assert found.values[1, 0] == pytest.approx(plain, abs=1e-4)


def embeddings(model: FakeModel, material: Material) -> np.ndarray:
    return model.infer(*material.prepared[model.preprocess]).embeddings


def test_a_classifier_cannot_sit_an_exam() -> None:
    with pytest.raises(ExamError, match='is a classifier, which knows its own labels only'):
        model_distances(FakeModel(kind='classifier'), material(CIRCLE), np.array([0]))
