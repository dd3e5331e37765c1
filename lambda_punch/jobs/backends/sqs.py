"""SQS: SendMessage for one job, SendMessageBatch for more. Needs the extra ``sqs`` (boto3).

Limits, from https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html: 1 MiB for
a message, and for all of a batch together; ten messages a batch; DelaySeconds up to 900, and none on FIFO queues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError
from lambda_punch.jobs import aws, queues
from lambda_punch.jobs.backends.outgoing import Failure, Outgoing, Sent
from lambda_punch.jobs.errors import EnqueueError, JobOptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambda_punch.jobs.options import Options

LARGEST = 1_048_576
MOST_IN_BATCH = 10
DEFAULT_QUEUE = "default"


class Sqs:
    """Sends to SQS; has no state of its own."""

    name = "sqs"
    largest = LARGEST
    durable = True
    refuses: dict[str, str] = {}  # noqa: RUF012 - never changed

    def check(self, options: Options) -> None:
        """Refuse a deduplication id where there is none, and names that are no queue's."""
        if options.deduplication_id is not None and not options.fifo:
            raise JobOptionError(
                "the backend sqs cannot do deduplication_id on a standard queue; name a FIFO queue, one ending in .fifo"
            )
        if ":" in (options.queue or "") or len(options.queue or "") > 80:
            raise JobOptionError(f"queue must be a name of up to 80 characters for the backend sqs: {options.queue!r}")

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Send to one queue. Raises EnqueueError if nothing can be sent at all."""
        name = queue or DEFAULT_QUEUE
        try:
            url = queues.url_of(name)
            sqs = aws.client("sqs")
            if len(messages) == 1:
                answer = sqs.send_message(QueueUrl=url, **_parameters(messages[0]))
                return Sent({messages[0].id: str(answer["MessageId"])}, [])
        except MissingExtraError:
            raise
        except Exception as error:
            refused = aws.was_refused(error)
            failed = [Failure(each, str(error), refused) for each in messages]
            raise EnqueueError(f"queue {name}: {error}", failed) from error
        result = Sent({}, [])
        for batch in _batches(messages):
            _send_batch(sqs, url, batch, result)
        return result


def make() -> Sqs:
    """Return the backend."""
    return Sqs()


def _send_batch(sqs: Any, url: str, batch: list[Outgoing], result: Sent) -> None:
    """Send up to ten; what SQS could not take for a reason of its own, a second time."""
    for attempt in (1, 2):
        entries = [{"Id": str(number), **_parameters(each)} for number, each in enumerate(batch)]
        try:
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except Exception as error:  # noqa: BLE001 - botocore's, of any kind; earlier batches are sent and stay so
            refused = aws.was_refused(error)
            result.failed.extend(Failure(each, str(error), refused) for each in batch)
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
                result.failed.append(Failure(each, f"{entry.get('Code')}: {entry.get('Message', '')}".rstrip(": ")))
        if not again:
            return
        batch = again


def _batches(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    size = 0
    for each in messages:
        if batch and (len(batch) == MOST_IN_BATCH or size + len(each.body) > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += len(each.body)
    yield batch


def _parameters(message: Outgoing) -> dict[str, Any]:
    parameters: dict[str, Any] = {"MessageBody": message.body}
    fifo = message.queue.endswith(".fifo")
    if message.delay is not None and not fifo:  # a FIFO queue delays all or none; the consumer sees to it there
        parameters["DelaySeconds"] = message.delay
    if message.group is not None:
        parameters["MessageGroupId"] = message.group
    if message.deduplication_id is not None and fifo:
        parameters["MessageDeduplicationId"] = message.deduplication_id
    if message.trace:  # not counted in the message's size
        header = {"StringValue": message.trace, "DataType": "String"}
        parameters["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return parameters
