"""A bag of MarkerArrays, as somebody who runs the Azure Kinect ROS driver records it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from marker_recordings import TOPIC, write_marker_bag
from people import SECOND, circling

from skeleton_action_ros.adapters.bags import write_bag
from skeleton_action_ros.adapters.marker_bags import read_any_scenes, read_marker_scenes
from skeleton_action_ros.core.errors import BagError
from skeleton_action_ros.core.layouts import Common15, K4abt32
from skeleton_action_ros.core.skeleton import Scene
from skeleton_action_ros.evaluation.replay import scenes_of_clip

CLIP = circling([(0.2, 1.0)], 2.0, start_s=1_700_000_000.0)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_bodies_of_another_driver_are_read_at_their_own_stamps(
    storage: str, tmp_path: Path
) -> None:
    write_marker_bag(tmp_path / 'theirs', CLIP, body_id=3, storage=storage)
    scenes = list(read_any_scenes(tmp_path / 'theirs'))
    assert [scene.stamp_ns for scene in scenes] == CLIP.stamps_ns.tolist()
    assert {frame.body_id for scene in scenes for frame in scene.skeletons} == {3}
    hands = [scene.skeletons[0].joints_m[K4abt32.HAND_RIGHT] for scene in scenes]
    np.testing.assert_allclose(hands, CLIP.joints_m[:, Common15.HAND_RIGHT], atol=1e-6)


def test_nobody_in_view_takes_the_time_from_the_log(tmp_path: Path) -> None:
    write_marker_bag(tmp_path / 'theirs', CLIP, empty=(10, 20), delay_ns=SECOND // 4)
    scenes = list(read_marker_scenes(tmp_path / 'theirs'))
    assert [scene.stamp_ns for scene in scenes] == CLIP.stamps_ns.tolist()
    assert [len(scene.skeletons) for scene in scenes[9:21]] == [1, *[0] * 10, 1]


def test_our_own_topic_comes_first_and_another_can_be_named(tmp_path: Path) -> None:
    ours = list(scenes_of_clip(CLIP))
    write_bag(tmp_path / 'ours', ours, skeletons_topic='/robot/people')
    read: list[Scene] = list(read_any_scenes(tmp_path / 'ours', 'people'))
    assert [scene.stamp_ns for scene in read] == CLIP.stamps_ns.tolist()
    with pytest.raises(
        BagError,
        match=r"expected a topic 'skeletons' or 'body_tracking_data', got /action_.*, /robot/pe",
    ):
        read_any_scenes(tmp_path / 'ours')
    with pytest.raises(BagError, match="expected a topic 'crowd'"):
        list(read_any_scenes(tmp_path / 'ours', 'crowd'))


def test_another_type_on_their_topic_is_refused(tmp_path: Path) -> None:
    write_bag(tmp_path / 'odd', scenes_of_clip(CLIP), skeletons_topic=TOPIC)
    with pytest.raises(
        BagError, match='must hold visualization_msgs/msg/MarkerArray, got skeleton_action_msgs'
    ):
        list(read_any_scenes(tmp_path / 'odd'))
