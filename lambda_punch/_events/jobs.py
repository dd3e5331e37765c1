"""The events of durable jobs; apart, because a function that only pushes never has one."""

from __future__ import annotations

from typing import Any, NamedTuple


class JobEvent(NamedTuple):
    """One step in the life of a durable job. ``event`` is one of EVENTS; durations are in seconds."""

    event: str
    job: str
    id: str
    queue: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never changed
    message_id: str | None = None
    enqueued_at: int | None = None  # epoch milliseconds
    executions: int | None = None  # how often it has been started, this time included
    duration: float = 0.0
    latency: float | None = None  # from the time it was sent, or was due, to its start
    wait: float | None = None  # until the retry
    error: str | None = None  # the exception's class


# As ActiveJob names them: the first two at the sender, the others at the consumer.
EVENTS = ("enqueue", "enqueue_at", "perform_start", "perform", "enqueue_retry", "retry_stopped", "discard")
SENDERS_EVENTS = EVENTS[:2]
BEGUN = EVENTS[2]
