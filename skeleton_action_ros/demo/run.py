"""Run the demonstration: four nodes over DDS, a robot that listens, and what comes of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import rclpy

from skeleton_action_ros.demo.pages import demo_page
from skeleton_action_ros.demo.robot import Lesson, Robot
from skeleton_action_ros.demo.scoreboard import Line
from skeleton_action_ros.demo.stage import TEACHER, Play, Programme, Stage, rehearse
from skeleton_action_ros.evaluation.page import write_page
from skeleton_action_ros.evaluation.summary import Outcomes, Summary
from skeleton_action_ros.nodes.base import ActionNode
from skeleton_action_ros.nodes.composed import make_nodes
from skeleton_action_ros.nodes.running import Spinner, spinning

_READY_WITHIN_S = 60.0
_OVERTIME_S = 20.0
_LAST_EVENTS_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.05
_LEAST_SCENES = 0.9


@dataclass(frozen=True)
class Options:
    """
    What to run.

    :param out: folder for gallery, summary and page.
    :param model: bundle, as the nodes' parameter `model`.
    """

    programme: Programme
    seed: int
    out: Path
    model: str


@dataclass(frozen=True)
class Watcher:
    """Is told what happens while it happens."""

    on_play: Callable[[Play], None]
    on_lesson: Callable[[Lesson, int], None]
    on_line: Callable[[Line, int], None]


@dataclass(frozen=True)
class Result:
    """
    What came of it.

    :param broken: why the run does not count; empty when it does.
    :param report: the page.
    """

    summary: Summary
    broken: str
    summary_file: Path
    report: Path


def run(options: Options, watcher: Watcher) -> Result:
    """
    Run the demonstration in real time and write what came of it.

    The gallery begins empty. ROS traffic stays on this machine and, unless ROS_DOMAIN_ID says
    otherwise, in a domain of this process.

    :raises ConfigError: the simulated person knows no action of some name.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    for left_over in ('summary.json', 'report.html'):
        (options.out / left_over).unlink(missing_ok=True)
    for gallery_file in options.out.glob('gallery.sqlite3*'):
        gallery_file.unlink()
    play = rehearse(options.programme, options.seed)
    watcher.on_play(play)
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    domain = int(os.environ.get('ROS_DOMAIN_ID') or 1 + os.getpid() % 100)
    rclpy.init(args=['--ros-args', '--log-level', 'warn'], domain_id=domain)
    try:
        return _perform(options, play, watcher)
    finally:
        rclpy.try_shutdown()


def _perform(options: Options, play: Play, watcher: Watcher) -> Result:
    stage = Stage(play, patience_s=_READY_WITHIN_S)
    robot = Robot(
        options.programme.taught,
        lambda lesson: watcher.on_lesson(lesson, robot.first_ns),
        lambda line: watcher.on_line(line, robot.first_ns),
    )
    nodes = make_nodes(
        read=stage, model=options.model, gallery=str(options.out / 'gallery.sqlite3')
    )
    try:
        with spinning([robot, *nodes]) as spinner:
            broken = _watch(stage, nodes, robot, play, spinner)
    except Exception as error:  # noqa: BLE001 - it has ended a node; the figures so far still count
        broken = f'a node has died: {error!r}'
    return _conclude(options, play, robot, broken)


def _watch(
    stage: Stage,
    nodes: Sequence[ActionNode],
    robot: Robot,
    play: Play,
    spinner: Spinner,
) -> str:
    """Raise the curtain when everybody is ready and wait for the end; return what went wrong."""

    def trouble() -> str:
        failures = [node.health.failure for node in nodes if node.failed_to_start]
        if failures:
            return f'a node cannot start: {"; ".join(failures)}'
        if spinner.ended:
            return 'a node has died' if rclpy.ok() else 'it was interrupted'
        return robot.failure

    def wait(until: Callable[[], bool], within_s: float, otherwise: str) -> str:
        deadline_s = time.monotonic() + within_s
        while not until() and not trouble():
            if time.monotonic() > deadline_s:
                return otherwise
            time.sleep(_LOOK_EVERY_S)
        return trouble()

    problem = wait(robot.is_ready, _READY_WITHIN_S, 'the nodes did not become ready')
    if problem:
        return problem
    stage.raise_curtain()
    return (
        wait(stage.finished.is_set, play.length_s + _OVERTIME_S, 'the play did not come to its end')
        or wait(robot.has_heard_all, _LAST_EVENTS_WITHIN_S, 'an event that started did not end')
        or _missing(play, robot)
    )


def _missing(play: Play, robot: Robot) -> str:
    """Say what did not arrive of what must."""
    taught = play.programme.taught
    if len(robot.lessons) < len(taught):
        return f'only {len(robot.lessons)} of {len(taught)} actions were enrolled'
    performed = sum(len(scene.finished) for scene in play.scenes)
    if len(robot.spans) < performed:
        return f'only {len(robot.spans)} of {performed} annotations arrived'
    if len(robot.scenes) < _LEAST_SCENES * len(play.scenes):
        return f'only {len(robot.scenes)} of {len(play.scenes)} skeleton messages arrived'
    return ''


def _conclude(options: Options, play: Play, robot: Robot, broken: str) -> Result:
    """Work the figures out and write them, also those of a broken run."""
    taught = options.programme.taught
    truth = [span for span in robot.spans if span.body_id != TEACHER]
    heard = [event for event in robot.heard if event.span.body_id != TEACHER]
    outcomes = Outcomes(truth, [event.span for event in heard], taught)
    summary = outcomes.summary(robot.latencies_ms)
    summary_file, report = options.out / 'summary.json', options.out / 'report.html'
    document = {
        **summary.to_json(),
        'seed': options.seed,
        'taught': list(taught),
        'others': list(options.programme.others),
        'broken': broken,
    }
    unfinished = summary_file.with_name('.summary.json.part')
    unfinished.write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
    unfinished.replace(summary_file)
    if robot.scenes:
        write_page(report, demo_page(options.seed, play, robot, outcomes, summary))
    return Result(summary, broken, summary_file, report)
