from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.annotation_csv import Annotation, read_annotations, spans_in
from skeleton_action_ros.core.errors import DatasetError
from skeleton_action_ros.core.skeleton import ActionSpan, Scene, SkeletonFrame

S = 1_000_000_000
START_S = 1_700_000_000


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / 'truth.csv'
    path.write_text(text, 'utf-8')
    return path


def frame(stamp_ns: int, body_id: int) -> SkeletonFrame:
    return SkeletonFrame(
        stamp_ns, body_id, 'common_15', np.ones((15, 3), np.float32), np.ones(15, np.float32)
    )


SCENES = [
    Scene(
        (START_S + second) * S,
        tuple(frame((START_S + second) * S, body) for body in ((4,) if second < 6 else (4, 2))),
    )
    for second in range(11)
]


def test_lines_are_read_with_and_without_who_and_where(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '\ufefflabel, start_s,end_s,body_id,bag,remark\n'
        'wave,1.5,3.25,7,walk,"well, done"\n'
        '"sit, down", 4 ,6,,,\n',
    )
    assert read_annotations(path) == [
        Annotation('wave', Decimal('1.5'), Decimal('3.25'), 7, 'walk', 2),
        Annotation('sit, down', Decimal(4), Decimal(6), None, '', 3),
    ]
    bare = written(tmp_path, 'start_s,end_s,label\n0,1,wave\n')
    assert read_annotations(bare) == [Annotation('wave', Decimal(0), Decimal(1), None, '', 2)]


def test_seconds_are_from_the_first_scene_or_since_1970(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'label,start_s,end_s,body_id\nbow,{START_S + 2}.000000001,{START_S + 3},4\nwave,0.5,2,4\n',
    )
    assert spans_in(read_annotations(path), SCENES, path) == [
        ActionSpan('wave', START_S * S + S // 2, (START_S + 2) * S, 4),
        ActionSpan('bow', (START_S + 2) * S + 1, (START_S + 3) * S, 4),
    ]


def test_where_nobody_is_named_it_is_who_is_most_in_view(tmp_path: Path) -> None:
    path = written(tmp_path, 'label,start_s,end_s\nwave,4,8\nbow,7,9\n')
    assert [span.body_id for span in spans_in(read_annotations(path), SCENES, path)] == [4, 2]


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('', 'expected columns label, start_s, end_s .* got an empty file'),
        ('what,when\n', 'got what, when'),
        ('label,start_s,end_s\nwave,soon,3\n', "line 2: start_s must be seconds, got 'soon'"),
        ('label,start_s,end_s\nwave,1,nan\n', "line 2: end_s must be seconds, got 'nan'"),
        ('label,start_s,end_s\nwave,1,2\nbow,3,3\n', 'line 3: end_s must be after start_s'),
        ('label,start_s,end_s\nwave,-1,3\n', 'got -1 to 3'),
        ('label,start_s,end_s\n ,1,3\n', 'line 2: label must not be empty'),
        ('label,start_s,end_s\nwave,1\n', 'line 2: expected as many cells'),
        ('label,start_s,end_s\nwave,1,2,3\n', 'line 2: expected as many cells'),
        (
            'label,start_s,end_s,body_id\nwave,1,2,Ann\n',
            "body_id must be a whole number, got 'Ann'",
        ),
    ],
)
def test_bad_lines_are_refused_by_their_number(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        read_annotations(written(tmp_path, text))


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'truth.csv'
    path.write_bytes(b'label,start_s,end_s\n\xff\xfe,1,2\n')
    with pytest.raises(DatasetError, match='expected a CSV in UTF-8'):
        read_annotations(path)
    with pytest.raises(DatasetError, match='cannot be read: No such file'):
        read_annotations(tmp_path / 'none.csv')


@pytest.mark.parametrize(
    ('line', 'complaint'),
    [
        (
            'wave,11,12',
            r'line 2: .* outside the recording: it begins at 1700000000\.000 s .* 10\.0',
        ),
        ('wave,200000000,200000001', 'outside the recording'),
        ('wave,0.2,0.4', 'nobody is in view from 0.2 to 0.4 s'),
    ],
)
def test_what_cannot_be_placed_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = written(tmp_path, f'label,start_s,end_s\n{line}\n')
    with pytest.raises(DatasetError, match=complaint):
        spans_in(read_annotations(path), SCENES, path)
