from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from galleries import (
    NaiveGallery,
    assert_same,
    contents,
    files,
    make_clip,
    make_template,
    open_store,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.gallery import Gallery, Template, checked_label
from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.skeleton import Clip


def test_missing_file_and_folder_are_made_empty(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'folder' / 'gallery.db'
    with open_store(path) as store:
        assert store.load() == Gallery()
        assert store.warnings == []
    assert files(path.parent) == ['gallery.db']


def test_file_without_content_is_begun(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    path.touch()
    with open_store(path) as store:
        assert (len(store.load()), store.warnings) == (0, [])
    assert files(tmp_path) == ['gallery.db']


def test_what_was_taught_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('a', 'wave', 1))
        store.add(make_template('b', 'bow', 2))
        store.add(make_template('c', 'wave', 3))
        store.add(make_template('d', 'bow', 4), replace=True)
        store.rename('wave', 'hello')
        store.remove('hello', 'a')
    with open_store(path) as store:
        gallery = store.load()
    assert contents(gallery) == [('c', 'hello'), ('d', 'bow')]
    assert gallery.revision == 6
    template = gallery.templates[1]
    assert template.clip.joints_m.tobytes() == make_clip(4).joints_m.tobytes()
    assert (template.threshold, template.source) == (0.25, 'by hand')
    assert (template.taught_ns, template.clip.subject) == (1_700_000_000_123_456_789, 's1')


def test_change_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    path, snapshot = tmp_path / 'gallery.db', tmp_path / 'snapshot.db'
    with open_store(path) as store:
        store.add(make_template('a', 'wave'))
        shutil.copy(path, snapshot)
        assert contents(read_gallery(snapshot)) == [('a', 'wave')]


def test_refused_change_leaves_file_and_gallery_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path, max_templates=1) as store:
        before = store.add(make_template('a', 'wave'))
        with pytest.raises(GalleryError, match='full'):
            store.add(make_template('b', 'bow'))
        with pytest.raises(GalleryError, match="'jump'"):
            store.rename('jump', 'hop')
        with pytest.raises(GalleryError, match="'jump'"):
            store.remove('jump')
        assert_same(store.load(), before)
        assert_same(read_gallery(path), before)


def test_gallery_with_more_than_the_limit_loads(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('a', 'wave'))
        store.add(make_template('b', 'wave'))
    with open_store(path, max_templates=1, max_label_length=2) as store:
        assert contents(store.load()) == [('a', 'wave'), ('b', 'wave')]


def test_removed_demonstration_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('a', 'secret handshake'))
        assert b'secret handshake' in path.read_bytes()
        store.remove('secret handshake')
    assert b'secret handshake' not in path.read_bytes()


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    frames = draw(st.integers(1, 3))
    joints = LAYOUTS[layout].joint_count
    number = st.floats(-100, 100, width=32)
    gaps = draw(st.lists(st.integers(1, 2**35), min_size=frames, max_size=frames))
    return Clip(
        joints_m=draw(hnp.arrays(np.float32, (frames, joints, 3), elements=number)),
        confidence=draw(
            hnp.arrays(np.float32, (frames, joints), elements=st.floats(0, 1, width=32))
        ),
        stamps_ns=np.cumsum(np.array(gaps, np.int64)),
        layout=layout,
        subject=draw(st.text(st.characters(codec='utf-8'), max_size=10)),
    )


def fit(label: str) -> bool:
    try:
        checked_label(label)
    except GalleryError:
        return False
    return True


@settings(max_examples=25, deadline=None)
@given(
    clip=clips(),
    label=st.text(min_size=1, max_size=64).filter(fit),
    threshold=st.floats(0, 1),
    taught_ns=st.integers(0, 2**63 - 1),
    source=st.text(st.characters(codec='utf-8'), max_size=30),
)
def test_any_clip_and_label_come_back_as_they_were(
    clip: Clip, label: str, threshold: float, taught_ns: int, source: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'gallery.db'
        with open_store(path) as store:
            taught = store.add(Template('a', label, clip, threshold, taught_ns, source))
        with open_store(path) as store:
            assert_same(store.load(), taught)
        assert taught.templates[0].clip.joints_m.tobytes() == clip.joints_m.tobytes()


SOME_LABELS = st.sampled_from(['wave', 'bow', 'jump', 'élan', '招手', ' wave ', 'idle', ''])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just('add'), SOME_LABELS, st.booleans()),
        st.tuples(st.just('rename'), SOME_LABELS, SOME_LABELS),
        st.tuples(st.just('remove'), SOME_LABELS, st.integers(-1, 3)),
        st.tuples(st.just('reopen'), st.none(), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(OPERATIONS)
def test_any_sequence_of_changes_equals_a_naive_list(operations: list[tuple[str, ...]]) -> None:
    naive = NaiveGallery()
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'gallery.db'
        store = open_store(path)
        for index, (kind, first, second) in enumerate(operations):
            if kind == 'reopen':
                store.close()
                store = open_store(path)
                assert store.warnings == []
                continue
            try:
                if kind == 'add':
                    expected = naive.add(f't{index}', first, bool(second))
                    store.add(make_template(f't{index}', first, index), replace=bool(second))
                elif kind == 'rename':
                    expected = naive.rename(first, second)
                    store.rename(first, second)
                else:
                    one = '' if int(second) < 0 else f't{second}'
                    expected = naive.remove(first, one)
                    store.remove(first, one)
                succeeded = True
            except GalleryError:
                succeeded = False
            assert succeeded == expected
            done += succeeded
            assert contents(store.load()) == naive.rows
        store.close()
        stored = read_gallery(path)
        assert contents(stored) == naive.rows
        assert stored.revision == done


def test_export_is_a_gallery_file_that_another_robot_imports(tmp_path: Path) -> None:
    with open_store(tmp_path / 'mine.db') as mine:
        mine.add(make_template('a', 'wave', 1))
        mine.add(make_template('b', 'bow', 2))
        exported = mine.export_to(tmp_path / 'shared.db')
    assert files(tmp_path) == ['mine.db', 'shared.db']
    assert_same(read_gallery(tmp_path / 'shared.db'), exported)
    with open_store(tmp_path / 'other.db') as other:
        other.add(make_template('c', 'clap', 3))
        counts = other.import_from(tmp_path / 'shared.db')
        assert (counts.added, counts.skipped, counts.removed) == (2, 0, 0)
        assert contents(other.load()) == [('c', 'clap'), ('a', 'wave'), ('b', 'bow')]
        wave = other.load().templates[1]
        assert wave.clip.joints_m.tobytes() == make_clip(1).joints_m.tobytes()
    with open_store(tmp_path / 'shared.db') as used_as_it_is:
        assert used_as_it_is.warnings == []
        assert_same(used_as_it_is.load(), exported)


@pytest.mark.parametrize(
    ('on_conflict', 'expected', 'counts'),
    [
        ('keep', [('a', 'wave'), ('y', 'jump')], (1, 1, 0)),
        ('replace', [('x', 'wave'), ('y', 'jump')], (2, 0, 1)),
    ],
)
def test_import_settles_actions_taught_on_both_sides(
    tmp_path: Path,
    on_conflict: str,
    expected: list[tuple[str, str]],
    counts: tuple[int, int, int],
) -> None:
    with open_store(tmp_path / 'theirs.db') as theirs:
        theirs.add(make_template('x', 'wave'))
        theirs.add(make_template('y', 'jump'))
    with open_store(tmp_path / 'mine.db') as mine:
        mine.add(make_template('a', 'wave'))
        got = mine.import_from(tmp_path / 'theirs.db', on_conflict)
        assert (got.added, got.skipped, got.removed) == counts
        again = mine.import_from(tmp_path / 'theirs.db', on_conflict)
        assert again.added == (0 if on_conflict == 'keep' else 2)
    assert contents(read_gallery(tmp_path / 'mine.db')) == expected


def test_import_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / 'theirs.db') as theirs:
        theirs.add(make_template('x', 'bow'))
        theirs.add(make_template('y', 'jump'))
    with open_store(tmp_path / 'mine.db', max_templates=2) as mine:
        before = mine.add(make_template('a', 'wave'))
        with pytest.raises(GalleryError, match='full'):
            mine.import_from(tmp_path / 'theirs.db')
        assert_same(mine.load(), before)


def test_import_leaves_a_file_that_is_no_gallery_where_it_is(tmp_path: Path) -> None:
    other = tmp_path / 'notes.txt'
    other.write_text('not a gallery\n' * 100)
    with open_store(tmp_path / 'mine.db') as mine:
        with pytest.raises(GalleryError, match=r'notes\.txt'):
            mine.import_from(other)
        with pytest.raises(GalleryError, match=r'no gallery file .*absent\.db'):
            mine.import_from(tmp_path / 'absent.db')
    assert files(tmp_path) == ['mine.db', 'notes.txt']


def test_export_overwrites_only_when_told_and_never_itself(tmp_path: Path) -> None:
    target = tmp_path / 'shared.db'
    target.write_text('precious')
    with open_store(tmp_path / 'mine.db') as mine:
        with pytest.raises(GalleryError, match=r'shared\.db.*exists'):
            mine.export_to(target)
        assert target.read_text() == 'precious'
        with pytest.raises(GalleryError, match='itself'):
            mine.export_to(tmp_path / 'mine.db', overwrite=True)
        with pytest.raises(GalleryError, match='absent'):
            mine.export_to(tmp_path / 'absent' / 'shared.db')
        mine.add(make_template('a', 'wave'))
        mine.export_to(target, overwrite=True)
    assert contents(read_gallery(target)) == [('a', 'wave')]
    assert files(tmp_path) == ['mine.db', 'shared.db']


def test_removed_demonstration_is_not_in_an_export(tmp_path: Path) -> None:
    with open_store(tmp_path / 'mine.db') as mine:
        mine.add(make_template('a', 'secret handshake'))
        mine.remove('secret handshake')
        mine.export_to(tmp_path / 'shared.db')
    assert b'secret handshake' not in (tmp_path / 'shared.db').read_bytes()


def test_two_processes_build_on_each_others_changes(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as one, open_store(path) as two:
        one.add(make_template('a', 'wave'))
        changed = two.add(make_template('b', 'bow'))
        assert contents(changed) == [('a', 'wave'), ('b', 'bow')]
        assert changed.revision == 2
        with pytest.raises(GalleryError, match='already in the gallery'):
            one.add(make_template('b', 'jump'))
        assert contents(one.load()) == [('a', 'wave'), ('b', 'bow')]


def test_change_waits_for_another_process_and_then_says_who_is_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute('BEGIN EXCLUSIVE')
        with pytest.raises(GalleryError, match='in use by another process') as caught:
            store.add(make_template('a', 'wave'))
        assert str(path) in str(caught.value)
        with pytest.raises(GalleryError, match='in use by another process'):
            open_store(path)
        threading.Timer(0.05, other.rollback).start()
        assert contents(store.add(make_template('a', 'wave'))) == [('a', 'wave')]
        other.close()
    assert files(tmp_path) == ['gallery.db']


def test_file_removed_while_open_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('a', 'wave'))
        path.unlink()
        with pytest.raises(GalleryError, match='removed or replaced'):
            store.add(make_template('b', 'bow'))
        open_store(path).close()
        with pytest.raises(GalleryError, match='removed or replaced'):
            store.load()


def test_text_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path / 'gallery.db') as store:
        with pytest.raises(GalleryError, match='cannot store'):
            store.add(Template('a', 'wave', make_clip(), 0.0, 1, 'half \ud800'))
        with pytest.raises(GalleryError, match='cannot store'):
            store.add(Template('a', 'wave', make_clip(), 0.0, 2**63, 'far future'))
        assert len(store.load()) == 0


WAVING = Calibration('wave', 0.86, 'model 1', 'by hand', 0.84, 16, 0.95, 4, 0.9, 1, 0.6, 200, 0.5)


def test_what_was_measured_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        gallery = store.add(make_template('a', 'wave'))
        stored = store.calibrate(gallery.calibrated([WAVING]))
        assert stored.calibrations == store.load().calibrations == (WAVING,)
        assert stored.revision == gallery.revision
    with open_store(path) as store:
        assert store.load().calibrations == (WAVING,)
        store.calibrate(store.load().calibrated([]))
    assert read_gallery(path).calibrations == ()


@pytest.mark.parametrize(
    'change',
    [
        lambda store: store.add(make_template('b', 'bow')),
        lambda store: store.rename('wave', 'hello'),
        lambda store: store.remove('wave'),
        lambda store: store.set_threshold('wave', 0.5),
    ],
)
def test_change_drops_what_was_measured_before(
    tmp_path: Path, change: Callable[[GalleryStore], Gallery]
) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.calibrate(store.add(make_template('a', 'wave')).calibrated([WAVING]))
        assert change(store).calibrations == ()
    assert read_gallery(path).calibrations == ()


def test_what_was_measured_of_a_gallery_that_has_changed_since_is_not_stored(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store, open_store(path) as other:
        gallery = store.add(make_template('a', 'wave'))
        other.add(make_template('b', 'bow'))
        now = store.calibrate(gallery.calibrated([WAVING]))
        assert (now.labels, now.calibrations) == (('wave', 'bow'), ())
    assert read_gallery(path).calibrations == ()


def test_own_threshold_is_kept_on_disk(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('a', 'wave'))
        store.set_threshold('wave', 0.9)
        store.add(make_template('b', 'wave'), replace=True)
        with pytest.raises(GalleryError, match="no action 'bow'"):
            store.set_threshold('bow', 0.9)
    assert read_gallery(path).own_threshold('wave') == 0.25


def first_version(path: Path) -> None:
    """Make of a gallery file what the first version of this package wrote."""
    connection = sqlite3.connect(path)
    connection.execute('DROP TABLE calibration')
    connection.execute('PRAGMA user_version = 1')
    connection.commit()
    connection.close()


def test_gallery_of_the_first_version_is_read_and_gets_its_calibrations(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        written = store.add(make_template('a', 'wave'))
    first_version(path)
    before = path.read_bytes()
    assert_same(read_gallery(path), written)
    assert path.read_bytes() == before
    with open_store(path) as store:
        assert_same(store.load(), written)
        store.calibrate(written.calibrated([WAVING]))
    assert read_gallery(path).calibrations == (WAVING,)


def test_measurement_of_another_type_is_forgotten_and_the_gallery_stays(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        written = store.add(make_template('a', 'wave'))
        store.calibrate(written.calibrated([WAVING]))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE calibration SET threshold = 'high'")
    connection.commit()
    connection.close()
    with open_store(path) as store:
        assert store.load().calibrations == ()
        assert_same(store.load(), written)


def test_what_is_measured_of_a_change_is_stored_with_it(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    asked: list[tuple[str, ...]] = []

    def measure(gallery: Gallery) -> list[Calibration]:
        asked.append(gallery.labels)
        return [replace(WAVING, label=label) for label in gallery.labels]

    with GalleryStore(path, measure=measure) as store:
        added = store.add(make_template('a', 'wave'))
        assert read_gallery(path).calibrations == added.calibrations == (WAVING,)
        store.rename('wave', 'bow')
        assert read_gallery(path).calibrations == (replace(WAVING, label='bow'),)
        store.remove('bow')
        assert read_gallery(path).calibrations == ()
    assert asked == [('wave',), ('bow',), ()]
