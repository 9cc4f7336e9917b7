"""Worker processes that do not outlive who started them."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """
    End this process when its parent ends, however that ends; for a pool's `initializer`.

    A parent killed at once cannot tell its workers, which would wait for work for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError('end_with_parent is for processes that multiprocessing started')

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
