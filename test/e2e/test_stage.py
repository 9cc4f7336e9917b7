from __future__ import annotations

import threading
from collections import Counter

import pytest

from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.demo.stage import SHORT, TEACHER, Play, Programme, Stage, rehearse


@pytest.fixture(scope='module')
def play() -> Play:
    return rehearse(SHORT, seed=3)


def test_the_teacher_shows_each_taught_action_once_and_in_order(play: Play) -> None:
    shown = [
        span.label for scene in play.scenes for span in scene.finished if span.body_id == TEACHER
    ]
    assert shown == list(SHORT.taught)


def test_the_others_perform_what_is_taught_in_every_round_and_the_rest_once() -> None:
    programme = Programme(('bow', 'clap'), ('drink',), rounds=2)
    shown = Counter(
        (span.body_id, span.label)
        for scene in rehearse(programme, seed=3).scenes
        for span in scene.finished
        if span.body_id != TEACHER
    )
    times = {'bow': 2, 'clap': 2, 'drink': 1}
    assert shown == {(body, label): times[label] for body in (2, 3, 4) for label in times}


def test_the_teacher_has_left_before_the_others_come(play: Play) -> None:
    casts = [{frame.body_id for frame in scene.skeletons} for scene in play.scenes]
    first = next(index for index, cast in enumerate(casts) if cast & {2, 3, 4})
    assert all(cast <= {TEACHER} for cast in casts[:first])
    assert all(cast <= {2, 3, 4} for cast in casts[first:])
    assert {2, 3, 4} in casts


def test_stamps_rise_and_persons_differ(play: Play) -> None:
    stamps = [scene.stamp_ns for scene in play.scenes]
    assert stamps == sorted(set(stamps))
    assert len({person.height_m for person in play.people.values()}) == 4


def test_the_seed_draws_the_order_and_the_persons() -> None:
    def order(seed: int) -> list[str]:
        drawn = rehearse(Programme(('bow', 'clap'), ('drink', 'squat'), rounds=2), seed)
        return [span.label for scene in drawn.scenes for span in scene.finished]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_the_play_waits_for_the_curtain(play: Play) -> None:
    stage = Stage(play, patience_s=30.0)
    read: list[int] = []
    reader = threading.Thread(target=lambda: read.extend(s.stamp_ns for s in stage.scenes()))
    reader.start()
    assert not read
    assert not stage.finished.is_set()
    stage.raise_curtain()
    reader.join(30.0)
    assert read == [scene.stamp_ns for scene in play.scenes]
    assert stage.finished.is_set()


def test_a_curtain_that_stays_down_ends_the_wait(play: Play) -> None:
    with pytest.raises(SourceError, match=r'ready to watch within 0\.01 s'):
        list(Stage(play, patience_s=0.01).scenes())


def test_a_closed_stage_shows_nothing_and_has_not_finished(play: Play) -> None:
    stage = Stage(play, patience_s=30.0)
    stage.close()
    assert list(stage.scenes()) == []
    assert not stage.finished.is_set()
