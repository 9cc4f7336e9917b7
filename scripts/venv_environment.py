"""
Makes a virtual environment the ROS prefix that it is; set-up copies this into the environment.

ROS finds packages through AMENT_PREFIX_PATH and message libraries through LD_LIBRARY_PATH. The
loader reads the second only when a process starts, so Python starts itself once more, with both
set. That happens before anything else runs: nothing needs sourcing, and every program in the
environment works from any shell.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

DONE = 'SKELETON_ACTION_PREFIX'


def ros_environment(prefix: str, environ: dict[str, str]) -> dict[str, str]:
    """
    Return a copy of environ with prefix on both paths, behind any workspace that is sourced.

    :param prefix: root of the virtual environment.
    """
    lib = Path(prefix, 'lib')
    bundled = sorted(str(path) for path in lib.glob('python3*/site-packages/ros_*.libs'))
    changed = dict(environ)
    for name, folders in (
        ('AMENT_PREFIX_PATH', [prefix]),
        ('LD_LIBRARY_PATH', [str(lib), *bundled]),
    ):
        before = [part for part in environ.get(name, '').split(os.pathsep) if part]
        missing = [folder for folder in folders if folder not in before]
        changed[name] = os.pathsep.join([*before, *missing])
    changed[DONE] = prefix
    changed['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = '1'  # the wheels' own restart is not needed
    return changed


def restart_once() -> None:
    """Replace this process by the same one in the ROS environment, unless it is in it already."""
    if os.environ.get(DONE) != sys.prefix:
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, ros_environment(sys.prefix, dict(os.environ)))
