"""Two processes train as one: their weights are those of a run on both of their batches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_files import write_ntu

from skeleton_action_ros.core.errors import ConfigError
from training import parallel
from training.checkpoints import load_checkpoint, read_state
from training.data import CHECKOUT, load_samples
from training.recipes import recipe_for
from training.settings import override
from training.trainer import Trainer

STEPS = 2
SET = ('RANK', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')
TINY = (
    *(f'optimizer.steps={STEPS}', 'optimizer.validate_steps=1', 'model.token=6', 'model.local=1'),
    *('batch.classes=4', 'batch.clips_per_class=2', 'model.width=16', 'model.dilations=(1, 2)'),
    *('model.embedding=8', 'preprocess.frames=8', 'model.stretches=2', 'optimizer.average=0.0'),
    *('optimizer.mixed_precision=False', 'optimizer.warm_up_steps=0'),
)


def test_gradients_of_two_processes_are_averaged(
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
    words = ['ntu120-one-shot-20', '--device', 'cpu', '--out', str(tmp_path / 'out')]
    words += [word for setting in TINY for word in ('--set', setting)]
    recipe = override(recipe_for('ntu120-one-shot-20'), TINY)

    with Trainer(recipe, load_samples(['ntu'])) as alone:
        for step in range(STEPS):
            gradients = []
            for number in (2 * step, 2 * step + 1):
                torch.manual_seed(number)
                alone.model.train()
                alone.model.zero_grad()
                alone.system.loss(alone.model, alone.batches.at(number)).backward()  # type: ignore[no-untyped-call]
                gradients.append([one.grad.clone() for one in alone.model.parameters()])  # type: ignore[union-attr]
            for parameter, *pair in zip(alone.model.parameters(), *gradients, strict=True):
                parameter.grad = (pair[0] + pair[1]) / 2
            torch.nn.utils.clip_grad_norm_(alone.model.parameters(), 1.0)
            for group in alone.optimizer.param_groups:
                group['lr'] = alone.system.learning_rate(step)
            alone.optimizer.step()
    launched = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    subprocess.run(
        [*launched, '--nproc-per-node', '2', '-m', 'training.train', *words],
        cwd=CHECKOUT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        check=True,
        timeout=300,
    )

    found = read_state(tmp_path / 'out' / 'checkpoint.pt')
    assert found['step'] == STEPS
    assert found['processes'] == 2
    assert load_checkpoint(tmp_path / 'out' / 'checkpoint.pt').processes == 2
    for name, value in alone.model.named_parameters():
        np.testing.assert_allclose(
            found['model'][name], value.detach(), rtol=1e-3, atol=2e-5, err_msg=name
        )


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({'WORLD_SIZE': 'two'}, "WORLD_SIZE must be a whole number from 1.*, got 'two'"),
        ({'WORLD_SIZE': '0'}, "WORLD_SIZE must be a whole number from 1.*, got '0'"),
        ({'WORLD_SIZE': '2', 'RANK': '0'}, 'is 2 and LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set'),
        (
            {**dict.fromkeys(SET, '1'), 'WORLD_SIZE': '2'},
            'process 2 of this machine has no GPU: expected --nproc-per-node 1 at most',
        ),
    ],
)
def test_processes_that_cannot_train_together_are_told(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str], message: str
) -> None:
    for name in ('WORLD_SIZE', *SET):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)

    with pytest.raises(ConfigError, match=message), parallel.together('cuda'):
        pass


def test_one_process_trains_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (None, '1'):
        monkeypatch.delenv('WORLD_SIZE', raising=False)
        if found:
            monkeypatch.setenv('WORLD_SIZE', found)
        with parallel.together('cpu') as device:
            assert (device, parallel.size()) == ('cpu', 1)
