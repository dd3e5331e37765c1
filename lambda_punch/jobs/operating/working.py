"""A worker on this machine: receives messages of queues and runs their jobs with the consumer that runs them on Lambda.

Each worker takes one message at a time, so nothing waits hidden behind a long job, and on FIFO queues attempts are counted
exactly. A worker that is to stop finishes its job first.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.jobs.operating.hidden import Hidden
from lambda_punch.jobs.receiving.routing import run_batch
from lambda_punch.runtime import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.operating.places import Queue

_WAIT = 2  # seconds of a long poll, and so the longest time until an idle worker stops
_PAUSE = 1.0  # seconds after SQS has not answered
_SHORTEST = 10  # seconds for which a message is hidden at a time


def work(queues: Sequence[Queue], concurrency: int, stop: Callable[[], bool]) -> None:
    """Run jobs until ``stop`` says so, ``concurrency`` of each queue at a time; return when all have ended.

    One worker alone works on the calling thread. If that is the main thread, a job's timeout interrupts it as on Lambda.
    """
    visibility = max(_SHORTEST, min(queue.visibility for queue in queues))
    with Hidden(visibility) as hidden:
        if len(queues) == concurrency == 1:
            _work(queues[0], hidden, visibility, stop)
            return
        started = [
            threads.start(threads.WORK, partial(_work, queue, hidden, visibility, stop))
            for queue in queues
            for _ in range(concurrency)
        ]
        for each in started:
            each.join()


def _work(queue: Queue, hidden: Hidden, visibility: int, stop: Callable[[], bool]) -> None:
    while not stop():
        try:
            for message in _receive(queue, visibility):
                _run(queue, message, hidden)
        except Exception as error:  # noqa: BLE001 - botocore's, of any kind; SQS may answer again
            logger().error("queue %s: %s", queue.name, error)
            time.sleep(_PAUSE)


def _receive(queue: Queue, visibility: int) -> list[Any]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=queue.url,
        MaxNumberOfMessages=1,
        VisibilityTimeout=visibility,
        WaitTimeSeconds=_WAIT,
        AttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _run(queue: Queue, message: dict[str, Any], hidden: Hidden) -> None:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.attributes["QueueArn"],
    }
    with hidden.message(queue.url, message["ReceiptHandle"]) as deliveries:
        response = run_batch({"Records": [record]}, None, deliveries)
        if not response["batchItemFailures"]:
            aws.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
