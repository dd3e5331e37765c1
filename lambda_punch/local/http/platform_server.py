"""The Runtime API and the Extensions API over HTTP, with aiohttp.

It reads a request, asks the platform what to do, records it and answers.

A response is read as a whole before the call is answered; a caller that wants a streamed one in parts gets each as soon
as it is here. aiohttp does not hand out trailers, so an error that a streaming function reports in trailers in the middle
of its response is not seen.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from lambda_punch.local.platform import refusals
from lambda_punch.local.platform.configuration import ACCOUNT_ID, FUNCTION_VERSION
from lambda_punch.local.platform.invocation import Answer, Call, function_error, platform_error
from lambda_punch.local.platform.recording import RUNTIME, Recorder, extension_source
from lambda_punch.local.platform.refusals import MAX_PAYLOAD_BYTES, Refusal

if TYPE_CHECKING:
    from lambda_punch.local.platform.environment import Environment
    from lambda_punch.local.platform.generation import Generation
    from lambda_punch.local.platform.mailbox import Mailbox
    from lambda_punch.local.platform.states import ExtensionCall
    from lambda_punch.local.platform.telemetry import Api

    from .telemetry_sender import TelemetrySender

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

# awslambdaric reports the X-Ray cause of an error in a header of up to a megabyte
_MAX_HEADER_BYTES = 2 * 1024 * 1024
_ANSWER_PATH = re.compile(r"/2018-06-01/runtime/invocation/([^/]*)/(response|error)")
_OK = {"status": "OK"}


class PlatformServer:
    """Serves ``AWS_LAMBDA_RUNTIME_API`` on a free port of 127.0.0.1. Event loop only."""

    def __init__(self, recorder: Recorder, telemetry: TelemetrySender) -> None:
        self.environment: Environment | None = None
        self._telemetry_sender = telemetry
        self._recorder = recorder
        self._runner: web.ServerRunner | None = None
        self._routes: dict[str, tuple[str, Handler]] = {
            "/2018-06-01/ping": ("GET", self._ping),
            "/2018-06-01/runtime/invocation/next": ("GET", self._runtime_next),
            "/2018-06-01/runtime/init/error": ("POST", self._runtime_init_error),
            "/2020-01-01/extension/register": ("POST", self._register),
            "/2020-01-01/extension/event/next": ("GET", self._extension_next),
            "/2020-01-01/extension/init/error": ("POST", self._extension_init_error),
            "/2020-01-01/extension/exit/error": ("POST", self._extension_exit_error),
            "/2022-07-01/telemetry": ("PUT", self._telemetry),
            "/2020-08-15/logs": ("PUT", self._logs),
        }

    async def start(self) -> str:
        """Listen; return ``host:port``."""
        server = web.Server(
            self._handle,
            access_log=None,
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"{host}:{port}"

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    # -- dispatch -----------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        match = _ANSWER_PATH.fullmatch(request.path)
        try:
            if match is not None and request.method == "POST":
                call: Literal["response", "error"] = "response" if match[2] == "response" else "error"
                return await self._runtime_answer(request, match[1], call)
            route = self._routes.get(request.path)
            if route is not None and route[0] == request.method:
                return await route[1](request)
            if route is not None or match is not None:
                return web.Response(status=405)
            return web.Response(status=404, text="404 page not found\n")
        except Refusal as refusal:
            return self._refused(request, refusal)

    def _refused(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        self._recorder.record(
            self._source_of(request),
            "refused",
            call=f"{request.method} {request.path}",
            status=refusal.status,
            body=refusal.body(),
        )
        return _json(refusal.status, refusal.body())

    def _source_of(self, request: web.BaseRequest) -> str:
        if request.path.startswith("/2018-06-01/"):
            return RUNTIME
        name = request.headers.get("Lambda-Extension-Name")
        identifier = request.headers.get("Lambda-Extension-Identifier")
        generation = self.environment.generation if self.environment else None
        for extension in generation.extensions if generation else ():
            if extension.identifier == identifier:
                return extension.source
        return extension_source(name or "unknown")

    def _generation(self) -> Generation:
        if self.environment is None or self.environment.generation is None:
            raise refusals.internal_error()
        return self.environment.generation

    # -- Runtime API --------------------------------------------------------------------------------------------------

    async def _ping(self, _request: web.BaseRequest) -> web.Response:
        return web.Response(text="pong")

    async def _runtime_next(self, _request: web.BaseRequest) -> web.Response:
        generation = self._generation()
        finished = generation.poll_runtime()
        self._recorder.record(RUNTIME, "next")
        if finished is not None:
            self._recorder.record(RUNTIME, "runtime-done", finished.request_id)
        generation.changes.notify()
        return await self._deliver(RUNTIME, generation.mailboxes[RUNTIME], generation.runtime.delivered)

    async def _runtime_answer(
        self, request: web.BaseRequest, request_id: str, kind: Literal["response", "error"]
    ) -> web.Response:
        generation = self._generation()
        call = generation.runtime.begin_answer(request_id, kind)
        try:
            answer, refusal = await _read_answer(request, kind, call)
        finally:
            generation.runtime.end_answer()
        at = time.monotonic()
        self._recorder.record(RUNTIME, kind, request_id, at=at, bytes=len(answer.payload), error_type=answer.error_type)
        # the runtime is answered first: awslambdaric holds the GIL, and every thread of the function, until it is
        asyncio.get_running_loop().call_soon(self._answer, call, answer, at)
        if refusal is not None:
            raise refusal
        return _json(202, _OK)

    def _answer(self, call: Call, answer: Answer, at: float) -> None:
        if self.environment is not None:
            self.environment.answer(call, answer, at)

    async def _runtime_init_error(self, request: web.BaseRequest) -> web.Response:
        generation = self._generation()
        answer = function_error(await request.content.read(), request.headers)
        generation.runtime.fail_init(answer)
        self._recorder.record(RUNTIME, "init-error", error_type=answer.error_type, body=answer.payload)
        return _json(202, _OK)

    # -- Extensions API -----------------------------------------------------------------------------------------------

    async def _register(self, request: web.BaseRequest) -> web.Response:
        generation = self._generation()
        body = await request.content.read()
        extension = generation.register(request.headers.get("Lambda-Extension-Name", ""), body)
        answer = {
            "functionName": generation.configuration.function_name,
            "functionVersion": FUNCTION_VERSION,
            "handler": generation.configuration.handler,
        }
        features = request.headers.get("Lambda-Extension-Accept-Feature", "").split(",")
        if "accountId" in [feature.strip() for feature in features]:
            answer["accountId"] = ACCOUNT_ID
        self._recorder.record(
            extension.source, "registered", events=sorted(extension.events), external=extension.external, body=answer
        )
        generation.changes.notify()
        return _json(200, answer, {"Lambda-Extension-Identifier": extension.identifier})

    async def _extension_next(self, request: web.BaseRequest) -> web.Response:
        generation = self._generation()
        extension = generation.extensions.poll(request.headers.get("Lambda-Extension-Identifier", ""))
        self._recorder.record(extension.source, "next")
        generation.changes.notify()
        return await self._deliver(extension.source, generation.mailboxes[extension.source], extension.delivered)

    async def _extension_init_error(self, request: web.BaseRequest) -> web.Response:
        return await self._extension_error(request, "init/error", "init-error", "Extension.InitError")

    async def _extension_exit_error(self, request: web.BaseRequest) -> web.Response:
        return await self._extension_error(request, "exit/error", "exit-error", "Extension.ExitError")

    async def _extension_error(
        self, request: web.BaseRequest, call: ExtensionCall, kind: Literal["init-error", "exit-error"], fatal: str
    ) -> web.Response:
        generation = self._generation()
        body = await request.content.read()
        error_type = request.headers.get("Lambda-Extension-Function-Error-Type", "")
        extension = generation.extensions.fail(request.headers.get("Lambda-Extension-Identifier", ""), call, error_type)
        generation.report(extension, fatal)
        self._recorder.record(extension.source, kind, error_type=error_type, body=body)
        return _json(202, _OK)

    async def _telemetry(self, request: web.BaseRequest) -> web.Response:
        return await self._subscribe(request, "Telemetry")

    async def _logs(self, request: web.BaseRequest) -> web.Response:
        return await self._subscribe(request, "Logs")

    async def _subscribe(self, request: web.BaseRequest, api: Api) -> web.Response:
        body = await request.content.read()
        extension = self._generation().extensions.find(request.headers.get("Lambda-Extension-Identifier", ""), "next")
        self._telemetry_sender.subscribe(extension.name, api, body)
        return web.Response(text='"OK"', content_type="application/json")

    # -- delivery -----------------------------------------------------------------------------------------------------

    async def _deliver(self, source: str, mailbox: Mailbox, delivered: Callable[[], None]) -> web.Response:
        message = await mailbox.take()
        if message is None:
            return web.Response(status=500)
        delivered()
        self._recorder.record(source, "event-delivered", message.request_id, event=message.word)
        return web.Response(status=200, body=message.body, headers=message.headers)


async def _read_answer(
    request: web.BaseRequest, kind: Literal["response", "error"], call: Call
) -> tuple[Answer, Refusal | None]:
    """Read what the runtime posts: what the caller gets, and the refusal that the runtime gets, if any."""
    mode = request.headers.get("Lambda-Runtime-Function-Response-Mode", "")
    content_type = request.headers.get("Content-Type", "application/json")
    try:
        if kind == "response" and mode == "streaming" and call.on_chunk is not None:
            body = b""
            async for chunk in request.content.iter_any():
                body += chunk
                if not call.answered:  # a call that ran out of time has its answer
                    call.on_chunk(chunk, content_type)
        else:
            body = await request.content.read()
    except (web.RequestPayloadError, OSError):
        message = "The runtime broke off in the middle of its response"
        return platform_error("Runtime.TruncatedResponse", message), refusals.truncated()
    if kind == "error":
        return function_error(body, request.headers), None
    if mode not in ("", "streaming"):
        error_type = "Runtime.InvalidResponseModeHeader"
        return platform_error(error_type, f"Invalid function response mode: {mode}"), refusals.invalid_response_mode()
    if len(body) > MAX_PAYLOAD_BYTES and mode != "streaming":
        return _oversized(), refusals.too_large()
    return Answer(body, content_type=content_type, streamed=mode == "streaming"), None


def _oversized() -> Answer:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
    return platform_error("Function.ResponseSizeTooLarge", message)


def _json(status: int, body: Mapping[str, str], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json", headers=headers)
