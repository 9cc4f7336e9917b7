"""Calling the enroller's services from the command line."""

from __future__ import annotations

import argparse
import os
from typing import Any

from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError

_SPARE_S = 5.0


class NoAnswerError(SkeletonActionError):
    """Nobody serves what is called, or the answer does not come."""


class NoRosError(SkeletonActionError):
    """ROS 2 or the messages of this package cannot be imported."""


def require_ros() -> None:
    """
    Check that ROS 2 is here.

    :raises NoRosError: it is not; says what to do.
    """
    try:
        import rclpy  # noqa: F401

        import skeleton_action_msgs  # noqa: F401
    except ImportError as error:
        raise NoRosError(
            f'this command needs ROS 2 and skeleton_action_msgs ({error}): run make setup and use '
            '.venv/bin/skeleton-action, or source the workspace that colcon has built'
        ) from error


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what every command that calls a service takes."""
    parser.add_argument('--namespace', default='', help='ROS namespace of action_enroller')
    parser.add_argument(
        '--timeout', type=float, default=5.0, help='seconds to wait for the enroller (5)'
    )
    parser.add_argument('--json', action='store_true', help='print the answer as JSON')


def call(
    kind: Any, name: str, request: Any, arguments: argparse.Namespace, takes_s: float = 0.0
) -> Any:
    """
    Call a service and return the response.

    :param takes_s: how long the service itself needs at least.
    :raises NoAnswerError: nobody serves it within `--timeout`, or no answer comes.
    :raises ConfigError: `--namespace` cannot be one.
    """
    import rclpy
    from rclpy.exceptions import NameValidationException

    full_name = '/'.join(['', *filter(None, [arguments.namespace.strip('/')]), name])
    rclpy.init(args=[])
    try:
        node = rclpy.create_node(f'skeleton_action_client_{os.getpid()}')
        client = node.create_client(kind, full_name)
        if not client.wait_for_service(timeout_sec=arguments.timeout):
            domain = os.environ.get('ROS_DOMAIN_ID', '0')
            raise NoAnswerError(
                f'nobody serves {full_name} in ROS domain {domain}: is action_enroller running and '
                'active (skeleton-action recognize, or ros2 launch), and in that namespace?'
            )
        future = client.call_async(request)
        patience_s = arguments.timeout + takes_s + _SPARE_S
        rclpy.spin_until_future_complete(node, future, timeout_sec=patience_s)
        if not future.done():
            raise NoAnswerError(f'{full_name} has not answered within {patience_s:.0f} s')
        return future.result()
    except NameValidationException as error:
        raise ConfigError(
            f'--namespace {arguments.namespace!r} is no ROS namespace: {str(error).splitlines()[0]}'
        ) from None
    finally:
        rclpy.try_shutdown()
