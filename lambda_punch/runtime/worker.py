"""A thread that drains when told to, where no extension does the telling."""

from __future__ import annotations

import threading
import time
from _queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambda_punch.runtime.drain import Drain


class Worker(threading.Thread):
    """Drains up to a given time, again and again; a daemon, started at the first request."""

    def __init__(self, drain: Drain) -> None:
        super().__init__(name="lambda-punch-drain", daemon=True)
        self._drain = drain
        self._requests: SimpleQueue[tuple[float, threading.Event]] = SimpleQueue()

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            until, done = self._requests.get()
            self._drain.run(until)
            done.set()

    def request(self, until: float) -> threading.Event:
        """Have all released jobs drained; start none at or after ``until``. The event is set at the end."""
        done = threading.Event()
        self._requests.put((until, done))
        return done

    def drain(self, until: float) -> bool:
        """Wait for a drain, but not past ``until`` (epoch seconds); return False if it is not done by then."""
        return self.request(until).wait(min(max(0.0, until - time.time()), threading.TIMEOUT_MAX))
