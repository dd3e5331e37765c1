"""A message on its way to a backend, and what became of it."""

from __future__ import annotations

from typing import NamedTuple


class Outgoing(NamedTuple):
    """One message, checked and encoded, ready to be sent."""

    body: str  # ASCII, so its length is its size in bytes
    id: str
    job: str
    queue: str
    delay: int | None = None
    group: str | None = None
    deduplication_id: str | None = None
    trace: str | None = None


class Failure(NamedTuple):
    """A message that the backend did not take, and its reason.

    ``certain``: whether it is known that it does not have it; a lost answer leaves that open.
    """

    outgoing: Outgoing
    reason: str
    certain: bool = True


class Sent(NamedTuple):
    """The backend's own ids of the messages it took, by job id, and those that it did not take."""

    message_ids: dict[str, str]
    failed: list[Failure]
