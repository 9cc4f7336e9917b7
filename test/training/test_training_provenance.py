"""Which commit results say they are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import provenance
from training.data import CHECKOUT


def test_copy_without_git_says_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('SKELETON_ACTION_COMMIT', 'abc')
    assert provenance.commit() == 'abc'

    monkeypatch.delenv('SKELETON_ACTION_COMMIT')
    assert provenance.commit() == 'unknown'


def test_copy_within_another_repository_does_not_have_its_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_COMMIT', 'abc')
    whole = provenance.commit()
    monkeypatch.setattr(provenance, 'CHECKOUT', CHECKOUT / 'training')

    assert provenance.commit() == 'abc'
    if (CHECKOUT / '.git').exists():
        assert whole != 'abc'
