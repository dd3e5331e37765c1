"""Arguments that are too large for a message, in a bucket of S3: written before, kept as long as the job, removed after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import EnqueueError, MessageTooLargeError, PoisonMessageError
from lambda_punch.jobs import aws
from lambda_punch.testing import enqueued

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = "ä" * 700_000  # 1.4 MB
BUCKET = "punch-large"


class Bucket:
    """The bucket, with what is in it."""

    def __init__(self) -> None:
        self.client = aws.client("s3")
        for bucket in self.client.list_buckets()["Buckets"]:
            if bucket["Name"] == BUCKET:
                for key in self.keys():
                    self.client.delete_object(Bucket=BUCKET, Key=key)
                return
        self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def refuse(self, operation: str) -> None:
        """Have S3 answer a call with AccessDenied."""
        from botocore.exceptions import ClientError

        def raise_(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

        self.client.meta.events.register(f"before-call.s3.{operation}", raise_)


@pytest.fixture
def bucket(sqs: Any) -> Bucket:
    punch.configure(bucket=BUCKET)
    return Bucket()


def test_large_arguments_travel_by_s3_and_are_gone_when_the_job_is_done(
    sqs: Any, bucket: Bucket, consume: Callable[..., Any]
) -> None:
    url = sqs.create("jobs")
    seen = []

    @punch.job(name="print", queue="jobs")
    def print_(text: str, *, copies: int = 1) -> None:
        seen.append((text, copies, bucket.keys()))

    handle = print_.enqueue(LARGE, copies=2)
    small = print_.enqueue("small")
    key = f"lambda-punch/{handle.id}"
    assert bucket.keys() == [key]
    event = sqs.event(url)
    (body,) = (json.loads(record["body"]) for record in event["Records"] if handle.id in record["body"])
    assert (body["s3"], body["args"], body["kwargs"]) == (f"s3://{BUCKET}/{key}", [], {})
    assert punch.jobs_handler(event) == {"batchItemFailures": []}

    assert sorted(seen, key=lambda each: -len(each[0])) == [(LARGE, 2, [key]), ("small", 1, seen[-1][2])]
    assert bucket.keys() == []
    assert small.id != handle.id


def test_a_retry_and_a_dead_letter_keep_their_arguments(sqs: Any, bucket: Bucket, consume: Callable[..., Any]) -> None:
    """The dead letter can be run again; a job that was dropped needs them no more."""
    url = sqs.create("jobs", max_receives=3)
    outcomes: list[Any] = [ConnectionError, ConnectionError, None]
    seen = []

    @punch.job(name="print", queue="jobs", retries=1, wait=lambda _: 0, discard_on=LookupError)
    def print_(text: list[str]) -> None:
        seen.append(len(text[0]))
        text.clear()
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    print_.enqueue([LARGE])
    consume(url)
    consume(url)
    assert len(bucket.keys()) == 1
    (letter,) = sqs.receive(url.replace("jobs", "dead-jobs"))
    sqs.client.send_message(QueueUrl=url, MessageBody=letter["Body"])
    consume(url)
    assert (seen, bucket.keys()) == ([700_000] * 3, [])

    outcomes.append(LookupError)
    print_.enqueue([LARGE])
    consume(url)
    assert bucket.keys() == []


def test_without_a_bucket_the_error_names_the_setting(sqs: Any) -> None:
    sqs.create("jobs")
    print_ = punch.job(name="print", queue="jobs")(lambda text: None)

    with pytest.raises(
        MessageTooLargeError, match=r"print: the message has 1,400,\d+ bytes, and sqs takes 1,048,576; configure bucket"
    ):
        print_.enqueue(LARGE)


def test_what_s3_does_not_take_is_not_sent(sqs: Any, bucket: Bucket) -> None:
    """The others of the same call are. And what SQS does not take leaves nothing behind in S3."""
    url = sqs.create("jobs")
    print_ = punch.job(name="print", queue="jobs")(lambda text: None)
    with pytest.raises(EnqueueError):
        print_.using(queue="nowhere").enqueue(LARGE)
    assert bucket.keys() == []

    bucket.refuse("PutObject")
    with pytest.raises(
        EnqueueError,
        match=r"1 of 2 jobs were not sent \(print\): its arguments could not be written to s3://.*allow s3:PutObject",
    ):
        punch.enqueue_many([print_.prepare(LARGE), print_.prepare("small")])
    assert [body["args"] for body in sqs.bodies(url)] == [["small"]]


def test_arguments_that_cannot_be_read_now_are_read_later(
    sqs: Any, bucket: Bucket, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The message stays, as long as the redrive policy has it, and one line says what to allow."""
    url = sqs.create("jobs", max_receives=9, visibility=0)
    done = []
    print_ = punch.job(name="print", queue="jobs")(lambda text: done.append(len(text)))
    print_.enqueue(LARGE)

    bucket.refuse("GetObject")
    assert [len(consume(url)) for _ in range(4)] == [1, 1, 1, 1]
    assert "is not run now, and its message comes back" in caplog.text
    assert "allow s3:GetObject" in caplog.text
    aws.forget()
    assert consume(url) == []
    assert done == [700_000]


def test_arguments_that_are_gone_make_a_dead_letter_with_the_reason(
    sqs: Any, bucket: Bucket, consume: Callable[..., Any]
) -> None:
    url = sqs.create("jobs", max_receives=9, visibility=0)
    print_ = punch.job(name="print", queue="jobs")(lambda text: None)
    print_.enqueue(LARGE)
    bucket.client.delete_object(Bucket=BUCKET, Key=bucket.keys()[0])

    for _ in range(3):
        consume(url)

    (letter,) = sqs.receive(url.replace("jobs", "dead-jobs"))
    assert letter["MessageAttributes"]["Reason"]["StringValue"].startswith(
        "poison: its arguments are no longer at s3://"
    )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"s3://{BUCKET}/secrets", "its arguments are said to be at"),
        ("s3://another/lambda-punch/1", "its arguments are said to be at"),
        (f"s3://{BUCKET}/lambda-punch/1", "what is at s3://punch-large/lambda-punch/1 is not a job's arguments"),
    ],
)
def test_a_forged_message_reads_and_removes_nothing_else(
    address: str, reason: str, sqs: Any, bucket: Bucket, builder: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the object of its own id counts, and only in the configured bucket."""
    bucket.client.put_object(Bucket=BUCKET, Key="secrets", Body=b'{"args": [], "kwargs": {}}')
    bucket.client.put_object(Bucket=BUCKET, Key="lambda-punch/1", Body=b"[1]")
    done = []
    punch.job(name="print", queue="jobs")(lambda: done.append(1))
    body = json.dumps({"lambda_punch": 1, "job": "print", "id": "1", "s3": address})

    assert len(run(builder.record(body=body))) == 1
    assert done == []
    assert reason in caplog.text
    assert bucket.keys() == ["lambda-punch/1", "secrets"]


def test_a_consumer_without_the_bucket_says_so(builder: Any, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    punch.job(name="print", queue="jobs")(lambda: None)
    body = json.dumps({"lambda_punch": 1, "job": "print", "id": "1", "s3": "s3://b/lambda-punch/1"})

    assert len(run(builder.record(body=body))) == 1
    assert "its arguments are at s3://b/lambda-punch/1, and no bucket is configured" in caplog.text


def test_an_object_that_cannot_be_removed_costs_no_job(
    sqs: Any, bucket: Bucket, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    url = sqs.create("jobs")
    done = []
    print_ = punch.job(name="print", queue="jobs")(lambda text: done.append(len(text)))
    handle = print_.enqueue(LARGE)
    bucket.refuse("DeleteObject")

    assert consume(url) == []
    assert done == [700_000]
    assert (
        f"the arguments of job print {handle.id} stay at s3://{BUCKET}/lambda-punch/{handle.id}: it is not allowed"
        in caplog.text
    )


def test_an_asynchronous_invoke_too(sqs: Any, bucket: Bucket) -> None:
    """Its limit is smaller. Lambda's own retries find the arguments again."""
    outcomes: list[Any] = [ConnectionError("no"), None]
    seen = []

    @punch.job(name="print", backend="lambda_event")
    def print_(text: str) -> None:
        seen.append(len(text))
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    from lambda_punch.jobs.sending import large

    prepared = print_.prepare("x" * 1_000_000)
    large.upload([(prepared.backend, prepared.outgoing)])
    event = json.loads(prepared.outgoing.body)
    with pytest.raises(ConnectionError):
        punch.jobs_handler(event)
    punch.jobs_handler(event)

    assert (seen, bucket.keys()) == ([1_000_000, 1_000_000], [])
    with pytest.raises(PoisonMessageError, match="its arguments are no longer at"):
        punch.jobs_handler(event)


def test_queues_in_memory_need_no_bucket() -> None:
    """With the setting they take what S3 would take, so a test makes no call to AWS."""
    punch.configure(bucket=BUCKET)
    done = []
    print_ = punch.job(name="print", queue="jobs")(lambda text: done.append(len(text)))

    with enqueued() as jobs:
        print_.enqueue(LARGE)
        jobs.run()
    assert done == [700_000]
