"""The ways others go, on streams in which it is plain what they must find."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from people import SECOND, FakeModel, circling

from skeleton_action_ros.core.embedding import Descriptors
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.skeleton import ActionSpan, Clip, Scene
from skeleton_action_ros.evaluation.comparisons import (
    best_label_per_window,
    best_threshold,
    surer_than,
    warped_occurrences,
)
from skeleton_action_ros.evaluation.metrics import Detection, iou
from skeleton_action_ros.evaluation.recordings import Pool
from skeleton_action_ros.evaluation.replay import scenes_of_clip
from skeleton_action_ros.evaluation.streams import Stream

LEFT = Common15.HAND_LEFT


class LimbModel(FakeModel):
    """Says which joints move, not how: a window of any phase of a circle looks the same."""

    def infer(self, joints: np.ndarray, mask: np.ndarray) -> Descriptors:
        speeds = np.sqrt((np.diff(joints, axis=1) ** 2).sum(axis=3).mean(axis=1)) + 1e-6
        unit = speeds / np.linalg.norm(speeds, axis=1, keepdims=True)
        return Descriptors.without_tokens(unit.astype(np.float32))


def stream(*clips: Clip, body_id: int = 1) -> Stream:
    scenes = tuple(scene for clip in clips for scene in scenes_of_clip(clip, body_id))
    return Stream(Path('/bags/one'), scenes, (), True, (), Counter())


def gallery() -> Gallery:
    taught = Gallery()
    for name, hand in (('right', Common15.HAND_RIGHT), ('left', LEFT)):
        clip = circling([(0.5, 2.5)], 3.0, hand=hand)
        taught = taught.add(Template(name, name, clip, 0.0, 1, 'test'))
    return taught


RIGHT_THEN_LEFT = stream(
    circling([(2.0, 4.0)], 6.0, start_s=100.0, noise_m=0.002),
    circling([(2.0, 4.0)], 6.0, start_s=106.1, noise_m=0.002, hand=LEFT),
)


def span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


class TestSubsequenceWarping:
    def test_each_demonstration_is_nearest_where_it_was_performed(self) -> None:
        found = warped_occurrences(RIGHT_THEN_LEFT, gallery())
        nearest = sorted(found, key=lambda one: -one.confidence)[:2]
        left, right = sorted(nearest, key=lambda one: one.span.label)
        assert (left.span.label, right.span.label) == ('left', 'right')
        assert iou(right.span, span('right', 102, 104)) > 0.6
        assert iou(left.span, span('left', 108.1, 110.1)) > 0.6
        assert right.decided_ns == right.span.end_ns

    def test_nothing_that_is_found_overlaps(self) -> None:
        found = warped_occurrences(RIGHT_THEN_LEFT, gallery())
        for one, other in pairwise(found):
            assert one.span.end_ns <= other.span.start_ns

    def test_where_and_how_large_the_person_is_does_not_matter(self) -> None:
        clip = circling([(2.0, 4.0)], 6.0, start_s=100.0)
        turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]], np.float32)
        moved = replace(clip, joints_m=(1.3 * clip.joints_m @ turn + 0.4).astype(np.float32))
        here, there = (warped_occurrences(stream(one), gallery()) for one in (clip, moved))
        assert max(one.confidence for one in here) == pytest.approx(
            max(one.confidence for one in there), abs=1e-4
        )

    def test_a_person_who_leaves_parts_the_stream(self) -> None:
        clip = circling([(0.0, 2.0)], 2.0, start_s=100.0)
        parts = stream(clip.between(0, 101 * SECOND), circling([], 2.0, start_s=103.0))
        found = warped_occurrences(parts, gallery())
        assert not any(one.span.start_ns < 102 * SECOND < one.span.end_ns for one in found)


class TestBestLabelPerWindow:
    def test_windows_of_one_label_in_a_row_are_one_event(self) -> None:
        found = best_label_per_window(RIGHT_THEN_LEFT, LimbModel(), gallery())
        for label, start_s in (('right', 102), ('left', 108.1)):
            truth = span(label, start_s, start_s + 2)
            assert max(iou(one.span, truth) for one in found if one.span.label == label) > 0.25

    def test_it_says_something_at_every_window(self) -> None:
        idle = stream(circling([], 6.0, start_s=100.0, noise_m=0.002))
        found = best_label_per_window(idle, LimbModel(), gallery())
        # Windows are 2 s long, so that the middles of them are from 1 s to 5 s.
        covered_s = sum(one.span.end_ns - one.span.start_ns for one in found) / SECOND
        gaps_s = 0.1 * (len(found) - 1)
        assert covered_s + gaps_s == pytest.approx(4.0, abs=0.35)

    def test_a_gap_ends_an_event(self) -> None:
        one = circling([(0.0, 3.0)], 3.0, start_s=100.0)
        other = circling([(0.0, 3.0)], 3.0, start_s=105.0)
        found = best_label_per_window(stream(one, other), LimbModel(), gallery())
        assert not any(each.span.start_ns < 104 * SECOND < each.span.end_ns for each in found)

    def test_each_person_has_events_of_their_own(self) -> None:
        two = [
            Scene(left.stamp_ns, left.skeletons + right.skeletons)
            for left, right in zip(
                scenes_of_clip(circling([(0, 3)], 3.0, hand=LEFT), 4),
                scenes_of_clip(circling([(0, 3)], 3.0), 7),
                strict=True,
            )
        ]
        both = Stream(Path('/bags/two'), tuple(two), (), True, (), Counter())
        found = best_label_per_window(both, LimbModel(), gallery())
        assert {(one.span.body_id, one.span.label) for one in found} == {(4, 'left'), (7, 'right')}


def test_best_threshold_is_the_one_of_the_best_f1() -> None:
    truth = (span('wave', 0, 2), span('wave', 4, 6))
    found = [
        Detection(span('wave', 0, 2), 0, -0.1),
        Detection(span('wave', 10, 12), 0, -0.2),
        Detection(span('wave', 4, 6), 0, -0.3),
        Detection(span('wave', 20, 22), 0, -0.4),
    ]
    # F1 is 2/3, 1/2, 4/5 and 2/3 with the first one, two, three and all of them.
    pooled = Pool(truth, tuple(found), {}, (), (), 1.0, 1.0)
    threshold = best_threshold(pooled, ['wave'], 0.5)
    assert threshold == -0.3
    assert surer_than(found, threshold) == found[:3]


def test_a_threshold_takes_all_that_are_equally_sure() -> None:
    truth = (span('wave', 0, 2),)
    found = (
        Detection(span('wave', 0, 2), 0, -0.1),
        Detection(span('wave', 10, 12), 0, -0.2),
        Detection(span('wave', 20, 22), 0, -0.2),
    )
    assert best_threshold(Pool(truth, found, {}, (), (), 1.0, 1.0), ['wave'], 0.5) == -0.1
    assert best_threshold(Pool(truth, (), {}, (), (), 1.0, 1.0), ['wave'], 0.5) == 0.0
