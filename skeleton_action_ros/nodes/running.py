"""Running nodes as a program: spinning, signals, exit codes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.nodes.base import ActionNode

FAILED = 1


def run(make_nodes: Callable[[], Sequence[Node]], args: Sequence[str] | None = None) -> int:
    """
    Spin nodes in one executor until SIGINT, SIGTERM or the context's shutdown.

    :param make_nodes: called once ROS is up.
    :param args: ROS arguments; None: those of the command line.
    :return: 0 after a clean end, 1 where a node cannot be made, configured or activated.
    """
    rclpy.init(args=None if args is None else list(args))
    nodes: list[Node] = []
    executor = SingleThreadedExecutor()
    try:
        nodes += make_nodes()
        for node in nodes:
            executor.add_node(node)
        while rclpy.ok():
            executor.spin_once()
            failed = any(isinstance(node, ActionNode) and node.failed_to_start for node in nodes)
            if failed and rclpy.ok():
                return FAILED
        return 0
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except SkeletonActionError as error:
        print(f'cannot start: {error}', file=sys.stderr)
        return FAILED
    except Exception:
        if rclpy.ok():
            raise
        return 0  # a signal has taken the context away from under a callback
    finally:
        _close(nodes)
        executor.shutdown()
        rclpy.try_shutdown()


@contextmanager
def spinning(nodes: Sequence[Node]) -> Iterator[SingleThreadedExecutor]:
    """
    Spin nodes in a thread while the context lasts, then close them. ROS is up before and after.

    An error that ends the thread is raised at the end of the context.
    """
    executor = SingleThreadedExecutor()
    for node in nodes:
        executor.add_node(node)
    stopped = threading.Event()
    failures: list[BaseException] = []

    def spin() -> None:
        try:
            while rclpy.ok() and not stopped.is_set():
                executor.spin_once()
        except ExternalShutdownException:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failures.append(error)

    thread = threading.Thread(target=spin, name='executor', daemon=True)
    thread.start()
    try:
        yield executor
    finally:
        stopped.set()
        executor.wake()
        thread.join()
        _close(nodes)
        executor.shutdown()
        if failures:
            raise failures[0]


def _close(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if isinstance(node, ActionNode):
            node.close()
        else:
            node.destroy_node()
