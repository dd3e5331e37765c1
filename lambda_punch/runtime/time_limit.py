"""Ends jobs that take too long.

A plain function is interrupted by an exception that is raised in its thread between two steps of Python code, so not
before a call that blocks (a socket without a timeout, a long sleep) has returned. It is a BaseException, so ``except
Exception`` in the job does not catch it. What is awaited is cancelled. Code that catches BaseException, and C code that never comes
back, cannot be reached.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Awaitable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.errors import JobTimeoutError
from lambda_punch.runtime import threads
from lambda_punch.runtime.punch import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TimeIsUp(BaseException):
    """Raised inside a job whose time is up."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise TimeIsUp in this thread when it is still inside after so many seconds."""
    thread = threading.get_ident()
    ended = threading.Event()
    lock = threading.Lock()

    def interrupt() -> None:
        if not ended.wait(min(max(seconds, 0.001), threading.TIMEOUT_MAX)):
            with lock:
                if not ended.is_set():
                    _raise_in(thread, TimeIsUp)

    try:
        threads.start(threads.TIME_LIMIT, interrupt)
    except RuntimeError as error:  # the system refuses
        logger().error("a job runs without its time limit, because the system refuses a thread: %s", error)
    try:
        yield
    finally:
        with lock:
            ended.set()
        _raise_in(thread, None)  # one that was set and has not been raised yet


def limited(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return the function with a time limit; it raises JobTimeoutError then. Its name stays."""

    @functools.wraps(function, updated=())
    def within_its_time(*args: Any, **kwargs: Any) -> Any:
        try:
            with interrupted_after(seconds):
                result = function(*args, **kwargs)
        except TimeIsUp:
            raise _too_long(function, seconds) from None
        return _awaited(function, result, seconds) if isinstance(result, Awaitable) else result

    return within_its_time


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
