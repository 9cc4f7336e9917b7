"""Say in one line what this machine lacks for set-up. Needs the standard library only."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

SUPPORTED_PYTHON = ((3, 10), (3, 13))
TOOLS = {'git': 'git', 'make': 'make', 'cmake': 'cmake', 'g++': 'g++'}


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def missing_tools(with_jazzy: bool) -> dict[str, str]:
    """Return the tools that are not here, each with the Debian package that has it."""
    tools = dict(TOOLS)
    if with_jazzy:
        tools['colcon'] = 'python3-colcon-common-extensions'
    missing = {tool: package for tool, package in tools.items() if shutil.which(tool) is None}
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        missing['python3-venv'] = 'python3-venv'
    if not Path(sysconfig.get_path('include'), 'Python.h').is_file():
        missing['Python.h'] = 'python3-dev'
    return missing


def check_machine(with_jazzy: bool) -> None:
    """:raises SetupError: this machine lacks something that set-up needs."""
    low, high = SUPPORTED_PYTHON
    version = sys.version_info[:2]
    if not low <= version <= high:
        raise SetupError(
            f'Python {version[0]}.{version[1]} at {sys.executable}: need {low[0]}.{low[1]} to '
            f'{high[0]}.{high[1]}; choose one with make PYTHON=/path/to/python3'
        )
    machine = (platform.system(), platform.machine())
    if not with_jazzy and machine != ('Linux', 'x86_64'):
        raise SetupError(
            f'this is {machine[0]} on {machine[1]}: the ROS 2 wheels are for Linux on x86_64; '
            f'elsewhere source a ROS 2 Jazzy installation first'
        )
    missing = missing_tools(with_jazzy)
    if missing:
        raise SetupError(
            f'missing {", ".join(missing)}: sudo apt-get install -y '
            f'{" ".join(dict.fromkeys(missing.values()))}'
        )


def jazzy_is_sourced(environ: Mapping[str, str]) -> bool:
    """:raises SetupError: another ROS distribution is sourced; mixing the two cannot work."""
    distribution = environ.get('ROS_DISTRO', '')
    if distribution not in ('', 'jazzy'):
        raise SetupError(
            f'ROS_DISTRO is {distribution!r}: source a ROS 2 Jazzy installation, or none, '
            f'and run this in a new shell'
        )
    return distribution == 'jazzy'


def main() -> int:
    try:
        check_machine(jazzy_is_sourced(os.environ))
    except SetupError as error:
        print(f'set-up: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
