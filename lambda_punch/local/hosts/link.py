"""The host's end of the connection to :mod:`.guest`: requests go out, answers and news come in.

A guest has to show a token, because any process of this machine can connect to the port. For the event loop only.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class LinkLostError(Exception):
    """The container has ended, or nothing in it answers any more."""


class Link:
    """Waits on a port of 127.0.0.1 for one guest. ``on_news`` gets what the guest says unasked, in order.

    ``connected`` is done once the guest is there, ``lost`` once it is gone.
    """

    def __init__(self, on_news: Callable[[dict[str, Any]], None]) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._on_news = on_news
        self._token = secrets.token_hex(16)
        self._server: asyncio.Server | None = None
        self._transport: asyncio.Transport | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_id = 0

    async def listen(self) -> str:
        """Open the port; return what the guest needs to know: address, port and token."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Peer(self, self._token), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host} {port} {self._token}"

    def new_id(self) -> int:
        """Return the id of a new request."""
        self._last_id += 1
        return self._last_id

    async def ask(self, verb: str, *, number: int | None = None, **details: Any) -> dict[str, Any]:
        """Send a request and return its answer; raise LinkLostError."""
        if self._transport is None or self.lost.done():
            raise LinkLostError
        number = self.new_id() if number is None else number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._transport.write(json.dumps({"id": number, "do": verb, **details}).encode() + b"\n")
        return await answer

    def close(self) -> None:
        """End the connection, and with it everything in the container."""
        if self._server is not None:
            self._server.close()
        if self._transport is not None:
            self._transport.abort()

    # -- from the connection ------------------------------------------------------------------------------------------

    def accept(self, transport: asyncio.Transport) -> bool:
        """Take a guest that has shown the token; return False if there already is one."""
        if self._transport is not None:
            return False
        self._transport = transport
        if self._server is not None:
            self._server.close()
        self.connected.set_result(None)
        return True

    def receive(self, line: bytes) -> None:
        """Take in a message."""
        message: dict[str, Any] = json.loads(line)
        answer = self._answers.pop(message["id"], None) if "id" in message else None
        if answer is None:
            self._on_news(message)
        elif not answer.done():
            answer.set_result(message)

    def lose(self) -> None:
        """Fail every request that waits: no answer will come."""
        if not self.lost.done():
            self.lost.set_result(None)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LinkLostError())
        self._answers.clear()


class _Peer(asyncio.Protocol):
    """One connection, which has to begin with the token."""

    def __init__(self, link: Link, token: str) -> None:
        self._link = link
        self._token = token.encode()
        self._transport: asyncio.Transport | None = None
        self._known = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._known:
                self._link.receive(line)
            elif not self._introduce(line):
                return

    def connection_lost(self, _error: Exception | None) -> None:
        if self._known:
            self._link.lose()

    def _introduce(self, line: bytes) -> bool:
        assert self._transport is not None
        self._known = secrets.compare_digest(line, self._token) and self._link.accept(self._transport)
        if not self._known:
            self._transport.abort()
        return self._known
