"""Lifecycle, parameters, quality of service, time: what every node has."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip('rclpy')

import yaml
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from people import FakeModel, circling
from rcl_interfaces.msg import ParameterType
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from robots import Robot, is_active, state_of
from rosgraph_msgs.msg import Clock

from skeleton_action_ros.core.config import parameters_of
from skeleton_action_ros.core.errors import BundleError, ConfigError
from skeleton_action_ros.nodes.action_enroller import ActionEnrollerNode
from skeleton_action_ros.nodes.action_recognizer import ActionRecognizerNode
from skeleton_action_ros.nodes.configuration import PARAMETERS
from skeleton_action_ros.nodes.skeleton_source import SkeletonSourceNode
from skeleton_action_ros.nodes.window_buffer import WindowBufferNode

if TYPE_CHECKING:
    Make = Callable[..., Robot]

CONFIG = Path(__file__).resolve().parents[2] / 'config' / 'recognize.yaml'
NAMES = tuple(PARAMETERS)


@pytest.fixture
def node_of(tmp_path: Path) -> Callable[..., Any]:
    """Make one of the four nodes by its name, with parameters."""

    def make(name: str, load: Any = lambda _: FakeModel(), **parameters: Any) -> Any:
        if name == 'action_enroller':
            parameters.setdefault('gallery', str(tmp_path / 'gallery.sqlite3'))
        overrides = [Parameter(key, value=value) for key, value in parameters.items()]
        if name == 'action_enroller':
            return ActionEnrollerNode(load, parameter_overrides=overrides)
        if name == 'action_recognizer':
            return ActionRecognizerNode(load, parameter_overrides=overrides)
        kind = {'skeleton_source': SkeletonSourceNode, 'window_buffer': WindowBufferNode}[name]
        return kind(parameter_overrides=overrides)

    return make


@pytest.mark.parametrize('name', NAMES)
def test_node_activates_itself_when_it_spins(robot: Make, node_of: Any, name: str) -> None:
    one = robot(node_of(name), active=False)
    assert state_of(one.nodes[0]) == 'unconfigured'
    one.spin_until(lambda: is_active(one.nodes[0]), 'it is active')


@pytest.mark.parametrize('name', NAMES)
def test_node_goes_through_all_transitions_when_told_to(
    robot: Make, node_of: Any, name: str
) -> None:
    one = robot(node_of(name, autostart=False), active=False)
    one.spin_for(0.1)
    assert state_of(one.nodes[0]) == 'unconfigured'
    for transition, state in (
        (Transition.TRANSITION_CONFIGURE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
        (Transition.TRANSITION_DEACTIVATE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
        (Transition.TRANSITION_DEACTIVATE, 'inactive'),
        (Transition.TRANSITION_CLEANUP, 'unconfigured'),
        (Transition.TRANSITION_CONFIGURE, 'inactive'),
        (Transition.TRANSITION_ACTIVATE, 'active'),
        (Transition.TRANSITION_ACTIVE_SHUTDOWN, 'finalized'),
    ):
        answer = one.call(ChangeState, f'{name}/change_state', transition=Transition(id=transition))
        assert answer.success
        assert one.call(GetState, f'{name}/get_state').current_state.label == state


def test_pipeline_works_again_after_a_cleanup(pipeline: Make) -> None:
    robot = pipeline()
    for node in robot.nodes:
        node.trigger_deactivate()
        node.trigger_cleanup()
        node.trigger_configure()
        node.trigger_activate()
    robot.wait_until_active()
    robot.show((1, circling([], 1.0, start_s=100.0)))
    robot.spin_until(lambda: robot.said['actions'], 'persons are recognised')


def test_failed_configuration_is_explained_and_can_be_repeated(
    robot: Make, node_of: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    outcomes: list[Any] = [BundleError('the hash is wrong'), RuntimeError('a bug'), FakeModel()]

    def load(_: Any) -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    one = robot(node_of('action_recognizer', load, autostart=False), active=False)
    node = one.nodes[0]
    node.trigger_configure()
    assert state_of(node) == 'unconfigured'
    assert 'the hash is wrong' in one.diagnosis('action_recognizer')[1]
    assert one.diagnosis('action_recognizer')[0] == b'\x02'
    node.trigger_configure()
    assert state_of(node) == 'unconfigured'
    logged = capfd.readouterr().err
    assert 'cannot configure: the hash is wrong' in logged
    assert 'Traceback' in logged
    node.trigger_configure()
    assert state_of(node) == 'inactive'
    assert one.diagnosis('action_recognizer')[0] == b'\x00'


@pytest.mark.parametrize('name', NAMES)
def test_parameters_are_described_with_type_range_and_choices(
    robot: Make, node_of: Any, name: str
) -> None:
    node = robot(node_of(name, autostart=False), active=False).nodes[0]
    types = {
        bool: ParameterType.PARAMETER_BOOL,
        int: ParameterType.PARAMETER_INTEGER,
        float: ParameterType.PARAMETER_DOUBLE,
        str: ParameterType.PARAMETER_STRING,
    }
    for parameter in parameters_of(PARAMETERS[name]):
        descriptor = node.describe_parameter(parameter.name)
        assert descriptor.type == types[type(parameter.default)]
        assert descriptor.description.startswith(parameter.description)
        if parameter.low is not None:
            ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
            assert ranges[0].from_value == parameter.low
        for choice in parameter.choices:
            assert choice in descriptor.additional_constraints


def test_range_and_choices_as_ros_shows_them(robot: Make, node_of: Any) -> None:
    node = robot(node_of('skeleton_source', autostart=False), active=False).nodes[0]
    rate = node.describe_parameter('rate').floating_point_range[0]
    assert (rate.from_value, rate.to_value) == (0.01, 100.0)
    choices = node.describe_parameter('source').additional_constraints
    assert choices == (
        'one of simulated, clips, bag, azure_kinect, k4abt_json, rgb, markers, topic, tf, yolo'
    )
    assert node.describe_parameter('max_lag_s').description.endswith('[s]')


@pytest.mark.parametrize(
    ('name', 'parameter', 'value', 'expected'),
    [
        ('skeleton_source', 'source', 'kinect', "one of ['simulated'"),
        ('skeleton_source', 'rate', -1.0, '-1'),
        ('skeleton_source', 'rate', 2, 'write 1.0, not 1'),
        ('window_buffer', 'windows.duration_s', 1000.0, '1000'),
        ('action_recognizer', 'threads', 0, '0'),
        ('action_recognizer', 'recognition.decision.settle_s', 'soon', 'settle_s must be float'),
        ('action_enroller', 'autostart', 'yes', 'autostart must be bool'),
    ],
)
def test_bad_value_at_start_is_quoted(
    ros: None, node_of: Any, name: str, parameter: str, value: Any, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        node_of(name, **{parameter: value})
    assert parameter in str(caught.value)
    assert expected in str(caught.value)


def test_parameters_change_only_before_configuring_unless_live(robot: Make, node_of: Any) -> None:
    one = robot(node_of('action_recognizer', autostart=False), active=False)
    node = one.nodes[0]

    def reason(parameter: str, value: Any) -> str:
        (result,) = node.set_parameters([Parameter(parameter, value=value)])
        return str(result.reason)

    assert reason('threads', 2) == ''
    assert 'range' in reason('threads', 0)
    node.trigger_configure()
    assert 'read when the node configures' in reason('threads', 4)
    assert node.get_parameter('threads').value == 2
    assert reason('recognition.threshold', 0.8) == ''
    assert 'range' in reason('recognition.threshold', 1.5)
    node.trigger_cleanup()
    assert reason('threads', 4) == ''


def test_choice_is_checked_at_run_time(robot: Make, node_of: Any) -> None:
    node = robot(node_of('skeleton_source', autostart=False), active=False).nodes[0]
    (result,) = node.set_parameters([Parameter('source', value='kinect')])
    assert not result.successful
    assert "'kinect'" in result.reason


def test_quality_of_service_is_as_documented(pipeline: Make, node_of: Any) -> None:
    robot = pipeline()
    reliable, best_effort = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
    offered = {
        publisher.topic_name: publisher.qos_profile
        for node in robot.nodes
        for publisher in node.publishers
    }
    asked = {
        subscription.topic_name: subscription.qos_profile
        for node in robot.nodes
        for subscription in node.subscriptions
    }
    assert (asked['/skeletons'].reliability, asked['/skeletons'].depth) == (best_effort, 5)
    for profile in (offered['/skeleton_windows'], asked['/skeleton_windows']):
        assert (profile.reliability, profile.depth) == (reliable, 64)
    for topic in ('/actions', '/action_events', '/action_label'):
        assert (offered[topic].reliability, offered[topic].depth) == (reliable, 10)
    for profile in (offered['/action_gallery'], asked['/action_gallery']):
        assert profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        assert profile.reliability == reliable


@pytest.mark.parametrize('name', NAMES)
def test_topics_and_services_are_in_the_namespace(robot: Make, tmp_path: Path, name: str) -> None:
    kinds = {
        'skeleton_source': lambda **k: SkeletonSourceNode(**k),
        'window_buffer': lambda **k: WindowBufferNode(**k),
        'action_recognizer': lambda **k: ActionRecognizerNode(lambda _: FakeModel(), **k),
        'action_enroller': lambda **k: ActionEnrollerNode(lambda _: FakeModel(), **k),
    }
    overrides = (
        [Parameter('gallery', value=str(tmp_path / 'g.sqlite3'))] if 'enroller' in name else []
    )
    node = kinds[name](namespace='/robot1', parameter_overrides=overrides)
    one = robot(node, active=False)
    one.spin_until(lambda: is_active(node), 'it is active')
    topics = {item.topic_name for item in (*node.publishers, *node.subscriptions)}
    outside = {topic for topic in topics if not topic.startswith('/robot1/')}
    assert outside <= {'/diagnostics', '/rosout', '/parameter_events'}
    served: list[str] = []
    one.spin_until(lambda: served or served.extend(_served(one, name)), 'services are announced')
    assert all(service.startswith('/robot1/') for service in served)
    if name == 'action_enroller':
        one.spin_until(lambda: '/robot1/enroll_action' in _served(one, name), 'it is offered')


def _served(robot: Robot, name: str) -> list[str]:
    if (name, '/robot1') not in robot.node.get_node_names_and_namespaces():
        return []
    return [item for item, _ in robot.node.get_service_names_and_types_by_node(name, '/robot1')]


def test_clock_that_jumps_back_clears_the_buffers(pipeline: Make) -> None:
    sim = {'use_sim_time': True}
    robot = pipeline(window_buffer=sim, action_recognizer=sim, action_enroller=sim)
    clock = robot.node.create_publisher(Clock, '/clock', 1)
    robot.spin_until(lambda: clock.get_subscription_count() == 3, 'the clock is heard')

    def set_time(seconds: int) -> None:
        message = Clock()
        message.clock.sec = seconds
        clock.publish(message)
        robot.spin_until(
            lambda: all(node.now_ns() == seconds * 10**9 for node in robot.nodes), 'time is set'
        )

    set_time(100)
    robot.show((1, circling([], 1.0, start_s=100.0)))
    assert robot.diagnosis('window_buffer', 'people') == '1'
    jumps = {node.get_name(): node.health.counts['time_jumps'] for node in robot.nodes}
    set_time(50)
    for node in robot.nodes:
        assert node.health.counts['time_jumps'] == jumps[node.get_name()] + 1
    assert robot.diagnosis('window_buffer', 'people') == '0'
    assert robot.diagnosis('action_enroller', 'people') == '0'


def test_watchdog_stands_still_while_simulated_time_does(pipeline: Make) -> None:
    sim = {'use_sim_time': True}
    one_second = {**sim, 'recognition.forget_s': 1.0}
    robot = pipeline(window_buffer=sim, action_recognizer=one_second, action_enroller=sim)
    clock = robot.node.create_publisher(Clock, '/clock', 1)
    robot.spin_until(lambda: clock.get_subscription_count() == 3, 'the clock is heard')
    message = Clock()
    message.clock.sec = 100
    clock.publish(message)
    robot.spin_until(lambda: robot.nodes[1].now_ns() > 0, 'time is set')
    robot.show((1, circling([], 1.0, start_s=100.0)))
    began_s = time.monotonic()
    robot.spin_for(1.3)
    assert time.monotonic() - began_s > 1.2
    assert 1 in robot.nodes[1]._recognizer._people


@pytest.mark.parametrize('name', NAMES)
def test_diagnostics_come_once_a_second_and_say_the_state(
    robot: Make, node_of: Any, name: str
) -> None:
    one = robot(node_of(name), active=False)
    one.spin_until(lambda: one.said['diagnostics'], f'{name} reports', 2.0)
    (status,) = one.said['diagnostics'][0].status
    values = {item.key: item.value for item in status.values}
    assert (status.name, status.level, values['state']) == (f'/{name}', b'\x00', 'active')


def test_every_key_of_the_parameter_file_is_declared() -> None:
    sections = yaml.safe_load(CONFIG.read_text(encoding='utf-8'))
    assert sections
    for section, content in sections.items():
        known = {item.name: item for item in parameters_of(PARAMETERS[section.split('/')[-1]])}
        for name, value in _flat(content['ros__parameters']).items():
            known[name].check(value)
            assert value != known[name].default or name == 'source'


def test_every_commented_key_of_the_parameter_file_is_declared() -> None:
    text = CONFIG.read_text(encoding='utf-8')
    commented = [line[2:] for line in text.splitlines() if line.startswith(('# /**', '#   '))]
    sections = yaml.safe_load('\n'.join(line for line in commented if 'ros2 param' not in line))
    for section, content in sections.items():
        known = {item.name: item for item in parameters_of(PARAMETERS[section.split('/')[-1]])}
        for name, value in _flat(content['ros__parameters']).items():
            known[name].check(value)


def _flat(tree: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = value
    return flat
