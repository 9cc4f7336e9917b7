from __future__ import annotations

import pytest

from training.table import BEGIN, END, README, read_results, rows, with_table

ONE = {
    'system': 'small',
    'seed': 3,
    'commit': 'abc',
    'one_shot': {
        'set': {
            name: {
                'accuracy_mean': mean,
                'accuracy_std': 0.0123,
                'draws': 5,
                'classes': 4,
                'clips': 40,
            }
            for name, mean in (('raw', 0.1), ('canonical', 0.2), ('dtw', 0.3), ('embedder', 0.456))
        }
    },
}


def test_a_row_by_hand() -> None:
    assert rows([ONE])[2] == (
        '| small | set | 4 | 40 | 10.0 +- 1.2 | 20.0 +- 1.2 | 30.0 +- 1.2 | 45.6 +- 1.2 | 3 | abc |'
    )


def test_only_the_table_is_replaced() -> None:
    text = f'before\n{BEGIN}\nold\n{END}\nafter\n'

    new = with_table(text, [ONE])

    assert new.startswith(f'before\n{BEGIN}\n| recipe |')
    assert new.endswith(f'| abc |\n{END}\nafter\n')
    assert 'old' not in new
    assert with_table(new, [ONE]) == new


def test_text_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match='unpack'):
        with_table('nothing', [])


def test_readme_shows_what_the_results_say() -> None:
    text = README.read_text('utf-8')

    assert read_results()
    assert with_table(text, read_results()) == text
