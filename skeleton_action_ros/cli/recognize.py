"""`skeleton-action recognize`: the four nodes in one process, their events printed live."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeleton_action_ros.cli.services import require_ros
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.skeleton import NS_PER_S

if TYPE_CHECKING:
    from rclpy.node import Node

_PACKAGE = 'skeleton_action_ros'
_DEFAULT_CONFIG = 'recognize.yaml'
_LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        '--source',
        default='',
        help='where skeletons come from (as configured); see: skeleton-action sources',
    )
    parser.add_argument('--path', default='', help='the clips or bag to read')
    parser.add_argument('--config', type=Path, help='ROS parameter file (config/recognize.yaml)')
    parser.add_argument('--model', default='', help='bundle: a name under models/, or a folder')
    parser.add_argument('--gallery', default='', help='gallery file (as configured)')
    parser.add_argument('--namespace', default='', help='ROS namespace of the nodes')
    parser.add_argument('--log-level', choices=_LOG_LEVELS, default='info')
    parser.add_argument(
        '--no-autostart', action='store_true', help='wait for a lifecycle manager to activate'
    )
    parser.add_argument('--json', action='store_true', help='one JSON object a line')


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; 1 where a node cannot start."""
    require_ros()
    config = arguments.config or find_config()
    if not config.is_file():
        raise ConfigError(f'there is no parameter file {config}')
    from skeleton_action_ros.nodes import running
    from skeleton_action_ros.nodes.composed import make_nodes

    ros = ['--ros-args', '--params-file', str(config), '--log-level', arguments.log_level]
    if arguments.namespace:
        ros += ['-r', f'__ns:=/{arguments.namespace.strip("/")}']
    if arguments.no_autostart:
        ros += ['-p', 'autostart:=false']

    def nodes() -> list[Node]:
        return [
            *make_nodes(
                source=arguments.source,
                path=arguments.path,
                model=arguments.model,
                gallery=arguments.gallery,
            ),
            event_printer(as_json=arguments.json),
        ]

    return running.run(nodes, [sys.argv[0], *ros])


def find_config(name: str = _DEFAULT_CONFIG) -> Path:
    """
    Return a parameter file of this package: the checkout's, or the installed one.

    :raises ConfigError: there is none.
    """
    candidates = list(_candidates(name))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ConfigError(f'no {name}: looked at {", ".join(map(str, candidates))}')


def _candidates(name: str) -> Iterator[Path]:
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / 'package.xml').is_file():
        yield checkout / 'config' / name
    for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        yield Path(prefix) / 'share' / _PACKAGE / 'config' / name


def event_printer(*, as_json: bool) -> Node:
    """Make a node that prints every action event on standard output."""
    from rclpy.node import Node

    from skeleton_action_msgs.msg import ActionEvent
    from skeleton_action_ros.nodes import qos

    node = Node('skeleton_action_events')

    def show(message: ActionEvent) -> None:
        line = json.dumps(event_fields(message)) if as_json else event_line(message)
        print(line, flush=True)

    node.create_subscription(ActionEvent, 'action_events', show, qos.EVENTS)
    return node


def event_fields(message: Any) -> dict[str, Any]:
    """Return an ActionEvent as plain values; times in nanoseconds, sensor time."""
    ended = message.kind == message.ENDED
    return {
        'kind': 'ended' if ended else 'started',
        'label': message.label,
        'body_id': message.body_id,
        'stamp_ns': _ns(message.header.stamp),
        'start_ns': _ns(message.start),
        'end_ns': _ns(message.end) if ended else None,
        'confidence': round(message.confidence, 4),
        'latency_s': round(message.latency, 6),
    }


def event_line(message: Any) -> str:
    """Return an ActionEvent as one line for people."""
    event = event_fields(message)
    line = f'person {event["body_id"]}  {event["label"]}  {event["kind"]}'
    if event['kind'] == 'ended':
        return f'{line} after {(event["end_ns"] - event["start_ns"]) / NS_PER_S:.1f} s'
    return (
        f'{line} (confidence {event["confidence"]:.2f}, '
        f'{event["latency_s"] * 1e3:.0f} ms after the deciding frame)'
    )


def _ns(time: Any) -> int:
    return int(time.sec) * NS_PER_S + int(time.nanosec)
