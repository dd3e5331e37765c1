"""Waiting on the event loop until a condition holds; it is looked at again after each change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class DeadlineError(Exception):
    """The condition did not hold before the deadline."""


class Changes:
    """Lets one waiter look at its condition again after each change. For the event loop only; nothing polls."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    def notify(self) -> None:
        """Say that something changed."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], deadline: float | None = None) -> None:
        """Wait until the condition holds, or raise DeadlineError at the monotonic instant ``deadline``.

        A condition that raises ends the wait with its exception.
        """
        loop = asyncio.get_running_loop()
        timer = None if deadline is None else loop.call_at(deadline, self.notify)
        try:
            while not condition():
                if deadline is not None and loop.time() >= deadline:
                    raise DeadlineError
                self._waiter = loop.create_future()
                await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
