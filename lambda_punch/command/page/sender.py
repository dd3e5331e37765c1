"""How the page sends an event, or an HTTP request as API Gateway hands it on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambda_punch.command.event import request as http_event

if TYPE_CHECKING:
    from collections.abc import Callable


class Sender:
    """Sends to one function, by ``submit``, which returns at once. Its methods raise LocalLambdaError."""

    def __init__(self, submit: Callable[[bytes], object]) -> None:
        self._submit = submit

    def event(self, event: bytes, function: str | None = None) -> None:  # noqa: ARG002 - there is one here
        """Send an event to a function, by its name where there are several."""
        self._submit(event)

    def http(self, method: str, path: str, body: str) -> None:
        """Send a request."""
        self._submit(json.dumps(http_event("apigw", method, path, body)).encode())
