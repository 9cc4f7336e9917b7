"""`skeleton-action evaluate`: replay bags through the recogniser and report figures."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from skeleton_action_ros.adapters.annotation_csv import read_annotations
from skeleton_action_ros.adapters.bundle_card import PRECISIONS
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.cli.evaluation_table import table
from skeleton_action_ros.cli.evaluation_teaching import check_taught, teachings
from skeleton_action_ros.core.config import build, parameters_of
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.windows import WindowConfig
from skeleton_action_ros.evaluation.document import document
from skeleton_action_ros.evaluation.gate import regressions
from skeleton_action_ros.evaluation.rounds import Round, Setup, play_round
from skeleton_action_ros.evaluation.streams import Stream, Truth, read_stream

_GROUPS = {'recognition.': RecognizerConfig, 'windows.': WindowConfig}
_FAILED = 1
_EPILOG = """ Ground truth is what a bag holds on action_annotations, or a CSV (--annotations) with
the columns label, start_s, end_s (seconds from the bag's first scene, or since 1970), and perhaps
body_id and bag. Demonstrations in a bag that is evaluated too are not asked again. Two runs print
the same JSON, byte for byte, unless --timing puts the wall clock's figures in. The exit code is 1
where a bag is not whole (no skeletons, another message type or version, cut off, time going back,
no annotations), after a report of what could be read; where a figure is worse than --baseline
allows; and where --realtime finds other events than the replay. docs/metrics.md defines every
figure.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.epilog = _EPILOG
    parser.add_argument('--bag', nargs='+', type=Path, required=True, help='bags to replay')
    taught = parser.add_mutually_exclusive_group()
    taught.add_argument('--gallery', type=Path, help='gallery file with what is taught')
    taught.add_argument(
        '--enroll-from',
        nargs='+',
        type=Path,
        metavar='BAG',
        help='teach what is annotated in these bags, together',
    )
    taught.add_argument(
        '--enroll-each',
        nargs='+',
        type=Path,
        metavar='BAG',
        help='the same with one of these bags after the other; each time the bags of other persons '
        'are replayed (a bag is of the person whose name stands before the first _), and the '
        'figures are averaged',
    )
    parser.add_argument(
        '--shots', type=int, default=0, help='teach the first so many of each action (all)'
    )
    parser.add_argument(
        '--actions', nargs='+', metavar='LABEL', help='teach these only; the others are strangers'
    )
    parser.add_argument(
        '--half', action='store_true', help='teach a half of the actions, drawn anew each time'
    )
    parser.add_argument('--seed', type=int, default=0, help='of --half (default: 0)')
    parser.add_argument(
        '--annotations',
        type=Path,
        metavar='CSV',
        help='ground truth of bags, in the place of what they hold',
    )
    parser.add_argument(
        '--nothing-happens',
        action='store_true',
        help='in bags without annotations nothing is done: every event is false',
    )
    parser.add_argument(
        '--topic',
        default='',
        help='of the skeletons: SkeletonArray, or MarkerArray as the Azure Kinect ROS driver has '
        'it (default: skeletons, else body_tracking_data)',
    )
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument(
        '--precision', choices=PRECISIONS, default='fp32', help='which model of the bundle'
    )
    parser.add_argument(
        '--set',
        nargs='+',
        default=[],
        metavar='NAME=VALUE',
        help='parameters of the nodes, such as recognition.threshold=0.8 or windows.hop_s=0.2',
    )
    parser.add_argument(
        '--no-compare',
        action='store_true',
        help='leave out subsequence time warping and the best label per window',
    )
    parser.add_argument(
        '--timing', action='store_true', help="put the wall clock's figures into the JSON"
    )
    parser.add_argument(
        '--realtime',
        action='store_true',
        help='also play the bags to the running nodes (of --enroll-each, the first round)',
    )
    parser.add_argument(
        '--rate', type=float, default=1.0, help='of --realtime: times as fast (default: 1)'
    )
    parser.add_argument('--baseline', type=Path, metavar='FILE', help='JSON of an earlier run')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.02,
        help='shares may be worse than in --baseline by this, latencies and rates by this share of '
        'theirs (default: 0.02)',
    )
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the JSON to this file')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a report to look at')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Replay every bag, print what became of each action, and say what is wrong."""
    windows, recognizer = _settings(arguments.set)
    _check(arguments)
    baseline = _baseline(arguments.baseline) if arguments.baseline else None
    setup = Setup(load_bundle(arguments.model, precision=arguments.precision), windows, recognizer)
    check_taught(arguments, setup.model)
    read = _read(arguments)
    problems = [problem for stream in read.values() for problem in stream.problems]
    for problem in problems:
        _say(problem)
    for stream in read.values():
        if stream.first_refusal:
            count = sum(stream.refused.values())
            _say(f'{stream.path}: {count} bodies refused, the first: {stream.first_refusal}')
    rounds = _play(arguments, read, setup)
    streams = [read[bag.resolve()] for bag in arguments.bag]
    found = document(setup.model.name, rounds, streams, problems)
    apart: Sequence[str] = ()
    if arguments.realtime:
        from skeleton_action_ros.cli.realtime import compare_with_nodes, parted

        found['realtime'] = compare_with_nodes(rounds[0], setup, arguments.rate)
        apart = parted(found['realtime'])
        _say('\n'.join(apart) or f'the nodes agree in all {found["realtime"]["events"]} events')
    _write(arguments, found, rounds)
    worse = regressions(found, baseline, arguments.tolerance) if baseline else []
    for regression in worse:
        _say(f'worse: {regression}')
    if baseline and not worse:
        _say(f'no figure is worse than in {arguments.baseline}')
    return _FAILED if problems or worse or apart else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _check(arguments: argparse.Namespace) -> None:
    for name in ('shots', 'seed', 'tolerance'):
        value = getattr(arguments, name)
        if not value >= 0:
            raise ConfigError(f'--{name} must be 0 or more, got {value}')
    if not 0.0 < arguments.rate <= 100.0:
        raise ConfigError(f'--rate must be above 0 and at most 100, got {arguments.rate}')


def _settings(settings: Sequence[str]) -> tuple[WindowConfig, RecognizerConfig]:
    values: dict[str, Any] = {}
    known = {
        parameter.name
        for prefix, config in _GROUPS.items()
        for parameter in parameters_of(config, prefix)
    }
    for item in settings:
        name, equals, value = item.partition('=')
        if not equals or name not in known:
            raise ConfigError(
                f'--set wants NAME=VALUE with one of {", ".join(sorted(known))}, got {item!r}'
            )
        values[name] = yaml.safe_load(value)
    return (
        build(WindowConfig, values, 'windows.'),
        build(RecognizerConfig, values, 'recognition.'),
    )


def _baseline(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text('utf-8'))
    except (OSError, ValueError) as error:
        raise ConfigError(f'--baseline {path}: expected the JSON of a run: {error}') from error
    if not isinstance(found, dict):
        raise ConfigError(f'--baseline {path}: expected the JSON of a run, got no object')
    return found


def _read(arguments: argparse.Namespace) -> dict[Path, Stream]:
    """Read every bag once, those to replay first."""
    teachers = arguments.enroll_from or arguments.enroll_each or []
    paths = list(dict.fromkeys(path.resolve() for path in [*arguments.bag, *teachers]))
    truth = Truth(
        read_annotations(arguments.annotations) if arguments.annotations else (),
        str(arguments.annotations or ''),
        arguments.nothing_happens,
    )
    with tqdm(desc='read', unit=' scenes', disable=None, file=sys.stderr) as bar:
        return {
            path: read_stream(path, truth, arguments.topic, len(paths) > 1, bar.update)
            for path in paths
        }


def _play(arguments: argparse.Namespace, read: Mapping[Path, Stream], setup: Setup) -> list[Round]:
    streams = [read[path.resolve()] for path in arguments.bag]
    plan = []
    for teaching in teachings(arguments, read, setup.model):
        asked = streams
        if arguments.enroll_each:
            asked = [one for one in streams if _person(one.name) != _person(teaching.teacher)]
        plan.append((teaching, [one for one in asked if one.scenes]))
    passes = 1 if arguments.no_compare else 2
    total = passes * sum(len(stream.scenes) for _, asked in plan for stream in asked)
    with tqdm(desc='replay', unit=' scenes', total=total, disable=None, file=sys.stderr) as bar:
        return [
            play_round(
                asked,
                teaching,
                setup,
                compare=not arguments.no_compare,
                timing=arguments.timing,
                advance=bar.update,
            )
            for teaching, asked in plan
        ]


def _person(bag_name: str) -> str:
    return bag_name.partition('_')[0]


def _write(
    arguments: argparse.Namespace, found: Mapping[str, Any], rounds: Sequence[Round]
) -> None:
    text = json.dumps(found, indent=2)
    try:
        if arguments.out:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(text + '\n', encoding='utf-8')
        if arguments.html:
            try:
                from skeleton_action_ros.evaluation.report import write_report
            except ImportError as error:
                raise ConfigError(f'--html needs plotly (pip install): {error}') from error

            command = shlex.join(['skeleton-action', *sys.argv[1:]])
            write_report(arguments.html, found, rounds, command)
    except OSError as error:
        raise ConfigError(f'cannot write {error.filename}: {error.strerror}') from error
    print(text if arguments.json else table(found, rounds))
