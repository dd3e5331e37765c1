"""One event loop of the application, run by two threads in turn: the runtime's main thread for requests, the drain's for jobs.

What belongs to a request's loop (a coroutine pushed there, the tail of an ASGI response, a task that the application has
begun) shares its locks, connections and worker threads, and can only go on there. The application runs that loop only
while it handles a request; in between, the drain's thread does. A job may outlast its invoke (it is frozen while it runs, or
the platform does not freeze), so a request can come while the drain runs the loop. asyncio would refuse it. Here the request
goes first: the drain gives the loop up at the next chance, the job goes on beside the request, and the drain gets the loop
back after the response.

Greenlets (SQLAlchemy's asyncio has one for each statement) cannot change their thread. So a thread that is about to leave the
loop to another one first runs it until none is on its way, for a second at most.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.errors import EventLoopError
from lambda_punch.runtime.clock import now
from lambda_punch.runtime.greenlets import on_their_way

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextvars import Context

_ATTRIBUTE = "_lambda_punch_turns"
_LOOK = 0.5  # seconds between two looks whether a loop that another thread runs still lives
_STEP = 0.001  # seconds between two looks whether a greenlet is still on its way
_STEPS = 1000  # such looks at most; counted, because the clock goes on while the environment is frozen


class Turns:
    """Whose turn it is to run one loop. It replaces ``run_until_complete`` and ``close`` of this one loop object."""

    _told_of_close = False

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
        self._run = loop.run_until_complete
        self._close = loop.close
        self._changed = threading.Condition()
        self._taken = False
        self._requests = 0  # threads that want to run the loop for a request
        self._end: asyncio.Future[None] | None = None  # ends the drain's turn
        self._left: dict[asyncio.Task[None], Callable[[], None]] = {}
        self._ran_in = threading.main_thread().ident  # the thread that ran the loop last
        setattr(loop, _ATTRIBUTE, self)
        loop.run_until_complete = self._run_first  # type: ignore[method-assign]  # the adapter calls it
        loop.close = self._finish_and_close  # type: ignore[method-assign]  # so does the code that ends the loop

    def leave(self, task: asyncio.Task[None], go_on: Callable[[], None]) -> None:
        """Note a task that is left behind a response; ``go_on`` opens its gate. On the loop's thread."""
        self._left[task] = go_on
        task.add_done_callback(self._forget)

    def settle(self, until: float) -> None:
        """Run the loop until no greenlet of this thread is on its way, but not past ``until`` (epoch seconds).

        For the thread that handles requests, before the drain runs the loop.
        """
        if self._ran_in == threading.get_ident() and not self._loop.is_closed() and not self._loop.is_running():
            for _ in self._while_greenlets():
                if now() >= until:
                    break
                self._run_first(asyncio.sleep(_STEP))

    def run(self, awaitable: Awaitable[Any], context: Context | None) -> Any:
        """Await something on this loop; return its result or raise its error, whatever it is.

        Call it from any thread but the one that handles requests. Raises EventLoopError if the loop is closed meanwhile.
        """
        outcome: concurrent.futures.Future[tuple[BaseException | None, Any]] = concurrent.futures.Future()

        async def to_its_end() -> None:
            error: BaseException | None = None
            value = None
            try:
                value = await awaitable
            except BaseException as raised:  # noqa: BLE001 - a SystemExit that leaves a task would end the loop
                error = raised
            try:
                if not outcome.done():  # noqa: F821 - it is deleted below, when this is over
                    outcome.set_result((error, value))  # noqa: F821 - as above
            finally:
                del error  # it holds this frame
            self.let_go()

        def begin() -> None:
            task = self._loop.create_task(to_its_end())
            kept.append(task)  # a loop has weak references only

        kept: list[asyncio.Task[None]] = []
        try:
            self._loop.call_soon_threadsafe(begin, context=context)
        except RuntimeError as error:
            raise EventLoopError("its event loop was closed before it began") from error
        self.drive(outcome.done)
        raised, value = outcome.result(0)
        try:
            if raised is not None:
                raise raised
            return value
        finally:
            del raised, outcome  # they hold this frame, and so all that the job had

    def drive(self, is_done: Callable[[], bool], until: float = float("inf")) -> None:
        """Run the loop until ``is_done()`` or ``until`` (epoch seconds), letting requests go first.

        Whatever makes it done calls let_go() on the loop. If another thread runs the loop all the time, wait for that.
        Raises EventLoopError if the loop is closed.
        """
        while not is_done() and (left := until - now()) > 0:
            with self._turn(left) as mine:
                if is_done() or not mine:
                    continue
                if self._loop.is_closed():
                    raise EventLoopError("its event loop was closed before it was done")
                if not self._loop.is_running():
                    self._take_turn(left)
                    continue
            with self._changed:  # another thread runs the loop, without taking turns
                self._changed.wait(min(_LOOK, left))
        del is_done  # from CPython 3.13 on the traceback of a failed job keeps this frame

    def let_go(self) -> None:
        """End the drain's turn, if it is its turn; on the loop's thread."""
        if self._end is not None and not self._end.done():
            self._end.set_result(None)
        with self._changed:
            self._changed.notify_all()

    def _take_turn(self, left: float) -> None:
        self._end = self._loop.create_future()
        timer = None if left == float("inf") else self._loop.call_later(left, self.let_go)
        self._ran_in = threading.get_ident()
        try:
            self._run(self._end)
            for _ in self._while_greenlets():
                self._run(asyncio.sleep(_STEP))
        except RuntimeError:  # the application has stopped its loop, which others still need
            if self._end.done() or self._loop.is_closed():
                raise
        finally:
            self._end = None
            if timer is not None:
                timer.cancel()

    def _while_greenlets(self) -> Iterator[int]:
        for number in range(_STEPS):
            if self._loop.is_closed() or not on_their_way(self._loop):
                return
            yield number

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._left.pop(task, None)
        self.let_go()

    @contextmanager
    def _turn(self, left: float) -> Iterator[bool]:
        """Wait for the loop to be free for ``left`` seconds; yield whether it is this thread's now."""
        with self._changed:
            timeout = None if left == float("inf") else min(left, threading.TIMEOUT_MAX)
            if not self._changed.wait_for(lambda: not self._taken and not self._requests, timeout):
                mine = False
            else:
                mine = self._taken = True
        try:
            yield mine
        finally:
            if mine:
                self._give_back()

    def _run_first(self, future: Any) -> Any:
        """Stand in for ``loop.run_until_complete``."""
        if self._taken and self._loop.is_running() and self._ran_in == threading.get_ident():
            return self._run(future)  # within itself: that is an error of its own, or what nest_asyncio makes possible
        with self._changed:
            self._requests += 1
            if self._taken:
                self._loop.call_soon_threadsafe(self.let_go)
            self._changed.wait_for(lambda: not self._taken)
            self._requests -= 1
            self._taken = True
        self._ran_in = threading.get_ident()
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
            if not Turns._told_of_close:
                Turns._told_of_close = True
                logger().error(
                    "the adapter closes its event loop after a request, so the work that %d requests left behind is done before "
                    "the response; use an adapter that keeps its loop, such as Mangum", len(self._left),
                )  # fmt: skip
            for go_on in self._left.values():
                go_on()
            self._run_first(asyncio.wait(list(self._left)))
        self._close()
