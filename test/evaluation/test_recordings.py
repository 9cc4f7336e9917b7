"""Teaching from annotated recordings, and pooling several."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people import SECOND, circling

from skeleton_action_ros.core.decision import ActionEvent, EventKind
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.evidence import Evidence
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.recordings import Recording, pool, recording_of, teach
from skeleton_action_ros.evaluation.replay import Replay, scenes_of_clip
from skeleton_action_ros.evaluation.streams import Stream


def span(label: str, start_s: float, end_s: float, body_id: int = 1) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)


def stream(name: str, *truth: ActionSpan, duration_s: float = 9.0) -> Stream:
    radius_m = 0.3 + 0.01 * len(name)
    clip = circling([(1.0, 3.0)], duration_s, radius_m=radius_m)  # from second 1 on
    return Stream(Path('/bags') / name, tuple(scenes_of_clip(clip)), truth, True, (), Counter())


def replayed(*spans: ActionSpan, stamps_s: tuple[float, ...] = ()) -> Replay:
    events = [
        ActionEvent(kind, one.body_id, one.label, one.start_ns, one.end_ns, one.end_ns, 0.8)
        for one in spans
        for kind in (EventKind.STARTED, EventKind.ENDED)
    ]
    return Replay(
        events=tuple(events),
        evidence=(Evidence(1, 2 * SECOND, 'wave', 0.3, SECOND, 2 * SECOND),),
        stamps_ns={1: np.array([round(second * SECOND) for second in stamps_s], np.int64)},
        scenes=0,
        frame_latency_ms=(),
        event_latency_ms=(),
        refused=Counter(),
    )


class TestTeaching:
    def test_every_demonstration_or_the_first_so_many_or_some_actions_only(self) -> None:
        one = stream('one', span('wave', 2, 4), span('kick', 5, 6), span('wave', 7, 8))
        two = stream('second', span('wave', 2, 4), span('bow', 5, 6))
        everything = teach([one, two])
        assert [item.label for item in everything.gallery.templates] == [
            'wave',
            'kick',
            'wave',
            'wave',
            'bow',
        ]
        assert everything.shown == {one.path: one.truth, two.path: two.truth}
        once = teach([one, two], shots=1)
        assert once.shown == {one.path: one.truth[:2], two.path: two.truth[1:]}
        some = teach([one, two], actions=['bow', 'kick'])
        assert some.gallery.labels == ('kick', 'bow')

    def test_demonstration_is_what_was_seen_between_start_and_end(self) -> None:
        (template,) = teach([stream('one', span('wave', 2, 4))]).gallery.templates
        assert template.clip.stamps_ns[0] == 2 * SECOND
        assert template.clip.stamps_ns[-1] == 4 * SECOND
        assert template.source == 'annotated in one'

    def test_what_cannot_teach_is_told(self) -> None:
        lesson = teach([stream('one', span('wave', 2, 4), span('kick', 5, 6, body_id=9))])
        assert lesson.gallery.labels == ('wave',)
        assert lesson.problems == (
            "'kick' at 5.00 s of one is not taught: it has 0 frames, 4 are wanted",
        )

    def test_nothing_taught_is_refused(self) -> None:
        with pytest.raises(GalleryError, match='nothing is taught by one: no spans'):
            teach([stream('one')])


class TestPooling:
    def test_people_of_different_recordings_are_different_people(self) -> None:
        recordings = [
            Recording(
                stream('one', span('wave', 2, 4)), replayed(span('wave', 2, 4), stamps_s=(2,))
            ),
            Recording(
                stream('second', span('wave', 2, 4)), replayed(span('kick', 2, 4), stamps_s=(3,))
            ),
        ]
        found = pool(recordings)
        assert [recording_of(one.body_id) for one in found.truth] == [(0, 1), (1, 1)]
        assert [recording_of(one.span.body_id) for one in found.detections] == [(0, 1), (1, 1)]
        assert [recording_of(one.body_id) for one in found.evidence] == [(0, 1), (1, 1)]
        assert {recording_of(body)[0]: list(own) for body, own in found.stamps_ns.items()} == {
            0: [2 * SECOND],
            1: [3 * SECOND],
        }

    def test_time_of_nothing_is_what_no_annotation_covers(self) -> None:
        one = stream('one', span('wave', 2, 4), span('bow', 3, 5), span('kick', 9, 20))
        found = pool([Recording(one, replayed(stamps_s=tuple(range(1, 11))))])
        assert found.hours == pytest.approx(9 / 3600)
        assert found.hours_of_nothing == pytest.approx((1 + 4) / 3600)  # 1 to 2 and 5 to 9

    def test_time_of_nothing_is_each_persons_own_while_in_view(self) -> None:
        one = stream('one', span('wave', 2, 4, body_id=1), span('wave', 6, 7, body_id=2))
        seen = {1: np.arange(1, 6) * SECOND, 2: np.array([2, 3, 6, 7, 8, 9]) * SECOND}
        found = pool([Recording(one, replace(replayed(), stamps_ns=seen))])
        # Person 1: 1 to 2 and 4 to 5; person 2: 2 to 3 and 7 to 9, away from 3 to 6.
        assert found.hours_of_nothing == pytest.approx((1 + 1 + 1 + 2) / 3600)

    def test_answers_to_demonstrations_do_not_count(self) -> None:
        events = (span('wave', 2, 4), span('wave', 6, 8), span('kick', 2.2, 3))
        seen = replayed(*events, stamps_s=tuple(range(1, 11)))
        recording = Recording(stream('one', span('wave', 6, 8)), seen, (span('wave', 2, 4),))
        found = pool([recording])
        assert [one.span for one in found.detections] == [events[1]]
        assert found.ignored == (span('wave', 2, 4),)
        assert found.hours_of_nothing == pytest.approx((9 - 2 - 2) / 3600)

    def test_another_method_is_pooled_in_the_place_of_the_events(self) -> None:
        other = Detection(span('kick', 2, 4), 4 * SECOND, -0.5)
        recording = Recording(stream('one', span('wave', 2, 4)), replayed(span('wave', 2, 4)))
        found = pool([recording], [[other]])
        assert found.detections == (other,)
        assert found.evidence == ()
