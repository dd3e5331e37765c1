"""The one process-wide state: which request is handled, and what happens to a pushed job and after a response.

``sequence`` numbers the requests of this process; a job carries the number that was current when it was pushed, and
is released when the response of that request is out. What follows a response is the business of a mode (modes.py),
chosen by start(). ``submit`` and ``handled`` are attributes and not methods so that each mode, and a test, can put
its own there: the two calls on the path of a response then cost one lookup and no question.

Threads: jobs may be pushed from any thread; requests begin and end on the runtime's main thread. A forked child
(multiprocessing in a handler, a pre-forking server) starts empty: the jobs are the parent's.
"""

from __future__ import annotations

import _thread
import os
import time

from lambda_punch.runtime.queue import ALL, JobQueue

FOREVER = float("inf")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lambda_punch._config import Config
    from lambda_punch.runtime.background_loop import BackgroundLoop
    from lambda_punch.runtime.drain import Drain, ErrorHandler
    from lambda_punch.runtime.job import Job
    from lambda_punch.runtime.ledger import Ledger
    from lambda_punch.runtime.queue import QueuedJob
    from lambda_punch.runtime.spill import Spill
    from lambda_punch.runtime.worker import Worker

    LostHandler = Callable[[list[Job], str], Any]
    # Given an event, returns the handler for it if that is not the user's own.
    Route = Callable[[Any], Callable[..., Any] | None]

    class Mode(Protocol):
        """What to do after a response."""

        def after_response(self) -> None:
            """See to it that the released jobs are run."""


class Process:
    """State of this process; there is one, ``process``."""

    def __init__(self, start: Callable[[], None]) -> None:
        """``start`` is called at the first push or handled() if start() was not."""
        self._start = start
        self.error_handler: ErrorHandler | None = None
        self.lost_handler: LostHandler | None = None
        self.config: Config | None = None
        self.forked = False
        self.route: Route | None = None
        self.spill: Spill | None = None
        self.measured = False  # whether somebody wants to know when responses went out
        self.reset()

    def fork(self) -> None:
        """Begin anew in a forked child; if the parent was started, Lambda's part in this is the parent's."""
        self.forked = self.forked or self.config is not None
        self.reset()

    def reset(self) -> None:
        """Begin anew with an empty queue, not started."""
        self.config = None
        self.making = _thread.RLock()
        self.queue = JobQueue()
        self.sequence = 0
        self.request_id = ""
        self.until_ms = 0
        self.freezes = False
        self.mode: Mode | None = None
        self.stay_first: Callable[[], None] | None = None
        self.submit: Callable[[QueuedJob], object] = self._start_and_submit
        self.handled: Callable[[Any], None] = self._start_and_note
        self.enter: Callable[[Callable[..., Any]], int] = self._start_and_enter
        self.ledger: Ledger | None = None
        self._drain: Drain | None = None
        self._worker: Worker | None = None
        self._loop: BackgroundLoop | None = None

    def begin(self, request_id: str, until_ms: int) -> None:
        """Note that a request has arrived; ``until_ms`` (epoch) is its deadline less the margin, 0 if unknown."""
        self.sequence += 1
        self.request_id = request_id
        self.until_ms = until_ms

    def respond(self) -> None:
        """Release the jobs of the request, whose response is out, and let the mode see to them."""
        self.queue.released = self.sequence
        if self.measured:
            self.queue.released_at = time.time()
        if self.mode is not None:
            self.mode.after_response()

    @property
    def until(self) -> float:
        """When the margin before the request's deadline begins, in epoch seconds; infinite if unknown."""
        return self.until_ms / 1000 if self.until_ms else FOREVER

    def keep(self, ledger: Ledger) -> None:
        """Have pushed jobs entered in ``ledger``, and settled when they are done."""
        self.ledger = ledger
        self.enter = ledger.enter

    def settle(self, number: int) -> None:
        """Settle a job that was entered; number 0 was not."""
        if number and self.ledger is not None:
            self.ledger.settle(number)

    def remaining_time(self) -> float:
        """Return the seconds until the environment may freeze or end; infinite where it does not."""
        until = self.until if self.freezes else FOREVER
        if until == FOREVER and self._drain is not None:
            until = self._drain.until
        return until if until == FOREVER else max(0.0, until - time.time())

    @property
    def pending(self) -> bool:
        """Whether jobs wait or run."""
        return bool(len(self.queue)) or (self._drain is not None and self._drain.busy)

    @property
    def loop(self) -> BackgroundLoop:
        """The asyncio loop of this process, for jobs and asynchronous handlers."""
        with self.making:
            if self._loop is None:
                from lambda_punch.runtime.background_loop import BackgroundLoop

                self._loop = BackgroundLoop()
            return self._loop

    @property
    def drain(self) -> Drain:
        """The drain of the queue, made at the first jobs."""
        with self.making:
            if self._drain is None:
                from lambda_punch.runtime.drain import Drain

                workers = 1 if self.config is None else self.config.workers
                self._drain = Drain(self.queue, self.loop, self.handle_error, workers, self.settle)
            self._drain.spill = self.spill
            return self._drain

    @property
    def worker(self) -> Worker:
        """The thread that drains without being asked by the extension."""
        with self.making:
            if self._worker is None:
                from lambda_punch.runtime.worker import Worker

                self._worker = Worker(self.drain)
                self._worker.start()
            return self._worker

    def release_all(self) -> None:
        """Release every job, also of a request that will never be answered: the environment ends."""
        self.queue.released = ALL

    def refuse(self) -> None:
        """Take no more jobs; push() raises ShutDownError from now on."""
        self.enter = no_entry
        self.submit = _refuse

    def handle_error(self, error: BaseException, job: Any) -> bool:
        """Give an error to the user's handler; return False if there is none."""
        if self.error_handler is None:
            return False
        self.error_handler(error, job)
        return True

    def _start_and_submit(self, job: QueuedJob) -> None:
        self._start()
        self.submit(job)

    def _start_and_enter(self, function: Callable[..., Any]) -> int:
        self._start()
        return self.enter(function)

    def _start_and_note(self, context: Any) -> None:
        self._start()
        self.handled(context)


def no_entry(_function: object) -> int:
    """Stand for a ledger where there is none: number 0 is never settled."""
    return 0


def _refuse(job: QueuedJob) -> None:
    from lambda_punch.errors import ShutDownError

    raise ShutDownError(f"{job[2]!r} was pushed after the shutdown of this environment; it will not run")


def forget_in_children(process: Process) -> None:
    """Have each forked child start with an empty queue."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=process.fork)
