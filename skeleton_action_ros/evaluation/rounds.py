"""One round: recordings replayed with what was taught, beside what other methods make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeleton_action_ros.core.embedding import Model
from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.recognition import RecognizerConfig
from skeleton_action_ros.core.skeleton import ActionSpan, Scene
from skeleton_action_ros.core.windows import WindowConfig
from skeleton_action_ros.evaluation.figures import USUAL_IOU, event_figures, figures
from skeleton_action_ros.evaluation.recordings import Pool, Recording, pool
from skeleton_action_ros.evaluation.replay import replay
from skeleton_action_ros.evaluation.streams import Stream, with_steady_ids, without

COMPARED = (
    'event_f1',
    'map',
    'frame_accuracy',
    'wrong_label_share',
    'false_events_per_hour',
    'onset_latency_s',
)
"""The figures that other methods have too."""

Advance = Callable[[int], object]


@dataclass(frozen=True)
class Setup:
    """What is evaluated."""

    model: Model
    windows: WindowConfig
    recognizer: RecognizerConfig


@dataclass(frozen=True)
class Teaching:
    """
    What a round knows.

    :param teacher: who taught it, for people to read.
    :param shown: the demonstrations, by the path of their recording: they are not asked again.
    """

    teacher: str
    gallery: Gallery
    shown: Mapping[Path, tuple[ActionSpan, ...]]


@dataclass(frozen=True)
class Round:
    """
    What came of a round.

    :param recordings: all that were replayed, also those whose truth is not known.
    :param pooled: those whose truth is known, as one.
    :param others: the same of other methods, by name.
    :param found: all figures, as JSON.
    """

    teaching: Teaching
    taught: tuple[str, ...]
    recordings: tuple[Recording, ...]
    pooled: Pool
    others: Mapping[str, Pool]
    found: dict[str, Any]


def play_round(
    streams: Sequence[Stream],
    teaching: Teaching,
    setup: Setup,
    *,
    compare: bool = False,
    timing: bool = False,
    advance: Advance = lambda count: None,
) -> Round:
    """
    Replay recordings and work the figures out.

    :param compare: also try the methods of `comparisons`, which needs dtaidistance.
    :param timing: put the wall clock's figures in, which vary from run to run.
    :param advance: told how many scenes were replayed, and again when they were compared.
    """
    recordings = []
    for stream in streams:
        shown = teaching.shown.get(stream.path, ())
        done = replay(
            _counted(stream.scenes, advance),
            setup.model,
            teaching.gallery,
            setup.windows,
            setup.recognizer,
        )
        steady, shown = with_steady_ids(stream, shown)
        recordings.append(Recording(without(steady, shown), done, shown))
    counted = [recording for recording in recordings if recording.stream.annotated]
    taught = setup.model.labels or teaching.gallery.labels
    pooled = pool(counted)
    found = figures(counted, pooled, taught, timing)
    others = {}
    if compare:
        others = _compared(counted, teaching.gallery, setup.model, taught, advance)
        found['compared'] = {
            name: {
                key: value for key, value in event_figures(one, taught).items() if key in COMPARED
            }
            for name, one in others.items()
        }
    return Round(teaching, taught, tuple(recordings), pooled, others, found)


def _compared(
    recordings: Sequence[Recording],
    gallery: Gallery,
    model: Model,
    taught: Sequence[str],
    advance: Advance,
) -> dict[str, Pool]:
    if model.kind != 'embedder' or not gallery.templates:
        return {}
    try:
        from skeleton_action_ros.evaluation.comparisons import (
            BEST_LABEL,
            WARPING,
            best_label_per_window,
            best_threshold,
            surer_than,
            warped_occurrences,
        )
    except ImportError as error:
        raise ConfigError(f'comparisons need dtaidistance (pip install): {error}') from error

    named, warped = [], []
    for stream in (recording.stream for recording in recordings):
        named.append(best_label_per_window(stream, model, gallery))
        warped.append(warped_occurrences(stream, gallery))
        advance(len(stream.scenes))
    threshold = best_threshold(pool(recordings, warped), taught, USUAL_IOU)
    near = [surer_than(one, threshold) for one in warped]
    return {WARPING: pool(recordings, near), BEST_LABEL: pool(recordings, named)}


def _counted(scenes: Sequence[Scene], advance: Advance) -> Iterator[Scene]:
    for scene in scenes:
        advance(1)
        yield scene
