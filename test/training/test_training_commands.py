"""How commands end where they are given what they cannot use, or are stopped."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_clips import lifting_samples, tiny_recipe

from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError
from training import background, evaluate, export, measure, open_set, run, table, train
from training import map as maps
from training.command import LARGEST_SEED, check_writable, one_line, seed_number
from training.evaluate import Comparison, Exercise, check_askable
from training.protocols import ask_exam
from training.recipes import make_system, recipe_for
from training.train import check_actions, device_of

PARSER = argparse.ArgumentParser(prog='a command')


@pytest.mark.parametrize(
    ('error', 'code', 'line'),
    [
        (KeyboardInterrupt(), 130, 'a command: come again\n'),
        (SkeletonActionError('one\n  two'), 1, 'a command: one two\n'),
        (OSError(28, 'No space left on device', 'x'), 1, 'a command: [Errno 28] No space left on'),
    ],
)
def test_command_ends_with_one_line(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    with pytest.raises(SystemExit) as ended, one_line(PARSER, 'come again'):
        raise error

    assert ended.value.code == code
    told = capsys.readouterr().err
    assert told.startswith(line)
    assert told.count('\n') == 1


def test_bug_is_not_taken_for_bad_input() -> None:
    with pytest.raises(KeyError), one_line(PARSER):
        raise KeyError('x')


def test_reader_that_has_had_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, 'w') as broken:
        monkeypatch.setattr(sys, 'stdout', broken)
        with pytest.raises(SystemExit) as ended, one_line(PARSER):
            print('what nobody reads')
        monkeypatch.undo()

    assert ended.value.code == 1


STOPPED: list[tuple[Any, str, list[str], str]] = [
    (train, 'chosen_recipe', ['utd-15'], 'stopped; --resume goes on'),
    (run, 'chosen_recipe', ['utd-15'], 'stopped; --resume goes on'),
    (evaluate, 'load_checkpoint', ['x.pt'], 'stopped'),
    (export, 'load_checkpoint', ['x.pt', '--out', 'made'], 'stopped'),
    (maps, 'load_checkpoint', ['x.pt', '--out', 'x.png'], 'stopped'),
    (measure, 'load_checkpoint', ['x.pt'], 'stopped'),
    (open_set, 'load_checkpoint', [], 'stopped'),
    (background, 'read_findings', ['x'], 'stopped'),
    (table, 'read_results', [], 'stopped'),
]


@pytest.mark.parametrize(('module', 'inner', 'words', 'line'), STOPPED)
def test_every_command_can_be_stopped(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: Any,
    inner: str,
    words: list[str],
    line: str,
) -> None:
    def stop(*found: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, inner, stop)

    with pytest.raises(SystemExit) as ended:
        module.main(words)

    assert ended.value.code == 130
    assert capsys.readouterr().err.endswith(f': {line}\n')
    assert list(tmp_path.iterdir()) == []


def test_seed_is_what_generators_take() -> None:
    assert [seed_number(text) for text in ('0', '7', str(LARGEST_SEED))] == [0, 7, LARGEST_SEED]
    for text in ('-1', '1.5', 'x', str(LARGEST_SEED + 1)):
        with pytest.raises(argparse.ArgumentTypeError, match=f'got {text!r}'):
            seed_number(text)


@pytest.mark.parametrize(
    ('main', 'words'),
    [
        (train.main, ['utd-15', '--seed', '-1']),
        (run.main, ['utd-15', '--seeds', '0', '-1']),
        (open_set.main, ['--seeds', '-1']),
    ],
)
def test_negative_seed_is_refused(
    capsys: pytest.CaptureFixture[str], main: Callable[[list[str]], int], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert "a seed is a whole number from 0 to 4294967295, got '-1'" in capsys.readouterr().err


def test_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path)
    check_writable(tmp_path / 'not' / 'yet')

    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / 'file'
    file.write_text('x')
    for place in (file, file / 'below'):
        with pytest.raises(SkeletonActionError, match='must be a folder that can be written, got'):
            check_writable(place)
    closed = tmp_path / 'closed'
    closed.mkdir()
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if not os.access(closed, os.W_OK):  # who is root may write anywhere
        with pytest.raises(SkeletonActionError, match='Permission denied'):
            check_writable(closed / 'runs')


def test_training_does_not_begin_where_it_could_not_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*names: Any, **more: Any) -> None:
        raise AssertionError('data is loaded')

    monkeypatch.setattr(train, 'load_samples', never)
    (tmp_path / 'out').write_text('x')

    with pytest.raises(SystemExit) as ended:
        train.main(['utd-15', '--device', 'cpu', '--out', str(tmp_path / 'out')])

    assert ended.value.code == 1
    assert 'must be a folder that can be written' in capsys.readouterr().err


@pytest.mark.parametrize('module', [train, run])
def test_curves_that_cannot_be_drawn_are_told_before_data_is_loaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: Any,
) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(tmp_path / 'none'))
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard.writer', None)
    monkeypatch.setattr(run, 'RUNS', tmp_path / 'runs')
    where = ['--out', str(tmp_path)] if module is train else ['--results', str(tmp_path)]

    with pytest.raises(SystemExit) as ended:
        module.main(['utd-15', '--device', 'cpu', '--tensorboard', *where])

    assert ended.value.code == 1
    assert 'there is no TensorBoard here' in capsys.readouterr().err


def test_devices_are_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert [device_of(name) for name in ('auto', 'cpu')] == ['cpu', 'cpu']
    for name in ('cuda', 'tpu', 'cuda:0', ''):
        with pytest.raises(ConfigError, match=f'one of auto, cpu here, got {name!r}'):
            device_of(name)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert [device_of(name) for name in ('auto', 'cuda', 'cuda:1')] == ['cuda', 'cuda', 'cuda:1']
    with pytest.raises(ConfigError, match="auto, cpu, cuda, cuda:0, cuda:1 here, got 'cuda:2'"):
        device_of('cuda:2')


def test_one_action_alone_is_not_learned() -> None:
    samples = lifting_samples()
    one = [sample for sample in samples if sample.clip.label == 'lift_head']

    with pytest.raises(SkeletonActionError, match=r'two actions or more .* in made, got made/l'):
        check_actions(tiny_recipe(), one)
    with pytest.raises(SkeletonActionError, match='got none'):
        check_actions(tiny_recipe(), [])
    check_actions(tiny_recipe(), samples, {'made/lift_head'})
    with pytest.raises(SkeletonActionError, match='1 of them from no clip, such as made/wave'):
        check_actions(tiny_recipe(), samples, {'made/lift_head', 'made/wave'})


def test_checkpoint_is_not_asked_to_name_what_it_has_not_learned() -> None:
    samples = lifting_samples()
    questions = {'': ask_exam(samples, np.random.default_rng(0))}
    asked = Exercise(samples, None, questions, closed=True)
    system = make_system(recipe_for('utd-closed', 'classifier'))

    assert check_askable(system, asked) == {sample.action for sample in samples}
    with pytest.raises(SkeletonActionError, match=r'to name made/lift_elbow_right, .* made/wave'):
        Comparison(system, torch.nn.Module(), ['made/wave'], asked)


def test_system_that_compares_may_be_asked_about_any_action() -> None:
    samples = lifting_samples(people=2, repeats=1)
    questions = {'': ask_exam(samples, np.random.default_rng(0))}
    asked = Exercise(samples, None, questions, closed=False)

    for system in ('encoder', 'classifier'):
        assert check_askable(make_system(recipe_for('utd-15', system)), asked) == frozenset()
    with pytest.raises(ConfigError, match='compares no clips'):
        check_askable(make_system(recipe_for('utd-15', 'recurrent')), asked)
