"""The asyncio loop for ``async def`` jobs and asynchronous handlers: one, kept across requests.

One loop for the life of the process, because clients and connection pools belong to the loop that made them. It runs
in a thread of its own, made at the first use. So a job that goes on during the next request (after a freeze) and that
request's own async handler share it, and do not collide in ``run_until_complete``. Any thread except the loop's own may
call ``run``. asyncio is imported at the first use.

A caller always learns what became of its coroutine. ``sys.exit()`` in a coroutine is an error of that coroutine alone,
and does not end the loop. A loop that is stopped is started again, with one ERROR line. On a loop that is closed
everything has failed, and the next coroutine gets a new loop.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger
from lambda_punch.errors import EventLoopError
from lambda_punch.runtime import threads
from lambda_punch.runtime.forks import end_child
from lambda_punch.runtime.punch import name_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from contextvars import Context


class Outcome(NamedTuple):
    """What became of an awaitable. Errors are carried as values: a SystemExit that leaves a task would end the loop."""

    error: BaseException | None
    value: Any


class Underway:
    """An awaitable on its way, for the thread that waits for it."""

    def __init__(self, future: Future[Outcome]) -> None:
        self.future = future

    def result(self, timeout: float | None = None) -> Any:
        """Return its result or raise its exception; raises concurrent.futures.TimeoutError after ``timeout`` seconds."""
        error, value = self.future.result(timeout)
        try:
            if error is not None:
                raise error
            return value
        finally:
            del error, self  # they hold this frame, and so all that the job had

    def cancel(self) -> None:
        """Cancel it."""
        self.future.cancel()


class BackgroundLoop:
    """Runs awaitables to their end for other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threads.Thread | None = None
        self._forked = False
        self._underway: set[Future[Outcome]] = set()

    def run(self, awaitable: Awaitable[Any], context: Context | None = None) -> Any:
        """Block until ``awaitable`` is done, run in ``context``; return its result or raise its exception.

        If the system refuses a thread for the loop (a limit, or the end of the interpreter on 3.12), it runs on this thread,
        on a loop of its own. Raises EventLoopError on the loop's own thread, which cannot wait for itself.
        """
        try:
            self.loop()
        except RuntimeError:
            return _run_here(awaitable, context)
        return self.submit(awaitable, context).result()

    def submit(self, awaitable: Awaitable[Any], context: Context | None = None) -> Underway:
        """Start ``awaitable`` in ``context`` and return at once. Raises RuntimeError if the system refuses a thread."""
        import asyncio

        loop = self.loop()
        if self._thread is not None and threading.get_ident() == self._thread.ident:
            _close(awaitable)
            raise EventLoopError("this is the event loop's own thread, which cannot wait for itself: await it instead")
        context = copy_context() if context is None else context
        coroutine = _outcome(awaitable, lambda: self._forked)
        try:
            future = context.run(asyncio.run_coroutine_threadsafe, coroutine, loop)
        except RuntimeError:  # closed since
            coroutine.close()
            raise
        self._underway.add(future)
        future.add_done_callback(self._underway.discard)
        if loop.is_closed():
            self._fail_all(EventLoopError("the event loop was closed"))
        return Underway(future)

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop. It is made at the first call, and anew if it has been closed."""
        import asyncio

        with self._lock:
            if self._loop is None or self._loop.is_closed() or self._thread is None or not self._thread.is_alive():
                loop = asyncio.new_event_loop()
                try:
                    self._thread = threads.start(threads.LOOP, lambda: self._serve(loop))
                except BaseException:
                    loop.close()  # it holds three descriptors
                    raise
                former, self._loop = self._loop, loop
                if former is not None and not former.is_running():
                    former.close()
            return self._loop

    def is_running_on(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether this is that very loop."""
        return self._loop is loop

    def note_fork(self) -> None:
        """Note, in a forked child, that it must not go on with this loop, which is the parent's."""
        self._forked = True
        if self._loop is not None:
            self._loop.stop()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        stopped = False
        while True:
            try:
                loop.run_forever()
                if self._forked:
                    end_child(EventLoopError("the event loop is its parent's, so it cannot await"), "(an async one)")
            except BaseException as error:  # noqa: BLE001 - SystemExit from a task that a job has made, say
                logger().error("%r ended the event loop that all async jobs share; it goes on", error, exc_info=error)
            else:
                if not stopped:
                    logger().error("a job stopped the event loop that all async jobs share; it goes on")
                stopped = True
            if loop.is_closed():
                closed = EventLoopError("a job closed the event loop that all async jobs share")
                self._fail_all(closed)
                raise closed

    def _fail_all(self, error: EventLoopError) -> None:
        for future in list(self._underway):
            if not future.done():
                future.set_result(Outcome(error, None))


async def _outcome(awaitable: Awaitable[Any], is_forked: Callable[[], bool]) -> Outcome:
    import asyncio

    error: BaseException | None = None
    value = None
    try:
        value = await awaitable
    except asyncio.CancelledError:
        raise
    except BaseException as raised:  # noqa: BLE001 - a job may raise anything
        error = raised
    if is_forked():
        end_child(error, name_of(awaitable))
    try:
        return Outcome(error, value)
    finally:
        del error  # it holds this frame


def _run_here(awaitable: Awaitable[Any], context: Context | None) -> Any:
    import asyncio

    async def awaited() -> Any:
        return await awaitable

    loop = asyncio.new_event_loop()
    try:
        return (context or copy_context()).run(loop.run_until_complete, awaited())
    finally:
        loop.close()


def _close(awaitable: Any) -> None:
    """Close a coroutine that will not be awaited, which would warn of it."""
    if hasattr(awaitable, "close"):
        awaitable.close()
