"""`skeleton-action evaluate`: annotated bags in, figures out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import hands_bundle, motion_bundle
from galleries import open_store
from marker_recordings import write_marker_bag
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


class TestTeaching:
    def test_demonstrations_in_a_bag_that_is_evaluated_are_not_asked_again(
        self, shown: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        usual = ['--bag', shown, '--enroll-from', shown, '--model', bundle, '--shots', 1]
        found = figures(capsys, *usual, '--actions', 'right')
        assert (found['shown'], found['recognised'], found['never_taught']) == (1, 1, 1)
        assert found['false_events'] == 0
        assert found['bags'][0]['annotations'] == 3

    def test_actions_that_are_not_taught_are_strangers(
        self, shown: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        spans = [span('right', 2.0, 4.0), span('left', 21.0, 23.0)]
        write_bag(tmp_path / 'both', scenes([circling([(1, 3)], 9), LEFT], spans))
        usual = ['--bag', shown, '--enroll-from', tmp_path / 'both', '--model', bundle]
        assert figures(capsys, *usual)['taught'] == ['left', 'right']
        found = figures(capsys, *usual, '--actions', 'right')
        assert (found['taught'], found['never_taught']) == (['right'], 1)
        assert found['unknown_auroc'] == 1.0
        halves = [figures(capsys, *usual, '--half', '--seed', seed)['taught'] for seed in range(6)]
        assert sorted(set(map(tuple, halves))) == [('left',), ('right',)]

    def test_each_person_teaches_in_turn_and_the_others_are_asked(
        self, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        for name, seed in (('ann_1', 1), ('ann_2', 2), ('bob_1', 3)):
            clip = circling([(1.0, 3.0)], 4.5, noise_m=0.002, seed=seed)
            write_bag(tmp_path / name, scenes([clip], [span('right', 2.0, 4.0)]))
        bags = [tmp_path / name for name in ('ann_1', 'ann_2', 'bob_1')]
        teachers = ['--enroll-each', bags[0], bags[2]]
        found = figures(capsys, '--bag', *bags, *teachers, '--model', bundle)
        assert [one['teacher'] for one in found['rounds']] == ['ann_1', 'bob_1']
        assert [one['shown'] for one in found['rounds']] == [1, 2]
        assert found['shown'] == 3
        rounds = [one['event_f1']['0.25'] for one in found['rounds']]
        assert found['event_f1']['0.25'] == pytest.approx(np.mean(rounds), abs=1e-4)
        assert found['spread']['event_f1']['0.25'] == pytest.approx(np.std(rounds), abs=1e-4)
        words = ['--bag', *bags, *teachers, '--model', bundle]
        assert main(['evaluate', *map(str, words)]) == 0
        assert 'F1@0.25 of ours is the mean of 2 rounds: ' in capsys.readouterr().out


class TestForeignBags:
    def test_markers_and_a_csv_are_a_recording(
        self, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        write_marker_bag(tmp_path / 'theirs', RIGHT, body_id=3)
        truth = tmp_path / 'truth.csv'
        truth.write_text('label,start_s,end_s,bag\nright,1,3,theirs\nright,6,8,theirs\n')
        found = figures(
            capsys,
            *('--bag', tmp_path / 'theirs', '--enroll-from', lesson),
            *('--annotations', truth, '--model', bundle),
        )
        assert (found['shown'], found['recognised']) == (2, 2)
        assert found['problems'] == []


def test_two_runs_print_the_same_bytes(
    shown: Path, lesson: Path, bundle: Path, tmp_path: Path
) -> None:
    usual = ['--bag', str(shown), '--enroll-from', str(lesson), '--model', str(bundle)]
    files = [tmp_path / 'one.json', tmp_path / 'two.json']
    for file in files:
        assert main(['evaluate', *usual, '--out', str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())['frame_latency_ms'] == {'p50': None, 'p99': None}


def test_timing_puts_the_wall_clock_in(
    shown: Path, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ['--bag', shown, '--enroll-from', lesson, '--model', bundle, '--no-compare']
    found = figures(capsys, *usual, '--timing')
    assert 0.0 < found['frame_latency_ms']['p50'] <= found['frame_latency_ms']['p99']
    assert 'compared' not in found


def test_all_the_figures_are_there(
    shown: Path, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / 'deep' / 'report.html'
    usual = ['--bag', shown, '--enroll-from', lesson, '--model', bundle]
    found = figures(capsys, *usual, '--html', page)
    assert {
        'event_f1',
        'map',
        'frame_accuracy',
        'onset_latency_s',
        'frame_latency_ms',
        'unknown_auroc',
        'far_at_95_recall',
        'false_events_per_hour',
        'per_action',
        'wrong_label_share',
        'compared',
    } <= set(found)
    defined = (Path(__file__).parents[2] / 'docs' / 'metrics.md').read_text('utf-8')
    assert [key for key in found if f'`{key}`' not in defined] == []
    assert (found['map']['0.1'], found['map']['0.25']) == (1.0, 1.0)
    assert found['frame_accuracy'] > 0.8
    assert found['compared']['subsequence_dtw']['event_f1']['0.25'] > 0.5
    # Whatever is done, the best label is said: more than half of its events are false.
    habit = found['compared']['best_label_per_window']
    assert habit['false_events_per_hour'] > found['false_events_per_hour'] == 0.0
    assert '<title>How well motion recognises 1 action</title>' in page.read_text('utf-8')


class TestBaseline:
    def test_the_same_again_passes(
        self,
        shown: Path,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        usual = ['--bag', shown, '--enroll-from', lesson, '--model', bundle]
        figures(capsys, *usual, '--out', tmp_path / 'old.json')
        figures(capsys, *usual, '--baseline', tmp_path / 'old.json', '--tolerance', 0)
        assert main(['evaluate', *map(str, usual), '--baseline', str(tmp_path / 'old.json')]) == 0
        assert 'no figure is worse than' in capsys.readouterr().err

    def test_what_got_worse_is_said_and_fails(
        self,
        shown: Path,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        usual = ['--bag', shown, '--enroll-from', lesson, '--model', bundle]
        figures(capsys, *usual, '--out', tmp_path / 'old.json')
        deaf = [*map(str, usual), '--set', 'recognition.threshold=1.0']
        assert main(['evaluate', *deaf, '--baseline', str(tmp_path / 'old.json')]) == 1
        said = capsys.readouterr()
        assert 'worse: event_f1 0.25: 1 -> 0, allowed is 0.98' in said.err
        assert 'missed' in said.out

    def test_a_baseline_that_is_none_is_refused(
        self,
        shown: Path,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        (tmp_path / 'old.json').write_text('[]')
        usual = ['--bag', str(shown), '--enroll-from', str(lesson), '--model', str(bundle)]
        for file in ('old.json', 'none.json'):
            assert main(['evaluate', *usual, '--baseline', str(tmp_path / file)]) == 1
            assert 'expected the JSON of a run' in capsys.readouterr().err


class TestBadBags:
    """A clear line, a non-zero exit code, and a report of what could be read."""

    def run(
        self,
        capsys: pytest.CaptureFixture[str],
        bag: Path,
        lesson: Path,
        bundle: Path,
        *more: object,
    ) -> tuple[dict[str, Any], str]:
        words = ['--bag', bag, '--enroll-from', lesson, '--model', bundle, '--json', *more]
        assert main(['evaluate', *map(str, words)]) == 1
        said = capsys.readouterr()
        assert 'Traceback' not in said.err
        return json.loads(said.out), said.err

    def test_no_such_topic(
        self,
        shown: Path,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        write_bag(tmp_path / 'other', scenes([RIGHT], []), skeletons_topic='/crowd')
        found, said = self.run(capsys, tmp_path / 'other', lesson, bundle)
        assert "expected a topic 'skeletons' or 'body_tracking_data', got /action_ann" in said
        assert (found['recordings'], found['bags'][0]['scenes']) == (0, 0)
        assert found['problems'] == found['bags'][0]['problems']

    def test_the_others_count_and_a_page_is_written(
        self,
        shown: Path,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        page = tmp_path / 'report.html'
        words = ['--bag', tmp_path / 'none', shown, '--enroll-from', lesson, '--model', bundle]
        assert main(['evaluate', *map(str, words), '--html', str(page), '--json']) == 1
        said = capsys.readouterr()
        assert json.loads(said.out)['recognised'] == 2
        assert 'found nothing there' in said.err
        assert 'found nothing there' in page.read_text('utf-8')

    @pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
    def test_cut_off(
        self,
        storage: str,
        lesson: Path,
        bundle: Path,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        spans = [span('right', 2.0, 4.0), span('right', 7.0, 9.0)]
        played = list(scenes([RIGHT], []))
        write_bag(
            tmp_path / 'cut',
            [replace(played[0], finished=tuple(spans)), *played[1:]],
            storage=storage,
        )
        (data,) = (tmp_path / 'cut').glob('*.mcap' if storage == 'mcap' else '*.db3')
        whole = data.read_bytes()
        data.write_bytes(whole[: len(whole) * 6 // 10])
        found, said = self.run(capsys, tmp_path / 'cut', lesson, bundle)
        assert 'cut off or damaged' in said
        assert 0 < found['bags'][0]['scenes'] < len(RIGHT)
        assert found['recordings'] == 1

    def test_no_annotations(
        self, lesson: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        write_bag(tmp_path / 'bare', scenes([RIGHT], []))
        found, said = self.run(capsys, tmp_path / 'bare', lesson, bundle)
        assert "bare: has no annotations: none on 'action_annotations', and there is no CSV" in said
        assert (found['recordings'], found['bags'][0]['events']) == (0, 2)
        usual = ['--bag', tmp_path / 'bare', '--enroll-from', lesson, '--model', bundle]
        idle = figures(capsys, *usual, '--nothing-happens')
        assert (idle['shown'], idle['false_events']) == (0, 2)
        assert idle['false_events_per_hour'] == pytest.approx(2 / (9 / 3600), abs=0.01)

    def test_nothing_to_teach(
        self, shown: Path, bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        words = ['--bag', str(shown), '--enroll-from', str(tmp_path / 'none')]
        assert main(['evaluate', *words, '--model', str(bundle)]) == 1
        said = capsys.readouterr().err.splitlines()
        assert 'found nothing there' in said[-2]
        assert said[-1] == 'skeleton-action evaluate: nothing is taught by none: no spans'


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--shots', '-1'], '--shots must be 0 or more, got -1'),
        (['--tolerance', 'nan'], '--tolerance must be 0 or more, got nan'),
        (['--rate', '0'], '--rate must be above 0'),
        (['--precision', 'int8'], 'has no int8 model, only fp32'),
        (['--actions', 'jump'], 'nothing is taught by lesson: no spans'),
        (['--actions', 'right', 'jump'], '--actions jump: expected what is taught: right'),
        (['--annotations', '/nowhere.csv'], '/nowhere.csv: cannot be read'),
        (['--out', '/proc/nothing/figures.json'], 'cannot write /proc/nothing'),
    ],
)
def test_bad_options_are_one_line(
    shown: Path,
    lesson: Path,
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    usual = ['--bag', str(shown), '--enroll-from', str(lesson), '--model', str(bundle)]
    assert main(['evaluate', *usual, '--no-compare', *arguments]) == 1
    said = capsys.readouterr()
    assert complaint in said.err.splitlines()[-1]
    assert 'Traceback' not in said.err


def test_a_classifier_brings_its_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spans = [span('right hand', 2.0, 4.0), span('right hand', 7.0, 9.0), span('bow', 21.0, 23.0)]
    write_bag(tmp_path / 'shown', scenes([RIGHT, LEFT], spans))
    hands = hands_bundle(tmp_path / 'models' / 'hands')
    found = figures(capsys, '--bag', tmp_path / 'shown', '--model', hands)
    assert found['taught'] == ['left hand', 'right hand']
    assert (found['shown'], found['recognised'], found['never_taught']) == (2, 2, 1)
    assert (found['recordings'], found['compared']) == (1, {})


def test_an_embedder_must_be_taught(
    shown: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['evaluate', '--bag', str(shown), '--model', str(bundle)]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert 'say what is taught: --gallery, --enroll-from or --enroll-each' in said
