"""The nodes as programs, and the command line that talks to them: start, end, come back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')

from bundles import motion_bundle

PATIENCE_S = 30.0
NODES = 'skeleton_action_ros.nodes'


class Program:
    """A child process whose output is read line by line with a deadline."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.out = folder / f'{len(list(folder.iterdir()))}.out'
        self.err = self.out.with_suffix('.err')
        with self.out.open('wb') as out, self.err.open('wb') as err:
            self.process = subprocess.Popen(
                [sys.executable, '-m', *arguments], stdout=out, stderr=err, cwd=folder
            )

    def wait_for(self, what: str, times: int = 1, *, out: bool = False) -> None:
        """Wait until its log (or its output) says something so many times."""
        deadline = time.monotonic() + PATIENCE_S
        while (self.out if out else self.err).read_text().count(what) < times:
            assert time.monotonic() < deadline, f'in vain: {what!r} in {self.said()}'
            assert self.process.poll() is None, f'ended without {what!r}: {self.said()}'
            time.sleep(0.02)

    def end(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(PATIENCE_S)

    def said(self) -> str:
        return self.out.read_text() + self.err.read_text()


Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs that do not outlive the test."""
    folder = tmp_path / 'programs'
    folder.mkdir()
    os.environ['ROS_LOG_DIR'] = str(tmp_path / 'log')
    programs: list[Program] = []

    def run(*arguments: str) -> Program:
        programs.append(Program(folder, *arguments))
        return programs[-1]

    yield run
    for program in programs:
        program.process.kill()
        program.process.wait()


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return motion_bundle(tmp_path_factory.mktemp('models') / 'motion')


def parameters(*assignments: str) -> list[str]:
    return ['--ros-args', *(word for item in assignments for word in ('-p', item))]


@pytest.mark.parametrize(
    ('name', 'how'),
    [
        ('skeleton_source', signal.SIGINT),
        ('window_buffer', signal.SIGTERM),
        ('action_recognizer', signal.SIGINT),
        ('action_enroller', signal.SIGTERM),
    ],
)
def test_node_ends_cleanly_on_a_signal(
    start: Start, bundle: Path, tmp_path: Path, name: str, how: signal.Signals
) -> None:
    assignments = [f'model:={bundle}', f'gallery:={tmp_path / "gallery.sqlite3"}']
    program = start(f'{NODES}.{name}', *parameters(*assignments))
    program.wait_for('active')
    assert program.end(how) == 0
    assert 'Traceback' not in program.said()


def test_second_signal_does_not_disturb_the_end(start: Start) -> None:
    program = start(f'{NODES}.window_buffer')
    program.wait_for('active')
    for _ in range(5):
        program.process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert program.wait() == 0
    assert 'Traceback' not in program.said()


INTERRUPTED_WHILE_STARTING = """
import os, signal, sys, time
import rclpy
from skeleton_action_ros.nodes.running import run
from skeleton_action_ros.nodes.window_buffer import WindowBufferNode

def make():
    os.kill(os.getpid(), signal.SIGINT)
    while rclpy.ok():
        time.sleep(0.01)
    return [WindowBufferNode()]

sys.exit(run(make, []))
"""


def test_signal_while_the_nodes_are_being_made_ends_cleanly() -> None:
    done = subprocess.run(
        [sys.executable, '-c', INTERRUPTED_WHILE_STARTING],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, 'Traceback' in done.stderr) == (0, False), done.stderr


def test_malformed_parameter_file_is_named(start: Start, tmp_path: Path) -> None:
    config = tmp_path / 'broken.yaml'
    config.write_text('a: [')
    program = start(f'{NODES}.window_buffer', '--ros-args', '--params-file', str(config))
    assert program.wait() == 1
    assert 'cannot start' in program.said()
    assert str(config) in program.said()
    assert 'Traceback' not in program.said()


@pytest.mark.parametrize(
    ('name', 'assignment', 'expected'),
    [
        ('window_buffer', 'windows.hop_s:=-1.0', 'windows.hop_s'),
        ('skeleton_source', 'source:=kinect', "got 'kinect'"),
        ('skeleton_source', 'source:=bag', 'needs the parameter path'),
        ('action_recognizer', 'model:=/nowhere', '/nowhere'),
    ],
)
def test_node_that_cannot_start_exits_with_one_and_says_why(
    start: Start, name: str, assignment: str, expected: str
) -> None:
    program = start(f'{NODES}.{name}', *parameters(assignment))
    assert program.wait() == 1
    assert expected in program.said()
    assert 'Traceback' not in program.said()


def test_node_that_does_not_start_itself_waits(start: Start) -> None:
    program = start(f'{NODES}.window_buffer', *parameters('autostart:=false'))
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(3.0)
    assert program.end(signal.SIGINT) == 0
    assert 'active' not in program.said()


def test_composed_program_takes_arguments_over_parameter_files(
    start: Start, bundle: Path, tmp_path: Path
) -> None:
    config = tmp_path / 'config.yaml'
    config.write_text('/**/skeleton_source:\n  ros__parameters:\n    source: bag\n')
    program = start(
        f'{NODES}.composed',
        '--source=simulated',
        '--path=',
        f'--model={bundle}',
        f'--gallery={tmp_path / "gallery.sqlite3"}',
        *('--ros-args', '--params-file', str(config), '-r', '__ns:=/robot7'),
    )
    program.wait_for(': active', 4)
    assert 'robot7.skeleton_source' in program.said()
    assert program.end(signal.SIGINT) == 0
    assert 'Traceback' not in program.said()


def test_composed_program_exits_with_one_when_a_node_cannot_start(
    start: Start, tmp_path: Path
) -> None:
    program = start(f'{NODES}.composed', '--model=/nowhere', f'--gallery={tmp_path / "g.sqlite3"}')
    assert program.wait() == 1
    assert 'cannot configure' in program.said()


CLI = 'skeleton_action_ros.cli'


def teach(start: Start, *arguments: str) -> Any:
    """Enrol 'wave' from the command line, once somebody is in view; return the answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        program = start(CLI, 'enroll', 'wave', '--capture', 'next', '--json', *arguments)
        code = program.wait()
        answer = json.loads(program.out.read_text())
        if answer['message'] != 'nobody is in view' or time.monotonic() > deadline:
            assert (code, answer['success']) == (0, True), answer
            return answer


def test_actions_are_taught_listed_shared_and_recognised_from_the_command_line(
    start: Start, bundle: Path, tmp_path: Path
) -> None:
    config = tmp_path / 'one_action.yaml'
    config.write_text(
        '/**/skeleton_source:\n  ros__parameters:\n    simulation:\n'
        '      actions: wave_right\n      pause_s: 1.0\n      noise_m: 0.0\n'
        '      occluded_share: 0.0\n'
        # On a busy machine a second may pass between two frames: nobody has left then.
        '/**/action_enroller:\n  ros__parameters:\n    enrollment:\n      gone_after_s: 10.0\n'
        '/**/window_buffer:\n  ros__parameters:\n    windows:\n      max_gap_s: 5.0\n'
    )
    gallery = tmp_path / 'gallery.sqlite3'
    robot = start(
        CLI,
        'recognize',
        '--json',
        *('--config', str(config), '--model', str(bundle), '--gallery', str(gallery)),
        *('--namespace', 'cli'),
    )
    robot.wait_for(': active', 4)

    def ask(*arguments: str) -> Any:
        program = start(CLI, *arguments, '--namespace', 'cli', '--json')
        code = program.wait()
        return code, json.loads(program.out.read_text())

    assert teach(start, '--duration', '6', '--namespace', 'cli')['shots'] == 1
    robot.wait_for('"kind": "started"', out=True)
    robot.wait_for('"kind": "ended"', out=True)
    events = [json.loads(line) for line in robot.out.read_text().splitlines()]
    assert {event['label'] for event in events} == {'wave'}
    assert events[0]['confidence'] >= 0.5
    assert 0.0 <= events[0]['latency_s'] < 1.0
    code, actions = ask('actions', 'list')
    assert [(item['label'], item['shots']) for item in actions] == [('wave', 1)]
    assert ask('actions', 'rename', 'wave', 'hello')[1]['shots'] == 1
    code, answer = ask('actions', 'rename', 'nope', 'x')
    assert (code, answer['success']) == (1, False)
    assert "'nope'" in answer['message']
    exported = tmp_path / 'shared.sqlite3'
    share = start(CLI, 'actions', 'export', str(exported), '--gallery', str(gallery))
    assert share.wait() == 0, share.said()
    assert ask('actions', 'remove', 'hello')[1]['removed'] == 1
    take = start(CLI, 'actions', 'import', str(exported), '--gallery', str(gallery), '--json')
    assert take.wait() == 0, take.said()
    assert json.loads(take.out.read_text()) == {'added': 1, 'skipped': 0, 'removed': 0}
    robot.wait_for('gallery revision 4: hello')
    assert robot.end(signal.SIGINT) == 0


def test_command_says_in_one_line_that_nobody_answers(start: Start) -> None:
    program = start(CLI, 'actions', 'list', '--timeout', '0.5', '--namespace', 'nobody')
    assert program.wait() == 1
    (line,) = program.err.read_text().splitlines()
    assert 'nobody serves /nobody/list_actions' in line


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['actions', 'list', '--namespace', 'a-b'], "--namespace 'a-b' is no ROS namespace"),
        (['enroll', 'wave', '--body-id', '4294967296'], 'must be from -1 to 4294967295'),
        (['enroll', 'wave', '--duration', 'nan'], 'must be from 0 to 3600 s, got nan'),
        (['enroll', 'wave', '--duration', '1e60'], 'must be from 0 to 3600 s, got 1e60'),
    ],
)
def test_argument_that_no_request_can_carry_is_refused(
    arguments: list[str], complaint: str
) -> None:
    program = subprocess.run(
        [sys.executable, '-m', CLI, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert program.returncode in (1, 2)
    assert complaint in program.stderr.splitlines()[-1]
    assert 'Traceback' not in program.stderr


def test_recognize_without_its_parameter_file_says_so(start: Start) -> None:
    program = start(CLI, 'recognize', '--config', '/nowhere.yaml')
    assert program.wait() == 1
    assert 'there is no parameter file /nowhere.yaml' in program.err.read_text()


def test_killed_enroller_comes_back_with_everything_it_has_acknowledged(
    start: Start, bundle: Path, tmp_path: Path
) -> None:
    gallery = tmp_path / 'gallery.sqlite3'
    source = start(
        f'{NODES}.skeleton_source',
        *parameters('simulation.actions:=wave_right', 'simulation.pause_s:=1.0'),
    )
    source.wait_for('active')
    assignments = parameters(
        f'model:={bundle}', f'gallery:={gallery}', 'enrollment.gone_after_s:=10.0'
    )
    enroller = start(f'{NODES}.action_enroller', *assignments)
    enroller.wait_for('active')
    taught = teach(start, '--duration', '5')
    assert enroller.end(signal.SIGKILL) == -signal.SIGKILL
    again = start(f'{NODES}.action_enroller', *assignments)
    again.wait_for('active')
    listed = start(CLI, 'actions', 'list', '--json')
    assert listed.wait() == 0
    (action,) = json.loads(listed.out.read_text())
    assert action['template_ids'] == [taught['template_id']]
