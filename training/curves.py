"""Curves of a run for TensorBoard: `--tensorboard`, then `tensorboard --logdir out/training`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from skeleton_action_ros.core.errors import SkeletonActionError


class Curves:
    """
    Loss, learning rate and validation accuracy by step; use it with `with`.

    :param folder: where the events go.
    :param step: the last one of a run that goes on; what was drawn after it is taken back.
    :raises SkeletonActionError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        check_tensorboard()
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(folder, purge_step=step + 1)

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Draw one step, counted from 1."""
        self._draw('loss', loss, step)
        self._draw('learning_rate', learning_rate, step)

    def validation(self, step: int, accuracy: float) -> None:
        """Draw one measurement on what was kept to select on."""
        self._draw('validation_accuracy', accuracy, step)

    def _draw(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)


def check_tensorboard() -> None:
    """
    Find out whether curves can be drawn, before there are any.

    :raises SkeletonActionError: TensorBoard is not installed.
    """
    try:
        import torch.utils.tensorboard.writer  # noqa: F401
    except ImportError:
        raise SkeletonActionError(
            "there is no TensorBoard here: it is in this package's extra 'train'"
        ) from None
