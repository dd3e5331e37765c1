"""The asyncio loop for ``async def`` jobs and asynchronous handlers: one, kept across requests.

One loop for the life of the process, because clients and connection pools belong to the loop that made them. It runs
in a thread of its own, made at the first use. So a job that goes on during the next request (after a freeze) and that
request's own async handler share it, and do not collide in ``run_until_complete``. Any thread except the loop's own may
call ``run``. asyncio is imported at the first use.

A caller always learns what became of its coroutine. ``sys.exit()`` in a coroutine is an error of that coroutine alone,
and does not end the loop. A loop that is stopped is started again, with one ERROR line. On a loop that is closed, or that
itself fails, everything has failed, and the next coroutine gets a new loop.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger
from lambda_punch.errors import EventLoopError
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import monotonic
from lambda_punch.runtime.forks import end_child
from lambda_punch.runtime.punch import name_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from contextvars import Context


_FAILURES = 8  # of the loop itself, in a row, after which it is given up
_SOON = 1.0  # seconds; a failure after a longer run is the first of a row
_PAUSE = 0.005  # seconds before it goes on; more at each failure


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
        if loop is not self._loop:
            _fail(future, EventLoopError("the event loop was closed"))
        return Underway(future)

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop. It is made at the first call, and anew if it has been closed."""
        with self._lock:
            if self._loop is None or self._loop.is_closed() or self._thread is None or not self._thread.is_alive():
                loop = _new_loop()
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
        failures = 0
        while True:
            began = monotonic()
            try:
                loop.run_forever()
                if self._forked:
                    end_child(EventLoopError("the event loop is its parent's, so it cannot await"), "(an async one)")
            except Exception as error:
                failures = failures + 1 if monotonic() - began < _SOON else 1
                if failures > _FAILURES:
                    broken = EventLoopError(f"the event loop that all async jobs share cannot go on: {error!r}")
                    if not self._give_up(loop, broken):
                        return  # nothing was on it
                    raise broken from error
                _pause(failures * _PAUSE)  # gevent's selectors fail while there is nothing to do
            except BaseException as error:  # noqa: BLE001 - SystemExit from a task that a job has made, say
                logger().error("%r ended the event loop that all async jobs share; it goes on", error, exc_info=error)
            else:
                if not stopped:
                    logger().error("a job stopped the event loop that all async jobs share; it goes on")
                stopped = True
            if loop.is_closed():
                closed = EventLoopError("a job closed the event loop that all async jobs share")
                self._give_up(loop, closed)
                raise closed

    def _give_up(self, loop: asyncio.AbstractEventLoop, error: EventLoopError) -> bool:
        """Let the next coroutine have a new loop, and fail what is on this one; return whether anything was."""
        with self._lock:
            if self._loop is loop:
                self._loop = None
            underway = list(self._underway)
        for future in underway:
            _fail(future, error)
        try:
            loop.close()
        except Exception:  # noqa: BLE001, S110 - it is broken; it only keeps its descriptors
            pass
        return bool(underway)


def _fail(future: Future[Outcome], error: EventLoopError) -> None:
    if not future.done():
        future.set_result(Outcome(error, None))


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that keeps its own time, whatever becomes of the module ``time``."""
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        loop.time = monotonic  # type: ignore[method-assign]  # asyncio has no other way to give a loop its clock
    except AttributeError:
        pass  # one in C, uvloop's say, which asks the system
    return loop


def _pause(seconds: float) -> None:
    """Wait, whatever code has made of time.sleep()."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


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
    async def awaited() -> Any:
        return await awaitable

    loop = _new_loop()
    try:
        return (context or copy_context()).run(loop.run_until_complete, awaited())
    finally:
        loop.close()


def _close(awaitable: Any) -> None:
    """Close a coroutine that will not be awaited, which would warn of it."""
    if hasattr(awaitable, "close"):
        awaitable.close()
