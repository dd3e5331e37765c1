"""What the consumer asks of the queue that a batch came from: its redrive policy, and when messages come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lambda_punch._log import logger
from lambda_punch.jobs import aws, queues
from lambda_punch.jobs.limits import MOST_IN_BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence


class Change(NamedTuple):
    """A message that is to become visible so many seconds from now."""

    message_id: str
    receipt: str
    seconds: int


class Deliveries(Protocol):
    """The queue's side of a batch. Neither method raises."""

    def max_receives(self, arn: str) -> int:
        """Return the maxReceiveCount of the redrive policy, or NO_REDRIVE, or UNKNOWN."""

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """Make each message visible so many seconds from now."""


class SqsDeliveries:
    """SQS itself. It is called only for what is not configured, and to put messages off."""

    def max_receives(self, arn: str) -> int:
        """Return the maxReceiveCount of the redrive policy, or NO_REDRIVE, or UNKNOWN."""
        return queues.attributes(arn).max_receive_count

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


def _change(url: str, batch: Sequence[Change]) -> list[Any]:
    entries = [
        {"Id": str(number), "ReceiptHandle": change.receipt, "VisibilityTimeout": change.seconds}
        for number, change in enumerate(batch)
    ]
    failed: list[Any] = (
        aws.client("sqs").change_message_visibility_batch(QueueUrl=url, Entries=entries).get("Failed", [])
    )
    return failed


def _complain(message_ids: str, reason: str) -> None:
    logger().error("the visibility timeout of %s was not changed, so the queue's own applies: %s", message_ids, reason)
