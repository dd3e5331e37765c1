"""A message on its way to a backend, and what the backend answers."""

from __future__ import annotations

from typing import NamedTuple

from lambda_punch.errors import NotSent


class Lock(NamedTuple):
    """The lock of a unique job: the message's, and when it expires, in epoch seconds."""

    lock: str
    expires: float


class Keep(NamedTuple):
    """A result that is kept until ``expires`` (epoch seconds), unless it is written again. ``call``: with the arguments."""

    expires: float
    call: str | None = None


class Overflow(NamedTuple):
    """Arguments that do not fit into the message: what is written to the bucket."""

    bucket: str
    body: str


class Outgoing(NamedTuple):
    """One message, checked and encoded, ready to be sent."""

    body: str
    id: str
    job: str
    queue: str
    delay: int | None = None
    group: str | None = None
    deduplication_id: str | None = None
    trace: str | None = None
    lock: Lock | None = None
    keep: Keep | None = None
    overflow: Overflow | None = None

    def not_sent(self, reason: str, *, certain: bool = True, error: Exception | None = None) -> NotSent:
        """Return the answer for a message that the backend did not take; NotSent says what the arguments mean."""
        return NotSent(self.job, self.id, reason, certain, error)


class Sent(NamedTuple):
    """The backend's own ids of the messages it took, by job id, and the messages it did not take."""

    message_ids: dict[str, str]
    failed: list[NotSent]
