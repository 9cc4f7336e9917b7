"""Running nodes as a program: spinning, signals, exit codes."""

from __future__ import annotations

import signal
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

_SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep Python to itself; the default, 5 ms, is longer than a decision."""


def run(make_nodes: Callable[[], Sequence[Node]], args: Sequence[str] | None = None) -> int:
    """
    Spin nodes until SIGINT, SIGTERM or the context's shutdown.

    :param make_nodes: called once ROS is up.
    :param args: ROS arguments; None: those of the command line.
    :return: 0 after a clean end, 1 where a node cannot be made, configured or activated.
    """
    # ROS's own handler, installed over this, shuts the context down; a KeyboardInterrupt, and
    # another at the second Ctrl-C, would only disturb the closing.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        rclpy.init(args=None if args is None else list(args))
    except RuntimeError as error:  # rclpy's RCLError: bad ROS arguments or parameter file
        print(f'cannot start: {error}', file=sys.stderr)
        return FAILED
    try:
        with spinning(make_nodes()) as spinner:
            spinner.wait()
        return FAILED if spinner.failed else 0
    except SkeletonActionError as error:
        print(f'cannot start: {error}', file=sys.stderr)
        return FAILED
    except Exception:
        if rclpy.ok():
            raise
        return 0  # a signal has taken the context away while the nodes were being made
    finally:
        rclpy.try_shutdown()


@contextmanager
def spinning(nodes: Sequence[Node]) -> Iterator[Spinner]:
    """
    Spin nodes in threads while the context lasts, then close them. ROS is up before it.

    An error that ended a thread is raised at the end of the context.
    """
    spinner = Spinner(nodes)
    try:
        yield spinner
    finally:
        spinner.stop()


class Spinner:
    """
    Spins each node in an executor and thread of its own, from its making on.

    An executor goes through everything its nodes wait for each time it wakes up: in one for all,
    each message would wait for that, and for the callbacks of the other nodes. So that threads do
    not wait for each other either, Python switches between them every half a millisecond.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._nodes = list(nodes)
        self._executors = [SingleThreadedExecutor() for _ in nodes]
        self._threads = [
            threading.Thread(target=self._spin, args=pair, name=pair[0].get_name(), daemon=True)
            for pair in zip(self._nodes, self._executors, strict=True)
        ]
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        self.failed = False
        for thread in self._threads:
            thread.start()

    @property
    def ended(self) -> bool:
        """Whether ROS is shut down, a node has failed to start, or a thread has ended."""
        return self._ended.is_set()

    def wait(self) -> None:
        """Wait until ROS is shut down, or a node has failed to start."""
        self._ended.wait()

    def stop(self) -> None:
        """
        End the threads and close the nodes.

        :raises Exception: what ended a thread, if something did.
        """
        self._ended.set()
        for executor, thread in zip(self._executors, self._threads, strict=True):
            executor.wake()
            thread.join()
        for node in self._nodes:
            if isinstance(node, ActionNode):
                node.close()
            else:
                node.destroy_node()
        for executor in self._executors:
            executor.shutdown()
        if self._failures:
            raise self._failures[0]

    def _spin(self, node: Node, executor: SingleThreadedExecutor) -> None:
        executor.add_node(node)
        try:
            while rclpy.ok() and not self._ended.is_set():
                executor.spin_once()
                if isinstance(node, ActionNode) and node.failed_to_start and rclpy.ok():
                    self.failed = True
                    break
        except ExternalShutdownException:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by `stop`
            if rclpy.ok():  # else a signal has taken the context away from under a callback
                self._failures.append(error)
        finally:
            self._ended.set()
