"""Fixtures that tests of several folders share."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

# How fast examples are made and run says more about what else the machine does.
settings.register_profile(
    'any machine', deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile('any machine')

QUIET = (
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


@pytest.fixture
def browser_dom(tmp_path: Path) -> Callable[[Path, str], str]:
    """Open a page in a real browser and return its document once its scripts have run."""
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('neither chromium nor google-chrome is installed')

    def opened(page: Path, fragment: str = '') -> str:
        done = subprocess.run(
            [
                browser,
                *QUIET,
                f'--user-data-dir={tmp_path / "browser"}',
                '--window-size=1280,1600',
                '--virtual-time-budget=3000',
                '--dump-dom',
                f'file://{page}{fragment}',
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    return opened


@pytest.fixture(scope='session')
def recordings() -> Path:
    """Return the folder of real recordings; skip where there is none."""
    beside_the_checkout = Path(__file__).resolve().parents[2] / 'shared' / 'data'
    place = Path(os.environ.get('SKELETON_ACTION_DATA') or beside_the_checkout)
    if not place.is_dir():
        pytest.skip(f'needs real recordings: no folder {place} (set SKELETON_ACTION_DATA)')
    return place
