"""Every service of the enroller: what it does, what it refuses, and what it says then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip('rclpy')

from people import SECOND, FakeModel, circling
from rclpy.parameter import Parameter
from robots import Robot, moved

from skeleton_action_msgs.srv import EnrollAction, ListActions, RemoveAction, RenameAction
from skeleton_action_ros.adapters.gallery_file import read_gallery
from skeleton_action_ros.adapters.gallery_store import GalleryStore
from skeleton_action_ros.core.calibration import CalibrationConfig, OpenSet
from skeleton_action_ros.core.errors import BundleError
from skeleton_action_ros.core.gallery import Template
from skeleton_action_ros.core.layouts import Common15
from skeleton_action_ros.nodes.action_enroller import ActionEnrollerNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

WAVED = circling([(1.0, 3.0)], 4.5, start_s=100.0)
STILL = circling([], 2.0, start_s=100.0)


@pytest.fixture
def gallery_file(tmp_path: Path) -> Path:
    return tmp_path / 'gallery.sqlite3'


@pytest.fixture
def enroller(robot: Make, gallery_file: Path) -> Callable[..., Robot]:
    """Make a robot of the enroller alone."""

    def make(load: Callable[[Any], Any] = lambda _: FakeModel(), **parameters: Any) -> Robot:
        given = {
            'gallery': str(gallery_file),
            'enrollment.gone_after_s': 10.0,
            **parameters,
        }
        overrides = [Parameter(key, value=value) for key, value in given.items()]
        return robot(ActionEnrollerNode(load, parameter_overrides=overrides))

    return make


def enroll(robot: Robot, label: str, body_id: int = -1, **request: Any) -> Any:
    return robot.call(EnrollAction, 'enroll_action', label=label, body_id=body_id, **request)


def listed(robot: Robot) -> dict[str, int]:
    return {item.label: item.shots for item in robot.call(ListActions, 'list_actions').actions}


def test_demonstration_is_on_the_disk_and_published_when_the_service_answers(
    enroller: Make, gallery_file: Path
) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    answer = enroll(robot, 'wave')
    stored = read_gallery(gallery_file)
    assert answer.success
    assert [template.id for template in stored.templates] == [answer.template_id]
    assert stored.templates[0].clip.duration_s == pytest.approx(answer.duration)
    assert (answer.shots, answer.nearest_label, answer.nearest_similarity) == (1, '', 0.0)
    robot.spin_until(lambda: robot.said['action_gallery'][-1].revision == 1, 'the gallery is said')


def test_demonstrations_of_one_label_accumulate_and_replace_replaces(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    assert enroll(robot, 'wave').shots == 1
    assert enroll(robot, 'wave').shots == 2
    answer = enroll(robot, 'wave', replace=True)
    assert (answer.success, answer.shots) == (True, 1)
    assert listed(robot) == {'wave': 1}


def test_verdict_names_the_nearest_other_action(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    robot.show((1, circling([(1.0, 3.0)], 4.5, start_s=110.0, hand=Common15.HAND_LEFT)))
    other = enroll(robot, 'left')
    assert other.nearest_label == 'wave'
    assert other.nearest_similarity < 0.3
    same = enroll(robot, 'left again')
    assert same.nearest_label == 'left'
    assert same.nearest_similarity > 0.9
    assert 'confused' in same.message


def test_enroller_without_a_model_teaches_and_says_what_is_missing(enroller: Make) -> None:
    def none(_: Any) -> Any:
        raise BundleError('no model bundle nowhere')

    robot = enroller(none)
    robot.show((1, WAVED))
    assert enroll(robot, 'wave').success
    answer = enroll(robot, 'other')
    assert (answer.success, answer.nearest_label) == (True, '')
    level, message, _ = robot.diagnosis('action_enroller')
    assert level == b'\x01'
    assert 'no model bundle nowhere' in message


def test_model_that_breaks_does_not_hinder_teaching(enroller: Make, gallery_file: Path) -> None:
    class Breaking(FakeModel):
        def infer(self, joints: Any, mask: Any) -> Any:
            if len(joints):
                raise RuntimeError('the accelerator is gone')
            return super().infer(joints, mask)

    robot = enroller(lambda _: Breaking())
    robot.show((1, WAVED))
    answer = enroll(robot, 'wave')
    assert (answer.success, answer.shots, answer.nearest_label) == (True, 1, '')
    assert read_gallery(gallery_file).labels == ('wave',)
    level, message, _ = robot.diagnosis('action_enroller')
    assert level == b'\x02'
    assert 'the accelerator is gone' in message


def test_second_enroller_in_the_graph_is_a_warning(enroller: Make) -> None:
    robot = enroller()
    assert robot.diagnosis('action_enroller')[0] == b'\x00'
    other = robot.node.create_service(EnrollAction, 'enroll_action', lambda _, answer: answer)
    robot.spin_until(
        lambda: '2 nodes serve enroll_action' in robot.diagnosis('action_enroller')[1], 'it says so'
    )
    robot.node.destroy_service(other)
    robot.spin_until(lambda: robot.diagnosis('action_enroller')[0] == b'\x00', 'it is over')


def test_past_seconds_are_taught(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, circling([(1.0, 3.0)], 3.2, start_s=100.0)))
    answer = enroll(robot, 'wave', capture=1, duration=3.0)
    assert answer.success, answer.message
    assert answer.duration == pytest.approx(2.3, abs=0.3)


@pytest.mark.parametrize(
    ('request_fields', 'expected'),
    [
        ({'label': ''}, 'empty'),
        ({'label': '   '}, 'empty'),
        ({'label': 'x' * 65}, '65'),
        ({'label': 'a\nb'}, r"'\n'"),
        ({'label': 'unknown'}, 'reserved'),
        ({'label': 'idle'}, 'reserved'),
        ({'label': 'wave', 'capture': 9}, 'got 9'),
        ({'label': 'wave', 'capture': 1, 'duration': 99.0}, '99'),
        ({'label': 'wave', 'capture': 2, 'duration': -1.0}, '-1'),
        ({'label': 'wave', 'capture': 2, 'duration': float('nan')}, 'nan'),
        ({'label': 'wave', 'body_id': 5}, 'body 5 is not in view'),
    ],
)
def test_unfit_request_is_refused_with_what_arrived(
    enroller: Make, request_fields: dict[str, Any], expected: str
) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    answer = enroll(robot, **request_fields)
    assert not answer.success
    assert expected in answer.message
    assert (answer.template_id, answer.shots, answer.duration) == ('', 0, 0.0)
    assert listed(robot) == {}


def test_nobody_in_view_is_refused(enroller: Make) -> None:
    answer = enroll(enroller(), 'wave')
    assert (answer.success, answer.message) == (False, 'nobody is in view')


def test_several_persons_at_one_distance_are_refused_by_name(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, WAVED), (2, moved(WAVED, x_m=0.8)))
    answer = enroll(robot, 'wave')
    assert not answer.success
    assert '1 at' in answer.message
    assert '2 at' in answer.message
    assert enroll(robot, 'wave', body_id=2).success


def test_clearly_nearest_person_is_meant_without_an_id(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, moved(WAVED, z_m=1.0)), (2, WAVED))
    assert 'body 2' in enroll(robot, 'wave').message


def test_person_who_stood_still_is_refused(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, STILL))
    assert 'no finished motion' in enroll(robot, 'wave').message
    assert 'moved too little' in enroll(robot, 'wave', capture=1, duration=1.5).message


def test_person_still_moving_is_refused(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, circling([(1.0, 9.0)], 3.0, start_s=100.0)))
    assert 'still moving' in enroll(robot, 'wave').message


def test_person_who_leaves_during_next_is_refused(enroller: Make) -> None:
    robot = enroller(**{'enrollment.gone_after_s': 1.0})
    robot.show((1, STILL))
    future = robot.ask(
        EnrollAction, 'enroll_action', label='wave', capture=2, duration=3.0, body_id=-1
    )
    robot.spin_until(future.done, 'enroll_action answers', 5.0)
    assert not future.result().success
    assert 'left' in future.result().message


def test_next_is_abandoned_when_time_jumps_back(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, STILL))
    future = robot.ask(
        EnrollAction, 'enroll_action', label='wave', capture=2, duration=3.0, body_id=-1
    )
    robot.catch_up()
    robot.show((1, circling([], 0.2, start_s=50.0)))
    robot.spin_until(future.done, 'enroll_action answers')
    assert 'jumped back' in future.result().message


def test_next_is_abandoned_when_the_node_is_deactivated(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, STILL))
    robot.ask(EnrollAction, 'enroll_action', label='wave', capture=2, duration=3.0, body_id=-1)
    robot.catch_up()
    order = robot.nodes[0]._orders[0]
    robot.nodes[0].trigger_deactivate()
    assert order.captured.done()
    assert 'stopped' in str(order.captured.result())


def test_whoever_waits_is_told_when_the_capture_breaks(
    enroller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = enroller()
    robot.show((1, STILL))
    future = robot.ask(
        EnrollAction, 'enroll_action', label='wave', capture=2, duration=3.0, body_id=-1
    )
    robot.catch_up()

    def broken(*_: Any) -> None:
        raise RuntimeError('out of order')

    monkeypatch.setattr(robot.nodes[0]._enroller, 'poll', broken)
    robot.spin_until(future.done, 'enroll_action answers')
    assert not future.result().success
    assert 'out of order' in future.result().message
    assert robot.nodes[0]._orders == deque()


def test_full_gallery_is_refused(enroller: Make) -> None:
    robot = enroller(**{'limits.max_templates': 1})
    robot.show((1, WAVED))
    assert enroll(robot, 'wave').success
    assert 'full' in enroll(robot, 'other').message
    assert enroll(robot, 'wave', replace=True).success


def test_refusals_are_counted_by_reason(enroller: Make) -> None:
    robot = enroller()
    enroll(robot, 'wave')
    enroll(robot, '')
    _, _, values = robot.diagnosis('action_enroller')
    assert values['count.enroll_action.refused.nobody'] == '1'
    assert values['count.enroll_action.refused.label'] == '1'


def test_list_tells_labels_in_order_with_shots_and_ids(enroller: Make) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    ids = [enroll(robot, label).template_id for label in ('wave', 'bow', 'wave')]
    first, second = robot.call(ListActions, 'list_actions').actions
    assert (first.label, first.shots, list(first.template_ids)) == ('bow', 1, [ids[1]])
    assert (second.label, second.shots, list(second.template_ids)) == ('wave', 2, [ids[0], ids[2]])
    assert (first.threshold, first.own_threshold) == (pytest.approx(0.7), False)
    assert second.taught.sec > 1_600_000_000


def test_list_tells_from_what_similarity_each_action_counts_and_why(
    enroller: Make, gallery_file: Path
) -> None:
    config = CalibrationConfig(others=0.3)
    robot = enroller(lambda _: FakeModel(threshold=0.4, open_set=OpenSet('fake 1', None, config)))
    robot.show((1, WAVED))
    answer = enroll(robot, 'wave')
    assert 'counts from a similarity of 0.40' in answer.message
    assert 'counts from a similarity of 0.50' in enroll(robot, 'same').message
    for item in robot.call(ListActions, 'list_actions').actions:
        said = item.calibration
        assert (said.label, said.model, said.others) == (item.label, 'fake 1', 1)
        assert said.others_similarity == pytest.approx(1.0, abs=1e-3)
        assert said.threshold == item.threshold == pytest.approx(0.5)
    assert [one.threshold for one in read_gallery(gallery_file).calibrations] == [0.5, 0.5]
    heard = robot.said['action_gallery'][-1].calibrations
    assert [(one.label, one.threshold) for one in heard] == [
        ('same', pytest.approx(0.5)),
        ('wave', pytest.approx(0.5)),
    ]
    robot.call(RemoveAction, 'remove_action', label='same')
    (left,) = robot.call(ListActions, 'list_actions').actions
    assert (left.threshold, left.calibration.others) == (pytest.approx(0.4), 0)


def test_own_threshold_stays_whatever_is_taught_and_measured(
    enroller: Make, gallery_file: Path
) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    with GalleryStore(gallery_file) as store:
        store.set_threshold('wave', 0.5)
    robot.spin_until(lambda: robot.said['action_gallery'][-1].revision == 2, 'it is said')
    enroll(robot, 'other')
    enroll(robot, 'wave', replace=True)
    _, wave = robot.call(ListActions, 'list_actions').actions
    assert (wave.threshold, wave.own_threshold, wave.shots) == (0.5, True, 1)
    assert wave.calibration.threshold == pytest.approx(0.7)


def test_gallery_taught_without_a_model_is_measured_when_there_is_one(
    enroller: Make, gallery_file: Path
) -> None:
    with GalleryStore(gallery_file) as store:
        store.add(Template('a', 'wave', WAVED.between(101 * SECOND, 103 * SECOND), 0.0, 1, 'test'))
    robot = enroller()
    (wave,) = robot.call(ListActions, 'list_actions').actions
    assert (wave.threshold, wave.calibration.altered) == (pytest.approx(0.7), 8)
    robot.spin_until(lambda: robot.said['action_gallery'][-1].calibrations, 'it is said')
    assert robot.said['action_gallery'][-1].revision == 1


def test_rename_is_durable_and_published(enroller: Make, gallery_file: Path) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    answer = robot.call(RenameAction, 'rename_action', label='wave', new_label='hello')
    assert (answer.success, answer.shots) == (True, 1)
    assert read_gallery(gallery_file).labels == ('hello',)
    robot.spin_until(
        lambda: robot.said['action_gallery'][-1].templates[0].label == 'hello', 'it is said'
    )


@pytest.mark.parametrize(
    ('label', 'new_label', 'expected'),
    [
        ('nope', 'hello', "'nope'"),
        ('wave', '', 'empty'),
        ('wave', 'bow', 'already taught'),
        ('wave', 'idle', 'reserved'),
    ],
)
def test_rename_refuses(enroller: Make, label: str, new_label: str, expected: str) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    enroll(robot, 'bow')
    answer = robot.call(RenameAction, 'rename_action', label=label, new_label=new_label)
    assert (answer.success, answer.shots) == (False, 0)
    assert expected in answer.message
    assert listed(robot) == {'wave': 1, 'bow': 1}


def test_remove_one_demonstration_then_all(enroller: Make, gallery_file: Path) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    first = enroll(robot, 'wave').template_id
    enroll(robot, 'wave')
    enroll(robot, 'wave')
    answer = robot.call(RemoveAction, 'remove_action', label='wave', template_id=first)
    assert (answer.success, answer.removed) == (True, 1)
    assert listed(robot) == {'wave': 2}
    answer = robot.call(RemoveAction, 'remove_action', label='wave')
    assert (answer.success, answer.removed) == (True, 2)
    assert len(read_gallery(gallery_file)) == 0


@pytest.mark.parametrize(('label', 'template_id'), [('nope', ''), ('wave', 'nope')])
def test_remove_refuses_what_is_not_there(enroller: Make, label: str, template_id: str) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    answer = robot.call(RemoveAction, 'remove_action', label=label, template_id=template_id)
    assert (answer.success, answer.removed) == (False, 0)
    assert 'nope' in answer.message
    assert listed(robot) == {'wave': 1}


def test_change_by_another_process_is_followed(enroller: Make, gallery_file: Path) -> None:
    robot = enroller()
    robot.show((1, WAVED))
    enroll(robot, 'wave')
    with GalleryStore(gallery_file) as store:
        store.rename('wave', 'hello')
    robot.spin_until(
        lambda: robot.said['action_gallery'][-1].templates[0].label == 'hello', 'it is said'
    )
    assert listed(robot) == {'hello': 1}


def test_foreign_gallery_file_is_moved_aside_with_a_message(
    enroller: Make, gallery_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    gallery_file.write_text('this is no database, and it is longer than a header of SQLite' * 3)
    robot = enroller()
    assert listed(robot) == {}
    assert 'moved to' in capfd.readouterr().err
    (aside,) = gallery_file.parent.glob('gallery.sqlite3.corrupt-*')
    assert aside.read_text().startswith('this is no database')
