"""The actions the simulated person knows, by name."""

from __future__ import annotations

from skeleton_action_ros.core.errors import ConfigError
from skeleton_action_ros.core.simulation.action import Action
from skeleton_action_ros.core.simulation.arm_actions import ARM_ACTIONS
from skeleton_action_ros.core.simulation.body_actions import BODY_ACTIONS

ACTIONS: dict[str, Action] = {action.name: action for action in (*ARM_ACTIONS, *BODY_ACTIONS)}


def get_action(name: str) -> Action:
    """
    Look an action up by its name.

    :raises ConfigError: the simulated person knows none of that name.
    """
    try:
        return ACTIONS[name]
    except KeyError:
        raise ConfigError(
            f'the simulated person knows no action {name!r}: expected one of {", ".join(ACTIONS)}'
        ) from None
