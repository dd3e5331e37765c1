"""The function behind a port: AWS's invoke API for programs, and API Gateway for browsers and curl.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from lambda_punch.local.errors import EnvironmentClosedError, ThrottledError
from lambda_punch.local.platform.refusals import MAX_PAYLOAD_BYTES

from .gateway import HttpRequest
from .loopback import LoopbackServer
from .response_stream import Parts, stream_as_aws, stream_as_http
from .routes import Functions, OneFunction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from lambda_punch.local.platform.invocation import Invocation, OnChunk

    from .routes import Function

INVOKE_PATH = "/2015-03-31/functions/function/invocations"
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?\Z")
_STREAM = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations/?\Z")
_NAME = re.compile(
    r"(arn:[\w-]+:lambda:[\w-]+:\d{12}:function:|\d{12}:function:|function:)?(?P<name>[\w-]+)(:(?P<qualifier>[\w$-]+))?\Z"
)
_RETRY_AFTER = (60.0, 120.0)  # seconds before an asynchronous invoke that failed is tried again, about as Lambda does


class FunctionServer(LoopbackServer):
    """Serves one started function, or several.

    With a ``name`` programs have to call a single function by it; without one any name calls it. ``retry_after``: seconds
    before each further try of an asynchronous invoke.
    """

    def __init__(
        self,
        function: Function | Functions,
        port: int = 0,
        *,
        name: str | None = None,
        retry_after: Sequence[float] = _RETRY_AFTER,
    ) -> None:
        super().__init__(port, "function-server")
        self._functions: Functions = function if isinstance(function, Functions) else OneFunction(function, name)
        self._retry_after = retry_after

    def _runner(self) -> web.BaseRunner:
        return web.ServerRunner(web.Server(self._handle, access_log=None, auto_decompress=False), shutdown_timeout=0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        try:
            called = _INVOKE.match(request.path)
            if called and request.method == "POST":
                return await self._invoke(request, unquote(called[1]), body)
            streaming = _STREAM.match(request.path)
            if streaming and request.method == "POST":
                return await self._invoke(request, unquote(streaming[1]), body, streamed=True)
            return await self._proxy(request, body)
        except EnvironmentClosedError:
            return web.json_response({"message": "Service Unavailable"}, status=503)
        except ThrottledError:
            return web.json_response({"message": "Too Many Requests"}, status=429)

    # -- the invoke URL -----------------------------------------------------------------------------------------------

    def _mistake_in(self, kind: str, called: str, body: bytes) -> web.Response | None:
        """Return the answer to a call that Lambda would refuse."""
        found = _NAME.match(called)
        if len(body) > MAX_PAYLOAD_BYTES:
            return _refused(413, "RequestTooLargeException", f"{len(body)} byte payload is too large")
        if found is None:
            return _refused(400, "ValidationException", f"{called} is not a function's name or ARN")
        if self._functions.called(found["name"]) is None:
            text = f"Function not found: {called}; {self._functions.known()} is served here"
            return _refused(404, "ResourceNotFoundException", text)
        if kind not in {"RequestResponse", "Event", "DryRun"}:
            return _refused(400, "InvalidParameterValueException", f"{kind} is not an invocation type")
        try:
            json.loads(body or b"{}")
        except ValueError as error:
            text = f"Could not parse request body into json: {error}"
            return _refused(400, "InvalidRequestContentException", text)
        return None

    async def _invoke(
        self, request: web.BaseRequest, called: str, body: bytes, *, streamed: bool = False
    ) -> web.StreamResponse:
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        mistake = self._mistake_in(kind, called, body)
        if mistake is not None:
            return mistake
        named = _NAME.match(called)
        function = self._functions.called(named["name"]) if named else None
        assert function is not None
        if kind == "DryRun":
            return web.Response(status=204, headers=_identified(str(uuid.uuid4())))
        try:
            client_context = base64.b64decode(request.headers.get("X-Amz-Client-Context", ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return web.json_response({"message": "X-Amz-Client-Context is not base64"}, status=500)
        trace_id = request.headers.get("X-Amzn-Trace-Id")
        tail = request.headers.get("X-Amz-Log-Type", "None") == "Tail"

        def submit(on_chunk: OnChunk | None = None) -> Future[Invocation]:
            return function.submit(
                body or b"{}", client_context=client_context or None, trace_id=trace_id, on_chunk=on_chunk
            )

        if kind == "Event":
            task = asyncio.ensure_future(self._until_done(submit))
            self._asynchronous.add(task)
            task.add_done_callback(self._asynchronous.discard)
            return web.Response(status=202, headers=_identified(str(uuid.uuid4())))
        try:
            return await (stream_as_aws(request, Parts(submit)) if streamed else _answered(submit(), tail=tail))
        except ThrottledError as error:
            return _refused(429, "TooManyRequestsException", f"Rate Exceeded: {error}", {"Retry-After": "1"})

    async def _until_done(self, submit: Callable[[], Future[Invocation]]) -> None:
        """Try an asynchronous invoke, and again if the function fails, as Lambda does; throttled ones are tried longer."""
        waits = list(self._retry_after)
        while True:
            try:
                if (await asyncio.wrap_future(submit())).ok or not waits:
                    return
                await asyncio.sleep(waits.pop(0))
            except ThrottledError:
                await asyncio.sleep(1)
            except EnvironmentClosedError:
                return

    # -- API Gateway --------------------------------------------------------------------------------------------------

    async def _proxy(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        http = HttpRequest(
            method=request.method,
            path=path,
            query=query,
            headers=[*request.headers.items(), *_forwarded(request)],
            body=body,
            source_ip=request.remote or "127.0.0.1",
            protocol=f"HTTP/{request.version.major}.{request.version.minor}",
        )
        routed = self._functions.routed(http)
        if routed is None:
            return web.json_response({"message": "Not Found"}, status=404)
        event = json.dumps(routed.event).encode()
        parts = Parts(lambda on_chunk: routed.function.submit(event, on_chunk=on_chunk))
        if await parts.begin():
            return await stream_as_http(request, parts)
        answer = routed.answer(await parts.invocation())
        response = web.Response(status=answer.status, body=answer.body)
        response.headers.popall("Content-Type", None)
        for name, content in answer.headers:
            if name not in ("content-length", "transfer-encoding", "connection"):
                response.headers.add(name, content)
        return response


def _identified(request_id: str) -> dict[str, str]:
    return {"X-Amzn-Requestid": request_id}


def _refused(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in the shape that AWS's SDKs read."""
    return web.json_response(
        {"Type": "User", "Message": message, "message": message},
        status=status,
        headers={**_identified(str(uuid.uuid4())), "x-amzn-ErrorType": kind, **(headers or {})},
    )


async def _answered(future: Future[Invocation], *, tail: bool) -> web.StreamResponse:
    invocation = await asyncio.wrap_future(future)
    headers = {
        **_identified(invocation.request_id),
        "Content-Type": invocation.content_type,
        "X-Amz-Executed-Version": "$LATEST",
    }
    if tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(invocation.log_tail).decode()
    if not invocation.ok:
        headers["X-Amz-Function-Error"] = "Unhandled"
    return web.Response(status=200, body=invocation.payload, headers=headers)


def _forwarded(request: web.BaseRequest) -> list[tuple[str, str]]:
    """Return the headers that API Gateway adds."""
    port = request.host.rsplit(":", 1)[-1] if ":" in request.host else "80"
    return [
        ("x-forwarded-for", request.remote or "127.0.0.1"),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", request.scheme),
    ]
