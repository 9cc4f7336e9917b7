"""
A map of embeddings: `python -m training.map CHECKPOINT --out FILE.png`, as Skeleton-DML's Fig. 8.

What the checkpoint's protocol asks about is embedded, and laid out in the plane by UMAP so that
neighbours stay neighbours. How far apart groups lie means nothing.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import Checkpoint, load_checkpoint
from training.command import check_writable, one_line, seed_number
from training.evaluate import MAIN, exercise
from training.files import written_whole
from training.skeleton_dml.signals import hue
from training.system import described

SIDE_PX = 1000
LEGEND_PX = 420
NEIGHBOURS = 15
"""Of UMAP, as it has them by default."""

_MARGIN_PX = 40
_DOT_PX, _REFERENCE_PX = 5, 11
_LINE_PX = 26


def embedded(state: Checkpoint) -> tuple[NDArray[np.float32], list[str], NDArray[np.bool_]]:
    """
    Embed all clips that the first draw of a checkpoint's protocol has.

    :return: embeddings (N, D), the action of each, and which of them are references.
    :raises SkeletonActionError: the system compares no clips, the protocol asks nothing, or its
        data is missing.
    """
    asked = exercise(state.recipe.protocol)
    draw = asked.questions[MAIN].draws[0]
    samples = [asked.samples[place] for place in (*draw.references, *draw.queries)]
    system = state.system()
    found = described(system, state.model(), system.inputs(samples)).embeddings
    references = np.arange(len(samples)) < len(draw.references)
    return found, [sample.clip.label for sample in samples], references


def laid_out(embeddings: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """
    Lay embeddings out in the plane by UMAP, which compares them by the cosine.

    :return: (N, 2).
    :raises SkeletonActionError: UMAP is not installed, or there are too few to be neighbours.
    """
    if len(embeddings) < 4:
        raise SkeletonActionError(f'a map needs four clips or more, got {len(embeddings)}')
    try:
        from umap import UMAP
    except ImportError:
        raise SkeletonActionError(
            "there is no UMAP here: it is in this package's extra 'train'"
        ) from None
    neighbours = min(NEIGHBOURS, len(embeddings) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        plane = UMAP(n_neighbors=neighbours, metric='cosine', random_state=seed, n_jobs=1)
        return np.asarray(plane.fit_transform(embeddings), np.float32)


def drawn(
    places: NDArray[np.float32], labels: Sequence[str], references: NDArray[np.bool_], title: str
) -> NDArray[np.uint8]:
    """
    Draw a map with its legend: a dot a clip, in the hue of its action; references are ringed.

    :param places: (N, 2).
    :return: (1000, 1420, 3), red, green and blue.
    :raises SkeletonActionError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise SkeletonActionError(
            "the map is drawn with OpenCV, which is in this package's extra 'rgb'"
        ) from None
    picture = np.full((SIDE_PX, SIDE_PX + LEGEND_PX, 3), 255, np.uint8)
    names = sorted(set(labels))
    colours = {
        name: tuple(0.85 * float(part) for part in hue(number, len(names)))
        for number, name in enumerate(names)
    }
    font, black = cv2.FONT_HERSHEY_SIMPLEX, (0.0, 0.0, 0.0)
    corner = (_MARGIN_PX // 2, _MARGIN_PX // 2 + 8)
    cv2.putText(picture, title, corner, font, 0.6, black, 1, cv2.LINE_AA)
    points = pixels(places)
    for ringed in (False, True):
        for place in np.flatnonzero(references == ringed):
            at = (int(points[place, 0]), int(points[place, 1]))
            size = _REFERENCE_PX if ringed else _DOT_PX
            cv2.circle(picture, at, size, colours[labels[place]], cv2.FILLED, cv2.LINE_AA)
            if ringed:
                cv2.circle(picture, at, size, black, 2, cv2.LINE_AA)
    for line, name in enumerate(names):
        at = (SIDE_PX + _MARGIN_PX, _MARGIN_PX + line * min(_LINE_PX, SIDE_PX // len(names)))
        cv2.circle(picture, at, _DOT_PX + 2, colours[name], cv2.FILLED, cv2.LINE_AA)
        beside = (at[0] + 16, at[1] + 6)
        cv2.putText(picture, name, beside, font, 0.55, black, 1, cv2.LINE_AA)
    return picture


def pixels(places: NDArray[np.float32]) -> NDArray[np.intp]:
    """Scale places (N, 2) to the picture without its legend, the same way across and up."""
    low, high = places.min(axis=0), places.max(axis=0)
    scale = (SIDE_PX - 2 * _MARGIN_PX) / max(float((high - low).max()), 1e-6)
    centred = (places - (low + high) / 2) * scale * np.array([1.0, -1.0], np.float32)
    return np.asarray((centred + SIDE_PX / 2).round(), np.intp)


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture, red, green and blue; whole or not at all."""
    import cv2

    done, content = cv2.imencode('.png', picture[..., ::-1])
    assert done, 'a picture of bytes can be encoded'
    with written_whole(path) as part:
        part.write_bytes(content.tobytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what a checkpoint makes of the clips that its protocol asks about."""
    parser = argparse.ArgumentParser(prog='python -m training.map', description=main.__doc__)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--out', type=Path, required=True, help='a .png')
    parser.add_argument('--seed', type=seed_number, default=0, help='of the layout')
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with one_line(parser):
        check_writable(options.out.parent)
        if options.out.suffix.lower() != '.png' or options.out.is_dir():
            raise SkeletonActionError(f'--out must be a file that ends in .png, got {options.out}')
        state = load_checkpoint(options.checkpoint)
        embeddings, labels, references = embedded(state)
        places = laid_out(embeddings, options.seed)
        title = f'{state.recipe.name}, seed {state.recipe.seed}, {len(labels)} clips'
        write_png(options.out, drawn(places, labels, references, title))
        print(f'{options.out}: {len(labels)} clips of {len(set(labels))} actions')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
