"""Results without a table, and with one that is missing or does not answer: jobs do not suffer from it."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobOptionError, ResultError
from lambda_punch.jobs import aws

if TYPE_CHECKING:
    from collections.abc import Callable


def test_without_a_table_it_is_refused_where_it_is_sent(sqs: Any) -> None:
    sqs.create("jobs")
    add = punch.job(name="add", queue="jobs", keep_result=60)(lambda: None)

    with pytest.raises(JobOptionError, match="add: keep_result needs a table; configure table, or LAMBDA_PUNCH_TABLE"):
        add.enqueue()
    with pytest.raises(ResultError, match="results need a table; configure table"):
        add.result_of("some-id")


def test_a_consumer_without_a_table_runs_the_job_and_says_what_is_missing(
    builder: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    done = []

    @punch.job(name="add", queue="jobs", keep_result=60)
    def add() -> None:
        done.append(1)

    short = json.dumps({"lambda_punch": 1, "job": "add"})
    assert run(builder.record(body=short), builder.record(body=short)) == []

    assert done == [1, 1]
    assert caplog.text.count("are not kept: configure table, or LAMBDA_PUNCH_TABLE") == 1


def test_a_table_that_is_not_there_costs_no_job(
    sqs: Any, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each job is run once; a line names the reason, and the table is left alone for a while."""
    punch.configure(table="nowhere")
    url = sqs.create("jobs")
    done: list[int] = []
    calls: list[str] = []
    aws.client("dynamodb").meta.events.register(
        "before-parameter-build.dynamodb", lambda model, **_: calls.append(model.name)
    )

    @punch.job(name="add", queue="jobs", keep_result=60)
    def add(what: int) -> None:
        done.append(what)

    handles = punch.enqueue_many([add.prepare(number) for number in range(5)])
    assert consume(url) == []
    assert consume(url) == []

    assert sorted(done) == [0, 1, 2, 3, 4]
    assert (
        "5 jobs are not noted as queued: there is no such table here; check its name, the region and the account"
        in caplog.text
    )
    assert calls == ["BatchWriteItem"]
    with pytest.raises(
        ResultError, match=rf"the result of {handles[0].id} cannot be read: there is no such table here"
    ):
        handles[0].result(0)


def test_a_table_that_does_not_answer_takes_no_time_from_the_batch(
    sqs: Any, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The function has 4 seconds; the response goes out in time, and says that the job is done."""
    url = sqs.create("jobs")
    done = []

    @punch.job(name="add", queue="jobs", keep_result=60)
    def add() -> None:
        done.append(1)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{silent.getsockname()[1]}")
        punch.configure(table="punch")
        event = sqs.event(sqs_message(sqs, url, add))
        context.remaining = 4.0
        began = time.monotonic()
        response = punch.jobs_handler(event, context)
        took = time.monotonic() - began
        monkeypatch.undo()

    assert (response, done) == ({"batchItemFailures": []}, [1])
    assert took < 4.0
    assert "was not written (running): it did not answer in the time that was left" in caplog.text


def sqs_message(sqs: Any, url: str, job: Any) -> str:
    """Put the short message of a job into its queue, as a schedule does; return the queue."""
    sqs.client.send_message(QueueUrl=url, MessageBody=json.dumps({"lambda_punch": 1, "job": job.name}))
    return url
