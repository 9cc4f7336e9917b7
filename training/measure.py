"""
What the card of a bundle tells: `python -m training.measure CHECKPOINT`, into `training/results`.

The results of all protocols; the threshold, chosen on what models trained alike, by the `lodo`
protocols, do on data sets not learned from; and how little this very model cares for
sensor, rate and side.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skeleton_action_ros.core.preprocess import mirrored
from skeleton_action_ros.core.similarity import similarities
from skeleton_action_ros.core.simulation import ACTIONS, Sensor, draw_person, simulate_action
from skeleton_action_ros.core.skeleton import Clip
from training.alterations import ALTERATIONS
from training.checkpoints import Checkpoint, load_checkpoint
from training.command import check_writable, one_line
from training.data import CHECKOUT, SIMULATED, Sample, as_sample
from training.provenance import commit, machine
from training.results import (
    RESULTS,
    card_results,
    chosen_point,
    pooled_curve,
    read_results,
    row_of,
    write_json,
)
from training.system import described

LAYOUTS = ('kinect_v2_25', 'mediapipe_33', 'common_15')
PLAIN = 'k4abt_32'
SIDED = ('wave_right', 'punch_right', 'kick_right', 'swipe_left', 'point_right', 'throw', 'drink')
SHOWN = ('invariances', 'threshold')

Alike = Callable[[Sequence[Clip], Sequence[Clip]], NDArray[np.float32]]
"""Q clips and N clips -> how alike they are (Q, N), larger is more alike."""


def invariances(
    alike: Alike, *, people: int = 6, actions: Sequence[str] = tuple(ACTIONS)
) -> dict[str, float]:
    """
    Ask about simulated motions seen in different ways, each taught by another person.

    :return: shares from 0 to 1: of clips that are named alike in two layouts; of clips named
        rightly, as they are and altered; of one-sided clips and their mirror images told apart.
    """
    rng = np.random.default_rng(5)
    same: dict[str, list[bool]] = {layout: [] for layout in LAYOUTS}
    right: dict[str, list[bool]] = {name: [] for name in ('unaltered', *ALTERATIONS)}
    apart: list[bool] = []
    for person in range(people):
        (taught,) = _shown(person + people, actions, (PLAIN,))
        shown, *others = _shown(person, actions, (PLAIN, *LAYOUTS))
        named = alike(shown, taught).argmax(axis=1)
        for layout, clips in zip(LAYOUTS, others, strict=True):
            same[layout] += (alike(clips, taught).argmax(axis=1) == named).tolist()
        right['unaltered'] += (named == np.arange(len(actions))).tolist()
        for name, alter in ALTERATIONS.items():
            found = alike([alter(clip, rng) for clip in shown], taught).argmax(axis=1)
            right[name] += (found == np.arange(len(actions))).tolist()
        sided = [place for place, action in enumerate(actions) if action in SIDED]
        apart += sides_told_apart(alike, *([clips[p] for p in sided] for clips in (taught, shown)))
    return {
        **{f'{PLAIN} and {layout} named alike': _share(found) for layout, found in same.items()},
        **{f'{name}, named rightly': _share(found) for name, found in right.items()},
        'one-sided told from its mirror image': _share(apart),
    }


def sides_told_apart(alike: Alike, taught: Sequence[Clip], shown: Sequence[Clip]) -> list[bool]:
    """
    Say for each clip and each mirror image whether it is nearer to its own side's than the other's.

    :param taught: in `common_15`, one of each action, by somebody else.
    :param shown: the same actions in the same order.
    """
    count = len(shown)
    both = [*taught, *(mirror_image(clip) for clip in taught)]
    found = alike([*shown, *(mirror_image(clip) for clip in shown)], both)
    own = np.concatenate((np.arange(count), count + np.arange(count)))
    other = np.roll(own, count)
    rows = np.arange(2 * count)
    return [bool(one) for one in found[rows, own] > found[rows, other]]


def mirror_image(clip: Clip) -> Clip:
    """Return what a mirror shows, in `common_15`."""
    joints, confidence = mirrored(clip.joints_m, clip.confidence)
    return replace(clip, joints_m=joints, confidence=confidence)


def _shown(person: int, actions: Sequence[str], layouts: Sequence[str]) -> list[list[Clip]]:
    """Let a simulated person do each action once, and see it in some layouts."""
    body = draw_person(np.random.default_rng((1, person)), handedness='right')
    return [
        [
            _common(
                simulate_action(
                    action, body, Sensor(), np.random.default_rng((2, person, number)), layout
                )
            )
            for number, action in enumerate(actions)
        ]
        for layout in layouts
    ]


def _common(clip: Clip) -> Clip:
    sample = as_sample(clip, 'simulated')
    assert sample is not None, 'simulated persons are seen well enough'
    return sample.clip


def _share(found: Sequence[bool]) -> float:
    return round(float(np.mean(found)), 4)


def comparing(state: Checkpoint) -> Alike:
    """Return how a trained embedder compares clips."""
    system, network = state.system(), state.model()

    def alike(queries: Sequence[Clip], templates: Sequence[Clip]) -> NDArray[np.float32]:
        asked = described(system, network, system.inputs(_samples(queries)))
        labels = [clip.label for clip in templates]
        taught = system.templates(network, system.inputs(_samples(templates)), labels)
        return similarities(asked, taught, system.similarity())

    return alike


def _samples(clips: Sequence[Clip]) -> list[Sample]:
    return [Sample(clip, SIMULATED) for clip in clips]


def measure(state: Checkpoint, results: Sequence[dict[str, Any]], command: str) -> dict[str, Any]:
    """
    Bring together what a card tells.

    :param results: of all protocols, from `read_results`.
    :return: for a classifier without 'threshold', 'operating_curve' and 'invariances'; without the
        first two also where no `lodo` protocol of the system has been run.
    """
    recipe = state.recipe
    row = row_of(recipe)
    found: dict[str, Any] = {
        'system': recipe.system,
        'name': recipe.name,
        'protocols': card_results(results, row),
    }
    if state.system().kind == 'embedder':
        found['invariances'] = invariances(comparing(state))
        curve = pooled_curve(results, row)
        if curve:
            found['threshold'] = asdict(chosen_point(curve))
            found['operating_curve'] = [asdict(point) for point in curve]
    return {
        **found,
        'command': command,
        'steps': state.step,
        'minutes': round(state.minutes, 2),
        'seed': recipe.seed,
        'commit': state.commit,
        'measured_at_commit': commit(),
        'machine': machine(),
        'data': state.data,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring together what the card of a checkpoint's bundle tells."""
    parser = argparse.ArgumentParser(prog='python -m training.measure', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--out', type=Path, help='default: training/results/RECIPE.json')
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with one_line(parser):
        check_writable(options.out.parent if options.out else RESULTS)
        state = load_checkpoint(options.checkpoint)
        command = f'{parser.prog} {beside(options.checkpoint)}'
        results = measure(state, read_results(), command)
        write_json(options.out or RESULTS / f'{state.recipe.name}.card.json', results)
        print(json.dumps({key: results.get(key) for key in SHOWN}, indent=1))
    return 0


def beside(path: Path) -> Path:
    """Name a path from the checkout's root, so that results do not depend on where that is."""
    whole = path.resolve()
    return whole.relative_to(CHECKOUT) if whole.is_relative_to(CHECKOUT) else Path(path.name)


if __name__ == '__main__':
    raise SystemExit(main())
