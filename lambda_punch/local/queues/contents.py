"""What lies in the queues of the server that was started in this process. Nobody is disturbed by the look.

SQS itself cannot show a message without hiding it for a while, and counts that as a receive; so with any other server
there is no such look.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lambda_punch.local.platform.configuration import ACCOUNT_ID

from .sqs_server import REGION


class Kept(NamedTuple):
    """One message as boto3 would receive it, and when it can be received again (epoch seconds; past: now)."""

    message: dict[str, Any]
    visible_at: float


def contents(queue: str) -> list[Kept]:
    """Return the messages of a queue, in their order; none if there is no such queue. May be called from any thread."""
    from moto.sqs.models import sqs_backends

    found = sqs_backends[ACCOUNT_ID][REGION].queues.get(queue)
    messages: list[Any] = [] if found is None else list(found._messages)  # noqa: SLF001 - there is no other way in
    return [Kept(_received(each), max(each.visible_at, each.delayed_until) / 1000) for each in messages]


def _received(message: Any) -> dict[str, Any]:
    group = {} if message.group_id is None else {"MessageGroupId": message.group_id}
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle or "",
        "Body": message.body,
        "Attributes": {
            "SentTimestamp": str(int(message.sent_timestamp or 0)),
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            **group,
        },
        "MessageAttributes": message.message_attributes,
    }
