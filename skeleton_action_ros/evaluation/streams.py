"""Recordings as they are evaluated: read whole, with their ground truth and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from skeleton_action_ros.adapters.annotation_csv import Annotation, spans_in
from skeleton_action_ros.adapters.bags import ANNOTATIONS_TOPIC, has_topic, iterate_spans
from skeleton_action_ros.adapters.marker_bags import read_any_scenes
from skeleton_action_ros.core.errors import BagError, DatasetError, SkeletonActionError, reason_of
from skeleton_action_ros.core.identity import IdentityConfig, IdentityTracker
from skeleton_action_ros.core.skeleton import NS_PER_S, ActionSpan, Scene
from skeleton_action_ros.core.streams import Step, Timeline


@dataclass(frozen=True)
class Stream:
    """
    One recording, as much of it as could be read.

    :param path: of the bag, made absolute.
    :param scenes: stamps rising.
    :param truth: what is annotated, in order of the starts.
    :param annotated: whether the truth is known; else nothing can be said about its events.
    :param problems: why it is not whole; empty where it is.
    :param refused: what was left out, by reason.
    :param first_refusal: the first of these in words; empty where there is none.
    """

    path: Path
    scenes: tuple[Scene, ...]
    truth: tuple[ActionSpan, ...]
    annotated: bool
    problems: tuple[str, ...]
    refused: Counter[str]
    first_refusal: str = ''

    @property
    def name(self) -> str:
        """The bag's name."""
        return self.path.name

    @property
    def duration_s(self) -> float:
        """Time from the first scene to the last."""
        if not self.scenes:
            return 0.0
        return (self.scenes[-1].stamp_ns - self.scenes[0].stamp_ns) / NS_PER_S

    @property
    def people(self) -> list[int]:
        """The body ids seen, sorted."""
        return sorted({frame.body_id for scene in self.scenes for frame in scene.skeletons})


@dataclass(frozen=True)
class Truth:
    """
    Where ground truth comes from.

    :param annotations: lines of a CSV; they take the place of what the bags that they name hold.
    :param source: the CSV's path, for errors; empty where there is none.
    :param nothing_else: a bag without annotations shows nothing; else it is a problem.
    """

    annotations: Sequence[Annotation] = ()
    source: str = ''
    nothing_else: bool = False


def read_stream(
    path: Path,
    truth: Truth,
    topic: str = '',
    several: bool = False,
    advance: Callable[[int], object] = lambda count: None,
) -> Stream:
    """
    Read a bag to its end, or to where it cannot be read any further; nothing is raised for that.

    Single scenes that come late are left out. Where time goes back for good the reading ends: what
    follows is another run.

    :param topic: as for `marker_bags.read_any_scenes`.
    :param several: there are other bags, so that each line of a CSV must name its own.
    :param advance: told 1 for each scene.
    """
    scenes: list[Scene] = []
    refusals: list[SkeletonActionError] = []
    late = Counter[str]()
    problems = []
    timeline = Timeline()
    try:
        for number, scene in enumerate(read_any_scenes(path, topic, refusals.append), 1):
            advance(1)
            last_ns = scenes[-1].stamp_ns if scenes else 0
            step = timeline.take(scene.stamp_ns)
            if step is Step.STRAY:
                late['stray_stamp'] += 1
                continue
            if step is Step.BACK:
                raise BagError(
                    f'{path}: time goes back from {last_ns} to {scene.stamp_ns} ns at scene '
                    f'{number}: what follows is not read'
                )
            if scene.stamp_ns > last_ns:
                scenes.append(scene)
            else:
                late['out_of_order'] += 1
        if not scenes:
            raise BagError(f'{path}: expected skeletons, got none')
    except BagError as error:
        problems.append(str(error))
    spans: list[ActionSpan] = []
    annotated = False
    if scenes:
        spans, problem = _truth_of(path, truth, scenes, several)
        annotated = bool(spans) or not problem
        problems += [problem] if problem else []
    return Stream(
        path=path.resolve(),
        scenes=tuple(scenes),
        truth=tuple(spans),
        annotated=annotated,
        problems=tuple(dict.fromkeys(problems)),
        refused=Counter(reason_of(error) for error in refusals) + late,
        first_refusal=str(refusals[0]) if refusals else '',
    )


def _truth_of(
    path: Path, truth: Truth, scenes: Sequence[Scene], several: bool
) -> tuple[list[ActionSpan], str]:
    """Return the ground truth that could be read, and what is wrong with it."""
    own = [one for one in truth.annotations if one.bag in (path.name, path.stem)]
    if not several:
        own += [one for one in truth.annotations if not one.bag]
    if own:
        try:
            return spans_in(own, scenes, truth.source), ''
        except DatasetError as error:
            return [], str(error)
    spans = []
    with suppress(BagError):  # what is wrong with the bag, its scenes have told already
        for span in iterate_spans(path):
            spans.append(span)
    spans.sort(key=lambda span: (span.start_ns, span.body_id, span.label))
    if spans or truth.nothing_else:
        return spans, ''
    csv = f'{truth.source} has no line for it' if truth.source else 'there is no CSV'
    missing = f'{path}: has no annotations: none on {ANNOTATIONS_TOPIC!r}, and {csv}'
    return [], _why_not(path) or missing


def _why_not(path: Path) -> str:
    """Say what is wrong with a topic of annotations that is there and gives none."""
    try:
        if has_topic(path, ANNOTATIONS_TOPIC):
            for _ in iterate_spans(path):
                break
    except BagError as error:
        return str(error)
    return ''


def without(stream: Stream, spans: Sequence[ActionSpan]) -> Stream:
    """Return a recording whose truth leaves some stretches out: those that have taught."""
    return replace(stream, truth=tuple(span for span in stream.truth if span not in spans))


def with_steady_ids(
    stream: Stream, shown: Sequence[ActionSpan] = (), identity: IdentityConfig | None = None
) -> tuple[Stream, tuple[ActionSpan, ...]]:
    """
    Give everybody in a recording the numbers by which the recogniser knows them.

    An annotation names a person by the tracker's id. It is about whoever has that id in most of the
    frames that it covers; one that covers none of them stays as it is.

    :param shown: more stretches of this recording to be renamed with it.
    :return: the recording, and `shown`.
    """
    tracker = IdentityTracker(identity or IdentityConfig())
    scenes = tuple(tracker.push(scene) for scene in stream.scenes)
    known_as: dict[int, list[tuple[int, int]]] = {}
    for given, steady in zip(stream.scenes, scenes, strict=True):
        for one, other in zip(given.skeletons, steady.skeletons, strict=True):
            known_as.setdefault(one.body_id, []).append((given.stamp_ns, other.body_id))

    def renamed(span: ActionSpan) -> ActionSpan:
        numbers = Counter(
            number
            for stamp_ns, number in known_as.get(span.body_id, ())
            if span.start_ns <= stamp_ns <= span.end_ns
        )
        return replace(span, body_id=numbers.most_common(1)[0][0]) if numbers else span

    truth = tuple(renamed(span) for span in stream.truth)
    return replace(stream, scenes=scenes, truth=truth), tuple(renamed(span) for span in shown)
