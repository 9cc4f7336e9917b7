from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from skeleton_action_ros.core.errors import SkeletonActionError
from training import table
from training.protocols import PROTOCOLS
from training.results import read_results
from training.skeleton_dml.system import SkeletonDmlSystem
from training.system import Variant
from training.table import (
    END,
    README,
    TABLES,
    ablation_rows,
    altered_rows,
    main,
    paper_rows,
    protocol_rows,
    with_tables,
)


def result(protocol: str, system: str, mean: float, **others: Any) -> dict[str, Any]:
    share = {'raw': 0.1, 'canonical': 0.2, 'dtw': 0.3, 'dtw_hips': 0.35}
    return {
        'name': f'{protocol}-{system}',
        'protocol': protocol,
        'system': system,
        'mean': mean,
        'std': 0.0123,
        'seeds': [0, 1],
        'minutes': 4.56,
        'draws': 200,
        'command': f'python -m training.run {protocol} --system {system} --seeds 0 1',
        'classes': 4,
        'clips': 40,
        'baselines': {
            name: {'accuracy_mean': one, 'accuracy_std': 0.04} for name, one in share.items()
        },
        **others,
    }


def test_rows_by_hand() -> None:
    rows = protocol_rows(
        [
            result('utd-15', 'skeleton-dml', 0.5),
            result('utd-15', 'encoder', 0.987, draws=1),
            result('utd-closed', 'classifier', 0.9),
        ]
    )

    assert rows[2:] == [
        '| utd-15 | 4, 40 | 10.0 | 20.0 | 30.0 | 35.0 '
        '| 50.0 +- 1.2 | 98.7 +- 1.2 | 0 1 | 4.6 | 98 |',
        '| utd-closed | 4, 40 | 10.0 (draws 4.0) | 20.0 (draws 4.0) | 30.0 (draws 4.0) '
        '| 35.0 (draws 4.0) |  '
        '| 90.0 +- 1.2 | 0 1 | 4.6 | 98 |',
    ]


def test_further_questions_have_rows_of_their_own() -> None:
    question = result('', '', 0.7)
    also = {'across views': {'mean': 0.7, 'std': 0.02, 'baselines': question['baselines']}}

    rows = protocol_rows([result('lodo-nw-ucla', 'encoder', 0.8, also=also)])

    assert rows[3].startswith('| lodo-nw-ucla, across views | 4, 40 | 10.0 (draws 4.0) |')
    assert '| 70.0 +- 2.0 |' in rows[3]


def test_a_single_seed_has_no_spread() -> None:
    rows = protocol_rows([result('utd-15', 'encoder', 0.5, seeds=[3], std=0.0)])

    assert '| 50.0 (one seed) | 3 |' in rows[2]


def test_mean_over_all_data_sets_left_out_is_given_when_all_are_there() -> None:
    lodo = [name for name in PROTOCOLS if name.startswith('lodo-')]
    results = [result(name, 'encoder', 0.1 * place) for place, name in enumerate(lodo)]

    assert protocol_rows(results)[-1] == (
        '| **lodo, mean of 6** | | 10.0 | 20.0 | 30.0 | 35.0 |  | 25.0 | | | 42.0 |'
    )
    assert 'mean of' not in protocol_rows(results[1:])[-1]


def test_ablations_stand_beside_the_whole() -> None:
    changed = result('msr-10', 'encoder', 0.7, settings=['loss.distillation=0.0'])
    changed['name'] = 'ablation-no-teacher-msr-10-encoder'

    rows = ablation_rows([result('msr-10', 'encoder', 0.8), changed])

    assert rows[0] == '| | changed | msr-10 |'
    assert rows[2:] == [
        '| as it is | | 80.0 +- 1.2 |',
        '| no-teacher | `loss.distillation=0.0` | 70.0 +- 1.2 |',
    ]
    assert 'no-teacher' not in '\n'.join(protocol_rows([changed]))


def test_ablations_of_two_systems_are_kept_apart() -> None:
    results = [result('utd-15', 'encoder', 0.8), result('utd-15', 'skeleton-dml', 0.5)]
    for system, mean, setting in (('encoder', 0.7, 'x=1'), ('skeleton-dml', 0.4, 'x=2')):
        changed = result('utd-15', system, mean, settings=[setting])
        results.append({**changed, 'name': f'ablation-n-utd-15-{system}'})

    assert ablation_rows(results)[2:] == [
        '| as it is | | 80.0 +- 1.2 |',
        '| n | `x=1` | 70.0 +- 1.2 |',
        '| as it is, skeleton-dml | | 50.0 +- 1.2 |',
        '| n, skeleton-dml | `x=2` | 40.0 +- 1.2 |',
    ]


def test_what_cannot_be_told_without_learning_has_empty_cells() -> None:
    rows = protocol_rows([result('florence3d-video', 'encoder', 0.5, baselines={})])

    assert rows[2] == '| florence3d-video | 4, 40 |  |  |  |  |  | 50.0 +- 1.2 | 0 1 | 4.6 |  |'


def test_what_is_lost_on_altered_queries_is_in_points() -> None:
    rows = altered_rows([result('lodo-utkinect', 'encoder', 0.8, altered={'10 Hz': 0.785})])

    assert rows[0] == '| | as recorded | 10 Hz |'
    assert rows[2] == '| lodo-utkinect | 80.0 | 78.5 (-1.5) |'


def test_rows_of_a_paper_stand_beside_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tabled(SkeletonDmlSystem):
        paper: ClassVar[str] = 'Somebody, 2020'
        variants: ClassVar[Mapping[str, Variant]] = {
            '': Variant('theirs', table='I', published={'utd-15': 55.5, 'ntu120-one-shot': 54.2}),
            'large': Variant('|S|', table='I', published={'ntu120-one-shot-80': 48.0}),
            'small': Variant('small', ('images.size=32',), 'I', also=('utd-15', 'msr-10')),
        }

    monkeypatch.setattr(table, 'SYSTEMS', {'skeleton-dml': Tabled})

    run = 'python -m training.run utd-15 --system skeleton-dml --variant small'
    assert paper_rows([])[-2] == (
        'Not measured yet: 3 rows: `utd-15 --system skeleton-dml` as it is, small; '
        '`msr-10 --system skeleton-dml` small.'
    )
    rows = paper_rows(
        [
            result('utd-15', 'skeleton-dml', 0.5, asked=16),
            result('utd-15', 'skeleton-dml-small', 0.6, command=f'{run} --set a=1 --seeds 0 1'),
        ]
    )

    assert rows[1] == '**Somebody, 2020**'
    words = 'utd-15 --system skeleton-dml'
    assert rows[5:] == [
        '| I | theirs | utd-15 | 16 | 55.5, 54.2 on ntu120-one-shot '
        f'| 50.0 +- 1.2 | 35.0 | 0 1 | 4.6 | `{words}` |',
        '| I | \\|S\\| | ntu120-one-shot-80 |  | 48 | data not here |  |  |  '
        '| `ntu120-one-shot-80 --system skeleton-dml --variant large` |',
        f'| I | small | utd-15 |  |  | 60.0 +- 1.2 | 35.0 | 0 1 | 4.6 '
        f'| `{words} --variant small --set a=1` |',
        '',
        'Not measured yet: 1 row: `msr-10 --system skeleton-dml` small.',
        '',
    ]
    measured = [
        result(*words, 0.6)
        for words in (
            ('utd-15', 'skeleton-dml'),
            ('utd-15', 'skeleton-dml-small'),
            ('msr-10', 'skeleton-dml-small'),
        )
    ]
    assert 'Not measured yet' not in '\n'.join(paper_rows(measured))


def marked() -> str:
    return '\n'.join(f'before\n{begin}\nold\n{END}\nafter' for begin in TABLES)


def test_only_the_tables_are_replaced() -> None:
    results = [result('utd-15', 'encoder', 0.9)]

    new = with_tables(marked(), results)

    assert new.count('before') == new.count('after') == len(TABLES)
    assert 'old' not in new
    assert '| utd-15 |' in new
    assert with_tables(new, results) == new


def test_text_without_marks_is_refused() -> None:
    with pytest.raises(SkeletonActionError, match=r'expected <!-- .* once in the text, got it 0'):
        with_tables('nothing', [])
    with pytest.raises(SkeletonActionError, match='once in the text, got it 2'):
        with_tables(marked() + marked(), [])
    with pytest.raises(SkeletonActionError, match=f'expected {END} after <!-- .*, got none'):
        with_tables(marked().replace(END, ''), [])


def test_result_that_is_not_whole_is_refused() -> None:
    whole = result('utd-15', 'encoder', 0.9)
    del whole['baselines'], whole['seeds']

    with pytest.raises(
        SkeletonActionError, match=r"'utd-15-encoder' is not whole.* baselines, seeds"
    ):
        with_tables(marked(), [whole])


@pytest.mark.parametrize(
    ('readme', 'results', 'message'),
    [('no marks', None, 'once in the text'), (None, '{"runs": [', 'is no JSON')],
)
def test_readme_stays_as_it_was_where_tables_cannot_be_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    readme: str | None,
    results: str | None,
    message: str,
) -> None:
    path = tmp_path / 'README.md'
    path.write_text(readme or marked())
    before = path.read_text()
    if results:
        (tmp_path / 'cut.json').write_text(results)
    monkeypatch.setattr(table, 'README', path)
    monkeypatch.setattr(table, 'read_results', lambda: read_results(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main([])

    error = capsys.readouterr().err
    assert (ended.value.code, error.count('\n')) == (1, 1)
    assert message in error
    assert path.read_text() == before


def test_readme_is_written_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'README.md'
    path.write_text(marked())
    monkeypatch.setattr(table, 'README', path)
    monkeypatch.setattr(table, 'read_results', lambda: [result('utd-15', 'encoder', 0.9)])

    assert main([]) == 0

    assert '| utd-15 |' in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ['README.md']


def test_readme_shows_what_the_results_say() -> None:
    text = README.read_text('utf-8')

    assert with_tables(text, read_results()) == text
