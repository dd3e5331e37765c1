"""A server on this machine's loopback, on a thread of its own: what the function's server and the page's have in common."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class LoopbackServer(ABC):
    """Serves on 127.0.0.1 while it is entered, as a context manager; ``url`` is its address then.

    Port 0 takes a free one. Raise OSError on entering if the port is taken.
    """

    def __init__(self, port: int, thread: str) -> None:
        self.url = ""
        self._port = port
        self._asynchronous: set[asyncio.Task[None]] = set()  # outlive their requests, but not the server
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=thread, daemon=True)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port; a request under way is broken off."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @abstractmethod
    def _runner(self) -> web.BaseRunner:
        """Return the runner of what is served, on the server's thread."""

    def _listening(self, port: int) -> None:
        """Take the port that was chosen, before anybody knows the address."""
        self.url = f"http://127.0.0.1:{port}"

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits for the start
            self._failure = error
        finally:
            self._loop.close()
            self._ready.set()

    async def _serve(self) -> None:
        runner = self._runner()
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            self._listening(int(runner.addresses[0][1]))
            self._ready.set()
            await self._stop.wait()
        finally:
            for task in self._asynchronous:
                task.cancel()
            await runner.cleanup()
