"""
Clips on disk: an `.npz` a clip, a folder of any depth a set of them.

Arrays: `joints_m` (T, J, 3), `confidence` (T, J) (optional), `stamps_ns` (T,), and the strings
`layout`, `label`, `subject`; a whole recording also has `annotation_labels`, `annotation_start_ns`
and `annotation_end_ns`, one entry per span.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skeleton_action_ros.core.errors import BadClipError, SkeletonActionError
from skeleton_action_ros.core.skeleton import ActionSpan, Clip

SUFFIX = '.npz'
_REQUIRED = ('joints_m', 'stamps_ns', 'layout', 'label', 'subject')
_ANNOTATIONS = ('annotation_labels', 'annotation_start_ns', 'annotation_end_ns')


def load_clip(path: str | Path) -> Clip:
    """
    Read one clip.

    A joint that is not finite, or exactly at the origin, gets confidence 0; without `confidence` in
    the file every other joint gets 1.

    :raises BadClipError: the file is missing, is no clip, or its arrays disagree; names the file.
    """
    arrays = _arrays(Path(path))
    try:
        return _clip(arrays)
    except SkeletonActionError as error:
        raise BadClipError(f'{path}: {error}') from error


def save_clip(path: str | Path, clip: Clip) -> None:
    """
    Write one clip; the file appears whole or not at all, replacing an older one.

    :raises BadClipError: the name does not end in `.npz`.
    :raises OSError: the folder is missing or cannot be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise BadClipError(
            f'{path}: the name of a clip must end in {SUFFIX}, got {target.suffix!r}'
        )
    arrays: dict[str, ArrayLike] = {
        'joints_m': clip.joints_m,
        'confidence': clip.confidence,
        'stamps_ns': clip.stamps_ns,
        'layout': clip.layout,
        'label': clip.label,
        'subject': clip.subject,
    }
    if clip.annotations:
        arrays['annotation_labels'] = np.array([span.label for span in clip.annotations], np.str_)
        arrays['annotation_start_ns'] = np.array([s.start_ns for s in clip.annotations], np.int64)
        arrays['annotation_end_ns'] = np.array([s.end_ns for s in clip.annotations], np.int64)
    unfinished = target.with_name(f'.{target.name}.{os.getpid()}.unfinished')
    try:
        with unfinished.open('wb') as file:
            np.savez_compressed(file, **arrays)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def find_clips(path: str | Path) -> list[Path]:
    """
    Return the clip files under a folder, at any depth, sorted; or the one file itself.

    :raises BadClipError: there is no such file or folder, or the folder holds no clip.
    """
    place = Path(path)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise BadClipError(f'{path}: expected a clip or a folder of clips, found nothing there')
    found = sorted(file for file in place.rglob(f'*{SUFFIX}') if file.is_file())
    if not found:
        raise BadClipError(f'{path}: expected {SUFFIX} clips at any depth, found none')
    return found


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    if not path.is_file():
        raise BadClipError(f'{path}: expected a clip, found no such file')
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise BadClipError(f'{path}: expected an npz archive, got a single npy array')
        with opened as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except BadClipError:
        raise
    except Exception as error:  # numpy and zipfile raise whatever damaged bytes lead them into
        raise BadClipError(
            f'{path}: expected a readable npz archive, got {type(error).__name__}: {error}'
        ) from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise BadClipError(
            f'{path}: a clip must have {", ".join(_REQUIRED)}; {", ".join(missing)} missing, got '
            f'{", ".join(sorted(arrays)) or "an empty archive"}'
        )
    return arrays


def _clip(arrays: dict[str, NDArray[np.generic]]) -> Clip:
    with np.errstate(over='ignore'):  # beyond float32 is as good as infinite: masked below
        joints = _numbers(arrays, 'joints_m', 'f', 3).astype(np.float32)
    stamps = _numbers(arrays, 'stamps_ns', 'iu', 1).astype(np.int64)
    given = np.isfinite(joints).all(axis=-1) & joints.any(axis=-1)
    if 'confidence' in arrays:
        confidence = _numbers(arrays, 'confidence', 'f', 2).astype(np.float32)
        if confidence.shape != given.shape:
            raise BadClipError(
                f'confidence must have the shape {given.shape} of joints_m without its last axis, '
                f'got {confidence.shape}'
            )
    else:
        confidence = np.ones(given.shape, np.float32)
    joints[~given] = 0.0
    confidence[~given] = 0.0
    return Clip(
        joints_m=joints,
        confidence=confidence,
        stamps_ns=stamps,
        layout=_string(arrays, 'layout'),
        label=_string(arrays, 'label'),
        subject=_string(arrays, 'subject'),
        annotations=_annotations(arrays),
    )


def _annotations(arrays: dict[str, NDArray[np.generic]]) -> tuple[ActionSpan, ...]:
    present = [name for name in _ANNOTATIONS if name in arrays]
    if not present:
        return ()
    if len(present) < len(_ANNOTATIONS):
        raise BadClipError(
            f'annotations need {", ".join(_ANNOTATIONS)}, got only {", ".join(present)}'
        )
    starts = _numbers(arrays, 'annotation_start_ns', 'iu', 1).astype(np.int64)
    ends = _numbers(arrays, 'annotation_end_ns', 'iu', 1).astype(np.int64)
    labels = arrays['annotation_labels']
    if labels.dtype.kind != 'U' or not labels.shape == starts.shape == ends.shape:
        raise BadClipError(
            'annotation_labels must be strings, as many as starts and ends, got '
            f'{labels.dtype} {labels.shape}, {starts.shape} starts and {ends.shape} ends'
        )
    late = np.flatnonzero(starts > ends)
    if late.size:
        at = int(late[0])
        raise BadClipError(
            f'annotation {at} ({str(labels[at])!r}) must end after its start, got {starts[at]} to '
            f'{ends[at]} ns'
        )
    return tuple(
        ActionSpan(str(label), int(start), int(end))
        for label, start, end in zip(labels, starts, ends, strict=True)
    )


def _numbers(
    arrays: dict[str, NDArray[np.generic]], name: str, kinds: str, axes: int
) -> NDArray[np.generic]:
    array = arrays[name]
    if array.dtype.kind not in kinds or array.ndim != axes:
        expected = 'floats' if kinds == 'f' else 'integers'
        raise BadClipError(
            f'{name} must be {expected} in {axes} axes, got {array.dtype} {array.shape}'
        )
    return array


def _string(arrays: dict[str, NDArray[np.generic]], name: str) -> str:
    array = arrays[name]
    if array.dtype.kind != 'U' or array.ndim != 0:
        raise BadClipError(f'{name} must be one string, got {array.dtype} {array.shape}')
    return str(array)
