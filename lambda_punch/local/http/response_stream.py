"""A streamed response, handed on part by part while the function still sends.

Two forms: that of InvokeWithResponseStream, in AWS's event stream encoding, and plain HTTP as a function URL gives it.

- https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
- https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
- https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Future

    from lambda_punch.local.platform.invocation import Invocation, OnChunk

EVENT_STREAM = "application/vnd.amazon.eventstream"
WITH_PRELUDE = "application/vnd.awslambda.http-integration-response"
_PRELUDE_ENDS = b"\0" * 8
_STRING = 7  # the type of a header's value


class Parts:
    """The parts of one response, as they come in. For the event loop that makes it."""

    def __init__(self, submit: Callable[[OnChunk], Future[Invocation]]) -> None:
        self.content_type = ""
        self.streamed = False
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._first: bytes | None = None
        self._done = submit(self._on_chunk)
        self._done.add_done_callback(lambda _: self._put(None))

    def _on_chunk(self, chunk: bytes, content_type: str) -> None:
        self.content_type = content_type
        self.streamed = True
        self._put(chunk)

    def _put(self, part: bytes | None) -> None:
        with suppress(RuntimeError):  # the server has ended in the meantime
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, part)

    async def begin(self) -> bool:
        """Wait for the first part, or for an answer in one piece; return whether the response is streamed."""
        self._first = await self._arrived.get()
        return self._first is not None

    async def invocation(self) -> Invocation:
        """Wait for the end; return the whole, or raise what the invoke raises."""
        return await asyncio.wrap_future(self._done)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the parts that come after :meth:`begin`, its own included."""
        part = self._first
        while part is not None:
            yield part
            part = await self._arrived.get()


async def stream_as_aws(request: web.BaseRequest, parts: Parts) -> web.StreamResponse:
    """Answer InvokeWithResponseStream; a response in one piece is one part."""
    if not await parts.begin():
        await parts.invocation()  # raises if the function was not invoked at all
    response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM, "X-Amz-Executed-Version": "$LATEST"})
    await response.prepare(request)
    async for part in parts:
        await response.write(_message("PayloadChunk", "application/octet-stream", part))
    invocation = await parts.invocation()
    complete = {}
    if not invocation.ok:
        complete = {"ErrorCode": invocation.error_type, "ErrorDetails": invocation.payload.decode("utf-8", "replace")}
    elif not parts.streamed:
        await response.write(_message("PayloadChunk", "application/octet-stream", invocation.payload))
    await response.write(_message("InvokeComplete", "application/json", json.dumps(complete).encode()))
    await response.write_eof()
    return response


async def stream_as_http(request: web.BaseRequest, parts: Parts) -> web.StreamResponse:
    """Answer a browser with a response that has begun. A prelude has the status and the headers, else the status is 200.

    A response that fails on its way is broken off, so the browser sees that it is not whole.
    """
    iterator = parts.__aiter__()
    body = b""
    response = web.StreamResponse()
    if parts.content_type == WITH_PRELUDE:
        async for part in iterator:
            body += part
            if _PRELUDE_ENDS in body:
                break
        prelude, ended, body = body.partition(_PRELUDE_ENDS)
        if not ended or not _took_prelude(response, prelude):
            return web.json_response({"message": "Internal Server Error"}, status=500)
    else:
        response.content_type = parts.content_type.split(";", 1)[0]
    await response.prepare(request)
    if body:
        await response.write(body)
    async for part in iterator:
        await response.write(part)
    if (await parts.invocation()).ok:
        await response.write_eof()
    elif request.transport is not None:
        request.transport.close()
    return response


def _took_prelude(response: web.StreamResponse, prelude: bytes) -> bool:
    """Give the response the status and the headers of the prelude; return False if that cannot be read."""
    try:
        found = json.loads(prelude)
        response.set_status(int(found.get("statusCode", 200)))
        for name, value in (found.get("headers") or {}).items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                response.headers[name] = str(value)
        response.headers.setdefault("Content-Type", "application/octet-stream")
        for cookie in found.get("cookies") or []:
            response.headers.add("Set-Cookie", cookie)
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def _message(event: str, content_type: str, payload: bytes) -> bytes:
    """Return one message of the event stream: lengths, their checksum, headers, payload, checksum of all."""
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
        for name, value in ((":message-type", "event"), (":event-type", event), (":content-type", content_type))
    )
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return head + struct.pack(">I", zlib.crc32(head))
