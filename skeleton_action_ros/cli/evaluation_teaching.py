"""What `skeleton-action evaluate` teaches before it replays."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import ConfigError, GalleryError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.evaluation.recordings import Lesson, teach
from skeleton_action_ros.evaluation.rounds import Teaching
from skeleton_action_ros.evaluation.streams import Stream


def check_taught(arguments: argparse.Namespace, model: Model) -> None:
    """
    Check that something is taught, in one way.

    :raises ConfigError: nothing is, or the options contradict one another.
    """
    taught = arguments.gallery or arguments.enroll_from or arguments.enroll_each
    if model.kind == 'embedder' and not taught:
        raise ConfigError(
            'say what is taught: --gallery, --enroll-from or --enroll-each; only a classifier '
            f'brings its labels, and {model.name} is none'
        )
    if arguments.gallery and (arguments.shots or arguments.half):
        raise ConfigError('--shots and --half say what bags teach: they do not go with --gallery')


def teachings(
    arguments: argparse.Namespace, read: Mapping[Path, Stream], model: Model
) -> list[Teaching]:
    """
    Return what each round knows.

    :param read: the bags that teach among them, by their absolute paths.
    :raises GalleryError: there is nothing to teach, or `--actions` names what is not taught.
    """
    if model.kind == 'classifier':
        return [Teaching(f'the bundle {model.name}', Gallery(), {})]
    if arguments.gallery:
        gallery = read_gallery(arguments.gallery)
        for label in gallery.labels:
            if arguments.actions and label not in arguments.actions:
                gallery = gallery.remove(label)
        _check_actions(arguments.actions, gallery)
        return [Teaching(arguments.gallery.name, gallery, {})]
    if arguments.enroll_from:
        groups = [[read[path.resolve()] for path in arguments.enroll_from]]
    else:
        groups = [[read[path.resolve()]] for path in arguments.enroll_each]
    rng = np.random.default_rng(arguments.seed)
    return [_taught_by(group, arguments, rng) for group in groups]


def _taught_by(
    streams: Sequence[Stream], arguments: argparse.Namespace, rng: np.random.Generator
) -> Teaching:
    actions = arguments.actions
    if arguments.half:
        shown = sorted({span.label for stream in streams for span in stream.truth})
        shown = [label for label in shown if actions is None or label in actions]
        drawn = sorted(rng.permutation(len(shown))[: (len(shown) + 1) // 2].tolist())
        actions = [shown[index] for index in drawn]
    lesson: Lesson = teach(streams, shots=arguments.shots, actions=actions)
    for problem in lesson.problems:
        print(problem, file=sys.stderr)
    _check_actions(arguments.actions if not arguments.half else None, lesson.gallery)
    return Teaching(', '.join(stream.name for stream in streams), lesson.gallery, lesson.shown)


def _check_actions(actions: Sequence[str] | None, gallery: Gallery) -> None:
    missing = [label for label in actions or () if label not in gallery.labels]
    if missing:
        raise GalleryError(
            f'--actions {", ".join(missing)}: expected what is taught: '
            f'{", ".join(gallery.labels) or "nothing"}'
        )
