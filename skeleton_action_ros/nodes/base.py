"""What all four nodes share: starting themselves, parameters, diagnostics, time, and bad input."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any, ParamSpec

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockChange, JumpThreshold, TimeJump
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import QoSProfile
from rclpy.timer import Timer

from skeleton_action_ros.core.errors import SkeletonActionError, reason_of
from skeleton_action_ros.nodes.health import INTERNAL_ERROR, Health
from skeleton_action_ros.nodes.parameters import check_change, declare_parameters, read_parameters

P = ParamSpec('P')

_DIAGNOSTICS_PERIOD_S = 1.0
_MOST_AT_ONCE = 100


class ActionNode(LifecycleNode):  # type: ignore[misc]
    """
    A lifecycle node that activates itself (parameter `autostart`) and reports on `/diagnostics`.

    A subclass overrides `setup`, `start`, `stop` and `teardown`, which may raise; an error in one
    of them is logged with its traceback and fails the transition. Callbacks given to `listen`,
    `every`, `serve` and `shielded` cannot bring the node down: an error is counted and reported,
    and the next message is awaited.

    :param config: dataclass of the node's parameters.
    :param live: beginnings of the names of parameters that may change while the node works.
    """

    def __init__(self, name: str, config: type[Any], live: tuple[str, ...] = (), **kwargs: Any):
        super().__init__(name, **kwargs)
        self._config_type = config
        self._live = live
        self._configured = False
        self._while_active: list[Callable[[], object]] = []
        self._announced: list[LifecyclePublisher] = []
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.health = Health()
        self.failed_to_start = False
        declare_parameters(self, config)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.add_post_set_parameters_callback(self._on_parameters_set)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_timer(
            _DIAGNOSTICS_PERIOD_S,
            self.shielded(self._publish_diagnostics),
            clock=self._steady_clock,
        )
        self._jump_handle = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._on_clock_jump,
        )
        if self.parameters().autostart:
            self._autostart = self.create_guard_condition(self._start_by_itself)
            self._autostart.trigger()

    def setup(self) -> None:
        """Read the parameters and make what does not depend on messages."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Cease to work; `start` may follow."""

    def teardown(self) -> None:
        """Give back what `setup` took; must bear to be called after a `setup` that failed."""

    def forget(self) -> None:
        """Clear every buffer: time has jumped back."""

    def reconfigure(self) -> None:
        """Take over live parameters that have changed."""

    def describe(self) -> None:
        """Bring `health` up to date; called before each report of a configured node."""

    def parameters(self) -> Any:
        """
        Build the node's configuration from its present parameters.

        :raises ConfigError: a value is outside its range.
        """
        return read_parameters(self, self._config_type)

    def now_ns(self) -> int:
        """Return the time of the node's clock, which follows `use_sim_time`."""
        return int(self.get_clock().now().nanoseconds)

    def steady_ns(self) -> int:
        """Return the time of a clock that never jumps."""
        return int(self._steady_clock.now().nanoseconds)

    def listen(
        self, kind: type[Any], topic: str, callback: Callable[[Any], None], qos: QoSProfile
    ) -> None:
        """
        Subscribe until the node is deactivated.

        All messages that wait are taken at once: an executor takes one each time it has gone
        through everything that a process waits for, which costs more than most callbacks.
        """
        take = self.shielded(callback)

        def take_all(message: Any) -> None:
            take(message)
            for _ in range(_MOST_AT_ONCE):
                with subscription.handle:
                    taken = subscription.handle.take_message(kind, False)
                if taken is None:
                    return
                take(taken[0])

        subscription = self.create_subscription(kind, topic, take_all, qos)
        self._while_active.append(partial(self.destroy_subscription, subscription))

    def every(self, period_s: float, callback: Callable[[], None]) -> Timer:
        """Call back periodically, by a clock that never jumps, until the node is deactivated."""
        timer = self.create_timer(period_s, self.shielded(callback), clock=self._steady_clock)
        self._while_active.append(partial(self.destroy_timer, timer))
        return timer

    def deferred(self, callback: Callable[[], None]) -> Callable[[], None]:
        """
        Return what, when called, has `callback` called soon, until the node is deactivated.

        Messages that wait are taken first; called several times meanwhile, it is called once.
        """
        guard = self.create_guard_condition(self.shielded(callback))
        self._while_active.append(partial(self.destroy_guard_condition, guard))
        return guard.trigger  # type: ignore[no-any-return]

    def serve(
        self,
        kind: type[Any],
        name: str,
        callback: Callable[[Any, Any], Any],
        group: CallbackGroup | None = None,
    ) -> None:
        """
        Offer a service until the node is deactivated.

        :param callback: takes request and response and returns the response, at once or as a
            coroutine. What it raises becomes `success` False with the error's text as `message`.
        :param group: for a coroutine that awaits something: a reentrant group, so that the node's
            other callbacks go on meanwhile.
        """

        async def answer(request: Any, response: Any) -> Any:
            try:
                answered = callback(request, response)
                return await answered if isawaitable(answered) else answered
            except SkeletonActionError as error:
                self.health.counts[f'{name.removeprefix("~/")}.refused.{reason_of(error)}'] += 1
                self.get_logger().info(f'{name} refused: {error}')
                _decline(response, str(error))
            except Exception as error:  # noqa: BLE001 - whoever called must not wait for ever
                self.count_internal_error(error)
                _decline(response, f'internal error: {error!r}')
            return response

        service = self.create_service(kind, name, answer, callback_group=group)
        self._while_active.append(partial(self.destroy_service, service))

    def announce(self, kind: type[Any], topic: str, qos: QoSProfile) -> LifecyclePublisher:
        """Advertise until the node is cleaned up; messages go out while it is active."""
        publisher = self.create_lifecycle_publisher(kind, topic, qos)
        self._announced.append(publisher)
        return publisher

    def shielded(self, callback: Callable[P, None]) -> Callable[P, None]:
        """Wrap a callback so that what it raises is counted and logged, and the node goes on."""

        def call(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                callback(*args, **kwargs)
            except SkeletonActionError as error:
                self.refuse(error)
            except Exception as error:  # noqa: BLE001 - a robot must not lose a node to one message
                self.count_internal_error(error)

        return call

    def refuse(self, error: SkeletonActionError) -> None:
        """Count bad input under its reason; log it unless the same was logged just now."""
        self.refuse_as(reason_of(error), str(error))

    def refuse_as(self, reason: str, message: str, times: int = 1) -> None:
        """Count bad input under `reason`; log it unless the same was logged just now."""
        line = self.health.refuse(reason, message, self.steady_ns(), times)
        if line:
            self.get_logger().warning(line)

    def count_internal_error(self, error: Exception) -> None:
        """Count what is no input's fault; log its traceback unless one was logged just now."""
        if self.health.refuse(INTERNAL_ERROR, repr(error), self.steady_ns()):
            self.get_logger().error(traceback.format_exc())

    def close(self) -> None:
        """Release everything, whatever the state; the node is not usable afterwards."""
        self._step_down(*([self.stop] if self._configured else []), self.teardown)
        self._jump_handle.unregister()
        self.destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self._step_up('configure', self.setup):
            self._step_down(self.teardown)
            return TransitionCallbackReturn.FAILURE
        self._configured = True
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        outcome = super().on_activate(state)
        if not self._step_up('activate', self.start):
            self._step_down(self.stop)
            super().on_deactivate(state)
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info('active')
        return outcome

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._step_down(self.stop)
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._step_down(self.teardown)
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._step_down(*([self.stop] if self._configured else []), self.teardown)
        return super().on_shutdown(state)

    def _step_up(self, name: str, step: Callable[[], None]) -> bool:
        """Take one step of starting; on an error say so and return False."""
        try:
            step()
        except SkeletonActionError as error:
            self.get_logger().error(f'cannot {name}: {error}')
            self.health.failure = f'cannot {name}: {error}'
            return False
        except Exception as error:  # noqa: BLE001 - rclpy would swallow it
            self.get_logger().error(f'cannot {name}: {traceback.format_exc()}')
            self.health.failure = f'cannot {name}: {error!r}'
            return False
        self.health.failure = ''
        return True

    def _step_down(self, *steps: Callable[[], None]) -> None:
        """Take steps of stopping; an error in one is logged and does not hinder the next."""
        while self._while_active:
            self._while_active.pop()()
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - stopping goes on
                self.get_logger().error(f'in {step.__name__}: {traceback.format_exc()}')
            if step == self.teardown:
                self._configured = False
                while self._announced:
                    self.destroy_lifecycle_publisher(self._announced.pop())

    def _start_by_itself(self) -> None:
        self.destroy_guard_condition(self._autostart)
        self.failed_to_start = (
            self.trigger_configure() != TransitionCallbackReturn.SUCCESS
            or self.trigger_activate() != TransitionCallbackReturn.SUCCESS
        )

    def _on_clock_jump(self, jump: TimeJump) -> None:
        if jump.clock_change in (
            ClockChange.ROS_TIME_ACTIVATED,
            ClockChange.ROS_TIME_DEACTIVATED,
        ):
            reason = f'the clock changed ({ClockChange(int(jump.clock_change)).name.lower()})'
        else:
            reason = f'the clock jumped back by {-jump.delta.nanoseconds / 1e9:.3f} s'
        self.jumped_back(reason)

    def jumped_back(self, reason: str) -> None:
        """Clear every buffer because time has jumped back."""
        self.health.counts['time_jumps'] += 1
        if self._configured:
            self.get_logger().info(f'{reason}: buffers are cleared')
            self.shielded(self.forget)()

    def _on_set_parameters(self, changes: list[RosParameter]) -> SetParametersResult:
        return check_change(
            self._config_type, changes, configured=self._configured, live=self._live
        )

    def _on_parameters_set(self, changes: list[RosParameter]) -> None:
        if (
            self._configured
            and self._live
            and any(change.name.startswith(self._live) for change in changes)
        ):
            self.shielded(self.reconfigure)()

    def _publish_diagnostics(self) -> None:
        if self._configured:
            self.describe()
        self.health.facts['state'] = self._state_machine.current_state[1]
        level, line, values = self.health.report(self.steady_ns())
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        message.status = [
            DiagnosticStatus(
                level=bytes([level]),
                name=self.get_fully_qualified_name(),
                message=line,
                hardware_id='',
                values=[KeyValue(key=key, value=value) for key, value in values.items()],
            )
        ]
        self._diagnostics.publish(message)


def _decline(response: Any, why: str) -> None:
    """Say no, in a response that can; one that cannot stays empty."""
    if hasattr(response, 'success'):
        response.success, response.message = False, why
