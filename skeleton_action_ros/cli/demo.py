"""`skeleton-action demo`: teach five actions to a robot and watch it recognise them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from skeleton_action_ros.core.skeleton import NS_PER_S
from skeleton_action_ros.demo.pages import describe
from skeleton_action_ros.demo.robot import Lesson
from skeleton_action_ros.demo.run import Options, Result, Watcher
from skeleton_action_ros.demo.run import run as perform
from skeleton_action_ros.demo.scoreboard import FALSE, MISSED, RECOGNISED, SILENT, WRONG, Line
from skeleton_action_ros.demo.stage import NAMES, SHORT, TEACHER, Play, Programme

_LEAST_RECOGNISED = 0.8
_COLOURS = {RECOGNISED: '32', MISSED: '33', WRONG: '31', FALSE: '35', SILENT: '2', 'head': '1'}
_WORDS = {
    RECOGNISED: 'recognised',
    MISSED: 'MISSED',
    WRONG: 'WRONG',
    SILENT: 'silent: never taught',
    FALSE: 'FALSE',
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--seed', type=int, default=1, help='draws the persons and the order')
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='folder for the results')
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument('--short', action='store_true', help='fewer actions, half a minute')
    parser.add_argument(
        '--json', action='store_true', help='print the summary as JSON, nothing else'
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; 0 when it ran whole and at least 80 % were recognised."""
    programme = SHORT if arguments.short else Programme()
    options = Options(programme, arguments.seed, arguments.out, arguments.model)
    printer = _Printer(quiet=arguments.json)
    result = perform(options, Watcher(printer.play, printer.lesson, printer.line))
    if arguments.json:
        print(result.summary_file.read_text(encoding='utf-8'), end='')
    elif result.summary.shown > 0 or not result.broken:
        printer.result(result)
    if result.broken:
        print(f'skeleton-action demo: the run broke: {result.broken}', file=sys.stderr)
    whole = not result.broken and result.summary.recognised_share >= _LEAST_RECOGNISED
    return 0 if whole else 1


class _Printer:
    """Says what happens in plain lines; in colour on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._coloured = sys.stdout.isatty() and 'NO_COLOR' not in os.environ
        self._lessons = 0

    def play(self, play: Play) -> None:
        """Announce what is coming."""
        self._people = play.people
        self._taught, self._others = play.programme.taught, play.programme.others
        self._say(f'Four nodes over DDS, in real time: about {play.length_s:.0f} s.', style='head')
        self._say(
            f'{self._who(TEACHER)} shows {len(self._taught)} actions once each; '
            'each is enrolled under its name.'
        )

    def lesson(self, lesson: Lesson, origin_ns: int) -> None:
        """Report one enrolled action."""
        self._row(
            lesson.stamp_ns - origin_ns,
            TEACHER,
            lesson.label,
            f'learned from {lesson.motion_s:.1f} s of motion',
        )
        self._lessons += 1
        if self._lessons == len(self._taught):
            self._announce_stream()

    def line(self, line: Line, origin_ns: int) -> None:
        """Report one settled action or event."""
        answers = ', '.join(line.answers) or '-'
        self._row(
            line.stamp_ns - origin_ns,
            line.body_id,
            line.shown or '(nothing)',
            f'{answers:<18}{self._painted(_WORDS[line.outcome], line.outcome)}',
        )

    def result(self, result: Result) -> None:
        """Print the closing table."""
        summary = result.summary
        latency = summary.latency_ms
        self._say('')
        for name, value in (
            (
                'recognised',
                f'{summary.recognised} of {summary.shown} taught actions '
                f'({100 * summary.recognised_share:.0f} %)',
            ),
            ('missed', f'{summary.missed}'),
            ('wrong', f'{summary.wrong}'),
            (
                'false events',
                f'{summary.false_events}, of these {summary.false_on_never_taught} '
                f'during {summary.never_taught} actions never taught',
            ),
            (
                'latency',
                f'p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms '
                '(sensor stamp of the deciding frame to event)',
            ),
            ('output', f'{result.summary_file}, {result.report}'),
        ):
            self._say(f'{self._painted(f"{name:<14}", "head")}{value}')

    def _announce_stream(self) -> None:
        self._say('')
        for body_id in sorted(set(self._people) - {TEACHER}):
            self._say(self._who(body_id))
        self._say(f'perform these and, never taught, {", ".join(self._others)}, all at once.')
        self._say(f'{"":>8}      {"shown":<18}{"recognised":<18}', style=SILENT)

    def _row(self, after_ns: int, body_id: int, shown: str, rest: str) -> None:
        self._say(f'{after_ns / NS_PER_S:7.1f} s  {NAMES[body_id]}  {shown:<18}{rest}')

    def _who(self, body_id: int) -> str:
        return f'{NAMES[body_id]} ({describe(self._people[body_id])})'

    def _painted(self, text: str, style: str) -> str:
        return f'\033[{_COLOURS[style]}m{text}\033[0m' if self._coloured else text

    def _say(self, text: str, style: str = '') -> None:
        if not self._quiet:
            print(self._painted(text, style) if style else text, flush=True)
