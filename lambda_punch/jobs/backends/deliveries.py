"""What the consumer asks of the queue that a batch came from, and what it does to the queue's messages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lambda_punch._log import logger
from lambda_punch.jobs import aws, queues
from lambda_punch.jobs.limits import LARGEST_MESSAGE, MOST_IN_BATCH
from lambda_punch.jobs.message import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FAILED = "Failed"


class Change(NamedTuple):
    """A message that is to become visible so many seconds from now."""

    message_id: str
    receipt: str
    seconds: int


class Copy(NamedTuple):
    """A message that takes the place of one that was received. ``delay`` is in seconds, for standard queues."""

    body: str
    delay: int = 0
    group: str | None = None
    trace: str | None = None
    attributes: dict[str, str] = {}  # noqa: RUF012 - never changed

    @property
    def size(self) -> int:
        """The bytes that SQS counts."""
        return size_of(self.body) + sum(len(name) + len(text.encode()) + 6 for name, text in self.attributes.items())


class Deliveries(Protocol):
    """The queue's side of a batch. No method raises."""

    def redrive(self, arn: str) -> queues.Redrive:
        """Return the queue's redrive policy."""

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """Make each message visible so many seconds from now."""

    def send_copies(self, arn: str, copies: Sequence[Copy], *, dead: bool) -> dict[int, str]:
        """Send the copies to the queue, or to its dead-letter queue; return why some were not sent, by their place."""


class SqsDeliveries:
    """SQS itself. It is called only for settings that are not configured, and for messages that are not done."""

    def redrive(self, arn: str) -> queues.Redrive:
        """Return the queue's redrive policy."""
        return queues.attributes(arn).redrive

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """Call ChangeMessageVisibilityBatch, ten messages at a time.

        A change that fails is logged. That message comes back when the queue's own visibility timeout ends.
        """
        url = queues.attributes(arn).url
        for start in range(0, len(changes), MOST_IN_BATCH):
            batch = changes[start : start + MOST_IN_BATCH]
            try:
                for entry in _change(url, batch):
                    change = batch[int(entry["Id"])]
                    _complain(change.message_id, f"{entry.get('Code')}: {entry.get('Message', '')}")
            except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the response matters more
                _complain(", ".join(change.message_id for change in batch), str(error))

    def send_copies(self, arn: str, copies: Sequence[Copy], *, dead: bool) -> dict[int, str]:
        """Call SendMessageBatch, as few times as SQS's limits allow."""
        failed: dict[int, str] = {}
        found = queues.attributes(arn)
        url = queues.url_of_dead_letters(found) if dead else found.url
        for places in _batches(copies):
            try:
                entries = [_entry(place, copies[place], fifo=url.endswith(".fifo")) for place in places]
                answer = aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
                for entry in answer.get(_FAILED, []):
                    failed[int(entry["Id"])] = f"{entry.get('Code')}: {entry.get('Message', '')}"
            except Exception as error:  # noqa: BLE001 - as above
                failed.update(dict.fromkeys(places, str(error)))
        return failed


def _change(url: str, batch: Sequence[Change]) -> list[Any]:
    entries = [
        {"Id": str(number), "ReceiptHandle": change.receipt, "VisibilityTimeout": change.seconds}
        for number, change in enumerate(batch)
    ]
    failed: list[Any] = (
        aws.client("sqs").change_message_visibility_batch(QueueUrl=url, Entries=entries).get(_FAILED, [])
    )
    return failed


def _complain(message_ids: str, reason: str) -> None:
    logger().error("the visibility timeout of %s was not changed, so the queue's own applies: %s", message_ids, reason)


def _batches(copies: Sequence[Copy]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for place, copy in enumerate(copies):
        if batch and (len(batch) == MOST_IN_BATCH or size + copy.size > LARGEST_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += copy.size
    yield batch


def _entry(place: int, copy: Copy, *, fifo: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(place), "MessageBody": copy.body}
    if copy.delay and not fifo:
        entry["DelaySeconds"] = copy.delay
    if fifo:
        # A copy is never a duplicate of another message, not even of the one whose place it takes.
        entry |= {"MessageGroupId": copy.group or "lambda-punch", "MessageDeduplicationId": str(uuid.uuid4())}
    elif copy.group:
        entry["MessageGroupId"] = copy.group
    if copy.trace:
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"StringValue": copy.trace, "DataType": "String"}}
    if copy.attributes:
        entry["MessageAttributes"] = {
            name: {"StringValue": text, "DataType": "String"} for name, text in copy.attributes.items()
        }
    return entry
