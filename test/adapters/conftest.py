"""Where the real recordings are, for the tests that use some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2].parent / 'shared' / 'data'


@pytest.fixture(scope='session')
def recordings() -> Path:
    """Return the folder of real recordings; skip where there is none."""
    place = Path(os.environ.get('SKELETON_ACTION_DATA') or _BESIDE_THE_CHECKOUT)
    if not place.is_dir():
        pytest.skip(f'needs real recordings: no folder {place} (set SKELETON_ACTION_DATA)')
    return place
