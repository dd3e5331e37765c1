"""The application's lifespan, once for each environment, whatever the adapter does.

Mangum starts the application up and shuts it down at every invoke, unless it has ``lifespan="off"``. Connections would be
made for each request, and closed before the work after the response. Behind this class the application hears of the first
startup only, and of no shutdown: Lambda ends an environment by killing it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lambda_punch.runtime.start import process, settings

if TYPE_CHECKING:
    from lambda_punch.integrations.asgi.types import App, Message, Receive, Scope, Send


def after_jobs(receive: Receive) -> Receive:
    """Have the shutdown begin when the jobs are done, at most ``exit_timeout`` seconds later; not on Lambda.

    The application still has its connections then. A server that ends its process by a signal after the shutdown, as
    uvicorn does, leaves no other moment for them.
    """

    async def received() -> Message:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # trio's: the exit of the process waits
                return message
            await loop.run_in_executor(None, process.mode.wait, settings().exit_timeout)
        return message

    return received


class Lifespan:
    """Holds the application's lifespan open from its first startup on."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of the adapter's lifespans."""
        message = await receive()
        if self._loop is asyncio.get_running_loop():
            scope.setdefault("state", {}).update(self._state)
            answer: Message = {"type": "lifespan.startup.complete"}
        else:
            answer = await self._start(scope, message)
        await send(answer)
        if answer["type"] == "lifespan.startup.complete":
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    async def _start(self, scope: Scope, startup: Message) -> Message:
        """Start the application up and return its answer; raise what it raises, as one without a lifespan does."""
        events: asyncio.Queue[Message] = asyncio.Queue()
        events.put_nowait(startup)
        answers: asyncio.Queue[Message] = asyncio.Queue()

        async def live() -> None:
            await self._app(scope, events.get, answers.put)

        task, answered = asyncio.create_task(live()), asyncio.create_task(answers.get())
        await asyncio.wait({task, answered}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done() and answers.empty():
            answered.cancel()
            task.result()
            raise RuntimeError("the application ended its lifespan without an answer to lifespan.startup")
        answer = await answered
        if answer["type"] == "lifespan.startup.complete":
            self._loop, self._task, self._state = asyncio.get_running_loop(), task, dict(scope.get("state") or {})
        else:
            await asyncio.gather(task, return_exceptions=True)
        return answer
