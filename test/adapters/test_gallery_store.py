from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import skeleton_action_ros
from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.gallery import Gallery, GalleryConfig, Template, checked_label
from skeleton_action_ros.core.layouts import LAYOUTS
from skeleton_action_ros.core.skeleton import Clip

NOON = datetime(2024, 5, 17, 12, 0, 3, tzinfo=timezone.utc)


def make_clip(seed: int = 0, frames: int = 4, layout: str = 'common_15') -> Clip:
    rng = np.random.default_rng(seed)
    joints = LAYOUTS[layout].joint_count
    return Clip(
        joints_m=rng.normal(size=(frames, joints, 3)).astype(np.float32),
        confidence=rng.random((frames, joints)).astype(np.float32),
        stamps_ns=np.arange(1, frames + 1, dtype=np.int64) * 33_333_333,
        layout=layout,
        subject='s1',
    )


def make_template(identity: str, label: str, seed: int = 0) -> Template:
    return Template(identity, label, make_clip(seed), 0.25, 1_700_000_000_123_456_789, 'by hand')


def open_store(path: Path, **config: int) -> GalleryStore:
    return GalleryStore(path, GalleryConfig(**config), clock=lambda: NOON, busy_timeout_s=0.2)


def contents(gallery: Gallery) -> list[tuple[str, str]]:
    return [(template.id, template.label) for template in gallery.templates]


def assert_same(got: Gallery, expected: Gallery) -> None:
    assert got.revision == expected.revision
    assert got.templates == expected.templates
    for one, other in zip(got.templates, expected.templates, strict=True):
        for name in ('joints_m', 'confidence', 'stamps_ns'):
            array, wanted = getattr(one.clip, name), getattr(other.clip, name)
            assert array.dtype == wanted.dtype
            assert array.shape == wanted.shape
            assert array.tobytes() == wanted.tobytes()
        assert (one.clip.layout, one.clip.label) == (other.clip.layout, other.clip.label)
        assert one.clip.subject == other.clip.subject


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
    gaps = draw(st.lists(st.integers(1, 2**40), min_size=frames, max_size=frames))
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


class NaiveGallery:
    """A list of (id, label) and rules written out once more."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def add(self, identity: str, label: str, replace: bool) -> bool:
        label = label.strip()
        if label in ('', 'idle'):
            return False
        if replace:
            self.rows = [row for row in self.rows if row[1] != label]
        self.rows.append((identity, label))
        return True

    def rename(self, label: str, new_label: str) -> bool:
        label, new_label = label.strip(), new_label.strip()
        taught = {row[1] for row in self.rows}
        if label not in taught or new_label in taught or new_label in ('', 'idle'):
            return False
        self.rows = [(one, new_label if name == label else name) for one, name in self.rows]
        return True

    def remove(self, label: str, identity: str) -> bool:
        label = label.strip()
        gone = [row for row in self.rows if row[1] == label and identity in ('', row[0])]
        self.rows = [row for row in self.rows if row not in gone]
        return bool(gone)


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


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute('PRAGMA application_id = 42')
    connection.execute('CREATE TABLE contact (name TEXT)')
    connection.execute("INSERT INTO contact VALUES ('somebody')")
    connection.commit()
    connection.close()


def gallery_file(path: Path) -> None:
    with open_store(path) as store:
        for index in range(6):
            store.add(make_template(f't{index}', f'action {index}', index))


def truncated_gallery(path: Path) -> None:
    gallery_file(path)
    os.truncate(path, path.stat().st_size // 2)


def gallery_with_damaged_clip(path: Path) -> None:
    gallery_file(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE template SET joints_m = x'00112233' WHERE id = 't2'")
    connection.commit()
    connection.close()


def gallery_without_tables(path: Path) -> None:
    gallery_file(path)
    connection = sqlite3.connect(path)
    connection.execute('DROP TABLE template')
    connection.commit()
    connection.close()


def text_file(path: Path) -> None:
    path.write_text('wave: [1, 2, 3]\n' * 50)


def short_file(path: Path) -> None:
    path.write_bytes(b'x')


@pytest.mark.parametrize(
    ('make', 'why'),
    [
        (foreign_database, '0x2a'),
        (truncated_gallery, 'malformed'),
        (gallery_with_damaged_clip, 'damaged'),
        (gallery_without_tables, 'tables'),
        (text_file, 'not a database'),
        (short_file, 'no gallery'),
    ],
)
def test_file_that_is_no_whole_gallery_is_moved_aside_untouched(
    tmp_path: Path, make: object, why: str
) -> None:
    assert callable(make)
    path = tmp_path / 'gallery.db'
    make(path)
    before = path.read_bytes()
    with open_store(path) as store:
        assert len(store.load()) == 0
        (warning,) = store.warnings
        store.add(make_template('a', 'wave'))
    aside = tmp_path / 'gallery.db.corrupt-20240517-120003'
    assert why in warning
    assert str(path) in warning
    assert str(aside) in warning
    assert aside.read_bytes() == before
    assert contents(read_gallery(path)) == [('a', 'wave')]
    with open_store(path) as store:
        assert store.warnings == []


def test_second_bad_file_in_the_same_second_does_not_overwrite_the_first(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    for content in ('first', 'second', 'third'):
        path.write_text(content * 100)
        open_store(path).close()
    stem = 'gallery.db.corrupt-20240517-120003'
    assert files(tmp_path) == ['gallery.db', stem, f'{stem}-2', f'{stem}-3']
    assert (tmp_path / f'{stem}-2').read_text() == 'second' * 100


def test_gallery_cut_at_any_length_is_moved_aside(tmp_path: Path) -> None:
    whole = tmp_path / 'whole.db'
    gallery_file(whole)
    content = whole.read_bytes()
    for length in [*range(1, 101, 33), *range(512, len(content), 1024)]:
        path = tmp_path / f'cut_{length}.db'
        path.write_bytes(content[:length])
        with open_store(path) as store:
            assert (len(store.load()), len(store.warnings)) == (0, 1), length
        aside = path.with_name(f'{path.name}.corrupt-20240517-120003')
        assert aside.read_bytes() == content[:length]


@lru_cache(maxsize=1)
def gallery_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        gallery_file(Path(folder) / 'gallery.db')
        return (Path(folder) / 'gallery.db').read_bytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_overwritten_bytes_never_break_the_store(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'gallery.db'
        content = bytearray(gallery_bytes())
        at = data.draw(st.integers(0, len(content) - 8))
        content[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
        path.write_bytes(content)
        try:
            store = open_store(path)
        except GalleryError:
            assert path.read_bytes() == content
            return
        with store:
            assert len(store.load()) == (0 if store.warnings else 6)
        if store.warnings:
            aside = path.with_name('gallery.db.corrupt-20240517-120003')
            assert len(aside.read_bytes()) == len(content)


def set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f'PRAGMA user_version = {version}')
    connection.close()


def test_gallery_of_a_newer_version_is_refused_and_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    gallery_file(path)
    set_version(path, 2)
    before = path.read_bytes()
    for opened in (open_store, read_gallery):
        with pytest.raises(GalleryError, match=r'newer version.*schema 2.*knows 1') as caught:
            opened(path)
        assert str(path) in str(caught.value)
    assert files(tmp_path) == ['gallery.db']
    assert path.read_bytes() == before


def test_gallery_with_a_layout_of_a_newer_version_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    gallery_file(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE template SET layout = 'hologram_99'")
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match='hologram_99'):
        open_store(path)
    assert files(tmp_path) == ['gallery.db']


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'gallery.db').mkdir()
    with pytest.raises(GalleryError, match=r'gallery\.db must be a file'):
        open_store(tmp_path / 'gallery.db')
    (tmp_path / 'file').touch()
    with pytest.raises(GalleryError, match='folder cannot be made'):
        open_store(tmp_path / 'file' / 'gallery.db')


def test_read_only_folder_is_refused_with_its_path() -> None:
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    try:
        folder.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(GalleryError, match='cannot be written to') as caught:
            open_store(folder / 'gallery.db')
        assert str(folder) in str(caught.value)
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_read_only_file_is_refused_and_left_where_it_is() -> None:
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    try:
        gallery_file(folder / 'gallery.db')
        (folder / 'gallery.db').chmod(0o444)
        folder.chmod(0o777)
        if user == 0:
            os.seteuid(65534)
        with (
            pytest.raises(GalleryError, match='readonly') as caught,
            open_store(folder / 'gallery.db') as store,
        ):
            store.add(make_template('a', 'wave'))
        assert str(folder) in str(caught.value)
        assert files(folder) == ['gallery.db']
        assert len(read_gallery(folder / 'gallery.db')) == 6
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


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


WRITER = """
import json, sys
import numpy as np
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.gallery import Template
from skeleton_action_ros.core.skeleton import Clip

path, operations, start = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
print('ready', flush=True)
store = GalleryStore(path)
for index, (kind, first, second, replace) in enumerate(operations[start:], start):
    if kind == 'add':
        joints = np.random.default_rng(index).normal(size=(60, 15, 3)).astype(np.float32)
        stamps = np.arange(1, 61, dtype=np.int64)
        clip = Clip(joints, np.ones((60, 15), np.float32), stamps, 'common_15')
        store.add(Template(first, second, clip, 0.0, index, ''), replace=replace)
    elif kind == 'rename':
        store.rename(first, second)
    else:
        store.remove(first, second)
    print('done', flush=True)
"""


@dataclass
class Script:
    """Changes that all succeed, and what is in the gallery after the first n of them."""

    operations: list[tuple[str, str, str, bool]]
    states: list[list[tuple[str, str]]]


def write_script(count: int, rng: random.Random) -> Script:
    operations: list[tuple[str, str, str, bool]] = []
    naive = NaiveGallery()
    states = [list(naive.rows)]
    for index in range(count):
        kind = rng.choice(['add', 'add', 'add', 'replace', 'rename', 'remove'])
        taught = sorted({label for _, label in naive.rows})
        if kind in ('add', 'replace') or not taught:
            label = f'action {rng.randrange(8)}'
            naive.add(str(index), label, kind == 'replace')
            operations.append(('add', str(index), label, kind == 'replace'))
        elif kind == 'rename':
            label = rng.choice(taught)
            naive.rename(label, f'renamed {index}')
            operations.append(('rename', label, f'renamed {index}', False))
        else:
            identity, label = rng.choice(naive.rows)
            identity = rng.choice([identity, ''])
            naive.remove(label, identity)
            operations.append(('remove', label, identity, False))
        states.append(list(naive.rows))
    return Script(operations, states)


def test_killed_at_any_instant_it_holds_all_acknowledged_changes_and_whole_ones(
    tmp_path: Path,
) -> None:
    rng = random.Random(20240517)
    script = write_script(4000, rng)
    path, plan = tmp_path / 'gallery.db', tmp_path / 'operations.json'
    plan.write_text(json.dumps(script.operations))
    environment = dict(os.environ, PYTHONPATH=str(Path(skeleton_action_ros.__file__).parents[1]))
    done = interrupted = 0
    for kill in range(25):
        writer = subprocess.Popen(
            [sys.executable, '-c', WRITER, str(path), str(plan), str(done)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b'ready\n'
        time.sleep(rng.uniform(0.0, 0.02 if kill % 3 == 0 else 0.15))
        writer.kill()
        acknowledged = writer.stdout.read().count(b'done\n')
        assert writer.wait(10) == -9

        interrupted += 'gallery.db-journal' in files(tmp_path)
        with open_store(path) as store:
            gallery = store.load()
        assert store.warnings == []
        assert gallery.revision in (done + acknowledged, done + acknowledged + 1)
        assert contents(gallery) == script.states[gallery.revision]
        for template in gallery.templates:
            joints = np.random.default_rng(int(template.id)).normal(size=(60, 15, 3))
            assert np.array_equal(template.clip.joints_m, joints.astype(np.float32))
        done = gallery.revision
    assert done > 10, f'the writer made only {done} changes before the kills'
    assert interrupted > 0, 'no kill fell into a change'
    assert {name for name in files(tmp_path) if 'corrupt' in name} == set()
