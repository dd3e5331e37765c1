"""The local event source: polls, invokes and deletes as Lambda's event source mapping does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import LocalLambdaError
from lambda_punch.local.queues.sqs_records import LARGEST_EVENT, batches, failed_ids, record

pytest.importorskip("moto.server")

from lambda_punch.local.queues.event_source import Delivered, EventSource, EventSourceMapping
from lambda_punch.local.queues.sqs_server import SqsServer, dead_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Function

IDS = {"a", "b"}
SHOP = """
@punch.job(queue="jobs", wait=lambda attempt: 0)
def work(number):
    note("work", number)
    if number < 0:
        raise RuntimeError(number)

@punch.job(queue="jobs.fifo", group=lambda group, number: group, wait=lambda attempt: 0)
def step(group, number):
    note("step", group, number)

@punch.handler
def handler(event, context):
    note("other event", list(event))
"""


@pytest.fixture
def server() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        (b'{"batchItemFailures": []}', set()),
        (b'{"batchItemFailures": null}', set()),
        (b"{}", set()),
        (b"null", set()),
        (b"", set()),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        (b"no json", IDS),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', IDS),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', IDS),
        (b'{"batchItemFailures": [{"itemidentifier": "a"}]}', IDS),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', IDS),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}', IDS),
    ],
)
def test_what_an_answer_means(payload: bytes, failed: set[str]) -> None:
    """AWS's table of full successes, partial failures and full failures."""
    assert failed_ids(payload, IDS, ok=True) == failed
    assert failed_ids(payload, IDS, ok=False) == IDS
    assert failed_ids(payload, IDS, ok=True, partial=False) == set()


def test_a_record_has_lambdas_spelling() -> None:
    """Not that of SQS; binary values are base64."""
    message = {
        "MessageId": "1", "ReceiptHandle": "r", "Body": "b", "MD5OfBody": "m", "MD5OfMessageAttributes": "n",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {
            "text": {"StringValue": "t", "DataType": "String"}, "raw": {"BinaryValue": b"\\x00", "DataType": "Binary"},
        },
    }  # fmt: skip
    made = record(message, "arn:aws:sqs:eu-west-1:1:jobs")

    assert made["messageAttributes"] == {
        "text": {"stringValue": "t", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "raw": {"binaryValue": "XHgwMA==", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
    }
    assert (made["eventSource"], made["awsRegion"], made["md5OfMessageAttributes"]) == ("aws:sqs", "eu-west-1", "n")


def test_batches_are_cut_by_number_and_by_six_megabytes() -> None:
    """Whichever comes first."""
    small = [{"body": "x"}] * 7
    large = [{"body": "x" * 1_000_000}] * 7

    assert [len(batch) for batch in batches(small, 3)] == [3, 3, 1]
    assert [len(batch) for batch in batches(large, 10)] == [6, 1]
    assert all(len(json.dumps({"Records": batch})) <= LARGEST_EVENT for batch in batches(large, 10))


@pytest.mark.parametrize(
    ("queue", "mapping"),
    [
        ("jobs", EventSourceMapping(batch_size=0)), ("jobs", EventSourceMapping(batch_size=11)), ("jobs", EventSourceMapping(batch_size=10_001, window=1)),
        ("jobs.fifo", EventSourceMapping(batch_size=11, window=1)), ("jobs.fifo", EventSourceMapping(window=1)), ("jobs", EventSourceMapping(window=301)),
    ],
)  # fmt: skip
def test_settings_that_aws_refuses_are_refused(server: SqsServer, queue: str, mapping: EventSourceMapping) -> None:
    """With the limit named."""
    with pytest.raises(LocalLambdaError, match=f"queue {queue}"):
        EventSource(server, queue, [], timeout=3, mapping=mapping)


def test_a_visibility_timeout_below_the_functions_timeout_is_refused(server: SqsServer) -> None:
    """As by AWS: the messages would come back while they are being worked on."""
    server.queue("jobs", visibility=5)
    with pytest.raises(LocalLambdaError, match=r"visibility timeout of 5 s is shorter"):
        EventSource(server, "jobs", [], timeout=6)


class Run:
    """A function that is polled for, and what was delivered to it."""

    def __init__(self, server: SqsServer, made: Function, queue: str, **mapping: Any) -> None:
        self.delivered: list[Delivered] = []
        self.server = server
        self.function = made
        self.source = EventSource(
            server,
            queue,
            [made],
            timeout=10,
            mapping=EventSourceMapping(**mapping),
            on_batch=self.delivered.append,
            seed=1,
        )

    def send(self, job: str, *calls: list[Any], group: str | None = None) -> None:
        for number, args in enumerate(calls):
            body = {
                "lambda_punch": 1,
                "job": f"app.{job}",
                "id": f"{group}{number}{args}",
                "enqueued_at": 1,
                "attempt": 1,
                "args": args,
                "kwargs": {},
            }
            fifo = {"MessageGroupId": str(args[0]), "MessageDeduplicationId": f"{group}{number}"} if group else {}
            self.server.client.send_message(QueueUrl=self.source.url, MessageBody=json.dumps(body), **fifo)

    def run(self) -> None:
        self.source.start()
        try:
            assert self.source.wait_idle(timeout=15)
        finally:
            self.source.stop()
            self.function.wait_idle(timeout=15)


@pytest.fixture
def make(server: SqsServer, function: Callable[..., Function]) -> Callable[..., Run]:
    def make(queue: str, **mapping: Any) -> Run:
        made = function(SHOP, env={**server.variables, "LAMBDA_PUNCH_METRICS": "off"}, timeout=10.0)
        return Run(server, made, queue, **mapping)

    return make


def test_messages_are_run_by_the_handler_and_deleted(make: Callable[..., Run]) -> None:
    """In batches, with a real runtime client; the web handler never sees them."""
    run = make("jobs", batch_size=5)
    run.send("work", *[[number] for number in range(12)])
    run.run()

    assert sorted(run.function.told) == sorted(f"work {number}" for number in range(12))
    assert max(len(each.records) for each in run.delivered) == 5
    assert run.server.counts(run.source.url) == (0, 0, 0)


def test_what_fails_comes_back_and_ends_among_the_dead(make: Callable[..., Run]) -> None:
    """After as many receives as the redrive policy allows."""
    run = make("jobs")
    run.send("work", [-1], [1])
    run.run()

    dead, _ = run.server.queue(dead_letters("jobs"), visibility=30)
    assert run.function.told.count("work -1") == 13
    assert run.function.told.count("work 1") == 1
    assert run.server.counts(dead)[0] == 1


def test_a_message_that_becomes_visible_between_two_numbers_is_not_overlooked(make: Callable[..., Run]) -> None:
    """It is counted neither as visible nor as in flight then; a second look finds it."""
    run = make("jobs")
    looks = iter([(0, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)])
    run.source._server.counts = lambda _url: next(looks)

    assert not run.source.is_idle()
    assert run.source.is_idle()


def test_fifo_messages_are_run_in_their_order(make: Callable[..., Run]) -> None:
    """One batch of a group at a time."""
    run = make("jobs.fifo", batch_size=3)
    run.send("step", *[[group, number] for number in range(6) for group in ("a", "b")], group="g")
    run.run()

    for group in "ab":
        told = [text for text in run.function.told if text.startswith(f"step {group}")]
        assert told == [f"step {group} {number}" for number in range(6)]


def test_duplicates_and_throttles_on_request(make: Callable[..., Run]) -> None:
    """A duplicate is one more delivery, a throttle one more receive without one; all is done in the end."""
    run = make("jobs", duplicates=0.3, throttles=0.3)
    run.send("work", *[[number] for number in range(30)])
    run.run()

    told = run.function.told
    assert set(told) == {f"work {number}" for number in range(30)}
    assert len(told) > 30
    assert any(each.invocation is None for each in run.delivered)
    counts = {each["attributes"]["ApproximateReceiveCount"] for batch in run.delivered for each in batch.records}
    assert "2" in counts


def test_a_window_gathers_more_than_ten(make: Callable[..., Run]) -> None:
    """Standard queues only."""
    run = make("jobs", batch_size=25, window=1.0)
    run.send("work", *[[number] for number in range(25)])
    run.run()

    assert max(len(each.records) for each in run.delivered) > 10


def test_the_command_polls_a_queue_until_it_is_empty(tmp_path: Path, server: SqsServer) -> None:
    """One environment answers the event, whose handler enqueues; another one runs the job, from the same code."""
    (tmp_path / "shop.py").write_text(
        "import lambda_punch as punch\n"
        "@punch.job(queue='orders')\ndef ship(order):\n    print('shipped', order, flush=True)\n"
        "@punch.handler\ndef handler(event, context):\n    ship.enqueue(event['order'])\n    return 'ordered'\n"
    )
    (tmp_path / "order.json").write_text('{"order": 42}')
    command = [
        sys.executable, "-m", "lambda_punch", "local", "shop.handler", "--task-root", str(tmp_path), "--plain",
        "--event", str(tmp_path / "order.json"), "--timeout", "20", "--queue", "orders", "--sqs-endpoint", server.endpoint,
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=19, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"ordered"' in ran.stdout
    assert "shipped 42" in ran.stdout
    assert "orders: 1 of 1 messages done in" in ran.stdout
    assert "orders: 0 visible, 0 in flight or waiting for a retry, 0 delayed; 0 dead letters" in ran.stdout
