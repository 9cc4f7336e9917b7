"""
`python -m benchmarks.sensors`: one-shot accuracy across sensors, on the Florence 3D recordings.

The joints of a depth sensor (`skeletal_data.mat`) and videos of the same actions (`avi/`, named
`...actor<subject>idAction<n>category<action>.avi`). Skeletons are found in each video with the
settings of the source `rgb` and kept as clips; one demonstration of each action by one person, from
one sensor, is the gallery, and the clips of all other persons from the other sensor are recognised.
Time warping, on the same clips, stands beside the model.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import machine
from skeleton_action_ros.adapters.clips import find_clips, load_clip, save_clip
from skeleton_action_ros.adapters.datasets import DATASETS
from skeleton_action_ros.adapters.datasets.florence3d import LABELS
from skeleton_action_ros.adapters.mediapipe_pose import MediapipePose
from skeleton_action_ros.adapters.onnx_bundle import load_bundle
from skeleton_action_ros.adapters.sources.rgb import RgbSource
from skeleton_action_ros.adapters.video import open_images
from skeleton_action_ros.core.config import build
from skeleton_action_ros.core.errors import DatasetError, SkeletonActionError
from skeleton_action_ros.core.rgb import RgbConfig
from skeleton_action_ros.core.skeleton import clip_from_frames
from skeleton_action_ros.evaluation.exam.distances import (
    CANONICAL,
    RAW,
    Distances,
    baseline_distances,
    model_distances,
)
from skeleton_action_ros.evaluation.exam.material import Item, Material, prepare_items

RGB, KINECT = 'rgb', 'kinect'
PAIRS = ((RGB, RGB), (KINECT, RGB), (RGB, KINECT), (KINECT, KINECT))
"""What is taught with, and what is recognised from."""
METHODS = ('model', 'dtw', 'dtw_hips')
_VIDEO = re.compile(r'actor(\d+)idAction\d+category(\d+)\.avi$')
_DRAWS = 50


@dataclass(frozen=True)
class Outcome:
    """
    One-shot accuracy from one sensor to another.

    :param accuracy: by method, share of trials.
    :param trials: how often a clip was recognised.
    :param clips: how many different clips were.
    :param missed: of the model: (done, taken for), and how often, the most frequent first.
    :param by_label: accuracy of the model, by action.
    """

    taught: str
    seen: str
    accuracy: dict[str, float]
    trials: int
    clips: int
    missed: list[tuple[str, str, int]]
    by_label: dict[str, float]


def main() -> int:
    """Measure, print a table, and write sensors.json."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.sensors', description=__doc__)
    parser.add_argument('--data', type=Path, required=True, help='folder of Florence 3D')
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument('--out', type=Path, default=Path('out/sensors'))
    parser.add_argument('--again', action='store_true', help='find the skeletons anew')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NAME=VALUE', help='a setting of the source'
    )
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    given = parser.parse_args()
    try:
        config = _config(given.set)
        clips = given.out / 'clips'
        if given.again or given.set or not clips.is_dir():
            extract(given.data / 'avi', clips, config)
        outcomes = measure(given.data, clips, given.model)
    except SkeletonActionError as error:
        print(error, file=sys.stderr)
        return 1
    document = {
        'machine': machine(),
        'model': given.model,
        'settings': given.set,
        'outcomes': [vars(outcome) for outcome in outcomes],
    }
    (given.out / 'sensors.json').write_text(json.dumps(document, indent=2) + '\n', 'utf-8')
    print(json.dumps(document, indent=2) if given.json else table(outcomes))
    return 0


def extract(videos: Path, clips: Path, config: RgbConfig) -> None:
    """
    Find the skeletons of each video and save them as a clip of the same name.

    :raises DatasetError: there is no video with a name as expected.
    """
    clips.mkdir(parents=True, exist_ok=True)
    named = [(file, _VIDEO.search(file.name)) for file in sorted(videos.glob('*.avi'))]
    found = [(file, match) for file, match in named if match is not None]
    if not found:
        raise DatasetError(f'{videos}: expected videos ...actor1idAction1category1.avi, found none')
    for file, match in found:
        source = RgbSource(
            open_images(str(file), config), lambda: MediapipePose(config.model), config
        )
        frames = [scene.skeletons[0] for scene in source.scenes() if scene.skeletons]
        source.close()
        if frames:
            clip = clip_from_frames(frames, LABELS[int(match[2])], f's{match[1]}')
            save_clip(clips / f'{file.stem}.npz', clip)


def measure(data: Path, clips: Path, model_name: str) -> list[Outcome]:
    """
    Recognise across sensors.

    :raises DatasetError: a file is missing or malformed.
    :raises BundleError: there is no such model.
    """
    model = load_bundle(model_name)
    material = prepare_items(_items(data, clips), (model.preprocess, RAW, CANONICAL))
    rows = np.arange(len(material), dtype=np.intp)
    by_model, _ = model_distances(model, material, rows)
    baselines = baseline_distances(material, rows, lambda _: None)
    distances = {'model': by_model, **{name: baselines[name] for name in METHODS[1:]}}
    rng = np.random.default_rng(0)
    return [_outcome(material, distances, taught, seen, rng) for taught, seen in PAIRS]


def table(outcomes: Sequence[Outcome]) -> str:
    """Lay outcomes out as plain text."""
    lines = [f'{"taught -> seen":<20}' + ''.join(f'{name:>10}' for name in METHODS) + '    trials']
    for one in outcomes:
        shares = ''.join(f'{100 * one.accuracy[name]:>9.1f}%' for name in METHODS)
        lines.append(f'{one.taught + " -> " + one.seen:<20}{shares}{one.trials:>10}')
        lines += [f'    {done} taken for {taken}: {count}' for done, taken, count in one.missed[:4]]
    return '\n'.join(lines)


def _config(words: Sequence[str]) -> RgbConfig:
    """Build the source's settings from NAME=VALUE; numbers only."""
    pairs = dict(word.split('=', 1) for word in words)
    return build(
        RgbConfig, {name: int(v) if v.isdecimal() else float(v) for name, v in pairs.items()}
    )


def _items(data: Path, clips: Path) -> Iterator[Item]:
    """Yield the clips of both sensors; `source` begins with the sensor's name."""
    for file in find_clips(clips):
        yield Item(f'{RGB} {file.stem}', load_clip(file))
    dataset = DATASETS['florence3d']
    for file in dataset.files(data):
        for item in dataset.read_actions(file):
            yield Item(f'{KINECT} {item.trial}', replace(item.clip))


def _outcome(
    material: Material,
    distances: dict[str, Distances],
    taught: str,
    seen: str,
    rng: np.random.Generator,
) -> Outcome:
    right: Counter[str] = Counter()
    missed: Counter[tuple[str, str]] = Counter()
    done: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for templates, queries in _trials(material, taught, seen, rng):
        labels = [material.labels[row] for row in templates]
        for method in METHODS:
            nearest = distances[method].between(templates, queries).argmin(axis=0)
            for query, place in zip(queries, nearest, strict=True):
                label = material.labels[query]
                right[method] += labels[place] == label
                if method == 'model':
                    done[label] += 1
                    known[label] += labels[place] == label
                    if labels[place] != label:
                        missed[label, labels[place]] += 1
    trials = sum(done.values())
    clips = len({row for _, rows in _trials(material, taught, seen, rng) for row in rows})
    return Outcome(
        taught,
        seen,
        {method: right[method] / max(trials, 1) for method in METHODS},
        trials,
        clips,
        [(label, other, count) for (label, other), count in missed.most_common()],
        {label: known[label] / count for label, count in sorted(done.items())},
    )


def _trials(
    material: Material, taught: str, seen: str, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """
    Yield galleries of one clip of each action by one person, and the clips of all others.

    Where a person did an action several times, galleries are drawn at random.
    """
    sensors = [source.split(' ', 1)[0] for source in material.sources]
    rows = range(len(material))
    for subject in sorted({material.subjects[row] for row in rows if sensors[row] == taught}):
        own: dict[str, list[int]] = {}
        for row in rows:
            if sensors[row] == taught and material.subjects[row] == subject:
                own.setdefault(material.labels[row], []).append(row)
        queries = [
            row
            for row in rows
            if sensors[row] == seen
            and material.subjects[row] != subject
            and material.labels[row] in own
        ]
        if not queries:
            continue
        draws = _DRAWS if any(len(choice) > 1 for choice in own.values()) else 1
        for _ in range(draws):
            templates = sorted(int(rng.choice(choice)) for choice in own.values())
            yield np.array(templates, np.intp), np.array(queries, np.intp)


if __name__ == '__main__':
    sys.exit(main())
