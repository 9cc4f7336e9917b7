"""`skeleton-action exam`: one-shot accuracy of a model bundle on a folder of clips."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from skeleton_action_ros.adapters.bundle_card import PRECISIONS
from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.core.errors import ExamError
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    LONGEST_S,
    RAW,
    SHORTEST_FRAMES,
    Figures,
    Material,
    examine,
    plan_exam,
    prepare_items,
    read_items,
)
from skeleton_action_ros.evaluation.exam.page import write_exam_page

_SHOWN_PROBLEMS = 20
_EPILOG = f""" One person teaches: --shots clips of each action, drawn anew for each of the --draws.
All clips of all other persons are then named after the nearest of these. The teacher is
--reference-subject, or is drawn from those who show the most actions. The baselines, nearest
neighbour on raw joints (raw), on canonical joints (canonical), and dynamic time warping on these
(dtw), also with each frame's joints taken from its hips (dtw_hips), answer the same questions.
For the unknown, half of the actions is taught in each draw and all are asked. Skipped with a line
that says why: files that are no clips or of an unknown layout, clips without label or subject,
without any placed body, not in metres, of fewer than {SHORTEST_FRAMES} frames, and longer than
{LONGEST_S:.0f} s without annotations. Joints that are not numbers count as not seen. Actions that
one person alone shows, or the teacher too rarely, are left out. With fewer than two persons or
actions left the exam ends with exit code 1.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        '--clips', type=Path, required=True, metavar='DIR', help='folder of clips, at any depth'
    )
    parser.add_argument(
        '--dataset', choices=list(DATASETS), help='DIR holds the files of this data set, no clips'
    )
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default='fp32',
        help='which model of that bundle (default: fp32)',
    )
    parser.add_argument(
        '--against', nargs='+', default=[], metavar='BUNDLE', help='other bundles to compare with'
    )
    parser.add_argument(
        '--shots', type=_count, default=1, help='clips that teach an action (default: 1)'
    )
    parser.add_argument(
        '--draws', type=_count, default=200, help='how often to draw what teaches (default: 200)'
    )
    parser.add_argument('--seed', type=_seed, default=0, help='seed of the draws (default: 0)')
    parser.add_argument('--reference-subject', metavar='S', help='the person who always teaches')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the JSON to this file')
    parser.add_argument(
        '--html', type=Path, metavar='FILE', help='write a page with confusion and embedding map'
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine the bundle and print its figures beside those of the baselines."""
    model = load_bundle(arguments.model, precision=arguments.precision)
    against = {name: load_bundle(name) for name in arguments.against}
    material = _material(arguments, [model, *against.values()])
    _tell_problems(material)
    if not len(material):
        raise ExamError(f'{arguments.clips}: none of {len(material.skipped)} clips can be used')
    try:
        plan = plan_exam(
            material.labels,
            material.subjects,
            shots=arguments.shots,
            reference_subject=arguments.reference_subject,
        )
    except ExamError as error:
        raise ExamError(f'{arguments.clips}: {error}') from error
    for note in plan.notes:
        print(note, file=sys.stderr)
    with tqdm(desc='compare', unit=' clips', disable=None, file=sys.stderr) as bar:
        done = examine(
            model,
            material,
            plan,
            draws=arguments.draws,
            seed=arguments.seed,
            against=against,
            begin=bar.reset,
            advance=bar.update,
        )
    found = {
        'model': model.name,
        'model_precision': model.precision,
        'model_sha256': model.sha256,
        'source': str(arguments.clips),
        'command': _command(arguments),
        'shots': arguments.shots,
        'seed': arguments.seed,
        'subjects': len(set(material.subjects)),
        'teachers': sorted(plan.teachers),
        **done.to_json(),
        'notes': list(plan.notes),
        'skipped': [{'file': item.source, 'reason': item.reason} for item in material.skipped],
        'incomplete': list(material.incomplete),
    }
    text = json.dumps(found, indent=2)
    try:
        if arguments.out:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(text + '\n', encoding='utf-8')
        if arguments.html:
            write_exam_page(arguments.html, found, done, material)
    except OSError as error:
        raise ExamError(f'cannot write {error.filename}: {error.strerror}') from error
    print(text if arguments.json else _table(found, {model.name: done.model, **done.baselines}))
    return 0


def _count(text: str) -> int:
    return _at_least(1, text)


def _seed(text: str) -> int:
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    if not re.fullmatch(r'\d{1,9}', text, re.ASCII) or int(text) < least:
        raise argparse.ArgumentTypeError(f'must be a whole number from {least}, got {text!r}')
    return int(text)


def _material(arguments: argparse.Namespace, models: Sequence[OnnxModel]) -> Material:
    def track(files: Sequence[Path]) -> Iterable[Path]:
        bar: Iterable[Path] = tqdm(files, desc='read', unit=' files', disable=None, file=sys.stderr)
        return bar

    items = read_items(arguments.clips, arguments.dataset, track)
    return prepare_items(items, [RAW, CANONICAL, *(model.preprocess for model in models)])


def _tell_problems(material: Material) -> None:
    for item in material.skipped[:_SHOWN_PROBLEMS]:
        print(f'skipped {item.source}: {item.reason}', file=sys.stderr)
    more = len(material.skipped) - _SHOWN_PROBLEMS
    if more > 0:
        print(f'skipped {more} more: --json lists them', file=sys.stderr)
    if material.incomplete:
        first = ', '.join(material.incomplete[:3])
        print(
            f'masked joints that are not seen, or no numbers, in {len(material.incomplete)} clips: '
            f'{first}{", ..." if len(material.incomplete) > 3 else ""}',
            file=sys.stderr,
        )


def _command(arguments: argparse.Namespace) -> str:
    """Return the line that does this exam again."""
    words = ['skeleton-action', 'exam', '--clips', str(arguments.clips)]
    if arguments.dataset:
        words += ['--dataset', arguments.dataset]
    words += ['--model', arguments.model, '--precision', arguments.precision]
    if arguments.against:
        words += ['--against', *arguments.against]
    for name in ('shots', 'draws', 'seed'):
        words += [f'--{name}', str(getattr(arguments, name))]
    if arguments.reference_subject is not None:
        words += ['--reference-subject', arguments.reference_subject]
    return shlex.join(words)


def _table(found: Mapping[str, Any], shown: Mapping[str, Figures]) -> str:
    """Lay the figures out for people."""
    methods = [(found['model'], found), *found['against'].items(), *found['baselines'].items()]
    width = max(len(name) for name, _ in methods)
    lines = [
        f'{found["shots"]}-shot, {found["classes"]} actions, {found["clips"]} clips of '
        f'{found["subjects"]} persons; {found["draws"]} draws, taught by '
        f'{", ".join(found["teachers"])}',
        '',
        f'{"":<{width}}  accuracy, %    unknown: AUROC  FPR at 95 % TPR, %',
    ]
    for name, values in methods:
        mean, spread = (100 * values[f'accuracy_{kind}'] for kind in ('mean', 'std'))
        fpr = 100 * values['unknown_fpr_at_95_tpr']
        lines.append(
            f'{name:<{width}}  {mean:5.1f} +- {spread:4.1f}  {values["unknown_auroc"]:14.3f}  '
            f'{fpr:18.1f}'
        )
    lines += [
        '',
        f'from its thresholds on, half taught: {found["accepted_right"]:.1%} accepted rightly, '
        f'{found["accepted_wrong"]:.1%} wrongly, {found["accepted_unknown"]:.1%} of the unknown',
    ]
    names = list(shown)
    label_width = max(map(len, found['per_class']))
    lines += ['', f'{"action, %":<{label_width}}  {"  ".join(f"{name:>9}" for name in names)}']
    lines += [
        f'{label:<{label_width}}  '
        + '  '.join(f'{100 * shown[name].per_class[label]:9.1f}' for name in names)
        for label in found['per_class']
    ]
    return '\n'.join(lines)
