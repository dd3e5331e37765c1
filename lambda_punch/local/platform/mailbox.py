"""Where a blocked ``next`` waits: holds at most one event, the newest."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .next_events import NextEvent


class Mailbox:
    """Holds an event until a ``next`` takes it. For the event loop only.

    An event that comes while nobody waits is kept. A later one replaces it, because a late ``next`` gets the current
    event. Of several waiters the first is served, even if its client has hung up meanwhile: as on Lambda, an event
    that is written to a dead connection is lost.
    """

    def __init__(self) -> None:
        self._event: NextEvent | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def put(self, event: NextEvent) -> None:
        """Leave an event and wake the first waiter."""
        self._event = event
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def close(self) -> None:
        """Send every waiter away, now and later: their process has ended."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def take(self) -> NextEvent | None:
        """Wait for an event and take it out; return None if the mailbox is closed."""
        while self._event is None and not self._closed:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        event, self._event = self._event, None
        return event
