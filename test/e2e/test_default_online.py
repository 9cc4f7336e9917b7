"""What the shipped model does online: early, once while it goes on, and nothing for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.core.decision import ActionEvent
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.simulation import (
    Performance,
    Sensor,
    SimulatedSource,
    draw_person,
    shuffled,
    simulate_action,
)
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip
from skeleton_action_ros.evaluation.metrics import match_events, onset_latencies_s
from skeleton_action_ros.evaluation.replay import detections_of, replay, scenes_of_clip

TEACHER = 100
ACTIONS = ('wave_right', 'clap', 'kick_right', 'bow', 'raise_both_arms', 'throw')


@pytest.fixture(scope='module')
def model() -> OnnxModel:
    return load_bundle('default', threads=1)


def taught(labels: Sequence[str]) -> Gallery:
    body = draw_person(np.random.default_rng((99, TEACHER)), handedness='right')
    gallery = Gallery()
    for place, label in enumerate(labels, 1):
        clip = simulate_action(label, body, Sensor(), np.random.default_rng((7, place)))
        gallery = gallery.add(Template(label, label, clip, 0.0, place, 'test'))
    return gallery


def going_on(clip: Clip, times: int) -> Clip:
    """Repeat the middle third of a clip, forwards and backwards, before its end."""
    first, last = len(clip) // 3, 2 * len(clip) // 3
    there = list(range(first, last))
    order = [*range(first), *(there + there[::-1]) * times, *range(first, len(clip))]
    stamps_ns = NS_PER_S + np.arange(len(order), dtype=np.int64) * (NS_PER_S // 30)
    return replace(
        clip,
        joints_m=clip.joints_m[order],
        confidence=clip.confidence[order],
        stamps_ns=stamps_ns,
        annotations=(),
    )


def times(events: Sequence[ActionEvent]) -> list[tuple[str, str]]:
    return [(event.kind.name, event.label) for event in events]


def test_most_actions_are_known_before_they_have_ended(model: OnnxModel) -> None:
    person = draw_person(np.random.default_rng((99, 0)), handedness='right')
    performance = Performance(person, 1, shuffled(ACTIONS, 0, rounds=1), pause_s=1.5)
    scenes = list(SimulatedSource([performance], Sensor(), 'k4abt_32', 0, 30.0).scenes())
    truth = [span for scene in scenes for span in scene.finished]
    detections = detections_of(replay(scenes, model, taught(ACTIONS)).events)
    matching = match_events(truth, [one.span for one in detections], ACTIONS)
    shares = [share for _, share in onset_latencies_s(matching.verdicts, detections)]
    assert len(shares) >= len(truth) - 1
    assert np.median(shares) < 0.8


@pytest.mark.parametrize('label', ['wave_right', 'walk_on_the_spot'])
def test_action_that_goes_on_for_ten_seconds_is_one_event(model: OnnxModel, label: str) -> None:
    person = draw_person(np.random.default_rng((99, 0)), handedness='right')
    clip = going_on(simulate_action(label, person, Sensor(), np.random.default_rng((8, 0))), 4)
    assert clip.duration_s > 10.0
    gallery = taught(['wave_right', 'walk_on_the_spot', 'bow', 'punch_right'])
    events = replay(scenes_of_clip(clip), model, gallery).events
    assert times(events) == [('STARTED', label), ('ENDED', label)]
    assert (events[1].end_ns - events[1].start_ns) / NS_PER_S > 0.8 * clip.duration_s


def test_real_people_who_walk_have_begun_once(model: OnnxModel, recordings: Path) -> None:
    people = {}
    for name in ('s01_e01', 's02_e01', 's07_e01'):
        path = recordings / 'utkinect' / 'joints' / f'joints_{name}.txt'
        (item,) = DATASETS['utkinect'].read_file(path)
        people[name] = item.clip
    walks = {
        name: next(span for span in clip.annotations if span.label == 'walk')
        for name, clip in people.items()
    }
    shown = walks.pop('s01_e01')
    clip = people['s01_e01'].between(shown.start_ns, shown.end_ns)
    gallery = Gallery().add(Template('walk', 'walk', replace(clip, annotations=()), 0.0, 1, 'test'))
    for name, span in walks.items():
        part = people[name].between(span.start_ns - NS_PER_S, span.end_ns + 2 * NS_PER_S)
        events = replay(scenes_of_clip(replace(part, annotations=())), model, gallery).events
        assert times(events) == [('STARTED', 'walk'), ('ENDED', 'walk')], name
