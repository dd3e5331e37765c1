"""The queue of punches, in memory, in the order pushed.

Guarantees. ``add`` never blocks, may be called from any thread and loses nothing. Each punch is taken once, and only
when the response of the request that pushed it has been released: ``take`` compares the two numbers under its lock, so
that a late drain cannot catch a punch of the request that is being handled. A forked child gets a queue of its own
(process.py).
"""

from __future__ import annotations

import _thread
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.punch import Punch, Waiting


ALL = 1 << 62  # released up to here: every punch


class PunchQueue:
    """Punches that wait for their turn."""

    __slots__ = ("_lock", "_waiting", "add", "released", "released_at")

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._lock = _thread.allocate_lock()
        self.add = self._waiting.append
        self.released = 0
        self.released_at = 0.0  # epoch seconds of the last response if somebody measures, else 0

    def __len__(self) -> int:
        """Return how many punches wait, released or not."""
        return len(self._waiting)

    def take(self) -> Waiting | None:
        """Return the next punch whose response is out, as it waited, or None."""
        with self._lock:
            # the fifth of what waits is the number of its request, see Waiting
            if self._waiting and self._waiting[0][4] <= self.released:
                return self._waiting.popleft()
            return None

    def remove(self, wanted: Callable[[Punch], bool]) -> list[Punch]:
        """Take the released punches for which ``wanted`` is true; the others keep their order."""
        from lambda_punch.runtime.punch import opened

        with self._lock:
            waiting = list(self._waiting)
            punches = [opened(each) for each in waiting]
            taken = [punch.sequence <= self.released and wanted(punch) for punch in punches]
            if not any(taken):
                return []
            for _ in waiting:  # what is pushed meanwhile comes in at the other end
                self._waiting.popleft()
            self._waiting.extendleft(
                each for each, out in zip(reversed(waiting), reversed(taken), strict=True) if not out
            )
            return [punch for punch, out in zip(punches, taken, strict=True) if out]

    def put_back(self, punches: list[Punch]) -> None:
        """Put punches that were taken to the front again."""
        from lambda_punch.runtime.punch import closed

        with self._lock:
            self._waiting.extendleft(closed(punch) for punch in reversed(punches))

    def clear(self) -> list[Punch]:
        """Take every punch that waits, released or not."""
        from lambda_punch.runtime.punch import opened

        with self._lock:
            return [opened(self._waiting.popleft()) for _ in range(len(self._waiting))]
