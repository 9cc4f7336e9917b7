from __future__ import annotations

from pathlib import Path

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / 'skeleton_action_msgs'
HEADER = 'std_msgs/Header header'
TIME = 'builtin_interfaces/Time'

EXPECTED = {
    'msg/Skeleton.msg': [
        ['uint32 body_id', 'string layout', 'float32[] positions', 'float32[] confidences']
    ],
    'msg/SkeletonArray.msg': [[HEADER, 'Skeleton[] skeletons']],
    'msg/SkeletonWindow.msg': [
        [
            HEADER,
            f'{TIME} start',
            'uint32 body_id',
            'string layout',
            'uint32 frames',
            'int64[] stamps',
            'float32[] positions',
            'float32[] confidences',
        ]
    ],
    'msg/ActionHypothesis.msg': [['string label', 'float32 similarity', 'float32 threshold']],
    'msg/RecognizedAction.msg': [
        [
            'uint32 body_id',
            'string label',
            'float32 confidence',
            'ActionHypothesis[] hypotheses',
        ]
    ],
    'msg/RecognizedActionArray.msg': [[HEADER, 'RecognizedAction[] actions']],
    'msg/ActionEvent.msg': [
        [
            'uint8 STARTED=0',
            'uint8 ENDED=1',
            HEADER,
            'uint32 body_id',
            'string label',
            'uint8 kind',
            f'{TIME} start',
            f'{TIME} end',
            'float32 confidence',
            'float32 latency',
        ]
    ],
    'msg/ActionTemplate.msg': [
        [
            'string id',
            'string label',
            'string layout',
            'int64[] stamps',
            'float32[] positions',
            'float32[] confidences',
            'float32 threshold',
            f'{TIME} taught',
            'string source',
        ]
    ],
    'msg/ActionCalibration.msg': [
        [
            'string label',
            'float32 threshold',
            'string model',
            'string method',
            'float32 base',
            'uint32 altered',
            'float32 altered_similarity',
            'uint32 spliced',
            'float32 spliced_similarity',
            'uint32 others',
            'float32 others_similarity',
            'uint32 background',
            'float32 background_similarity',
        ]
    ],
    'msg/ActionGallery.msg': [
        [
            HEADER,
            'uint64 revision',
            'ActionTemplate[] templates',
            'ActionCalibration[] calibrations',
        ]
    ],
    'msg/ActionSummary.msg': [
        [
            'string label',
            'uint32 shots',
            'string[] template_ids',
            'float32 threshold',
            'bool own_threshold',
            'ActionCalibration calibration',
            f'{TIME} taught',
        ]
    ],
    'srv/EnrollAction.srv': [
        [
            'uint8 LAST_MOTION=0',
            'uint8 PAST=1',
            'uint8 NEXT=2',
            'string label',
            'uint8 capture',
            'float32 duration',
            'int64 body_id',
            'bool replace',
        ],
        [
            'bool success',
            'string message',
            'string template_id',
            'uint32 shots',
            'float32 duration',
            'string nearest_label',
            'float32 nearest_similarity',
        ],
    ],
    'srv/ListActions.srv': [[], ['ActionSummary[] actions']],
    'srv/RenameAction.srv': [
        ['string label', 'string new_label'],
        ['bool success', 'string message', 'uint32 shots'],
    ],
    'srv/RemoveAction.srv': [
        ['string label', 'string template_id'],
        ['bool success', 'string message', 'uint32 removed'],
    ],
}


def _files() -> list[str]:
    return sorted(
        path.relative_to(MESSAGES).as_posix()
        for path in (*MESSAGES.glob('msg/*.msg'), *MESSAGES.glob('srv/*.srv'))
    )


def test_the_interfaces_are_those_of_the_contract() -> None:
    assert _files() == sorted(EXPECTED)


@pytest.mark.parametrize('name', sorted(EXPECTED))
def test_fields_are_those_of_the_contract(name: str) -> None:
    parts: list[list[str]] = [[]]
    for line in (MESSAGES / name).read_text().splitlines():
        if line == '---':
            parts.append([])
        elif line and not line.startswith('#'):
            parts[-1].append(line)
    assert parts == EXPECTED[name]


@pytest.mark.parametrize('name', sorted(EXPECTED))
def test_every_field_is_documented(name: str) -> None:
    before = ''
    for line in (MESSAGES / name).read_text().splitlines():
        if line and line != '---' and not line.startswith('#'):
            constants_in_a_row = '=' in line and '=' in before
            assert before.startswith('#') or constants_in_a_row, f'{name}: {line}'
        before = line


def test_every_interface_is_built() -> None:
    cmake = (MESSAGES / 'CMakeLists.txt').read_text()
    assert [name for name in EXPECTED if f'  {name}\n' not in cmake] == []


def test_frames_are_the_message_that_jazzy_has() -> None:
    ours = get_typestore(Stores.ROS2_JAZZY)
    jazzys = ours.hash_rihs01('tf2_msgs/msg/TFMessage')
    del ours.fielddefs['tf2_msgs/msg/TFMessage'], ours.types['tf2_msgs/msg/TFMessage']
    definition = ROOT / 'scripts' / 'messages' / 'tf2_msgs' / 'msg' / 'TFMessage.msg'
    ours.register(get_types_from_msg(definition.read_text(), 'tf2_msgs/msg/TFMessage'))
    assert ours.hash_rihs01('tf2_msgs/msg/TFMessage') == jazzys
