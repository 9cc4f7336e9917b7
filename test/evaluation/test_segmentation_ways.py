"""The ways to find where actions begin and end that were measured and not taken."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from people import SECOND, FakeModel, circling

from benchmarks import idle
from benchmarks.segmentation import Piece, held_back, motion_pieces, strongest
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.matching import MatchingConfig, TemplateIndex
from skeleton_action_ros.core.motion import MotionConfig
from skeleton_action_ros.core.skeleton import ActionSpan
from skeleton_action_ros.evaluation.metrics import Detection
from skeleton_action_ros.evaluation.replay import scenes_of_clip
from skeleton_action_ros.evaluation.streams import Stream


def piece(label: str, start_s: float, end_s: float, strength: float, body_id: int = 1) -> Piece:
    span = ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), body_id)
    return Piece(span, span.end_ns, strength)


def rows(found: list[Detection]) -> list[tuple[str, float, float, float]]:
    return [
        (
            one.span.label,
            one.span.start_ns / SECOND,
            one.span.end_ns / SECOND,
            one.decided_ns / SECOND,
        )
        for one in found
    ]


def test_of_pieces_that_overlap_the_strongest_stays() -> None:
    steps = [
        [piece('stand', 1.0, 2.0, 0.3)],
        [piece('pick', 0.0, 2.5, 0.5), piece('stand', 1.5, 2.5, 0.4)],
        5 * SECOND,
        [piece('sit', 2.4, 4.0, 0.1), piece('stand', 1.0, 2.0, 0.2, body_id=2)],
    ]
    assert rows(strongest(steps)) == [
        ('pick', 0.0, 2.5, 2.5),
        ('stand', 1.0, 2.0, 2.0),
        ('sit', 2.4, 4.0, 4.0),
    ]


def test_piece_is_held_back_for_a_second_unless_the_motion_ends() -> None:
    steps = [
        [piece('stand', 1.0, 2.0, 0.3)],
        [piece('pick', 0.0, 2.5, 0.5)],
        [piece('clap', 3.4, 3.6, 0.1)],
        4 * SECOND,
    ]
    assert rows(held_back(steps)) == [('pick', 0.0, 2.5, 3.6), ('clap', 3.4, 3.6, 4.0)]


def test_event_that_was_reported_goes_on_with_pieces_of_its_label() -> None:
    steps = [
        [piece('walk', 0.0, 1.0, 0.5)],
        2 * SECOND,
        [piece('walk', 1.2, 2.4, 0.2)],
        [piece('run', 0.5, 1.5, 0.9)],
    ]
    assert rows(held_back(steps)) == [('walk', 0.0, 2.4, 2.0)]


def test_each_motion_between_two_pauses_is_named_once_it_has_ended() -> None:
    taught = circling([(0.5, 2.5)], 3.5)
    index = TemplateIndex(FakeModel(), MotionConfig(), MatchingConfig(), 0.9)
    index.set_gallery(Gallery().add(Template('t', 'wave', taught, 0.0, 1, 'test')))
    scenes = tuple(scenes_of_clip(circling([(2.0, 4.0), (6.0, 7.9)], 10.0)))
    stream = Stream(Path('bag'), scenes, (), True, (), Counter())
    found = motion_pieces(stream, index)
    assert [one.span.label for one in found] == ['wave', 'wave']
    assert found[0].span.start_ns / SECOND == pytest.approx(3.0, abs=0.25)
    assert found[0].span.end_ns / SECOND == pytest.approx(5.0, abs=0.25)
    assert found[0].decided_ns - found[0].span.end_ns == round(0.6 * SECOND)


def test_minutes_of_nothing_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, 'argv', ['idle', '--hours', '0.004', '--json'])
    assert idle.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert (found['persons'], found['hours']) == (1, 0.004)
    assert found['false_events'] == len(found['events'])
    assert found['everyday_actions'] >= 1
