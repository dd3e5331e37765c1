"""flush_after(): flushes telemetry behind each response, after all jobs, within one budget of time."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger
from lambda_punch._settings.checks import seconds
from lambda_punch.errors import ConfigurationError
from lambda_punch.integrations._place import defers, prepare
from lambda_punch.runtime import threads
from lambda_punch.runtime.punch import Punch, name_of
from lambda_punch.runtime.queue import ALL
from lambda_punch.runtime.reports import report_failure
from lambda_punch.runtime.response import watch_runtime_client
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.around import Hook


class Flusher(NamedTuple):
    """A vendor's flush: ``flush(seconds)`` sends what is there; ``prepare()`` turns the vendor's own flush off.

    ``hook``: what is entered round each job (``punch.around_job``), if anything.
    """

    name: str
    flush: Callable[[float], Any]
    prepare: Callable[[], None] | None = None
    hook: Hook | None = None


def flush_after(*flushers: Flusher | Callable[[], Any], timeout: float = 2.0) -> None:
    """Have each flushed after every response, behind all jobs, in this order; call it once, in module code.

    A flusher is a preset, or any callable without arguments, plain or ``async def``. ``timeout`` is the budget in
    seconds for all of them together, after each response; the function's deadline (less the margin) cuts it short.
    An error of a flusher goes to the error handler, or else into the log, and the next one is flushed. One that is not
    done within the budget is one ERROR line; it goes on in its own thread, and is not begun again before it has ended.

    Further calls add to the list and to the budget. On Lambda, under AWS's runtime client, this calls start() and
    turns the vendors' own flushes off, as the presets say; anywhere else it does nothing. No other process can flush
    what was recorded in this one: if a shutdown comes before the flush has begun, an ERROR line says so.

    Raises ConfigurationError for a flusher that is neither, and unless ``timeout`` is a number from 0.001 to 900.
    """
    seconds(0.001)("timeout", timeout)
    checked = [_checked(flusher) for flusher in flushers]
    if prepare():
        _last.add(checked, timeout)


def _checked(flusher: Any) -> Flusher:
    if isinstance(flusher, Flusher):
        return flusher
    if not callable(flusher):
        raise ConfigurationError(f"flush_after() takes presets and callables without arguments, not {flusher!r}")
    name = getattr(flusher, "__name__", "")
    if getattr(flusher, "__module__", None) == _PRESETS:
        raise ConfigurationError(f"flush_after() takes what telemetry.{name}() returns; write the parentheses")
    _check_that_it_takes_nothing(flusher)
    return Flusher(name_of(flusher), lambda _seconds: flusher())


def _check_that_it_takes_nothing(flusher: Callable[..., Any]) -> None:
    import inspect

    try:
        signature = inspect.signature(flusher)
    except (ValueError, TypeError):  # written in C: nobody knows
        return
    try:
        signature.bind()
    except TypeError as error:
        text = f"flush_after() calls {name_of(flusher)} without arguments: {error}; give it a lambda"
        raise ConfigurationError(text) from error


_PRESETS = "lambda_punch.integrations.telemetry.presets"


class _Last:
    """The job that stays behind all others. It is pushed when the runtime client asks for its next event."""

    def __init__(self) -> None:
        self._flushers: list[Flusher] = []
        self._timeout = 0.0
        self._waits = False
        self._pid = os.getpid()
        self._late: dict[str, threads.Thread] = {}
        self._not_prepared: set[str] = set()

    def add(self, flushers: list[Flusher], timeout: float) -> None:
        if not self._flushers:
            watch_runtime_client(self._push, lambda _request: None)
        for flusher in flushers:
            if flusher.hook is not None:
                process.around(flusher.hook)
        self._flushers += flushers
        self._timeout += timeout
        self._prepare()

    def _push(self) -> None:
        """Queue the job before the response is announced, so that it is one of that response's."""
        if defers() and not self._waits:
            self._waits = True
            self._queue(process.sequence)

    def _queue(self, sequence: int) -> None:
        process.push_for(sequence, flush_telemetry)

    def run(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("telemetry was not flushed before the shutdown, and only the ended process had it")
        if self._others() and process.queue.released != ALL:
            self._queue(process.queue.released)
            return
        self._waits = False
        self._prepare()
        deadline = min(time.time() + self._timeout, process.until)
        for flusher in self._flushers:
            self._flush(flusher, deadline)

    def _others(self) -> bool:
        """Tell whether other jobs wait or run."""
        if len(process.drain.under_way) > 1:
            time.sleep(0.005)  # other workers run jobs, and nothing tells when they are done
            return True
        return len(process.queue) > 0

    def _prepare(self) -> None:
        """Turn the vendors' own flushes off; again each time, because a vendor may be set up later than this."""
        for flusher in self._flushers:
            if flusher.prepare is not None:
                try:
                    flusher.prepare()
                except Exception as error:  # noqa: BLE001 - it costs latency only
                    if flusher.name not in self._not_prepared:
                        self._not_prepared.add(flusher.name)
                        logger().error("the flush of %s before the response is still on: %r", flusher.name, error)

    def _flush(self, flusher: Flusher, deadline: float) -> None:
        late = self._late.pop(flusher.name, None)
        if late is not None:
            late.join(max(0.0, deadline - time.time()))
        if late is None or not late.is_alive():
            seconds = max(0.001, deadline - time.time())
            context = copy_context()
            late = threads.start(threads.FLUSH, partial(context.run, _call, flusher, seconds))
            late.join(seconds)
        if late.is_alive():
            self._late[flusher.name] = late
            logger().error(
                "%s was not flushed within %g s; it goes on beside the next requests", flusher.name, self._timeout
            )


_last = _Last()


def flush_telemetry() -> None:
    """Flush all, or go to the end of the queue again if other jobs are there."""
    _last.run()


flush_telemetry.stays_here = True  # type: ignore[attr-defined]  # what was recorded is in this process


def _call(flusher: Flusher, seconds: float) -> None:
    try:
        result = flusher.flush(seconds)
        if isinstance(result, Awaitable):
            process.loop.run(result)
    except BaseException as error:  # noqa: BLE001 - the next one is flushed, whatever this one raises
        report_failure(process, error, Punch(_under_its_name(flusher), (seconds,), {}, process.request_id))


def _under_its_name(flusher: Flusher) -> Callable[[float], Any]:
    def flush(seconds: float) -> Any:
        return flusher.flush(seconds)

    flush.__module__, _, flush.__qualname__ = flusher.name.rpartition(".")
    return flush
