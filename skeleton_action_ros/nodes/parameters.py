"""ROS parameters out of configuration dataclasses: type, range and description stand there only."""

from __future__ import annotations

import sys
from typing import TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from skeleton_action_ros.core.config import Parameter, build, parameters_of
from skeleton_action_ros.core.errors import ConfigError

T = TypeVar('T')

_LARGEST_INT = 2**63 - 1


def descriptor_of(parameter: Parameter) -> ParameterDescriptor:
    """Describe a parameter to ROS: sentence with unit, range, and the choices as constraints."""
    unit = f' [{parameter.unit}]' if parameter.unit else ''
    descriptor = ParameterDescriptor(description=f'{parameter.description}{unit}')
    if parameter.choices:
        descriptor.additional_constraints = f'one of {", ".join(parameter.choices)}'
    if parameter.low is None and parameter.high is None:
        return descriptor
    if isinstance(parameter.default, int):
        descriptor.integer_range = [
            IntegerRange(
                from_value=int(-_LARGEST_INT if parameter.low is None else parameter.low),
                to_value=int(_LARGEST_INT if parameter.high is None else parameter.high),
            )
        ]
    else:
        descriptor.floating_point_range = [
            FloatingPointRange(
                from_value=-sys.float_info.max if parameter.low is None else parameter.low,
                to_value=sys.float_info.max if parameter.high is None else parameter.high,
            )
        ]
    return descriptor


def declare_parameters(node: Node, config: type) -> None:
    """
    Declare every setting of a configuration dataclass.

    :raises ConfigError: a parameter file or argument gives a value of the wrong type or range.
    """
    for parameter in parameters_of(config):
        try:
            node.declare_parameter(parameter.name, parameter.default, descriptor_of(parameter))
        except InvalidParameterTypeException:
            kind = type(parameter.default).__name__
            hint = ' (write 1.0, not 1)' if kind == 'float' else ''
            raise ConfigError(
                f'parameter {parameter.name} must be {kind}{hint}: {parameter.description}'
            ) from None
        except InvalidParameterValueException as error:
            raise ConfigError(f'parameter {parameter.name}: {error}') from None
    read_parameters(node, config)


def read_parameters(node: Node, config: type[T]) -> T:
    """
    Build the configuration from the present parameters.

    :raises ConfigError: a value is outside its range or choices.
    """
    return build(
        config,
        {item.name: node.get_parameter(item.name).value for item in parameters_of(config)},
    )


def check_change(
    config: type, changes: list[RosParameter], *, configured: bool, live: tuple[str, ...]
) -> SetParametersResult:
    """
    Judge a change of parameters at run time.

    :param configured: the node has read its parameters already.
    :param live: beginnings of the names that take effect at once even then.
    """
    known = {item.name: item for item in parameters_of(config)}
    for change in changes:
        if change.name not in known:
            continue
        try:
            known[change.name].check(change.value)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if configured and not change.name.startswith(live):
            return SetParametersResult(
                successful=False,
                reason=f'{change.name} is read when the node configures: clean the node up, set '
                'it, then configure and activate again',
            )
    return SetParametersResult(successful=True)
