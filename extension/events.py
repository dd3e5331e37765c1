"""The two events of the Extensions API, parsed from the body alone (some platforms send other headers)."""

import json

from .api import ApiError


class Invoke:
    """A request that the function is about to handle, or is handling already."""

    __slots__ = ("deadline_ms", "request_id")

    def __init__(self, request_id: str, deadline_ms: int) -> None:
        self.request_id = request_id
        self.deadline_ms = deadline_ms


class Shutdown:
    """The environment ends at ``deadline_ms``; the runtime's process has ended already."""

    __slots__ = ("deadline_ms", "reason")

    def __init__(self, reason: str, deadline_ms: int) -> None:
        self.reason = reason
        self.deadline_ms = deadline_ms


def parse_event(body: bytes) -> "Invoke | Shutdown":
    """Return the event; raise ApiError for anything that is not one."""
    try:
        event = json.loads(body.decode())  # given bytes, json would guess the encoding, and import it
        kind, deadline_ms = event["eventType"], int(event["deadlineMs"])
        if kind == "INVOKE":
            return Invoke(str(event["requestId"]), deadline_ms)
        if kind == "SHUTDOWN":
            return Shutdown(str(event.get("shutdownReason", "")).lower(), deadline_ms)
    except (ValueError, KeyError, TypeError, OverflowError) as fault:
        raise ApiError(f"not an event: {body[:200]!r}") from fault
    raise ApiError(f"an event of unknown type {kind!r}")
