"""Galleries that are damaged, foreign, newer, or where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from galleries import contents, files, make_template, open_store
from hypothesis import given, settings
from hypothesis import strategies as st

from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.errors import GalleryError


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


@pytest.mark.parametrize(
    ('column', 'value', 'complaint'),
    [
        ('threshold', 1.5, "the threshold of template 't1' is 1.5"),
        ('stamps_ns', np.array([1, 2, 3, 10**18], '<i8'), r"template 't1' lasts 1e\+09 s"),
    ],
)
def test_demonstration_that_nobody_can_have_given_is_damage(
    tmp_path: Path, column: str, value: Any, complaint: str
) -> None:
    path = tmp_path / 'gallery.db'
    with open_store(path) as store:
        store.add(make_template('t0', 'wave', 0))
        store.add(make_template('t1', 'wave', 1))
    stored = zlib.compress(value.tobytes()) if isinstance(value, np.ndarray) else value
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE template SET {column} = ? WHERE id = 't1'", (stored,))
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match=complaint):
        read_gallery(path)


def test_full_disk_refuses_the_change_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'

    def teach(store: GalleryStore, numbers: range) -> None:
        for number in numbers:
            store.add(make_template(f't{number}', 'wave', number))

    with open_store(path) as store:
        teach(store, range(3))
        (pages,) = store._connection.execute('PRAGMA page_count').fetchone()
        store._connection.execute(f'PRAGMA max_page_count = {pages}')  # fails as a full disk does
        with pytest.raises(GalleryError, match='disk is full') as caught:
            teach(store, range(3, 100))
        assert str(path) in str(caught.value)
        kept = len(store.load())
        assert 3 <= kept < 100
        store.remove('wave', 't0')
    assert contents(read_gallery(path)) == [(f't{number}', 'wave') for number in range(1, kept)]


def set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f'PRAGMA user_version = {version}')
    connection.close()


def test_gallery_of_a_newer_version_is_refused_and_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / 'gallery.db'
    gallery_file(path)
    set_version(path, 3)
    before = path.read_bytes()
    for opened in (open_store, read_gallery):
        with pytest.raises(GalleryError, match=r'newer version.*schema 3.*knows 2') as caught:
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
