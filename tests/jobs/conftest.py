"""An SQS-speaking server in a thread, and jobs that are forgotten when their test ends."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch import _events, _settings
from lambda_punch.jobs import aws, backends, queues, registry
from lambda_punch.jobs.receiving import attempt, failures
from lambda_punch.jobs.receiving.routing import run_batch
from lambda_punch.jobs.store import memory, writing
from lambda_punch.local.queues.sqs_server import SqsServer
from lambda_punch.runtime.start import process

from .servers import empty, ministack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch._events.jobs import JobEvent
    from lambda_punch.jobs.backends.deliveries import Copy

AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session", params=["moto", "ministack"])
def sqs_server(request: Any) -> Iterator[str]:
    """Yield the address of a server that speaks SQS: of each of the two, one after the other."""
    pytest.importorskip("moto.server")
    with SqsServer() if request.param == "moto" else ministack(AWS["AWS_DEFAULT_REGION"]) as server:
        yield server if isinstance(server, str) else server.endpoint


class Sqs:
    """The server, with the calls that were made to it."""

    def __init__(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = client
        self.calls: list[tuple[str, dict[str, Any]]] = []
        client.meta.events.register("before-parameter-build.sqs", self._note)
        self._monkeypatch = monkeypatch

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append((model.name, dict(params)))

    def called(self, name: str) -> list[dict[str, Any]]:
        """The parameters of each call of an operation, ours and the test's."""
        return [parameters for operation, parameters in self.calls if operation == name]

    def create(self, name: str, *, max_receives: int = 0, visibility: int = 30) -> str:
        """Make a queue, with a dead-letter queue if it has a redrive policy; return its URL."""
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        attributes = {"VisibilityTimeout": str(visibility), **fifo}
        if max_receives:
            dead = self.client.create_queue(QueueName=f"dead-{name}", Attributes=fifo)["QueueUrl"]
            arn = self.client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives})
        return str(self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def bodies(self, url: str) -> list[dict[str, Any]]:
        """Take what waits in a queue, and return it."""
        found = []
        while messages := self.receive(url):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    def receive(self, url: str, count: int = 10, *, wait: int = 0) -> list[dict[str, Any]]:
        """Receive messages; ``wait``: seconds until one comes."""
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def event(self, url: str, count: int = 10, *, wait: int = 0) -> dict[str, Any]:
        """Receive as an event source mapping does; return its event."""
        arn = f"arn:aws:sqs:eu-west-1:123456789012:{url.rpartition('/')[2]}"
        return {"Records": [record_of(message, arn) for message in self.receive(url, count, wait=wait)]}

    def states(self, url: str) -> tuple[int, int]:
        """How many messages are visible, and how many are not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


def record_of(message: dict[str, Any], arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "eu-west-1",
    }


@pytest.fixture
def sqs(sqs_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sqs]:
    """Yield an empty SQS, which the library uses as it would use AWS's."""
    empty(sqs_server)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", sqs_server)
    aws.forget()
    yield Sqs(aws.client("sqs"), monkeypatch)
    aws.forget()


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test declares, configures and learns of queues."""
    monkeypatch.setattr(registry, "_jobs", {})
    monkeypatch.setattr(registry, "_queues", set())
    monkeypatch.setattr("lambda_punch.runtime.start._measured", False)
    _settings.restore()
    process.reset()
    monkeypatch.setattr(_events._state, "listeners", [])
    _forget_messages(monkeypatch)
    monkeypatch.setattr(failures, "_hooks", [])
    monkeypatch.setattr(backends, "_made", {})
    memory.store.__init__()  # type: ignore[misc]
    writing.forget()
    queues.forget()
    yield
    queues.forget()


def _forget_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("thrown_away", "not_moved", "not_sent"):
        monkeypatch.setattr(attempt, name, attempt.Remembered())
    monkeypatch.setattr("lambda_punch.jobs.receiving.consumer.thrown_away", attempt.thrown_away)


@pytest.fixture
def another_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes this process know as little of the queues' messages as a new environment."""

    def forget() -> None:
        _forget_messages(monkeypatch)
        queues.forget()

    return forget


@pytest.fixture
def events() -> list[JobEvent]:
    """The events told during the test."""
    heard: list[Any] = []
    _events.subscribe(heard.append)
    return heard


class Context:
    """Lambda's context, with so many seconds left."""

    aws_request_id = "request-1"
    function_name = "jobs"

    def __init__(self, remaining: float = 30.0) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining * 1000)


@pytest.fixture
def context() -> Context:
    return Context()


class Deliveries:
    """The queue's side of a batch, noting what is asked of it."""

    def __init__(self, max_receives: int = 13) -> None:
        self.policy = queues.Redrive(max_receives, "dead-letters" if max_receives > 0 else None)
        self.refuses = False
        self.asked = 0
        self.changes: dict[str, int] = {}
        self.sent: list[Copy] = []
        self.dead: list[Copy] = []

    def redrive(self, arn: str) -> queues.Redrive:
        self.asked += 1
        return self.policy

    def send_copies(self, arn: str, copies: Any, *, dead: bool) -> dict[int, str]:
        if self.refuses:
            return dict.fromkeys(range(len(copies)), "AccessDenied")
        (self.dead if dead else self.sent).extend(copies)
        return {}

    @property
    def retries(self) -> list[tuple[int, int]]:
        """The attempt and the delay of each retry that was sent."""
        return [(json.loads(copy.body)["attempt"], copy.delay) for copy in self.sent]

    def postpone(self, arn: str, changes: Any) -> None:
        for change in changes:
            assert change.message_id not in self.changes
            self.changes[change.message_id] = change.seconds


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries()


class Events:
    """Builds SQS events of Lambda's shape."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def record(
        self,
        prepared: Any = None,
        *,
        body: Any = None,
        receives: int = 1,
        queue: str = "jobs",
        group: str | None = None,
        sent: float | None = None,
        first_received: float | None = None,
        attempt: int | None = None,
        due: float | None = None,
        error: str | None = None,
        **overrides: Any,
    ) -> dict[str, Any]:
        """A record; ``sent`` and ``first_received`` are seconds from now, which are usually negative.

        ``attempt``, ``due`` (epoch seconds) and ``error`` are what an earlier attempt has put into the message.
        """
        if attempt or due or error:
            carried = {
                "attempt": attempt or 1,
                **({"due": int(due * 1000)} if due else {}),
                **({"error": error} if error else {}),
            }
            body = json.dumps({**json.loads(prepared.outgoing.body), **carried})
        number = next(self._numbers)
        now = time.time()
        attributes = {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(int((now + (sent or 0)) * 1000)),
            "SenderId": "AROA4DJKY67RBVYCN5UZ3",
            "ApproximateFirstReceiveTimestamp": str(
                int((now + (-1e6 if first_received is None else first_received)) * 1000)
            ),
        }
        if group is not None:
            attributes |= {"SequenceNumber": f"{number:020}", "MessageGroupId": group}
        return {
            "messageId": f"message-{number}",
            "receiptHandle": f"receipt-{number}",
            "body": prepared.outgoing.body if body is None else body,
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": "6477b54fb64dde974ea7514e87d3b8a5",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:831702759394:{queue}",
            "awsRegion": "us-east-1",
            **overrides,
        }


@pytest.fixture
def builder() -> Events:
    return Events()


@pytest.fixture
def run(deliveries: Deliveries) -> Any:
    """Run records as one batch; return the ids of those reported."""

    def run(*records: Any, context: Any = None) -> list[str]:
        response = run_batch({"Records": list(records)}, context, deliveries)
        assert list(response) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    return run


@pytest.fixture
def done() -> list[Any]:
    """What the jobs below have done."""
    return []


@pytest.fixture
def note(done: list[Any]) -> Any:
    """A job that notes its argument."""

    @punch.job(name="note", queue="jobs")
    def note(value: Any) -> None:
        done.append(value)

    return note


@pytest.fixture
def fail(done: list[Any]) -> Any:
    """A job that notes its argument and raises."""

    @punch.job(name="fail", queue="jobs")
    def fail(value: Any = None) -> None:
        done.append(value)
        raise RuntimeError("HELL")

    return fail
