"""`python -m benchmarks`: measure everything, print tables, write out/bench/bench.json."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import graph, parts, topics
from benchmarks.results import Row, machine, table
from skeleton_action_ros.core.errors import SkeletonActionError

_TOPIC_S = 20.0


def main() -> int:
    """Run the benchmarks chosen; 1 where one could not be measured."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('--seconds', type=float, default=60.0, help='length of each run of nodes')
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument('--out', type=Path, default=Path('out/bench'))
    parser.add_argument('--json', action='store_true', help='print JSON instead of tables')
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    benchmarks: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
        'embedder': lambda given: parts.embedder(given.model),
        'matching': lambda _: parts.matching(),
        'decision': lambda given: parts.decision(given.model),
        'rgb': _rgb,
        'devices': _devices,
        'topics': lambda given: topics.topics(min(given.seconds, _TOPIC_S)),
        'one-process': partial(_graph, graph.one_process),
        'four-processes': partial(_graph, graph.four_processes),
        'six-persons': partial(_graph, graph.six_persons),
        'enrolment': partial(_graph, graph.enrolment),
    }
    parser.add_argument('--only', choices=benchmarks, help='measure this alone')
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    facts = machine()
    if not given.json:
        print('\n'.join(f'{name}: {value}' for name, value in facts.items()))
    rows: list[Row] = []
    failures = {}
    for name, measure in benchmarks.items():
        if given.only in (None, name):
            try:
                found = measure(given)
            except SkeletonActionError as error:
                failures[name] = str(error)
                print(f'{name}: {error}', file=sys.stderr)
                continue
            rows += found
            if not given.json:
                print(f'\n{name}\n{table(found)}', flush=True)
    document = {
        'machine': facts,
        'rows': [row.to_json() for row in rows],
        'failures': failures,
    }
    path = given.out / 'bench.json'
    path.write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
    print(json.dumps(document, indent=2) if given.json else f'\n{path}')
    return 1 if failures else 0


def _rgb(_: argparse.Namespace) -> list[Row]:
    try:
        from benchmarks import images
    except ImportError as error:
        print(f'rgb left out, requirements/rgb.txt is not installed: {error}', file=sys.stderr)
        return []
    return images.rgb()


def _devices(given: argparse.Namespace) -> list[Row]:
    try:
        from benchmarks import devices, images
    except ImportError as error:
        print(f'devices left out, requirements/rgb.txt is not installed: {error}', file=sys.stderr)
        return []
    return devices.devices(min(given.seconds, _TOPIC_S), images.person())


def _graph(measure: Callable[[graph.Setting], list[Row]], given: argparse.Namespace) -> list[Row]:
    return measure(graph.Setting(given.model, given.seconds, given.out))


if __name__ == '__main__':
    sys.exit(main())
