"""
The rows of Skeleton-DML's Tables II, III and IV, and the one that a robot can load.

A row of Tables III and IV is two variants: `published-NAME`, which trains as section III.E has it
for whoever has NTU RGB+D 120, and `NAME`, in small on the data at hand. Only the first stands
beside the paper's figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from training.system import Variant

PAPER = 'Skeleton-DML (Memmesheimer et al., 2021)'
NTU = 'ntu120-one-shot'
HERE = ('utd-15', 'lodo-nw-ucla')
WEIGHTS = 'resnet18-imagenet.pth'
"""The file of ImageNet weights that the published rows start from; `--set embedder.weights=FILE`
names another."""

SHORT = ('optimizer.rates=()',)
"""In small, a row tries no rates and has the recipe's 3e-4."""

AS_PUBLISHED = (
    f'embedder.weights={WEIGHTS}',
    *('images.size=256', 'images.rotation_deg=0.0', 'embedder.embedding=128'),
    *('optimizer.rates=()', 'optimizer.learning_rate=1e-6', 'optimizer.schedule=constant'),
    *('optimizer.warm_up_steps=0', 'optimizer.average=0.0', 'optimizer.mixed_precision=False'),
    *('optimizer.validate_steps=10000', 'optimizer.patience=1000'),
)
"""Section III.E, but for the number of steps: `steps` has that. Nothing is averaged or stopped."""

_CLIPS_A_CLASS = 954
"""Section IV.A: 114,480 sequences of 120 classes."""
_BATCH = 32

_ALL_CLASSES = 100
_TABLE_II = {
    ('', 'Skeleton-DML'): {100: 54.2, 80: 48.0, 60: 48.6, 40: 37.5, 20: 28.6},
    ('sl-dml', 'SL-DML'): {100: 50.9, 80: 46.4, 60: 49.0, 40: 42.4, 20: 36.7},
}
"""Name and title; percent by the number of classes learned from."""

_SL_DML = ('images.representation=sl-dml', 'metric.loss=triplet-margin')
"""Of SL-DML the paper says that its "encoder is trained using triplet-loss" (section II)."""

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


def steps(epochs: int, classes: int = _ALL_CLASSES) -> int:
    """Return how many batches of 32 so many epochs are."""
    return epochs * classes * _CLIPS_A_CLASS // _BATCH


def _table_ii() -> Iterator[tuple[str, Variant]]:
    """Return 'published', 'published-80', ..., 'published-sl-dml', 'published-sl-dml-80', ..."""
    for (name, title), percents in _TABLE_II.items():
        for classes, percent in percents.items():
            ending = '' if classes == _ALL_CLASSES else str(classes)
            settings = (*AS_PUBLISHED, f'optimizer.steps={steps(100, classes)}')
            yield (
                '-'.join(filter(None, ('published', name, ending))),
                Variant(
                    f'{title}, {classes} classes',
                    (*settings, *_SL_DML) if name else settings,
                    'Table II',
                    {f'{NTU}-{ending}' if ending else NTU: percent},
                ),
            )


def _row(
    name: str,
    about: str,
    settings: tuple[str, ...],
    table: str,
    *,
    epochs: int,
    percent: float,
    also: tuple[str, ...],
) -> Iterator[tuple[str, Variant]]:
    """Return a row as published, and in small."""
    whole = (*AS_PUBLISHED, f'optimizer.steps={steps(epochs)}', *settings)
    yield f'published-{name}', Variant(about, whole, table, {NTU: percent})
    yield name, Variant(about, (*settings, *SHORT), table, also=also)


def _table_iii() -> Iterator[tuple[str, Variant]]:
    """
    Return the 24 rows by names such as 'sl-dml-128-rot-tm'; "a training over 200 epochs".

    In small those are asked for that change one thing of the best row, at most.
    """
    best = ('skeleton-dml', 5.0, 'multi-similarity', 512)
    for (representation, rotation, loss), percents in _TABLE_III.items():
        for size, percent in zip(_SIZES, percents, strict=True):
            row = (representation, rotation, loss, size)
            changed = sum(one != other for one, other in zip(row, best, strict=True))
            turned = '-rot' if rotation else ''
            yield from _row(
                f'{representation}-{size}{turned}-{_SHORT_NAMES[loss]}',
                f'{representation}, {size}, {"rotated" if rotation else "not rotated"}, {loss}',
                (
                    f'images.representation={representation}',
                    f'images.rotation_deg={rotation}',
                    f'metric.loss={loss}',
                    f'embedder.embedding={size}',
                ),
                'Table III',
                epochs=200,
                percent=percent,
                also=('utd-15',) if changed <= 1 else (),
            )


def _table_iv() -> Iterator[tuple[str, Variant]]:
    """Return the 8 rows, "trained with the parameters described in Section III-E"."""
    for representation, (title, percent) in _TABLE_IV.items():
        yield from _row(
            f'image-{representation}',
            title,
            (
                f'images.representation={representation}',
                'images.rotation_deg=0.0',
                'embedder.embedding=128',
            ),
            'Table IV',
            epochs=100,
            percent=percent,
            also=HERE,
        )


VARIANTS: dict[str, Variant] = {
    # The recipe has the settings of one of the 24 rows, and tries three rates.
    '': Variant(
        'skeleton-dml, 512, rotated, multi-similarity',
        table='Table III',
        also=(
            *('utd-15', 'utd-11', 'utd-sd-15', 'msr-10', 'lodo-nw-ucla', 'lodo-utd-mhad'),
            *('lodo-msr-action3d', 'lodo-utkinect', 'lodo-florence3d', 'lodo-g3d-clips'),
        ),
    ),
    'prepared': Variant(
        'skeleton-dml, 512, rotated, multi-similarity, on prepared joints',
        ('images.prepared=True', *SHORT),
        also=HERE,
    ),
    **dict(_table_ii()),
    **dict(_table_iii()),
    **dict(_table_iv()),
}
