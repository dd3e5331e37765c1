"""One record of an SQS event. Whatever an event holds, reading it raises nothing.

The shape: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. All values under ``attributes`` are strings.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class SqsRecord(NamedTuple):
    """What the consumer needs of a record. A field that the record does not have is empty or 0."""

    message_id: str
    receipt: str
    body: object
    arn: str
    receives: int
    sent_ms: int
    first_received_ms: int
    group: str | None
    trace: str | None

    @property
    def queue(self) -> str:
        """The queue's name on AWS."""
        return self.arn.rpartition(":")[2]

    @property
    def fifo(self) -> bool:
        """Whether its queue keeps order."""
        return self.arn.endswith(".fifo")


def read(data: object) -> SqsRecord:
    """Return the record."""
    record = data if isinstance(data, dict) else {}
    attributes = record.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    arn = _text(record.get("eventSourceARN"))
    group = _text(attributes.get("MessageGroupId")) if arn.endswith(".fifo") else ""
    return SqsRecord(
        message_id=_text(record.get("messageId")),
        receipt=_text(record.get("receiptHandle")),
        body=record.get("body"),
        arn=arn,
        receives=max(1, _number(attributes.get("ApproximateReceiveCount"))),
        sent_ms=_number(attributes.get("SentTimestamp")),
        first_received_ms=_number(attributes.get("ApproximateFirstReceiveTimestamp")),
        group=group or None,
        trace=_text(attributes.get("AWSTraceHeader")) or None,
    )


def records_of(event: object) -> list[Any]:
    """Return the records of an SQS event; none for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        return []
    first = records[0]
    return records if isinstance(first, dict) and first.get("eventSource") == "aws:sqs" else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    text = value if isinstance(value, str) else ""
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 15 else 0
