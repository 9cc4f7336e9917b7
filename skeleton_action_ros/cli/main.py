"""
`skeleton-action COMMAND`: one module a command, imported only when it is called.

A command module has `configure(parser)` and `run(arguments) -> exit code`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from skeleton_action_ros.core.errors import SkeletonActionError

COMMANDS = {
    'recognize': 'run all four nodes in one process',
    'enroll': 'teach an action through /enroll_action',
    'actions': 'list, rename, remove, export or import what was taught',
    'sources': 'list what skeletons can come from on this machine, and what the others need',
    'record': 'write any source into a rosbag2',
    'bag': 'turn a data set, clips or the simulated person into a rosbag2',
    'evaluate': 'replay bags through the recogniser and report figures',
    'exam': 'one-shot accuracy of a model bundle on a folder of clips',
    'demo': 'teach five actions to a robot and watch it recognise them',
}
FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 only on success, 1 with one line on stderr for bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has had enough (`| head`): what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog='skeleton-action',
        description='Learn a human action from one demonstration and recognise it in real time.',
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    chosen = arguments[0] if arguments else ''
    for name, summary in COMMANDS.items():
        command_parser = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            module = importlib.import_module(f'skeleton_action_ros.cli.{name}')
            module.configure(command_parser)
            command_parser.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except SkeletonActionError as error:
        print(f'skeleton-action {chosen}: {error}', file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
