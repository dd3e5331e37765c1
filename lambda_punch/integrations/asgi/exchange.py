"""One request's messages, with a gate behind the last one of the response."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from lambda_punch.integrations.asgi.ends import nothing_follows

if TYPE_CHECKING:
    from types import CodeType

    from lambda_punch.integrations.asgi.types import Message, Receive, Scope, Send


class Exchange:
    """The messages between server and application.

    The application waits inside its own last ``send`` until the gate opens, so nothing that it does after the response
    (background tasks, exits of dependencies, the ends of middlewares) begins before that. The server's
    ``http.disconnect`` is held back as long. A streaming response would take it to mean that the caller has gone, and
    the waiting ``send`` would be cancelled. Where nothing can follow, the gate is open from the beginning.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, root: CodeType) -> None:
        """``root``: the code of the function that calls the application."""
        self._scope = scope
        self._receive = receive
        self._root = root
        self._send = send
        self._gate = asyncio.Event()
        self._trailers = False
        self.sent = asyncio.get_running_loop().create_future()
        self.is_end = False  # whether nothing can follow what has been sent

    def open(self) -> None:
        """Let the application go on; on the loop's own thread, or while the loop stands still."""
        self._gate.set()

    async def receive(self) -> Message:
        """Pass a message on to the application."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            await self._gate.wait()
            await asyncio.sleep(0)  # the one that waits in send comes first
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on to the server; after the last one return only when the gate is open."""
        await self._send(message)
        if message["type"] == "http.response.start":
            self._trailers = bool(message.get("trailers"))
        elif self._is_last(message):
            if not self.sent.done():
                self.sent.set_result(None)
                self.is_end = nothing_follows(sys._getframe(1), self._root, self._scope)  # noqa: SLF001 - who waits for this
                if self.is_end:
                    self._gate.set()
            await self._gate.wait()  # does not give way to others if the gate is open

    def _is_last(self, message: Message) -> bool:
        kind = message["type"]
        if kind == "http.response.trailers":
            return not message.get("more_trailers")
        if kind == "http.response.pathsend":
            return not self._trailers
        return kind == "http.response.body" and not message.get("more_body") and not self._trailers
