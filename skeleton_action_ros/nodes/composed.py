"""All four nodes in one process, each in a thread of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rclpy.parameter import Parameter

from skeleton_action_ros.core.source import SkeletonSource
from skeleton_action_ros.nodes.action_enroller import ActionEnrollerNode
from skeleton_action_ros.nodes.action_recognizer import ActionRecognizerNode
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.configuration import SOURCES
from skeleton_action_ros.nodes.running import run
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode
from skeleton_action_ros.nodes.window_buffer import WindowBufferNode


def make_nodes(
    *,
    source: str = '',
    path: str = '',
    model: str = '',
    gallery: str = '',
    read: SkeletonSource | None = None,
) -> list[ActionNode]:
    """
    Make the four nodes; what is empty is as the parameter files say.

    :param source: parameter `source` of skeleton_source.
    :param path: parameter `path` of skeleton_source.
    :param model: parameter `model` of action_recognizer and action_enroller.
    :param gallery: parameter `gallery` of action_enroller.
    :param read: a source to read instead of what the parameters say.
    :raises ConfigError: a parameter has a value that it must not have.
    """
    given = {'source': source, 'path': path, 'model': model, 'gallery': gallery}

    def overrides(*names: str) -> list[Parameter]:
        return [Parameter(name, value=given[name]) for name in names if given[name]]

    return [
        ActionEnrollerNode(parameter_overrides=overrides('model', 'gallery')),
        ActionRecognizerNode(parameter_overrides=overrides('model')),
        WindowBufferNode(),
        SkeletonSourceNode(read, parameter_overrides=overrides('source', 'path')),
    ]


def main(args: Sequence[str] | None = None) -> int:
    """Run the four nodes; `--ros-args` as usual, before them what overrides the parameter files."""
    given = list(sys.argv[1:] if args is None else args)
    at = given.index('--ros-args') if '--ros-args' in given else len(given)
    parser = argparse.ArgumentParser(prog='recognize', description=__doc__)
    parser.add_argument(
        '--source', default='', choices=('', *SOURCES), help='source of skeleton_source'
    )
    parser.add_argument('--path', default='', help='path of skeleton_source')
    parser.add_argument('--model', default='', help='model of both nodes that have one')
    parser.add_argument('--gallery', default='', help='gallery of action_enroller')
    values = vars(parser.parse_args(given[:at]))
    return run(lambda: make_nodes(**values), [sys.argv[0], *given[at:]])


if __name__ == '__main__':
    sys.exit(main())
