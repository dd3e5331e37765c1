"""The queue of pushed jobs, in memory, in the order pushed.

Guarantees. ``add`` never blocks, may be called from any thread and loses nothing. Each job is taken once. A job is
taken only when the response of the request that pushed it has been released: it carries the number of that request,
and ``take`` compares under its lock, so that a late drain cannot catch a job of the request being handled.
A forked child starts with the parent's jobs; whoever forks decides (see shutdown, outside).
"""

from __future__ import annotations

import _thread
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any, TypeAlias

    # number of the request, its id, function, arguments, keyword arguments if any, context, number in the ledger
    # (0: none): a tuple, because a hundred thousand may wait and each push is on the path of a response
    QueuedJob: TypeAlias = tuple[int, str, Callable[..., Any], tuple[Any, ...], dict[str, Any] | None, Context, int]

ALL = 1 << 62  # released up to here: every job


class JobQueue:
    """Jobs that wait for their turn."""

    __slots__ = ("_jobs", "_lock", "add", "released", "released_at")

    def __init__(self) -> None:
        self._jobs: deque[QueuedJob] = deque()
        self._lock = _thread.allocate_lock()
        self.add = self._jobs.append
        self.released = 0
        self.released_at = 0.0  # epoch seconds of the last response, where somebody measures; else 0

    def __len__(self) -> int:
        """Return how many jobs wait, released or not."""
        return len(self._jobs)

    def take(self) -> QueuedJob | None:
        """Return the next job whose response is out, or None."""
        with self._lock:
            if self._jobs and self._jobs[0][0] <= self.released:
                return self._jobs.popleft()
            return None

    def remove(self, wanted: Callable[[QueuedJob], bool]) -> list[QueuedJob]:
        """Take those released jobs that ``wanted`` says; the others keep their order."""
        with self._lock:
            jobs = list(self._jobs)
            taken = [job[0] <= self.released and wanted(job) for job in jobs]
            if not any(taken):
                return []
            for _ in jobs:  # what is pushed meanwhile comes in at the other end
                self._jobs.popleft()
            self._jobs.extendleft(job for job, out in zip(reversed(jobs), reversed(taken), strict=True) if not out)
            return [job for job, out in zip(jobs, taken, strict=True) if out]

    def put_back(self, jobs: list[QueuedJob]) -> None:
        """Put jobs that were taken to the front again."""
        with self._lock:
            self._jobs.extendleft(reversed(jobs))

    def clear(self) -> list[QueuedJob]:
        """Take all that waits, released or not."""
        with self._lock:
            jobs = list(self._jobs)
            self._jobs.clear()
            return jobs
