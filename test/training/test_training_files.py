from __future__ import annotations

from pathlib import Path

import pytest

from training.files import written_whole


def test_what_is_written_is_there_at_the_end_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / 'made' / 'on the way' / 'one.txt'

    with written_whole(path) as part:
        part.write_text('new')
        assert not path.exists()

    assert path.read_text() == 'new'
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / 'one.txt'
    path.write_text('old')

    with pytest.raises(ZeroDivisionError), written_whole(path) as part:  # noqa: PT012
        part.write_text('ne')
        part.write_text(str(1 // 0))

    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
