from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeleton_action_ros.adapters.body_tracking_markers import (
    BodyTrackingReader,
    frames_from_markers,
)
from skeleton_action_ros.core.layouts import K4abt32

STAMP_NS = 12_500_000_000
ARRIVED_NS = 12_750_000_000


def marker(
    body: int,
    joint: int,
    xyz: tuple[float, float, float] | None = None,
    *,
    stamp_ns: int = STAMP_NS,
    **changes: Any,
) -> SimpleNamespace:
    """Return a joint as the driver publishes it; where it is tells which joint of whom it is."""
    x, y, z = xyz or (body / 10, joint / 100, 2.0)
    fields = {
        'header': SimpleNamespace(
            stamp=SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9),
            frame_id='depth_camera_link',
        ),
        'ns': '',
        'id': body * 100 + joint,
        'type': 2,
        'action': 0,
        'pose': SimpleNamespace(position=SimpleNamespace(x=x, y=y, z=z)),
    }
    return SimpleNamespace(**{**fields, **changes})


def message(*markers: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(markers=list(markers))


def body(number: int, joints: int = 32, **changes: Any) -> list[SimpleNamespace]:
    return [marker(number, joint, **changes) for joint in range(joints)]


def test_joints_go_by_id_and_not_by_place() -> None:
    markers = body(1) + body(2)
    np.random.default_rng(3).shuffle(markers)
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert errors == []
    assert scene.stamp_ns == STAMP_NS
    assert [frame.body_id for frame in scene.skeletons] == [1, 2]
    for frame in scene.skeletons:
        assert (frame.stamp_ns, frame.layout) == (STAMP_NS, 'k4abt_32')
        expected = [(frame.body_id / 10, joint / 100, 2.0) for joint in range(32)]
        np.testing.assert_allclose(frame.joints_m, expected, atol=1e-7)
        assert (frame.confidence == 1.0).all()


@pytest.mark.parametrize('joints', [25, 26])
def test_what_older_sdks_do_not_give_is_masked(joints: int) -> None:
    scene, errors = frames_from_markers(message(*body(1, joints)), ARRIVED_NS)
    assert errors == []
    [frame] = scene.skeletons
    assert frame.confidence.tolist() == [1.0] * joints + [0.0] * (32 - joints)


# The first SDK's joints in its order, with a person who stands 2 m away: x, y (down), z in metres.
FIRST_SDK = {
    'PELVIS': (0.0, 0.0), 'SPINE_NAVEL': (0.0, -0.2), 'SPINE_CHEST': (0.0, -0.35),
    'NECK': (0.0, -0.55), 'CLAVICLE_LEFT': (0.05, -0.5), 'SHOULDER_LEFT': (0.2, -0.5),
    'ELBOW_LEFT': (0.25, -0.2), 'WRIST_LEFT': (0.25, 0.05), 'CLAVICLE_RIGHT': (-0.05, -0.5),
    'SHOULDER_RIGHT': (-0.2, -0.5), 'ELBOW_RIGHT': (-0.25, -0.2), 'WRIST_RIGHT': (-0.25, 0.05),
    'HIP_LEFT': (0.1, 0.0), 'KNEE_LEFT': (0.1, 0.4), 'ANKLE_LEFT': (0.1, 0.8),
    'FOOT_LEFT': (0.1, 0.85), 'HIP_RIGHT': (-0.1, 0.0), 'KNEE_RIGHT': (-0.1, 0.4),
    'ANKLE_RIGHT': (-0.1, 0.8), 'FOOT_RIGHT': (-0.1, 0.85), 'HEAD': (0.0, -0.7),
    'NOSE': (0.0, -0.7), 'EYE_LEFT': (0.03, -0.73), 'EAR_LEFT': (0.07, -0.71),
    'EYE_RIGHT': (-0.03, -0.73), 'EAR_RIGHT': (-0.07, -0.71),
}  # fmt: skip


@pytest.mark.parametrize('count', [25, 26])
def test_joints_of_the_first_sdk_are_known_by_their_own_numbers(count: int) -> None:
    given = list(FIRST_SDK.items())[:count]
    markers = [marker(1, number, (x, y, 2.0)) for number, (_, (x, y)) in enumerate(given)]
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert errors == []
    [frame] = scene.skeletons
    for name, (x, y) in given:
        assert frame.joints_m[K4abt32[name]] == pytest.approx((x, y, 2.0)), name
    missing = {K4abt32(joint).name for joint in np.flatnonzero(frame.confidence == 0.0)}
    assert missing == {joint.name for joint in K4abt32} - {name for name, _ in given}


@pytest.mark.parametrize('count', [25, 26])
def test_the_first_joints_of_the_later_sdk_are_not_taken_for_the_first_sdks(count: int) -> None:
    here = [FIRST_SDK.get(joint.name, (0.3, 0.1)) for joint in K4abt32][:count]
    markers = [marker(1, number, (x, y, 2.0)) for number, (x, y) in enumerate(here)]
    scene, _ = frames_from_markers(message(*markers), ARRIVED_NS)
    [frame] = scene.skeletons
    assert frame.confidence.tolist() == [1.0] * count + [0.0] * (32 - count)
    assert frame.joints_m[K4abt32.ANKLE_LEFT] == pytest.approx((0.1, 0.8, 2.0))


def test_nobody_in_view_has_the_time_of_arrival() -> None:
    scene, errors = frames_from_markers(message(), ARRIVED_NS)
    assert (scene.stamp_ns, scene.skeletons, errors) == (ARRIVED_NS, (), [])


def test_stamp_0_is_replaced_by_the_time_of_arrival() -> None:
    scene, errors = frames_from_markers(message(*body(1, stamp_ns=0)), ARRIVED_NS)
    assert errors == []
    assert scene.skeletons[0].stamp_ns == scene.stamp_ns == ARRIVED_NS


@pytest.mark.parametrize(
    ('stray', 'message_part'),
    [
        ({'ns': 'bones'}, "namespace of a joint is empty, got 'bones'"),
        ({'type': 1}, 'got type 1 action 0'),
        ({'action': 1}, 'got type 2 action 1'),
        ({'id': -5}, 'got -5'),
        ({'id': 132}, 'joint 0 to 31, got 132'),
    ],
)
def test_other_markers_are_counted_and_hurt_nobody(
    stray: dict[str, Any], message_part: str
) -> None:
    markers = [*body(1), marker(1, 3, **stray), marker(1, 3, **stray)]
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert len(scene.skeletons) == 1
    [error] = errors
    assert error.reason == 'marker'
    assert str(error).startswith('2 markers left out')
    assert message_part in str(error)


@pytest.mark.parametrize('action', [2, 3])
def test_deletions_are_no_joints_and_no_errors(action: int) -> None:
    markers = [marker(0, 0, action=action, stamp_ns=0), *body(1)]
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert [frame.body_id for frame in scene.skeletons] == [1]
    assert errors == []


def test_a_joint_that_comes_again_is_counted_and_the_first_stands() -> None:
    markers = [*body(1), marker(1, K4abt32.HEAD, (9.0, 9.0, 9.0))]
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert scene.skeletons[0].joints_m[K4abt32.HEAD, 2] == 2.0
    assert 'id 126 comes again' in str(errors[0])


def test_one_bad_body_does_not_hurt_the_others() -> None:
    bad = [marker(1, joint, (0.0, 0.0, 2000.0)) for joint in range(32)]
    lost = [marker(2, joint, (float('nan'),) * 3) for joint in range(32)]
    scene, errors = frames_from_markers(message(*bad, *lost, *body(3)), ARRIVED_NS)
    assert [frame.body_id for frame in scene.skeletons] == [3]
    assert [error.reason for error in errors] == ['not_metres', 'empty_body']


def test_a_nan_joint_is_masked() -> None:
    markers = body(1)
    markers[4] = marker(1, 4, (float('nan'), 0.0, 2.0))
    scene, errors = frames_from_markers(message(*markers), ARRIVED_NS)
    assert errors == []
    assert np.flatnonzero(scene.skeletons[0].confidence == 0.0).tolist() == [4]


class TestBodyTrackingReader:
    def test_time_does_not_jump_back_when_somebody_comes_into_view(self) -> None:
        """Tracking takes 0.25 s: arrival is that much later than the stamp."""
        reader = BodyTrackingReader()
        stamps = []
        for frame in range(30):
            stamp_ns = STAMP_NS + frame * 33_000_000
            in_view = frame % 10 < 5
            markers = body(1, stamp_ns=stamp_ns) if in_view else []
            scene, _ = reader.read(message(*markers), stamp_ns + 250_000_000)
            stamps.append(scene.stamp_ns)
        assert stamps == [STAMP_NS + frame * 33_000_000 for frame in range(30)]

    def test_before_anybody_was_seen_arrival_counts(self) -> None:
        scene, _ = BodyTrackingReader().read(message(), ARRIVED_NS)
        assert scene.stamp_ns == ARRIVED_NS

    def test_a_hurried_empty_array_does_not_overtake_the_last_scene(self) -> None:
        reader = BodyTrackingReader()
        reader.read(message(*body(1)), STAMP_NS + 250_000_000)
        scene, _ = reader.read(message(), STAMP_NS + 240_000_000)
        assert scene.stamp_ns == STAMP_NS + 1

    def test_a_clock_that_was_set_back_is_followed(self) -> None:
        reader = BodyTrackingReader()
        reader.read(message(*body(1)), STAMP_NS)
        scene, _ = reader.read(message(), STAMP_NS - 5_000_000_000)
        assert scene.stamp_ns == STAMP_NS - 5_000_000_000


number = st.floats(width=64)


@settings(max_examples=150, deadline=None)
@given(
    markers=st.lists(
        st.builds(
            lambda xyz, changes: marker(1, 0, xyz, **changes),
            st.tuples(number, number, number),
            st.fixed_dictionaries(
                {},
                optional={
                    'id': st.integers(-(2**31), 2**31 - 1) | st.integers(100, 340),
                    'type': st.integers(0, 11),
                    'action': st.integers(0, 3),
                    'ns': st.sampled_from(('', 'x')),
                    'stamp_ns': st.integers(0, 2**60),
                },
            ),
        ),
        max_size=40,
    )
)
def test_whatever_arrives_bodies_are_whole_or_left_out(markers: list[SimpleNamespace]) -> None:
    scene, _ = frames_from_markers(message(*markers), ARRIVED_NS)
    assert scene.stamp_ns > 0
    for frame in scene.skeletons:
        assert frame.joints_m.shape == (32, 3)
        assert np.isfinite(frame.joints_m).all()
        assert frame.confidence.any()
