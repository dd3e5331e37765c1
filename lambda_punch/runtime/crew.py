"""Threads that are kept: work is given to an idle thread, and to a new one only if none is idle.

So what a job keeps for its thread (a database connection, a client, a session) is made once for each thread, and not anew
for each request. A thread that does not come back from a job is not idle, so the next job gets another one.
"""

from __future__ import annotations

import os
import threading

from lambda_punch.runtime import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Body = Callable[[], object]


class Shift:
    """One thing that is run on one of the threads."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._over = threading.Event()

    def run(self) -> None:
        """Run it, and then let those go on that wait for it. The thread reports what it raises."""
        try:
            self._body()
        finally:
            self._over.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, as for a thread."""
        self._over.wait(timeout)


class Crew:
    """Threads of one name. May be used from any thread; a forked child begins without any of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[_Member] = []

    def start(self, body: Body) -> Shift:
        """Run ``body`` on a thread. Raises RuntimeError if there is no idle one, and the system refuses another."""
        shift = Shift(body)
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._idle = os.getpid(), []
            member = self._idle.pop() if self._idle else None
        if member is None:
            member = _Member(self._rest)
            threads.start(self._name, lambda: member.serve(shift))
        else:
            member.take(shift)
        return shift

    def _rest(self, member: _Member) -> None:
        with self._lock:
            self._idle.append(member)


class _Member:
    """One thread, which waits for its next shift."""

    def __init__(self, rest: Callable[[_Member], None]) -> None:
        self._rest = rest
        self._ready = threading.Semaphore(0)
        self._next: Shift | None = None

    def take(self, shift: Shift) -> None:
        self._next = shift
        self._ready.release()

    def serve(self, shift: Shift) -> None:
        while True:
            shift.run()
            del shift  # it holds what it ran
            self._rest(self)
            self._ready.acquire()
            assert self._next is not None
            shift, self._next = self._next, None
