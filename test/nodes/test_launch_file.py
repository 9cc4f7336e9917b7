"""The launch file, run by the real `launch`; that is not on PyPI, so without a ROS 2 these skip."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('launch.actions', reason='no `launch` here: source a ROS 2 Jazzy to test it')
pytest.importorskip('launch_ros.actions', reason='no `launch_ros` here: source a ROS 2 Jazzy')
pytest.importorskip('onnx', reason='no `onnx` here, which makes the model: make setup-test')

import launch
from ament_index_python.packages import get_package_share_path
from bundles import motion_bundle
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

PATIENCE_S = 40.0
NODES = ('skeleton_source', 'window_buffer', 'action_recognizer', 'action_enroller')


def source() -> Any:
    path = get_package_share_path('skeleton_action_ros') / 'launch' / 'recognize.launch.py'
    return PythonLaunchDescriptionSource(str(path))


@pytest.fixture
def description() -> Any:
    return source().get_launch_description(launch.LaunchContext())


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return motion_bundle(tmp_path_factory.mktemp('models') / 'motion')


def nodes_of(description: Any, **arguments: str) -> list[Any]:
    """Visit a launch description without starting anything; return the nodes it would start."""
    context = launch.LaunchContext()
    context.launch_configurations.update(arguments)
    nodes: list[Any] = []
    for entity in description.entities:
        if isinstance(entity, OpaqueFunction):
            nodes += entity.execute(context)
        else:
            entity.visit(context)
    assert all(isinstance(node, Node) for node in nodes)
    return nodes


def test_arguments_are_named_and_described(description: Any) -> None:
    arguments = {item.name: item for item in description.get_launch_arguments()}
    assert set(arguments) == {
        'source',
        'path',
        'config',
        'model',
        'gallery',
        'namespace',
        'composed',
        'log_level',
        'autostart',
        'use_sim_time',
    }
    for name, argument in arguments.items():
        assert isinstance(argument, DeclareLaunchArgument)
        assert argument.default_value is not None, name
        assert argument.description not in ('', 'no description given'), name


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('source', 'camera'),
        ('composed', 'maybe'),
        ('log_level', 'loud'),
        ('autostart', '1'),
        ('use_sim_time', 'yes'),
    ],
)
def test_value_that_is_no_choice_is_refused(description: Any, name: str, value: str) -> None:
    with pytest.raises(RuntimeError, match=f'"{name}" provided value "{value}" is not valid'):
        nodes_of(description, **{name: value})


def test_config_that_is_no_file_is_refused(description: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"got '/nowhere/robot\.yaml'"):
        nodes_of(description, config='/nowhere/robot.yaml')


@pytest.mark.parametrize(('composed', 'executables'), [('true', ('recognize',)), ('false', NODES)])
def test_every_executable_is_installed(
    description: Any, composed: str, executables: tuple[str, ...]
) -> None:
    context = launch.LaunchContext()
    paths = []
    for node in nodes_of(description, composed=composed):
        program = launch.utilities.perform_substitutions(context, node.cmd[0])
        assert os.access(program, os.X_OK), program
        paths.append(Path(program).name)
    assert tuple(paths) == executables


@dataclass
class Launched:
    """What a launch did: exit code of the launch, those of its processes, what they wrote."""

    code: int
    processes: dict[str, int] = field(default_factory=dict)
    text: str = ''


def run(until: str, times: int = 1, **arguments: str) -> Launched:
    """Launch for real until the processes have written `until` so often, then shut down."""
    seen = Launched(code=-1)

    def on_output(event: Any) -> Any:
        before = seen.text.count(until)
        seen.text += event.text.decode()
        return Shutdown(reason='seen') if before < times <= seen.text.count(until) else None

    def on_exit(event: Any, _: Any) -> None:
        seen.processes[event.process_name.rsplit('-', 1)[0]] = event.returncode

    service = launch.LaunchService(noninteractive=True)
    service.include_launch_description(
        launch.LaunchDescription(
            [
                RegisterEventHandler(OnProcessIO(on_stdout=on_output, on_stderr=on_output)),
                RegisterEventHandler(OnProcessExit(on_exit=on_exit)),
                TimerAction(period=PATIENCE_S, actions=[Shutdown(reason='waited in vain')]),
                IncludeLaunchDescription(source(), launch_arguments=arguments.items()),
            ]
        )
    )
    seen.code = service.run()
    return seen


@pytest.mark.parametrize(
    ('composed', 'processes'),
    [('true', {'recognize': 0}), ('false', dict.fromkeys(NODES, 0))],
)
def test_nodes_start_in_a_namespace_and_end_cleanly(
    bundle: Path, tmp_path: Path, composed: str, processes: dict[str, int]
) -> None:
    # Left as they are, these would stop the launch: no file and no model of that name exist.
    config = tmp_path / 'robot.yaml'
    config.write_text(
        '/robot7/skeleton_source: {ros__parameters: {source: bag, path: /nowhere}}\n'
        '/**: {ros__parameters: {model: /nowhere}}\n'
    )
    launched = run(
        until=': active',
        times=len(NODES),
        composed=composed,
        config=str(config),
        namespace='robot7',
        source='simulated',
        model=str(bundle),
        gallery=str(tmp_path / 'gallery.sqlite3'),
    )
    assert launched.text.count(': active') == len(NODES), launched.text
    for name in NODES:
        assert f'[robot7.{name}]' in launched.text
    assert (launched.code, launched.processes) == (0, processes)
    assert (tmp_path / 'gallery.sqlite3').is_file()


@pytest.mark.parametrize(
    ('composed', 'others'),
    [('true', ()), ('false', ('skeleton_source', 'window_buffer', 'action_enroller'))],
)
def test_node_that_cannot_configure_takes_the_launch_down(
    tmp_path: Path, composed: str, others: tuple[str, ...]
) -> None:
    launched = run(
        until='never written',
        composed=composed,
        model='/nowhere',
        gallery=str(tmp_path / 'gallery.sqlite3'),
    )
    assert launched.code == 1
    assert "cannot configure: no model bundle '/nowhere'" in launched.text
    assert set(launched.processes) == set(others)  # ended too, some perhaps while starting
