"""Simulated persons before a simulated sensor, with the truth of what they do."""

from skeleton_action_ros.core.simulation.action import Action
from skeleton_action_ros.core.simulation.actions import ACTIONS
from skeleton_action_ros.core.simulation.performance import (
    Performance,
    ShuffledScript,
    shuffled,
    simulate_action,
)
from skeleton_action_ros.core.simulation.person import Person, draw_person
from skeleton_action_ros.core.simulation.sensor import Sensor
from skeleton_action_ros.core.simulation.source import (
    SimulatedSource,
    SimulationConfig,
    source_from_config,
)

__all__ = [
    'ACTIONS',
    'Action',
    'Performance',
    'Person',
    'Sensor',
    'ShuffledScript',
    'SimulatedSource',
    'SimulationConfig',
    'draw_person',
    'shuffled',
    'simulate_action',
    'source_from_config',
]
