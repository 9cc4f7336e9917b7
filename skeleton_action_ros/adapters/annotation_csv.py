"""
Ground truth for recordings that have none of their own: a CSV, UTF-8, with a line of column names.

| column | is |
|---|---|
| `label` | what is done |
| `start_s`, `end_s` | when: seconds from the first scene, or since 1970 (from 1e8 on) |
| `body_id` | who, as the tracker numbers them; may be empty or missing: who is most in view then |
| `bag` | name of the bag's folder or file; may be missing where there is one bag |

Other columns are left alone.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene

SINCE_1970_S = 100_000_000
"""Seconds from here on are counted since 1970; below, from the first scene: 3 years."""
_REQUIRED = ('label', 'start_s', 'end_s')


@dataclass(frozen=True)
class Annotation:
    """
    One line of a file.

    :param start_s: as written; `end_s` is later.
    :param body_id: None: whoever is most in view.
    :param bag: empty: not said.
    :param line: its number, from 1 for the names of the columns.
    """

    label: str
    start_s: Decimal
    end_s: Decimal
    body_id: int | None
    bag: str
    line: int


def read_annotations(path: str | Path) -> list[Annotation]:
    """
    Read every line.

    :raises DatasetError: it cannot be read, or a line is not as it must be: says which.
    """
    try:
        with Path(path).open(encoding='utf-8-sig', newline='') as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            missing = [name for name in _REQUIRED if name not in names]
            if missing:
                raise DatasetError(
                    f'{path}: expected columns {", ".join(_REQUIRED)} and perhaps body_id and bag, '
                    f'got {", ".join(names) or "an empty file"}'
                )
            return [_annotation(path, reader.line_num, row) for row in reader]
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read: {error.strerror}') from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f'{path}: expected a CSV in UTF-8: {error}') from error


def spans_in(
    annotations: Sequence[Annotation], scenes: Sequence[Scene], source: str | Path
) -> list[ActionSpan]:
    """
    Place annotations in a recording, in order of their starts.

    :param scenes: of the recording, stamps rising, at least one.
    :param source: of the annotations, for errors.
    :raises DatasetError: one lies outside the recording, or nobody is in view in it.
    """
    first_ns, last_ns = scenes[0].stamp_ns, scenes[-1].stamp_ns
    spans = []
    for one in annotations:
        start_ns, end_ns = (_stamp_ns(value, first_ns) for value in (one.start_s, one.end_s))
        if end_ns < first_ns or start_ns > last_ns:
            raise DatasetError(
                f'{source}: line {one.line}: {one.label!r}, {one.start_s} to {one.end_s} s, lies '
                f'outside the recording: it begins at {first_ns / NS_PER_S:.3f} s since 1970 and '
                f'lasts {(last_ns - first_ns) / NS_PER_S:.3f} s'
            )
        body_id = one.body_id
        if body_id is None:
            body_id = _most_in_view(scenes, start_ns, end_ns)
        if body_id is None:
            raise DatasetError(
                f'{source}: line {one.line}: nobody is in view from {one.start_s} to {one.end_s} '
                's: give the body_id of who does it'
            )
        spans.append(ActionSpan(one.label, start_ns, end_ns, body_id))
    return sorted(spans, key=lambda span: (span.start_ns, span.body_id, span.label))


def _annotation(path: str | Path, line: int, row: dict[str, str]) -> Annotation:
    where = f'{path}: line {line}'
    if None in row or None in row.values():
        raise DatasetError(f'{where}: expected as many cells as there are columns')
    label = row['label'].strip()
    if not label:
        raise DatasetError(f'{where}: label must not be empty')
    start_s, end_s = (_number(where, name, row[name]) for name in ('start_s', 'end_s'))
    if not 0 <= start_s < end_s:
        raise DatasetError(f'{where}: end_s must be after start_s, got {start_s} to {end_s}')
    body_id = row.get('body_id', '').strip()
    if body_id and not body_id.isdecimal():
        raise DatasetError(f'{where}: body_id must be a whole number, got {body_id!r}')
    return Annotation(
        label, start_s, end_s, int(body_id) if body_id else None, row.get('bag', '').strip(), line
    )


def _number(where: str, name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal('NaN')
    if not value.is_finite():
        raise DatasetError(f'{where}: {name} must be seconds, got {text!r}')
    return value


def _stamp_ns(value_s: Decimal, first_ns: int) -> int:
    since_ns = 0 if value_s >= SINCE_1970_S else first_ns
    return since_ns + int(value_s * NS_PER_S)


def _most_in_view(scenes: Sequence[Scene], start_ns: int, end_ns: int) -> int | None:
    seen = Counter(
        frame.body_id
        for scene in scenes
        if start_ns <= scene.stamp_ns <= end_ns
        for frame in scene.skeletons
    )
    return min(seen, key=lambda body_id: (-seen[body_id], body_id), default=None)
