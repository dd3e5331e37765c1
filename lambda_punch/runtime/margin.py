"""A WARNING for a job that still runs when the margin of its invoke begins, on a thread that sleeps until then.

It is told of the end of each drain as well as of its beginning: a sleep that went on would end at the thaw, beside the
next request.
"""

from __future__ import annotations

import threading
import time
from _queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from lambda_punch._log import logger

if TYPE_CHECKING:
    from lambda_punch.runtime.drain import Drain


class MarginWatch(threading.Thread):
    """Names the jobs that outlast their invoke; a daemon. An idle environment has no wakeup from it."""

    def __init__(self, drain: Drain) -> None:
        super().__init__(name="lambda-punch-margin", daemon=True)
        self._drain = drain
        self._news: SimpleQueue[float | None] = SimpleQueue()

    def begin(self, until: float) -> None:
        """Note that a drain begins that may start jobs up to ``until`` (epoch seconds)."""
        self._news.put(until)

    def end(self) -> None:
        """Note that it has ended."""
        self._news.put(None)

    def run(self) -> None:
        """Watch until the process ends."""
        until = None
        while True:
            try:
                until = self._news.get(timeout=None if until is None else _seconds_to(until))
            except Empty:
                warn_of_running(self._drain)
                until = None


def warn_of_running(drain: Drain) -> None:
    """Write a WARNING with the names of the jobs that run at this moment, if any do."""
    if running := drain.running:
        names = ", ".join(f"{job.name} of request {job.request_id or '-'}" for job in running)
        logger().warning(
            "still running when the time of its invoke was over: %s; it goes on at the next invoke or at the shutdown",
            names,
        )


def _seconds_to(until: float) -> float:
    return min(max(0.0, until - time.time()), threading.TIMEOUT_MAX)
