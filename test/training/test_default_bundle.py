"""What the shipped bundle promises, on simulated persons it has not seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.bundle_card import find_bundle, read_card
from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.core.embedding import Descriptors, prepare_clips
from skeleton_action_ros.core.similarity import describe_templates, similarities
from skeleton_action_ros.core.simulation import Person, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip

ACTIONS = (
    *('wave_right', 'clap', 'punch_right', 'kick_right', 'bow', 'squat', 'jump', 'sit_down'),
    *('stand_up', 'raise_both_arms', 'drink', 'lunge', 'arm_circles', 'push', 'jumping_jack'),
)
SIDED = ('wave_right', 'punch_right', 'kick_right')


@pytest.fixture(scope='module')
def model() -> OnnxModel:
    return load_bundle('default')


def person(seed: int) -> Person:
    return draw_person(np.random.default_rng((99, seed)), handedness='right')


def show(body: Person, layout: str = 'k4abt_32', rate_hz: float = 30.0) -> list[Clip]:
    sensor = Sensor(rate_hz=rate_hz)
    return [
        simulate_action(action, body, sensor, np.random.default_rng((7, number)), layout)
        for number, action in enumerate(ACTIONS)
    ]


def describe(model: OnnxModel, clips: list[Clip]) -> Descriptors:
    prepared = prepare_clips(clips, model.preprocess)
    assert not prepared.failures
    return model.infer(prepared.joints, prepared.mask)


def compare(model: OnnxModel, asked: list[Clip], taught: list[Clip]) -> np.ndarray:
    prepared = prepare_clips(taught, model.preprocess)
    labels = [clip.label for clip in taught]
    templates = describe_templates(model, prepared.joints, prepared.mask, labels)
    return similarities(describe(model, asked), templates, model.similarity)


def agreement(model: OnnxModel, taught: list[Clip], asked: list[Clip]) -> float:
    """Share of asked clips nearest to the taught clip of their own action."""
    return float((compare(model, asked, taught).argmax(axis=1) == np.arange(len(ACTIONS))).mean())


def test_bundle_is_small_and_says_what_it_is() -> None:
    folder = find_bundle('default')
    card = read_card(folder)

    assert sum(file.stat().st_size for file in Path(folder).iterdir()) < 5_000_000
    assert card['name'] == folder.name == 'default'
    assert card['training']['data']
    assert card['results']['one_shot']
    assert 0.5 < card['threshold'] < 1.0
    assert len(card['operating_curve']) > 10


@pytest.mark.parametrize('layout', ['kinect_v2_25', 'kinect_v1_20', 'mediapipe_33', 'common_15'])
def test_taught_on_one_layout_known_on_another(model: OnnxModel, layout: str) -> None:
    shares = [agreement(model, show(person(seed)), show(person(seed), layout)) for seed in range(3)]

    assert np.mean(shares) >= 0.95


def test_taught_at_30_hz_known_at_10(model: OnnxModel) -> None:
    assert agreement(model, show(person(3)), show(person(3), rate_hz=10.0)) >= 0.95


def test_taught_by_one_person_known_on_others(model: OnnxModel) -> None:
    shares = [agreement(model, show(person(4)), show(person(seed))) for seed in range(5, 9)]

    assert np.mean(shares) >= 0.85


def test_mirror_image_is_another_action(model: OnnxModel) -> None:
    body = person(9)
    taught = show(body)
    for number, action in enumerate(ACTIONS):
        if action not in SIDED:
            continue
        other = simulate_action(
            action.replace('right', 'left'), body, Sensor(), np.random.default_rng(number)
        )
        again = simulate_action(action, body, Sensor(), np.random.default_rng((8, number)))
        left, right = compare(model, [other, again], [taught[number]])[:, 0]

        assert right > left + 0.15
        assert left < model.threshold


def test_nothing_depends_on_where_somebody_stands(model: OnnxModel) -> None:
    clip = show(person(10))[0]
    moved = replace(clip, joints_m=clip.joints_m + np.float32([1.0, 0.3, 1.5]))

    assert compare(model, [clip], [moved])[0, 0] > 0.999
