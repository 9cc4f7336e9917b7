"""What the commands of `training` have in common: how they end, and what they refuse at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from skeleton_action_ros.core.errors import SkeletonActionError

FAILED, STOPPED = 1, 130
LARGEST_SEED = 2**32 - 1
"""That all generators of random numbers take."""


@contextmanager
def one_line(parser: argparse.ArgumentParser, stopped: str = 'stopped') -> Iterator[None]:
    """
    End a command with one line on stderr where it meets bad input, or Ctrl-C.

    :param stopped: what is said after Ctrl-C.
    """
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        parser.exit(STOPPED, f'{parser.prog}: {stopped}\n')
    except BrokenPipeError:
        # Whoever read the output has had enough (`| head`): what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        parser.exit(FAILED)
    except (SkeletonActionError, OSError) as error:
        parser.exit(FAILED, f'{parser.prog}: {" ".join(str(error).split())}\n')


def seed_number(text: str) -> int:
    """Read a seed from the command line, as a type of `argparse`."""
    try:
        found = int(text)
    except ValueError:
        found = -1
    if not 0 <= found <= LARGEST_SEED:
        raise argparse.ArgumentTypeError(
            f'a seed is a whole number from 0 to {LARGEST_SEED}, got {text!r}'
        )
    return found


def check_writable(folder: Path) -> None:
    """
    Find out whether a folder can be written, or made, before there is anything to write.

    :raises SkeletonActionError: it cannot; nothing is left behind.
    """
    whole = folder.absolute()
    there = next(place for place in (whole, *whole.parents) if place.exists())
    try:
        TemporaryFile(dir=there).close()
    except OSError as error:
        raise SkeletonActionError(
            f'{folder} must be a folder that can be written, got {there}: {error.strerror}'
        ) from None
