"""
Recognise taught actions: the four nodes of skeleton_action_ros, in one process or in four.

An argument that is left empty stays as the parameter file says; one that is given beats the file. A
node that ends on its own takes the launch down, with exit code 1 when it failed.
"""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_path
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from skeleton_action_ros.nodes.configuration import PARAMETERS, SOURCES

PACKAGE = 'skeleton_action_ros'
AS_CONFIGURED = ''

# Launch argument -> the nodes that have a parameter of that name.
OVERRIDES = {
    'source': ('skeleton_source',),
    'path': ('skeleton_source',),
    'model': ('action_recognizer', 'action_enroller'),
    'gallery': ('action_enroller',),
}


def generate_launch_description() -> LaunchDescription:
    config = get_package_share_path(PACKAGE) / 'config' / 'recognize.yaml'
    truth = ['true', 'false']
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'source',
                default_value=AS_CONFIGURED,
                choices=[AS_CONFIGURED, *SOURCES],
                description='Where skeletons come from.',
            ),
            DeclareLaunchArgument(
                'path',
                default_value=AS_CONFIGURED,
                description='File, folder or stream that the source reads.',
            ),
            DeclareLaunchArgument(
                'config', default_value=str(config), description='ROS parameter file of all nodes.'
            ),
            DeclareLaunchArgument(
                'model',
                default_value=AS_CONFIGURED,
                description='Model bundle: the name of one that is installed, or a folder.',
            ),
            DeclareLaunchArgument(
                'gallery',
                default_value=AS_CONFIGURED,
                description='File that keeps what the robot was taught.',
            ),
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='ROS namespace of all nodes, topics and services.',
            ),
            DeclareLaunchArgument(
                'composed',
                default_value='true',
                choices=truth,
                description='All nodes in one process (true), or one process each (false).',
            ),
            DeclareLaunchArgument(
                'log_level',
                default_value='info',
                choices=['debug', 'info', 'warn', 'error', 'fatal'],
                description='Least severe message that is logged.',
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='true',
                choices=truth,
                description='Nodes configure and activate themselves, else ros2 lifecycle does.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='false',
                choices=truth,
                description='Take the time from /clock.',
            ),
            # A function, because an argument that is left empty must set no parameter at all.
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    config = Path(_value(context, 'config')).expanduser()
    if not config.is_file():
        raise FileNotFoundError(f'config must be a ROS parameter file, got {str(config)!r}')
    given = {name: _value(context, name) for name in OVERRIDES}
    given = {name: value for name, value in given.items() if value != AS_CONFIGURED}
    switches = {name: _value(context, name) == 'true' for name in ('autostart', 'use_sim_time')}
    common = {
        'package': PACKAGE,
        'namespace': _value(context, 'namespace'),
        'ros_arguments': ['--log-level', _value(context, 'log_level')],
        'output': 'screen',
        'on_exit': _end,
    }
    if _value(context, 'composed') == 'true':
        # As arguments: a rule for all nodes of a process loses against a file's section for one.
        arguments = [f'--{name}={value}' for name, value in given.items()]
        parameters = [str(config), switches]
        return [Node(executable='recognize', arguments=arguments, parameters=parameters, **common)]
    return [
        Node(
            executable=name,
            name=name,
            parameters=[
                str(config),
                switches | {key: value for key, value in given.items() if name in OVERRIDES[key]},
            ],
            **common,
        )
        for name in PARAMETERS
    ]


def _value(context: LaunchContext, name: str) -> str:
    return str(LaunchConfiguration(name).perform(context))


def _end(event: ProcessExited, context: LaunchContext) -> Shutdown | None:
    """End the rest when one process has ended; raising makes `ros2 launch` exit with 1."""
    if context.is_shutdown:
        return None
    if event.returncode != 0:
        raise RuntimeError(
            f'{event.process_name} ended with exit code {event.returncode}; its message is above'
        )
    return Shutdown(reason=f'{event.process_name} ended')
