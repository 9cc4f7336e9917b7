from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import FakeModel, circling, mirror_image

from skeleton_action_ros.core import matching
from skeleton_action_ros.core.embedding import prepare_clips
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.matching import ClassifierMatcher, MatchingConfig, TemplateIndex
from skeleton_action_ros.core.motion import MotionConfig, trim_to_motion
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip

RIGHT = circling([(0.5, 2.5)], 3.0)
LEFT = circling([(0.5, 2.5)], 3.0, hand=Joint.HAND_LEFT)
PIECE = trim_to_motion(RIGHT, MotionConfig())


def _template(name: str, clip: Clip, label: str = '', threshold: float = 0.0) -> Template:
    return Template(name, label or name, clip, threshold, 1, 'test')


def _gallery(*templates: Template) -> Gallery:
    gallery = Gallery()
    for template in templates:
        gallery = gallery.add(template)
    return gallery


def _index(*templates: Template, model: FakeModel | None = None) -> TemplateIndex:
    index = TemplateIndex(model or FakeModel(), MotionConfig(), MatchingConfig(), 0.7)
    assert index.set_gallery(_gallery(*templates)) == []
    return index


def _blind(clip: Clip) -> Clip:
    confidence = np.zeros_like(clip.confidence)
    confidence[:, Joint.HEAD] = 1.0
    return replace(clip, confidence=confidence)


def test_each_label_is_as_similar_as_its_best_shot() -> None:
    index = _index(_template('a', LEFT, 'wave'), _template('b', RIGHT, 'wave'))
    assert index.labels == ('wave',)
    assert index.similarities([PIECE])[0, 0] == pytest.approx(1.0, abs=1e-5)


def test_similarity_is_the_cosine_of_the_embeddings() -> None:
    model = FakeModel()
    index = _index(_template('left', LEFT), _template('right', RIGHT), model=model)
    left, right = index.similarities([PIECE])[0]
    assert right > 0.99
    assert left < 0.9


def test_similarity_counts_the_tokens_as_the_model_says() -> None:
    model = FakeModel(tokens=4, similarity=SimilarityConfig(tokens=0.5, band=1))
    index = _index(_template('left', LEFT), _template('right', RIGHT), model=model)
    prepared = prepare_clips(
        [trim_to_motion(clip, MotionConfig()) for clip in (LEFT, RIGHT, PIECE)], model.preprocess
    )
    described = model.infer(prepared.joints, prepared.mask)

    found = index.similarities([PIECE])[0]

    for column in range(2):
        cosine = float(described.embeddings[2] @ described.embeddings[column])
        tokens = described.tokens[2] @ described.tokens[column].T
        near = [[tokens[i, j] if abs(i - j) <= 1 else -9 for j in range(4)] for i in range(4)]
        aligned = (np.max(near, axis=1).mean() + np.max(near, axis=0).mean()) / 2
        assert found[column] == pytest.approx(0.5 * cosine + 0.5 * aligned, abs=1e-5)
    nearest = index.nearest(PIECE)
    assert nearest is not None
    assert nearest.similarity == pytest.approx(float(found[1]), abs=1e-5)


MIRRORED = mirror_image(RIGHT)
SIDES = FakeModel(similarity=SimilarityConfig(other_side=0.05))


def test_other_hand_counts_where_the_name_leaves_it_open() -> None:
    index = _index(_template('wave', MIRRORED), model=SIDES)
    assert index.similarities([PIECE])[0, 0] == pytest.approx(0.95, abs=1e-4)
    nearest = index.nearest(RIGHT)
    assert nearest is not None
    assert nearest.similarity == pytest.approx(0.95, abs=1e-4)


def test_other_hand_does_not_count_where_the_name_has_a_side() -> None:
    index = _index(_template('t', MIRRORED, 'wave_left'), model=SIDES)
    assert index.similarities([PIECE])[0, 0] < 0.9


def test_name_given_later_decides_whether_the_side_matters() -> None:
    index = _index(model=SIDES)
    gallery = _gallery(_template('t', MIRRORED, 'wave'))
    for label, counts in (('wave', True), ('wave_left', False), ('wave', True)):
        gallery = (
            gallery.rename(gallery.labels[0], label) if label not in gallery.labels else gallery
        )
        index.set_gallery(gallery)
        assert (index.similarities([PIECE])[0, 0] > 0.9) == counts


def test_other_hand_does_not_count_where_it_is_switched_off() -> None:
    model = FakeModel(similarity=SimilarityConfig(other_side=0.05))
    index = TemplateIndex(model, MotionConfig(), MatchingConfig(other_side=False), 0.7)
    assert index.set_gallery(_gallery(_template('wave', MIRRORED))) == []
    assert model.batches == [1]
    assert index.similarities([PIECE])[0, 0] < 0.9


def test_only_the_nearest_of_very_many_templates_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    templates = [_template('left', LEFT), _template('right', RIGHT), _template('image', MIRRORED)]
    model = FakeModel(tokens=4, similarity=SimilarityConfig(tokens=0.5, band=1))
    index = _index(*templates, model=model)
    whole = index.similarities([PIECE])[0]

    monkeypatch.setattr(matching, '_SHORTLIST', 1)

    assert index.labels == ('image', 'left', 'right')
    np.testing.assert_allclose(index.similarities([PIECE])[0], [-1, -1, whole[2]], atol=1e-6)


def test_piece_much_shorter_or_longer_than_the_template_is_no_match() -> None:
    index = _index(_template('right', RIGHT))
    start_ns = 1_500_000_000
    lengths = (0.9, 1.1, 1.9)
    pieces = [RIGHT.between(start_ns, start_ns + round(1e9 * length)) for length in lengths]
    assert (index.similarities(pieces)[:, 0] > -1).tolist() == [False, True, True]
    long = circling([(0.5, 5.0)], 6.0).between(1_500_000_000, 6_000_000_000)
    assert index.similarities([long])[0, 0] == -1.0


def test_piece_much_smaller_or_larger_than_the_template_is_no_match() -> None:
    index = _index(_template('right', RIGHT))
    pieces = [
        trim_to_motion(circling([(0.5, 2.5)], 3.0, radius_m=radius_m), MotionConfig())
        for radius_m in (0.1, 0.2, 0.4, 0.9)
    ]
    assert (index.similarities(pieces)[:, 0] > -1).tolist() == [False, True, True, False]


def test_templates_are_embedded_once() -> None:
    model = FakeModel()
    index = TemplateIndex(model, MotionConfig(), MatchingConfig(), 0.7)
    gallery = _gallery(_template('left', LEFT))
    index.set_gallery(gallery)
    index.set_gallery(gallery.add(_template('right', RIGHT)))
    assert model.batches == [1, 1]


def test_renamed_action_is_found_under_its_new_name() -> None:
    index = TemplateIndex(FakeModel(), MotionConfig(), MatchingConfig(), 0.7)
    gallery = _gallery(_template('t1', RIGHT, 'old'))
    index.set_gallery(gallery)
    index.set_gallery(gallery.rename('old', 'new'))
    assert index.labels == ('new',)


def test_removed_action_is_forgotten() -> None:
    index = TemplateIndex(FakeModel(), MotionConfig(), MatchingConfig(), 0.7)
    gallery = _gallery(_template('left', LEFT), _template('right', RIGHT))
    index.set_gallery(gallery)
    index.set_gallery(gallery.remove('left'))
    assert index.labels == ('right',)
    index.set_gallery(Gallery())
    assert index.labels == ()
    assert index.similarities([RIGHT]).shape == (1, 0)
    assert index.nearest(RIGHT) is None


def test_unusable_template_is_named_and_the_others_work() -> None:
    index = TemplateIndex(FakeModel(), MotionConfig(), MatchingConfig(), 0.7)
    problems = index.set_gallery(
        _gallery(_template('blind', _blind(LEFT)), _template('right', RIGHT))
    )
    assert len(problems) == 1
    assert "'blind'" in problems[0]
    assert 'hips' in problems[0]
    assert index.labels == ('right',)


def test_unusable_piece_matches_nothing_and_the_others_do() -> None:
    index = _index(_template('right', RIGHT))
    found = index.similarities([_blind(PIECE), PIECE])[:, 0]
    assert found[0] == -1.0
    assert found[1] > 0.99


def test_own_threshold_of_a_template_wins_and_the_least_of_several() -> None:
    index = _index(
        _template('a', LEFT, 'wave', 0.9),
        _template('b', RIGHT, 'wave', 0.8),
        _template('c', RIGHT, 'swing'),
    )
    assert dict(zip(index.labels, np.round(index.thresholds.astype(float), 3), strict=True)) == {
        'swing': 0.7,
        'wave': 0.8,
    }


def test_scales_span_the_lengths_of_the_templates() -> None:
    index = _index(
        _template('short', circling([(0.5, 1.3)], 2.0)),
        _template('long', circling([(0.5, 4.5)], 5.0)),
    )
    scales = np.array(index.scales_s)
    assert scales[0] == pytest.approx(0.8, abs=0.25)
    assert scales[-1] == pytest.approx(4.0, abs=0.25)
    assert (scales[1:] / scales[:-1] < 1.8).all()


def test_nearest_leaves_out_the_action_being_taught() -> None:
    index = _index(_template('left', LEFT), _template('right', RIGHT))
    nearest, other = index.nearest(RIGHT), index.nearest(RIGHT, exclude_label='right')
    assert nearest is not None
    assert other is not None
    assert (nearest.label, other.label) == ('right', 'left')
    assert nearest.similarity > other.similarity
    assert index.nearest(_blind(RIGHT)) is None


def test_classifier_gives_probabilities_in_the_order_of_its_sorted_labels() -> None:
    logits = np.log(np.array([0.7, 0.1, 0.2], np.float32))
    model = FakeModel(kind='classifier', labels=('wave', 'bow', 'kick'), output=logits)
    matcher = ClassifierMatcher(model, 0.5)
    assert matcher.labels == ('bow', 'kick', 'wave')
    found = matcher.similarities([_blind(RIGHT), RIGHT])
    np.testing.assert_allclose(found[0], -1.0)
    np.testing.assert_allclose(found[1], (0.1, 0.2, 0.7), rtol=1e-5)
    assert matcher.thresholds.tolist() == [0.5, 0.5, 0.5]
