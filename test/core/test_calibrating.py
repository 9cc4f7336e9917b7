from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import FakeModel, circling, mirror_image

from skeleton_action_ros.core.calibration import Calibration, CalibrationConfig, OpenSet
from skeleton_action_ros.core.embedding import Descriptors, prepare_clips
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.core.matching import MatchingConfig, TemplateIndex
from skeleton_action_ros.core.motion import MotionConfig, trim_to_motion
from skeleton_action_ros.core.similarity import SimilarityConfig
from skeleton_action_ros.core.skeleton import Clip

RIGHT = circling([(0.5, 2.5)], 3.0)
LEFT = circling([(0.5, 2.5)], 3.0, hand=Joint.HAND_LEFT)
WIDE = circling([(0.5, 2.5)], 3.0, radius_m=0.5)
CONFIG = CalibrationConfig(background=0.5, spliced=0.1, others=0.2, most=1.0)


def _described(*clips: Clip) -> Descriptors:
    prepared = prepare_clips(
        [trim_to_motion(clip, MotionConfig()) for clip in clips], FakeModel().preprocess
    )
    return FakeModel().infer(prepared.joints, prepared.mask)


def _model(**changes: object) -> FakeModel:
    open_set = OpenSet('fake 1', _described(RIGHT, LEFT), CONFIG)
    return FakeModel(threshold=0.5, open_set=replace(open_set, **changes))


def _gallery(**clips: Clip) -> Gallery:
    gallery = Gallery()
    for label, clip in clips.items():
        gallery = gallery.add(Template(f'id of {label}', label, clip, 0.0, 1, 'test'))
    return gallery


def _index(gallery: Gallery, model: FakeModel | None = None) -> TemplateIndex:
    index = TemplateIndex(model or _model(), MotionConfig(), MatchingConfig())
    assert index.set_gallery(gallery) == []
    return index


def _thresholds(index: TemplateIndex) -> dict[str, float]:
    return dict(zip(index.labels, index.thresholds.astype(float).round(4).tolist(), strict=True))


def test_each_action_is_compared_with_background_and_other_actions() -> None:
    described = _described(RIGHT, LEFT, WIDE)
    cosine = described.embeddings @ described.embeddings.T
    found = {one.label: one for one in _index(_gallery(left=LEFT, wide=WIDE)).calibrations()}
    assert list(found) == ['left', 'wide']
    for place, label, other in ((1, 'left', 2), (2, 'wide', 1)):
        pieces = sorted((cosine[0, place], cosine[1, place]))
        reached = pieces[0] + 0.9 * (pieces[1] - pieces[0])
        one = found[label]
        assert (one.background, one.others, one.spliced, one.altered) == (2, 1, 4, 8)
        assert one.background_similarity == pytest.approx(reached, abs=1e-3)
        assert one.others_similarity == pytest.approx(cosine[place, other], abs=1e-3)
        moved = 0.5 * reached + 0.1 * one.spliced_similarity + 0.2 * cosine[place, other] / 3
        expected = min(0.5 + moved, max(one.altered_similarity, 0.5))
        assert one.threshold == pytest.approx(min(expected, 1.0), abs=1e-3)
        assert one.model == 'fake 1'


def test_index_takes_what_it_has_measured() -> None:
    index = _index(_gallery(left=LEFT, wide=WIDE))
    assert _thresholds(index) == {one.label: one.threshold for one in index.calibrations()}


def test_another_action_taught_or_forgotten_changes_the_thresholds() -> None:
    others_only = CalibrationConfig(others=0.05)
    index = _index(_gallery(left=LEFT), _model(calibration=others_only))
    alone = _thresholds(index)['left']
    index.set_gallery(_gallery(left=LEFT, mirrored=mirror_image(RIGHT)))
    assert _thresholds(index)['left'] > alone
    index.set_gallery(_gallery(left=LEFT))
    assert _thresholds(index)['left'] == alone


def test_what_the_gallery_says_of_this_model_is_taken_and_of_another_is_not() -> None:
    gallery = _gallery(left=LEFT)
    measured = _thresholds(_index(gallery))['left']
    for model, expected in (('fake 1', 0.61), ('fake 2', measured)):
        said = gallery.calibrated([Calibration('left', 0.61, model, 'by hand', 0.5)])
        assert _thresholds(_index(said))['left'] == expected


def test_own_threshold_and_that_of_everything_win_over_what_was_measured() -> None:
    gallery = _gallery(left=LEFT, wide=WIDE).with_threshold('left', 0.33)
    said = gallery.calibrated([Calibration('left', 0.61, 'fake 1', 'by hand', 0.5)])
    assert _thresholds(_index(said))['left'] == 0.33
    index = TemplateIndex(_model(), MotionConfig(), MatchingConfig(), 0.77)
    index.set_gallery(said)
    assert _thresholds(index) == {'left': 0.33, 'wide': 0.77}


def test_bundle_that_moves_no_threshold_costs_no_measuring() -> None:
    model = _model(calibration=CalibrationConfig())
    index = _index(_gallery(left=LEFT), model)
    assert model.batches == [1]
    assert _thresholds(index) == {'left': 0.5}
    assert index.calibrations()[0].threshold == 0.5


def test_bundle_without_background_measures_the_rest() -> None:
    (found,) = _index(_gallery(left=LEFT), _model(background=None)).calibrations()
    assert (found.background, found.background_similarity) == (0, 0.0)
    assert 'background' not in found.method
    assert found.spliced == 4


def test_templates_are_measured_once() -> None:
    model = _model()
    gallery = _gallery(left=LEFT)
    index = _index(gallery, model)
    before = len(model.batches)
    index.set_gallery(gallery.rename('left', 'other'))
    assert len(model.batches) == before
    assert index.labels == ('other',)


def test_mirror_images_count_unless_the_name_has_a_side() -> None:
    model = _model(background=_described(mirror_image(RIGHT)))
    model.similarity = SimilarityConfig(other_side=0.05)
    index = _index(_gallery(wave=RIGHT), model)
    assert index.calibrations()[0].background_similarity == pytest.approx(0.95, abs=1e-3)
    index.set_gallery(_gallery(wave_right=RIGHT))
    assert index.calibrations()[0].background_similarity < 0.9


def test_more_shots_reach_more_of_the_background() -> None:
    gallery = _gallery(wave=RIGHT)
    (one,) = _index(gallery).calibrations()
    second = Template('second', 'wave', LEFT, 0.0, 1, 'test')
    (two,) = _index(gallery.add(second)).calibrations()
    assert (one.altered, two.altered) == (8, 16)
    assert (one.spliced, two.spliced) == (4, 8)
    assert two.background_similarity == pytest.approx(1.0, abs=1e-3)
    assert two.background_similarity > one.background_similarity
    assert np.isclose(two.others_similarity, 0.0)
