"""One invoke: the call on its way through the environment, and the answer that its caller gets."""

from __future__ import annotations

import json
import re
import secrets
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # Takes a part of a streamed response and its content type, on the platform's thread, as soon as it is here.
    OnChunk = Callable[[bytes, str], None]


def new_trace_id() -> str:
    """Make up an X-Ray trace header that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(frozen=True)
class Invocation:
    """What the caller of the function gets.

    ``sent_at`` and ``responded_at`` are ``time.monotonic()`` seconds: when ``invoke`` was called, and when the platform
    had the whole response (or gave up). ``error_type`` is None on success; else the ``errorType`` of the handler's
    error, or the platform's word for what happened (``Sandbox.Timedout``, ``Runtime.ExitError``, ``Extension.Crash`` ...).
    ``log_tail`` is the end of the invoke's log up to the response, 4 KB at most.
    """

    request_id: str
    payload: bytes
    error_type: str | None
    sent_at: float
    responded_at: float
    content_type: str = "application/json"
    streamed: bool = False
    log_tail: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the function returned instead of failing."""
        return self.error_type is None

    def json(self) -> Any:
        """Return the payload as JSON; raise ValueError if it is not JSON."""
        return json.loads(self.payload)


@dataclass(frozen=True)
class Answer:
    """A payload and what it is, before it becomes the answer to a particular call."""

    payload: bytes
    error_type: str | None = None
    content_type: str = "application/json"
    streamed: bool = False


@dataclass(eq=False)
class Call:
    """An invoke on its way: what was asked, until when, and where the answer goes. Answered at most once."""

    payload: bytes
    client_context: str | None = None
    cognito_identity: str | None = None
    trace_id: str = field(default_factory=new_trace_id)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at: float = field(default_factory=time.monotonic)
    deadline: float = float("inf")
    on_chunk: OnChunk | None = None
    future: Future[Invocation] = field(default_factory=Future)

    @property
    def answered(self) -> bool:
        """Whether the caller has its answer."""
        return self.future.done()

    def answer(self, answer: Answer, at: float, log_tail: bytes = b"") -> bool:
        """Give the caller its answer, which came in at the monotonic instant ``at``; return False if it had one."""
        if self.future.done():
            return False
        invocation = Invocation(
            request_id=self.request_id,
            payload=answer.payload,
            error_type=answer.error_type,
            sent_at=self.sent_at,
            responded_at=at,
            content_type=answer.content_type,
            streamed=answer.streamed,
            log_tail=log_tail,
        )
        self.future.set_result(invocation)
        return True

    def deadline_ms(self) -> int:
        """Return the deadline as milliseconds of the epoch, as the APIs state it."""
        return epoch_ms(self.deadline)


def epoch_ms(instant: float) -> int:
    """Turn a monotonic instant into milliseconds of the epoch."""
    return int((time.time() + instant - time.monotonic()) * 1000)


def platform_error(error_type: str, message: str) -> Answer:
    """Return the body with which Lambda reports an error of its own."""
    return Answer(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), error_type)


def failure(request_id: str, error_type: str, message: str) -> Answer:
    """Return the error of an invoke whose processes failed."""
    return platform_error(error_type, f"RequestId: {request_id} Error: {message}")


def timed_out(request_id: str, timeout: float) -> Answer:
    """Return the error of an invoke that ran out of time."""
    return platform_error("Sandbox.Timedout", f"{request_id} Task timed out after {timeout:.2f} seconds")


def function_error(body: bytes, headers: Mapping[str, str]) -> Answer:
    """Read an error that the runtime posted: its type is the body's ``errorType``, else that of the header."""
    content_type = headers.get("Content-Type", "application/json")
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    error_type = parsed.get("errorType") if isinstance(parsed, dict) else None
    if not isinstance(error_type, str) or not error_type:
        error_type = valid_error_type(headers.get("Lambda-Runtime-Function-Error-Type", ""))
    return Answer(body, error_type, content_type)


def valid_error_type(error_type: str) -> str:
    """Return the error type that the platform reports: all but ``Runtime.Name`` and ``Function.Name`` is unknown."""
    if re.search(r"(Runtime|Function)\.[A-Z][a-zA-Z]+", error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else "Runtime.Unknown"
