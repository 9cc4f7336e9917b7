"""One thread for linear algebra: on a busy robot, threads that wait for each other cost dearly."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = """
import skeleton_action_ros, os
print(os.environ['OPENBLAS_NUM_THREADS'])
"""


@pytest.mark.parametrize(('given', 'expected'), [(None, '1'), ('4', '4')])
def test_one_thread_unless_the_user_says_otherwise(given: str | None, expected: str) -> None:
    environment = {key: value for key, value in os.environ.items() if 'NUM_THREADS' not in key}
    if given:
        environment['OPENBLAS_NUM_THREADS'] = given
    done = subprocess.run(
        [sys.executable, '-c', ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
