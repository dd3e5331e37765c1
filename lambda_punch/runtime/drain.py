"""Run queued jobs until none is left or it is too late to start one. Knows no sockets and no Lambda.

One drain at a time: a second caller waits for the first to end. Jobs pushed while it runs belong to it. A job that
raises, whatever it raises, is given to the error handler and the next one runs; an error handler that raises is
logged. The drain does not end while a job of its own runs, however late it is: who cannot wait, does not wait here.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Awaitable
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.runtime.job import Job, describe
from lambda_punch.runtime.spill import watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.background_loop import BackgroundLoop
    from lambda_punch.runtime.queue import JobQueue, QueuedJob
    from lambda_punch.runtime.spill import Spill

    ErrorHandler = Callable[[BaseException, Job], Any]
    HandleError = Callable[[BaseException, Job], bool]
    Settle = Callable[[int], object]


BESIDE = 0.0002
"""Seconds for which a job may keep the interpreter from other threads (Python's own: 0.005).

A job that is frozen in its middle goes on beside the next request, whose thread waits this long each time it comes back
from a system call. Where no other thread wants to run it makes no difference.
"""


class Drained(NamedTuple):
    """What one drain did: jobs run, how many of these failed, jobs that still wait."""

    ran: int
    failed: int
    left: int


class Drain:
    """Takes jobs from one queue and runs them, ``workers`` at a time."""

    spill: Spill | None = None  # sends what it will not come to

    def __init__(
        self,
        queue: JobQueue,
        loop: BackgroundLoop,
        handle_error: HandleError,
        workers: int = 1,
        settle: Settle = bool,
    ) -> None:
        """``handle_error`` returns False where nobody handles errors; they are then logged.

        ``settle`` is called with the number in the ledger of each job that is done.
        """
        self.until = 0.0  # epoch seconds; may be moved by the shutdown while a drain runs
        self._queue = queue
        self._loop = loop
        self._handle_error = handle_error
        self._workers = workers
        self._settle = settle
        self._one_at_a_time = threading.Lock()
        self._times: _Times | None = None
        self._running: dict[int, QueuedJob] = {}

    @property
    def busy(self) -> bool:
        """Whether a job runs at this moment."""
        return bool(self._running)

    @property
    def running(self) -> list[Job]:
        """The jobs that run at this moment."""
        return [describe(job) for job in self.under_way]

    @property
    def under_way(self) -> list[QueuedJob]:
        """The jobs that run at this moment, as they were queued."""
        return list(self._running.copy().values())

    def wait_until_idle(self, until: float) -> bool:
        """Wait for the end of the drain that runs, if one does, up to ``until`` (epoch seconds); True if idle."""
        idle = self._one_at_a_time.acquire(timeout=max(0.0, until - time.time()))
        if idle:
            self._one_at_a_time.release()
        return idle

    def run(self, until: float) -> Drained:
        """Run what is released; start nothing at or after ``until`` (epoch seconds). Never raises."""
        with self._one_at_a_time:
            self.until = until
            before = sys.getswitchinterval()
            lowered = before > BESIDE
            if lowered:
                sys.setswitchinterval(BESIDE)
            leftovers = watch(self._queue, self.spill, self._settle, until)
            times = self._times = _Times() if _events.of_punches() else None
            helpers = [_Worker(self) for _ in range(min(self._workers, len(self._queue)) - 1)]
            for helper in helpers:
                helper.start()
            ran, failed = self.work()
            for helper in helpers:
                helper.join()
                ran, failed = ran + helper.ran, failed + helper.failed
            if lowered:
                sys.setswitchinterval(before)
            if leftovers is not None:
                leftovers.end(self.until)
            if times is not None and ran:
                _events.tell(_events.PunchesRan(times.durations, times.latencies, failed))
            return Drained(ran, failed, len(self._queue))

    def work(self) -> tuple[int, int]:
        """Run jobs on this thread until there is none to take; return how many ran and how many of them failed."""
        ran = failed = 0
        take, running, thread = self._queue.take, self._running, threading.get_ident()
        while (began := time.time()) < self.until and (queued := take()) is not None:
            running[thread] = queued
            ran += 1
            try:
                result = queued[5].run(queued[2], *queued[3], **(queued[4] or {}))
                if result is not None:
                    self._finish(result, queued)
            except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit included
                failed += 1
                self._report(error, queued)
            del running[thread]
            if queued[6]:
                self._settle(queued[6])
            if self._times is not None:
                self._times.add(began, time.time(), self._queue.released_at)
        return ran, failed

    def _finish(self, result: object, queued: QueuedJob) -> None:
        """Await what a job returned, if it can be awaited; refuse a generator, whose body has not run."""
        if isinstance(result, Awaitable):
            self._loop.run(result, queued[5])
        elif isinstance(result, (GeneratorType, AsyncGeneratorType)):
            raise TypeError("a generator function was pushed: nothing in it ran; push a plain or async function")

    def _report(self, error: BaseException, queued: QueuedJob) -> None:
        job = describe(queued)
        try:
            if self._handle_error(error, job):
                return
        except BaseException:  # noqa: BLE001 - nor may it end the drain
            logger().exception("the error handler failed")
        logger().error("job %s of request %s failed", job.name, job.request_id or "-", exc_info=error)


class _Times:
    """How long jobs took, and how long after the response they began."""

    def __init__(self) -> None:
        self.durations: list[float] = []
        self.latencies: list[float] = []

    def add(self, began: float, ended: float, released_at: float) -> None:
        self.durations.append(max(0.0, ended - began))
        if released_at:
            self.latencies.append(max(0.0, began - released_at))


class _Worker(threading.Thread):
    """Helps one drain, and ends with it."""

    def __init__(self, drain: Drain) -> None:
        super().__init__(name="lambda-punch-worker", daemon=True)
        self.ran = self.failed = 0
        self._drain = drain

    def run(self) -> None:
        self.ran, self.failed = self._drain.work()
