"""
Several processes of one training, started by `torchrun`: each draws batches of its own.

One step is then as many batches as there are processes, and their gradients are averaged; so the
weights stay the same everywhere. The first process measures, decides and writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import distributed, nn

from skeleton_action_ros.core.errors import ConfigError

T = TypeVar('T')

_SET_BY_TORCHRUN = ('RANK', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')


def started() -> int:
    """
    Return how many processes `torchrun` has started; 1 without it.

    :raises ConfigError: WORLD_SIZE, which it sets, is no such number.
    """
    text = os.environ.get('WORLD_SIZE', '1')
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ConfigError(
            f'WORLD_SIZE must be a whole number from 1, as torchrun sets, got {text!r}'
        )
    return int(text)


@contextmanager
def together(device: str) -> Iterator[str]:
    """
    Join the other processes of `torchrun`; alone, nothing happens.

    :param device: 'cpu' or 'cuda'.
    :return: the device of this process: each takes a GPU of its own.
    :raises ConfigError: `torchrun` sets more than is set, or there are fewer GPUs than processes.
    """
    count = started()
    if count == 1:
        yield device
        return
    lacking = [name for name in _SET_BY_TORCHRUN if name not in os.environ]
    if lacking:
        raise ConfigError(
            f'WORLD_SIZE is {count} and {", ".join(lacking)} not set: torchrun sets all of them; '
            'without it unset WORLD_SIZE'
        )
    on_gpu = device.startswith('cuda')
    if on_gpu:
        number, gpus = int(os.environ['LOCAL_RANK']), torch.cuda.device_count()
        if number >= gpus:
            raise ConfigError(
                f'process {number + 1} of this machine has no GPU: expected --nproc-per-node '
                f'{gpus} at most, as many as there are GPUs, or --device cpu'
            )
        device = f'cuda:{number}'
        torch.cuda.set_device(device)
    distributed.init_process_group('nccl' if on_gpu else 'gloo')
    try:
        yield device
        # The first one still writes: who left early and died of it would end that as well.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _joined() else 0


def size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _joined() else 1


def average_gradients(network: nn.Module) -> None:
    """Replace each gradient by its mean over all processes; what one does not use counts as 0."""
    if size() == 1:
        return
    for parameter in network.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= size()


def told_by_first(ask: Callable[[], T]) -> T:
    """Let the first process find something out, and return it in all of them."""
    if size() == 1:
        return ask()
    found = [ask() if rank() == 0 else None]
    distributed.broadcast_object_list(found)
    return found[0]  # type: ignore[return-value]


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
