"""What happened in an environment, in order: one event for each thing that happened.

Times are ``time.monotonic()`` seconds (CLOCK_MONOTONIC on Linux), so they can be compared with times that a function,
an extension or a benchmark takes in its own process. Recording is safe from any thread.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal[
    # one life of the processes
    "init-start",
    "started",
    "launch-failed",
    "registered",
    "init-error",
    "exit-error",
    "init-done",
    "init-failed",
    "exited",
    # one invoke
    "queued",
    "invoke",
    "event-delivered",
    "next",
    "response",
    "error",
    "answered",
    "runtime-done",
    "invoke-done",
    "timeout",
    "crash",
    # the state of the environment
    "frozen",
    "thawed",
    "reset",
    "shutdown",
    "sigterm",
    "sigkill",
    "swept",
    "down",
    # a call that the Runtime or Extensions API turned down
    "refused",
]
"""Every :attr:`Event.kind` there is."""

KINDS: tuple[str, ...] = get_args(Kind)

PLATFORM = "platform"
RUNTIME = "runtime"


def extension_source(name: str) -> str:
    """Return the name of an extension as the source of an event or a log line."""
    return f"extension:{name}"


@dataclass(frozen=True)
class Event:
    """One thing that happened in the environment.

    ``at`` is in monotonic seconds; ``source`` is ``platform``, ``runtime`` or ``extension:NAME``; ``detail`` holds what
    the kind needs (a status, a body, a pid, a deadline ...). ``payload`` is the event of a call that is ``queued``, and the
    response when it is ``answered``; only the listener gets it, since a run that lasts would keep them all.
    """

    at: float
    source: str
    kind: Kind
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""


class Recorder:
    """Keeps the events, lets other threads wait for one, and passes each event on to its listeners."""

    def __init__(self, listener: Callable[[Event], None] | None = None) -> None:
        self._events: list[Event] = []
        self._arrived = threading.Condition()
        self._listeners = [] if listener is None else [listener]

    def record(
        self,
        source: str,
        kind: Kind,
        request_id: str | None = None,
        *,
        at: float | None = None,
        payload: bytes = b"",
        **detail: Any,
    ) -> Event:
        """Record that something happened now, or at the given monotonic instant."""
        event = Event(time.monotonic() if at is None else at, source, kind, request_id, detail)
        with self._arrived:
            self._events.append(event)
            self._arrived.notify_all()
        for listener in self._listeners:
            listener(replace(event, payload=payload) if payload else event)
        return event

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Pass each event on to this one, too, from here on."""
        self._listeners.append(listener)

    def events(self) -> list[Event]:
        """Return a copy of everything recorded so far."""
        with self._arrived:
            return list(self._events)

    def wait_for(self, predicate: Callable[[Event], bool], timeout: float) -> Event:
        """Return the first event, past or future, that satisfies the predicate; raise TimeoutError."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._arrived:
            while True:
                for event in self._events[seen:]:
                    if predicate(event):
                        return event
                seen = len(self._events)
                if not self._arrived.wait(max(0.0, deadline - time.monotonic())) and seen == len(self._events):
                    message = f"no such event within {timeout} s"
                    raise TimeoutError(message)
