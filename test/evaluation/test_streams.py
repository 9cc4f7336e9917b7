"""Recordings as they are, also bad ones: what could be read, and a line on what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from marker_recordings import write_marker_bag
from people import SECOND, circling

from skeleton_action_ros.adapters.annotation_csv import Annotation
from skeleton_action_ros.adapters.bags import bag_message_types, write_bag
from skeleton_action_ros.core.skeleton import ActionSpan, Scene
from skeleton_action_ros.evaluation.replay import scenes_of_clip
from skeleton_action_ros.evaluation.streams import (
    Stream,
    Truth,
    read_stream,
    with_steady_ids,
    without,
)

CLIP = circling([(1.0, 3.0)], 4.0)
WAVE = ActionSpan('wave', 2 * SECOND, 4 * SECOND, 1)
SCENES = list(scenes_of_clip(CLIP))
ANNOTATED = [*SCENES[:-1], replace(SCENES[-1], finished=(WAVE,))]


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    write_bag(tmp_path / 'walk', ANNOTATED)
    return tmp_path / 'walk'


def test_a_whole_bag_has_no_problem(bag: Path) -> None:
    counted: list[int] = []
    stream = read_stream(bag, Truth(), advance=counted.append)
    assert (stream.name, stream.problems, stream.annotated) == ('walk', (), True)
    assert stream.truth == (WAVE,)
    assert [scene.stamp_ns for scene in stream.scenes] == CLIP.stamps_ns.tolist()
    assert (stream.people, stream.duration_s) == ([1], pytest.approx(4.0))
    assert sum(counted) == len(SCENES)


def test_demonstrations_can_be_left_out_of_the_truth(bag: Path) -> None:
    assert without(read_stream(bag, Truth()), [WAVE]).truth == ()


def _renumbered(scene: Scene, body_id: int) -> Scene:
    return replace(scene, skeletons=tuple(replace(one, body_id=body_id) for one in scene.skeletons))


def test_annotations_follow_the_person_whom_the_tracker_renumbers() -> None:
    """The tracker calls the same person 1 for two seconds, and then 7."""
    scenes = tuple(
        scene if scene.stamp_ns < 3 * SECOND else _renumbered(scene, 7) for scene in SCENES
    )
    first = ActionSpan('sit', 1 * SECOND, 2 * SECOND, 1)
    second = ActionSpan('wave', 4 * SECOND, 5 * SECOND, 7)
    absent = ActionSpan('clap', 1 * SECOND, 2 * SECOND, 9)
    stream = Stream(Path('bag'), scenes, (first, second, absent), True, (), Counter())
    steady, shown = with_steady_ids(stream, [second])
    assert steady.people == [1]
    assert steady.truth == (first, replace(second, body_id=1), absent)
    assert shown == (replace(second, body_id=1),)


def test_nothing_there_or_no_such_topic(bag: Path, tmp_path: Path) -> None:
    nowhere = read_stream(tmp_path / 'none', Truth())
    assert nowhere.scenes == ()
    assert nowhere.problems == (f'{tmp_path}/none: expected a bag, found nothing there',)
    (problem,) = read_stream(bag, Truth(), topic='crowd').problems
    assert "expected a topic 'crowd', got /action_annotations, /skeletons" in problem


def test_another_type_of_message(bag: Path) -> None:
    stream = read_stream(bag, Truth(), topic='action_annotations')
    assert 'must hold skeleton_action_msgs/msg/SkeletonArray, got' in stream.problems[0]
    assert not stream.annotated


def test_a_bag_that_is_cut_off_counts_up_to_the_cut(bag: Path) -> None:
    (data,) = bag.glob('*.mcap')
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    stream = read_stream(bag, Truth())
    assert 0 < len(stream.scenes) < len(SCENES)
    assert any('cut off or damaged' in problem for problem in stream.problems)


def test_time_that_goes_back_ends_the_reading(tmp_path: Path) -> None:
    write_bag(tmp_path / 'late', SCENES)
    ahead = [scene.stamp_ns + 100 * SECOND for scene in SCENES[:60]]
    rewrite_stamps(tmp_path / 'late', [*ahead, *(scene.stamp_ns for scene in SCENES[60:])])
    stream = read_stream(tmp_path / 'late', Truth())
    assert [scene.stamp_ns for scene in stream.scenes] == ahead
    assert f'time goes back from {ahead[-1]} to ' in stream.problems[0]
    assert 'at scene 63: what follows is not read' in stream.problems[0]


def test_single_late_scenes_are_left_out_and_counted(tmp_path: Path) -> None:
    write_bag(tmp_path / 'odd', ANNOTATED)
    stamps = [scene.stamp_ns for scene in SCENES]
    stamps[50] = stamps[40]
    rewrite_stamps(tmp_path / 'odd', stamps)
    stream = read_stream(tmp_path / 'odd', Truth())
    assert stream.problems == ()
    assert stream.refused == {'out_of_order': 1}
    assert len(stream.scenes) == len(SCENES) - 1


def test_single_scene_far_in_the_future_is_left_out_and_counted(tmp_path: Path) -> None:
    write_bag(tmp_path / 'leap', ANNOTATED)
    stamps = [scene.stamp_ns for scene in SCENES]
    stamps[50] += 3600 * SECOND
    rewrite_stamps(tmp_path / 'leap', stamps)
    stream = read_stream(tmp_path / 'leap', Truth())
    assert stream.problems == ()
    assert stream.refused == {'stray_stamp': 1}
    assert len(stream.scenes) == len(SCENES) - 1


def test_bodies_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    empty = replace(SCENES[0].skeletons[0], body_id=9, joints_m=np.zeros((15, 3), np.float32))
    write_bag(
        tmp_path / 'mixed',
        [replace(scene, skeletons=(*scene.skeletons, empty)) for scene in ANNOTATED],
    )
    stream = read_stream(tmp_path / 'mixed', Truth())
    assert stream.refused == {'empty_body': len(SCENES)}
    assert 'body 9 has no joint' in stream.first_refusal
    assert stream.people == [1]


class TestAnnotations:
    def test_without_any_a_bag_is_no_evidence(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'bare', SCENES)
        stream = read_stream(tmp_path / 'bare', Truth())
        assert "none on 'action_annotations', and there is no CSV" in stream.problems[0]
        assert not stream.annotated
        assert len(stream.scenes) == len(SCENES)

    def test_unless_nothing_happens_in_it(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'bare', SCENES)
        stream = read_stream(tmp_path / 'bare', Truth(nothing_else=True))
        assert (stream.problems, stream.annotated, stream.truth) == ((), True, ())

    def test_a_csv_stands_in_for_those_of_another_drivers_bag(self, tmp_path: Path) -> None:
        write_marker_bag(tmp_path / 'theirs', CLIP, body_id=4)
        line = Annotation('wave', Decimal(1), Decimal(3), None, '', 2)
        stream = read_stream(tmp_path / 'theirs', Truth([line], 'truth.csv'))
        assert stream.truth == (ActionSpan('wave', 2 * SECOND, 4 * SECOND, 4),)
        assert (stream.problems, stream.annotated) == ((), True)

    def test_lines_name_their_bag_where_there_are_several(self, bag: Path) -> None:
        lines = [
            Annotation('bow', Decimal(1), Decimal(2), None, 'walk', 2),
            Annotation('wave', Decimal(1), Decimal(3), None, 'run', 3),
            Annotation('kick', Decimal(1), Decimal(3), None, '', 4),
        ]
        truth = Truth(lines, 'truth.csv')
        assert [span.label for span in read_stream(bag, truth, several=True).truth] == ['bow']
        assert [span.label for span in read_stream(bag, truth).truth] == ['bow', 'kick']

    def test_a_bag_without_a_line_keeps_its_own(self, bag: Path, tmp_path: Path) -> None:
        truth = Truth([Annotation('wave', Decimal(1), Decimal(3), None, 'run', 3)], 'truth.csv')
        assert read_stream(bag, truth).truth == (WAVE,)
        write_bag(tmp_path / 'bare', SCENES)
        (problem,) = read_stream(tmp_path / 'bare', truth).problems
        assert "none on 'action_annotations', and truth.csv has no line for it" in problem

    def test_lines_that_do_not_fit_are_told(self, bag: Path) -> None:
        line = Annotation('wave', Decimal(90), Decimal(93), None, '', 7)
        stream = read_stream(bag, Truth([line], 'truth.csv'))
        assert 'truth.csv: line 7' in stream.problems[0]
        assert not stream.annotated


def rewrite_stamps(bag: Path, stamps_ns: list[int]) -> None:
    """Give the scenes of a bag other stamps in their headers; the order of the log stays."""
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer

    from skeleton_action_ros.adapters import bags

    store = bags._typestore()
    kind = 'skeleton_action_msgs/msg/SkeletonArray'
    assert bag_message_types().skeleton_array is store.types[kind]
    with Reader(bag) as reader:
        kept = [(one.topic, one.msgtype, logged, data) for one, logged, data in reader.messages()]
    for file in bag.iterdir():
        file.unlink()
    bag.rmdir()
    stamps = iter(stamps_ns)
    with Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(topic, msgtype, typestore=store)
            for topic, msgtype in dict.fromkeys((topic, msgtype) for topic, msgtype, *_ in kept)
        }
        for topic, msgtype, logged, data in kept:
            if msgtype == kind:
                message = store.deserialize_cdr(data, kind)
                stamp_ns = next(stamps)
                message.header.stamp.sec = stamp_ns // SECOND
                message.header.stamp.nanosec = stamp_ns % SECOND
                data = store.serialize_cdr(message, kind)
            writer.write(connections[topic], logged, bytes(data))


def test_scenes_of_the_helper_are_what_was_asked(tmp_path: Path) -> None:
    write_bag(tmp_path / 'moved', SCENES[:3])
    rewrite_stamps(tmp_path / 'moved', [5 * SECOND, 6 * SECOND, 7 * SECOND])
    scenes: tuple[Scene, ...] = read_stream(tmp_path / 'moved', Truth()).scenes
    assert [scene.stamp_ns for scene in scenes] == [5 * SECOND, 6 * SECOND, 7 * SECOND]
