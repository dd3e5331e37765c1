"""Jobs that would not be run in time, and can be sent elsewhere instead: durable jobs, to their queue.

A job is taken out of this process's queue before it is sent, so none is both run and sent; what could not be sent is
put back, and then it is a job like any other. Who sends is set by whoever declares such jobs (``Process.spill``).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from lambda_punch._log import logger

if TYPE_CHECKING:
    from lambda_punch.runtime.queue import JobQueue, QueuedJob

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

    def __init__(self, spill: Spill, jobs: list[QueuedJob]) -> None:
        super().__init__(name="lambda-punch-spill", daemon=True)
        self._spill = spill
        self._jobs = jobs
        self._unsent: list[QueuedJob] | None = None

    def run(self) -> None:
        """Send."""
        self._unsent = _send(self._spill, self._jobs)

    def finish(self, until: float) -> tuple[list[QueuedJob], list[QueuedJob]]:
        """Wait up to ``until`` (epoch seconds); return the jobs not sent, and those of which it is not known."""
        self.join(max(0.0, until - time.time()))
        return ([], self._jobs) if self._unsent is None else (self._unsent, [])


def take(queue: JobQueue, spill: Spill | None) -> Sending | None:
    """Take from the queue what can be sent and begin to send it; None if there is nothing."""
    jobs = [] if spill is None else queue.remove(spill.wants)
    if spill is None or not jobs:
        return None
    sending = Sending(spill, jobs)
    sending.start()
    return sending


def send_leftovers(queue: JobQueue, spill: Spill) -> None:
    """Send what waits and can be sent; put back what could not."""
    if jobs := queue.remove(spill.wants):
        queue.put_back(_send(spill, jobs))


def before(until: float, queue: JobQueue, spill: Spill | None) -> threading.Timer | None:
    """Have leftovers sent some time before ``until`` (epoch seconds), also while a job runs; to be cancelled."""
    left = until - time.time()
    if spill is None or left == float("inf"):
        return None
    timer = threading.Timer(max(0.0, left - min(spill.lead, left * _SHARE)), send_leftovers, (queue, spill))
    timer.daemon = True
    timer.start()
    return timer


def _send(spill: Spill, jobs: list[QueuedJob]) -> list[QueuedJob]:
    try:
        return spill.send(jobs)
    except Exception:  # noqa: BLE001 - whether they were sent is not known; sent twice is better than lost, run twice is not
        logger().exception("%d durable jobs could not be sent to their queues, or only some of them", len(jobs))
        return []
