"""What the platform answers to a blocked ``next``: events for extensions, and invocations for the runtime."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Literal

from .invocation import Call, epoch_ms

ShutdownReason = Literal["spindown", "timeout", "failure"]


@dataclass(frozen=True)
class NextEvent:
    """One HTTP answer to a blocked ``next``. ``word`` says what it is in the recorded events."""

    word: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    request_id: str | None = None


def invoke_event(call: Call, arn: str) -> NextEvent:
    """Build the INVOKE event of an extension. It never carries the payload."""
    body = {
        "eventType": "INVOKE",
        "deadlineMs": call.deadline_ms(),
        "requestId": call.request_id,
        "invokedFunctionArn": arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": call.trace_id},
    }
    return NextEvent("INVOKE", json.dumps(body).encode(), _event_headers(), call.request_id)


def shutdown_event(reason: ShutdownReason, deadline: float) -> NextEvent:
    """Build the SHUTDOWN event of an extension; ``deadline`` is a monotonic instant."""
    body = {"eventType": "SHUTDOWN", "deadlineMs": epoch_ms(deadline), "shutdownReason": reason}
    return NextEvent("SHUTDOWN", json.dumps(body).encode(), _event_headers())


def invocation(call: Call, arn: str) -> NextEvent:
    """Build the answer to the runtime's ``invocation/next``."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": call.request_id,
        "Lambda-Runtime-Deadline-Ms": str(call.deadline_ms()),
        "Lambda-Runtime-Invoked-Function-Arn": arn,
        "Lambda-Runtime-Trace-Id": call.trace_id,
        "Lambda-Runtime-Client-Context": call.client_context,
        "Lambda-Runtime-Cognito-Identity": call.cognito_identity,
    }
    return NextEvent(
        "invocation", call.payload, {name: value for name, value in headers.items() if value}, call.request_id
    )


def _event_headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
