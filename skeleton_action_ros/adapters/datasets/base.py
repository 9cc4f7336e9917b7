"""What all data sets have in common: what they yield, and the way to the canonical frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import BadClipError, DatasetError
from skeleton_action_ros.core.skeleton import FARTHEST_M, NS_PER_S, Clip


@dataclass(frozen=True)
class DatasetClip:
    """
    One sequence of a data set, and what its evaluation protocols split by.

    :param action: the data set's own number; 0 for a recording of several actions.
    :param subject: the data set's own number of the person.
    :param trial: repetition, instance or recording, as the data set writes it.
    :param view: camera or viewpoint, where there are several.
    :param body: which person of the scene this is, from 0, where there are several.
    """

    clip: Clip
    action: int
    subject: int
    trial: str
    path: Path
    view: int | None = None
    body: int = 0


@dataclass(frozen=True)
class Dataset:
    """
    One published data set and its parser.

    :param name: key in `DATASETS`.
    :param title: what its owners call it.
    :param layout: skeleton layout of the clips.
    :param rate_hz: nominal frame rate.
    :param labels: action number -> label.
    :param pattern: matches the names of its files, and no others'.
    :param example: a name that it matches, for who looks for the files.
    :param read_file: yields the clips of one file; DatasetError where it does not follow the
        format.
    """

    name: str
    title: str
    layout: str
    rate_hz: float
    labels: Mapping[int, str]
    pattern: re.Pattern[str]
    example: str
    read_file: Callable[[Path], Iterator[DatasetClip]]

    def files(self, path: str | Path) -> list[Path]:
        """
        Return the files of this data set under a folder, at any depth, sorted; or the one file.

        :raises DatasetError: nothing of this data set is there.
        """
        place = Path(path)
        if place.is_file():
            return [place]
        if not place.is_dir():
            raise DatasetError(f'{path}: expected a file or folder of {self.name}, found nothing')
        found = sorted(
            f for f in place.rglob('*') if self.pattern.fullmatch(f.name) and f.is_file()
        )
        if not found:
            raise DatasetError(
                f'{path}: expected files of {self.name} named like {self.example} at any depth, '
                'found none'
            )
        return found

    def read(self, path: str | Path) -> Iterator[DatasetClip]:
        """
        Yield every sequence of a file or folder: clips, or whole recordings with annotations.

        A file in which no skeleton was ever seen yields nothing.

        :raises DatasetError: a file does not follow the format; says which, where, and what is
            there.
        """
        for file in self.files(path):
            yield from self.read_file(file)

    def read_actions(self, path: str | Path) -> Iterator[DatasetClip]:
        """
        Yield one clip an action: recordings are cut at their annotations.

        An annotated span without any frame yields nothing.

        :raises DatasetError: as `read`.
        """
        numbers = {label: number for number, label in self.labels.items()}
        for item in self.read(path):
            if item.clip.annotations:
                yield from cut_actions(item, numbers)
            else:
                yield item


def cut_actions(recording: DatasetClip, numbers: Mapping[str, int]) -> Iterator[DatasetClip]:
    """
    Cut a recording at its annotations.

    :param numbers: label -> action number.
    """
    for span in recording.clip.annotations:
        try:
            clip = recording.clip.between(span.start_ns, span.end_ns)
        except BadClipError:
            continue
        yield replace(recording, clip=replace(clip, label=span.label), action=numbers[span.label])


def main_bodies(items: Iterable[DatasetClip]) -> Iterator[DatasetClip]:
    """
    Yield one clip a scene: of its bodies, which follow one another, the one that moves most.

    How much a body moves is the variance of its joints' coordinates, summed, as the owners of
    NTU RGB+D choose the main person.
    """
    scene: list[DatasetClip] = []
    for item in items:
        if item.body == 0 and scene:
            yield max(scene, key=_travel)
            scene = []
        scene.append(item)
    if scene:
        yield max(scene, key=_travel)


def _travel(item: DatasetClip) -> float:
    """Return the variance over time of where the joints are, summed, square metres."""
    clip = item.clip
    seen = (clip.confidence > 0.0)[..., None]
    count = np.maximum(seen.sum(axis=0), 1)
    middle = (clip.joints_m * seen).sum(axis=0) / count
    return float((((clip.joints_m - middle) ** 2 * seen).sum(axis=0) / count).sum())


def numbered(pattern: re.Pattern[str], path: Path) -> dict[str, int]:
    """
    Read the numbers in a file name.

    :raises DatasetError: the name does not match.
    """
    match = pattern.fullmatch(path.name)
    if match is None:
        raise DatasetError(f'{path}: expected a name like {pattern.pattern!r}, got {path.name!r}')
    return {name: int(digits) for name, digits in match.groupdict().items()}


def label_of(labels: Mapping[int, str], action: int, where: object) -> str:
    """
    Look an action's label up.

    :raises DatasetError: the data set has no such action; names `where` it was met.
    """
    if action not in labels:
        raise DatasetError(f'{where}: action must be one of {list(labels)}, got {action}')
    return labels[action]


def read_text(path: Path) -> str:
    """
    Read a text file.

    :raises DatasetError: it cannot be read, or is not text.
    """
    try:
        return path.read_text('utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f'{path}: expected a text file, got {error}') from error


def numbers_in(line: str, count: int, where: str, separator: str | None = None) -> list[float]:
    """
    Read a line of exactly `count` numbers; NaN and infinity are numbers.

    :param where: file and line, for the message.
    :raises DatasetError: another count, or no number.
    """
    words = line.split(separator)
    if len(words) != count:
        raise DatasetError(
            f'{where}: expected {count} numbers, got {len(words)}: {line.strip()[:60]!r}'
        )
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise DatasetError(f'{where}: expected {count} numbers, got {error}') from error


def make_clip(
    positions_m: NDArray[np.float64],
    stamps_ns: NDArray[np.int64],
    layout: str,
    where: object,
    *,
    label: str,
    subject: str,
    confidence: NDArray[np.float64] | None = None,
    half_turn: bool = True,
) -> Clip | None:
    """
    Bring positions to the canonical frame, mask what is missing and drop frames without a skeleton.

    :param positions_m: (T, J, 3), metres, joints in the order of `layout`.
    :param confidence: (T, J), 0 to 1; 1 everywhere when None. A joint at the origin or not finite
        gets 0 either way.
    :param half_turn: the axes are those of the Kinect SDK, x to the camera's left and y up: x and y
        change sign, which is a rotation about z and no mirroring.
    :return: None where no frame has a skeleton.
    :raises DatasetError: coordinates that cannot be metres, confidence outside 0 to 1, or stamps
        that do not rise; names `where`.
    """
    seen = np.isfinite(positions_m).all(axis=-1) & positions_m.any(axis=-1)
    joints = np.where(seen[..., None], positions_m, 0.0)
    farthest = float(np.abs(joints).max(initial=0.0))
    if farthest > FARTHEST_M:
        raise DatasetError(f'{where}: coordinates must be metres, got {farthest:g}')
    weights = np.where(seen, 1.0 if confidence is None else confidence, 0.0)
    shown = (weights > 0.0).any(axis=1)
    if not shown.any():
        return None
    if half_turn:
        joints = joints * (-1.0, -1.0, 1.0)
    try:
        return Clip(
            joints_m=(joints[shown] + 0.0).astype(np.float32),
            confidence=weights[shown].astype(np.float32),
            stamps_ns=stamps_ns[shown],
            layout=layout,
            label=label,
            subject=subject,
        )
    except BadClipError as error:
        raise DatasetError(f'{where}: {error}') from error


def even_stamps(frames: int, rate_hz: float) -> NDArray[np.int64]:
    """Return stamps from 0 at an even rate, ns."""
    stamps: NDArray[np.float64] = np.round(np.arange(frames) * (NS_PER_S / rate_hz))
    return stamps.astype(np.int64)
