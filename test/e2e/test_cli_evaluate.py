"""`skeleton-action evaluate`: annotated bags in, figures out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import motion_bundle
from galleries import open_store
from people import circling

from skeleton_action_ros.adapters.bags import write_bag
from skeleton_action_ros.cli.main import main
from skeleton_action_ros.core.gallery import Template
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.core.skeleton import ActionSpan, Clip, Scene
from skeleton_action_ros.evaluation.replay import scenes_of_clip

SECOND = 1_000_000_000
RIGHT = circling([(1.0, 3.0), (6.0, 8.0)], 9.0)
LEFT = circling([(1.0, 3.0)], 4.5, start_s=20.0, hand=Common15.HAND_LEFT)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return motion_bundle(tmp_path_factory.mktemp('models') / 'motion')


def span(label: str, start_s: float, end_s: float) -> ActionSpan:
    return ActionSpan(label, round(start_s * SECOND), round(end_s * SECOND), 1)


def scenes(clips: Sequence[Clip], spans: Sequence[ActionSpan]) -> Iterator[Scene]:
    """Play clips one after the other, all of the truth with the last scene."""
    played = [scene for clip in clips for scene in scenes_of_clip(clip)]
    yield from played[:-1]
    yield replace(played[-1], finished=tuple(spans))


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """Circles twice to the right, which will be taught, and once to the left, which will not."""
    spans = [span('right', 2.0, 4.0), span('right', 7.0, 9.0), span('left', 21.0, 23.0)]
    write_bag(tmp_path / 'shown', scenes([RIGHT, LEFT], spans))
    return tmp_path / 'shown'


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    write_bag(tmp_path / 'lesson', scenes([circling([(1.0, 3.0)], 4.5)], [span('right', 2.0, 4.0)]))
    return tmp_path / 'lesson'


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(['evaluate', *map(str, arguments), '--json']) == 0
    return json.loads(capsys.readouterr().out)


def test_what_was_taught_by_one_bag_is_recognised_in_another(
    shown: Path, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / 'deep' / 'figures.json'
    found = figures(
        capsys, '--bag', shown, '--enroll-from', lesson, '--model', bundle, '--out', out
    )
    counts = {name: found[name] for name in ('shown', 'recognised', 'missed', 'wrong')}
    assert counts == {'shown': 2, 'recognised': 2, 'missed': 0, 'wrong': 0}
    assert (found['never_taught'], found['false_events']) == (1, 0)
    assert found['per_action']['right']['recognised'] == 2
    assert list(found['event_f1']) == ['0.1', '0.25', '0.5']
    assert found['event_f1']['0.25'] == 1.0
    assert found['frames'] == len(RIGHT) + len(LEFT)
    assert (found['recordings'], found['refused']) == (1, {})
    assert json.loads(out.read_text()) == found


def test_what_was_not_taught_is_missed(
    shown: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gallery = tmp_path / 'gallery.sqlite3'
    with open_store(gallery) as store:
        store.add(Template('a', 'left', LEFT.between(21 * SECOND, 23 * SECOND), 0.0, 1, 'test'))
        store.add(Template('b', 'right', LEFT.between(21 * SECOND, 23 * SECOND), 1.0, 1, 'test'))
    found = figures(capsys, '--bag', shown, shown, '--gallery', gallery, '--model', bundle)
    assert (found['shown'], found['missed'], found['recordings']) == (6, 4, 2)
    assert found['per_action']['left']['recognised'] == 2


def test_bodies_that_cannot_be_used_are_counted(
    tmp_path: Path, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = list(scenes([RIGHT], [span('right', 2.0, 4.0), span('right', 7.0, 9.0)]))
    bad = replace(good[0].skeletons[0], body_id=9, joints_m=np.zeros((15, 3), np.float32))
    both = [replace(scene, skeletons=(*scene.skeletons, bad)) for scene in good]
    write_bag(tmp_path / 'mixed', both)
    usual = ['--enroll-from', str(lesson), '--model', str(bundle), '--json']
    assert main(['evaluate', '--bag', str(tmp_path / 'mixed'), *usual]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found['refused'] == {'empty_body': len(RIGHT)}
    assert f'{len(RIGHT)} bodies refused, the first: body 9 has no joint' in said.err
    assert found['recognised'] == 2


def test_table_has_a_line_for_each_action_and_one_for_all(
    shown: Path, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ['--enroll-from', str(lesson), '--model', str(bundle)]
    assert main(['evaluate', '--bag', str(shown), *usual]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['right', '2', '2', '0', '0', '0'] in lines
    assert ['all', '2', '2', '0', '0', '0'] in lines


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--bag', '/nowhere'], '/nowhere'),
        (['--set', 'windows.hops=3'], "got 'windows.hops=3'"),
        (['--set', 'windows.hop_s=soon'], "'soon'"),
        (['--set', 'windows.hop_s=-1.0'], '-1.0'),
        (['--model', 'no_such_model'], "'no_such_model'"),
    ],
)
def test_bad_arguments_are_one_line(
    shown: Path,
    lesson: Path,
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    usual = ['--bag', str(shown), '--enroll-from', str(lesson), '--model', str(bundle)]
    assert main(['evaluate', *usual, *arguments]) == 1
    said = capsys.readouterr()
    assert complaint in said.err.splitlines()[-1]
    assert 'Traceback' not in said.err


def test_lesson_without_annotations_is_refused(
    shown: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bag(tmp_path / 'bare', scenes([RIGHT], []))
    usual = ['--bag', str(shown), '--model', str(bundle)]
    assert main(['evaluate', *usual, '--enroll-from', str(tmp_path / 'bare')]) == 1
    assert 'nothing is taught by bare' in capsys.readouterr().err
