"""A WARNING for a job that still runs when the margin of its invoke begins, on a thread that sleeps until then.

It is not told of the end of a drain, only of beginnings: it wakes once after the last of them, looks, and then waits
without a time. So it costs a drain one comparison, and an idle environment nothing.
"""

from __future__ import annotations

import threading
import time
from _queue import SimpleQueue
from typing import TYPE_CHECKING

from lambda_punch._log import logger

if TYPE_CHECKING:
    from lambda_punch.runtime.drain import Drain


class MarginWatch(threading.Thread):
    """Names the jobs that outlast their invoke; a daemon."""

    def __init__(self, drain: Drain) -> None:
        super().__init__(name="lambda-punch-margin", daemon=True)
        self._drain = drain
        self._until = 0.0
        self._resting = True
        self._begun: SimpleQueue[None] = SimpleQueue()

    def begin(self, until: float) -> None:
        """Note that a drain begins that may start jobs up to ``until`` (epoch seconds)."""
        self._until = until
        if self._resting:
            self._resting = False
            self._begun.put(None)

    def run(self) -> None:
        """Watch until the process ends."""
        while True:
            self._begun.get()
            while (until := self._until) > (now := time.time()):
                time.sleep(min(until - now, threading.TIMEOUT_MAX))
            warn_of_running(self._drain)
            self._resting = True
            if self._until > until:  # a drain began meanwhile, and may have seen us awake
                self.begin(self._until)


def warn_of_running(drain: Drain) -> None:
    """Write a WARNING with the names of the jobs that run at this moment, if any do."""
    if running := drain.running:
        names = ", ".join(f"{job.name} of request {job.request_id or '-'}" for job in running)
        logger().warning(
            "still running when the time of its invoke was over: %s; it goes on at the next invoke or at the shutdown",
            names,
        )
