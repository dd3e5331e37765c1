"""The two events of the Extensions API, parsed from the body alone, because some platforms send other headers.

Only the C part of CPython's json parses them. The package around it imports ``re`` and ``enum``, which takes 6 ms of
processor time away from the function's start. It is used only where the C part fails.
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
    """Return the event; raise ApiError for anything else."""
    try:
        event = _loads(body)
        kind, deadline_ms = event["eventType"], int(event["deadlineMs"])
        if kind == "INVOKE":
            return Invoke(str(event["requestId"]), deadline_ms)
        if kind == "SHUTDOWN":
            return Shutdown(str(event.get("shutdownReason", "")).lower(), deadline_ms)
    except (ValueError, KeyError, TypeError, OverflowError) as fault:
        raise ApiError(f"the platform sent something that is not an event: {body[:200]!r}") from fault
    raise ApiError(f"the platform sent an event of unknown type {kind!r}")


class _Standard:
    """The options of the scanner, all as json.loads() has them."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = parse_constant = int


def _loads(body: bytes) -> "Any":
    global _scan  # noqa: PLW0603 - made once
    try:
        if _scan is None:
            from _json import make_scanner  # it is not public, so there is json below

            _scan = make_scanner(_Standard)  # type: ignore[arg-type]  # any object with these attributes works
        value, end = _scan(text := body.decode(), 0)
        if not text[end:].strip():
            return value
    except Exception:  # noqa: BLE001 - broken JSON raises errors of all kinds here
        pass
    import json

    return json.loads(body.decode())  # given bytes, json would import what guesses their encoding
