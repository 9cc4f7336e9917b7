"""Dumps of the Azure Kinect's body tracking, in every form that is found, whole and broken."""

from __future__ import annotations

import json
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skeleton_action_ros.adapters.k4abt_dumps import read_dump
from skeleton_action_ros.adapters.sources.k4abt_json import K4abtJsonConfig, K4abtJsonSource
from skeleton_action_ros.core.errors import SkeletonActionError, SourceError, reason_of
from skeleton_action_ros.core.layouts import K4abt32
from skeleton_action_ros.core.skeleton import ActionSpan, Scene

MS = 1_000_000
HEADER = ['Pelvis', 'SpineNavel', 'HandTipLeft']


def body_mm(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform((-500, -900, 1500), (500, 900, 2500), (32, 3)).round(3)


def listed(timestamp: str, body_id: int = 1, seed: int = 0, level: int = 2) -> dict[str, Any]:
    return {
        'timestamp': timestamp,
        'body_id': body_id,
        'joints': [
            {
                'position': {'x': x, 'y': y, 'z': z},
                'orientation': {'x': 0, 'y': 0, 'z': 0, 'w': 1},
                'confidence_level': level,
            }
            for x, y, z in body_mm(seed).tolist()
        ],
    }


def read(path: Path, rate_hz: float = 30.0) -> tuple[list[Scene], Counter[str]]:
    refused: Counter[str] = Counter()

    def refuse(error: SkeletonActionError) -> None:
        refused[reason_of(error)] += 1

    return list(read_dump(path, refuse, rate_hz)), refused


def written(tmp_path: Path, what: Any, name: str = 'dump.json') -> Path:
    path = tmp_path / name
    path.write_text(what if isinstance(what, str) else json.dumps(what))
    return path


def test_a_list_of_bodies_has_its_own_times_and_millimetres(tmp_path: Path) -> None:
    items = [
        listed('2024-06-06T18:45:48.238540', 1, seed=1),
        listed('2024-06-06T18:45:48.238540', 7, seed=2, level=1),
        listed('2024-06-06T20:45:48.338540+02:00', 1, seed=3),
    ]
    items[0]['joints'][K4abt32.NOSE]['confidence_level'] = 0
    (first, second), refused = read(written(tmp_path, items))
    assert not refused
    assert first.stamp_ns == 1717699548_238_540_000
    assert second.stamp_ns - first.stamp_ns == 100 * MS
    assert [body.body_id for body in first.skeletons] == [1, 7]
    expected_m = body_mm(1) / 1000
    expected_m[K4abt32.NOSE] = 0.0
    np.testing.assert_allclose(first.skeletons[0].joints_m, expected_m, atol=1e-6)
    assert first.skeletons[0].confidence[K4abt32.NOSE] == 0.0
    assert (np.delete(first.skeletons[0].confidence, K4abt32.NOSE) == 1.0).all()
    assert (first.skeletons[1].confidence == 0.5).all()


def test_half_a_body_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    half = listed('2024-06-06T18:45:48.3')
    half['joints'] = half['joints'][:17]
    words = listed('2024-06-06T18:45:48.5')
    words['joints'][3]['position']['x'] = 'left'
    items = [
        listed('2024-06-06T18:45:48.200000'),
        {**half, 'timestamp': '2024-06-06T18:45:48.300000'},
        {**listed('x'), 'timestamp': 'yesterday'},
        {**words, 'timestamp': '2024-06-06T18:45:48.500000'},
        {**listed('x', level=9), 'timestamp': '2024-06-06T18:45:48.550000'},
        listed('2024-06-06T18:45:48.100000'),
        17,
        listed('2024-06-06T18:45:48.600000'),
        listed('2024-06-06T18:45:48.600000', seed=4),
    ]
    scenes, refused = read(written(tmp_path, items))
    assert [len(scene.skeletons) for scene in scenes] == [1, 0, 0, 0, 1]
    assert refused == {
        'joint_count': 1,
        'stamp': 2,
        'malformed': 1,
        'confidence_range': 1,
        'out_of_order': 1,
        'duplicate_body': 1,
    }


def test_what_no_message_can_carry_is_counted(tmp_path: Path) -> None:
    items = [
        listed('2024-06-06T18:45:48.1', body_id=2**32),
        listed('2024-06-06T18:45:48.2', body_id=2**32 - 1),
        listed('2040-01-01T00:00:00.0'),
    ]
    for item in items:
        item['timestamp'] += '00000'
    refused: list[SkeletonActionError] = []
    path = written(tmp_path, items)
    ids = [body.body_id for scene in read_dump(path, refused.append) for body in scene.skeletons]
    assert ids == [2**32 - 1]
    assert [getattr(error, 'reason', '') for error in refused] == ['body_id', 'stamp']
    assert 'from 0 to 4294967295, got 4294967296' in str(refused[0])


def test_a_list_that_was_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    text = json.dumps([listed(f'2024-06-06T18:45:4{second}') for second in range(3)])
    scenes, refused = read(written(tmp_path, text[:-200]))
    assert len(scenes) == 2
    assert refused == {'cut_off': 1}


def test_the_offline_processors_frames_are_read_by_the_names_of_the_joints(tmp_path: Path) -> None:
    names = [joint.name for joint in K4abt32][::-1]
    document = {
        'joint_names': names,
        'frames': [
            {
                'timestamp_usec': 700_000,
                'num_bodies': 1,
                'bodies': [{'body_id': 3, 'joint_positions': body_mm(5)[::-1].tolist()}],
            },
            {'timestamp_usec': 733_000, 'num_bodies': 0, 'bodies': []},
            {
                'timestamp_usec': 766_000,
                'num_bodies': 1,
                'bodies': [{'body_id': 3, 'joint_positions': body_mm(5)[:16].tolist()}],
            },
            {'num_bodies': 0},
        ],
    }
    (first, empty, half), refused = read(written(tmp_path, document))
    np.testing.assert_allclose(first.skeletons[0].joints_m, body_mm(5) / 1000, atol=1e-6)
    assert first.skeletons[0].body_id == 3
    assert empty.skeletons == half.skeletons == ()
    assert (empty.stamp_ns - first.stamp_ns, half.stamp_ns - first.stamp_ns) == (33 * MS, 66 * MS)
    assert refused == {'joint_count': 1, 'malformed': 1}


def gesture(frames: int, **changes: Any) -> dict[str, Any]:
    values = np.zeros((32, 3))
    values[K4abt32.HAND_RIGHT] = (1.0, 0.5, 2.0)  # right, up, in front
    weights = np.full(32, 0.75)
    weights[K4abt32.NOSE] = 0.0
    weights[K4abt32.HAND_LEFT] = 0.375
    frame = {'jointCount': 32, 'values': values.reshape(-1).tolist(), 'weights': weights.tolist()}
    sample = {'frameCount': frames, 'durationSeconds': 2.0, 'sampleRate': 15.0, **changes}
    return {'gestureName': 'Push', 'samples': [{**sample, 'frames': [frame] * frames}]}


def test_a_gesture_is_put_in_front_of_the_camera_and_is_its_own_truth(tmp_path: Path) -> None:
    scenes, refused = read(written(tmp_path, gesture(5)))
    assert not refused
    assert np.diff([scene.stamp_ns for scene in scenes]).tolist() == [500 * MS] * 4
    body = scenes[0].skeletons[0]
    np.testing.assert_allclose(body.joints_m[K4abt32.PELVIS], (0.0, 0.0, 2.5), atol=1e-6)
    # Facing the camera: her right is the image's left, up is less y, in front is nearer.
    np.testing.assert_allclose(
        body.joints_m[K4abt32.HAND_RIGHT], (-0.33, -0.165, 2.5 - 0.66), atol=1e-6
    )
    assert body.confidence[[K4abt32.NOSE, K4abt32.HAND_LEFT, K4abt32.HEAD]].tolist() == [0, 0.5, 1]
    truth = ActionSpan('Push', scenes[0].stamp_ns, scenes[-1].stamp_ns, 1)
    assert [scene.finished for scene in scenes] == [(), (), (), (), (truth,)]


def test_a_gesture_without_duration_goes_by_its_rate(tmp_path: Path) -> None:
    scenes, _ = read(written(tmp_path, gesture(3, durationSeconds=0.0, sampleRate=20.0)))
    assert np.diff([scene.stamp_ns for scene in scenes]).tolist() == [50 * MS] * 2


@pytest.mark.parametrize('changes', [{'durationSeconds': None}, {'sampleRate': 0.0}])
def test_a_sample_without_any_time_is_counted(tmp_path: Path, changes: dict[str, Any]) -> None:
    document = gesture(3, **{'durationSeconds': 0.0, **changes})
    scenes, refused = read(written(tmp_path, document))
    assert (scenes, refused) == ([], {'malformed': 1})


@pytest.mark.parametrize(('unit', 'suffix'), [(1.0, 'm'), (1000.0, 'mm')])
def test_csv_is_metres_or_millimetres(tmp_path: Path, unit: float, suffix: str) -> None:
    rows = ['0.1 0.2 1.5', '0.1 -0.3 1.4', '0.4 0.5 1.1'], ['0.2 0.2 1.6', '', '0.4 0.5 1.2']
    lines = [','.join(HEADER)]
    for row in rows:
        cells = (' '.join(str(float(x) * unit) for x in cell.split()) for cell in row)
        lines.append(','.join(cells))
    path = written(tmp_path, '\ufeff' + '\r\n'.join(lines) + '\r\n', f'{suffix}.csv')
    (first, second), refused = read(path, rate_hz=10.0)
    assert not refused
    assert second.stamp_ns - first.stamp_ns == 100 * MS
    joints = [K4abt32.PELVIS, K4abt32.SPINE_NAVEL, K4abt32.HANDTIP_LEFT]
    np.testing.assert_allclose(
        first.skeletons[0].joints_m[joints],
        [(0.1, 0.2, 1.5), (0.1, -0.3, 1.4), (0.4, 0.5, 1.1)],
        atol=1e-6,
    )
    assert np.flatnonzero(first.skeletons[0].confidence).tolist() == joints
    assert np.flatnonzero(second.skeletons[0].confidence).tolist() == [joints[0], joints[2]]


def test_a_broken_row_leaves_a_gap_and_the_times_of_the_others(tmp_path: Path) -> None:
    lines = [
        'Pelvis,Head',
        '0 0.2 1.5,0 -0.5 1.5',
        '0 0.2 1.5',
        '0 0.2,0 -0.5 1.5',
        ',',
        '0 0.2 1.6,0 -0.5 1.6',
    ]
    scenes, refused = read(written(tmp_path, '\n'.join(lines), 'rows.csv'), rate_hz=10.0)
    assert scenes[1].stamp_ns - scenes[0].stamp_ns == 400 * MS
    assert len(scenes) == 2
    assert refused == {'joint_count': 1, 'malformed': 1, 'empty_body': 1}


@pytest.mark.parametrize(
    ('name', 'text', 'words'),
    [
        ('a.json', '', 'is no JSON'),
        ('a.json', '{"samples": [', 'cut off'),
        ('a.json', '{"people": []}', "got \\['people'\\]"),
        ('a.json', '[]', 'holds no body'),
        ('a.json', '3', 'got 3'),
        ('a.json', '{"frames": [], "joint_names": ["Knee"]}', "got 'Knee'"),
        ('a.csv', '', 'got nothing'),
        ('a.csv', 'Pelvis,Pelvis\n0 0 1,0 0 1', "got 'Pelvis'"),
        ('a.csv', 'time,x,y\n1,2,3', "got 'time'"),
    ],
)
def test_what_is_no_dump_is_named_with_what_is_in_it(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    path = written(tmp_path, text, name)
    with pytest.raises(SourceError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'dump.json'
    path.write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(SourceError, match='cannot be read'):
        read(path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(['timestamp', 'body_id', 'joints', 'frames', 'samples', 'values', 'bodies',
                         'timestamp_usec', 'joint_positions', 'joint_names', 'sampleRate']),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def check(path: Path) -> None:
    """Whatever the file holds: scenes that rise and are sound, or an error of this package."""
    scenes: list[Scene] = []
    try:
        scenes, _ = read(path)
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017 - an error is allowed, not required
    stamps = [scene.stamp_ns for scene in scenes]
    assert stamps == sorted(set(stamps))
    for body in (body for scene in scenes for body in scene.skeletons):
        assert body.joints_m.shape == (32, 3)
        assert np.isfinite(body.joints_m).all()
        assert body.confidence.any()


SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(document=ANYTHING)
def test_any_json_is_read_or_refused(tmp_path: Path, document: Any) -> None:
    check(written(tmp_path, document))


@SETTINGS
@given(text=st.text(string.printable, max_size=200))
def test_any_csv_is_read_or_refused(tmp_path: Path, text: str) -> None:
    check(written(tmp_path, 'Pelvis,Head\n' + text, 'a.csv'))


@SETTINGS
@given(data=st.data())
def test_a_dump_with_anything_in_one_place_is_read_or_refused(tmp_path: Path, data: Any) -> None:
    item = listed('2024-06-06T18:45:48.2')
    offline = {
        'frames': [
            {
                'timestamp_usec': 5,
                'bodies': [{'body_id': 1, 'joint_positions': body_mm().tolist()}],
            }
        ]
    }
    document: Any = data.draw(st.sampled_from([[item], offline, gesture(2)]))
    place = document
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
            place[key] = data.draw(ANYTHING)
            break
        place = place[key]
    check(written(tmp_path, document))


def test_a_folder_plays_its_dumps_one_after_the_other(tmp_path: Path) -> None:
    written(tmp_path, 'no dump', 'a.json')
    written(tmp_path, gesture(5), 'b.json')
    written(tmp_path, 'Pelvis\n0 0 1.5\n0 0 1.6\n', 'c.csv')
    source = K4abtJsonSource(tmp_path, K4abtJsonConfig(rate_hz=20.0))
    assert not source.live
    for _ in range(2):  # each reading begins again
        stamps = [scene.stamp_ns for scene in source.scenes()]
        assert np.diff(stamps).tolist() == [500 * MS] * 4 + [1500 * MS, 50 * MS]
    assert source.refused['unreadable'] == 2
    source.close()
    source.close()
    assert list(source.scenes()) == []


def test_nothing_to_play_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='found none'):
        K4abtJsonSource(tmp_path)
    with pytest.raises(SourceError, match='found none'):
        K4abtJsonSource(tmp_path / 'missing.json')
    written(tmp_path, 'nothing', 'a.json')
    written(tmp_path, 'nothing', 'b.json')
    with pytest.raises(SourceError, match='none of 2 dumps is usable'):
        list(K4abtJsonSource(tmp_path).scenes())


@pytest.mark.parametrize(
    ('file', 'frames', 'duration_s', 'labels'),
    [
        ('her-32joints-2.6fps.json', 85, 33.2, []),
        ('26_07_15_56_53.csv', 309, 10.3, []),
        ('bodyweight_squat_side_view.csv', 326, 10.8, []),
        ('gestureframework/Idle.json', 54, 3.7, ['Idle']),
        ('gestureframework/LeftToRight.json', 53, 3.6, ['LeftToRight']),
        ('gestureframework/TopToDown.json', 58, 4.0, ['TopToDown']),
    ],
)
def test_real_dumps_show_a_person_of_human_size_in_front_of_the_camera(
    recordings: Path, file: str, frames: int, duration_s: float, labels: list[str]
) -> None:
    source = K4abtJsonSource(recordings / 'azure-kinect' / 'json' / file)
    scenes = list(source.scenes())
    assert not source.refused
    assert len(scenes) == frames
    assert (scenes[-1].stamp_ns - scenes[0].stamp_ns) / 1e9 == pytest.approx(duration_s, abs=0.05)
    assert [span.label for scene in scenes for span in scene.finished] == labels
    joints = np.stack([scene.skeletons[0].joints_m for scene in scenes])
    trunk_m = np.linalg.norm(joints[:, K4abt32.NECK] - joints[:, K4abt32.PELVIS], axis=1)
    assert 0.35 < np.median(trunk_m) < 0.65
    assert (joints[:, K4abt32.NECK, 1] < joints[:, K4abt32.PELVIS, 1]).mean() > 0.9  # y is down
    assert 0.3 < np.median(joints[:, K4abt32.PELVIS, 2]) < 3.0
