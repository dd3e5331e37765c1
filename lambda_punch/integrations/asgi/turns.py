"""One asyncio loop, run by two threads in turn: the runtime's main thread for requests, the drain's for their tails.

The tail of a request (what it does after its response) belongs to the loop that the request ran on, with its locks,
connections and worker threads. The adapter (Mangum) runs that loop only while it handles a request; in between, the
drain's thread does. A tail may outlast its invoke (it is frozen while it runs, or the platform does not freeze), so a
request can come while the drain runs the loop. asyncio would refuse it. Here the request goes first: the drain gives the
loop up at the next chance, the tail goes on beside the request, and the drain gets the loop back after the response.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATTRIBUTE = "_lambda_punch_turns"


class Turns:
    """Whose turn it is to run one loop. It replaces ``run_until_complete`` and ``close`` of this one loop object."""

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Turns:
        """Return the loop's turns, made at the first call."""
        found: Turns | None = getattr(loop, _ATTRIBUTE, None)
        return found if found is not None else cls(loop)

    @classmethod
    def are_known(cls, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether this loop was seen before."""
        return hasattr(loop, _ATTRIBUTE)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pid = os.getpid()
        self._run = loop.run_until_complete
        self._close = loop.close
        self._changed = threading.Condition()
        self._taken = False
        self._requests = 0  # threads that want to run the loop for a request
        self._end: asyncio.Future[None] | None = None  # ends the drain's turn
        self._left: dict[asyncio.Task[None], Callable[[], None]] = {}
        setattr(loop, _ATTRIBUTE, self)
        loop.run_until_complete = self._run_first  # type: ignore[method-assign]  # the adapter calls it
        loop.close = self._finish_and_close  # type: ignore[method-assign]  # so does the code that ends the loop

    def leave(self, task: asyncio.Task[None], go_on: Callable[[], None]) -> None:
        """Note a task that is left behind a response; ``go_on`` opens its gate. On the loop's thread."""
        self._left[task] = go_on
        task.add_done_callback(self._forget)

    def drive(self, task: asyncio.Task[None], go_on: Callable[[], None]) -> None:
        """Run the loop until ``task`` is done, letting requests go first; then raise its error, if it has one.

        Call it from any thread but the one that handles requests. In a forked child it raises at once: the loop's
        selector and worker threads are the parent's.
        """
        if os.getpid() != self._pid:
            raise RuntimeError(
                "the work after this request's response had not begun before the shutdown, and an event loop cannot go on "
                "in another process"
            )
        if not task.done():
            self._loop.call_soon_threadsafe(go_on)
        while not task.done():
            with self._turn():
                if task.done():
                    break
                self._end = self._loop.create_future()
                try:
                    self._run(self._end)
                finally:
                    self._end = None
        task.result()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._left.pop(task, None)
        self._let_go()

    def _let_go(self) -> None:
        """End the drain's turn, if it is its turn; on the loop's thread."""
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._taken and not self._requests)
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    def _run_first(self, future: Any) -> Any:
        """Stand in for ``loop.run_until_complete``."""
        with self._changed:
            self._requests += 1
            if self._taken:
                self._loop.call_soon_threadsafe(self._let_go)
            self._changed.wait_for(lambda: not self._taken)
            self._requests -= 1
            self._taken = True
        try:
            return self._run(future)
        finally:
            self._give_back()

    def _give_back(self) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()

    def _finish_and_close(self) -> None:
        """Stand in for ``loop.close``: the tails would be lost with the loop, so they are done now."""
        if self._left and not self._loop.is_running():
            logger().warning(
                "the adapter closes its event loop after a request, so the work that %d requests left behind is done before the "
                "response; use an adapter that keeps its loop, such as Mangum",
                len(self._left),
            )
            for go_on in self._left.values():
                go_on()
            self._run_first(asyncio.wait(list(self._left)))
        self._close()
