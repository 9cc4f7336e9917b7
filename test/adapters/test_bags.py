from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from skeleton_action_ros.adapters.bags import (
    BagContents,
    has_topic,
    read_scenes,
    read_spans,
    write_bag,
)
from skeleton_action_ros.core.errors import BagError, SkeletonActionError
from skeleton_action_ros.core.skeleton import ActionSpan, Scene, SkeletonFrame

SECOND = 1_000_000_000
WAVE = ActionSpan('wave', 2 * SECOND, 3 * SECOND, 1)
CLAP = ActionSpan('clap', 3 * SECOND, 4 * SECOND, 2)
storages = pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])


def joints(stamp_ns: int, body_id: int) -> np.ndarray:
    base = np.arange(1, 46, dtype=np.float32).reshape(15, 3) / 100
    return base + np.float32(stamp_ns / SECOND / 100 + body_id / 10)


def scenes(count: int = 50, period_ns: int = SECOND // 10) -> Iterator[Scene]:
    """Yield two people (nobody in every tenth scene) and what they do, from second 1 on."""
    for number in range(count):
        stamp_ns = SECOND + number * period_ns
        frames = tuple(
            SkeletonFrame(
                stamp_ns, body, 'common_15', joints(stamp_ns, body), np.ones(15, np.float32)
            )
            for body in (1, 2)
        )
        done = tuple(span for span in (WAVE, CLAP) if span.end_ns == stamp_ns)
        yield Scene(stamp_ns, () if number % 10 == 9 else frames, done)


def data_file(bag: Path) -> Path:
    [file] = [file for file in bag.iterdir() if file.suffix in ('.mcap', '.db3')]
    return file


def read_until_error(bag: Path) -> tuple[list[Scene], str]:
    read = []
    try:
        for scene in read_scenes(bag):
            read.append(scene)
    except BagError as error:
        return read, str(error)
    return read, ''


@storages
def test_what_is_written_is_read_again(storage: str, tmp_path: Path) -> None:
    contents = write_bag(tmp_path / 'deep' / 'walk', scenes(), storage=storage)
    assert contents == BagContents(50, 2, SECOND, SECOND + 49 * SECOND // 10)
    back = list(read_scenes(tmp_path / 'deep' / 'walk'))
    assert [scene.stamp_ns for scene in back] == [scene.stamp_ns for scene in scenes()]
    for got, expected in zip(back, scenes(), strict=True):
        assert [frame.body_id for frame in got.skeletons] == [
            frame.body_id for frame in expected.skeletons
        ]
        for frame in got.skeletons:
            np.testing.assert_array_equal(frame.joints_m, joints(got.stamp_ns, frame.body_id))
            assert frame.layout == 'common_15'
    assert read_spans(tmp_path / 'deep' / 'walk') == [WAVE, CLAP]


@storages
def test_a_bag_is_what_ros2_bag_play_expects(storage: str, tmp_path: Path) -> None:
    bag = tmp_path / 'walk'
    write_bag(bag, scenes(), storage=storage, frame_id='depth_camera')
    information = yaml.safe_load((bag / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    assert information['version'] == 9
    assert information['storage_identifier'] == storage
    assert information['relative_file_paths'] == [data_file(bag).name]
    assert information['message_count'] == 50 + 4
    topics = {
        topic['topic_metadata']['name']: topic['topic_metadata']
        for topic in information['topics_with_message_count']
    }
    assert {name: topic['type'] for name, topic in topics.items()} == {
        '/skeletons': 'skeleton_action_msgs/msg/SkeletonArray',
        '/action_annotations': 'skeleton_action_msgs/msg/ActionEvent',
    }
    assert {
        name: (topic['offered_qos_profiles'][0]['reliability'], topic['serialization_format'])
        for name, topic in topics.items()
    } == {'/skeletons': ('best_effort', 'cdr'), '/action_annotations': ('reliable', 'cdr')}
    with AnyReader([bag]) as reader:  # with the definitions in the bag alone
        connection, time_ns, data = next(reader.messages())
        message = reader.deserialize(data, connection.msgtype)
        assert time_ns == SECOND
        assert message.header.frame_id == 'depth_camera'
        assert message.skeletons[1].body_id == 2
        times = [time_ns for _, time_ns, _ in reader.messages()]
        assert times == sorted(times)


def test_types_are_those_of_the_built_messages(tmp_path: Path) -> None:
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    built = [Path(prefix, 'share/skeleton_action_msgs/msg') for prefix in prefixes if prefix]
    place = next((place for place in built if place.is_dir()), None)
    if place is None:
        pytest.skip('needs the built messages: none in AMENT_PREFIX_PATH')
    write_bag(tmp_path / 'walk', scenes(1))
    with AnyReader([tmp_path / 'walk']) as reader:
        for connection in reader.connections:
            description = json.loads((place / f'{Path(connection.msgtype).name}.json').read_text())
            assert {
                'type_name': connection.msgtype,
                'hash_string': connection.digest,
            } in description['type_hashes']


@storages
def test_one_file_of_a_bag_is_a_bag(storage: str, tmp_path: Path) -> None:
    write_bag(tmp_path / 'walk', scenes(), storage=storage)
    assert len(list(read_scenes(data_file(tmp_path / 'walk')))) == 50


def test_a_bag_is_never_overwritten_and_a_failed_one_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / 'walk').mkdir()
    with pytest.raises(BagError, match='walk exists already'):
        write_bag(tmp_path / 'walk', scenes())

    def broken() -> Iterator[Scene]:
        yield from scenes(3)
        raise BagError('the source broke')

    with pytest.raises(BagError, match='the source broke'):
        write_bag(tmp_path / 'run', broken())
    with pytest.raises(BagError, match='needs scenes, got none'):
        write_bag(tmp_path / 'run', [])
    assert [path.name for path in tmp_path.iterdir()] == ['walk']


@pytest.mark.parametrize(
    ('written', 'message'),
    [
        ([Scene(0, ())], 'positive and rise, got 0 after 0'),
        ([Scene(5, ()), Scene(5, ())], 'positive and rise, got 5 after 5'),
        ([Scene(5, (), (ActionSpan('wave', 0, 4),))], 'spans must be positive in time'),
    ],
)
def test_times_that_no_bag_could_play_are_refused(
    written: list[Scene], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BagError, match=message):
        write_bag(tmp_path / 'walk', written)


def test_an_unknown_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"one of \['mcap', 'sqlite3'\], got 'bag'"):
        write_bag(tmp_path / 'walk', scenes(), storage='bag')


class TestTopics:
    def test_any_namespace_fits_a_relative_name(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), skeletons_topic='/robot/head/skeletons')
        assert len(list(read_scenes(tmp_path / 'walk'))) == 50
        assert len(list(read_scenes(tmp_path / 'walk', '/robot/head/skeletons'))) == 50
        assert has_topic(tmp_path / 'walk', 'skeletons')

    def test_an_absolute_name_is_that_topic_only(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), skeletons_topic='/robot/skeletons')
        assert not has_topic(tmp_path / 'walk', '/skeletons')
        with pytest.raises(
            BagError,
            match="expected a topic '/skeletons', got /action_annotations, /robot/skeletons",
        ):
            list(read_scenes(tmp_path / 'walk', '/skeletons'))

    def test_part_of_a_name_does_not_fit(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), skeletons_topic='/my_skeletons')
        with pytest.raises(BagError, match="expected a topic 'skeletons'"):
            list(read_scenes(tmp_path / 'walk'))

    def test_several_that_fit_must_be_told_apart(self, tmp_path: Path) -> None:
        write_bag(
            tmp_path / 'walk',
            scenes(),
            skeletons_topic='/a/skeletons',
            annotations_topic='/b/skeletons',
        )
        with pytest.raises(BagError, match='choose one of /a/skeletons, /b/skeletons'):
            list(read_scenes(tmp_path / 'walk'))

    def test_another_message_is_refused(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes())
        with pytest.raises(
            BagError,
            match='topic /action_annotations must hold skeleton_action_msgs/msg/SkeletonArray, got '
            'skeleton_action_msgs/msg/ActionEvent',
        ):
            list(read_scenes(tmp_path / 'walk', 'action_annotations'))

    def test_another_version_of_the_message_is_refused(self, tmp_path: Path) -> None:
        bag = tmp_path / 'walk'
        write_bag(bag, scenes(), storage='sqlite3')
        metadata = (bag / 'metadata.yaml').read_text()
        at = metadata.index('RIHS01_')
        (bag / 'metadata.yaml').write_text(metadata[: at + 7] + 64 * '0' + metadata[at + 7 + 64 :])
        with pytest.raises(BagError, match=r'recorded with another version of .*SkeletonArray'):
            list(read_scenes(bag))

    def test_a_changed_definition_is_refused_where_no_hash_was_recorded(
        self, tmp_path: Path
    ) -> None:
        write_bag(tmp_path / 'walk', scenes())
        file = data_file(tmp_path / 'walk')
        assert len(list(read_scenes(file))) == 50
        changed = file.read_bytes().replace(b'float32[] confidences', b'float64[] confidences')
        file.write_bytes(changed)
        with pytest.raises(BagError, match=r'recorded with another version of .*SkeletonArray'):
            list(read_scenes(file))


def test_bodies_that_cannot_be_used_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    frame = next(scenes()).skeletons[0]
    bad = SkeletonFrame(SECOND, 3, 'common_15', frame.joints_m[:7], frame.confidence)
    write_bag(tmp_path / 'walk', [Scene(SECOND, (bad, frame))])
    told: list[SkeletonActionError] = []
    [scene] = read_scenes(tmp_path / 'walk', on_refused=told.append)
    assert [each.body_id for each in scene.skeletons] == [1]
    [error] = told
    assert 'got 21' in str(error)


def test_spans_that_never_ended_are_left_out(tmp_path: Path) -> None:
    write_bag(tmp_path / 'walk', scenes(25))
    assert read_spans(tmp_path / 'walk') == [WAVE]


class TestMissing:
    def test_no_bag(self, tmp_path: Path) -> None:
        with pytest.raises(BagError, match='nowhere: expected a bag, found nothing there'):
            list(read_scenes(tmp_path / 'nowhere'))

    def test_no_bag_but_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(BagError, match='expected a rosbag2'):
            list(read_scenes(tmp_path))
        (tmp_path / 'clip.npz').write_bytes(b'')
        with pytest.raises(BagError, match=r"expected a rosbag2 .*storage format '\.npz'"):
            list(read_scenes(tmp_path / 'clip.npz'))

    @storages
    def test_no_data_file(self, storage: str, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), storage=storage)
        data_file(tmp_path / 'walk').unlink()
        with pytest.raises(BagError, match='database files are missing'):
            list(read_scenes(tmp_path / 'walk'))

    @storages
    def test_no_metadata_as_a_killed_recorder_leaves_it(self, storage: str, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), storage=storage)
        (tmp_path / 'walk' / 'metadata.yaml').unlink()
        assert len(list(read_scenes(tmp_path / 'walk'))) == 50
        assert read_spans(tmp_path / 'walk') == [WAVE, CLAP]

    @storages
    def test_an_empty_data_file(self, storage: str, tmp_path: Path) -> None:
        write_bag(tmp_path / 'walk', scenes(), storage=storage)
        data_file(tmp_path / 'walk').write_bytes(b'')
        with pytest.raises(BagError, match=r'walk: .*cut off or damaged'):
            list(read_scenes(tmp_path / 'walk'))


@storages
@pytest.mark.parametrize('share', [0.5, 0.75, 0.95])
def test_a_bag_that_is_cut_off_is_read_up_to_the_cut(
    storage: str, share: float, tmp_path: Path
) -> None:
    bag = tmp_path / 'walk'
    write_bag(bag, scenes(400, SECOND // 30), storage=storage)
    content = data_file(bag).read_bytes()
    data_file(bag).write_bytes(content[: round(len(content) * share)])
    read, message = read_until_error(bag)
    assert 'is cut off or damaged' in message
    assert str(bag) in message
    expected = list(scenes(400, SECOND // 30))[: len(read)]
    assert len(read) > 400 * (share - 0.25)
    assert [scene.stamp_ns for scene in read] == [scene.stamp_ns for scene in expected]
    for scene in read:
        for frame in scene.skeletons:
            np.testing.assert_array_equal(frame.joints_m, joints(scene.stamp_ns, frame.body_id))


def test_a_cut_in_a_later_chunk_leaves_the_chunks_before(tmp_path: Path) -> None:
    bag = tmp_path / 'walk'
    write_bag(bag, scenes(4000, SECOND // 30))  # chunks of 1 MiB
    content = data_file(bag).read_bytes()
    assert len(content) > 2 << 20
    data_file(bag).write_bytes(content[: (1 << 20) + 300_000])
    read, message = read_until_error(bag)
    assert len(read) > 4000 * (1 << 20) / len(content)
    assert 'is cut off' in message


def test_a_message_of_garbage_is_an_error_that_says_which(tmp_path: Path) -> None:
    bag = tmp_path / 'walk'
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        text = store.types['std_msgs/msg/String']
        connection = writer.add_connection(
            '/skeletons',
            'skeleton_action_msgs/msg/SkeletonArray',
            msgdef='string data\n',
            rihs01=_hash(tmp_path),
        )
        writer.write(
            connection, SECOND, store.serialize_cdr(text('no skeleton'), 'std_msgs/msg/String')
        )
    with pytest.raises(BagError, match=r'message 1 of skeletons is no .*SkeletonArray'):
        list(read_scenes(bag))


def _hash(tmp_path: Path) -> str:
    write_bag(tmp_path / 'other', scenes(1))
    with AnyReader([tmp_path / 'other']) as reader:
        return next(each.digest for each in reader.connections if each.topic == '/skeletons')


@storages
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_and_nothing_else(
    storage: str, tmp_path: Path, data: st.DataObject
) -> None:
    bag = tmp_path / 'walk'
    if not bag.exists():
        write_bag(bag, scenes(5), storage=storage)
        shutil.copytree(bag, tmp_path / 'whole')
    which = data.draw(st.sampled_from(('data', 'metadata.yaml')))
    name = data_file(tmp_path / 'whole').name if which == 'data' else which
    content = bytearray((tmp_path / 'whole' / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=8))
    shutil.copytree(tmp_path / 'whole', bag, dirs_exist_ok=True)
    (bag / name).write_bytes(content)
    read, message = read_until_error(bag)
    assert message == '' or str(bag) in message
    assert all(np.isfinite(frame.joints_m).all() for scene in read for frame in scene.skeletons)
