"""Which events are jobs, @punch.handler's own routing, and jobs that come by an asynchronous invoke."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.jobs import JobTimeoutError, PoisonMessageError, current
from lambda_punch.runtime.handler import make_handler
from lambda_punch.runtime.start import process


@pytest.fixture
def invoked(done: list[Any]) -> Any:
    @punch.job(name="invoked", backend="lambda_event", discard_on=LookupError)
    def invoked(value: Any) -> None:
        done.append(value)
        if isinstance(value, str):
            raise {"key": KeyError, "os": OSError}[value]

    return invoked


def payload(job: Any, *args: Any) -> Any:
    return json.loads(job.prepare(*args).outgoing.body)


def test_events_of_jobs_are_told_from_others(builder: Any, note: Any, invoked: Any) -> None:
    """By the message, or by the queue that a declared job or the configuration names."""
    _settings.restore({"queues": {"bulk": {"url": "https://sqs.eu-west-1.amazonaws.com/1/stack-Bulk-1"}}})
    foreign = builder.record(body='{"order": 1}', queue="theirs")

    assert punch.is_jobs_event({"Records": [builder.record(note.prepare(1), queue="theirs")]})
    assert punch.is_jobs_event({"Records": [foreign, builder.record(note.prepare(1), queue="theirs")]})
    assert punch.is_jobs_event({"Records": [builder.record(body="broken", queue="jobs")]})
    assert punch.is_jobs_event({"Records": [builder.record(body="broken", queue="stack-Bulk-1")]})
    assert punch.is_jobs_event(payload(invoked, 1))
    assert punch.is_jobs_event({"Records": [foreign]})  # this queue has brought jobs by now
    foreign = builder.record(body='{"order": 1}', queue="shop")
    for event in (
        {"Records": [foreign]}, {"Records": []}, {"Records": [{"eventSource": "aws:s3"}]}, {}, None, [], "lambda_punch",
        {"version": "2.0", "rawPath": "/"},
    ):  # fmt: skip
        assert not punch.is_jobs_event(event)


@pytest.mark.parametrize("body", ["broken", "{}", "", '{"order": 1}'])
def test_a_broken_message_alone_is_a_job_s_event_on_each_queue_that_jobs_are_sent_to(builder: Any, body: str) -> None:
    """Also on the default queue, and on one that is only named by using()."""

    @punch.job(name="plain")
    def plain() -> None: ...

    def alone(queue: str) -> bool:
        return punch.is_jobs_event({"Records": [builder.record(body=body, queue=queue)]})

    assert alone("default")
    assert not alone("bulk")
    plain.using(queue="bulk")
    assert alone("bulk")
    assert not alone("theirs")


@pytest.mark.parametrize("body", ['{ "lambda_punch": 1, "job": "repo', '\n{"lambda_punch" : 1,, "job": "report"}'])
def test_a_broken_message_that_begins_as_ours_is_a_job_s_event_on_any_queue(builder: Any, note: Any, body: str) -> None:
    """Also alone, in a new environment, on a queue that only another process has named. Other broken messages are not."""
    assert punch.is_jobs_event({"Records": [builder.record(body=body, queue="only-a-sender-knows-it")]})
    for other in (body.replace("lambda_punch", "order"), f"see {body}", '["lambda_punch": 1'):
        assert not punch.is_jobs_event({"Records": [builder.record(body=other, queue="theirs")]})


def test_a_short_message_is_enough_for_a_scheduler(run: Any, builder: Any, done: Any, deliveries: Any) -> None:
    """Its id is that of its delivery, and its retries keep it."""

    @punch.job(name="report")
    def report(*, year: int = 2026) -> None:
        execution = current()
        assert execution is not None
        done.append((year, execution.id))
        raise RuntimeError

    first = builder.record(body='{"lambda_punch": 1, "job": "report"}')
    run(first, builder.record(body='{"lambda_punch": 1, "job": "report", "kwargs": {"year": 1999}}'))
    retry = json.loads(deliveries.sent[0].body)
    with pytest.raises(RuntimeError):
        punch.jobs_handler({"lambda_punch": 1, "job": "report"}, None)

    assert [year for year, _ in done] == [2026, 1999, 2026]
    assert (retry["id"], retry["attempt"]) == (first["messageId"], 2)
    assert done[0][1] == first["messageId"]


def test_a_handler_serves_web_and_jobs_from_one_image(builder: Any, note: Any, done: Any) -> None:
    """@punch.handler gives events of jobs to the consumer, and all others to the function."""
    handler = make_handler(lambda event, _context: {"answer": event}, process)

    assert handler({"rawPath": "/"}, None) == {"answer": {"rawPath": "/"}}
    assert handler({"Records": [builder.record(note.prepare(1))]}, None) == {"batchItemFailures": []}
    assert done == [1]


def test_an_invoked_job_raises_what_it_raises(invoked: Any, done: Any, context: Any, events: Any) -> None:
    """So that Lambda's own retries and destinations work."""
    assert punch.jobs_handler(payload(invoked, 1), context) is None
    with pytest.raises(OSError):  # noqa: PT011 - that very error
        punch.jobs_handler(payload(invoked, "os"), context)
    assert done == [1, "os"]
    assert [(event.event, event.error) for event in events] == [
        ("perform_start", None), ("perform", None), ("perform_start", None), ("perform", "OSError"),
    ]  # fmt: skip


def test_an_invoked_job_can_be_discarded(invoked: Any, done: Any, context: Any, events: Any) -> None:
    """Then Lambda does not try it again."""
    punch.jobs_handler(payload(invoked, "key"), context)

    assert done == ["key"]
    assert events[-1].event == "discard"


@pytest.mark.parametrize("change", [{"job": "os.system"}, {"lambda_punch": 2}, {"args": []}, {"args": None}])
def test_poison_from_an_invoke_is_an_error_and_not_run(invoked: Any, done: Any, context: Any, change: Any) -> None:
    """Lambda tries it twice more and hands it to the function's destination."""
    with pytest.raises(PoisonMessageError):
        punch.jobs_handler({**payload(invoked, 1), **change}, context)
    assert done == []


def test_an_invoked_job_is_stopped_before_the_functions_timeout(context: Any) -> None:
    """With an error that says so, instead of Lambda's kill."""

    @punch.job(name="slow", backend="lambda_event")
    def slow() -> None:
        time.sleep(10)

    context.remaining = 0.6
    began = time.monotonic()
    with pytest.raises(JobTimeoutError, match="slow was stopped"):
        punch.jobs_handler(payload(slow), context)
    assert time.monotonic() - began < 0.6


def test_an_asynchronous_invoke_goes_to_the_function_named(monkeypatch: pytest.MonkeyPatch, invoked: Any) -> None:
    """As the job's queue, by the configuration, or, with neither, to this function itself."""
    from lambda_punch.jobs import EnqueueError, aws

    calls = []

    class Client:
        def invoke(self, **parameters: Any) -> Any:
            calls.append(parameters)
            return {"StatusCode": 202, "ResponseMetadata": {"RequestId": "r-1"}}

    client = Client()
    monkeypatch.setattr(aws, "client", lambda service: {"lambda": client}[service])
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    with pytest.raises(EnqueueError, match="no function to invoke"):
        invoked.enqueue(1)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "web")
    _settings.restore({"queues": {"workers": {"function": "arn:aws:lambda:eu-west-1:1:function:jobs"}}})

    invoked.enqueue(1)
    invoked.using(queue="other").enqueue(2)
    sent = invoked.using(queue="workers").enqueue(3)

    assert [call["FunctionName"] for call in calls] == ["web", "other", "arn:aws:lambda:eu-west-1:1:function:jobs"]
    assert {call["InvocationType"] for call in calls} == {"Event"}
    assert json.loads(calls[0]["Payload"])["args"] == [1]
    assert sent.message_id == "r-1"
    refusal = OSError("no route")

    def refuse(**_: Any) -> Any:
        raise refusal

    monkeypatch.setattr(client, "invoke", refuse)
    with pytest.raises(EnqueueError, match="function web: no route") as caught:
        invoked.enqueue(4)
    assert caught.value.__cause__ is refusal
