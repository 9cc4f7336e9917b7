from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import SECOND, FakeModel, circling

from skeleton_action_ros.core.decision import EventKind
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.evaluation.replay import replay, scenes_of_clip, spans_of_events

CONFIG = RecognizerConfig(threshold=0.9)
GALLERY = Gallery().add(Template('t', 'wave', circling([(0.5, 2.5)], 3.5), 0.0, 1, 'test'))
STREAM = circling([(2.0, 4.0), (7.0, 9.0)], 11.0, noise_m=0.004)


def test_two_performances_are_two_spans_at_their_times() -> None:
    result = replay(scenes_of_clip(STREAM), FakeModel(), GALLERY, recognizer=CONFIG)
    spans = spans_of_events(result.events)
    assert [span.label for span in spans] == ['wave', 'wave']
    for span, (start_s, end_s) in zip(spans, ((3.0, 5.0), (8.0, 10.0)), strict=True):
        assert span.start_ns / SECOND == pytest.approx(start_s, abs=0.25)
        assert span.end_ns / SECOND == pytest.approx(end_s, abs=0.25)
    assert result.scenes == len(STREAM)
    assert len(result.frame_latency_ms) == len(STREAM)


@pytest.mark.parametrize('rate_hz', [5.0, 10.0, 15.0, 60.0])
def test_action_taught_at_one_rate_is_recognised_at_another(rate_hz: float) -> None:
    stream = circling([(2.0, 4.0), (7.0, 9.0)], 11.0, rate_hz=rate_hz)
    spans = spans_of_events(
        replay(scenes_of_clip(stream), FakeModel(), GALLERY, recognizer=CONFIG).events
    )
    assert [span.label for span in spans] == ['wave', 'wave']
    for span, (start_s, end_s) in zip(spans, ((3.0, 5.0), (8.0, 10.0)), strict=True):
        assert span.start_ns / SECOND == pytest.approx(start_s, abs=0.4)
        assert span.end_ns / SECOND == pytest.approx(end_s, abs=0.4)


def test_dropped_frames_and_jitter_are_borne() -> None:
    rng = np.random.default_rng(5)
    kept = np.sort(rng.choice(len(STREAM), len(STREAM) * 2 // 3, replace=False))
    stamps_ns = STREAM.stamps_ns[kept] + rng.integers(-8_000_000, 8_000_000, len(kept))
    stream = replace(
        STREAM,
        joints_m=STREAM.joints_m[kept],
        confidence=STREAM.confidence[kept],
        stamps_ns=stamps_ns,
    )
    spans = spans_of_events(
        replay(scenes_of_clip(stream), FakeModel(), GALLERY, recognizer=CONFIG).events
    )
    assert [span.label for span in spans] == ['wave', 'wave']


def test_same_scenes_give_the_same_events() -> None:
    first, second = (
        replay(scenes_of_clip(STREAM), FakeModel(), GALLERY, recognizer=CONFIG) for _ in range(2)
    )
    assert first.events == second.events


def test_bag_that_loops_starts_afresh() -> None:
    scenes = [*scenes_of_clip(STREAM), *scenes_of_clip(STREAM)]
    result = replay(scenes, FakeModel(), GALLERY, recognizer=CONFIG)
    started = [event for event in result.events if event.kind is EventKind.STARTED]
    assert len(started) == 4


def test_jump_back_ends_what_is_open() -> None:
    begun = STREAM.between(0, round(5.2 * SECOND))
    still = circling([], 2.0, start_s=1.5)
    result = replay(
        [*scenes_of_clip(begun), *scenes_of_clip(still)], FakeModel(), GALLERY, recognizer=CONFIG
    )
    kinds = [event.kind for event in result.events]
    assert kinds == [EventKind.STARTED, EventKind.ENDED]
    assert result.events[-1].end_ns > 4 * SECOND


def test_one_late_scene_is_no_jump_back() -> None:
    scenes = list(scenes_of_clip(STREAM))
    stream = [*scenes[:100], scenes[90], *scenes[100:]]
    result = replay(stream, FakeModel(), GALLERY, recognizer=CONFIG)
    assert result.refused == {'out_of_order': 1}
    assert len(spans_of_events(result.events)) == 2


def test_stamp_that_repeats_is_refused_and_counted() -> None:
    scenes = list(scenes_of_clip(STREAM))
    result = replay(
        [*scenes[:50], scenes[49], *scenes[50:]], FakeModel(), GALLERY, recognizer=CONFIG
    )
    assert result.refused == {'out_of_order': 1}
    assert len(spans_of_events(result.events)) == 2


def test_stream_that_stops_in_the_middle_ends_what_is_open() -> None:
    cut = STREAM.between(0, round(5.2 * SECOND))
    result = replay(scenes_of_clip(cut), FakeModel(), GALLERY, recognizer=CONFIG)
    kinds = [event.kind for event in result.events]
    assert kinds == [EventKind.STARTED, EventKind.ENDED]


def test_empty_scenes_and_two_persons() -> None:
    other = replace(STREAM, joints_m=STREAM.joints_m + np.array((1, 0, 0), np.float32))
    both = [
        Scene(one.stamp_ns, one.skeletons + two.skeletons)
        for one, two in zip(
            scenes_of_clip(STREAM, body_id=1), scenes_of_clip(other, body_id=2), strict=True
        )
    ]
    result = replay([Scene(SECOND // 2, ()), *both], FakeModel(), GALLERY, recognizer=CONFIG)
    spans = spans_of_events(result.events)
    assert sorted(span.body_id for span in spans) == [1, 1, 2, 2]
