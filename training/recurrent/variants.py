"""The rows of the thesis' tables, and those that are run on data at hand."""

from __future__ import annotations

from training.system import Variant

PUBLISHED_ON = 'ntu60-cross-subject'
HERE = 'nw-ucla-cross-subject'
"""Where the rows are run here: few persons, of whom others are asked than are learned from."""
ALSO_HERE = ('nw-ucla-cross-view', 'utd-cross-subject')
SHARE_OF = 100
"""|S| of table 12 is out of so many times: that of the thesis is not told."""

_TABLE_4 = {
    ('rnn', False): {100: 43.58, 200: 48.98, 400: 59.5, 800: 60.3},
    ('lstm', False): {100: 76.05, 200: 76.82, 400: 76.22, 800: 75.98},
    ('gru', False): {100: 79.2, 200: 79.03, 400: 78.83, 800: 79.14},
    ('rnn', True): {50: 40.91, 100: 54.82, 200: 54.9, 400: 66.54},
    ('lstm', True): {50: 73.82, 100: 76.67, 200: 77.13, 400: 77.35},
    ('gru', True): {50: 73.9, 100: 78.37, 200: 78.71, 400: 78.1},
}
_TABLE_5 = {1: 72.35, 2: 77.09, 4: 77.94, 5: 77.83, 6: 77.2, 7: 76.72, 8: 74.62}
_TABLE_6 = {'1.0': 75.17, '0.9': 76.93, '0.7': 78.11, '0.3': 72.91, '0.1': 57.72}
_TABLE_8 = {
    'linear': {'0.0': 78.47, '0.001': 77.78, '0.01': 77.08},
    'affine': {'0.0': 79.58, '0.001': 77.36, '0.01': 77.51},
    'positive': {'0.0': 78.69, '0.001': 78.19, '0.01': 77.27},
    'convex': {'0.0': 78.95, '0.001': 78.75, '0.01': 78.26},
}
_TABLE_11 = {
    'rnn': {50: 53.77, 100: 62.15, 200: 66.06, 400: 66.54},
    'lstm': {50: 75.45, 100: 77.42, 200: 77.66, 400: 77.35},
    'gru': {50: 75.35, 100: 77.9, 200: 79.03, 400: 78.1},
}
_TABLE_12 = {10: 78.36, 20: 79.09, 30: 78.6, 40: 78.6, 50: 79.07, 60: 78.86, 70: 78.88}
_RUN_UNITS = (50, 100)
"""A layer of twice as many units takes three times as long: the wider ones are not run here."""
_UNTIL_THE_END = ('optimizer.schedule=constant', 'optimizer.validate_steps=100000')
_TWO_WAY = ('network.bidirectional=True', 'network.every_step=True')


def _row(
    table: str, about: str, settings: tuple[str, ...], percent: float, also: tuple[str, ...]
) -> Variant:
    return Variant(about, settings, table, {PUBLISHED_ON: percent}, also)


def _table_4() -> dict[str, Variant]:
    rows = {}
    for (cell, two_way), figures in _TABLE_4.items():
        for units, percent in figures.items():
            settings = [f'network.cell={cell}', f'network.units={units}']
            settings += ['network.bidirectional=True'] if two_way else []
            ways = 'per direction, two directions' if two_way else 'units'
            rows[f'{"bi" if two_way else ""}{cell}-{units}'] = _row(
                'Table 4',
                f'{cell.upper()}, {units} {ways}',
                tuple(settings),
                percent,
                (HERE,) if units in _RUN_UNITS else (),
            )
    del rows['gru-100']  # the recipe as it is
    return rows


def _table_8() -> dict[str, Variant]:
    rows = {}
    for combination, figures in _TABLE_8.items():
        for sparsity, percent in figures.items():
            sparse = float(sparsity) > 0.0
            also = (HERE, *ALSO_HERE) if combination == 'affine' and not sparse else (HERE,)
            rows[f'{combination}-{sparsity}' if sparse else combination] = _row(
                'Table 8',
                f'{combination} combination' + (f', mu = {sparsity}' if sparse else ''),
                (f'transformer.combination={combination}', f'transformer.sparsity={sparsity}'),
                percent,
                also,
            )
    return rows


def _table_11() -> dict[str, Variant]:
    return {
        f'every-step-{cell}-{units}': _row(
            'Table 11',
            f'{cell.upper()}, {units} per direction, named at every time',
            (*_TWO_WAY, f'network.cell={cell}', f'network.units={units}'),
            percent,
            (HERE,) if units == min(_RUN_UNITS) else (),
        )
        for cell, figures in _TABLE_11.items()
        for units, percent in figures.items()
    }


def _table_12() -> dict[str, Variant]:
    return {
        f'inattention-{size}': _row(
            'Table 12',
            f'GRU, 200 per direction, |S| = {size} of {SHARE_OF}',
            (*_TWO_WAY, 'network.units=200', f'network.hardest={size / SHARE_OF}'),
            percent,
            (),
        )
        for size, percent in _TABLE_12.items()
    }


VARIANTS: dict[str, Variant] = {
    '': _row('Table 4', 'GRU, 100 units: the improved baseline', (), 79.2, (HERE, *ALSO_HERE)),
    'relu-scores': Variant(
        'scores through a rectified linear unit',
        ('network.relu_scores=True',),
        'Figure 11',
        also=(HERE,),
    ),
    **_table_4(),
    **{
        f'layers-{layers}': _row(
            'Table 5', f'{layers} layers', (f'network.layers={layers}',), percent, (HERE,)
        )
        for layers, percent in _TABLE_5.items()
    },
    **{
        f'keep-{keep}': _row(
            'Table 6', f'dropout keeps {keep}', (f'network.keep={keep}',), percent, (HERE,)
        )
        for keep, percent in _TABLE_6.items()
    },
    'no-l2': _row(
        'Table 7', 'early stopping, no L2', ('optimizer.weight_decay=0.0',), 72.29, (HERE,)
    ),
    'no-early-stopping': _row('Table 7', 'L2, no early stopping', _UNTIL_THE_END, 76.02, (HERE,)),
    'no-l2-no-early-stopping': _row(
        'Table 7',
        'neither L2 nor early stopping',
        ('optimizer.weight_decay=0.0', *_UNTIL_THE_END),
        68.12,
        (HERE,),
    ),
    **_table_8(),
    'motion': _row(
        'Section 3.3.2', 'motion alone', ('pose.stream=motion',), 75.57, (HERE, *ALSO_HERE)
    ),
    'pose-and-motion': Variant(
        'pose and motion', ('pose.stream=both',), 'Section 3.3.2', also=(HERE, *ALSO_HERE)
    ),
    'aligned': _row('Table 9', 'aligned', ('pose.aligned=True',), 76.28, (HERE, *ALSO_HERE)),
    'joints-13': _row('Table 9', '13 joints', ('pose.joints=13',), 75.94, (HERE, *ALSO_HERE)),
    'joints-13-aligned': _row(
        'Table 9',
        '13 joints, aligned',
        ('pose.joints=13', 'pose.aligned=True'),
        74.43,
        (HERE, *ALSO_HERE),
    ),
    **_table_11(),
    **_table_12(),
    'inattention-half': Variant(
        'GRU, 50 per direction, |S| = T / 2',
        (*_TWO_WAY, 'network.units=50', 'network.hardest=0.5'),
        'Table 12',
        also=(HERE,),
    ),
}
