from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skeleton_action_ros.adapters.clips import find_clips, load_clip, save_clip
from skeleton_action_ros.core.errors import BadClipError
from skeleton_action_ros.core.skeleton import ActionSpan, Clip


def arrays(frames: int = 3) -> dict[str, object]:
    joints = np.arange(frames * 45, dtype=np.float32).reshape(frames, 15, 3) / 100 + 0.5
    return {
        'joints_m': joints,
        'stamps_ns': np.arange(frames, dtype=np.int64) * 33_000_000,
        'layout': 'common_15',
        'label': 'wave',
        'subject': 's1',
    }


def write(path: Path, **content: object) -> Path:
    np.savez(path, **content)
    return path


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    given_arrays = arrays()
    clip = Clip(
        joints_m=given_arrays['joints_m'],
        confidence=np.full((3, 15), 0.25, np.float32),
        stamps_ns=given_arrays['stamps_ns'],
        layout='common_15',
        label='wave',
        subject='s1',
        annotations=(ActionSpan('Händeklatschen', 5, 9), ActionSpan('b', 7, 7)),
    )
    save_clip(tmp_path / 'a.npz', clip)
    loaded = load_clip(tmp_path / 'a.npz')
    np.testing.assert_array_equal(loaded.joints_m, clip.joints_m)
    np.testing.assert_array_equal(loaded.confidence, clip.confidence)
    np.testing.assert_array_equal(loaded.stamps_ns, clip.stamps_ns)
    assert (loaded.layout, loaded.label, loaded.subject) == ('common_15', 'wave', 's1')
    assert loaded.annotations == clip.annotations
    assert [file.name for file in tmp_path.iterdir()] == ['a.npz']


def test_a_failed_write_leaves_the_older_clip_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write(tmp_path / 'a.npz', **arrays())
    before = target.read_bytes()

    def full_disk(file: object, **_: object) -> None:
        file.write(b'half')
        raise OSError('No space left on device')

    monkeypatch.setattr(np, 'savez_compressed', full_disk)
    with pytest.raises(OSError, match='No space'):
        save_clip(target, load_clip(target))
    assert target.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ['a.npz']


def test_a_name_that_no_folder_of_clips_would_find_is_refused(tmp_path: Path) -> None:
    clip = load_clip(write(tmp_path / 'a.npz', **arrays()))
    with pytest.raises(BadClipError, match=r"must end in \.npz, got '\.dat'"):
        save_clip(tmp_path / 'a.dat', clip)


def test_without_confidence_joints_that_are_nowhere_are_masked(tmp_path: Path) -> None:
    content = arrays()
    content['joints_m'][1, 4] = 0.0
    content['joints_m'][2, 7, 1] = np.nan
    content['joints_m'][0, 8, 2] = np.inf
    clip = load_clip(write(tmp_path / 'a.npz', **content))
    expected = np.ones((3, 15), np.float32)
    expected[1, 4] = expected[2, 7] = expected[0, 8] = 0.0
    np.testing.assert_array_equal(clip.confidence, expected)
    np.testing.assert_array_equal(clip.joints_m[2, 7], (0, 0, 0))


def test_a_nan_joint_is_masked_whatever_confidence_says(tmp_path: Path) -> None:
    content = arrays()
    content['joints_m'][1, 4, 0] = np.nan
    content['confidence'] = np.full((3, 15), 0.5)
    clip = load_clip(write(tmp_path / 'a.npz', **content))
    assert clip.confidence[1, 4] == 0.0
    assert clip.confidence[1, 5] == 0.5
    assert clip.joints_m.dtype == clip.confidence.dtype == np.float32


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'layout': None}, 'layout missing, got joints_m, label, stamps_ns, subject'),
        ({'layout': 'kinect_v3'}, "unknown skeleton layout 'kinect_v3'"),
        ({'layout': 'kinect_v2_25'}, r'\(3, 25, 3\).*got \(3, 15, 3\)'),
        (
            {'joints_m': np.zeros((3, 15))},
            r'joints_m must be floats in 3 axes, got float64 \(3, 15\)',
        ),
        ({'joints_m': np.zeros((3, 15, 3), int)}, 'joints_m must be floats'),
        ({'stamps_ns': np.array([0.0, 1.0, 2.0])}, 'stamps_ns must be integers'),
        ({'stamps_ns': np.array([5, 5, 6])}, 'stamps must rise, got 5 then 5'),
        ({'stamps_ns': np.array([1, 2])}, '2 stamps'),
        ({'confidence': np.ones((3, 14))}, r'\(3, 15\).*got \(3, 14\)'),
        ({'confidence': np.full((3, 15), 1.5)}, 'from 0 to 1'),
        ({'label': np.array(['a', 'b'])}, 'label must be one string'),
        ({'subject': 7}, 'subject must be one string, got int64'),
        ({'label': np.array({}, dtype=object)}, 'pickle'),
        ({'annotation_labels': np.array(['a'])}, 'annotations need.*got only annotation_labels'),
        (
            {
                'annotation_labels': np.array(['a']),
                'annotation_start_ns': np.array([9]),
                'annotation_end_ns': np.array([8]),
            },
            r"annotation 0 \('a'\) must end after its start, got 9 to 8",
        ),
        (
            {
                'annotation_labels': np.array(['a', 'b']),
                'annotation_start_ns': np.array([9]),
                'annotation_end_ns': np.array([10]),
            },
            'as many as starts and ends',
        ),
    ],
)
def test_a_bad_clip_is_refused_with_file_and_reason(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    content = {name: value for name, value in {**arrays(), **change}.items() if value is not None}
    path = write(tmp_path / 'bad.npz', **content)
    with pytest.raises(BadClipError, match=f'bad.npz: .*{message}'):
        load_clip(path)


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / 'single.npy', np.zeros(3))
    (tmp_path / 'text.npz').write_text('hello')
    with pytest.raises(BadClipError, match='single npy array'):
        load_clip(tmp_path / 'single.npy')
    with pytest.raises(BadClipError, match=r'text\.npz: expected a readable npz archive'):
        load_clip(tmp_path / 'text.npz')
    with pytest.raises(BadClipError, match=r'none\.npz: expected a clip, found no such file'):
        load_clip(tmp_path / 'none.npz')


def test_clips_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    (tmp_path / 'b' / 'deep').mkdir(parents=True)
    for name in ('b/deep/2.npz', 'b/1.npz', 'a.npz'):
        write(tmp_path / name, **arrays())
    (tmp_path / 'b' / '.x.npz.77.unfinished').write_bytes(b'')
    (tmp_path / 'notes.txt').write_text('')
    found = find_clips(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        'a.npz',
        'b/1.npz',
        'b/deep/2.npz',
    ]
    assert find_clips(tmp_path / 'a.npz') == [tmp_path / 'a.npz']


def test_a_place_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match='found none'):
        find_clips(tmp_path)
    with pytest.raises(BadClipError, match='found nothing there'):
        find_clips(tmp_path / 'nowhere')


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_and_nothing_else(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / 'damaged.npz'
    content = bytearray(write(path, **arrays(2)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path.write_bytes(content)
    try:
        clip = load_clip(path)
    except BadClipError as error:
        refusal = str(error)
    else:
        refusal = str(path)
        assert clip.joints_m.shape == (len(clip), 15, 3)
    assert str(path) in refusal


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=300), zipped=st.booleans())
def test_arbitrary_bytes_are_refused(tmp_path: Path, content: bytes, zipped: bool) -> None:
    path = tmp_path / 'noise.npz'
    path.write_bytes((b'PK\x03\x04' if zipped else b'\x93NUMPY') + content)
    with pytest.raises(BadClipError):
        load_clip(path)


def test_published_clips_load(recordings: Path) -> None:
    clips = find_clips(recordings / 'g3d-clips')
    assert len(clips) == 1235
    for path in clips[::100]:
        clip = load_clip(path)
        assert clip.layout == 'kinect_v1_20'
        assert clip.label
