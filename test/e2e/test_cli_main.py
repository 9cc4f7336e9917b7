"""What all commands of `skeleton-action` share."""

from __future__ import annotations

import subprocess
import sys

import pytest

from skeleton_action_ros.cli.main import main

TALKS = """
import sys, types
run = lambda arguments: print('x') or 0
command = types.SimpleNamespace(configure=lambda parser: None, run=run)
sys.modules['skeleton_action_ros.cli.bag'] = command
from skeleton_action_ros.cli.main import main
sys.exit(main(['bag']))
"""


def test_unknown_command_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(['recognise'])
    assert ended.value.code == 2
    assert "'recognize', 'enroll', 'actions'" in capsys.readouterr().err


def test_output_that_nobody_reads_any_more_leaves_no_traceback() -> None:
    command = [sys.executable, '-c', TALKS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b''
