"""Jobs that would not be run in time, and can be sent elsewhere instead: durable jobs, to their queue.

A job is taken out of this process's queue before it is sent, so none is both run and sent; what could not be sent is
put back, at the front, and then it is a job like any other. Who sends is set by whoever declares such jobs (``Process.spill``).
``settle`` is called with the number in the ledger of each job that was sent.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from lambda_punch._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.queue import JobQueue, QueuedJob

    Settle = Callable[[int], object]

_AFTER = 0.15  # seconds into the margin that a drain waits for what is being sent
_SHARE = 0.25  # of what is left of an invocation, at most, goes to sending before the margin


class Spill(Protocol):
    """Knows which jobs can be sent elsewhere, and sends them."""

    @property
    def lead(self) -> float:
        """Seconds before the end of the time for jobs at which it wants to begin."""

    def wants(self, job: QueuedJob) -> bool:
        """Tell whether it can send this job; quick, and never raises."""

    def send(self, jobs: list[QueuedJob]) -> list[QueuedJob]:
        """Send the jobs; return those that were not sent."""


class Sending(threading.Thread):
    """Sends jobs, which have left the queue, on a thread of its own."""

    def __init__(self, spill: Spill, jobs: list[QueuedJob], settle: Settle) -> None:
        super().__init__(name="lambda-punch-spill", daemon=True)
        self._spill = spill
        self._jobs = jobs
        self._settle = settle
        self._unsent: list[QueuedJob] | None = None

    def run(self) -> None:
        """Send."""
        self._unsent = _send(self._spill, self._jobs, self._settle)

    def finish(self, until: float) -> list[QueuedJob]:
        """Wait up to ``until`` (epoch seconds); return the jobs that were not sent, as far as it is known."""
        self.join(max(0.0, until - time.time()))
        return self._unsent or []

    @property
    def unknown(self) -> list[QueuedJob]:
        """The jobs of which it is not known, or not yet, whether they were sent."""
        return self._jobs if self._unsent is None else []


def take(queue: JobQueue, spill: Spill | None, settle: Settle) -> Sending | None:
    """Take from the queue what can be sent and begin to send it; None if there is nothing."""
    jobs = [] if spill is None else queue.remove(spill.wants)
    if spill is None or not jobs:
        return None
    sending = Sending(spill, jobs, settle)
    sending.start()
    return sending


def send_leftovers(queue: JobQueue, spill: Spill, settle: Settle) -> None:
    """Send what waits and can be sent; put back what could not."""
    if jobs := queue.remove(spill.wants):
        queue.put_back(_send(spill, jobs, settle))


class Leftovers(threading.Thread):
    """Sends leftovers some time before a drain's end, also while a job runs, and what is left at that end."""

    def __init__(self, queue: JobQueue, spill: Spill, settle: Settle, until: float) -> None:
        super().__init__(name="lambda-punch-spill", daemon=True)
        self._queue = queue
        self._spill = spill
        self._settle = settle
        left = until - time.time()
        self._delay = max(0.0, left - min(spill.lead, left * _SHARE))
        self._ended = threading.Event()
        self._time_is_over = False

    def run(self) -> None:
        """Wait and send."""
        if not self._ended.wait(self._delay):
            send_leftovers(self._queue, self._spill, self._settle)
            self._ended.wait()
        if self._time_is_over:
            send_leftovers(self._queue, self._spill, self._settle)

    def end(self, until: float) -> None:
        """End with the drain; if that is because the time is over, wait for the sending, but not for long."""
        self._time_is_over = time.time() >= until
        self._ended.set()
        self.join(max(0.0, until + _AFTER - time.time()))


def watch(queue: JobQueue, spill: Spill | None, settle: Settle, until: float) -> Leftovers | None:
    """Have leftovers sent before ``until`` (epoch seconds); None where nothing can be, or there is no end."""
    if spill is None or until == float("inf"):
        return None
    leftovers = Leftovers(queue, spill, settle, until)
    leftovers.start()
    return leftovers


def _send(spill: Spill, jobs: list[QueuedJob], settle: Settle) -> list[QueuedJob]:
    unsent: list[QueuedJob] = []
    try:
        unsent = spill.send(jobs)
    except Exception:  # noqa: BLE001 - whether they were sent is not known; sent twice is better than lost, run twice is not
        logger().exception("%d durable jobs could not be sent to their queues, or only some of them", len(jobs))
    kept = {job[6] for job in unsent}
    for job in jobs:
        if job[6] not in kept:
            settle(job[6])
    return unsent
