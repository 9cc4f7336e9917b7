"""A rosbag2 with `skeletons` as a source of skeletons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from skeleton_action_ros.adapters.bags import (
    ANNOTATIONS_TOPIC,
    SKELETONS_TOPIC,
    has_topic,
    iterate_spans,
    read_scenes,
)
from skeleton_action_ros.adapters.sources.joining import attach_spans
from skeleton_action_ros.core.errors import BagError, OutOfOrderError, SourceError
from skeleton_action_ros.core.refusals import Refusals
from skeleton_action_ros.core.skeleton import ActionSpan, Scene
from skeleton_action_ros.core.streams import Step, Timeline


class BagSource:
    """
    Reads a bag once for each call of `scenes`, with ground truth where the bag holds any.

    `refused` counts the bodies that were left out, by reason, and scenes that came out of order;
    `why_refused` has the last message of each.

    :param topic: as for `bags.read_scenes`.
    :raises BagError: there is no bag, or no such topic in it.
    """

    live = False

    def __init__(
        self,
        path: str | Path,
        topic: str = SKELETONS_TOPIC,
        annotations_topic: str = ANNOTATIONS_TOPIC,
    ) -> None:
        self._path = Path(path)
        self._topic = topic
        self._annotations_topic = annotations_topic
        self._closed = False
        self._refusals = Refusals()
        self.refused, self.why_refused = self._refusals.counts, self._refusals.why
        if not has_topic(path, topic):
            raise BagError(f'{path}: expected a topic {topic!r}, found none')

    @property
    def name(self) -> str:
        """The path."""
        return f'bag {self._path}'

    def scenes(self) -> Iterator[Scene]:
        """
        Yield the scenes in order of their stamps.

        :raises SourceError: the bag is damaged (after what could be read), or time in it jumps
            back.
        """
        try:
            for scene in attach_spans(self._rising(), self._spans()):
                if self._closed:
                    return
                yield scene
        except BagError as error:
            raise SourceError(str(error)) from error

    def close(self) -> None:
        """End the current reading, and any later one."""
        self._closed = True

    def _rising(self) -> Iterator[Scene]:
        timeline = Timeline()
        last_ns = 0
        for scene in read_scenes(self._path, self._topic, self._refusals.add):
            step = timeline.take(scene.stamp_ns)
            if step is Step.STRAY:
                stray = f'stamp {scene.stamp_ns} ns is far ahead of {last_ns} ns'
                self._refusals.add(OutOfOrderError(stray), 'stray_stamp')
                continue
            if step is Step.BACK:
                raise SourceError(
                    f'{self._path}: time jumps back from {last_ns} to {scene.stamp_ns} ns: the bag '
                    'holds more than one run'
                )
            if scene.stamp_ns > last_ns:
                last_ns = scene.stamp_ns
                yield scene
            else:
                self._refusals.add(
                    OutOfOrderError(f'stamps must rise, got {last_ns} then {scene.stamp_ns} ns')
                )

    def _spans(self) -> list[ActionSpan]:
        """Return the ground truth; of a damaged bag what can be read of it."""
        spans = []
        with suppress(BagError):
            for span in iterate_spans(self._path, self._annotations_topic):
                spans.append(span)
        return spans
