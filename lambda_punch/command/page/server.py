"""The page's server: a port of its own on loopback, on a thread of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from lambda_punch.command.event import KINDS, sample
from lambda_punch.local.errors import LocalLambdaError
from lambda_punch.local.http.loopback import LoopbackServer

from .document import STATIC, served
from .guard import HEADERS, TOKEN_HEADER, Guard
from .queue_routes import QueueRoutes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .feed import Feed
    from .queues import Queues
    from .sender import Sender

_LOOK_EVERY = 0.1  # seconds between two looks for changes while a page is open
_KEEP_ALIVE = 15.0  # seconds after which an idle stream says that it lives
_LARGEST = 6 * 1024 * 1024  # bytes of an event, as for Lambda itself


class PageServer(LoopbackServer):
    """Shows a feed; the page gets ``about`` as it is.

    ``sender`` sends what the page is asked to; without it the page only shows. ``queues`` are shown,
    too.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        port: int = 0,
        about: dict[str, Any],
        sender: Sender | None = None,
        queues: Queues | None = None,
    ) -> None:
        super().__init__(port, "page-server")
        self._feed = feed
        self._about = about
        self._sender = sender
        self._queues = None if queues is None else QueueRoutes(queues)
        self._guard: Guard | None = None

    def _listening(self, port: int) -> None:
        self._guard = Guard(port)
        self.url = f"http://127.0.0.1:{port}/"

    def _runner(self) -> web.BaseRunner:
        application = web.Application(middlewares=[self._guarded], client_max_size=_LARGEST)
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/stream", self._stream),
                web.get("/requests/{id}", self._details),
                web.get("/samples/{kind}", self._sample),
                web.post("/events", self._send_event),
                web.post("/http", self._send_request),
                web.post("/requests/{id}/again", self._send_again),
                web.static("/static", STATIC),
            ]
        )
        if self._queues is not None:
            application.add_routes(self._queues.all())
        return web.AppRunner(application, access_log=None, shutdown_timeout=0)

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        assert self._guard is not None
        headers = request.headers
        reason = self._guard.refuses(
            headers.get("Host"), headers.get("Origin"), headers.get(TOKEN_HEADER), changes=request.method != "GET"
        )
        if reason is not None:
            return _refused(403, reason)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return _refused(error.status, error.reason)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    # -- to be shown --------------------------------------------------------------------------------------------------

    async def _page(self, _request: web.Request) -> web.Response:
        assert self._guard is not None
        return web.Response(text=served(self._guard.token), content_type="text/html")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send all that is known, and then whatever changes, as server-sent events."""
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        hello = {
            "began": self._feed.epoch,
            "now": self._feed.now(),
            "sends": self._sender is not None,
            "samples": KINDS,
            "queues": self._queues and self._queues.about,
            **self._about,
        }
        with suppress(ConnectionResetError):  # the page was closed
            await response.write(_server_sent("hello", hello))
            await self._follow(response)
        return response

    async def _follow(self, response: web.StreamResponse) -> None:
        seen, quiet = 0, 0.0
        while not self._stop.is_set():
            seen, records = self._feed.changes(seen)
            if records:
                await response.write(_server_sent("changes", {"now": self._feed.now(), "records": records}))
                quiet = 0.0
            elif quiet >= _KEEP_ALIVE:
                await response.write(b": still here\n\n")
                quiet = 0.0
            await asyncio.sleep(_LOOK_EVERY)
            quiet += _LOOK_EVERY

    async def _details(self, request: web.Request) -> web.Response:
        found = self._feed.details(request.match_info["id"])
        if found is None:
            return _refused(404, "this request is not kept any more")
        return web.json_response(found)

    async def _sample(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in KINDS:
            return _refused(404, f"there is no sample of {kind}; there are: {', '.join(KINDS)}")
        return web.json_response(sample(kind))

    # -- to be done ---------------------------------------------------------------------------------------------------

    async def _send_event(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            json.loads(body)
        except ValueError as error:
            return _refused(400, f"the event is not JSON: {error}")
        function = request.query.get("function")
        return self._sent(lambda sender: sender.event(body, function))

    async def _send_request(self, request: web.Request) -> web.Response:
        """Send an HTTP request as API Gateway hands it on: a JSON object with method, path and body."""
        try:
            given = json.loads(await request.read())
            method, path, body = (str(given.get(name) or "") for name in ("method", "path", "body"))
        except (ValueError, AttributeError):
            return _refused(400, "a request is a JSON object with method, path and body")
        if not method.isalpha() or not path.startswith("/") or " " in path:
            return _refused(400, "a request has a method like POST and a path like /orders")
        return self._sent(lambda sender: sender.http(method.upper(), path, body))

    async def _send_again(self, request: web.Request) -> web.Response:
        event = self._feed.event_of(request.match_info["id"])
        if event is None:
            return _refused(404, "this request is not kept any more")
        function = self._feed.function_of(request.match_info["id"])
        return self._sent(lambda sender: sender.event(event, function))

    def _sent(self, send: Callable[[Sender], None]) -> web.Response:
        if self._sender is None:
            return _refused(409, "this run takes no events from the page")
        try:
            send(self._sender)
        except LocalLambdaError as error:  # throttled, or shut down
            return _refused(409, str(error))
        return web.json_response({"sent": True}, status=202)


def _refused(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status, headers=HEADERS)


def _server_sent(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
