"""SQS: SendMessage for one job, SendMessageBatch for more. Needs the extra ``sqs`` (boto3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import JobOptionError, MissingExtraError
from lambda_punch.jobs import aws, queues
from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
from lambda_punch.jobs.limits import LARGEST_MESSAGE, LONGEST_QUEUE_NAME, MOST_IN_BATCH
from lambda_punch.jobs.message import size_of
from lambda_punch.jobs.options import DEFAULT_QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambda_punch.errors import NotSent
    from lambda_punch.jobs.options import Options


class Sqs:
    """Sends to SQS; has no state of its own."""

    name = "sqs"
    largest = LARGEST_MESSAGE
    durable = True
    refuses: dict[str, str] = {}  # noqa: RUF012 - never changed

    def check(self, options: Options) -> None:
        """Refuse a deduplication id on a standard queue, and names that no queue can have."""
        if options.deduplication_id is not None and not options.fifo:
            raise JobOptionError(
                "the backend sqs cannot do deduplication_id on a standard queue; name a FIFO queue, one ending in .fifo"
            )
        queue = options.queue or ""
        if ":" in queue or len(queue) > LONGEST_QUEUE_NAME:
            raise JobOptionError(
                f"queue must be a queue's name of up to {LONGEST_QUEUE_NAME} characters for the backend sqs, not {queue!r}"
            )

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Send to one queue. Raises MissingExtraError if boto3 is not installed."""
        try:
            url = queues.url_of(queue or DEFAULT_QUEUE)
            sqs = aws.client("sqs")
            if len(messages) == 1:
                answer = sqs.send_message(QueueUrl=url, **_parameters(messages[0]))
                return Sent({messages[0].id: str(answer["MessageId"])}, [])
        except MissingExtraError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore's, of any kind
            return Sent({}, _not_sent(messages, error))
        result = Sent({}, [])
        for batch in _batches(messages):
            _send_batch(sqs, url, batch, result)
        return result


def _send_batch(sqs: Any, url: str, batch: list[Outgoing], result: Sent) -> None:
    """Send up to ten messages. What SQS could not take for a reason of its own is sent a second time."""
    for attempt in (1, 2):
        entries = [{"Id": str(number), **_parameters(each)} for number, each in enumerate(batch)]
        try:
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except Exception as error:  # noqa: BLE001 - botocore's, of any kind; earlier batches are sent and stay so
            result.failed.extend(_not_sent(batch, error))
            return
        for entry in answer.get("Successful", []):
            result.message_ids[batch[int(entry["Id"])].id] = str(entry["MessageId"])
        failed = answer.get("Failed", [])  # the answer is 200 even if all of them are here
        again = []
        for entry in failed:
            each = batch[int(entry["Id"])]
            if attempt == 1 and not entry.get("SenderFault"):
                again.append(each)
            else:
                result.failed.append(each.not_sent(f"{entry.get('Code')}: {entry.get('Message', '')}".rstrip(": ")))
        if not again:
            return
        batch = again


def _not_sent(messages: Sequence[Outgoing], error: Exception) -> list[NotSent]:
    refused = aws.was_refused(error)
    return [
        each.not_sent(f"queue {each.queue or DEFAULT_QUEUE}: {error}", certain=refused, error=error)
        for each in messages
    ]


def _batches(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    size = 0
    for each in messages:
        if batch and (len(batch) == MOST_IN_BATCH or size + size_of(each.body) > LARGEST_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += size_of(each.body)
    yield batch


def _parameters(message: Outgoing) -> dict[str, Any]:
    parameters: dict[str, Any] = {"MessageBody": message.body}
    fifo = message.queue.endswith(".fifo")
    if message.delay is not None and not fifo:  # a FIFO queue delays all messages or none; there the consumer does it
        parameters["DelaySeconds"] = message.delay
    if message.group is not None:
        parameters["MessageGroupId"] = message.group
    if message.deduplication_id is not None and fifo:
        parameters["MessageDeduplicationId"] = message.deduplication_id
    if message.trace:  # not counted in the message's size
        header = {"StringValue": message.trace, "DataType": "String"}
        parameters["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return parameters


def make() -> Sqs:
    """Return the backend with this file's name."""
    return Sqs()
