from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import PERFECT, clean_clip

from skeleton_action_ros.core.errors import ConfigError, UnknownLayoutError
from skeleton_action_ros.core.layouts import K4abt32 as Joint
from skeleton_action_ros.core.layouts import to_common_15
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.simulation import (
    ACTIONS,
    Person,
    Sensor,
    draw_person,
    simulate_action,
)
from skeleton_action_ros.core.skeleton import NS_PER_S

EVERYDAY = {
    *('wave_right', 'wave_left', 'clap', 'punch_right', 'punch_left', 'kick_right', 'kick_left'),
    *('bow', 'squat', 'jump', 'sit_down', 'stand_up', 'pick_up', 'throw', 'raise_both_arms'),
    *('point_right', 'drink', 'phone_call', 'walk_on_the_spot', 'turn_around', 'lunge'),
    *('arm_circles', 'push', 'pull', 'salute', 'cross_arms', 'stretch', 'check_watch'),
}


ARM_PARTS = {'ELBOW', 'WRIST', 'HAND', 'HANDTIP', 'THUMB'}


def travelled(joints: np.ndarray, joint: Joint) -> float:
    return float(np.linalg.norm(np.diff(joints[:, joint], axis=0), axis=1).sum())


def apart(joints: np.ndarray, first: Joint, second: Joint) -> np.ndarray:
    return np.linalg.norm(joints[:, first] - joints[:, second], axis=1)


def test_knows_the_everyday_actions() -> None:
    assert set(ACTIONS) >= EVERYDAY
    assert all(name == action.name for name, action in ACTIONS.items())


@pytest.mark.parametrize('name', ACTIONS)
def test_a_clip_says_what_it_shows_and_when(name: str) -> None:
    person = draw_person(np.random.default_rng(2))
    clip = simulate_action(
        name, person, PERFECT, np.random.default_rng(3), start_ns=5 * NS_PER_S, margin_s=0.5
    )
    assert (clip.label, clip.subject, clip.layout) == (name, person.name, 'k4abt_32')
    (span,) = clip.annotations
    assert span.label == name
    assert clip.stamps_ns[0] == 5 * NS_PER_S
    assert span.start_ns == 5 * NS_PER_S + NS_PER_S // 2
    assert -5 <= clip.stamps_ns[-1] - (span.end_ns + NS_PER_S // 2) < NS_PER_S / 30


@pytest.mark.parametrize('name', ACTIONS)
def test_takes_about_its_nominal_time(name: str) -> None:
    durations = [clean_clip(name, seed=seed).duration_s for seed in range(9)]
    assert np.median(durations) == pytest.approx(ACTIONS[name].duration_s, rel=0.3)
    assert min(durations) > 0.6
    assert max(durations) < 8.0


@pytest.mark.parametrize('name', ACTIONS)
def test_the_span_is_where_the_body_leaves_and_regains_its_rest(name: str) -> None:
    """Idling goes on all the time, so what counts is displacement well above it."""
    clip = clean_clip(name, seed=6, margin_s=0.6)
    (span,) = clip.annotations
    joints, stamps = clip.joints_m, clip.stamps_ns
    before, after = stamps < span.start_ns, stamps > span.end_ns
    from_start = np.linalg.norm(joints - joints[before][-1], axis=2).max(axis=1)
    from_end = np.linalg.norm(joints - joints[after][0], axis=2).max(axis=1)
    assert from_start[before].max() < 0.1
    assert from_end[after].max() < 0.1
    soon = (stamps > span.start_ns) & (stamps < span.start_ns + NS_PER_S // 3)
    late = (stamps < span.end_ns) & (stamps > span.end_ns - NS_PER_S // 3)
    assert from_start[soon].max() > 0.04
    assert from_end[late].max() > 0.04
    during = (stamps >= span.start_ns) & (stamps <= span.end_ns)
    assert speed(joints[during]) > 2.0 * max(speed(joints[before]), speed(joints[after]))


def speed(joints: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=2).max(axis=1).mean())


def test_without_a_margin_the_clip_is_the_action() -> None:
    clip = clean_clip('clap', seed=1)
    (span,) = clip.annotations
    assert span.start_ns == clip.stamps_ns[0]
    assert -5 <= clip.stamps_ns[-1] - span.end_ns < NS_PER_S / 30


@pytest.mark.parametrize('heading_deg', [-50.0, 0.0, 50.0])
def test_who_faces_the_camera_has_their_right_at_smaller_x(heading_deg: float) -> None:
    person = Person(heading_deg=heading_deg)
    joints = clean_clip('wave_right', person=person).joints_m
    for part in ('SHOULDER', 'HIP', 'ANKLE', 'EAR'):
        assert (joints[:, Joint[f'{part}_RIGHT'], 0] < joints[:, Joint[f'{part}_LEFT'], 0]).all()


@pytest.mark.parametrize('handedness', ['left', 'right'])
@pytest.mark.parametrize('action', ['wave', 'point'])
@pytest.mark.parametrize(('side', 'other'), [('RIGHT', 'LEFT'), ('LEFT', 'RIGHT')])
def test_a_label_with_a_side_moves_that_hand(
    action: str, side: str, other: str, handedness: str
) -> None:
    person = Person(handedness=handedness)
    joints = clean_clip(f'{action}_{side.lower()}', person=person).joints_m
    moved, kept = (travelled(joints, Joint[f'HAND_{each}']) for each in (side, other))
    assert moved > 1.0
    assert kept < 0.2 * moved


@pytest.mark.parametrize(('side', 'other'), [('RIGHT', 'LEFT'), ('LEFT', 'RIGHT')])
def test_a_label_with_a_side_kicks_with_that_foot(side: str, other: str) -> None:
    joints = clean_clip(f'kick_{side.lower()}', person=Person(handedness='left')).joints_m
    assert travelled(joints, Joint[f'ANKLE_{side}']) > 1.0
    assert travelled(joints, Joint[f'ANKLE_{other}']) < 0.1


@pytest.mark.parametrize(('side', 'other'), [('RIGHT', 'LEFT'), ('LEFT', 'RIGHT')])
def test_handedness_chooses_the_side_that_a_label_leaves_open(side: str, other: str) -> None:
    joints = clean_clip('drink', person=Person(handedness=side.lower())).joints_m
    assert apart(joints, Joint[f'HAND_{side}'], Joint.NOSE).min() < 0.2
    assert apart(joints, Joint[f'HAND_{other}'], Joint.NOSE).min() > 0.5


def test_hands_and_feet_go_where_the_action_takes_them() -> None:
    clap = clean_clip('clap').joints_m
    assert apart(clap, Joint.HAND_LEFT, Joint.HAND_RIGHT).min() < 0.12
    phone = clean_clip('phone_call').joints_m
    assert apart(phone, Joint.HAND_RIGHT, Joint.EAR_RIGHT).min() < 0.15
    person = Person(camera_tilt_deg=0.0, camera_height_m=1.0)
    picked = 1.0 - clean_clip('pick_up', person=person).joints_m[:, Joint.HAND_RIGHT, 1]
    assert picked.min() < 0.3
    raised = clean_clip('raise_both_arms', person=person).joints_m
    assert (raised[:, Joint.HAND_LEFT, 1] < raised[:, Joint.HEAD, 1] - 0.2).any()
    jumped = (
        1.0 - clean_clip('jump', person=person).joints_m[:, [Joint.FOOT_LEFT, Joint.FOOT_RIGHT]]
    )
    assert jumped[..., 1].min(axis=1).max() > 0.1  # both feet in the air at once
    bowed = clean_clip('bow', person=person).joints_m
    assert np.ptp(bowed[:, Joint.HEAD, 1]) > 0.15
    assert np.ptp(bowed[:, Joint.ANKLE_LEFT, 1]) < 0.02


def test_turning_around_goes_full_circle() -> None:
    joints = clean_clip('turn_around', person=Person()).joints_m.astype(np.float64)
    across = joints[:, Joint.HIP_RIGHT] - joints[:, Joint.HIP_LEFT]
    angle = np.unwrap(np.arctan2(across[:, 2], across[:, 0]))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2.0 * np.pi, abs=0.25)


def test_sitting_down_ends_where_standing_up_begins() -> None:
    person = Person(habit_seed=7)
    down = clean_clip('sit_down', person=person).joints_m[-1]
    up = clean_clip('stand_up', person=person).joints_m[0]
    still = [joint for joint in Joint if not set(joint.name.split('_')) & ARM_PARTS]
    assert np.linalg.norm(down[still] - up[still], axis=1).max() < 0.1


def test_a_fast_person_is_faster() -> None:
    slow, fast = (
        clean_clip('wave_right', person=Person(speed=speed)).duration_s for speed in (0.7, 1.4)
    )
    assert fast < 0.65 * slow


def test_a_person_of_large_gestures_lifts_their_arms_higher() -> None:
    reach = [
        np.ptp(clean_clip('point_right', person=Person(amplitude=amplitude)).joints_m[:, 15, 1])
        for amplitude in (0.6, 1.0)
    ]
    assert reach[1] > 1.3 * reach[0]


def test_two_persons_differ_and_one_person_repeats_themselves() -> None:
    """Habits are the person's: their own repetitions resemble each other more."""
    config = PreprocessConfig()
    gaps_own, gaps_other = [], []
    for name in ACTIONS:
        persons = [Person(habit_seed=1), Person(habit_seed=2)]
        first, again, other = (
            prepare(clean_clip(name, seed=seed, person=person), config)[0]
            for seed, person in enumerate((persons[0], persons[0], persons[1]))
        )
        gaps_own.append(np.abs(first - again).mean())
        gaps_other.append(np.abs(first - other).mean())
    assert min(gaps_own) > 0.0
    assert np.mean(gaps_other) > 1.1 * np.mean(gaps_own)
    assert (np.array(gaps_other) > np.array(gaps_own)).mean() > 0.7


def test_drawn_persons_vary_within_their_bounds() -> None:
    rng = np.random.default_rng(0)
    persons = [draw_person(rng) for _ in range(300)]
    assert all(1.5 <= person.height_m <= 2.0 for person in persons)
    assert all(1.5 <= person.z_m <= 4.0 for person in persons)
    assert all(-60.0 <= person.heading_deg <= 60.0 for person in persons)
    left_handed = sum(person.handedness == 'left' for person in persons)
    assert 10 <= left_handed <= 60  # 10 % of 300
    assert np.std([person.height_m for person in persons]) > 0.05
    assert np.std([person.speed for person in persons]) > 0.1
    assert len({person.name for person in persons}) == 300


def test_an_override_changes_nothing_else() -> None:
    drawn = draw_person(np.random.default_rng(5))
    given = draw_person(np.random.default_rng(5), name='Ada', speed=2.0)
    assert (given.name, given.speed) == ('Ada', 2.0)
    assert (given.height_m, given.habit_seed, given.x_m) == (
        drawn.height_m,
        drawn.habit_seed,
        drawn.x_m,
    )


@pytest.mark.parametrize(
    'wrong', [{'handedness': 'both'}, {'height_m': 17.0}, {'speed': 0.0}, {'z_m': float('nan')}]
)
def test_an_impossible_person_is_refused_with_the_value(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        Person(**wrong)  # type: ignore[arg-type]


def test_an_unknown_action_is_refused_with_those_known() -> None:
    with pytest.raises(ConfigError, match=r"'moonwalk'.*wave_right"):
        clean_clip('moonwalk')


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(UnknownLayoutError, match='k4abt_33'):
        clean_clip('clap', layout='k4abt_33')


@pytest.mark.parametrize('name', ['wave_right', 'jog_on_the_spot'])
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    def record(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        clip = simulate_action(name, draw_person(rng), Sensor(), rng)
        parts = (clip.joints_m, clip.confidence, clip.stamps_ns)
        return b''.join(part.tobytes() for part in parts)

    assert record(11) == record(11)
    assert record(11) != record(12)


def test_motion_is_smooth() -> None:
    """At 120 Hz neither a joint's place nor its speed jumps; a hand reaches some 10 m/s at most."""
    sensor = replace(PERFECT, rate_hz=120.0)
    for name in ACTIONS:
        rng = np.random.default_rng(8)
        clip = simulate_action(name, draw_person(rng), sensor, rng, margin_s=0.3)
        velocity = np.diff(clip.joints_m.astype(np.float64), axis=0) * 120.0
        assert np.linalg.norm(velocity, axis=2).max() < 16.0, name
        assert np.linalg.norm(np.diff(velocity, axis=0), axis=2).max() < 6.5, name


def nearest_neighbour_accuracy(references: int, queries: int, seed: int) -> float:
    """Compare prepared clips of different persons by masked Euclidean distance, naively."""
    rng = np.random.default_rng(seed)
    config = PreprocessConfig()
    persons = []
    for _ in range(references + queries):
        person = draw_person(rng, handedness='right')
        persons.append(
            {
                name: prepare(simulate_action(name, person, Sensor(), rng), config)
                for name in ACTIONS
            }
        )
    right = 0
    for query in persons[references:]:
        for name, (joints, mask) in query.items():
            distances = {}
            for reference in persons[:references]:
                for other, (other_joints, other_mask) in reference.items():
                    both = np.minimum(mask, other_mask)[..., None]
                    gap = float((both * (joints - other_joints) ** 2).sum() / both.sum())
                    distances[other] = min(gap, distances.get(other, np.inf))
            right += min(distances, key=lambda other: distances[other]) == name
    return right / (queries * len(ACTIONS))


def test_actions_are_told_apart_across_persons() -> None:
    assert nearest_neighbour_accuracy(references=5, queries=2, seed=0) > 0.9


def test_common_joints_are_finite_and_seen_in_a_good_view() -> None:
    clip = clean_clip('jumping_jack')
    joints, confidence = to_common_15(clip.joints_m, clip.confidence, clip.layout)
    assert np.isfinite(joints).all()
    assert (confidence == 1.0).all()
