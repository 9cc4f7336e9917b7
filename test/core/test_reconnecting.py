"""A live source whose device fails in every way that devices do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from skeleton_action_ros.core.acquisition import AcquisitionConfig, DeviceState
from skeleton_action_ros.core.errors import SourceError
from skeleton_action_ros.core.reconnecting import ReconnectingSource
from skeleton_action_ros.core.skeleton import Scene

SECOND = 10**9
FAST = AcquisitionConfig(retry_s=0.05, longest_retry_s=0.05)


class Device:
    """Delivers empty scenes at the given stamps, and then does what it is told."""

    live = True
    name = 'camera 7'

    def __init__(self, stamps: list[int], then: str) -> None:
        self._stamps = stamps
        self._then = then
        self._closed = threading.Event()
        self.refused: Counter[str] = Counter({'half_body': 1})

    def scenes(self) -> Iterator[Scene]:
        for stamp in self._stamps:
            yield Scene(stamp, ())
        if self._then == 'fail':
            raise SourceError('the cable is out')
        if self._then == 'os':
            raise OSError('no such device')
        if self._then == 'break':
            raise ZeroDivisionError
        if self._then == 'block':
            assert self._closed.wait(20.0), 'nobody closed it'

    def close(self) -> None:
        self._closed.set()


def reconnecting(
    devices: list[Device], steady_ns: Callable[[], int] = lambda: 0, config: object = FAST
) -> ReconnectingSource:
    rest = iter(devices[1:])
    return ReconnectingSource(devices[0], lambda: next(rest), config, steady_ns)


@pytest.mark.parametrize('then', ['fail', 'os', 'end'])
def test_a_device_that_fails_or_ends_is_opened_anew(then: str) -> None:
    source = reconnecting([Device([1, 2], then), Device([], then), Device([3], 'block')])
    scenes = source.scenes()
    assert [next(scenes).stamp_ns for _ in range(3)] == [1, 2, 3]
    assert source.state is DeviceState.RUNNING
    assert source.report()[2]['device.attempts'] == '3'
    assert source.refused == {'half_body': 3}
    source.close()
    assert list(scenes) == []


def test_a_bug_is_not_taken_for_a_lost_device() -> None:
    with pytest.raises(ZeroDivisionError):
        list(reconnecting([Device([1], 'break')]).scenes())


def test_a_device_that_cannot_be_made_again_is_tried_again() -> None:
    tries = []

    def make() -> Device:
        tries.append(1)
        if len(tries) == 1:
            raise SourceError('no camera 7')
        return Device([9], 'block')

    source = ReconnectingSource(Device([1], 'fail'), make, FAST, lambda: 0)
    scenes = source.scenes()
    assert [next(scenes).stamp_ns for _ in range(2)] == [1, 9]


def test_while_it_is_lost_the_reason_and_the_next_try_are_told() -> None:
    config = AcquisitionConfig(retry_s=30.0, longest_retry_s=30.0)
    source = reconnecting([Device([1], 'fail')], config=config)
    reader = threading.Thread(target=lambda: list(source.scenes()), daemon=True)
    reader.start()
    deadline = threading.Event()
    while source.state is not DeviceState.LOST:
        assert not deadline.wait(0.005)
        assert reader.is_alive()
    failure, _, facts = source.report()
    assert failure == 'the cable is out; tried 1 times, again in 30.0 s'
    assert facts['device'] == 'lost'
    source.close()
    reader.join(5.0)
    assert not reader.is_alive(), 'close ends the waiting'


def test_a_device_that_blocks_for_ever_is_closed_and_opened_anew() -> None:
    now_ns = [0]
    source = reconnecting([Device([1], 'block'), Device([2], 'end')], lambda: now_ns[0])
    scenes = source.scenes()
    assert next(scenes).stamp_ns == 1
    source.watch()
    assert source.state is DeviceState.RUNNING
    now_ns[0] = 2 * SECOND
    source.watch()
    assert source.state is DeviceState.SILENT
    assert source.report()[1] == 'nothing has come for 2.0 s'
    now_ns[0] = 5 * SECOND
    source.watch()
    assert source.state is DeviceState.LOST
    assert source.report()[0].startswith('nothing has come for 5.0 s')
    assert next(scenes).stamp_ns == 2


def test_a_closed_source_opens_nothing() -> None:
    source = reconnecting([Device([1], 'end')])
    source.close()
    assert list(source.scenes()) == []


def test_a_device_is_not_tried_in_a_busy_loop() -> None:
    """Without the waits, three hundred attempts would take no time."""
    attempts = []

    def make() -> Device:
        attempts.append(1)
        return Device([], 'fail')

    config = AcquisitionConfig(retry_s=0.2, longest_retry_s=0.2)
    source = ReconnectingSource(Device([], 'fail'), make, config, lambda: 0)
    reader = threading.Thread(target=lambda: list(source.scenes()), daemon=True)
    reader.start()
    reader.join(0.7)
    source.close()
    reader.join(5.0)
    assert 1 <= len(attempts) <= 4


def test_what_was_refused_is_counted_once_though_the_device_is_not_there_for_long() -> None:
    tries = []

    def make() -> Device:
        tries.append(1)
        if len(tries) < 4:
            raise SourceError('no camera 7')
        return Device([9], 'block')

    source = ReconnectingSource(Device([1], 'fail'), make, FAST, lambda: 0)
    scenes = source.scenes()
    assert [next(scenes).stamp_ns for _ in range(2)] == [1, 9]
    assert source.refused == {'half_body': 2}


def test_a_scene_of_a_device_that_was_given_up_is_not_taken_for_its_return() -> None:
    now_ns = [0]
    source = reconnecting([Device([1, 2], 'end'), Device([3], 'end')], lambda: now_ns[0])
    scenes = source.scenes()
    assert next(scenes).stamp_ns == 1
    now_ns[0] = 5 * SECOND
    source.watch()
    assert next(scenes).stamp_ns == 3
    assert source.report()[2]['device.attempts'] == '2'
