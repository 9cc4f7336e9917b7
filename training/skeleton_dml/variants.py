"""The rows of Skeleton-DML's Tables II, III and IV, and the one that a robot can load."""

from __future__ import annotations

from training.system import Variant

PAPER = 'Skeleton-DML (Memmesheimer et al., 2021)'
NTU = 'ntu120-one-shot'
HERE = ('utd-15', 'lodo-nw-ucla')

SHORT = ('optimizer.rates=()', 'optimizer.steps=450')
"""
Tables III and IV have 32 rows. Here each is trained half as long as the recipe, at the rate that
the recipe chooses as often as not: they are compared with one another.
"""

AS_PUBLISHED = (
    *('images.size=256', 'images.rotation_deg=0.0', 'embedder.embedding=128'),
    *('optimizer.rates=()', 'optimizer.learning_rate=1e-6', 'optimizer.schedule=constant'),
    *('optimizer.steps=300000', 'optimizer.validate_steps=10000', 'optimizer.warm_up_steps=0'),
)
"""100 epochs of 100 classes; to be given ImageNet weights by `--set embedder.weights=FILE`."""

_SIZES = (128, 256, 512)
_TABLE_III = {
    ('sl-dml', 0.0, 'multi-similarity'): (55.2, 50.6, 52.7),
    ('sl-dml', 0.0, 'triplet-margin'): (51.5, 51.7, 54.0),
    ('sl-dml', 5.0, 'multi-similarity'): (51.8, 55.3, 55.8),
    ('sl-dml', 5.0, 'triplet-margin'): (53.6, 54.8, 55.5),
    ('skeleton-dml', 0.0, 'multi-similarity'): (54.7, 51.5, 53.1),
    ('skeleton-dml', 0.0, 'triplet-margin'): (47.5, 51.9, 54.0),
    ('skeleton-dml', 5.0, 'multi-similarity'): (55.3, 58.0, 58.6),
    ('skeleton-dml', 5.0, 'triplet-margin'): (56.0, 55.1, 56.1),
}
"""Representation, rotation in degrees and loss; percent for embeddings of 128, 256 and 512."""

_TABLE_IV = {
    'skepxels': ('Skepxel', 29.6),
    'skelemotion-orientation': ('SkeleMotion Orientation', 34.4),
    'skelemotion-both': ('SkeleMotion MagnitudeOrientation', 39.2),
    'tssi': ('TSSI', 41.0),
    'gimme-signals': ('Gimme Signals', 41.5),
    'skelemotion-magnitude': ('SkeleMotion Magnitude', 44.4),
    'sl-dml': ('SL-DML', 50.9),
    'skeleton-dml': ('Skeleton-DML', 54.2),
}
"""Title and percent by representation: embeddings of 128, not rotated, multi-similarity."""

_SHORT_NAMES = {'multi-similarity': 'ms', 'triplet-margin': 'tm'}


def _table_iii() -> dict[str, Variant]:
    """Return the 24 rows by names such as 'sl-dml-128-rot-tm'."""
    out = {}
    for (representation, rotation, loss), percents in _TABLE_III.items():
        for size, percent in zip(_SIZES, percents, strict=True):
            turned = '-rot' if rotation else ''
            settings = (
                f'images.representation={representation}',
                f'images.rotation_deg={rotation}',
                f'metric.loss={loss}',
                f'embedder.embedding={size}',
            )
            out[f'{representation}-{size}{turned}-{_SHORT_NAMES[loss]}'] = Variant(
                f'{representation}, {size}, {"rotated" if rotation else "not rotated"}, {loss}',
                (*settings, *SHORT),
                'Table III',
                {NTU: percent},
                ('utd-15',),
            )
    return out


def _table_iv() -> dict[str, Variant]:
    return {
        f'image-{representation}': Variant(
            title,
            (
                f'images.representation={representation}',
                'images.rotation_deg=0.0',
                'embedder.embedding=128',
                *SHORT,
            ),
            'Table IV',
            {NTU: percent},
            HERE,
        )
        for representation, (title, percent) in _TABLE_IV.items()
    }


VARIANTS: dict[str, Variant] = {
    '': Variant(
        'skeleton-dml, 512, rotated, multi-similarity, from random weights',
        table='Table III',
        published={NTU: 58.6},
        also=(
            *('utd-15', 'utd-11', 'utd-sd-15', 'msr-10', 'lodo-nw-ucla', 'lodo-utd-mhad'),
            *('lodo-msr-action3d', 'lodo-utkinect', 'lodo-florence3d', 'lodo-g3d-clips'),
        ),
    ),
    'prepared': Variant(
        'skeleton-dml, 512, rotated, multi-similarity, on prepared joints',
        ('images.prepared=True', *SHORT),
        also=('utd-15', 'lodo-nw-ucla', 'lodo-florence3d', 'lodo-utkinect'),
    ),
    'published': Variant(
        'as published, 100 epochs from ImageNet weights',
        AS_PUBLISHED,
        'Table II',
        {
            NTU: 54.2,
            'ntu120-one-shot-80': 48.0,
            'ntu120-one-shot-60': 48.6,
            'ntu120-one-shot-40': 37.5,
            'ntu120-one-shot-20': 28.6,
        },
    ),
    **_table_iii(),
    **_table_iv(),
}
