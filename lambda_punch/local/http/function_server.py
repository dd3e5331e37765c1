"""The function behind a port: AWS's invoke URL for programs, and API Gateway for browsers and curl."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import threading
import uuid
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from lambda_punch.local.errors import EnvironmentClosedError
from lambda_punch.local.platform.refusals import MAX_PAYLOAD_BYTES

from .gateway import HttpRequest, http_answer, proxy_event

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from typing_extensions import Self

    from lambda_punch.local.platform.invocation import Invocation

INVOKE_PATH = "/2015-03-31/functions/function/invocations"


class Function(Protocol):
    """What is served: something that takes invokes, such as a local Lambda."""

    def submit(
        self, event: bytes, *, client_context: str | None = None, trace_id: str | None = None
    ) -> Future[Invocation]:
        """Queue an invoke and return at once; raise EnvironmentClosedError if there is no environment."""


class FunctionServer:
    """Serves one started function on 127.0.0.1, from a thread of its own, as a context manager.

    Port 0 takes a free one. Raise OSError on entering if the port is taken.
    """

    def __init__(self, function: Function, port: int = 0) -> None:
        self.url = ""
        self._function = function
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="function-server", daemon=True)

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

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits for the start
            self._failure = error
        finally:
            self._loop.close()
            self._ready.set()

    async def _serve(self) -> None:
        runner = web.ServerRunner(web.Server(self._handle, access_log=None, auto_decompress=False), shutdown_timeout=0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.content.read()
        try:
            if request.path == INVOKE_PATH:
                return await self._invoke(request, body)
            return await self._proxy(request, body)
        except EnvironmentClosedError:
            return web.json_response({"message": "Service Unavailable"}, status=503)

    # -- the invoke URL -----------------------------------------------------------------------------------------------

    async def _invoke(self, request: web.BaseRequest, body: bytes) -> web.Response:
        if len(body) > MAX_PAYLOAD_BYTES:
            return web.json_response({"message": f"{len(body)} byte payload is too large"}, status=413)
        try:
            client_context = base64.b64decode(request.headers.get("X-Amz-Client-Context", ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return web.json_response({"message": "X-Amz-Client-Context is not base64"}, status=500)
        future = self._function.submit(
            body or b"{}",
            client_context=client_context or None,
            trace_id=request.headers.get("X-Amzn-Trace-Id"),
        )
        if request.headers.get("X-Amz-Invocation-Type") == "Event":
            return web.Response(status=202)
        return _invoked(await asyncio.wrap_future(future))

    # -- API Gateway --------------------------------------------------------------------------------------------------

    async def _proxy(self, request: web.BaseRequest, body: bytes) -> web.Response:
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
        event = json.dumps(proxy_event(http, str(uuid.uuid4()))).encode()
        answer = http_answer(await asyncio.wrap_future(self._function.submit(event)))
        response = web.Response(status=answer.status, body=answer.body)
        response.headers.popall("Content-Type", None)
        for name, content in answer.headers:
            if name not in ("content-length", "transfer-encoding", "connection"):
                response.headers.add(name, content)
        return response


def _invoked(invocation: Invocation) -> web.Response:
    headers = {
        "Content-Type": invocation.content_type,
        "X-Amzn-Requestid": invocation.request_id,
        "X-Amz-Executed-Version": "$LATEST",
    }
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
