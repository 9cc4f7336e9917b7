"""Every data set's parser on files made here, joint by joint, as its owners describe the format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_files import (
    MSR_ROWS,
    RAISED_BY_RIGHT_HAND_M,
    UTD_ROWS,
    WRITERS,
    in_sdk_axes,
    rows,
    write_florence,
    write_msr,
    write_ntu,
    write_sbu,
    write_ucla,
    write_utd,
    write_utkinect,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.adapters.datasets.base import DatasetClip
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.layouts import KinectV1, KinectV2, OpenNI15, get_layout


def read(name: str, path: Path) -> list[DatasetClip]:
    return list(DATASETS[name].read(path))


def test_there_is_a_fixture_for_every_data_set() -> None:
    assert WRITERS.keys() == DATASETS.keys()


@pytest.mark.parametrize('name', DATASETS)
def test_file_that_is_given_as_an_example_is_one(name: str) -> None:
    assert DATASETS[name].pattern.fullmatch(DATASETS[name].example)


@pytest.mark.parametrize('name', WRITERS)
def test_every_joint_arrives_where_it_is_in_the_optical_frame(name: str, tmp_path: Path) -> None:
    item = read(name, WRITERS[name](tmp_path))[0]
    layout = get_layout(item.clip.layout).joints
    assert item.clip.joints_m.shape == (2, len(layout), 3)
    for frame in range(2):
        for joint in layout:
            x, y, z = in_sdk_axes(joint.name.lower(), frame)
            np.testing.assert_allclose(
                item.clip.joints_m[frame, joint], (-x, -y, z), atol=1e-6, err_msg=joint.name
            )
    assert (item.clip.confidence == 1.0).all()


@pytest.mark.parametrize('name', WRITERS)
def test_left_stays_left_and_up_stays_up(name: str, tmp_path: Path) -> None:
    clip = read(name, WRITERS[name](tmp_path))[0].clip
    layout = get_layout(clip.layout).joints
    joint = {member.name: clip.joints_m[:, member] for member in layout}
    assert (joint['SHOULDER_RIGHT'][:, 0] < joint['SHOULDER_LEFT'][:, 0]).all()
    assert (joint['HEAD'][:, 1] < joint['FOOT_LEFT'][:, 1]).all()
    travel = {side: np.ptp(joint[f'HAND_{side}'][:, 1]) for side in ('LEFT', 'RIGHT')}
    assert travel['RIGHT'] == pytest.approx(RAISED_BY_RIGHT_HAND_M, abs=1e-5)
    assert travel['LEFT'] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ('name', 'label', 'action', 'subject', 'trial', 'view', 'step_ns'),
    [
        ('utd-mhad', 'right_hand_wave', 3, 2, '4', None, 33_333_333),
        ('msr-action3d', 'high_arm_wave', 1, 2, '3', None, 66_666_667),
        ('utkinect', '', 0, 1, '1', None, 66_666_667),
        ('nw-ucla', 'donning', 7, 3, '1', 2, 66_666_667),
        ('florence3d', 'wave', 1, 1, '1', None, 50_000_000),
        ('ntu', 'put_on_headphone', 61, 8, 'S018R002', 3, 33_333_333),
    ],
)
def test_who_does_what_and_when(
    name: str,
    label: str,
    action: int,
    subject: int,
    trial: str,
    view: int | None,
    step_ns: int,
    tmp_path: Path,
) -> None:
    path = WRITERS[name](tmp_path)
    item = read(name, path)[0]
    assert (item.clip.label, item.action) == (label, action)
    assert (item.clip.subject, item.subject) == (f's{subject}', subject)
    assert (item.trial, item.view, item.path, item.body) == (trial, view, path, 0)
    assert np.diff(item.clip.stamps_ns).tolist() == [step_ns]


@pytest.mark.parametrize(
    ('name', 'count', 'some'),
    [
        ('utd-mhad', 27, {1: 'right_arm_swipe_left', 14: 'baseball_swing_from_right'}),
        ('msr-action3d', 20, {1: 'high_arm_wave', 12: 'side_boxing', 20: 'pick_up_and_throw'}),
        ('utkinect', 10, {1: 'walk', 10: 'clap_hands'}),
        ('nw-ucla', 10, {1: 'pick_up_with_one_hand', 10: 'carry'}),
        ('florence3d', 9, {3: 'answer_phone', 9: 'bow'}),
        ('ntu', 120, {1: 'drink_water', 43: 'fall', 60: 'walk_apart_from_each_other',
                      91: 'open_box', 120: 'rock_paper_scissors'}),
        ('sbu', 8, {1: 'approach', 6: 'hug', 8: 'punch'}),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_published_list(
    name: str, count: int, some: dict[int, str]
) -> None:
    labels = DATASETS[name].labels
    assert list(labels) == list(range(1, count + 1))
    assert len(set(labels.values())) == count
    assert {number: labels[number] for number in some} == some


@pytest.mark.parametrize('name', WRITERS)
def test_a_folder_of_other_things_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('nothing')
    with pytest.raises(DatasetError, match='found none'):
        read(name, tmp_path)
    with pytest.raises(DatasetError, match='found nothing'):
        read(name, tmp_path / 'nowhere')
    with pytest.raises(DatasetError, match=r'notes\.txt'):
        read(name, tmp_path / 'notes.txt')


def test_files_are_read_in_order_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / 'deep').mkdir()
    write_msr(tmp_path / 'deep', name='a01_s01_e01_skeleton3D.txt')
    write_msr(tmp_path, name='a02_s01_e01_skeleton3D.txt')
    assert [item.action for item in read('msr-action3d', tmp_path)] == [2, 1]


class TestMissingJoints:
    def test_msr_frames_of_zeros_are_dropped_and_their_time_passes(self, tmp_path: Path) -> None:
        path = write_msr(tmp_path, frames=3)
        lines = path.read_text().splitlines()
        lines[20:40] = ['0.000000 0.000000 0.000000 0.000000'] * 20
        path.write_text('\n'.join(lines))
        [item] = read('msr-action3d', path)
        assert item.clip.stamps_ns.tolist() == [0, 133_333_333]

    def test_a_file_of_zeros_yields_nothing(self, tmp_path: Path) -> None:
        path = write_msr(tmp_path)
        path.write_text('0.000000 0.000000 0.000000 0.000000\n' * 40)
        assert read('msr-action3d', path) == []

    def test_msr_limbs_with_confidence_0_are_masked_and_derived_joints_are_weak(
        self, tmp_path: Path
    ) -> None:
        path = write_msr(tmp_path)
        lines = path.read_text().splitlines()
        lines[:20] = [line.replace('1.000000', '0.000000') for line in lines[:20]]
        lines[10] = lines[10].replace('0.000000', '0.250000')
        path.write_text('\n'.join(lines))
        [item] = read('msr-action3d', path)
        expected = dict.fromkeys(MSR_ROWS, 0.0)
        for joint in ('shoulder_center', 'spine', 'hip_center', 'foot_left', 'foot_right'):
            expected[joint] = 0.5
        expected['wrist_right'] = 0.25
        got = {joint.name.lower(): item.clip.confidence[0, joint] for joint in KinectV1}
        assert got == expected

    def test_ucla_joints_with_z_0_are_masked(self, tmp_path: Path) -> None:
        path = write_ucla(tmp_path)
        content = json.loads(path.read_text())
        content['skeletons'][1][3][2] = 0.0
        path.write_text(json.dumps(content))
        [item] = read('nw-ucla', path)
        assert np.argwhere(item.clip.confidence == 0.0).tolist() == [[1, KinectV1.HEAD]]
        assert item.clip.joints_m[1, KinectV1.HEAD].tolist() == [0.0, 0.0, 0.0]

    def test_utd_nan_is_masked(self, tmp_path: Path) -> None:
        path = tmp_path / 'a3_s2_t4_skeleton.mat'
        skeletons = rows(UTD_ROWS, 2).transpose(1, 2, 0)
        skeletons[0, 1, 0] = np.nan
        savemat(path, {'d_skel': skeletons})
        [item] = read('utd-mhad', path)
        assert np.argwhere(item.clip.confidence == 0.0).tolist() == [[0, KinectV1.HEAD]]

    @pytest.mark.parametrize(('state', 'confidence'), [(0, 0.0), (1, 0.5), (2, 1.0)])
    def test_ntu_tracking_state_is_confidence(
        self, state: int, confidence: float, tmp_path: Path
    ) -> None:
        path = write_ntu(tmp_path)
        lines = path.read_text().splitlines()
        lines[4] = lines[4][:-1] + str(state)
        path.write_text('\n'.join(lines))
        [item] = read('ntu', path)
        assert item.clip.confidence[0, KinectV2.SPINE_BASE] == confidence


class TestUTKinect:
    def test_stamps_are_frame_numbers_at_60_a_second_and_repeats_are_dropped(
        self, tmp_path: Path
    ) -> None:
        path = write_utkinect(tmp_path, numbers=(60, 62, 62, 70))
        [item] = read('utkinect', path)
        assert item.clip.stamps_ns.tolist() == [1_000_000_000, 1_033_333_333, 1_166_666_667]
        _, y, _ = in_sdk_axes('hand_right', 1)
        assert item.clip.joints_m[1, KinectV1.HAND_RIGHT, 1] == pytest.approx(-y, abs=1e-6)

    def test_overlapping_labels_stand_as_published(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, labels='s01_e01\npush: 61 66\npull: 60 61\n\n')
        [item] = read('utkinect', path)
        spans = [(span.label, span.start_ns, span.end_ns) for span in item.clip.annotations]
        assert spans == [
            ('push', 1_016_666_667, 1_100_000_000),
            ('pull', 1_000_000_000, 1_016_666_667),
        ]

    def test_a_range_of_nan_is_left_out(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, labels='s01_e01\ncarry:  NaN NaN\nthrow: 60 64\n')
        [item] = read('utkinect', path)
        assert [span.label for span in item.clip.annotations] == ['throw']

    def test_actions_are_cut_out_of_the_recording(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, numbers=(60, 61, 62, 64))
        items = list(DATASETS['utkinect'].read_actions(path))
        assert [(item.clip.label, item.action, len(item.clip)) for item in items] == [
            ('walk', 1, 3),
            ('sit_down', 2, 1),
        ]
        assert all(item.clip.annotations == () for item in items)

    def test_a_span_without_frames_yields_no_action(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, labels='s01_e01\nwalk: 60 64\nsitDown: 80 90\n')
        items = list(DATASETS['utkinect'].read_actions(path))
        assert [item.clip.label for item in items] == ['walk']

    def test_the_modified_labels_win_over_the_older_ones(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path)
        (tmp_path / 'actionLabel.txt').write_text('s01_e01\nthrow: 60 64\n')
        assert read('utkinect', path)[0].clip.annotations[0].label == 'walk'
        (tmp_path / 'actionLabel_modified.txt').unlink()
        assert read('utkinect', path)[0].clip.annotations[0].label == 'throw'
        (tmp_path / 'actionLabel.txt').unlink()
        with pytest.raises(DatasetError, match=r'actionLabel_modified\.txt or actionLabel\.txt'):
            read('utkinect', path)

    @pytest.mark.parametrize(
        ('labels', 'message'),
        [
            ('s01_e01\nwalk 60 62\n', "line 2: expected 'action: first last', got 'walk 60 62'"),
            ('s01_e01\nfly: 60 62\n', "line 2: action must be one of .* got 'fly'"),
            (
                's01_e01\nwalk: 62 60\n',
                'line 2: a range must not end before it starts, got 62 to 60',
            ),
            ('s02_e01\nwalk: 60 62\n', 'expected actions of s01_e01, got none'),
        ],
    )
    def test_bad_labels_are_refused(self, labels: str, message: str, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, labels=labels)
        with pytest.raises(DatasetError, match=message):
            read('utkinect', path)

    def test_frame_numbers_that_fall_are_refused(self, tmp_path: Path) -> None:
        path = write_utkinect(tmp_path, numbers=(60, 58))
        with pytest.raises(
            DatasetError, match='line 2: frame numbers must not fall, got 58 after 60'
        ):
            read('utkinect', path)


class TestNTU:
    def test_each_body_is_a_clip_of_the_frames_that_show_it(self, tmp_path: Path) -> None:
        path = write_ntu(tmp_path, bodies=(('7',), (), ('7', '9'), ('9', '7')))
        first, second = read('ntu', path)
        assert (first.body, second.body) == (0, 1)
        assert first.clip.stamps_ns.tolist() == [0, 66_666_667, 100_000_000]
        assert second.clip.stamps_ns.tolist() == [66_666_667, 100_000_000]
        # In the last frame body 7 is the second one listed, which the writer puts 1 m to the side.
        assert first.clip.joints_m[2, KinectV2.SPINE_BASE, 0] == pytest.approx(-1.01)
        assert second.clip.joints_m[1, KinectV2.SPINE_BASE, 0] == pytest.approx(-0.01)

    def test_a_file_without_bodies_yields_nothing(self, tmp_path: Path) -> None:
        assert read('ntu', write_ntu(tmp_path, bodies=((), ()))) == []

    @pytest.mark.parametrize(
        ('line', 'text', 'message'),
        [
            (1, 'two', "line 1: expected the number of frames, got 'two'"),
            (2, '-1', "line 2: expected the number of bodies, got '-1'"),
            (3, '7 0 1', 'line 3: expected 10 values of a body, got 3'),
            (4, '20', 'line 4: expected 25 joints, got 20'),
            (5, '1 2 3', r"line 5: expected 12 numbers, got 3: '1 2 3'"),
            (5, 'x 0 0 0 0 0 0 0 0 0 0 2', "line 5: expected 12 numbers, got .*'x'"),
            (5, '0 0 0 0 0 0 0 0 0 0 0 3', 'line 5: tracking state must be 0, 1 or 2, got 3'),
        ],
    )
    def test_a_bad_line_is_quoted(self, line: int, text: str, message: str, tmp_path: Path) -> None:
        path = write_ntu(tmp_path)
        lines = path.read_text().splitlines()
        lines[line - 1] = text
        path.write_text('\n'.join(lines))
        with pytest.raises(DatasetError, match=message):
            read('ntu', path)

    def test_a_file_that_ends_early_or_late_is_refused(self, tmp_path: Path) -> None:
        path = write_ntu(tmp_path)
        text = path.read_text()
        path.write_text('\n'.join(text.splitlines()[:30]))
        with pytest.raises(DatasetError, match='line 31: expected a body, got the end of the file'):
            read('ntu', path)
        path.write_text(text + 'rest\n')
        with pytest.raises(DatasetError, match="line 58: expected the end of the file, got 'rest'"):
            read('ntu', path)


class TestSBU:
    def test_each_person_is_a_clip_of_the_pair(self, tmp_path: Path) -> None:
        one, other = read('sbu', write_sbu(tmp_path))
        assert {item.clip.subject for item in (one, other)} == {'s03s02'}
        assert {(item.subject, item.trial, item.action) for item in (one, other)} == {(302, '1', 8)}
        assert (one.body, other.body) == (0, 1)
        assert one.clip.label == other.clip.label == 'punch'

    def test_a_person_not_seen_is_dropped_from_that_frame(self, tmp_path: Path) -> None:
        one, other = read('sbu', write_sbu(tmp_path))
        assert one.clip.stamps_ns.tolist() == [0, 66_666_667]
        assert other.clip.stamps_ns.tolist() == [66_666_667]
        x, y, z = in_sdk_axes('head', 1)
        np.testing.assert_allclose(
            other.clip.joints_m[0, OpenNI15.HEAD], (-(x + 1.0), -y, z), atol=1e-6
        )

    def test_the_place_must_tell_pair_action_and_sequence(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="expected a place like 's01s02/03/001/skeleton_pos"):
            read('sbu', write_sbu(tmp_path, place='somewhere'))
        with pytest.raises(DatasetError, match=r'action must be one of .* got 9'):
            read('sbu', write_sbu(tmp_path, place='s01s02/09/001'))

    def test_a_short_line_is_quoted(self, tmp_path: Path) -> None:
        path = write_sbu(tmp_path)
        path.write_text(path.read_text() + '57,0.1,0.2\n')
        with pytest.raises(DatasetError, match='line 3: expected 91 numbers, got 3'):
            read('sbu', path)


@pytest.mark.parametrize(
    ('name', 'damage', 'message'),
    [
        (
            'msr-action3d',
            lambda text: text.replace('0.200000', 'abc', 1),
            r'line \d+: expected 4 numb',
        ),
        (
            'msr-action3d',
            lambda text: text.replace(' 1.000000', '', 1),
            'line 1: expected 4 .* got 3',
        ),
        (
            'msr-action3d',
            lambda text: text.replace(' 1.000000', ' 1.5', 1),
            'confidence must be from 0',
        ),
        ('msr-action3d', lambda text: text[: len(text) // 3], 'expected 20 lines a frame, got'),
        (
            'msr-action3d',
            lambda text: text.replace('2.500000', '2500.0'),
            'must be metres, got 2500',
        ),
        ('msr-action3d', lambda text: '', 'got 0 lines'),
        ('utkinect', lambda text: text[:-40], 'line 2: expected 61 numbers, got'),
        ('utkinect', lambda text: '6.5' + text[2:], 'line 1: expected a frame number, got 6.5'),
        ('utkinect', lambda text: '-1' + text[2:], 'line 1: expected a frame number, got -1'),
        ('utkinect', lambda text: '\n', 'expected frames, got an empty file'),
        ('nw-ucla', lambda text: text[:50], 'expected JSON'),
        ('nw-ucla', lambda text: '[]', "expected 'skeletons' and 'label', got list"),
        (
            'nw-ucla',
            lambda text: '{"label": 7}',
            r"expected 'skeletons' and 'label', got \['label'\]",
        ),
        (
            'nw-ucla',
            lambda text: text.replace('"label": 7', '"label": 8'),
            'label of a08 must be 7, got 8',
        ),
        (
            'nw-ucla',
            lambda text: text.replace('"skeletons": [', '"skeletons": [[], '),
            'must be .T.',
        ),
        (
            'nw-ucla',
            lambda text: text.replace('0.01', 'null', 1).replace('null', '"x"'),
            'must be .T.',
        ),
    ],
)
def test_a_malformed_text_is_refused_with_file_and_what_arrived(
    name: str, damage: Callable[[str], str], message: str, tmp_path: Path
) -> None:
    path = WRITERS[name](tmp_path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(DatasetError, match=f'{path.name}.*{message}'):
        read(name, path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'other': np.zeros(3)}, r"expected a variable 'd_skel', got \['other'\]"),
        (
            {'d_skel': np.zeros((15, 3, 4))},
            r'd_skel must be \(20, 3, T\) numbers, got \(15, 3, 4\)',
        ),
        ({'d_skel': 'text'}, 'd_skel must be'),
        ({'d_skel': np.full((20, 3, 2), 900.0)}, 'must be metres, got 900'),
    ],
)
def test_a_wrong_utd_file_is_refused(
    content: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / 'a1_s1_t1_skeleton.mat'
    savemat(path, content)
    with pytest.raises(DatasetError, match=f'{path.name}: .*{message}'):
        read('utd-mhad', path)


def test_an_action_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r'action must be one of .* got 28'):
        read('utd-mhad', write_utd(tmp_path, name='a28_s1_t1_skeleton.mat'))
    with pytest.raises(DatasetError, match=r'sequence 1: action must be one of .* got 10'):
        read('florence3d', write_florence(tmp_path, action=10))


def test_a_wrong_florence_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'skeletal_data.mat'
    savemat(path, {'skeletal_data': np.zeros((3, 1))})
    with pytest.raises(DatasetError, match='must be a column of structs'):
        read('florence3d', path)
    table = np.empty((1, 1), dtype=object)
    table[0, 0] = {'original_skeletal_data': np.zeros((3, 20, 4)), 'subject': 1, 'action': 1}
    savemat(path, {'skeletal_data': table})
    with pytest.raises(
        DatasetError, match=r'sequence 1: .* must be \(3, 15, T\), got \(3, 20, 4\)'
    ):
        read('florence3d', path)
    table[0, 0] = {'subject': 1, 'action': 1}
    savemat(path, {'skeletal_data': table})
    with pytest.raises(DatasetError, match='sequence 1: expected one struct with'):
        read('florence3d', path)


@pytest.mark.parametrize('name', WRITERS)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damaged_files_are_refused_or_read_and_nothing_else(
    name: str, tmp_path: Path, data: st.DataObject
) -> None:
    path = WRITERS[name](tmp_path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        kind = data.draw(st.sampled_from(('replace', 'insert', 'delete', 'cut')))
        if kind == 'replace':
            content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
        elif kind == 'insert':
            content[at:at] = data.draw(st.binary(max_size=20))
        elif kind == 'delete':
            del content[at : at + data.draw(st.integers(1, 40))]
        else:
            del content[at + 1 :]
    path.write_bytes(content)
    try:
        items = read(name, path)
    except DatasetError as error:
        refusal = str(error)
    else:
        refusal = path.name
        assert all(np.isfinite(item.clip.joints_m).all() for item in items)
    assert path.name in refusal


@pytest.mark.parametrize('name', WRITERS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(name: str, tmp_path: Path, content: bytes) -> None:
    path = WRITERS[name](tmp_path)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(path.name)):
        read(name, path)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(labels=st.text(max_size=80) | st.binary(max_size=80))
def test_arbitrary_label_files_are_refused_or_read(tmp_path: Path, labels: str | bytes) -> None:
    path = write_utkinect(tmp_path)
    content = labels if isinstance(labels, bytes) else labels.encode('utf-8', 'replace')
    (tmp_path / 'actionLabel_modified.txt').write_bytes(b's01_e01\nwalk: 60 62\n' + content)
    try:
        [item] = read('utkinect', path)
    except DatasetError as error:
        refusal = str(error)
    else:
        refusal = 'actionLabel_modified.txt'
        assert item.clip.annotations[0].label == 'walk'
    assert 'actionLabel_modified.txt' in refusal
