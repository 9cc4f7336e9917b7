"""Where a result comes from: the commit of this checkout and the machine."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import torch

from training.data import CHECKOUT

_PACKAGE = 'skeleton_action_ros'
DECISIVE = (
    'training/*.py',
    *(f'{_PACKAGE}/core/{name}' for name in ('preprocess.py', 'layouts.py', 'skeleton.py')),
    f'{_PACKAGE}/core/simulation',
    f'{_PACKAGE}/adapters/datasets',
    f'{_PACKAGE}/adapters/clips.py',
)
"""What decides how a model turns out, apart from the data."""


def commit() -> str:
    """Return the commit of this checkout, with a plus where files that matter differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ['git', '-C', str(CHECKOUT), *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git('diff', 'HEAD', '--name-only', '--', *DECISIVE)
    return (git('rev-parse', '--short=12', 'HEAD') or 'unknown') + ('+' if changed else '')


def machine() -> str:
    """Say in words on what this runs."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith('model name')]
        name = lines[0].split(':', 1)[1].strip() if lines else name
    return f'{name}, {torch.get_num_threads()} threads, torch {torch.__version__}'
