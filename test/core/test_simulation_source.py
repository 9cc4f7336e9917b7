from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest
from simulated import PERFECT

from skeleton_action_ros.core.config import build, parameters_of
from skeleton_action_ros.core.errors import ConfigError, UnknownLayoutError
from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.layouts import K4abt32 as Joint
from skeleton_action_ros.core.simulation import (
    ACTIONS,
    Performance,
    Person,
    Sensor,
    SimulatedSource,
    SimulationConfig,
    shuffled,
    source_from_config,
)
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene, checked_frame
from skeleton_action_ros.core.source import SkeletonSource

START_NS = 7 * NS_PER_S


def source_of(
    *script: tuple[float, str],
    sensor: Sensor = PERFECT,
    duration_s: float = 20.0,
    layout: str = 'k4abt_32',
    pause_s: float = 0.8,
    seed: int = 1,
) -> SimulatedSource:
    performance = Performance(Person(), 4, script, pause_s)
    return SimulatedSource([performance], sensor, layout, seed, duration_s, START_NS)


def spans_of(source: SkeletonSource) -> list[ActionSpan]:
    return [span for scene in source.scenes() for span in scene.finished]


def bytes_of(source: SkeletonSource) -> bytes:
    return b''.join(
        str((scene.stamp_ns, frame.body_id, scene.finished)).encode()
        + frame.joints_m.tobytes()
        + frame.confidence.tobytes()
        for scene in source.scenes()
        for frame in scene.skeletons
    )


def test_the_same_seed_gives_the_same_bytes_again_and_again() -> None:
    config = SimulationConfig(seed=3, persons=2, duration_s=8.0)
    source = source_from_config(config)
    first = bytes_of(source)
    assert bytes_of(source) == first
    assert bytes_of(source_from_config(config)) == first
    assert (
        bytes_of(source_from_config(SimulationConfig(seed=4, persons=2, duration_s=8.0))) != first
    )


def test_scenes_rise_strictly_and_hold_frames_that_pass_the_check() -> None:
    config = SimulationConfig(seed=5, persons=3, duration_s=20.0, jitter_s=0.02)
    scenes = list(source_from_config(config, START_NS).scenes())
    stamps = [scene.stamp_ns for scene in scenes]
    assert (np.diff(stamps) > 0).all()
    assert abs(stamps[0] - START_NS) < NS_PER_S // 10
    for scene in scenes[::10]:
        assert {frame.body_id for frame in scene.skeletons} <= {1, 2, 3}
        for frame in scene.skeletons:
            assert frame.stamp_ns == scene.stamp_ns
            again = checked_frame(
                frame.stamp_ns, frame.body_id, frame.layout, frame.joints_m, frame.confidence
            )
            np.testing.assert_array_equal(again.joints_m, frame.joints_m)
            np.testing.assert_array_equal(again.confidence, frame.confidence)


@pytest.mark.parametrize('rate_hz', [5.0, 30.0, 61.0])
def test_the_recording_has_the_rate_and_the_length_asked_for(rate_hz: float) -> None:
    source = source_from_config(
        SimulationConfig(rate_hz=rate_hz, duration_s=7.0, dropped_share=0.0, jitter_s=0.0)
    )
    stamps = np.array([scene.stamp_ns for scene in source.scenes()])
    assert len(stamps) == round(7.0 * rate_hz)
    np.testing.assert_allclose(np.diff(stamps), NS_PER_S / rate_hz, atol=2)


def test_lost_frames_are_missing_for_all_persons() -> None:
    config = SimulationConfig(persons=2, duration_s=60.0, dropped_share=0.25)
    scenes = list(source_from_config(config).scenes())
    assert 1.0 - len(scenes) / (60.0 * 30.0) == pytest.approx(0.25, abs=0.04)


def test_a_script_is_played_in_order_and_not_before_its_times() -> None:
    spans = spans_of(source_of((1.0, 'clap'), (6.0, 'wave_left'), (6.5, 'bow')))
    assert [span.label for span in spans] == ['clap', 'wave_left', 'bow']
    assert {span.body_id for span in spans} == {4}
    starts = [(span.start_ns - START_NS) / NS_PER_S for span in spans]
    assert starts[0] == pytest.approx(1.0, abs=0.15)
    assert starts[1] == pytest.approx(6.0, abs=0.15)
    assert spans[2].start_ns >= spans[1].end_ns + 0.8 * NS_PER_S  # waits for the wave to end


def test_the_truth_is_told_with_the_first_scene_after_the_end() -> None:
    source = source_of((1.0, 'clap'), (5.0, 'bow'), sensor=Sensor())
    before = None
    told = 0
    for scene in source.scenes():
        for span in scene.finished:
            assert before is not None
            assert before.stamp_ns < span.end_ns <= scene.stamp_ns
            told += 1
        before = scene
    assert told == 2


def test_an_action_cut_off_by_the_end_is_not_told() -> None:
    assert spans_of(source_of((1.0, 'clap'), duration_s=1.8)) == []


def test_the_body_moves_within_the_spans_and_hardly_outside() -> None:
    source = source_of((1.0, 'wave_right'), (6.0, 'kick_left'), (10.0, 'throw'), duration_s=16.0)
    scenes = list(source.scenes())
    spans = [span for scene in scenes for span in scene.finished]
    joints = np.stack([scene.skeletons[0].joints_m for scene in scenes]).astype(np.float64)
    stamps = np.array([scene.stamp_ns for scene in scenes])[1:]
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=2).max(axis=1) * 30.0
    inside = np.zeros(len(stamps), np.bool_)
    margin = NS_PER_S // 5
    for span in spans:
        within = (stamps >= span.start_ns) & (stamps <= span.end_ns)
        assert speed[within].mean() > 0.8
        inside |= (stamps > span.start_ns - margin) & (stamps < span.end_ns + margin)
    assert 0.01 < speed[~inside].mean() < 0.2


def test_who_idles_breathes_and_sways_but_stays_put() -> None:
    scenes = list(source_of(duration_s=60.0).scenes())
    joints = np.stack([scene.skeletons[0].joints_m for scene in scenes])
    assert 0.01 < np.ptp(joints[:, Joint.NECK], axis=0).max() < 0.25
    assert np.ptp(joints[:, Joint.FOOT_LEFT], axis=0).max() < 0.01
    assert np.ptp(joints[:, Joint.NOSE], axis=0).max() > 0.02


def test_posture_is_changed_where_the_next_action_needs_it() -> None:
    labels = [span.label for span in spans_of(source_of((1.0, 'stand_up'), (1.0, 'sit_down')))]
    assert labels == ['sit_down', 'stand_up', 'sit_down']
    labels = [span.label for span in spans_of(source_of((1.0, 'sit_down'), (1.0, 'clap')))]
    assert labels == ['sit_down', 'stand_up', 'clap']


def test_who_sits_stays_seated_until_the_next_action() -> None:
    source = source_of((1.0, 'sit_down'), (9.0, 'clap'), duration_s=20.0)
    scenes = list(source.scenes())
    (sat, stood, _) = [span for scene in scenes for span in scene.finished]
    low = [
        scene.skeletons[0].joints_m[Joint.PELVIS, 1]
        for scene in scenes
        if sat.end_ns < scene.stamp_ns < stood.start_ns
    ]
    standing = scenes[0].skeletons[0].joints_m[Joint.PELVIS, 1]
    assert len(low) > 60
    assert min(low) > standing + 0.3  # y points down
    assert scenes[-1].skeletons[0].joints_m[Joint.PELVIS, 1] == pytest.approx(standing, abs=0.03)


def test_each_person_has_their_own_stream_of_actions() -> None:
    config = SimulationConfig(seed=2, persons=3, duration_s=60.0, actions='clap, bow,wave_left')
    by_body: dict[int, list[ActionSpan]] = {}
    for span in spans_of(source_from_config(config)):
        by_body.setdefault(span.body_id, []).append(span)
    assert set(by_body) == {1, 2, 3}
    for spans in by_body.values():
        assert {span.label for span in spans} == {'clap', 'bow', 'wave_left'}
        for first, second in pairwise(spans):
            assert second.start_ns - first.end_ns >= 2.0 * NS_PER_S
            assert first.end_ns > first.start_ns


def test_persons_stand_apart() -> None:
    source = source_from_config(SimulationConfig(persons=5, duration_s=1.0))
    frames = next(iter(source.scenes())).skeletons
    pelvis = np.array([frame.joints_m[Joint.PELVIS] for frame in frames])
    gaps = np.linalg.norm(pelvis[:, None] - pelvis[None], axis=2)
    assert gaps[~np.eye(5, dtype=np.bool_)].min() > 0.3


def test_a_hundred_persons_at_once() -> None:
    source = source_from_config(SimulationConfig(persons=100, duration_s=0.2, layout='common_15'))
    scenes = list(source.scenes())
    assert max(len(scene.skeletons) for scene in scenes) == 100


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_can_be_asked_for(layout: str) -> None:
    config = SimulationConfig(layout=layout, duration_s=0.5)
    for scene in source_from_config(config).scenes():
        for frame in scene.skeletons:
            assert frame.layout == layout
            assert frame.joints_m.shape == (LAYOUTS[layout].joint_count, 3)
            assert frame.joints_m.dtype == frame.confidence.dtype == np.float32


def test_without_a_duration_it_never_ends_and_close_ends_it() -> None:
    source = source_from_config(SimulationConfig())
    assert not source.live
    seen: list[Scene] = []
    for scene in source.scenes():
        seen.append(scene)
        if len(seen) == 500:
            source.close()
            source.close()
    assert len(seen) == 500
    assert list(source.scenes()) == []


def test_nobody_performing_is_an_empty_room() -> None:
    scenes = list(SimulatedSource([], PERFECT, 'coco_17', seed=1, duration_s=1.0).scenes())
    assert len(scenes) == 30
    assert not any(scene.skeletons or scene.finished for scene in scenes)


def test_a_shuffled_script_holds_every_action_once_a_round() -> None:
    script = shuffled(['clap', 'bow', 'squat'], seed=1)
    names = [name for _, name in islice(script, 9)]
    for first in (0, 3, 6):
        assert sorted(names[first : first + 3]) == ['bow', 'clap', 'squat']
    assert [name for _, name in islice(script, 9)] == names
    assert len(list(shuffled(['clap', 'bow'], seed=1, rounds=4))) == 8
    assert list(shuffled([], seed=1)) == []


def test_a_shuffled_script_stands_up_right_after_sitting_down() -> None:
    for seed in range(5):
        names = [name for _, name in shuffled(list(ACTIONS), seed, rounds=1)]
        assert names.index('stand_up') == names.index('sit_down') + 1


def test_bad_settings_are_refused_with_what_arrived() -> None:
    with pytest.raises(ConfigError, match='moonwalk'):
        source_from_config(SimulationConfig(actions='clap,moonwalk'))
    with pytest.raises(ConfigError, match='moonwalk'):
        shuffled(['moonwalk'], seed=1)
    with pytest.raises(ConfigError, match=r'\[1, 1\]'):
        SimulatedSource([Performance(Person(), 1, ())] * 2, PERFECT, 'k4abt_32', 1)
    with pytest.raises(UnknownLayoutError, match='kinect_v3'):
        SimulatedSource([], PERFECT, 'kinect_v3', 1)
    with pytest.raises(ConfigError, match=r'rate_hz.*500'):
        build(SimulationConfig, {'rate_hz': 500.0})


def test_the_defaults_of_the_configuration_are_those_of_the_sensor() -> None:
    defaults = {parameter.name: parameter.default for parameter in parameters_of(SimulationConfig)}
    sensor = Sensor()
    for name in ('rate_hz', 'noise_m', 'dropped_share', 'jitter_s', 'occluded_share'):
        assert defaults[name] == getattr(sensor, name)
