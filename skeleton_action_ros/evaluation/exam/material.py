"""
The clips of an exam: read from a folder, cut where they are annotated, prepared once.

They are compared as they were cut. Trimmed to their motion, as the gallery's demonstrations are,
every method, trained or not, lost one to three points on Florence 3D and on G3D.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.adapters.clips import find_clips, load_clip
from skeleton_action_ros.adapters.datasets import DATASETS, main_bodies
from skeleton_action_ros.core.errors import BadClipError, SkeletonActionError
from skeleton_action_ros.core.preprocess import PreprocessConfig, prepare
from skeleton_action_ros.core.skeleton import FARTHEST_M, Clip

SHORTEST_FRAMES = 5
LONGEST_S = 60.0


@dataclass(frozen=True)
class Item:
    """One clip, and the file it is from; of a file with several, its number there from 1."""

    source: str
    clip: Clip


@dataclass(frozen=True)
class Skipped:
    """A file, or a clip of a file, that is not used."""

    source: str
    reason: str


class Prepared(NamedTuple):
    """Model input: joints (N, T, 15, 3) and mask (N, T, 15)."""

    joints: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """
    Clips ready to be compared; all sequences are in the same order.

    :param prepared: by each of the configurations asked for.
    :param skipped: what is not used, and why.
    :param incomplete: sources of used clips in which some joint is not seen at some time.
    """

    sources: tuple[str, ...]
    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    prepared: Mapping[PreprocessConfig, Prepared]
    skipped: tuple[Skipped, ...]
    incomplete: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)


def read_items(
    folder: Path,
    dataset: str | None = None,
    track: Callable[[Sequence[Path]], Iterable[Path]] = lambda files: files,
) -> Iterator[Item | Skipped]:
    """
    Yield the clips of a folder, at any depth; recordings are cut at their annotations.

    A file or span that cannot be read is yielded as skipped.

    :param dataset: a key of `DATASETS` if the folder holds its files; of several persons in a scene
        the one who moves most is taken.
    :param track: wraps the list of files, to show progress.
    :raises BadClipError, DatasetError: there is nothing of the kind in the folder.
    """
    files = DATASETS[dataset].files(folder) if dataset else find_clips(folder)
    for file in track(files):
        name = str(file.relative_to(folder)) if file != folder else file.name
        try:
            clips = _dataset_clips(dataset, file) if dataset else _cut(load_clip(file))
        except SkeletonActionError as error:
            yield Skipped(name, str(error).removeprefix(f'{file}: '))
            continue
        for number, clip in enumerate(clips, 1):
            source = f'{name} #{number}' if len(clips) > 1 else name
            if isinstance(clip, str):
                yield Skipped(source, clip)
            else:
                yield Item(source, clip)


def prepare_items(items: Iterable[Item | Skipped], configs: Iterable[PreprocessConfig]) -> Material:
    """
    Prepare each clip in every way asked for; one that cannot be in some way is skipped.

    Skipped are also clips without label or subject, of fewer than `SHORTEST_FRAMES` frames, longer
    than `LONGEST_S`, and with coordinates that cannot be metres.
    """
    ways = tuple(dict.fromkeys(configs))
    used: list[Item] = []
    skipped: list[Skipped] = []
    prepared: list[list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = []
    for item in items:
        if isinstance(item, Skipped):
            skipped.append(item)
            continue
        try:
            _check(item.clip)
            prepared.append([prepare(item.clip, way) for way in ways])
        except BadClipError as error:
            skipped.append(Skipped(item.source, str(error)))
            continue
        used.append(item)
    return Material(
        sources=tuple(item.source for item in used),
        labels=tuple(item.clip.label for item in used),
        subjects=tuple(item.clip.subject for item in used),
        prepared={
            way: Prepared(
                np.array([ways_of[at][0] for ways_of in prepared], np.float32),
                np.array([ways_of[at][1] for ways_of in prepared], np.float32),
            )
            for at, way in enumerate(ways)
        },
        skipped=tuple(skipped),
        incomplete=tuple(item.source for item in used if (item.clip.confidence == 0.0).any()),
    )


def _check(clip: Clip) -> None:
    """Refuse what cannot be a labelled action of somebody."""
    if not clip.label or not clip.subject:
        raise BadClipError(f'has no {"subject" if clip.label else "label"}')
    if len(clip) < SHORTEST_FRAMES:
        raise BadClipError(f'has {len(clip)} frames, fewer than {SHORTEST_FRAMES}')
    farthest = float(np.abs(clip.joints_m).max())
    if farthest > FARTHEST_M:
        raise BadClipError(f'coordinates must be metres, got {farthest:g}: millimetres?')
    if clip.duration_s > LONGEST_S:
        raise BadClipError(
            f'lasts {clip.duration_s:.0f} s ({len(clip)} frames), longer than one action '
            f'({LONGEST_S:.0f} s), and has no annotations to cut it at'
        )


def _cut(clip: Clip) -> list[Clip | str]:
    """Return the annotated actions of a recording, or the clip itself; a sentence in failure."""
    if not clip.annotations:
        return [clip]
    out: list[Clip | str] = []
    for span in clip.annotations:
        try:
            piece = clip.between(span.start_ns, span.end_ns)
        except BadClipError:
            out.append(f'annotated {span.label!r} has no frame')
        else:
            out.append(_labelled(piece, span.label))
    return out


def _labelled(clip: Clip, label: str) -> Clip:
    return Clip(clip.joints_m, clip.confidence, clip.stamps_ns, clip.layout, label, clip.subject)


def _dataset_clips(dataset: str, file: Path) -> list[Clip | str]:
    """Return the actions of a file; where a scene has several bodies, that which moves most."""
    return [item.clip for item in main_bodies(DATASETS[dataset].read_actions(file))]
