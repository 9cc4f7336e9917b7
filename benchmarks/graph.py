"""The whole graph: nodes in processes of their own, simulated persons, and a probe that listens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from benchmarks.results import Row, distribution, value
from skeleton_action_msgs.msg import ActionEvent, RecognizedActionArray, SkeletonArray
from skeleton_action_msgs.srv import EnrollAction
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.adapters.msg_conversions import time_from_msg
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.gallery import Template, template_id
from skeleton_action_ros.core.simulation import Sensor, draw_person, simulate_action
from skeleton_action_ros.nodes import qos

_TAUGHT = ('wave_right', 'clap', 'kick_right', 'bow', 'raise_both_arms')
_WARM_UP_S = 3.0
_READY_WITHIN_S = 60.0
_SETTLED_WITHIN_S = 15.0
_ENDS_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.05
_NODES = ('action_enroller', 'action_recognizer', 'window_buffer', 'skeleton_source')


@dataclass(frozen=True)
class Setting:
    """
    What all runs share.

    :param seconds: length of each run.
    :param out: where the gallery of the run is made.
    """

    model: str
    seconds: float
    out: Path


def one_process(setting: Setting) -> list[Row]:
    """Measure one person at 30 Hz before the four nodes in one process."""
    with _running(setting, persons=1, composed=True) as run:
        cores = run.play()
        return [
            *run.latencies('one process', 'p50 < 5 ms, p99 < 15 ms'),
            value('one process: processor used', cores, 'cores'),
        ]


def four_processes(setting: Setting) -> list[Row]:
    """Measure one person at 30 Hz before four processes."""
    with _running(setting, persons=1, composed=False) as run:
        cores = run.play()
        return [
            *run.latencies('four processes', 'p99 < 30 ms'),
            value('four processes: processor used', cores, 'cores'),
        ]


def six_persons(setting: Setting) -> list[Row]:
    """Measure six persons at 30 Hz before one process: latency, losses, use of the processor."""
    with _running(setting, persons=6, composed=True) as run:
        cores = run.play()
        sent, received = (
            run.count('skeleton_source', 'skeletons'),
            run.count('window_buffer', 'skeletons'),
        )
        cut, taken = (
            run.count('window_buffer', 'windows'),
            run.count('action_recognizer', 'windows'),
        )
        late = run.count('skeleton_source', 'dropped_late')
        return [
            *run.latencies('six persons, one process'),
            value('six persons: scenes sent', sent, 'scenes'),
            value('six persons: scenes lost', sent - received + late, 'scenes', sent, '0'),
            value('six persons: windows lost', cut - taken, 'windows', cut, '0'),
            value('six persons: processor used', cores, 'cores', 1, '< 1'),
        ]


def enrolment(setting: Setting) -> list[Row]:
    """Measure how long `/enroll_action` takes to answer on motion that is past."""
    with _running(setting, persons=1, composed=True) as run:
        taken = run.enroll_again_and_again()
        return [
            distribution('enrolment of past motion, call to answer', taken, 'ms', 'p99 < 100 ms')
        ]


class _Probe(Node):  # type: ignore[misc]
    """Listens as a robot's program would."""

    def __init__(self) -> None:
        super().__init__('benchmark_probe')
        self.seen_ns: dict[int, int] = {}
        self.decided_ns: dict[int, int] = {}
        self.events_ms: list[tuple[int, float]] = []
        self.values: dict[str, dict[str, str]] = {}
        self.enroller = self.create_client(EnrollAction, 'enroll_action')
        self.create_subscription(SkeletonArray, 'skeletons', self._on_skeletons, qos.SENSOR)
        self.create_subscription(RecognizedActionArray, 'actions', self._on_actions, qos.EVENTS)
        self.create_subscription(ActionEvent, 'action_events', self._on_event, qos.EVENTS)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def _on_skeletons(self, message: SkeletonArray) -> None:
        self.seen_ns[time_from_msg(message.header.stamp)] = time.time_ns()

    def _on_actions(self, message: RecognizedActionArray) -> None:
        self.decided_ns[time_from_msg(message.header.stamp)] = time.time_ns()

    def _on_event(self, message: ActionEvent) -> None:
        if message.kind == ActionEvent.STARTED:
            self.events_ms.append((time_from_msg(message.header.stamp), message.latency * 1e3))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {item.key: item.value for item in status.values}
            self.values[status.name.strip('/')] = values


class _Run:
    """Nodes at work, and the probe."""

    def __init__(
        self, probe: _Probe, processes: Sequence[subprocess.Popen[bytes]], seconds: float
    ) -> None:
        self._probe = probe
        self._processes = processes
        self._seconds = seconds

    def play(self) -> float:
        """
        Wait until the simulated persons are done and all is counted.

        :return: processor used meanwhile by all processes, in cores.
        """
        self._await_first()
        began_s, used_s = time.monotonic(), self._used_s()
        self._wait(
            lambda: time.monotonic() - began_s >= self._seconds - _WARM_UP_S,
            self._seconds + _SETTLED_WITHIN_S,
            'the nodes went on',
        )
        cores = (self._used_s() - used_s) / (time.monotonic() - began_s)
        self._wait(
            lambda: self._probe.values['skeleton_source'].get('reading') == 'ended',
            _SETTLED_WITHIN_S,
            'the source came to its end',
        )
        seen: list[dict[str, str]] = []
        self._wait(lambda: self._is_settled(seen), _SETTLED_WITHIN_S, 'the counters stood still')
        return cores

    def latencies(self, name: str, goal: str = '') -> list[Row]:
        """
        Sum up what came after the warm-up.

        Both messages reach the probe in one step: from one to the other is what the nodes took.
        What ends because the skeletons have ended is left out: there the robot waits on purpose.
        """
        seen_ns, decided_ns = self._probe.seen_ns, self._probe.decided_ns
        from_ns, last_ns = min(decided_ns) + round(_WARM_UP_S * 1e9), max(decided_ns)
        labels = {
            stamp: at for stamp, at in decided_ns.items() if stamp >= from_ns and stamp in seen_ns
        }
        events = [
            (stamp, taken)
            for stamp, taken in self._probe.events_ms
            if from_ns <= stamp < last_ns and stamp in seen_ns
        ]
        return [
            distribution(
                f'{name}: skeletons received to labels received',
                [(at - seen_ns[stamp]) / 1e6 for stamp, at in labels.items()],
                'ms',
                goal,
            ),
            distribution(
                f'{name}: sensor stamp to labels received',
                [(at - stamp) / 1e6 for stamp, at in labels.items()],
                'ms',
            ),
            distribution(
                f'{name}: skeletons received to event published',
                [taken - (seen_ns[stamp] - stamp) / 1e6 for stamp, taken in events],
                'ms',
                goal,
            ),
            distribution(
                f'{name}: sensor stamp to event published', [taken for _, taken in events], 'ms'
            ),
            *self._inside(name),
        ]

    def _inside(self, name: str) -> list[Row]:
        """Return what the nodes themselves measured, from `/diagnostics`."""
        rows = []
        for node, kind, meaning in (
            ('window_buffer', 'arrival', 'stamp to skeletons handled'),
            ('action_recognizer', 'decision', 'decision alone'),
        ):
            values = self._probe.values[node]
            p50, p99 = (float(values[f'latency_ms.{kind}.{rank}']) for rank in ('p50', 'p99'))
            rows.append(Row(f'{name}: {meaning}', 'ms', p50, p99, self.count(node, 'windows')))
        return rows

    def count(self, node: str, name: str) -> int:
        """Return a counter from `/diagnostics`."""
        return int(self._probe.values[node].get(f'count.{name}', '0'))

    def enroll_again_and_again(self) -> list[float]:
        """Enrol the last motion every half second; return how long each success took, ms."""
        self._await_first()
        taken = []
        ends_s = time.monotonic() + self._seconds - _WARM_UP_S
        while time.monotonic() < ends_s:
            request = EnrollAction.Request(
                label='benchmark',
                capture=EnrollAction.Request.LAST_MOTION,
                body_id=-1,
                replace=True,
            )
            answered = threading.Event()
            begun_ns = time.perf_counter_ns()
            ended_ns: list[int] = []
            future = self._probe.enroller.call_async(request)

            def note(
                _: object, ended_ns: list[int] = ended_ns, answered: threading.Event = answered
            ) -> None:
                ended_ns.append(time.perf_counter_ns())
                answered.set()

            future.add_done_callback(note)
            if not answered.wait(_SETTLED_WITHIN_S):
                raise SourceError(f'/enroll_action did not answer within {_SETTLED_WITHIN_S:g} s')
            if future.result().success:
                taken.append((ended_ns[0] - begun_ns) / 1e6)
            time.sleep(0.5)
        return taken

    def _await_first(self) -> None:
        self._wait(
            lambda: (
                bool(self._probe.decided_ns)
                and len(self._probe.values) == len(_NODES)
                and self._probe.enroller.service_is_ready()
            ),
            _READY_WITHIN_S,
            'labels arrived',
        )

    def _is_settled(self, seen: list[dict[str, str]]) -> bool:
        """Whether two reports of every node in a row hold the same counters."""
        counters = {
            f'{node} {name}': text
            for node, values in self._probe.values.items()
            for name, text in values.items()
            if name.startswith('count.')
        }
        seen.append(counters)
        reports = round(2.2 / _LOOK_EVERY_S)
        return len(seen) > reports and seen[-1] == seen[-reports]

    def _wait(self, until: Callable[[], bool], within_s: float, what: str) -> None:
        deadline_s = time.monotonic() + within_s
        while not until():
            ended = [process for process in self._processes if process.poll() is not None]
            if ended:
                raise SourceError(f'a process of nodes ended with {ended[0].returncode}')
            if time.monotonic() > deadline_s:
                raise SourceError(f'waited {within_s:g} s in vain until {what}')
            time.sleep(_LOOK_EVERY_S)

    def _used_s(self) -> float:
        return sum(_processor_s(process.pid) for process in self._processes)


def _processor_s(pid: int) -> float:
    """Return the processor time of a process so far, user and system."""
    fields = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextmanager
def _running(setting: Setting, *, persons: int, composed: bool) -> Iterator[_Run]:
    """Start the nodes and the probe; end all of them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=setting.out)))
        gallery = _gallery(folder)
        simulation = {
            'seed': 7,
            'persons': persons,
            'actions': ','.join(_TAUGHT),
            'pause_s': 0.6,
            'duration_s': setting.seconds + _WARM_UP_S,
        }
        parameters = [f'simulation.{name}:={item}' for name, item in simulation.items()]
        parameters += [f'model:={setting.model}', f'gallery:={gallery}']
        modules = ('composed',) if composed else _NODES
        rclpy.init(args=['--ros-args', '--log-level', 'error'])
        stack.callback(rclpy.try_shutdown)
        probe = _Probe()
        stack.enter_context(_spinning(probe))
        processes = []
        for module in modules:
            processes.append(_start(module, parameters))
            stack.callback(_end, processes[-1])
        yield _Run(probe, processes, setting.seconds)


def _start(module: str, parameters: Sequence[str]) -> subprocess.Popen[bytes]:
    flags = [part for parameter in parameters for part in ('-p', parameter)]
    return subprocess.Popen(
        [
            sys.executable,
            '-m',
            f'skeleton_action_ros.nodes.{module}',
            '--ros-args',
            '--log-level',
            'warn',
            *flags,
        ]
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _spinning(node: Node) -> Iterator[None]:
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = threading.Thread(target=spin, name='probe', daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join(_ENDS_WITHIN_S)
        node.destroy_node()


def _gallery(folder: Path) -> Path:
    """Make a gallery of one demonstration each, by a person who does not appear again."""
    path = folder / 'gallery.sqlite3'
    rng = np.random.default_rng(11)
    teacher = draw_person(rng)
    with GalleryStore(path) as store:
        for index, label in enumerate(_TAUGHT, 1):
            clip = simulate_action(label, teacher, Sensor(), rng)
            identity = template_id(label, clip, index)
            store.add(Template(identity, label, clip, 0.0, index, 'benchmark'))
    return path
