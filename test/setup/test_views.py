"""The views that ship show topics and fields that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from skeleton_action_ros.nodes.configuration import SkeletonSourceParameters

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'config'
PUBLISHED = {
    '/skeleton_markers': None,
    '/action_events': 'ActionEvent',
    '/actions': 'RecognizedActionArray',
    '/diagnostics': None,
}


def layout() -> dict[str, Any]:
    return json.loads((CONFIG / 'foxglove_layout.json').read_text())


def strings(value: Any) -> list[str]:
    """Every text within nested lists and dictionaries, keys too."""
    if isinstance(value, dict):
        return [one for key, item in value.items() for one in [key, *strings(item)]]
    if isinstance(value, list):
        return [one for item in value for one in strings(item)]
    return [value] if isinstance(value, str) else []


def panels(tree: Any) -> set[str]:
    if isinstance(tree, str):
        return {tree}
    return panels(tree['first']) | panels(tree['second'])


def has_field(message: str, path: str) -> bool:
    """Follow `a[0].b` through the definitions of the messages."""
    name, _, rest = path.partition('.')
    name = name.partition('[')[0]
    text = (ROOT / 'skeleton_action_msgs' / 'msg' / f'{message}.msg').read_text()
    found = re.search(rf'^(\w+)(?:\[\])? {name}\b', text, re.MULTILINE)
    return found is not None and (not rest or has_field(found[1], rest))


def test_rviz_shows_the_markers_in_the_frame_of_the_source() -> None:
    rviz = yaml.safe_load((CONFIG / 'skeletons.rviz').read_text())['Visualization Manager']
    assert rviz['Global Options']['Fixed Frame'] == SkeletonSourceParameters().frame_id
    topics = [one['Topic'] for one in rviz['Displays'] if 'Topic' in one]
    assert [topic['Value'] for topic in topics] == ['/skeleton_markers']
    assert topics[0]['Reliability Policy'] == 'Reliable'


def test_foxglove_lays_out_every_panel_once_and_no_other() -> None:
    assert panels(layout()['layout']) == set(layout()['configById'])


def test_foxglove_shows_topics_and_fields_that_there_are() -> None:
    paths = [text for text in strings(layout()['configById']) if text.startswith('/')]
    assert {path.partition('.')[0] for path in paths} == set(PUBLISHED)
    for path in paths:
        topic, _, field = path.partition('.')
        if field:
            assert has_field(str(PUBLISHED[topic]), field), path


def test_foxglove_follows_the_frame_of_the_source() -> None:
    frame = layout()['configById']['3D!skeletons']['followTf']
    assert frame == SkeletonSourceParameters().frame_id
