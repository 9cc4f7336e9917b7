"""A run that is killed at once goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_files import write_ntu

from training.checkpoints import read_state
from training.data import CHECKOUT
from training.train import main

STEPS = 60
TINY = (
    *(f'optimizer.steps={STEPS}', 'optimizer.validate_steps=4', 'optimizer.patience=1000'),
    *('model.token=6', 'model.local=1', 'batch.classes=4', 'batch.clips_per_class=2'),
    *('model.width=16', 'model.dilations=(1, 2)', 'model.embedding=8', 'model.stretches=2'),
    'preprocess.frames=8',
)
DEADLINE_S = 120.0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f'no {what} within {DEADLINE_S:g} s'
        time.sleep(0.02)


def test_killed_run_goes_on_to_the_result_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('SKELETON_ACTION_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'data' / 'ntu'
    folder.mkdir(parents=True)
    for action in (2, 8, 3, 9, 15, 21):
        for person in (8, 9, 10):
            name = f'S001C003P{person:03}R001A{action:03}.skeleton'
            write_ntu(folder, (('1',),) * (5 + action % 4 + person % 3), name)
    words = ['ntu120-one-shot-20', '--device', 'cpu']
    words += [word for setting in TINY for word in ('--set', setting)]
    killed, whole = tmp_path / 'killed', tmp_path / 'whole'

    process = subprocess.Popen(
        [sys.executable, '-m', 'training.train', *words, '--out', str(killed)], cwd=CHECKOUT
    )
    try:
        wait_for((killed / 'checkpoint.pt').is_file, 'checkpoint')
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = read_state(killed / 'checkpoint.pt')['step']
    main([*words, '--out', str(killed), '--resume'])
    main([*words, '--out', str(whole)])

    assert 0 < reached < STEPS
    first, second = (read_state(out / 'checkpoint.pt') for out in (killed, whole))
    assert first['step'] == second['step'] == STEPS
    assert first['history'] == second['history']
    for key, value in second['best_weights'].items():
        np.testing.assert_array_equal(first['best_weights'][key], value, err_msg=key)
