from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skeleton_action_ros.core.config import build, parameters_of
from skeleton_action_ros.core.enrollment import (
    Capture,
    Captured,
    CaptureRequest,
    Enroller,
    EnrollmentConfig,
    EnrollmentError,
    PendingCapture,
)
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, Template
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.people import RecentPeople
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip, Scene, SkeletonFrame

START_NS = 1_700_000_000 * NS_PER_S
RATE_HZ = 30
STANDING_M = {
    'HEAD': (0.0, -0.7, 0.0),
    'NECK': (0.0, -0.5, 0.0),
    'TORSO': (0.0, -0.25, 0.0),
    'SHOULDER_LEFT': (0.2, -0.5, 0.0),
    'ELBOW_LEFT': (0.25, -0.25, 0.0),
    'HAND_LEFT': (0.25, 0.0, 0.0),
    'SHOULDER_RIGHT': (-0.2, -0.5, 0.0),
    'ELBOW_RIGHT': (-0.25, -0.25, 0.0),
    'HAND_RIGHT': (-0.25, 0.0, 0.0),
    'HIP_LEFT': (0.1, 0.0, 0.0),
    'KNEE_LEFT': (0.1, 0.4, 0.0),
    'FOOT_LEFT': (0.1, 0.8, 0.0),
    'HIP_RIGHT': (-0.1, 0.0, 0.0),
    'KNEE_RIGHT': (-0.1, 0.4, 0.0),
    'FOOT_RIGHT': (-0.1, 0.8, 0.0),
}
MOVING = [Common15.ELBOW_RIGHT, Common15.HAND_RIGHT]


def standing(distance_m: float) -> NDArray[np.float32]:
    joints = np.array([STANDING_M[joint.name] for joint in Common15], np.float32)
    return joints + np.array([0.0, 0.0, distance_m], np.float32)


def lift_m(time_s: float, motions: list[tuple[float, float]]) -> float:
    """Up and down at 1 m/s, that is 2 trunk lengths/s, a quarter metre high, during each motion."""
    for start_s, end_s in motions:
        if start_s <= time_s <= end_s:
            phase = (time_s - start_s) % 0.5
            return min(phase, 0.5 - phase)
    return 0.0


def frame(
    time_s: float, motions: list[tuple[float, float]], body_id: int = 1, distance_m: float = 2.0
) -> SkeletonFrame:
    joints = standing(distance_m)
    joints[MOVING, 1] -= lift_m(time_s, motions)
    stamp_ns = START_NS + round(time_s * NS_PER_S)
    return SkeletonFrame(stamp_ns, body_id, 'common_15', joints, np.ones(15, np.float32))


class Stage:
    """Feeds an enroller with persons who stand still or move an arm, 30 scenes a second."""

    def __init__(self, config: EnrollmentConfig | None = None) -> None:
        self.enroller = Enroller(config or EnrollmentConfig())
        self.gallery = Gallery()
        self.index = 0

    @property
    def now_ns(self) -> int:
        """The stamp of the last scene."""
        return START_NS + round((self.index - 1) / RATE_HZ * NS_PER_S)

    def show(
        self,
        until_s: float,
        *motions: tuple[float, float],
        people: dict[int, float] | None = None,
    ) -> None:
        """Go on until a time; body 1 moves during `motions`, the others stand still."""
        people = {1: 2.0} if people is None else people
        while self.index / RATE_HZ <= until_s:
            time_s = self.index / RATE_HZ
            frames = tuple(
                frame(time_s, list(motions) if body == 1 else [], body, distance_m)
                for body, distance_m in people.items()
            )
            self.enroller.push(Scene(START_NS + round(time_s * NS_PER_S), frames))
            self.index += 1

    def ask(
        self,
        label: str = 'wave',
        capture: int = Capture.LAST_MOTION,
        duration_s: float = 0.0,
        body_id: int = -1,
        replace: bool = False,
    ) -> Captured | PendingCapture:
        request = CaptureRequest(label, capture, duration_s, body_id, replace)
        return self.enroller.capture(request, self.gallery, self.now_ns)

    def refusal(self, **request: object) -> EnrollmentError:
        with pytest.raises(EnrollmentError) as caught:
            self.ask(**request)  # type: ignore[arg-type]
        return caught.value


def span_s(captured: Captured | PendingCapture | None) -> tuple[float, float]:
    assert isinstance(captured, Captured)
    stamps = captured.clip.stamps_ns
    return (int(stamps[0]) - START_NS) / NS_PER_S, (int(stamps[-1]) - START_NS) / NS_PER_S


def assert_covers(captured: Captured | PendingCapture | None, start_s: float, end_s: float) -> None:
    """The clip holds the motion and at most half a second more on each side."""
    first_s, last_s = span_s(captured)
    assert start_s - 0.5 <= first_s <= start_s + 0.01
    assert end_s - 0.01 <= last_s <= end_s + 0.5


def test_last_motion_is_found_and_trimmed() -> None:
    stage = Stage()
    stage.show(7.0, (3.0, 5.0))
    captured = stage.ask(' wave ')
    assert_covers(captured, 3.0, 5.0)
    assert isinstance(captured, Captured)
    assert (captured.label, captured.clip.label) == ('wave', 'wave')
    assert (captured.body_id, captured.capture) == (1, Capture.LAST_MOTION)
    assert captured.clip.layout == 'common_15'


def test_captured_frames_are_those_of_the_sensor() -> None:
    stage = Stage()
    stage.show(7.0, (3.0, 5.0))
    captured = stage.ask()
    assert isinstance(captured, Captured)
    for stamp_ns, joints in zip(captured.clip.stamps_ns, captured.clip.joints_m, strict=True):
        expected = frame((int(stamp_ns) - START_NS) / NS_PER_S, [(3.0, 5.0)])
        assert np.allclose(joints, expected.joints_m, atol=1e-6)


def test_of_two_motions_the_last_is_taken() -> None:
    stage = Stage()
    stage.show(9.0, (2.0, 3.5), (5.5, 7.0))
    assert_covers(stage.ask(), 5.5, 7.0)


def test_a_short_pause_does_not_end_the_motion() -> None:
    stage = Stage()
    stage.show(9.0, (2.0, 3.5), (3.9, 6.0))
    assert_covers(stage.ask(), 2.0, 6.0)


def test_motion_that_goes_on_is_not_taken_but_the_finished_one_before_it_is() -> None:
    stage = Stage()
    stage.show(7.0, (2.0, 3.5), (6.0, 99.0))
    assert_covers(stage.ask(), 2.0, 3.5)


def test_motion_that_goes_on_alone_is_refused_until_it_has_ended() -> None:
    stage = Stage()
    stage.show(5.0, (3.0, 5.2))
    refusal = stage.refusal()
    assert refusal.reason == 'still_moving'
    assert 'body 1 is still moving' in str(refusal)
    stage.show(7.0, (3.0, 5.2))
    assert_covers(stage.ask(), 3.0, 5.2)


def test_older_motion_is_not_taken_for_one_that_has_just_stopped() -> None:
    stage = Stage()
    stage.show(7.3, (2.0, 4.0), (5.0, 7.0))
    refusal = stage.refusal()
    assert refusal.reason == 'still_moving'
    assert 'stopped just now' in str(refusal)
    stage.show(8.0, (2.0, 4.0), (5.0, 7.0))
    assert_covers(stage.ask(), 5.0, 7.0)


def test_motion_of_too_long_ago_is_refused() -> None:
    stage = Stage()
    stage.show(14.5, (2.0, 4.0))
    refusal = stage.refusal()
    assert refusal.reason == 'no_motion'
    assert 'in the last 10.0 s' in str(refusal)


def test_person_who_stands_still_is_refused() -> None:
    stage = Stage()
    stage.show(5.0)
    assert stage.refusal().reason == 'no_motion'
    refusal = stage.refusal(capture=Capture.PAST, duration_s=3.0)
    assert refusal.reason == 'too_little_movement'
    assert 'peak was 0.00 trunk lengths/s; an action needs 0.7 for 0.3 s' in str(refusal)


def test_past_is_cut_to_the_duration_and_trimmed() -> None:
    stage = Stage()
    stage.show(8.0, (1.0, 2.0), (6.0, 7.0))
    assert_covers(stage.ask(capture=Capture.PAST, duration_s=4.0), 6.0, 7.0)
    assert_covers(stage.ask(capture=Capture.PAST, duration_s=8.0), 1.0, 7.0)


def test_past_may_be_in_the_middle_of_a_motion() -> None:
    stage = Stage()
    stage.show(8.0, (2.0, 99.0))
    first_s, last_s = span_s(stage.ask(capture=Capture.PAST, duration_s=2.0))
    assert first_s == pytest.approx(6.0, abs=0.04)
    assert last_s == pytest.approx(8.0, abs=0.04)


def test_past_without_a_duration_takes_the_default() -> None:
    stage = Stage(build(EnrollmentConfig, {'default_duration_s': 2.0}))
    stage.show(8.0, (0.0, 99.0))
    first_s, last_s = span_s(stage.ask(capture=Capture.PAST))
    assert last_s - first_s == pytest.approx(2.0, abs=0.04)


@pytest.mark.parametrize('capture', [Capture.PAST, Capture.NEXT])
@pytest.mark.parametrize('duration_s', [-1.0, 0.2, 10.1, math.nan, math.inf])
def test_duration_out_of_range_is_refused(capture: Capture, duration_s: float) -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    refusal = stage.refusal(capture=capture, duration_s=duration_s)
    assert refusal.reason == 'duration'
    assert f'from 0.3 to 10 s, or 0 for 3 s, got {duration_s!r}' in str(refusal)


def test_last_motion_ignores_the_duration() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    assert_covers(stage.ask(duration_s=-7.0), 1.0, 3.0)


def test_next_waits_for_the_duration_and_trims() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=4.0)
    assert isinstance(pending, PendingCapture)
    assert stage.enroller.poll(pending, stage.now_ns) is None
    stage.show(8.9, (6.0, 7.5))
    assert stage.enroller.poll(pending, stage.now_ns) is None
    stage.show(9.2, (6.0, 7.5))
    captured = stage.enroller.poll(pending, stage.now_ns)
    assert_covers(captured, 6.0, 7.5)
    assert captured is not None
    assert captured.capture is Capture.NEXT


def test_next_takes_nothing_from_before_it_was_asked_for() -> None:
    stage = Stage()
    stage.show(5.0, (2.0, 99.0))
    pending = stage.ask(capture=Capture.NEXT, duration_s=2.0)
    assert isinstance(pending, PendingCapture)
    stage.show(8.0, (2.0, 99.0))
    first_s, last_s = span_s(stage.enroller.poll(pending, stage.now_ns))
    assert first_s == pytest.approx(5.0, abs=0.04)
    assert last_s == pytest.approx(7.0, abs=0.04)


def test_next_fails_when_the_person_leaves() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=4.0)
    assert isinstance(pending, PendingCapture)
    stage.show(6.0, (5.2, 6.0))
    stage.show(6.9, people={})
    assert stage.enroller.poll(pending, stage.now_ns) is None
    stage.show(7.2, people={})
    with pytest.raises(EnrollmentError, match=r"body 1 left.*'wave'") as caught:
        stage.enroller.poll(pending, stage.now_ns)
    assert caught.value.reason == 'person_left'


def test_next_fails_when_another_person_gets_the_same_id() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=4.0)
    assert isinstance(pending, PendingCapture)
    stage.show(6.0)
    stage.show(7.5, people={})
    stage.show(10.0, (8.0, 9.0))
    with pytest.raises(EnrollmentError, match='left'):
        stage.enroller.poll(pending, stage.now_ns)


def test_next_fails_when_the_sensor_stops() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=4.0)
    assert isinstance(pending, PendingCapture)
    assert stage.enroller.poll(pending, stage.now_ns + NS_PER_S) is None
    with pytest.raises(EnrollmentError, match='left'):
        stage.enroller.poll(pending, stage.now_ns + NS_PER_S + 1)


def test_next_fails_after_clear() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=4.0)
    assert isinstance(pending, PendingCapture)
    stage.enroller.clear()
    stage.show(12.0, (6.0, 8.0))
    with pytest.raises(EnrollmentError, match='left'):
        stage.enroller.poll(pending, stage.now_ns)


def test_next_of_somebody_who_stands_still_is_refused() -> None:
    stage = Stage()
    stage.show(5.0, (2.0, 4.5))
    pending = stage.ask(capture=Capture.NEXT, duration_s=2.0)
    assert isinstance(pending, PendingCapture)
    stage.show(8.0)
    with pytest.raises(EnrollmentError, match='moved too little') as caught:
        stage.enroller.poll(pending, stage.now_ns)
    assert caught.value.reason == 'too_little_movement'


def test_next_is_over_also_when_the_clock_runs_ahead_of_the_sensor() -> None:
    stage = Stage()
    stage.show(5.0)
    pending = stage.ask(capture=Capture.NEXT, duration_s=3.0)
    assert isinstance(pending, PendingCapture)
    stage.show(7.9, (6.0, 7.0))
    assert stage.enroller.poll(pending, stage.now_ns + NS_PER_S // 2) is None
    stage.show(8.1, (6.0, 7.0))
    assert_covers(stage.enroller.poll(pending, stage.now_ns + NS_PER_S // 2), 6.0, 7.0)


def test_nobody_in_view_is_refused() -> None:
    stage = Stage()
    assert stage.refusal().reason == 'nobody'
    stage.show(5.0, (1.0, 3.0))
    stage.show(6.2, people={})
    refusal = stage.refusal()
    assert (refusal.reason, str(refusal)) == ('nobody', 'nobody is in view')


def test_stream_that_has_stopped_shows_nobody_and_says_how_old_it_is() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    with pytest.raises(EnrollmentError, match=r'the last skeleton is 7\.0 s old') as caught:
        stage.enroller.capture(CaptureRequest('wave'), Gallery(), stage.now_ns + 7 * NS_PER_S)
    assert caught.value.reason == 'nobody'


def test_person_who_vanishes_for_less_than_a_second_is_still_in_view() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    stage.show(5.9, people={})
    assert_covers(stage.ask(), 1.0, 3.0)


def test_person_who_was_away_for_longer_begins_anew() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    stage.show(6.2, people={})
    stage.show(8.0)
    assert stage.refusal().reason == 'no_motion'


def test_nearest_person_is_taken_when_clearly_nearest() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={7: 3.0, 1: 2.0, 9: 4.0})
    captured = stage.ask()
    assert isinstance(captured, Captured)
    assert captured.body_id == 1


def test_several_persons_at_about_the_same_distance_are_refused_with_their_ids() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={7: 2.4, 1: 2.0})
    refusal = stage.refusal()
    assert refusal.reason == 'several_people'
    assert 'nearest by 0.5 m' in str(refusal)
    assert '1 at 2.0 m, 7 at 2.4 m' in str(refusal)


def test_person_may_be_named_by_id() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={7: 1.0, 1: 2.0})
    captured = stage.ask(body_id=1)
    assert isinstance(captured, Captured)
    assert captured.body_id == 1
    assert stage.refusal(body_id=7).reason == 'no_motion'


def test_person_without_a_joint_seen_is_never_the_nearest() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={1: 2.0})
    hidden = SkeletonFrame(
        stage.now_ns, 9, 'common_15', np.zeros((15, 3), np.float32), np.zeros(15, np.float32)
    )
    stage.enroller.push(Scene(stage.now_ns, (hidden,)))
    captured = stage.ask()
    assert isinstance(captured, Captured)
    assert captured.body_id == 1


def test_unknown_id_is_refused_with_those_in_view() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={7: 3.0, 1: 2.0})
    refusal = stage.refusal(body_id=4)
    assert refusal.reason == 'unknown_body'
    assert 'body 4 is not in view; in view are: 1 at 2.0 m, 7 at 3.0 m' in str(refusal)


def test_person_just_seen_is_too_short() -> None:
    stage = Stage()
    stage.show(0.2, (0.0, 99.0))
    refusal = stage.refusal(capture=Capture.PAST, duration_s=3.0)
    assert refusal.reason == 'too_short'
    assert '0.20 s' in str(refusal)


def test_single_frame_is_too_short() -> None:
    stage = Stage()
    stage.show(0.0)
    assert stage.refusal(capture=Capture.PAST).reason == 'too_short'
    assert stage.refusal().reason == 'no_motion'


def test_motion_that_lasts_too_long_is_refused() -> None:
    stage = Stage()
    stage.show(16.0, (2.0, 14.5))
    refusal = stage.refusal()
    assert refusal.reason == 'too_long'
    assert 'more than 10 s' in str(refusal)


def test_longest_motion_is_whole_even_when_it_ended_some_time_ago() -> None:
    stage = Stage()
    stage.show(20.5, (2.0, 11.5))
    assert_covers(stage.ask(), 2.0, 11.5)


@pytest.mark.parametrize(
    ('label', 'why'),
    [('', 'empty'), ('x' * 65, '64'), ('wa\x1bve', 'control'), ('idle', 'reserved')],
)
def test_unfit_label_is_refused_before_all_else(label: str, why: str) -> None:
    refusal = Stage().refusal(label=label)
    assert refusal.reason == 'label'
    assert why in str(refusal)


def test_full_gallery_is_refused_but_not_a_replacement() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    clip = Clip(
        np.ones((1, 15, 3), np.float32),
        np.ones((1, 15), np.float32),
        np.array([1], np.int64),
        'common_15',
    )
    full = Gallery(config=GalleryConfig(max_templates=1))
    stage.gallery = full.add(Template('a', 'wave', clip, 0.0, 1, ''))
    for refusal in (stage.refusal(), stage.refusal(label='bow', replace=True)):
        assert refusal.reason == 'gallery_full'
        assert 'max_templates is 1' in str(refusal)
    assert_covers(stage.ask(replace=True), 1.0, 3.0)


def test_unknown_capture_mode_is_refused() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    refusal = stage.refusal(capture=3)
    assert refusal.reason == 'capture'
    assert '0 (LAST_MOTION), 1 (PAST), 2 (NEXT), got 3' in str(refusal)


def show_masked(hidden: list[Common15]) -> Stage:
    stage = Stage()
    for index in range(6 * RATE_HZ):
        shown = frame(index / RATE_HZ, [(1.0, 3.0)])
        shown.confidence[hidden] = 0.0
        shown.joints_m[hidden] = 0.0
        stage.enroller.push(Scene(shown.stamp_ns, (shown,)))
        stage.index += 1
    return stage


def test_demonstration_with_most_joints_hidden_is_refused() -> None:
    arms = {*MOVING, Common15.SHOULDER_RIGHT, Common15.SHOULDER_LEFT, Common15.HIP_LEFT}
    refusal = show_masked([joint for joint in Common15 if joint not in arms]).refusal()
    assert refusal.reason == 'poorly_seen'
    assert 'only 33% of the joints of body 1 were seen, at least 50%' in str(refusal)


def test_demonstration_that_cannot_be_placed_is_refused() -> None:
    refusal = show_masked([Common15.HIP_LEFT, Common15.SHOULDER_LEFT]).refusal()
    assert refusal.reason == 'poorly_seen'
    assert 'both hips or both shoulders' in str(refusal)


def test_demonstration_without_legs_in_view_is_taken() -> None:
    legs = [Common15.KNEE_LEFT, Common15.FOOT_LEFT, Common15.KNEE_RIGHT, Common15.FOOT_RIGHT]
    assert_covers(show_masked(legs).ask(), 1.0, 3.0)


def test_frames_out_of_order_are_left_out_and_counted() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    late = frame(4.0, [])
    late.joints_m[...] = 50.0
    stage.enroller.push(Scene(late.stamp_ns, (late,)))
    again = frame(5.0, [])
    stage.enroller.push(Scene(again.stamp_ns, (again, again)))
    assert stage.enroller.counts == {'out_of_order': 3}
    captured = stage.ask(capture=Capture.PAST, duration_s=5.0)
    assert isinstance(captured, Captured)
    assert captured.clip.joints_m.max() < 10.0


def test_one_person_too_many_is_left_out_until_somebody_leaves() -> None:
    stage = Stage(build(EnrollmentConfig, {'max_people': 2}))
    stage.show(0.0, people={1: 2.0, 2: 3.0, 3: 4.0})
    assert stage.enroller.counts == {'too_many_people': 1}
    assert stage.enroller.people == 2
    stage.show(2.0, people={3: 4.0})
    assert stage.enroller.people == 1
    assert 'in view are: 3 at 4.0 m' in str(stage.refusal(body_id=1))


def test_history_is_bounded() -> None:
    people = RecentPeople(history_s=2.0, gone_after_s=1.0, max_people=4)
    for index in range(10 * RATE_HZ + 1):
        people.push(Scene(0, (frame(index / RATE_HZ, []),)))
    (visit,) = people.in_view(START_NS + 10 * NS_PER_S)
    stamps = [one.stamp_ns for one in visit.frames]
    assert stamps[-1] == START_NS + 10 * NS_PER_S
    assert stamps[0] >= START_NS + 8 * NS_PER_S
    assert len(stamps) == 2 * RATE_HZ + 1


def test_other_layout_of_the_same_id_begins_anew() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    joints = np.ones((17, 3), np.float32)
    other = SkeletonFrame(stage.now_ns + 33_000_000, 1, 'coco_17', joints, np.ones(17, np.float32))
    stage.enroller.push(Scene(other.stamp_ns, (other,)))
    assert stage.refusal().reason == 'no_motion'


def test_captured_becomes_a_template_that_says_where_it_is_from() -> None:
    stage = Stage()
    stage.show(5.0, (1.0, 3.0))
    captured = stage.ask()
    assert isinstance(captured, Captured)
    template = captured.to_template(taught_ns=77, threshold=0.5, source='kinect')
    assert (template.label, template.taught_ns, template.threshold) == ('wave', 77, 0.5)
    assert template.source == 'kinect, body 1, last motion'
    assert template.clip is captured.clip
    assert len(Gallery().add(template)) == 1


def test_configuration_becomes_parameters() -> None:
    names = {parameter.name for parameter in parameters_of(EnrollmentConfig)}
    assert {'recent_s', 'longest_s', 'nearest_margin_m', 'motion.quiet_s'} <= names


def test_id_that_is_asked_for_is_the_one_that_is_shown_now() -> None:
    """The tracker swaps its ids after the motion: what 1 did is now asked for as 2."""
    stage = Stage()
    stage.show(5.0, (1.0, 3.0), people={1: 2.0, 2: 4.0})
    before = stage.ask(body_id=1)
    stage.show(5.5, (1.0, 3.0), people={2: 2.0, 1: 4.0})
    captured = stage.ask(body_id=2)
    assert isinstance(before, Captured)
    assert isinstance(captured, Captured)
    assert captured.body_id == 2
    assert captured.clip.joints_m[:, Common15.HIP_LEFT, 2].tolist() == [2.0] * len(captured.clip)
    assert np.array_equal(captured.clip.joints_m, before.clip.joints_m)
    assert stage.enroller.identity_counts == {'swapped_back': 2}
