"""The moment at which a process outside Lambda waits for its jobs, before it exits.

The hooks of atexit come too late: the interpreter has closed its executors by then, and from 3.12 on it starts no
threads any more. Hooks of threading are called in the opposite order of their registration. concurrent.futures has
one, so it is imported first. A child of multiprocessing calls neither kind, but has hooks of its own.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - see above
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def at_exit(finish: Callable[[], None], *, forked: bool) -> None:
    """Have ``finish`` called while executors, asyncio and new threads can still be used."""
    done: list[bool] = []

    def once() -> None:
        if not done:
            done.append(True)
            finish()

    register = getattr(threading, "_register_atexit", None)
    try:
        if register is not None:
            register(once)
    except RuntimeError:
        pass  # the interpreter ends already
    atexit.register(once)
    if forked and "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize

        Finalize(None, once, exitpriority=100)
