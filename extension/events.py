"""The two events of the Extensions API, parsed from the body alone (some platforms send other headers).

With the C part of CPython's json alone: the package around it imports ``re`` and ``enum``, some 6 ms of processor time
that the function's own start would have to share. Whatever that part does not take goes to the package.
"""

from .api import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


_scan: "Callable[[str, int], tuple[Any, int]] | None" = None


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
        event = _loads(body)
        kind, deadline_ms = event["eventType"], int(event["deadlineMs"])
        if kind == "INVOKE":
            return Invoke(str(event["requestId"]), deadline_ms)
        if kind == "SHUTDOWN":
            return Shutdown(str(event.get("shutdownReason", "")).lower(), deadline_ms)
    except (ValueError, KeyError, TypeError, OverflowError) as fault:
        raise ApiError(f"not an event: {body[:200]!r}") from fault
    raise ApiError(f"an event of unknown type {kind!r}")


class _Standard:
    """What the scanner wants to be told: nothing out of the ordinary."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = parse_constant = int


def _loads(body: bytes) -> "Any":
    global _scan  # noqa: PLW0603 - made once
    try:
        if _scan is None:
            from _json import make_scanner  # not public, hence the way out

            _scan = make_scanner(_Standard)  # type: ignore[arg-type]  # any object with these attributes will do
        value, end = _scan(text := body.decode(), 0)
        if not text[end:].strip():
            return value
    except Exception:  # noqa: BLE001 - broken JSON shows as all kinds of errors here
        pass
    import json

    return json.loads(body.decode())  # given bytes, json would guess the encoding, and import it
