"""The asyncio loop for ``async def`` jobs and asynchronous handlers: one, kept across requests.

One loop for the life of the process, because clients and connection pools belong to the loop that made them. It runs
in a thread of its own, made at the first use, so that a job that goes on into the next request (a freeze in its
middle) and that request's own async handler share it without meeting in ``run_until_complete``. Any thread may call
``run`` but the loop's own. asyncio is imported at the first use.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable
    from concurrent.futures import Future
    from contextvars import Context


class BackgroundLoop:
    """Runs awaitables to their end for other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Any], context: Context) -> Any:
        """Block until ``awaitable`` is done, run in ``context``; return its result or raise its exception."""
        return self.submit(awaitable, context).result()

    def submit(self, awaitable: Awaitable[Any], context: Context) -> Future[Any]:
        """Start ``awaitable`` in ``context`` and return at once."""
        import asyncio

        return context.run(asyncio.run_coroutine_threadsafe, _await(awaitable), self.loop())

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, made at the first call."""
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="lambda-punch-loop", daemon=True).start()
            return self._loop


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
