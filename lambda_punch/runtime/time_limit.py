"""Ends jobs that take too long.

A plain function is interrupted by an exception that is raised in its thread between two steps of Python code, so not
before a call that blocks (a socket without a timeout, a long sleep) has returned. It is a BaseException, so ``except
Exception`` in the job does not catch it. What is awaited is cancelled. Code that catches BaseException, and C code that never
returns, cannot be interrupted.

One thread watches all limits. It is made at the first limit and kept, because a thread for each job would cost more than
most jobs do.
"""

from __future__ import annotations

import ctypes
import functools
import heapq
import itertools
import os
import signal
import threading
from collections.abc import Awaitable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.errors import JobTimeoutError
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import monotonic
from lambda_punch.runtime.punch import name_of, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TimeIsUp(BaseException):
    """Raised inside a job whose time is up."""


_ROOM = 256  # limits that may be kept before those that have ended are looked for


class _Watch:
    """Limits, and the thread that acts when one is over. From any thread; a forked child makes its own."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._limits: list[
            tuple[float, int, Limit]
        ] = []  # a heap; those that are over early are found when they are due
        self._numbers = itertools.count()
        self._room = _ROOM
        self._thread: threads.Thread | None = None

    @classmethod
    def here(cls) -> _Watch:
        """Return this process's own."""
        global _watch  # noqa: PLW0603 - a forked child has no thread of its parent's
        if _watch._pid != os.getpid():
            _watch = cls()
        return _watch

    def add(self, seconds: float, limit: Limit) -> None:
        """Act on ``limit`` after so many seconds. Raises RuntimeError if the system refuses a thread."""
        due = monotonic() + min(max(seconds, 0.001), threading.TIMEOUT_MAX)
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threads.start(threads.TIME_LIMIT, self._serve)
            is_next = not self._limits or due < self._limits[0][0]
            heapq.heappush(self._limits, (due, next(self._numbers), limit))
            if is_next:
                self._changed.notify()
            if len(self._limits) > self._room:  # most have ended early, long before they are due
                self._limits = [each for each in self._limits if not each[2].ended]
                heapq.heapify(self._limits)
                self._room = max(_ROOM, 2 * len(self._limits))

    def _serve(self) -> None:
        while True:
            with self._changed:
                left = self._limits[0][0] - monotonic() if self._limits else None
                if left is None or left > 0:
                    self._changed.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
                    continue
                limit = heapq.heappop(self._limits)[2]
            limit.act()


_watch = _Watch()


class Limit:
    """The limit of one run in this thread: ``act`` interrupts it unless it has ended."""

    __slots__ = ("_lock", "_thread", "acted", "ended")

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self.acted = False
        self.ended = False

    def act(self) -> None:
        """Raise TimeIsUp in the thread. On the main thread SIGALRM breaks off a blocking call, too.

        This needs any handler of SIGALRM that is written in Python: the exception is raised when the handler begins.
        """
        with self._lock:
            if not self.ended:
                self.acted = True
                _raise_in(self._thread, TimeIsUp)
                main = threading.main_thread().ident
                if self._thread == main and callable(signal.getsignal(signal.SIGALRM)):
                    signal.pthread_kill(main, signal.SIGALRM)

    def end(self) -> None:
        """Note, in the run's thread, that it has ended; nothing is raised in it from now on.

        An exception that was set and has not been raised yet is raised and caught here. To take it back would not do: up to
        CPython 3.12 a flag of the whole interpreter, that an exception waits, falls only when it is raised. Until then
        each thread looks for it at each call and each turn of a loop, and one that is traced never gets past its next
        call on 3.11.
        """
        with self._lock:
            self.ended = True
        if self.acted:
            try:
                _raise_in(self._thread, TimeIsUp)  # in the place of the one that may be waiting
                for _ in range(1000):
                    pass
            except TimeIsUp:
                return
            _raise_in(self._thread, None)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[Limit]:
    """Raise TimeIsUp in this thread when it is still inside after so many seconds; ``acted`` of the limit tells that it was it."""
    limit = Limit()
    try:
        _Watch.here().add(seconds, limit)
    except RuntimeError as error:  # the system refuses
        logger().error("a job runs without its time limit, because the system refuses a thread: %s", error)
    try:
        yield limit
    finally:
        limit.end()


def limited(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return the function with a time limit; it raises JobTimeoutError then. Its name stays."""

    def within_its_time(*args: Any, **kwargs: Any) -> Any:
        limit: Limit | None = None
        try:
            with interrupted_after(seconds) as limit:
                result = function(*args, **kwargs)
        except TimeIsUp:
            if limit is not None and not limit.acted:
                raise  # the interrupt of a longer limit round this one
            raise _too_long(function, seconds) from None
        return _awaited(function, result, seconds) if isinstance(result, Awaitable) else result

    try:
        return functools.update_wrapper(within_its_time, function, updated=())
    except BaseException:  # noqa: BLE001 - a callable whose attributes raise
        return named(within_its_time, function)


async def _awaited(function: Callable[..., Any], awaitable: Awaitable[Any], seconds: float) -> Any:
    import asyncio

    task = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        return task.result()
    task.cancel()
    raise _too_long(function, seconds)


def _too_long(function: Callable[..., Any], seconds: float) -> JobTimeoutError:
    return JobTimeoutError(f"{name_of(function)} was stopped after {seconds:g} s, its time limit")


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    argument = ctypes.py_object(exception) if exception is not None else ctypes.c_void_p(None)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), argument)
