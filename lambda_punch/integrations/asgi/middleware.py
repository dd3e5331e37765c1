"""PunchMiddleware: the application goes on after its response, when the caller has it."""

from __future__ import annotations

import asyncio
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.errors import ShutDownError
from lambda_punch.integrations import _django
from lambda_punch.integrations._interface import begin
from lambda_punch.integrations._place import defers
from lambda_punch.integrations._view import as_view
from lambda_punch.integrations.asgi import background_tasks
from lambda_punch.integrations.asgi.exchange import Exchange
from lambda_punch.integrations.asgi.lifespan import Lifespan, after_jobs
from lambda_punch.runtime.start import process
from lambda_punch.runtime.tasks import bound
from lambda_punch.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from lambda_punch.integrations.asgi.types import App, Receive, Scope, Send

# These run a coroutine on a loop made for it alone, and cancel what is left on it; the last is Mangum 0.20's own.
_RUN_ONCE = {"asyncio.runners", "anyio._backends._asyncio", "uvloop", "mangum._compat"}

_TURNS_TO_END = (
    50  # of the loop, in which an application that does nothing more has ended: its tasks tell each other so
)


class PunchMiddleware:
    """Answer first: ``handler = Mangum(PunchMiddleware(app))``, for any ASGI application.

    On Lambda, under AWS's runtime client, the response goes out when its last part has been sent. What the application
    does after that (Starlette's and FastAPI's background tasks, exits of dependencies with ``yield``, the ends of
    middlewares) is pushed, and runs after the response on the same event loop. An error in it goes to the error handler,
    or else into the log, under the name of the endpoint. The application's lifespan is started once per environment,
    and never shut down. Everywhere else, and for websockets, the application is called as if this middleware were not
    there; only the end of its lifespan waits for its jobs, because uvicorn ends its process by a signal afterwards.

    Put it outermost, because middlewares around it end before the response. The application runs in a task of its own,
    so context variables that it sets are not seen outside. Work that has not been started in time at a shutdown cannot
    go on in another process; the log says so.
    """

    def __init__(self, app: App) -> None:
        """Call start() on Lambda; make it in module code, so that the extension hears of it in time.

        Raises ConfigurationError for what is not an ASGI application.
        """
        begin(self, app, takes=3, adapters="Mangum(PunchMiddleware(app))")
        self.app = app
        self._lifespan = Lifespan(app)
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the adapter's lifespan."""
        if scope["type"] == "lifespan" and defers():
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and defers() and self._loop_stays():
            await self._answer_first(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.app(scope, after_jobs(receive), send)
        else:
            await self.app(scope, receive, send)

    async def _answer_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        background_tasks.isolate()
        _django.watch()

        ended: list[Context] = []
        told: list[BaseException] = []

        async def serve() -> None:
            background_tasks.request_id.set(process.request_id)
            background_tasks.told.set(told)
            try:
                await self.app(scope, exchange.receive, exchange.send)
            finally:
                ended.append(copy_context())

        exchange = Exchange(scope, receive, send, serve.__code__)
        loop = asyncio.get_running_loop()
        since = process.tasks.watch(loop, driven=True)
        task = loop.create_task(serve())
        await _answered(task, exchange)
        turns = Turns.of(loop)
        since.seen.add(task)
        if task.done():
            process.tasks.follow(since)
            task.result()
            return

        def rest() -> None:
            try:
                if not task.done():
                    loop.call_soon_threadsafe(exchange.open)
                turns.drive(task.done)
                process.tasks.follow(since)
                if task.cancelled() or not any(each is task.exception() for each in told):
                    task.result()
            finally:  # an error is reported in the context in which it was raised
                for context in ended:
                    _take_over(context)

        try:
            process.push(_as_view(bound(rest), scope, self.app))
        except ShutDownError:
            exchange.open()
            await task
        else:
            turns.leave(task, exchange.open)

    def _loop_stays(self) -> bool:
        """Tell whether the loop will be there after the response."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False  # trio's
        if Turns.are_known(loop):
            return True
        frame = sys._getframe()  # noqa: SLF001 - nothing else shows what runs the loop
        while frame.f_back is not None:
            frame = frame.f_back
            if frame.f_globals.get("__name__") in _RUN_ONCE:
                self._tell_once()
                return False
        return True

    def _tell_once(self) -> None:
        if not self._told:
            self._told = True
            logger().error(
                "PunchMiddleware has no effect: each request is run on an event loop of its own (asyncio.run), which "
                "ends with it; use an adapter that keeps its loop, such as Mangum (any release but 0.20)"
            )


async def _answered(task: asyncio.Task[None], exchange: Exchange) -> None:
    """Wait until the response has been sent; if nothing can follow it, until the application has ended."""
    try:
        await asyncio.wait({task, exchange.sent}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    for _ in range(_TURNS_TO_END if exchange.is_end else 0):
        if task.done():
            break
        await asyncio.sleep(0)


def _as_view(rest: Callable[[], Any], scope: Scope, app: App) -> Callable[[], Any]:
    handler = scope.get("route_handler")  # Litestar's
    view = scope.get("endpoint") or getattr(handler, "fn", None)
    return as_view(rest, view, app, f"{scope.get('method', '')} {scope.get('path', '')}")


def _take_over(context: Context) -> None:
    """Give the variables of this context their values in another one."""
    for variable, value in context.items():
        variable.set(value)
