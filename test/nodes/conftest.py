"""ROS for the node tests: real DDS, on this machine only, in a domain of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from domains import free_domain

os.environ['ROS_DOMAIN_ID'] = str(free_domain())
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

if TYPE_CHECKING:
    from robots import Robot

    from skeleton_action_ros.nodes.base import ActionNode


@pytest.fixture(scope='session')
def ros(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Bring ROS up once; skip where there is none."""
    rclpy = pytest.importorskip('rclpy', reason='no ROS 2 here: make setup installs it')
    os.environ['ROS_LOG_DIR'] = str(tmp_path_factory.mktemp('log'))
    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


@pytest.fixture
def robot(ros: None) -> Iterator[Callable[..., Robot]]:
    """Make a robot of nodes, active and connected unless `active` is False."""
    from robots import Robot

    made: list[Robot] = []

    def make(*nodes: ActionNode, active: bool = True) -> Robot:
        one = Robot(*nodes)
        made.append(one)
        if active:
            one.wait_until_active()
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def pipeline(robot: Callable[..., Robot], tmp_path: Path) -> Callable[..., Robot]:
    """Make enroller, recognizer and window buffer around a model; parameters by node name."""
    from people import FakeModel
    from rclpy.parameter import Parameter

    from skeleton_action_ros.nodes.action_enroller import ActionEnrollerNode
    from skeleton_action_ros.nodes.action_recognizer import ActionRecognizerNode
    from skeleton_action_ros.nodes.window_buffer import WindowBufferNode

    def make(model: Any = None, **parameters: dict[str, Any]) -> Robot:
        # On a busy machine seconds may pass between two frames: nobody has left then.
        given: dict[str, dict[str, Any]] = {
            'action_enroller': {
                'gallery': str(tmp_path / 'gallery.sqlite3'),
                'enrollment.gone_after_s': 10.0,
            },
            'action_recognizer': {'recognition.forget_s': 30.0},
        }
        for name, values in parameters.items():
            given.setdefault(name, {}).update(values)

        def overrides(name: str) -> list[Parameter]:
            return [Parameter(key, value=value) for key, value in given.get(name, {}).items()]

        def load(_: Any) -> Any:
            return model or FakeModel()

        return robot(
            ActionEnrollerNode(load, parameter_overrides=overrides('action_enroller')),
            ActionRecognizerNode(load, parameter_overrides=overrides('action_recognizer')),
            WindowBufferNode(parameter_overrides=overrides('window_buffer')),
        )

    return make
