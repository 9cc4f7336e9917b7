"""
`python -m benchmarks.segmentation`: ways to find where an action begins and ends, side by side.

Each teacher's bag teaches what is annotated in it, once each, and the bags of all other persons are
searched with the same model and the same thresholds by:

- `chosen`: the recogniser as it is;
- `motion_energy`: each motion between two pauses is one piece, and named if it is like an action;
- `scales_whole`: pieces of eight lengths that end at every tenth of a second; of those that overlap
  the strongest stays (non-maximum suppression), with the whole recording at hand;
- `scales_held_back`: the same online: a piece is an event once nothing stronger that overlaps it
  has come for a second, or the motion has ended;
- `tokens`: the model's tokens along the recording, and in them those of each demonstration by
  subsequence time warping: an action may end anywhere. How near it must be is what has the best F1
  on these very recordings, so this is flattered.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.results import machine
from skeleton_action_ros.adapters.onnx_bundle import OnnxModel, load_bundle
from skeleton_action_ros.adapters.subsequence_warping import find_occurrences
from skeleton_action_ros.core.decision import weight_of
from skeleton_action_ros.core.embedding import prepare_clips
from skeleton_action_ros.core.errors import (
    BadClipError,
    BadSkeletonError,
    ConfigError,
    SkeletonActionError,
)
from skeleton_action_ros.core.gallery import Gallery
from skeleton_action_ros.core.matching import MatchingConfig, TemplateIndex
from skeleton_action_ros.core.motion import MotionConfig, find_motions, trim_to_motion
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Clip, clip_from_frames
from skeleton_action_ros.core.windows import WindowBuffer, WindowConfig
from skeleton_action_ros.evaluation.comparisons import best_threshold, stays, surer_than
from skeleton_action_ros.evaluation.figures import USUAL_IOU, event_figures
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.recordings import Recording, pool, teach
from skeleton_action_ros.evaluation.replay import detections_of, replay
from skeleton_action_ros.evaluation.streams import Stream, Truth, read_stream, with_steady_ids

TOKENS = 'tokens'
WAYS = ('chosen', 'motion_energy', 'scales_whole', 'scales_held_back', TOKENS)
_LENGTHS_S = 0.4 * 1.44 ** np.arange(8)
_OVERLAP = 0.1
_HOLD_S = 1.0
_GOES_ON_S = 0.5
_SECONDS_A_WINDOW = 2.1
_STRETCH = 2.0


@dataclass(frozen=True)
class Piece:
    """A stretch of one person's motion that is as similar to an action as its threshold asks."""

    span: ActionSpan
    now_ns: int
    strength: float

    def overlaps(self, other: ActionSpan) -> bool:
        """Say whether a tenth of the shorter of the two is common to both."""
        own = self.span
        common = min(own.end_ns, other.end_ns) - max(own.start_ns, other.start_ns)
        shorter = min(own.end_ns - own.start_ns, other.end_ns - other.start_ns)
        return own.body_id == other.body_id and common >= _OVERLAP * shorter

    def detected(self, now_ns: int) -> Detection:
        """Make an event of it."""
        return Detection(self.span, now_ns, self.strength)


def main() -> int:
    """Measure every way and print a table; 1 where something cannot be read."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.segmentation',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--bag', nargs='+', type=Path, required=True)
    parser.add_argument('--enroll-each', nargs='+', type=Path, required=True, metavar='BAG')
    parser.add_argument('--model', default='default', help='model bundle: a name or a folder')
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=list(WAYS))
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    try:
        model = load_bundle(given.model, threads=1)
        read = {path: read_stream(path, Truth()) for path in {*given.bag, *given.enroll_each}}
        rounds = []
        for teacher in tqdm(given.enroll_each, unit=' teachers', disable=None):
            asked = [read[path] for path in given.bag if _person(path) != _person(teacher)]
            if not asked:
                raise ConfigError(
                    f'--bag names nobody but {_person(teacher)}, who teaches: a bag is of the '
                    'person whose name stands before the first _'
                )
            gallery = teach([read[teacher]], shots=1).gallery
            rounds.append(_round(asked, model, gallery, given.ways))
    except SkeletonActionError as error:
        print(error, file=sys.stderr)
        return 1
    found = {way: _mean([one[way] for one in rounds]) for way in given.ways}
    document = {'machine': machine(), 'model': model.name, 'teachers': len(rounds), 'ways': found}
    print(json.dumps(document, indent=2) if given.json else _table(found))
    return 0


def _person(path: Path) -> str:
    return path.name.partition('_')[0]


def _round(
    streams: Sequence[Stream], model: OnnxModel, gallery: Gallery, ways: Sequence[str]
) -> dict[str, dict[str, float]]:
    index = TemplateIndex(model, MotionConfig(), MatchingConfig())
    index.set_gallery(gallery)
    steady = [with_steady_ids(stream)[0] for stream in streams]
    recordings = [
        Recording(one, replay(given.scenes, model, gallery))
        for given, one in zip(streams, steady, strict=True)
    ]

    @cache
    def at_scales(path: Path) -> list[list[Piece] | int]:
        (stream,) = (one for one in steady if one.path == path)
        return list(_at_scales(stream, index))

    methods: dict[str, Callable[[Stream], list[Detection]]] = {
        'motion_energy': lambda stream: motion_pieces(stream, index),
        'scales_whole': lambda stream: strongest(at_scales(stream.path)),
        'scales_held_back': lambda stream: held_back(at_scales(stream.path)),
        TOKENS: lambda stream: token_occurrences(stream, model, gallery),
    }
    out = {}
    for way in ways:
        if way == 'chosen':
            found = [detections_of(recording.replay.events) for recording in recordings]
        else:
            found = [methods[way](stream) for stream in steady]
        if way == TOKENS:
            least = best_threshold(pool(recordings, found), gallery.labels, USUAL_IOU)
            found = [surer_than(one, least) for one in found]
        figures = event_figures(pool(recordings, found), gallery.labels)
        out[way] = {
            'event_f1': figures['event_f1'][str(USUAL_IOU)],
            'recognised': figures['recognised'],
            'wrong_label_share': figures['wrong_label_share'] or 0.0,
            'false_events': figures['false_events'],
            'onset_latency_share': figures['onset_latency_share']['p50'] or 0.0,
        }
    return out


def motion_pieces(stream: Stream, index: TemplateIndex) -> list[Detection]:
    """Name every motion between two pauses, once it has ended."""
    config = MotionConfig()
    found: list[Detection] = []
    for body_id, frames in stays(stream):
        if len(frames) < 2:
            continue
        clip = clip_from_frames(frames).in_common_15()
        motions = find_motions(clip, config)
        pieces = [clip.between(one.start_ns, one.end_ns) for one in motions]
        quiet_ns = round(config.quiet_s * NS_PER_S)
        for motion, row in zip(motions, index.similarities(pieces), strict=True):
            above = row - index.thresholds
            best = int(above.argmax())
            if above[best] >= 0.0:
                span = ActionSpan(index.labels[best], motion.start_ns, motion.end_ns, body_id)
                found.append(Detection(span, motion.end_ns + quiet_ns, float(row[best])))
    return found


def _at_scales(stream: Stream, index: TemplateIndex) -> Iterator[list[Piece] | int]:
    """Yield the pieces of each window that reach a threshold, or when a person stands still."""
    buffer = WindowBuffer(WindowConfig())
    for frame in (frame for scene in stream.scenes for frame in scene.skeletons):
        window = None
        with suppress(BadSkeletonError):
            window = buffer.push(frame)
        if window is None:
            continue
        clip = window.clip.in_common_15()
        motions = find_motions(clip, MotionConfig())
        if not motions or motions[-1].finished:
            yield frame.stamp_ns
            continue
        end_ns = motions[-1].end_ns
        starts = [end_ns - round(float(length_s) * NS_PER_S) for length_s in _LENGTHS_S]
        starts = [start for start in starts if start >= int(clip.stamps_ns[0])]
        pieces = [clip.between(start, end_ns) for start in starts]
        alike = index.similarities(pieces)
        excess = (alike - index.thresholds) / np.maximum(1.0 - index.thresholds, 1e-6)
        yield [
            Piece(
                ActionSpan(index.labels[column], starts[row], end_ns, window.body_id),
                frame.stamp_ns,
                float(excess[row, column]) * weight_of(end_ns - starts[row]),
            )
            for row, column in np.argwhere(excess >= 0.0).tolist()
        ]


def strongest(steps: Sequence[list[Piece] | int]) -> list[Detection]:
    """Keep of all pieces that overlap the strongest."""
    pieces = [piece for step in steps if not isinstance(step, int) for piece in step]
    return [one.detected(one.now_ns) for one in _winners(pieces)]


def _winners(pieces: Sequence[Piece]) -> list[Piece]:
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda one: (-one.strength, one.now_ns, one.span.label)):
        if not any(piece.overlaps(other.span) for other in kept):
            kept.append(piece)
    return kept


def held_back(steps: Sequence[list[Piece] | int]) -> list[Detection]:
    """Report a piece when nothing stronger has come for a second; of one person at a time."""
    events: list[Detection] = []
    waiting: list[Piece] = []
    for step in steps:
        still = isinstance(step, int)
        now_ns = step if isinstance(step, int) else max((one.now_ns for one in step), default=0)
        for piece in [] if isinstance(step, int) else step:
            if not _continued(events, piece):
                waiting.append(piece)
        winners = _winners(waiting)
        ready = [one for one in winners if still or now_ns - one.now_ns >= _HOLD_S * NS_PER_S]
        events += [one.detected(now_ns) for one in sorted(ready, key=lambda one: one.now_ns)]
        waiting = [
            one for one in winners if not any(one.overlaps(event.span) for event in events[-3:])
        ]
    return events + [one.detected(one.now_ns) for one in _winners(waiting)]


def _continued(events: list[Detection], piece: Piece) -> bool:
    """Lengthen the last event where a piece goes on with it; say whether it is about an event."""
    if events:
        last = events[-1]
        same = last.span.label == piece.span.label and last.span.body_id == piece.span.body_id
        if same and piece.span.start_ns - last.span.end_ns < _GOES_ON_S * NS_PER_S:
            end_ns = max(last.span.end_ns, piece.span.end_ns)
            events[-1] = replace(last, span=replace(last.span, end_ns=end_ns))
            return True
    return any(piece.overlaps(event.span) for event in events[-3:])


def token_occurrences(stream: Stream, model: OnnxModel, gallery: Gallery) -> list[Detection]:
    """Find the tokens of each demonstration in those of each person's recording."""
    queries = [
        (item.label, _tokens(trim_to_motion(item.clip.in_common_15(), MotionConfig()), model)[1])
        for item in gallery.templates
    ]
    pieces = []
    for body_id, frames in stays(stream):
        stamps_ns, series = _tokens(clip_from_frames(frames).in_common_15(), model)
        for label, query in queries:
            if len(query) < 2 or len(series) < len(query):
                continue
            for one in find_occurrences(
                query,
                series,
                shortest=max(round(len(query) / _STRETCH), 2),
                longest=round(len(query) * _STRETCH),
                most=len(series),
            ):
                span = ActionSpan(
                    label, int(stamps_ns[one.first]), int(stamps_ns[one.last]), body_id
                )
                near = -one.distance / len(query) ** 0.5
                pieces.append(Piece(span, span.end_ns, near))
    return [one.detected(one.now_ns) for one in _winners(pieces)]


def _tokens(clip: Clip, model: OnnxModel) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return stamps (N,) along a clip and the token (N, d) of each, from the middle of a window."""
    half_ns = round(_SECONDS_A_WINDOW / 2 * NS_PER_S)
    step_ns = half_ns // 8
    stamps = np.arange(int(clip.stamps_ns[0]), int(clip.stamps_ns[-1]) + 1, step_ns)
    windows = []
    for stamp_ns in stamps.tolist():
        with suppress(BadClipError):
            windows.append((stamp_ns, clip.between(stamp_ns - half_ns, stamp_ns + half_ns)))
    prepared = prepare_clips([window for _, window in windows], model.preprocess)
    tokens = model.infer(prepared.joints, prepared.mask).tokens
    middle = tokens[:, tokens.shape[1] // 2].astype(np.float64)
    return np.array([windows[place][0] for place in prepared.usable], np.int64), middle


def _mean(rounds: Sequence[dict[str, float]]) -> dict[str, Any]:
    out: dict[str, Any] = {
        key: round(float(np.mean([one[key] for one in rounds])), 3) for key in rounds[0]
    }
    out['event_f1_spread'] = round(float(np.std([one['event_f1'] for one in rounds])), 3)
    return out


def _table(found: dict[str, dict[str, Any]]) -> str:
    keys = list(next(iter(found.values())))
    lines = [' ' * 18 + ''.join(f'{key:>21}' for key in keys)]
    lines += [
        f'{way:<18}' + ''.join(f'{values[key]:>21}' for key in keys)
        for way, values in found.items()
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
