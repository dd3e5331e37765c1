"""A thread that drains when this process asks for it, without the extension."""

from __future__ import annotations

import threading
from _queue import SimpleQueue
from collections import deque

from lambda_punch._log import logger
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.drain import Drain


class Worker:
    """Drains up to a given time, again and again, on a thread that is made at the first request."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._undone: deque[tuple[float, threading.Event]] = deque()  # the first may be under way
        self._wakes: SimpleQueue[None] = SimpleQueue()  # one for each of these
        self._thread: threads.Thread | None = None
        self._starting = threading.Lock()

    def request(self, until: float) -> threading.Event:
        """Have all released punches drained; start none at or after ``until``. The event is set at the end.

        If the system refuses a thread, this request drains nothing, its event is never set, and the log says so. The next
        request tries again.
        """
        done = threading.Event()
        self._undone.append((until, done))
        with self._starting:
            if self._thread is None and not self._start():
                self._undone.remove((until, done))
            else:
                self._wakes.put(None)
        return done

    def drain(self, until: float) -> bool:
        """Wait for a drain, but not past ``until`` (epoch seconds), nor for one that nobody runs; True if it is done."""
        done = self.request(until)
        if self._thread is None:
            return done.is_set()
        return done.wait(min(max(0.0, until - now()), threading.TIMEOUT_MAX))

    def _start(self) -> bool:
        try:
            self._thread = threads.start(threads.DRAIN, self._work, self._replace)
        except RuntimeError as error:
            logger().error(
                "jobs wait for the next request, because the system refuses a thread to run them on: %s", error
            )
            return False
        return True

    def _replace(self, _error: BaseException) -> None:
        """Start another thread for the requests that came meanwhile; the dying thread calls this last."""
        with self._starting:
            self._thread = None
            waiting = list(self._undone)
            self._wakes = SimpleQueue()
            for _ in waiting:
                self._wakes.put(None)
            if waiting and not self._start():
                self._undone.clear()
                for _, done in waiting:
                    done.set()

    def _work(self) -> None:
        while True:
            self._wakes.get()
            if self._undone:
                until, done = self._undone[0]
                try:
                    self._drain.run(until)
                finally:
                    self._undone.popleft()
                    done.set()
