"""Tells whether a greenlet is on its way on an event loop: it can only go on in the thread in which it began.

SQLAlchemy's asyncio runs each statement in a greenlet, which waits while the driver awaits the database. If another thread
runs the loop meanwhile, the statement fails ("cannot switch to a different thread"), and its connection is left half used.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

_DEEPEST = 100


def on_their_way(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a task of the loop waits inside a greenlet. May be called from any thread while nobody runs the loop.

    It looks at what each task awaits, so it sees what is in a coroutine or in an async generator's context manager.
    """
    module: Any = sys.modules.get("greenlet")
    return module is not None and any(_is_in_one(task.get_coro(), module.greenlet) for task in asyncio.all_tasks(loop))


def _is_in_one(awaited: Any, greenlet: type) -> bool:
    for _ in range(_DEEPEST):
        frame = _first_of(awaited, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            return False
        variables = frame.f_locals
        if any(isinstance(value, greenlet) for value in variables.values()):
            return True
        awaited = _first_of(awaited, "cr_await", "gi_yieldfrom", "ag_await")
        if awaited is not None and _first_of(awaited, "cr_frame", "gi_frame") is None:
            # the end of an async generator, which does not tell whose end it is; its context manager does
            awaited = getattr(variables.get("self"), "gen", None)
    return False


def _first_of(value: Any, *names: str) -> Any:
    return next((found for name in names if (found := getattr(value, name, None)) is not None), None)
