"""A dead letter: what it says of itself, and what is sent in its place.

One that the consumer has moved says why it died, by its attributes. One that SQS itself has moved says nothing: it was
received as often as the redrive policy allows, because environments were killed or throttled. Nothing of a letter is
trusted: anybody who may send to the queue can write what he likes.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, NamedTuple

from lambda_punch.jobs.message import Message, Poison, afresh, decode, size_of
from lambda_punch.jobs.receiving.dead import FACTS

MOVED_BY_SQS = "SQS moved it: it was received too often"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_SHORT = 8  # characters of a UUID that are shown


class Letter(NamedTuple):
    """One message of a dead-letter queue. Times are in epoch seconds; what is not known is empty or None.

    ``attributes`` are the message's own, as boto3 gives them.
    """

    message_id: str
    receipt: str
    body: str
    job: str
    id: str
    reason: str
    error_type: str
    error_message: str
    attempts: int | None
    source: str
    died_at: float | None
    sent_at: float
    receives: int
    group: str | None
    trace: str | None
    attributes: dict[str, Any]

    @property
    def short_id(self) -> str:
        """The beginning of its id, which is enough to name it by."""
        return self.id[:_SHORT] if _UUID.match(self.id) else self.id

    @property
    def error(self) -> str:
        """The error's type and text, as a traceback ends."""
        return ": ".join(part for part in (self.error_type, self.error_message) if part)

    def is_meant_by(self, identity: str) -> bool:
        """Tell whether this is its id, that of its message, or the beginning of one of them."""
        whole = identity in {self.id, self.message_id}
        return whole or (
            len(identity) >= _SHORT and (self.id.startswith(identity) or self.message_id.startswith(identity))
        )

    def message(self) -> Message | Poison:
        """Return the job's message, or why it cannot be run."""
        return decode(self.body)

    def as_dict(self) -> dict[str, Any]:
        """Return what is known of it, ready for JSON."""
        facts = {name: value for name, value in self._asdict().items() if name not in {"receipt", "attributes"}}
        return facts | {name: _iso(facts[name]) for name in ("died_at", "sent_at")}


class Copy(NamedTuple):
    """What is sent in a letter's place."""

    body: str
    attributes: dict[str, Any]
    group: str | None
    trace: str | None
    deduplication_id: str

    @property
    def size(self) -> int:
        """The bytes that SQS counts, or a little more."""
        return size_of(self.body) + sum(
            len(name)
            + len(str(value.get("DataType")))
            + len(value.get("BinaryValue") or value.get("StringValue", "").encode())
            for name, value in self.attributes.items()
        )


def read(message: dict[str, Any]) -> Letter:
    """Return the letter of a message as boto3 receives it. Never raises, whatever a message holds."""
    given = message.get("MessageAttributes", {})
    facts = {name: str(given[name].get("StringValue", "")) for name in FACTS if name in given}
    system = message.get("Attributes", {})
    body = str(message.get("Body", ""))
    decoded = decode(body)
    called = decoded if isinstance(decoded, Message) else None
    attempts = facts.get("Attempts", "")
    return Letter(
        message_id=str(message["MessageId"]),
        receipt=str(message["ReceiptHandle"]),
        body=body,
        job=facts.get("Job") or (called.job if called else ""),
        id=facts.get("JobId") or (called.id if called else "") or str(message["MessageId"]),
        reason=facts.get("Reason") or (called.dead if called else None) or MOVED_BY_SQS,
        error_type=facts.get("ErrorType") or (called.error if called else None) or "",
        error_message=facts.get("ErrorMessage", ""),
        attempts=int(attempts) if attempts.isdecimal() and attempts.isascii() and len(attempts) < 10 else None,
        source=facts.get("SourceQueue") or str(system.get("DeadLetterQueueSourceArn", "")).rpartition(":")[2],
        died_at=_epoch(facts.get("DiedAt", "")),
        sent_at=int(system.get("SentTimestamp", 0)) / 1000,
        receives=int(system.get("ApproximateReceiveCount", 1)),
        group=system.get("MessageGroupId"),
        trace=system.get("AWSTraceHeader"),
        attributes=given,
    )


def copy_of(letter: Letter, *, whole: bool) -> Copy:
    """Return what is sent in its place: the job as it was first sent, or the ``whole`` letter with its facts.

    The deduplication id follows from the letter's own, so on a FIFO queue a copy that is sent twice within five minutes
    is one message.
    """
    attributes = letter.attributes
    if whole:
        return Copy(letter.body, attributes, letter.group, letter.trace, letter.message_id)
    foreign = {name: value for name, value in attributes.items() if name not in FACTS}
    return Copy(afresh(letter.body), foreign, letter.group, letter.trace, letter.message_id)


def _epoch(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None


def _iso(epoch: float | None) -> str | None:
    if not epoch:
        return None
    return datetime.fromtimestamp(epoch, timezone.utc).isoformat(timespec="seconds")
