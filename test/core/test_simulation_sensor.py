from __future__ import annotations

import numpy as np
import pytest
from simulated import PERFECT, clean_clip

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.layouts import LAYOUTS, to_common_15
from skeleton_action_ros.core.layouts import Common15 as Common
from skeleton_action_ros.core.layouts import K4abt32 as Joint
from skeleton_action_ros.core.simulation import Person, Sensor, simulate_action
from skeleton_action_ros.core.simulation.outputs import to_layout
from skeleton_action_ros.core.simulation.sensor import Tracker, to_stamps
from skeleton_action_ros.core.skeleton import NS_PER_S

QUIET = {
    'noise_m': 0.0,
    'occluded_share': 0.0,
    'self_occlusion': False,
    'dropped_share': 0.0,
    'jitter_s': 0.0,
}


def watch(sensor: Sensor, joints_m: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return Tracker(sensor, np.random.default_rng(seed)).observe(joints_m)


def still(frames: int, person: Person | None = None) -> np.ndarray:
    """Return (T, 32, 3): one standing pose, held."""
    joints = clean_clip('clap', person=person or Person()).joints_m[0].astype(np.float64)
    return np.repeat(joints[None], frames, axis=0)


def test_a_perfect_sensor_sees_the_truth() -> None:
    truth = still(5)
    seen, confidence = watch(PERFECT, truth)
    np.testing.assert_array_equal(seen, truth)
    assert (confidence == 1.0).all()


def test_frames_come_at_the_rate_with_the_jitter_asked_for() -> None:
    sensor = Sensor(rate_hz=20.0, jitter_s=0.003, dropped_share=0.0)
    times, arrived = sensor.sample(100, 4000, np.random.default_rng(0))
    nominal = (100 + np.arange(4000)) / 20.0
    assert arrived.all()
    assert (times - nominal).std() == pytest.approx(0.003, rel=0.1)
    assert abs((times - nominal).mean()) < 0.0005


def test_stamps_rise_however_large_the_jitter() -> None:
    sensor = Sensor(rate_hz=60.0, jitter_s=1.0)
    times, _ = sensor.sample(0, 5000, np.random.default_rng(0))
    assert (np.diff(to_stamps(times, NS_PER_S)) > 0).all()


def test_frames_are_lost_as_often_as_asked() -> None:
    _, arrived = Sensor(dropped_share=0.3).sample(0, 10000, np.random.default_rng(1))
    assert 1.0 - arrived.mean() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize('rate_hz', [5.0, 30.0, 60.0])
def test_a_clip_has_the_rate_of_the_sensor(rate_hz: float) -> None:
    rng = np.random.default_rng(0)
    clip = simulate_action('bow', Person(), Sensor(**{**QUIET, 'rate_hz': rate_hz}), rng)
    np.testing.assert_allclose(np.diff(clip.stamps_ns) / NS_PER_S, 1.0 / rate_hz, atol=1e-8)


def test_lost_frames_leave_gaps_in_a_clip() -> None:
    rng = np.random.default_rng(0)
    clip = simulate_action('stretch', Person(), Sensor(**{**QUIET, 'dropped_share': 0.4}), rng)
    steps = np.round(np.diff(clip.stamps_ns) / NS_PER_S * 30.0)
    assert set(steps) >= {1.0, 2.0}
    assert 1.0 - len(clip) / (clip.duration_s * 30.0 + 1.0) == pytest.approx(0.4, abs=0.12)


def test_noise_is_as_large_as_asked_and_larger_at_hands_and_far_away() -> None:
    sensor = Sensor(**{**QUIET, 'noise_m': 0.005})
    near, far = still(6000, Person(z_m=2.5)), still(6000, Person(z_m=5.0))
    spread = {}
    for name, truth in (('near', near), ('far', far)):
        error = watch(sensor, truth)[0] - truth
        spread[name] = np.sqrt((error**2).mean(axis=(0, 2)))
    assert spread['near'][Joint.PELVIS] == pytest.approx(0.005, rel=0.2)
    assert spread['near'][Joint.HAND_LEFT] > 2.0 * spread['near'][Joint.PELVIS]
    assert spread['far'][Joint.PELVIS] > 1.2 * spread['near'][Joint.PELVIS]


def test_noise_wanders_rather_than_shakes() -> None:
    truth = still(3000)
    error = watch(Sensor(**{**QUIET, 'noise_m': 0.005}), truth)[0] - truth
    shake = np.diff(error, axis=0).std() / error.std()
    assert shake < 0.4  # independent errors would give the square root of 2


def test_noise_goes_on_from_call_to_call() -> None:
    truth = still(400)
    sensor = Sensor(**{**QUIET, 'noise_m': 0.005})
    tracker = Tracker(sensor, np.random.default_rng(0))
    error = np.concatenate([tracker.observe(truth[:10])[0] - truth[:10] for _ in range(40)])
    steps = np.linalg.norm(np.diff(error, axis=0), axis=2).mean(axis=1)
    assert steps[9::10].mean() < 1.3 * steps.mean()


def test_limbs_are_lost_as_often_as_asked_with_low_confidence_and_a_bad_guess() -> None:
    truth = still(20000)
    seen, confidence = watch(Sensor(**{**QUIET, 'occluded_share': 0.1}), truth)
    hidden = confidence < 1.0
    for joint in (Joint.HAND_LEFT, Joint.HAND_RIGHT, Joint.ANKLE_LEFT, Joint.FOOT_RIGHT):
        assert hidden[:, joint].mean() == pytest.approx(0.1, abs=0.03)
    assert not hidden[:, [Joint.PELVIS, Joint.NECK, Joint.HEAD]].any()
    assert (confidence[hidden] >= 0.05).all()
    assert (confidence[hidden] <= 0.35).all()
    error = np.linalg.norm(seen - truth, axis=2)
    assert error[:, Joint.HAND_LEFT][hidden[:, Joint.HAND_LEFT]].mean() > 0.05
    long_seen = ~hidden[:, Joint.PELVIS]
    assert error[long_seen][:, Joint.PELVIS].max() == 0.0


def test_the_trunk_hides_the_far_arm_of_who_stands_sideways() -> None:
    sensor = Sensor(**{**QUIET, 'self_occlusion': True})
    sideways = still(3, Person(heading_deg=90.0))
    _, confidence = watch(sensor, sideways)
    # Turned to their own left, the person shows the camera their right side.
    assert (confidence[:, Joint.ELBOW_LEFT] < 0.4).all()
    assert (confidence[:, [Joint.ELBOW_RIGHT, Joint.HAND_RIGHT, Joint.SHOULDER_RIGHT]] == 1.0).all()
    _, facing = watch(sensor, still(3))
    assert (facing == 1.0).all()


def test_joints_out_of_view_are_not_seen() -> None:
    sensor = Sensor(**{**QUIET, 'view_deg': (75.0, 65.0)})
    person = Person(x_m=1.2, z_m=2.0, camera_tilt_deg=0.0, camera_height_m=1.0)
    truth = still(2, person)
    seen, confidence = watch(sensor, truth)
    outside = np.abs(truth[..., 0]) > truth[..., 2] * np.tan(np.radians(37.5))
    assert 0 < outside[0].sum() < 20
    np.testing.assert_array_equal(confidence == 0.0, outside)
    assert not seen[outside].any()


def test_a_body_mostly_out_of_view_is_not_seen_at_all() -> None:
    person = Person(x_m=2.6, z_m=2.5)
    seen, confidence = watch(Sensor(**QUIET), still(2, person))
    assert not confidence.any()
    assert not seen.any()


@pytest.mark.parametrize(
    'wrong',
    [{'rate_hz': 0.0}, {'noise_m': -1.0}, {'dropped_share': 1.0}, {'occluded_share': float('nan')}],
)
def test_an_impossible_sensor_is_refused_with_the_value(wrong: dict[str, float]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=rf'{name}.*{value!r}'):
        Sensor(**wrong)


def clip_in(layout: str) -> tuple[np.ndarray, np.ndarray]:
    clip = clean_clip('throw', seed=2, layout=layout)
    return to_common_15(clip.joints_m, clip.confidence, layout)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_layouts_agree_on_the_joints_they_share(layout: str) -> None:
    expected, _ = clip_in('k4abt_32')
    joints, confidence = clip_in(layout)
    assert joints.shape == expected.shape
    given = confidence.min(axis=0) > 0.0
    assert given.all() == (layout not in ('mediapipe_33', 'coco_17'))
    assert given[[Common.HEAD, *range(Common.SHOULDER_LEFT, Common.FOOT_RIGHT + 1)]].all()
    # Wrist for hand, ankle for foot, and the middle of the head for the top of the neck.
    far_m = {'HAND': 0.15, 'FOOT': 0.25, 'HEAD': 0.13}
    if layout == 'kinect_v1_20':
        far_m |= {'HIP': 0.14}  # which its tracker sees high up
    error_m = np.linalg.norm(joints - expected, axis=2).max(axis=0)
    for joint in np.flatnonzero(given):
        name = Common(joint).name
        assert error_m[joint] < far_m.get(name.split('_')[0], 1e-5), name


def test_points_between_joints_are_where_a_face_and_a_foot_have_them() -> None:
    truth = still(1, Person(height_m=1.7, camera_tilt_deg=0.0, camera_height_m=1.0))
    joints, _ = to_layout(truth, np.ones((1, 32)), 'mediapipe_33')
    named = {joint.name: joints[0, joint] for joint in LAYOUTS['mediapipe_33'].joints}
    nose_y = named['NOSE'][1]
    for side, sign in (('LEFT', 1.0), ('RIGHT', -1.0)):
        assert 0.02 < named[f'MOUTH_{side}'][1] - nose_y < 0.08  # y points down
        assert sign * (named[f'MOUTH_{side}'][0] - named['NOSE'][0]) > 0.015
        assert named[f'EYE_INNER_{side}'][1] < nose_y
        heel, toes = named[f'HEEL_{side}'], named[f'FOOT_INDEX_{side}']
        assert 1.0 - heel[1] < 0.06  # near the floor
        assert 0.15 < np.linalg.norm(toes - heel) < 0.3
        assert heel[2] > toes[2] + 0.1  # toes point to the camera
        index, pinky, thumb = (named[f'{finger}_{side}'] for finger in ('INDEX', 'PINKY', 'THUMB'))
        assert np.linalg.norm(index - thumb) < np.linalg.norm(pinky - thumb)
        assert 0.02 < np.linalg.norm(index - pinky) < 0.12


def test_a_blended_joint_is_as_sure_as_its_least_sure_part() -> None:
    confidence = np.ones((1, 32))
    confidence[0, Joint.EYE_RIGHT] = 0.0
    confidence[0, Joint.HANDTIP_LEFT] = 0.2
    joints, out = to_layout(still(1), confidence, 'mediapipe_33')
    layout = LAYOUTS['mediapipe_33'].joints
    assert out[0, layout['EYE_INNER_LEFT']] == 0.0
    assert not joints[0, layout['EYE_INNER_LEFT']].any()
    assert out[0, layout['INDEX_LEFT']] == pytest.approx(0.2)
    assert out[0, layout['SHOULDER_LEFT']] == 1.0


def test_a_clip_shows_the_first_and_the_last_frame_however_many_are_lost() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        clip = simulate_action('bow', Person(), Sensor(**{**QUIET, 'dropped_share': 0.9}), rng)
        (span,) = clip.annotations
        assert clip.stamps_ns[0] == span.start_ns
        assert clip.stamps_ns[-1] >= span.end_ns - 5
