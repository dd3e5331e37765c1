"""What the page asks of queues, over HTTP. Each question that SQS answers waits on a thread of its own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from lambda_punch.errors import LambdaPunchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .queues import Queues

_EVERY_WHEN_SEEN = 1.0  # seconds between two looks of an open page at the numbers
_EVERY = 10.0  # the same where each look is calls to AWS


class QueueRoutes:
    """The routes of ``queues``. All that receives or changes messages is a POST, so it needs the page's token."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    @property
    def about(self) -> dict[str, Any]:
        """What the page has to know: how often to ask, whether it may change anything, and whether looking counts."""
        queues = self._queues
        every = _EVERY if queues.receives else _EVERY_WHEN_SEEN
        return {"every": every, "changes": queues.changes, "receives": queues.receives}

    def all(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/queues", self._counts),
            web.post("/queues/{name}/look", self._look),
            web.post("/queues/{name}/run", self._run),
            web.post("/queues/{name}/drop", self._drop),
        ]

    async def _counts(self, _request: web.Request) -> web.Response:
        return await _answered(self._queues.counts)

    async def _look(self, request: web.Request) -> web.Response:
        return await _answered(self._queues.contents, request.match_info["name"])

    async def _run(self, request: web.Request) -> web.Response:
        return await self._changed(self._queues.run, request)

    async def _drop(self, request: web.Request) -> web.Response:
        return await self._changed(self._queues.drop, request)

    async def _changed(
        self, change: Callable[[str, Sequence[str]], dict[str, Any]], request: web.Request
    ) -> web.Response:
        try:
            named = json.loads(await request.read())["messages"]
        except (ValueError, KeyError, TypeError):
            named = None
        if not isinstance(named, list) or not named or not all(isinstance(each, str) for each in named):
            return web.json_response({"error": 'say which: {"messages": [ids of messages]}'}, status=400)
        return await _answered(change, request.match_info["name"], named)


async def _answered(work: Callable[..., dict[str, Any]], *arguments: Any) -> web.Response:
    try:
        return web.json_response(await asyncio.to_thread(work, *arguments))
    except LambdaPunchError as error:
        return web.json_response({"error": str(error)}, status=409)
