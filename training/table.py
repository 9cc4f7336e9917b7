"""
The figures in training/README.md: `python -m training.table` writes them from the results.

What stands between two marks is replaced; nothing in it is written by hand.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skeleton_action_ros.core.errors import SkeletonActionError
from skeleton_action_ros.evaluation.exam import BASELINES
from training.command import one_line
from training.data import CHECKOUT
from training.files import written_whole
from training.protocols import PROTOCOLS
from training.recipes import ABLATION, SYSTEMS, recipe_name, words_of
from training.results import read_results
from training.system import System, Variant

README = CHECKOUT / 'training' / 'README.md'
END = '<!-- end of figures -->'
OURS = ('classifier', 'encoder')
LODO = 'lodo-'
NOT_HERE = {'ntu', 'kth1', 'kth2'}
"""Data sets that their owners give to those who ask."""

MORE_THAN_DTW = 12.0
"""Points by which the mean over the data sets left out is to beat time warping."""

Result = Mapping[str, Any]
_NEEDED = {
    *('name', 'system', 'protocol', 'mean', 'std', 'seeds', 'minutes', 'command'),
    *('draws', 'classes', 'clips', 'baselines'),
}
"""What the tables say of every result."""


def protocol_rows(results: Iterable[Result]) -> list[str]:
    """
    Return the lines of a Markdown table: a row a question, in the order of `PROTOCOLS`.

    The classifier, where it answers, stands in the encoder's place.
    """
    named = {result['name']: result for result in results if not _is_ablation(result)}
    lines = [
        '| protocol | classes, clips | raw joints | canonical joints | DTW | DTW, hips '
        '| Skeleton-DML | this package | seeds | minutes a seed | goal |',
        '|---|---|---|---|---|---|---|---|---|---|---|',
    ]
    means: list[dict[str, float]] = []
    for protocol in PROTOCOLS:
        for suffix in ('', '-alone'):
            ours = _first(named, [f'{protocol}{suffix}-{system}' for system in OURS])
            other = named.get(f'{protocol}{suffix}-skeleton-dml')
            some = ours or other
            if some is None:
                continue
            lines.append(_row(f'{protocol}{suffix}', some, ours, other))
            lines += [
                _row(f'{protocol}{suffix}, {question}', *_question(question, some, ours, other))
                for question in some.get('also', {})
            ]
            if protocol.startswith(LODO):
                means.append(_means(some, ours, other))
    if len(means) == sum(name.startswith(LODO) for name in PROTOCOLS):
        lines.append(_mean_row(means))
    return lines


def ablation_rows(results: Iterable[Result]) -> list[str]:
    """
    Return the lines of a Markdown table: a row an ablation, a column a protocol.

    Each system has its own, below the row of what it is without; those after the first name it.
    """
    results = list(results)
    changed = [result for result in results if _is_ablation(result)]
    asked = [name for name in PROTOCOLS if name in {one['protocol'] for one in changed}]
    lines = [
        '| | changed | ' + ' | '.join(asked) + ' |',
        '|' + '---|' * (2 + len(asked)),
    ]
    whole = {one['name']: one for one in results}
    systems = [name for name in SYSTEMS if name in {one['system'] for one in changed}] or ['']
    for system in systems:
        of = f', {system}' if system != systems[0] else ''
        cells = [_spread(whole.get(f'{protocol}-{system}')) for protocol in asked]
        lines.append(f'| as it is{of} | | {" | ".join(cells)} |')
        same = [one for one in changed if one['system'] == system]
        for name in sorted({_ablation(result) for result in same}):
            own = {one['protocol']: one for one in same if _ablation(one) == name}
            settings = next(iter(own.values()))['settings']
            cells = [_spread(own.get(protocol)) for protocol in asked]
            shown = ', '.join(f'`{setting}`' for setting in settings)
            lines.append(f'| {name}{of} | {shown} | {" | ".join(cells)} |')
    return lines


def altered_rows(results: Iterable[Result]) -> list[str]:
    """Return the lines of a Markdown table: what is lost on queries seen worse, in points."""
    own = [
        one for one in results if 'altered' in one and one['name'] == f'{one["protocol"]}-encoder'
    ]
    ways = list(own[0]['altered']) if own else []
    lines = ['| | ' + ' | '.join(['as recorded', *ways]) + ' |', '|' + '---|' * (2 + len(ways))]
    for one in own:
        cells = [
            f'{100 * one["altered"][way]:.1f} ({100 * (one["altered"][way] - one["mean"]):+.1f})'
            for way in ways
        ]
        lines.append(f'| {one["protocol"]} | {100 * one["mean"]:.1f} | {" | ".join(cells)} |')
    return lines


def paper_rows(results: Iterable[Result]) -> list[str]:
    """
    Return the lines of Markdown tables, one a paper: a row as the paper has it, and ours.

    A row for which there is neither a figure of the paper nor one of ours is left out. A row that
    the paper measured on data not here, and we on other data, is one line. Below a table stands
    which rows are not measured though their data is here.
    """
    named = {result['name']: result for result in results}
    lines: list[str] = []
    for paper in dict.fromkeys(system.paper for system in SYSTEMS.values() if system.variants):
        asked = [_asked_of(system, named) for system in SYSTEMS.values() if system.paper == paper]
        rows = [row for of_system in asked for row in _rows_of(of_system)]
        lines += ['', f'**{paper}**', '', *_PAPER_HEAD, *rows]
        missing = [one for of_system in asked for one in of_system if one.missing]
        lines += ['', _unmeasured(missing)] if missing else []
    return [*lines, '']


_PAPER_HEAD = (
    '| table | row | protocol | asked | paper | ours | DTW | seeds | minutes a seed '
    '| `python -m training.run` |',
    '|---|---|---|---|---|---|---|---|---|---|',
)


def _asked_of(system: type[System[Any]], named: Mapping[str, Result]) -> list[_Asked]:
    out = []
    for name, variant in system.variants.items():
        for protocol in variant.protocols:
            found = named.get(recipe_name(protocol, system.name, name))
            out.append(_Asked(protocol, system.name, name, variant, found))
    return out


def _unmeasured(rows: Sequence[_Asked]) -> str:
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(words_of(row.protocol, row.system), []).append(row.name or 'as it is')
    parts = '; '.join(f'`{words}` {", ".join(own)}' for words, own in names.items())
    return f'Not measured yet: {len(rows)} row{"s" if len(rows) > 1 else ""}: {parts}.'


def _rows_of(of_system: Iterable[_Asked]) -> Iterator[str]:
    rows: dict[tuple[str, str], list[_Asked]] = {}
    for one in of_system:
        rows.setdefault((one.variant.table, one.variant.about), []).append(one)
    for asked in rows.values():
        elsewhere = [one for one in asked if one.found is None and one.not_here]
        lines = [one for one in asked if one.found or (one.published and not one.not_here)]
        if any(one.found for one in lines):
            # The paper's figure on data that is not here stands beside ours in small.
            away = [f'{one.published} on {one.protocol}' for one in elsewhere if one.published]
            yield lines[0].row(away)
            yield from (one.row() for one in lines[1:])
        else:
            yield from (one.row() for one in asked if one.published)


@dataclass(frozen=True)
class _Asked:
    """A row of a paper's table, asked by one protocol; `name` is the variant's."""

    protocol: str
    system: str
    name: str
    variant: Variant
    found: Result | None

    @property
    def published(self) -> str:
        """The paper's figure by this protocol, or nothing."""
        percent = self.variant.published.get(self.protocol)
        return '' if percent is None else f'{percent:g}'

    @property
    def not_here(self) -> bool:
        """Whether it needs what is not in the shared data."""
        return not set(PROTOCOLS[self.protocol].datasets).isdisjoint(NOT_HERE)

    @property
    def missing(self) -> bool:
        """Whether it could be measured with the shared data, and is not."""
        return self.found is None and not self.not_here

    def row(self, away: Sequence[str] = ()) -> str:
        """Return the line of the table; `away` are the paper's figures by other protocols."""
        asked, ours, untrained, seeds, minutes = '', '', '', '', ''
        words = words_of(self.protocol, self.system, self.name)
        if self.found is not None:
            asked = str(self.found.get('asked', ''))
            ours = _spread(self.found)
            warping = self.found['baselines'].get('dtw_hips')
            untrained = f'{100 * warping["accuracy_mean"]:.1f}' if warping else ''
            seeds = ' '.join(map(str, self.found['seeds']))
            minutes = f'{self.found["minutes"]:.1f}'
            # What was typed indeed, with settings of its own where it had such.
            typed = self.found['command'].removeprefix('python -m training.run ')
            words = typed.partition(' --seeds')[0]
        elif self.not_here:
            ours = 'data not here'
        theirs = ', '.join(filter(None, (self.published, *away)))
        about = self.variant.about.replace('|', '\\|')  # a bar would end the cell
        cells = (self.variant.table, about, self.protocol)
        figures = (asked, theirs, ours, untrained, seeds, minutes)
        return f'| {" | ".join((*cells, *figures))} | `{words}` |'


TABLES: dict[str, Callable[[Iterable[Result]], list[str]]] = {
    '<!-- figures: protocols, by python -m training.table -->': protocol_rows,
    '<!-- figures: altered, by python -m training.table -->': altered_rows,
    '<!-- figures: ablations, by python -m training.table -->': ablation_rows,
    '<!-- figures: papers, by python -m training.table -->': paper_rows,
}


def with_tables(text: str, results: Iterable[Result]) -> str:
    """
    Replace the tables in a text.

    :raises SkeletonActionError: a mark is not there, or is twice; or a result is not whole.
    """
    found = list(results)
    for result in found:
        lacking = sorted(_NEEDED - result.keys())
        if lacking:
            raise SkeletonActionError(
                f'the result {result.get("name", "without a name")!r} is not whole: expected '
                f'{", ".join(lacking)} in it'
            )
    for begin, rows in TABLES.items():
        before, *rests = text.split(begin)
        if len(rests) != 1:
            raise SkeletonActionError(
                f'expected {begin} once in the text, got it {len(rests)} times'
            )
        _, end, after = rests[0].partition(END)
        if not end:
            raise SkeletonActionError(f'expected {END} after {begin}, got none')
        text = '\n'.join([before + begin, *rows(found), END + after])
    return text


def _row(title: str, some: Result, ours: Result | None, other: Result | None) -> str:
    lead = ours or some
    baselines = some['baselines']
    protocol = PROTOCOLS.get(title)
    goal = f'{protocol.goal:g}' if protocol and protocol.goal else ''
    cells = [
        title,
        f'{some["classes"]}, {some["clips"]}',
        *(_figure(baselines.get(name), some['draws']) for name in BASELINES),
        _spread(other),
        _spread(ours),
        ' '.join(map(str, lead['seeds'])),
        f'{lead["minutes"]:.1f}',
        goal,
    ]
    return f'| {" | ".join(cells)} |'


def _question(
    question: str, some: Result, ours: Result | None, other: Result | None
) -> tuple[Result, Result | None, Result | None]:
    """Return the results as if they were of one further question."""
    first, second, third = (
        None if one is None else {**one, **one['also'][question]} for one in (some, ours, other)
    )
    assert first is not None
    return first, second, third


def _means(some: Result, ours: Result | None, other: Result | None) -> dict[str, float]:
    found = {name: one['accuracy_mean'] for name, one in some['baselines'].items()}
    for name, one in (('ours', ours), ('other', other)):
        if one is not None:
            found[name] = one['mean']
    return found


def _mean_row(means: Sequence[Mapping[str, float]]) -> str:
    """Return the row of means over all data sets left out."""

    def mean(name: str) -> float | None:
        shares = [found[name] for found in means if name in found]
        return 100 * statistics.fmean(shares) if len(shares) == len(means) else None

    found = [mean(name) for name in (*BASELINES, 'other', 'ours')]
    cells = ['' if one is None else f'{one:.1f}' for one in found]
    warping = mean('dtw')
    goal = '' if warping is None else f'{warping + MORE_THAN_DTW:.1f}'
    return f'| **lodo, mean of {len(means)}** | | {" | ".join(cells)} | | | {goal} |'


def _figure(found: Result | None, draws: int) -> str:
    """Write an accuracy, with the spread over draws where there are several."""
    if found is None:
        return ''
    mean = f'{100 * found["accuracy_mean"]:.1f}'
    return mean if draws == 1 else f'{mean} (draws {100 * found["accuracy_std"]:.1f})'


def _spread(found: Result | None) -> str:
    """Write an accuracy, with the spread over training seeds where there are several."""
    if found is None:
        return ''
    mean = f'{100 * found["mean"]:.1f}'
    return (
        f'{mean} (one seed)' if len(found['seeds']) == 1 else f'{mean} +- {100 * found["std"]:.1f}'
    )


def _is_ablation(result: Result) -> bool:
    return str(result['name']).startswith(ABLATION)


def _ablation(result: Result) -> str:
    name = str(result['name']).removeprefix(ABLATION)
    return name.removesuffix(f'-{result["protocol"]}-{result["system"]}')


def _first(named: Mapping[str, Result], names: Iterable[str]) -> Result | None:
    return next((named[name] for name in names if name in named), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the tables up to date."""
    parser = argparse.ArgumentParser(prog='python -m training.table', description=main.__doc__)
    parser.parse_args(arguments)
    with one_line(parser):
        text = with_tables(README.read_text('utf-8'), read_results())
        with written_whole(README) as part:
            part.write_text(text, 'utf-8')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
