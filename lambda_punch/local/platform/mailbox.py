"""Where a blocked ``next`` waits: holds at most one message, the newest."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .next_events import NextEvent


class Mailbox:
    """A latch with a message. To be used on the event loop only.

    A message put while nobody waits is kept; a later one replaces it, since what a late poller gets is whatever is
    current. Of several waiters the first is served, even if its client has hung up meanwhile: as on Lambda, an event
    that is written to a dead connection is lost.
    """

    def __init__(self) -> None:
        self._message: NextEvent | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def put(self, message: NextEvent) -> None:
        """Leave a message and wake the first waiter."""
        self._message = message
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
        """Wait for a message and take it out; None if the mailbox is closed."""
        while self._message is None and not self._closed:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        message, self._message = self._message, None
        return message
