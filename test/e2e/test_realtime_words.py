"""How events of nodes and replay are told apart."""

from __future__ import annotations

from skeleton_action_ros.cli.realtime import parted


def test_what_only_one_of_them_says_is_put_into_words() -> None:
    event = {'bag': 'walk', 'kind': 'started', 'body_id': 3, 'label': 'wave', 'stamp_ns': 7}
    found = {'only_in_replay': [event], 'only_in_nodes': [{**event, 'stamp_ns': 8}]}
    assert parted(found) == [
        'only in the replay: walk wave started at 7 ns, person 3',
        'only from the nodes: walk wave started at 8 ns, person 3',
    ]
    assert parted({'only_in_replay': [], 'only_in_nodes': []}) == []
