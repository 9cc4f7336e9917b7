"""
Clips to learn from: read once, kept as `common_15` in one cache file a data set.

A class is one action of one data set; its mirror image is another class. `ClassTable` knows which
classes may be told apart from which.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from skeleton_action_ros.adapters.clips import find_clips, load_clip
from skeleton_action_ros.adapters.datasets import DATASETS, main_bodies
from skeleton_action_ros.adapters.datasets.base import even_stamps
from skeleton_action_ros.core.errors import BadClipError, DatasetError, ExamError
from skeleton_action_ros.core.layouts import to_common_15
from skeleton_action_ros.core.preprocess import PreprocessConfig, mirrored, prepare
from skeleton_action_ros.core.simulation import ACTIONS, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip
from skeleton_action_ros.evaluation.exam import plan_exam
from training.files import going_on_without, written_whole
from training.kth import KTH_LABELS, KTH_RATE_HZ, kth_clips

SIMULATED = 'simulated'
VIDEOS = ('kth1', 'kth2')
"""Data sets without skeletons: KTH's films whole, and cut."""

SIMULATED_LAYOUTS = ('k4abt_32', 'kinect_v1_20', 'mediapipe_33', 'kinect_v2_25', 'openni_15')
CHECKOUT = Path(__file__).resolve().parents[1]
SHORTEST_FRAMES = 5
_CACHE_FORMAT = 3


@dataclass(frozen=True)
class Sample:
    """
    One clip in `common_15`, and where it is from.

    What protocols split by is as the data set's owners number it; 0 and '' where they do not.

    :param view: camera or viewpoint.
    :param sensor: the layout it was recorded in.
    :param number: of the action.
    :param person: number of who shows it.
    :param trial: repetition.
    """

    clip: Clip
    dataset: str
    view: int = 0
    sensor: str = 'common_15'
    number: int = 0
    person: int = 0
    trial: str = ''

    @property
    def action(self) -> str:
        """Data set and label: the name of its class."""
        return f'{self.dataset}/{self.clip.label}'


def data_root() -> Path:
    """Return where data sets are: SKELETON_ACTION_DATA, or `shared/data` beside the checkout."""
    return Path(os.environ.get('SKELETON_ACTION_DATA', CHECKOUT.parent / 'shared' / 'data'))


def cache_root() -> Path:
    """Return the folder for parsed data: SKELETON_ACTION_CACHE, or the user's cache folder."""
    home = os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache')
    return Path(os.environ.get('SKELETON_ACTION_CACHE', Path(home) / 'skeleton_action_ros'))


def load_samples(names: Iterable[str], *, simulated_people: int = 0, seed: int = 0) -> list[Sample]:
    """
    Load data sets, from the cache where they are in it.

    :param names: keys of `DATASETS`, 'simulated', one of `VIDEOS`, or a folder of clips under the
        data root.
    :raises DatasetError: a data set is not there; the message says what belongs where.
    """
    samples: list[Sample] = []
    for name in names:
        if name == SIMULATED:
            samples += simulated_samples(simulated_people, seed)
        elif name in VIDEOS:
            samples += video_samples(name)
        else:
            samples += _cached(name)
    return samples


def video_samples(name: str) -> list[Sample]:
    """
    List videos that have no skeletons: a clip each, in which no joint is seen.

    :param name: one of `VIDEOS`.
    :raises DatasetError: they are not there.
    """
    found = kth_clips(data_root() / 'kth', cut=name == 'kth2', cache=cache_root())
    return [
        Sample(
            _unseen(one.shot.frames, one.label, f'person{one.person:02d}'),
            name,
            view=one.scenario,
            number=1 + KTH_LABELS.index(one.label),
            person=one.person,
            trial=str(one.number),
        )
        for one in found
    ]


def simulated_samples(people: int, seed: int) -> list[Sample]:
    """
    Let each of `people` drawn persons do every action of the simulation once.

    Each is seen by a sensor of a layout of its own, from that sensor's noise to its missing joints.
    """
    out = []
    for person in tqdm(range(people), desc='simulating', unit='person', disable=None, leave=False):
        rng = np.random.default_rng((seed, person))
        body = draw_person(rng)
        layout = SIMULATED_LAYOUTS[person % len(SIMULATED_LAYOUTS)]
        for action in ACTIONS:
            clip = simulate_action(action, body, Sensor(), rng, layout)
            sample = as_sample(replace(clip, subject=f'sim{person}'), SIMULATED)
            if sample is not None:
                out.append(sample)
    return out


def as_sample(clip: Clip, dataset: str) -> Sample | None:
    """Bring a clip to `common_15`; None where it is too short or cannot be placed."""
    joints, confidence = to_common_15(clip.joints_m, clip.confidence, clip.layout)
    common = replace(
        clip, joints_m=joints, confidence=confidence, layout='common_15', annotations=()
    )
    if len(clip) < SHORTEST_FRAMES:
        return None
    try:
        prepare(common, PreprocessConfig())
    except BadClipError:
        return None
    return Sample(common, dataset, sensor=clip.layout)


def _unseen(frames: int, label: str, subject: str) -> Clip:
    return Clip(
        joints_m=np.zeros((frames, 15, 3), np.float32),
        confidence=np.zeros((frames, 15), np.float32),
        stamps_ns=even_stamps(frames, KTH_RATE_HZ),
        layout='common_15',
        label=label,
        subject=subject,
    )


def _cached(name: str) -> list[Sample]:
    folder = data_root() / name
    if not folder.is_dir():
        known = DATASETS.get(name)
        what = (
            f'{known.title}: put its files, named like {known.example}, there'
            if known
            else 'a folder of clips, .npz as skeleton_action_ros.adapters.clips.save_clip writes'
        )
        raise DatasetError(
            f'no data set {name} under {folder} ({what}); SKELETON_ACTION_DATA names another place '
            f'than {folder.parent}'
        )
    files = DATASETS[name].files(folder) if name in DATASETS else find_clips(folder)
    told = ((file.relative_to(folder), file.stat()) for file in files)
    listing = [
        f'{_CACHE_FORMAT}',
        *(f'{file} {found.st_size} {found.st_mtime_ns}' for file, found in told),
    ]
    key = hashlib.sha256('\n'.join(listing).encode()).hexdigest()[:16]
    path = cache_root() / f'{name}-{key}.npz'
    kept = _kept(path, name)
    if kept:
        return kept
    samples = list(_parse(name, files))
    if not samples:
        raise DatasetError(
            f'nothing to learn from in {folder}: expected clips of {SHORTEST_FRAMES} frames or '
            f'more in which a body can be placed, got none in {len(files)} files'
        )
    with going_on_without(path):
        _save(path, samples)
    return _kept(path, name) or samples


def _kept(path: Path, name: str) -> list[Sample]:
    """Return what the cache has; nothing where it is not there yet, or cut short."""
    with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile):
        return list(_load(path, name))
    return []


def _parse(name: str, files: Sequence[Path]) -> Iterator[Sample]:
    for file in tqdm(files, desc=f'reading {name}', unit='file', disable=None, leave=False):
        if name in DATASETS:
            for item in main_bodies(DATASETS[name].read_actions(file)):
                sample = as_sample(item.clip, name)
                if sample is not None:
                    yield replace(
                        sample,
                        view=item.view or 0,
                        number=item.action,
                        person=item.subject,
                        trial=item.trial,
                    )
        else:
            sample = as_sample(load_clip(file), name)
            if sample is not None:
                yield sample


def _save(path: Path, samples: Sequence[Sample]) -> None:
    arrays = {
        'joints_m': np.concatenate([sample.clip.joints_m for sample in samples]),
        'confidence': np.concatenate([sample.clip.confidence for sample in samples]),
        'stamps_ns': np.concatenate([sample.clip.stamps_ns for sample in samples]),
        'frames': np.array([len(sample.clip) for sample in samples]),
        'label': np.array([sample.clip.label for sample in samples]),
        'subject': np.array([sample.clip.subject for sample in samples]),
        'view': np.array([sample.view for sample in samples]),
        'sensor': np.array([sample.sensor for sample in samples]),
        'number': np.array([sample.number for sample in samples]),
        'person': np.array([sample.person for sample in samples]),
        'trial': np.array([sample.trial for sample in samples]),
    }
    with written_whole(path) as part, part.open('wb') as file:
        np.savez(file, **arrays)


def _load(path: Path, name: str) -> Iterator[Sample]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    ends = np.cumsum(arrays['frames'])
    for index, (end, frames) in enumerate(zip(ends, arrays['frames'], strict=True)):
        part = slice(end - frames, end)
        clip = Clip(
            joints_m=arrays['joints_m'][part],
            confidence=arrays['confidence'][part],
            stamps_ns=arrays['stamps_ns'][part],
            layout='common_15',
            label=str(arrays['label'][index]),
            subject=str(arrays['subject'][index]),
        )
        yield Sample(
            clip,
            name,
            view=int(arrays['view'][index]),
            sensor=str(arrays['sensor'][index]),
            number=int(arrays['number'][index]),
            person=int(arrays['person'][index]),
            trial=str(arrays['trial'][index]),
        )


def fingerprint(samples: Iterable[Sample], files: Iterable[Path] = ()) -> str:
    """
    Hash what is learned from and split by, so that a checkpoint and a card can name it.

    :param files: of which more than the joints is learned, by name and size.
    """
    digest = hashlib.sha256()
    for sample in samples:
        clip = sample.clip
        named = (sample.action, clip.subject, sample.view, sample.sensor)
        numbered = (sample.number, sample.person, sample.trial)
        digest.update('\n'.join(map(str, (*named, *numbered))).encode())
        for array in (clip.joints_m, clip.confidence, clip.stamps_ns):
            digest.update(np.ascontiguousarray(array).tobytes())
    for file in files:
        digest.update(f'{file.name} {file.stat().st_size}'.encode())
    return digest.hexdigest()


def split_classes(
    samples: Sequence[Sample], stride: int, seed_offset: int = 1
) -> tuple[list[Sample], list[Sample]]:
    """
    Keep every `stride`-th class of each data set for validation: (training, validation).

    Classes are counted in alphabetical order within their data set, from `seed_offset`. No class is
    on both sides. A stride of 0 keeps none; nor is any kept of a data set of which so few would be
    that nothing could be asked (`can_be_asked`): its classes are learned instead.
    """
    held: set[str] = set()
    for own in by_dataset(samples).values():
        actions = sorted({sample.action for sample in own})
        kept = set(actions[seed_offset::stride]) if stride else set()
        if can_be_asked([sample for sample in own if sample.action in kept]):
            held |= kept
    training = [sample for sample in samples if sample.action not in held]
    return training, [sample for sample in samples if sample.action in held]


def by_dataset(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Return the clips of each data set, by its name in alphabetical order."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.dataset, []).append(sample)
    return dict(sorted(found.items()))


def can_be_asked(samples: Sequence[Sample]) -> bool:
    """Say whether clips make an exam: of two actions and two persons who both show them."""
    try:
        plan_exam(
            [sample.clip.label for sample in samples], [sample.clip.subject for sample in samples]
        )
    except ExamError:
        return False
    return True


@dataclass(frozen=True)
class ClassTable:
    """
    The classes of a training set: 2 A of them for A actions, the mirror image of a being a + A.

    :param actions: their names, sorted.
    :param action_of: (samples,) number of each sample's action.
    :param dataset_of: (A,) number of each action's data set.
    :param sided: (A,) whether an action and its mirror image are different actions.
    """

    actions: tuple[str, ...]
    action_of: NDArray[np.int64]
    dataset_of: NDArray[np.int64]
    sided: NDArray[np.bool_]

    def comparable(self, *, across: bool) -> NDArray[np.bool_]:
        """
        Return (2 A, 2 A): whether clips of two classes certainly show different actions.

        :param across: count classes of different data sets as different, unless they are called the
            same.
        """
        count = len(self.actions)
        names = np.array([action.split('/', 1)[1] for action in self.actions])
        same_set = self.dataset_of[:, None] == self.dataset_of
        differ = same_set | ((names[:, None] != names) & across)
        table = np.tile(differ, (2, 2))
        for first, second in ((0, 0), (count, count), (0, count), (count, 0)):
            sided = np.zeros(count, bool) if first == second else self.sided
            table[first + np.arange(count), second + np.arange(count)] = sided
        return table


def make_class_table(
    samples: Sequence[Sample], config: PreprocessConfig, rng: np.random.Generator
) -> ClassTable:
    """Number the actions of some samples and find out which of them are one-sided."""
    actions = tuple(sorted({sample.action for sample in samples}))
    number = {action: index for index, action in enumerate(actions)}
    datasets = sorted({sample.dataset for sample in samples})
    action_of = np.array([number[sample.action] for sample in samples])
    sided = [
        is_sided([samples[i].clip for i in np.flatnonzero(action_of == index)], config, rng)
        for index in range(len(actions))
    ]
    return ClassTable(
        actions=actions,
        action_of=action_of,
        dataset_of=np.array([datasets.index(action.split('/')[0]) for action in actions]),
        sided=np.array(sided),
    )


def is_sided(clips: Sequence[Clip], config: PreprocessConfig, rng: np.random.Generator) -> bool:
    """
    Judge whether an action differs from its mirror image.

    It does where the mirror images of its clips are farther from its clips than these from one
    another, by a fifth: not so for a clap, nor where some people use the other hand.
    """
    chosen = rng.permutation(len(clips))[:24]
    prepared = [prepare(clips[index], config) for index in chosen]
    plain = np.stack([joints.ravel() for joints, _ in prepared])
    images = np.stack([mirrored(joints, mask)[0].ravel() for joints, mask in prepared])
    other = ~np.eye(len(plain), dtype=bool)
    if not other.any():
        return False
    own = np.linalg.norm(plain[:, None] - plain, axis=2)[other].mean()
    swapped = np.linalg.norm(plain[:, None] - images, axis=2)[other].mean()
    return bool(swapped > 1.2 * own)
