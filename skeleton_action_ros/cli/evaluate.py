"""`skeleton-action evaluate`: replay bags through the recogniser and report figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from skeleton_action_ros.adapters.bags import read_scenes, read_spans
from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.onnx_bundle import find_bundle, load_bundle
from skeleton_action_ros.core.config import build, parameters_of
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError, reason_of
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.skeleton import NS_PER_S, Scene
from skeleton_action_ros.core.windows import WindowConfig
from skeleton_action_ros.evaluation.recordings import Recording, figures, teach
from skeleton_action_ros.evaluation.replay import replay

_GROUPS = {'recognition.': RecognizerConfig, 'windows.': WindowConfig}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('--bag', nargs='+', type=Path, required=True, help='bags to replay')
    taught = parser.add_mutually_exclusive_group(required=True)
    taught.add_argument('--gallery', type=Path, help='gallery file with what is taught')
    taught.add_argument(
        '--enroll-from',
        nargs='+',
        type=Path,
        metavar='BAG',
        help='teach every action annotated in these bags, a demonstration each time it is shown',
    )
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument(
        '--set',
        nargs='+',
        default=[],
        metavar='NAME=VALUE',
        help='parameters of the nodes, such as recognition.threshold=0.8 or windows.hop_s=0.2',
    )
    parser.add_argument('--out', type=Path, help='write the figures to this file as JSON')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Replay every bag and print what became of each action, and over all."""
    windows, recognizer = _settings(arguments.set)
    model = load_bundle(find_bundle(arguments.model))
    gallery = _gallery(arguments)
    recordings = [
        _replay(bag, model, gallery, windows, recognizer)
        for bag in tqdm(arguments.bag, desc='replay', unit='bag', disable=None)
    ]
    found = {'model': model.name, **figures(recordings, gallery.labels)}
    text = json.dumps(found, indent=2)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + '\n')
    print(text if arguments.json else _table(found))
    return 0


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


def _gallery(arguments: argparse.Namespace) -> Gallery:
    if arguments.gallery:
        return read_gallery(arguments.gallery)
    gallery = Gallery()
    for bag in arguments.enroll_from:
        gallery, problems = teach(gallery, bag.name, read_scenes(bag), read_spans(bag))
        for problem in problems:
            print(problem, file=sys.stderr)
    return gallery


def _replay(
    bag: Path, model: Model, gallery: Gallery, windows: WindowConfig, recognizer: RecognizerConfig
) -> Recording:
    spans = read_spans(bag)
    stamps_ns = []
    refused: list[SkeletonActionError] = []

    def watched() -> Iterator[Scene]:
        for scene in read_scenes(bag, on_refused=refused.append):
            stamps_ns.append(scene.stamp_ns)
            yield scene

    done = replay(watched(), model, gallery, windows, recognizer)
    duration_s = (max(stamps_ns) - min(stamps_ns)) / NS_PER_S if stamps_ns else 0.0
    if refused:
        print(f'{bag}: {len(refused)} bodies refused, the first: {refused[0]}', file=sys.stderr)
    refusals = done.refused + Counter(reason_of(error) for error in refused)
    return Recording(bag.name, tuple(spans), replace(done, refused=refusals), duration_s)


def _table(found: dict[str, Any]) -> str:
    """Lay the figures out for people."""
    rows: list[tuple[str, ...]] = [
        ('action', 'shown', 'recognised', 'missed', 'wrong', 'false events')
    ]
    rows += [
        (label, *(str(value) for value in counts.values()))
        for label, counts in found['per_action'].items()
    ]
    rows.append(
        (
            'all',
            *(str(found[key]) for key in ('shown', 'recognised', 'missed', 'wrong')),
            str(found['false_events']),
        )
    )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        '  '.join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    f1 = ', '.join(f'{value:.3f} at IoU {key}' for key, value in found['event_f1'].items())
    onset, frame = found['onset_latency_s'], found['frame_latency_ms']
    lines += [
        '',
        f'event F1: {f1}',
        f'false events per hour: {found["false_events_per_hour"]}',
        f'onset to event: p50 {onset["p50"]} s, p90 {onset["p90"]} s',
        f'time per frame: p50 {frame["p50"]} ms, p99 {frame["p99"]} ms, {found["frames"]} frames',
    ]
    return '\n'.join(lines)
