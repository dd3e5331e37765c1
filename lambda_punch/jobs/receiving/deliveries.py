"""What the consumer asks of the queue that a batch came from: its redrive policy, and other times of return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lambda_punch._log import logger
from lambda_punch.jobs import aws, queues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.receiving.record import Change

_MOST_IN_BATCH = 10


class Deliveries(Protocol):
    """The queue's side of a batch; neither method raises."""

    def max_receives(self, arn: str) -> int:
        """Return maxReceiveCount of the redrive policy, NO_REDRIVE or UNKNOWN."""

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """Make each message visible so many seconds from now."""


class SqsDeliveries:
    """SQS itself. Calls it only where the configuration leaves something open, or a message is to be put off."""

    def max_receives(self, arn: str) -> int:
        """Return maxReceiveCount of the redrive policy, NO_REDRIVE or UNKNOWN."""
        return queues.of_arn(arn).max_receive_count

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """Call ChangeMessageVisibilityBatch, ten messages at a time.

        A change that fails is logged: the message then comes back when the queue's own visibility timeout ends.
        """
        url = queues.of_arn(arn).url
        for start in range(0, len(changes), _MOST_IN_BATCH):
            batch = changes[start : start + _MOST_IN_BATCH]
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
    logger().error("the visibility of %s was not changed, the queue's own applies: %s", message_ids, reason)
