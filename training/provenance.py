"""Where a result comes from: the commit of this checkout and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import torch

from training.data import CHECKOUT

_PACKAGE = 'skeleton_action_ros'
DECISIVE = (
    'training/*.py',
    *(
        f'{_PACKAGE}/core/{name}.py'
        for name in ('preprocess', 'layouts', 'skeleton', 'embedding', 'similarity')
    ),
    f'{_PACKAGE}/core/simulation',
    f'{_PACKAGE}/adapters/datasets',
    f'{_PACKAGE}/adapters/clips.py',
    f'{_PACKAGE}/adapters/time_warping.py',
    f'{_PACKAGE}/evaluation/exam',
)
"""What decides how a model turns out and is measured, apart from the data."""


def commit() -> str:
    """
    Return the commit of this checkout, with a plus where files that matter differ from it.

    A copy without a history of its own, or without git, says what SKELETON_ACTION_COMMIT says, or
    'unknown'.
    """

    def git(*words: str) -> str:
        try:
            done = subprocess.run(
                ['git', '-C', str(CHECKOUT), *words], capture_output=True, text=True, check=False
            )
        except OSError:
            return ''
        return done.stdout.strip()

    # A copy within another repository has the commit of that, which says nothing of it.
    top = git('rev-parse', '--show-toplevel')
    head = git('rev-parse', '--short=12', 'HEAD') if top and Path(top).samefile(CHECKOUT) else ''
    if not head:
        return os.environ.get('SKELETON_ACTION_COMMIT', 'unknown')
    changed = git('diff', 'HEAD', '--name-only', '--', *DECISIVE)
    return head + ('+' if changed else '')


def each_once(names: Iterable[str]) -> str:
    """Join names, each of which may be several joined so, in their order: 'ABC, DEF'."""
    return ', '.join(dict.fromkeys(one for name in names for one in name.split(', ')))


def machine(device: str = 'cpu') -> str:
    """Say in words on what this runs."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith('model name')]
        name = lines[0].split(':', 1)[1].strip() if lines else name
    if device != 'cpu':
        name = f'{torch.cuda.get_device_name(device)}, {name}'
    return f'{name}, {torch.get_num_threads()} threads, torch {torch.__version__}'
