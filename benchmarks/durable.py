"""B14 and B15: what durable jobs cost: enqueueing beside a bare send_message, and the consumer, a record.

Against an SQS-speaking server on this machine, in a process of its own; sends in turn, one of each.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.figures import OURS, Figure, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

_RECORDS = 10  # of a batch
BARE = "send_message"


class Context:
    """Lambda's context, with time enough: each job is then guarded by a timer, as on Lambda."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def durable(rounds: int) -> Iterator[Figure]:
    """Measure; needs the extra ``jobs``."""
    from lambda_punch.local.queues.sqs_server import SqsServer

    with SqsServer() as server:
        url, _ = server.queue("jobs", visibility=30)
        environ = {**os.environ, **server.variables, "LAMBDA_PUNCH_METRICS": "off", "BENCHMARK_QUEUE": url}
        command = [sys.executable, "-m", "benchmarks.durable", str(rounds)]
        ran = subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    # medians of the two ways in turn: a share of a call that takes a millisecond or more
    yield Figure("B14", "enqueue, beside send_message", "ms", found["enqueue"], (Target("ratio", 1.05, baseline=BARE),))
    yield Figure("B15", "the consumer, a record", "ms", found["consume"], (Target("most", 0.3),))
    yield Figure("B15", "the consumer with metrics, a record", "ms", found["measured"], (Target("most", 0.3),))


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the samples, in milliseconds."""
    import lambda_punch as punch
    from lambda_punch.jobs import aws

    url = os.environ["BENCHMARK_QUEUE"]
    punch.configure(queues={"jobs": {"url": url, "max_receive_count": 13}})

    @punch.job(name="work", queue="jobs")
    def work(number: int, text: str) -> None: ...

    client = aws.client("sqs")
    body = work.prepare(1, "x" * 200).outgoing.body

    def drop(count: int) -> None:
        """Keep the queue short: the server looks at every message of it."""
        for _ in range(count):
            for message in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    enqueue: dict[str, list[float]] = {BARE: [], OURS: []}
    for turn in range(rounds * 20):
        ways = [
            (BARE, lambda: client.send_message(QueueUrl=url, MessageBody=body)),
            (OURS, lambda: work.enqueue(1, "x" * 200)),
        ]
        for name, send in ways if turn % 2 else reversed(ways):
            began = time.perf_counter()
            send()
            enqueue[name].append((time.perf_counter() - began) * 1000)
        if turn % 20 == 19:
            drop(5)
    consume = _consume(rounds, work)
    return {"enqueue": enqueue, "consume": {OURS: consume}, "measured": {OURS: _consume_measured(rounds, work)}}


def _consume(rounds: int, work: Any) -> list[float]:
    """Milliseconds a record, of batches of ten that all succeed."""
    import lambda_punch as punch

    numbers = itertools.count()
    samples = []
    for _ in range(rounds * 10):
        records = [_record(work, next(numbers)) for _ in range(_RECORDS)]
        began = time.perf_counter()
        answer = punch.jobs_handler({"Records": records}, Context())
        samples.append((time.perf_counter() - began) * 1000 / _RECORDS)
        assert answer == {"batchItemFailures": []}
    return samples


def _consume_measured(rounds: int, work: Any) -> list[float]:
    from lambda_punch import _events
    from lambda_punch._settings import Settings
    from lambda_punch.metrics import Metrics

    with open(os.devnull, "w", encoding="utf-8") as nowhere:

        def write(document: dict[str, Any]) -> None:
            nowhere.write(json.dumps(document) + "\n")
            nowhere.flush()

        metrics = Metrics(Settings(metrics_sink=write), "benchmark", lambda function: function())
        end = _events.subscribe(metrics.hear)
        try:
            return _consume(rounds, work)
        finally:
            end()


def _record(work: Any, number: int) -> dict[str, Any]:
    now = str(int(time.time() * 1000))
    attributes = {
        "ApproximateReceiveCount": "1", "SentTimestamp": now, "SenderId": "x", "ApproximateFirstReceiveTimestamp": now,
    }  # fmt: skip
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "receipt",
        "body": work.prepare(number, "x" * 200).outgoing.body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:jobs",
        "awsRegion": "eu-west-1",
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
