"""Sending: what goes over the wire, what is refused before it does, and what is told when SQS does not take it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import uuid
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.jobs import EnqueueError, JobArgumentsError, JobOptionError, aws
from lambda_punch.runtime.modes import OnLambda
from lambda_punch.runtime.process import FOREVER
from lambda_punch.runtime.start import process


def test_a_message_says_what_is_to_be_run(sqs: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format version, job, id, time, attempt, arguments, and the trace header if there is one."""
    url = sqs.create("jobs")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5e1b4151-5ac6c58f40ce3c5d2b7a8f00;Sampled=1")

    sent = work.enqueue({"a": [1, 2.5, None, "ä", True]}, where="here")

    message = sqs.receive(url)[0]
    body = json.loads(message["Body"])
    assert body == {
        "lambda_punch": 1, "job": "work", "id": sent.id, "enqueued_at": body["enqueued_at"], "attempt": 1,
        "args": [{"a": [1, 2.5, None, "ä", True]}], "kwargs": {"where": "here"},
        "trace": "Root=1-5e1b4151-5ac6c58f40ce3c5d2b7a8f00;Sampled=1",
    }  # fmt: skip
    assert uuid.UUID(sent.id)
    assert (sent.job, sent.message_id) == ("work", message["MessageId"])
    assert abs(body["enqueued_at"] - int(message["Attributes"]["SentTimestamp"])) < 5000
    assert sqs.called("SendMessage")[0]["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] == body["trace"]


def test_a_standard_queue_delays_by_itself(sqs: Any, work: Any) -> None:
    """Lambdakiq's case: DelaySeconds, and neither group nor deduplication id."""
    sqs.create("jobs")

    work.using(delay=300).enqueue(1)

    parameters = sqs.called("SendMessage")[0]
    assert parameters["DelaySeconds"] == 300
    assert not {"MessageGroupId", "MessageDeduplicationId"} & set(parameters)


def test_without_a_delay_the_queues_own_applies(sqs: Any, work: Any) -> None:
    """DelaySeconds is not sent at all then; a delay of 0 is, and overrides it."""
    sqs.create("jobs")

    work.enqueue(1)
    work.using(delay=0).enqueue(1)

    assert [call.get("DelaySeconds") for call in sqs.called("SendMessage")] == [None, 0]


def test_a_fifo_queue_delays_by_the_message(sqs: Any, work_fifo: Any) -> None:
    """SQS has no DelaySeconds there; Lambdakiq uses a message attribute for it, we the body."""
    url = sqs.create("jobs.fifo")

    work_fifo.using(delay=300).enqueue(1)

    assert "DelaySeconds" not in sqs.called("SendMessage")[0]
    assert sqs.bodies(url)[0]["delay"] == 300


def test_on_a_fifo_queue_each_job_is_its_own_group_unless_told_otherwise(sqs: Any, work_fifo: Any) -> None:
    """Lambdakiq's default: group id and deduplication id are the job's id."""
    sqs.create("jobs.fifo")

    sent = work_fifo.enqueue(1)
    work_fifo.using(group="orders", deduplication_id="order-1").enqueue(1)
    work_fifo.using(group=lambda what: f"order-{what}", deduplication_id=lambda what: f"d{what}").enqueue(7)

    ids = [(call["MessageGroupId"], call["MessageDeduplicationId"]) for call in sqs.called("SendMessage")]
    assert ids == [(sent.id, sent.id), ("orders", "order-1"), ("order-7", "d7")]


def test_a_group_function_that_returns_no_group_is_an_error(sqs: Any, work_fifo: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(JobOptionError, match="group"):
        work_fifo.using(group=lambda what: what).enqueue(7)
    assert sqs.called("SendMessage") == []


def test_what_sqs_refuses_is_an_enqueue_error(sqs: Any, work: Any) -> None:
    """A queue that does not exist, say. Nobody has to know botocore's errors to catch it; the cause is kept."""
    with pytest.raises(EnqueueError, match="1 of 1 jobs were not sent .work.: queue jobs: ") as caught:
        work.enqueue(1)
    assert [(each.job, each.certain) for each in caught.value.failed] == [("work", True)]
    assert type(caught.value.__cause__).__name__ == "QueueDoesNotExist"


@pytest.mark.parametrize("count", [1, 2])
def test_a_network_that_fails_is_an_enqueue_error(sqs: Any, work: Any, count: int) -> None:
    """With one job, and with a batch: the cause is kept, and it is not certain that SQS has nothing."""
    from botocore.exceptions import ReadTimeoutError

    sqs.create("jobs")
    lost = ReadTimeoutError(endpoint_url="http://sqs")

    def lose(**_: Any) -> None:
        raise lost

    for operation in ("SendMessage", "SendMessageBatch"):
        sqs.client.meta.events.register(f"before-call.sqs.{operation}", lose)
    with pytest.raises(EnqueueError, match=f"{count} of {count} jobs were not sent") as caught:
        punch.enqueue_many([work.prepare(n) for n in range(count)])

    assert caught.value.__cause__ is lost
    assert [each.certain for each in caught.value.failed] == [False] * count


def test_without_boto3_the_error_names_the_extra(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the module that was not found."""
    aws.forget()
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(punch.MissingExtraError, match=r"lambda-punch\[sqs\]"):
        work.enqueue(1)


def test_a_queue_can_have_another_name_on_aws(sqs: Any, work: Any) -> None:
    """Configured by its URL; then no call is made to find it."""
    url = sqs.create("stack-JobsQueue-1X2Y3Z")
    _configure(jobs={"url": url})
    sqs.calls.clear()

    work.enqueue(1)

    assert [name for name, _ in sqs.calls] == ["SendMessage"]
    assert len(sqs.bodies(url)) == 1


def _configure(**queues: Any) -> None:
    """As configure() would before start(), although this process may have started already."""
    _settings.restore({"queues": queues})


def test_aenqueue_sends_without_blocking_the_loop(sqs: Any, work: Any) -> None:
    """The call to AWS is made on another thread."""
    url = sqs.create("jobs")
    threads = []
    sqs.client.meta.events.register("before-send.sqs", lambda **_: threads.append(threading.current_thread()))

    asyncio.run(work.aenqueue(5))

    assert sqs.bodies(url)[0]["args"] == [5]
    assert threads[0] is not threading.main_thread()


def test_many_go_ten_at_a_time(sqs: Any, work: Any) -> None:
    """In the order given, with as few calls as SQS allows."""
    url = sqs.create("jobs")
    other = sqs.create("others")

    sent = punch.enqueue_many([work.prepare(n) for n in range(23)] + [work.using(queue="others").prepare(99)])

    assert [len(call["Entries"]) for call in sqs.called("SendMessageBatch")] == [10, 10, 3]
    assert len(sqs.called("SendMessage")) == 1
    assert len({each.message_id for each in sent}) == 24
    assert [body["args"] for body in sqs.bodies(url)] == [[n] for n in range(23)]
    assert len(sqs.bodies(other)) == 1


def test_a_batch_stays_below_one_mebibyte(sqs: Any, work: Any) -> None:
    """That is the limit for all of a batch together."""
    url = sqs.create("jobs")

    punch.enqueue_many([work.prepare("x" * 400_000) for _ in range(5)])

    assert [len(call["Entries"]) for call in sqs.called("SendMessageBatch")] == [2, 2, 1]
    assert len(sqs.bodies(url)) == 5


def test_what_a_batch_did_not_take_is_told_and_the_rest_is_sent(
    sqs: Any, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS answers 200 with a list of failures. Its own are tried once more, the sender's are not."""
    url = sqs.create("jobs")
    real = sqs.client.send_message_batch
    rounds = []

    def some_fail(*, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - boto3's names
        rounds.append(len(Entries))
        if len(rounds) > 1:
            return real(QueueUrl=QueueUrl, Entries=Entries)
        answer = real(QueueUrl=QueueUrl, Entries=Entries[2:])
        failed = [
            {"Id": "0", "SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"},
            {"Id": "1", "SenderFault": False, "Code": "InternalError"},
        ]
        return {"Successful": answer["Successful"], "Failed": failed}

    monkeypatch.setattr(sqs.client, "send_message_batch", some_fail)
    calls = [work.prepare(n) for n in range(4)]
    with pytest.raises(EnqueueError, match="1 of 4 jobs were not sent.*InvalidMessageContents: no") as caught:
        punch.enqueue_many(calls)

    assert rounds == [4, 1]
    assert [each.id for each in caught.value.failed] == [calls[0].outgoing.id]
    assert sorted(body["args"][0] for body in sqs.bodies(url)) == [1, 2, 3]


def test_importing_the_library_and_declaring_jobs_imports_no_boto3() -> None:
    """It comes with the first message."""
    code = (
        "import sys, lambda_punch as punch\n"
        "assert 'lambda_punch.jobs' not in sys.modules\n"
        "@punch.job(queue='jobs')\ndef work(): ...\n"
        "work.prepare()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore', 'zmq', 'asyncio')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


class OneRequest:
    """A request of a function on Lambda: pushed jobs wait until respond()."""

    def __init__(self) -> None:
        process.become(OnLambda(process, watched=True))
        process.begin("request-1", 0)

    def respond(self) -> None:
        process.respond()
        process.drain.run(FOREVER)


def test_after_the_response_all_of_a_requests_jobs_go_with_one_call(
    sqs: Any, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent, and nothing is asked of AWS, before."""
    url = sqs.create("jobs")
    _configure(jobs={"url": url})
    request = OneRequest()
    sqs.calls.clear()

    sent = [work.using(after_response=True).enqueue(n) for n in range(3)]
    sent.append(asyncio.run(work.using(after_response=True).aenqueue(3)))
    before = list(sqs.calls)
    request.respond()

    assert before == []
    assert [each.message_id for each in sent] == [None] * 4
    assert [(name, len(call["Entries"])) for name, call in sqs.calls] == [("SendMessageBatch", 4)]
    assert [body["id"] for body in sqs.bodies(url)] == [each.id for each in sent]


def test_each_request_sends_its_own_jobs(sqs: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that a request enqueues after the last drain began are sent after its own response."""
    url = sqs.create("jobs")
    request = OneRequest()

    for number in range(2):
        work.using(after_response=True).enqueue(number)
        request.respond()
        assert [body["args"] for body in sqs.bodies(url)] == [[number]]
        process.begin("request-2", 0)


def test_what_cannot_be_sent_after_the_response_is_an_error_line(
    sqs: Any, work: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the jobs' names and ids, because there is no caller left to raise to."""
    request = OneRequest()
    sent = work.using(after_response=True).enqueue(1)

    request.respond()

    assert f"1 durable jobs were not sent (work {sent.id})" in caplog.text


def test_a_parameter_called_after_response_is_the_functions_own(sqs: Any, work: Any) -> None:
    """enqueue() has no options of its own, so the function's parameters may have any names."""
    url = sqs.create("jobs")

    @punch.job(name="own", queue="jobs")
    def own(after_response: bool) -> None: ...

    own.enqueue(after_response=True)

    assert sqs.bodies(url)[0]["kwargs"] == {"after_response": True}
    with pytest.raises(JobArgumentsError, match="after_response"):
        work.enqueue(1, after_response=True)
