"""Calls one job's function, for as long as it may take.

At its timeout a plain function is interrupted by a BaseException, so ``except Exception`` in a job does not catch it. On the main thread SIGALRM raises it, also while the job sleeps or waits for the network. On another thread
it is raised between two steps of Python code, so not before a blocking call returns. An ``async def`` job is cancelled.
A job that does not end even then is left behind: its message is reported as failed, and it may still be running.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Awaitable
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import JobTimeoutError
from lambda_punch.runtime.start import process
from lambda_punch.runtime.time_limit import TimeIsUp, interrupted_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

    from lambda_punch.runtime.around import Around

_AFTER_THE_ALARM = 0.05  # seconds after which the second net acts
GRACE = 0.5  # seconds that a cancelled async job has for its clean-up


class Execution(NamedTuple):
    """What current() tells of the job that runs now."""

    job: str
    id: str
    attempt: int
    queue: str
    message_id: str | None
    trace: str | None
    traceparent: str | None = None

    @property
    def name(self) -> str:
        """The job's name, as a Punch has one."""
        return self.job


_current: ContextVar[Execution | None] = ContextVar("lambda_punch_job", default=None)


def current() -> Execution | None:
    """Return which durable job runs here, its attempt (from 1) and its trace headers; None outside of a job."""
    return _current.get()


def context_of(execution: Execution) -> Context:
    """Return a context of its own for a run, in which current() tells of it."""
    context = copy_context()
    context.run(_current.set, execution)
    return context


def perform(  # noqa: PLR0913, PLR0917 - a call, where and for how long
    function: Callable[..., Any], args: Any, kwargs: Any, context: Context, limit: float, around: Around | None = None
) -> Any:
    """Run the job in ``context``, for at most ``limit`` seconds, which may be infinite; return what it returns.

    Raises what the job raises, and JobTimeoutError. ``around``: what is entered round whatever is awaited.
    """
    until = time.monotonic() + limit
    done = _Done()
    try:
        with _interruption(limit, done):
            result = context.run(function, *args, **kwargs)
            if result is None:
                done.now = True
        if isinstance(result, Awaitable):
            return _await(result, context, until - time.monotonic(), around)
        if isinstance(result, (GeneratorType, AsyncGeneratorType)):
            raise TypeError(
                "a generator function cannot be a job, and none of it ran; use a plain or an async function"
            )
    except TimeIsUp:
        execution = context[_current]
        raise JobTimeoutError(f"{execution.job if execution else 'the job'} was stopped after {limit:.3g} s") from None
    return result


class _Done:
    """Whether the job has ended; it is not interrupted after that."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = False


@contextmanager
def _interruption(limit: float, done: _Done) -> Iterator[None]:
    """Interrupt what is inside when its time is up.

    An alarm is exact, and breaks off a call that blocks. A job may set an alarm of its own, and so take ours away, so a
    thread watches beside it.
    """
    if limit == float("inf"):
        yield
    elif _can_use_alarm(limit):
        with _alarm(limit, done), interrupted_after(limit + _AFTER_THE_ALARM):
            yield
    else:
        with interrupted_after(limit):
            yield


def _can_use_alarm(limit: float) -> bool:
    """Tell whether this is the main thread, and no other alarm is due before ours."""
    if threading.current_thread() is not threading.main_thread():
        return False
    due = signal.getitimer(signal.ITIMER_REAL)[0]
    return due == 0 or due > limit


@contextmanager
def _alarm(limit: float, done: _Done) -> Iterator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        if not done.now:
            raise TimeIsUp

    before = signal.signal(signal.SIGALRM, interrupt)
    began = time.monotonic()
    others = interval = 0.0
    try:
        others, interval = signal.setitimer(signal.ITIMER_REAL, max(limit, 0.001))
        try:
            yield
        finally:
            done.now = True
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
        if others:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, others - (time.monotonic() - began)), interval)


def _await(awaitable: Awaitable[Any], context: Context, limit: float, around: Around | None) -> Any:
    """Await on the process's loop. Raises TimeIsUp when the time is up, even if the job cannot be cancelled."""
    from concurrent.futures import TimeoutError as FutureTimeoutError

    timeout = None if limit == float("inf") else max(limit, 0.0)
    future = process.loop.submit(_outcome(awaitable, timeout, around), context)
    try:
        error, value = future.result(None if timeout is None else timeout + 2 * GRACE)
    except FutureTimeoutError:
        future.cancel()
        raise TimeIsUp from None
    try:
        if error is not None:
            raise error
        return value
    finally:
        del error, future  # they hold this frame, and so all that the job had


async def _outcome(
    awaitable: Awaitable[Any], timeout: float | None, around: Around | None
) -> tuple[BaseException | None, Any]:
    """Return what the job raised, TimeIsUp if it was cancelled, or None; and what it returned.

    Nothing is raised here, because a SystemExit that leaves a task would end the loop, which other jobs need.
    """
    import asyncio

    value: Any = None

    async def valued() -> None:
        nonlocal value
        value = await awaitable

    async def guarded() -> BaseException | None:
        if around is not None and around.awaits:
            return await around.awaited(valued())
        try:
            await valued()
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            return error
        return None

    task = asyncio.ensure_future(guarded())
    done, _ = await asyncio.wait({task}, timeout=timeout)
    if done:
        return task.result(), value
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE)
    return TimeIsUp(), None
